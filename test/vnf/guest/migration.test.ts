// timeout: 600
// Live migration of functions that are virtual machines, in simulated time: what happens when, and every way back.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Running, Sites } from "./sites.js";

const sites = new Sites();
test.after(() => sites.remove());

const DONE = ["dc1:started", "dc2:incoming", "dc1:stopped", "dc2:resumed", "dc1:completed"];

/** The machine runs at `site`, on its links alone, and is nobody else's. */
async function runsAt(s: Running, site: "dc1" | "dc2"): Promise<void> {
  const { dc1, dc2, service, run } = s;
  assert.is(service.guests.at("vm"), site);
  const states = await Promise.all(
    [dc1, dc2].map(async (h) => (await h.guests()).map((g) => [g.state, g.migration])),
  );
  const here = [["running", null]];
  assert.equal(states, site === "dc1" ? [here, []] : [[], here]);
  const count = async (): Promise<number> =>
    (await service.function("vm").request("stats", {})).devices.eth0.tx_packets;
  const before = await count();
  await run(0.5);
  assert.ok((await count()) > before, "it sends");
  assert.match(await s.read("peer", "numbered.report"), / received, 0 lost \(.*\), 0 doubled, 0 reordered/);
}

test("a machine's memory crosses while it runs; it stands still, and goes on elsewhere with all that it had", async () => {
  const s = await sites.simulated();
  const { service } = s;
  await s.migrate();
  assert.equal(
    (await s.dc2.guests()).map((g) => [g.name, g.state, g.migration]),
    [["vm", "incoming", "m1"]],
  );
  await s.until("dc1", "stopped");
  assert.equal(
    (await s.dc1.guests()).map((g) => [g.state, g.migration]),
    [["paused", "m1"]],
  );
  assert.is(service.guests.at("vm"), "dc1", "what is on its way to it still comes");
  await s.run(2);
  assert.equal(s.kinds, DONE);
  const at = (site: string, kind: Parameters<Running["event"]>[1]): number => s.event(site, kind).at / 1e9;
  // The switch is known at the source one way of the core and two of links to its switch later.
  assert.ok(Math.abs(at("dc1", "completed") - at("dc2", "resumed") - 0.005) < 0.0005);
  // What is left, its delivery, and the word that it was the last.
  assert.ok(at("dc2", "resumed") - at("dc1", "stopped") < 0.1);
  const { bytes, rounds } = s.event("dc1", "completed");
  assert.ok(bytes > 200_000 && rounds >= 2, `${bytes} bytes, ${rounds} rounds`);
  assert.is(
    await s.read("agent2", "streams.bytes"),
    String(bytes + 27 + 40),
    "the first and the last record, too",
  );
  await runsAt(s, "dc2");
  assert.is(service.function("vm").restarts, 0);
  assert.equal(
    service.events.latest(100, "vm").flatMap((e) => /^migration m1 at (.*)$/.exec(e.message)?.[1] ?? []),
    ["dc1: started", "dc2: incoming", "dc1: stopped", "dc2: resumed", "dc1: completed"],
  );
  // And home again, with another name; the old name is over.
  await s.migrate("m2", {}, [s.dc2, s.dc1]);
  await s.run(5);
  assert.equal(
    s.kinds.slice(5),
    DONE.map((k) => k.replace(/\d/, (n) => (n === "1" ? "2" : "1"))),
  );
  await runsAt(s, "dc1");
  await s.dc1.migrate(
    "m1",
    "vm",
    { address: new Uint8Array(4), port: 1, secret: new Uint8Array(16) },
    {
      downtimeLimit: 1,
      bandwidth: 0,
      deadline: 1,
    },
  );
  await s.run(1);
  assert.is(s.kinds.length, 10, "what is done is not done twice");
  await service.terminate();
});

test("memory takes the time that its links need, and competes with what else is on them", async () => {
  const seconds: number[] = [];
  for (const [core, busy, bandwidth] of [
    ["delay: 5ms, rate: 2Mbps", false, 0],
    ["delay: 5ms, rate: 2Mbps", true, 0],
    ["delay: 5ms, rate: 100Mbps", false, 1e6],
  ] as const) {
    const s = await sites.simulated({ core });
    if (busy) {
      // Another stream between the agents, for as long as the migration lasts.
      await s.service.function("load").request("write", { path: "tcp.active", value: "true" });
    }
    await s.migrate("m1", { bandwidth, downtimeLimit: 0.5 });
    await s.run(20);
    assert.equal(s.kinds, DONE);
    const { at, bytes, rounds } = s.event("dc1", "stopped");
    const took = (at - s.event("dc1", "started").at) / 1e9;
    const least = (bytes * 8) / (bandwidth || 2e6);
    assert.ok(took >= least * 0.9, `${took} s for ${bytes} bytes in ${rounds} rounds`);
    seconds.push(took);
    await s.service.terminate();
  }
  assert.ok(seconds[1] > 1.5 * seconds[0], `${seconds[0]} s alone, ${seconds[1]} s with another stream`);
});

test("a machine that changes more than the links carry goes on where it is until the deadline, and then", async () => {
  const s = await sites.simulated({ core: "delay: 5ms, rate: 1Mbps", host: "NUMBERED4: 2000" });
  await s.migrate("m1", { downtimeLimit: 0.001, deadline: 8 });
  await s.run(7);
  assert.equal(s.kinds, ["dc1:started", "dc2:incoming"]);
  const { rounds } = s.events.at(-1)!;
  assert.ok(rounds >= 1);
  await s.run(3);
  assert.equal(s.kinds.slice(2).sort(), ["dc1:failed", "dc2:failed"]);
  const failed = s.event("dc1", "failed");
  assert.is(failed.reason, "it did not come to its stop in 8 s");
  assert.ok(failed.at - s.event("dc1", "started").at < 8.001e9);
  await runsAt(s, "dc1");
  // A machine that may stand still for longer comes to its stop.
  await s.migrate("m2", { downtimeLimit: 3, deadline: 60 });
  await s.run(40);
  assert.equal(s.kinds.slice(4), DONE);
  await runsAt(s, "dc2");
  await s.service.terminate();
});

test("a migration is cancelled at any step, from either end, without a trace", async () => {
  const steps: readonly (readonly [string, (s: Running) => Promise<unknown>])[] = [
    ["nothing has come", (s) => s.run(0.002)],
    ["it copies", (s) => s.until("dc2", "incoming")],
    ["it stands still", (s) => s.until("dc1", "stopped", 60, 0.0002)],
  ];
  const s = await sites.simulated({ core: "delay: 5ms, rate: 20Mbps" });
  let count = 0;
  for (const [what, step] of steps)
    for (const site of ["dc1", "dc2"] as const) {
      const name = `c${++count}`;
      s.events.length = 0;
      await s.migrate(name, { downtimeLimit: 1 });
      await step(s);
      assert.is(await s.refusal(s[site].cancel(name)), "done", `${what}: cancelled at ${site}`);
      // Without its stream a destination waits for as long as it has patience.
      if (what === "nothing has come") await s.run(10);
      assert.ok(s.kinds.includes("dc1:failed") && s.kinds.includes("dc2:failed"), `${what}: ${s.kinds}`);
      assert.not.ok(s.kinds.includes("dc2:resumed"));
      await runsAt(s, "dc1");
      // It cannot be begun any more, and to cancel it again does nothing.
      assert.is(await s.refusal(s.migrate(name)), "FAILED");
      assert.is(await s.refusal(s[site].cancel(name)), "done");
    }
  await s.migrate("late");
  await s.until("dc2", "resumed");
  for (const site of ["dc2", "dc1"] as const) assert.is(await s.refusal(s[site].cancel("late")), "TOO_LATE");
  await runsAt(s, "dc2");
  // One that is not known yet will not be.
  await s.dc1.cancel("never");
  assert.is(await s.refusal(s.dc1.prepareIncoming("never", (await s.dc2.guests())[0], 1)), "FAILED");
  await s.service.terminate();
});

test("what cannot be is refused before anything happens", async () => {
  const s = await sites.simulated({ dc2: ", guests: 1, migrations: 1" });
  const [vm] = await s.dc1.guests();
  const refused = (spec: Partial<typeof vm>, name = "x"): Promise<string> =>
    s.refusal(s.dc2.prepareIncoming(name, { ...vm, ...spec }, 1));
  assert.is(await refused({ memory: 65 * 2 ** 20 }), "FULL");
  assert.is(await refused({ mtu: 1501 }), "UNSUITED");
  assert.is(await refused({ name: "peer" }), "UNSUITED");
  assert.is(await refused({}, "n".repeat(256)), "FAILED");
  assert.is(await s.refusal(s.dc1.prepareIncoming("x", vm, 1)), "BUSY");
  const landing = await s.dc2.prepareIncoming("x", vm, 1);
  assert.equal(await s.dc2.prepareIncoming("x", vm, 1), landing);
  assert.equal([...landing.address, landing.port, landing.secret.length], [10, 0, 0, 2, 4345, 16]);
  assert.is(await refused({ name: "other" }, "y"), "BUSY");
  assert.equal((await s.dc2.status()).memory, { total: 64 * 2 ** 20, free: 32 * 2 ** 20 });
  assert.equal((await s.dc2.status()).guests, { most: 1, now: 1 });
  const options = { downtimeLimit: 0.1, bandwidth: 0, deadline: 10 };
  assert.is(await s.refusal(s.dc2.migrate("y", "vm", landing, options)), "NO_GUEST");
  await s.run(1.1);
  assert.is(s.event("dc2", "failed").reason, "no stream came in 1 s");
  // Whoever has not the secret is not listened to.
  await s.dc2.prepareIncoming("z", vm, 5);
  await s.dc1.migrate("z", "vm", { ...landing, secret: new Uint8Array(16) }, options);
  await s.run(6);
  assert.equal(s.kinds, ["dc2:failed", "dc1:started", "dc1:failed", "dc2:failed"]);
  assert.ok(
    s.service.events
      .latest(100, "dc2")
      .some((e) => /a stream was refused: .* another secret/.test(e.message)),
  );
  assert.is(await s.refusal(s.dc1.migrate("z", "vm", landing, options)), "FAILED");
  await runsAt(s, "dc1");
  await s.service.function("vm").stop();
  assert.is(await s.refusal(s.dc1.migrate("w", "vm", landing, options)), "NO_GUEST");
  assert.equal(
    (await s.dc1.guests()).map((g) => g.state),
    ["stopped"],
  );
  assert.throws(() => s.service.hypervisors.hypervisor("dc3"), /no hypervisor 'dc3' \(there are dc1, dc2\)/);
  await s.service.terminate();
});

test("when the destination's word is lost the machine stands still at the source until it is known", async () => {
  const s = await sites.simulated();
  await s.migrate("m1");
  await s.until("dc1", "stopped", 60, 0.0002);
  // The rest gets there; the answer does not come back.
  await s.run(0.004);
  s.service.inject(
    { kind: "link-down", link: "core", pairs: [{ from: "agent2:core", to: "agent1:core" }] },
    60,
  );
  await s.until("dc2", "resumed");
  assert.is(await s.refusal(s.dc1.cancel("m1"), 3), "UNREACHABLE");
  await s.run(30);
  assert.not.ok(s.kinds.includes("dc1:completed"));
  assert.equal(
    (await s.dc1.guests()).map((g) => g.state),
    ["paused"],
  );
  assert.is(s.service.guests.at("vm"), "dc2");
  await s.run(60);
  assert.equal(s.kinds, DONE);
  await runsAt(s, "dc2");
  await s.service.terminate();
});

test("a source that was told that the machine will not run elsewhere need not ask there", async () => {
  const s = await sites.simulated();
  await s.migrate("m1");
  await s.until("dc1", "stopped", 60, 0.0002);
  s.service.inject({ kind: "link-down", link: "core" }, 3600);
  await s.run(5);
  assert.is(s.service.guests.at("vm"), null);
  assert.is(await s.refusal(s.dc1.cancel("m1"), 3), "UNREACHABLE");
  assert.is(await s.refusal(s.dc2.cancel("m1")), "done");
  assert.is(await s.refusal(s.dc1.cancel("m1", true), 1), "done");
  assert.equal(s.kinds, ["dc1:started", "dc2:incoming", "dc1:stopped", "dc2:failed", "dc1:failed"]);
  await runsAt(s, "dc1");
  await s.service.terminate();
});

test("what is applied meanwhile does not undo a migration, and a machine that is made anew or taken away ends it", async () => {
  const s = await sites.simulated({ core: "delay: 50ms" });
  const { service } = s;
  const next = sites.descriptor({ core: "delay: 50ms" });
  const without = (name: string, hypervisor: string): typeof next => {
    const [functions, hypervisors] = [new Map(next.functions), new Map(next.hypervisors)];
    functions.delete(name);
    hypervisors.delete(hypervisor);
    return { ...next, functions, hypervisors };
  };
  const rejection = (work: Promise<unknown>): Promise<string> =>
    s.meanwhile(work, 0.01).then(
      () => "done",
      (e) => e.message,
    );
  const larger = new Map(next.functions);
  larger.set("vm", { ...next.functions.get("vm")!, memory: { slots: null, bytes: 2 ** 24, heap: 256 } });

  await s.migrate("m1");
  await s.until("dc1", "stopped");
  await s.run(0.01);
  assert.is(service.guests.at("vm"), null);
  assert.is(await rejection(service.apply(next)), "done");
  assert.match(
    await rejection(service.apply(without("", "dc2"))),
    /hypervisor 'dc2' takes part in a migration: cancel it first/,
  );
  assert.is(service.guests.at("vm"), null);
  await s.run(1);
  assert.equal(s.kinds, DONE);
  await runsAt(s, "dc2");

  // While the last word is under way: the machine that it is about is no more.
  s.events.length = 0;
  await s.migrate("m2", {}, [s.dc2, s.dc1]);
  await s.until("dc2", "stopped");
  await s.run(0.01);
  assert.is(service.guests.at("vm"), null);
  await s.meanwhile(service.apply({ ...next, functions: larger }), 0.01);
  assert.is(service.guests.at("vm"), "dc2");
  await s.run(3);
  assert.equal(s.kinds, ["dc2:started", "dc1:incoming", "dc2:stopped", "dc1:failed", "dc2:failed"]);
  assert.match(s.event("dc1", "failed").reason, /'vm' is at 'dc2'/);
  assert.equal(
    (await s.dc2.guests()).map((g) => [g.state, g.memory]),
    [["running", 2 ** 24]],
  );
  assert.ok((await service.function("vm").request("stats", {})).devices.eth0.tx_packets > 0);

  s.events.length = 0;
  await s.migrate("m3", {}, [s.dc2, s.dc1]);
  await s.until("dc1", "incoming");
  await s.meanwhile(service.apply(without("vm", "")), 0.01);
  await s.run(3);
  assert.ok(s.kinds.includes("dc2:failed") && s.kinds.includes("dc1:failed"), String(s.kinds));
  assert.equal([await s.dc1.guests(), await s.dc2.guests()], [[], []]);
  await service.terminate();
});

test("when the source's agent ends the destination gives up after a while", async () => {
  const s = await sites.simulated();
  await s.migrate("m1");
  await s.until("dc2", "incoming", 60, 0.0002);
  await s.service.function("agent1").crash();
  await s.run(1);
  assert.equal(s.kinds, ["dc1:started", "dc2:incoming", "dc1:failed"]);
  await s.run(20);
  assert.is(s.event("dc2", "failed").reason, "nothing came for 10 s");
  await runsAt(s, "dc1");
  await s.service.terminate();
});

test("when the destination's agent ends the machine goes on at the source", async () => {
  for (const when of ["incoming", "stopped"] as const) {
    const s = await sites.simulated({ core: "delay: 50ms, rate: 20Mbps" });
    await s.migrate("m1", { downtimeLimit: 1 });
    await s.until(when === "incoming" ? "dc2" : "dc1", when, 60, 0.0002);
    await s.service.function("agent2").crash();
    await s.run(10);
    assert.ok(s.kinds.includes("dc1:failed") && s.kinds.includes("dc2:failed"), String(s.kinds));
    await runsAt(s, "dc1");
    await s.service.terminate();
  }
});

test("a machine that ends meanwhile is not taken for the one that was migrated", async () => {
  for (const when of ["incoming", "stopped"] as const) {
    const s = await sites.simulated({ core: "delay: 5ms, rate: 20Mbps" });
    await s.migrate("m1", { downtimeLimit: 1 });
    await s.until(when === "incoming" ? "dc2" : "dc1", when, 60, 0.0002);
    await s.service.function("vm").crash();
    await s.run(10);
    assert.ok(s.kinds.includes("dc1:failed") && s.kinds.includes("dc2:failed"), String(s.kinds));
    assert.is(s.service.guests.at("vm"), "dc1");
    assert.is(s.service.function("vm").restarts, 1);
    const sent = async (): Promise<number> =>
      (await s.service.function("vm").request("stats", {})).devices.eth0.tx_packets;
    const before = await sent();
    await s.run(1);
    assert.ok((await sent()) > before);
    await s.service.terminate();
  }
});

test.run();
