// Agents and controllers over networks that lose, repeat and reorder what they carry, and with strangers in between.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AgentKind, readAgentMessage } from "../../../src/cloud/agent/agent-message.js";
import { SeededRandom } from "../../../src/router/random.js";
import { readUdpPacket } from "../../../src/wire/udp-packet.js";
import { address, type Fate, Net } from "../agent-net.js";
import { FakeHypervisor } from "../fake-hypervisor.js";

const A = "10.0.0.1";
const C = "10.0.0.9";
const D = "10.0.0.8";

/** An agent of a fake hypervisor at A, and a controller at C that has said hello. */
async function pair(config = "", net = new Net(0.01)) {
  const fake = new FakeHypervisor();
  const agent = await net.start(A, agentText(config), () => fake);
  const { hypervisor, told, controller } = await net.remote(C, A);
  await net.run(1);
  return { net, fake, agent, remote: hypervisor, told, controller };
}

function agentText(config = ""): string {
  return `HypervisorAgent(test, ADDR ${A}, KEY 1:secret${config})`;
}

function kindOf(bytes: Uint8Array): AgentKind {
  return readAgentMessage(readUdpPacket(bytes).payload).kind;
}

/** Loses, repeats and delays at random: up to `late` seconds more. */
function bad(random: SeededRandom, loss: number, twice: number, late: number): Fate {
  return () => {
    const once = (): number[] => (random.real() < loss ? [] : [0.01 + random.real() * late]);
    return random.real() < twice ? [...once(), ...once()] : once();
  };
}

// ---- Requests -----------------------------------------------------------------------

for (const [loss, twice, late] of [
  [0.3, 0, 0],
  [0, 0.5, 0],
  [0, 0, 0.3],
  [0.3, 0.3, 0.3],
])
  test(`with ${loss} lost, ${twice} repeated and up to ${late} s late, every request is done once or not known to be`, async () => {
    for (const seed of [1, 2, 3]) {
      const { net, fake, remote } = await pair();
      net.fate = bad(new SeededRandom(seed), loss, twice, late);
      const results = new Map<string, string>();
      for (let i = 0; i < 40; i++) {
        const name = `m${i}`;
        remote.cancel(name).then(
          () => results.set(name, "done"),
          (e) => results.set(name, e.code),
        );
        await net.run(0.02);
      }
      await net.run(3);
      assert.is(results.size, 40);
      for (const [name, result] of results) {
        const calls = fake.calls.filter((call) => call === `cancel ${name}`).length;
        assert.ok(calls <= 1, `${name}: ${calls} times`);
        if (result === "done") assert.is(calls, 1);
        else assert.is(result, "UNREACHABLE");
      }
      // A round trip of up to 0.62 s is within the three tries.
      if (loss === 0) assert.ok([...results.values()].every((result) => result === "done"));
      net.close();
    }
  });

test("an agent that does not answer is unreachable after three tries in 0.7 s", async () => {
  const { net, remote } = await pair();
  assert.is(remote.reachable, true);
  net.fate = () => [];
  net.sent.length = 0;
  const started = net.now;
  let ended = 0;
  remote.status().catch((e) => {
    assert.is(e.code, "UNREACHABLE");
    ended = net.now;
  });
  await net.run(1);
  assert.ok(Math.abs(ended - started - 0.7) < 1e-6, `${ended - started} s`);
  assert.is(net.sent.filter(({ bytes }) => kindOf(bytes) === "request").length, 3);
  assert.is(remote.reachable, false);
  net.fate = () => [0.01];
  await net.run(6);
  assert.is(remote.reachable, true);
  net.close();
});

test("a request takes one round trip; the first of a session two", async () => {
  const { net, remote } = await pair();
  let took = 0;
  const started = net.now;
  const ask = (): Promise<void> =>
    remote.status().then(() => {
      took = net.now - started;
    });
  void ask();
  await net.run(1);
  assert.ok(Math.abs(took - 0.02) < 1e-6, `${took} s`);
  net.close();
});

test("work that takes a while is waited for, and is done once", async () => {
  const { net, fake, remote } = await pair();
  let done = (): void => {};
  fake.wait = new Promise((resolve) => {
    done = resolve;
  });
  let ended = 0;
  void remote.cancel("m1").then(() => {
    ended = net.now;
  });
  await net.run(5);
  assert.is(ended, 0);
  const finished = net.now;
  done();
  await new Promise(setImmediate);
  // The answer comes by itself.
  await net.run(0.5);
  assert.ok(Math.abs(ended - finished - 0.01) < 1e-6, `${ended - finished} s`);
  assert.equal(
    fake.calls.filter((call) => call.startsWith("cancel")),
    ["cancel m1"],
  );
  net.close();
});

test("work without an end is given up by the controller, then by the agent", async () => {
  const { net, fake, remote } = await pair();
  fake.wait = new Promise(() => {});
  assert.is(await net.outcome(remote.cancel("m1"), 9), "pending");
  assert.is(await net.outcome(remote.cancel("m2"), 11), "FAILED");
  await net.run(30);
  fake.wait = Promise.resolve();
  assert.is(await net.outcome(remote.cancel("m3")), undefined);
  net.close();
});

test("refusals come with their code; what fails otherwise is on the agent's log only", async () => {
  const { net, remote } = await pair();
  const guest = { name: "big", memory: 1, addresses: [address("10.1.0.5")], mtu: 1500 };
  const reasons: string[] = [];
  remote.prepareIncoming("m1", guest, 5).catch((e) => reasons.push(`${e.code} ${e.message}`));
  remote
    .prepareIncoming("m2", { ...guest, name: "odd" }, 5)
    .catch((e) => reasons.push(`${e.code} ${e.message}`));
  await net.run(1);
  assert.equal(reasons, ["FULL no room", "FAILED "]);
  assert.ok(net.log.some((line) => line.includes("prepare: Error: something else")));
  net.close();
});

test("a landing comes as the hypervisor has it, and goes to the source so, sealed on its ways", async () => {
  const { net, fake, remote } = await pair();
  const guest = { name: "web", memory: 1, addresses: [address("10.1.0.5")], mtu: 1500 };
  const announce = { iid: 3, locators: [{ rloc: address("192.0.2.1"), priority: 1, weight: 50 }] };
  const landing = await net.outcome(remote.prepareIncoming("m1", guest, 5, announce));
  if (typeof landing === "string") throw new Error(landing);
  assert.equal(landing, {
    address: Uint8Array.of(10, 0, 0, 7),
    port: 99,
    secret: new Uint8Array(16).fill(7),
  });
  const options = { downtimeLimit: 0.1, bandwidth: 5e8, deadline: 9.5, announce };
  await net.outcome(remote.migrate("m1", "web", landing, options));
  assert.equal(fake.orders, [{ options, landing }]);
  assert.not.ok(net.sent.some(({ bytes }) => Buffer.from(bytes).toString("latin1").includes("07070707")));
  net.close();
});

test("a controller with a key to watch may look, but not order", async () => {
  const { net, fake } = await pair(", WATCH_KEY 2:eyes");
  const watcher = await net.controller(D);
  const { hypervisor } = net.watch(watcher, D, A, "eyes", 1n, 2);
  assert.is(((await net.outcome(hypervisor.status())) as { driver: string }).driver, "fake");
  assert.is(await net.outcome(hypervisor.cancel("m1")), "DENIED");
  assert.not.ok(fake.calls.includes("cancel m1"));
  net.close();
});

test("more virtual machines than a message holds come in several", async () => {
  const { net, fake, remote } = await pair();
  const list = Array.from({ length: 300 }, (_, i) => ({
    name: `guest-${String(i).padStart(3, "0")}`,
    state: "running" as const,
    memory: i,
    addresses: [address("10.1.0.5"), address("fd00:1:2:3:4:5:6:7")],
    mtu: 1500,
    migration: i % 7 === 0 ? `m${i}` : null,
  }));
  fake.list = [...list].reverse();
  assert.equal(await net.outcome(remote.guests(), 3), list);
  net.close();
});

test("a request that does not fit into a message is refused at once", async () => {
  const { net, fake, remote } = await pair();
  const many = Array.from({ length: 60 }, () => address("fd00:1:2:3:4:5:6:7"));
  const guest = { name: "web", memory: 1, addresses: many, mtu: 1500 };
  assert.is(await net.outcome(remote.prepareIncoming("m1", guest, 5), 0), "UNSUITED");
  assert.not.ok(fake.calls.some((call) => call.startsWith("prepare")));
  net.close();
});

test("a controller has 64 requests under way at most, and an agent works on 32 of it", async () => {
  const { net, fake, remote, agent } = await pair();
  fake.wait = new Promise(() => {});
  const codes: string[] = [];
  for (let i = 0; i < 70; i++) remote.cancel(`m${i}`).catch((e) => codes.push(e.code));
  await net.run(0.05);
  assert.equal(codes, new Array(6).fill("BUSY"));
  assert.is(fake.calls.filter((call) => call.startsWith("cancel")).length, 32);
  assert.is(agent.read("element.full"), "32");
  net.close();
});

test("a remote hypervisor that is closed rejects what waits, and what comes", async () => {
  const { net, remote } = await pair();
  const waits = remote.status();
  remote.close();
  assert.is(await net.outcome(waits, 0), "UNREACHABLE");
  assert.is(await net.outcome(remote.status(), 0), "UNREACHABLE");
  net.close();
});

// ---- Events --------------------------------------------------------------------------

for (const [loss, twice, late] of [
  [0.3, 0, 0],
  [0, 0.5, 0.2],
  [0.3, 0.3, 0.3],
])
  test(`with ${loss} lost, ${twice} repeated and up to ${late} s late, events come in order and once each`, async () => {
    for (const seed of [4, 5, 6]) {
      const { net, fake, told, agent } = await pair();
      net.fate = bad(new SeededRandom(seed), loss, twice, late);
      for (let i = 0; i < 60; i++) {
        fake.tell();
        await net.run(0.03);
      }
      await net.run(40);
      assert.equal(
        told.map(({ bytes }) => bytes),
        Array.from({ length: 60 }, (_, i) => i + 1),
      );
      assert.is(agent.read("element.pending"), "0");
      net.close();
    }
  });

test("an event is sent again after 0.1, 0.2, 0.4 s, then every second", async () => {
  const { net, fake, told } = await pair();
  net.fate = (from) => (from === A ? [] : [0.01]);
  net.sent.length = 0;
  const start = net.now;
  const times: number[] = [];
  const count = (): number => net.sent.filter(({ bytes }) => kindOf(bytes) === "event").length;
  fake.tell();
  for (let seen = 0; net.now - start < 4; ) {
    await net.run(0.01);
    if (count() > seen) times.push(Math.round((net.now - start) * 10) / 10);
    seen = count();
  }
  assert.equal(times, [0, 0.1, 0.3, 0.7, 1.7, 2.7, 3.7]);
  net.fate = () => [0.01];
  await net.run(1.1);
  assert.is(told.length, 1);
  net.close();
});

test("each controller gets all events, at its own pace", async () => {
  const { net, fake, told, agent } = await pair();
  const other = net.watch(await net.controller(D), D, A);
  await net.run(1);
  net.fate = (from, to) => (from === D || to === D ? [] : [0.01]);
  for (let i = 0; i < 30; i++) fake.tell();
  await net.run(5);
  assert.is(told.length, 30);
  assert.is(other.told.length, 0);
  assert.is(agent.read("element.pending"), "30");
  net.fate = () => [0.01];
  await net.run(5);
  assert.equal(
    other.told.map(({ bytes }) => bytes),
    told.map(({ bytes }) => bytes),
  );
  assert.is(agent.read("element.pending"), "0");
  net.close();
});

test("of more events than are kept the first are lost, and the controller hears that", async () => {
  const { net, fake, told, agent } = await pair(", EVENTS 16");
  net.fate = () => [];
  for (let i = 0; i < 20; i++) fake.tell();
  await net.run(1);
  assert.is(agent.read("element.pending"), "16");
  assert.is(agent.read("element.lost"), "4");
  net.fate = () => [0.01];
  await net.run(3);
  assert.equal(
    told.map(({ kind, bytes }) => `${kind} ${bytes}`),
    ["lost 0", ...Array.from({ length: 16 }, (_, i) => `progress ${i + 5}`)],
  );
  net.close();
});

test("a listener that throws keeps no others from the event, nor from the next ones", async () => {
  const { net, fake, remote, told } = await pair();
  remote.onEvent(() => {
    throw new Error("mine");
  });
  let after = 0;
  const end = remote.onEvent(() => after++);
  fake.tell();
  fake.tell();
  await net.run(1);
  end();
  fake.tell();
  await net.run(1);
  assert.is(told.length, 3);
  assert.is(after, 2);
  net.close();
});

// ---- Restarts ---------------------------------------------------------------------------

test("a controller that begins anew gets what its former run has not acknowledged", async () => {
  const { net, fake, controller } = await pair();
  fake.tell();
  await net.run(0.5);
  controller.router.close();
  for (let i = 0; i < 3; i++) fake.tell();
  await net.run(2);
  const { told } = await net.remote(C, A, { nonce: 5000n });
  await net.run(2);
  assert.equal(
    told.map(({ bytes }) => bytes),
    [2, 3, 4],
  );
  net.close();
});

test("a controller hears that its agent has begun anew, once, then goes on", async () => {
  const { net, fake, agent, told, remote } = await pair();
  fake.tell();
  await net.run(0.5);
  agent.close();
  const next = new FakeHypervisor();
  await net.start(A, agentText(), () => next);
  await net.run(6);
  next.tell();
  await net.run(1);
  assert.equal(
    told.map(({ kind, bytes }) => `${kind} ${bytes}`),
    ["progress 1", "lost 0", "progress 1"],
  );
  assert.is(await net.outcome(remote.cancel("m1")), undefined);
  net.close();
});

test("a request that was under way when the agent began anew is asked again of the new run", async () => {
  const { net, fake, agent, remote } = await pair();
  fake.wait = new Promise(() => {});
  const outcome = net.outcome(remote.cancel("m1"), 0.15);
  assert.is(await outcome, "pending");
  agent.close();
  const next = new FakeHypervisor();
  await net.start(A, agentText(), () => next);
  await net.run(2);
  assert.ok(next.calls.includes("cancel m1"));
  net.close();
});

test("what was said to a former run does nothing in the next one", async () => {
  const { net, agent, remote } = await pair();
  for (let i = 0; i < 5; i++) await net.outcome(remote.cancel(`m${i}`), 0.1);
  const old = net.sent.filter(({ to }) => to === A);
  agent.close();
  const next = new FakeHypervisor();
  const restarted = await net.start(A, agentText(), () => next);
  net.fate = () => [];
  for (const { bytes } of old) net.deliver(A, bytes);
  await net.run(1);
  assert.equal(
    next.calls.filter((call) => call.startsWith("cancel")),
    [],
  );
  assert.is(restarted.read("element.pending"), "0");
  net.close();
});

test("a hot swap keeps controllers, answers and events", async () => {
  const { net, fake, agent, remote, told } = await pair();
  net.fate = (from) => (from === A ? [] : [0.01]);
  fake.tell();
  const asked = remote.cancel("m1");
  await net.run(0.05);
  await agent.swap(agent.source.replace("KEY 1:secret", "KEY 1:secret, CONTROLLERS 3"));
  net.join(A, agent);
  net.fate = () => [0.01];
  assert.is(await net.outcome(asked), undefined);
  assert.equal(
    fake.calls.filter((call) => call === "cancel m1"),
    ["cancel m1"],
  );
  fake.tell();
  await net.run(1);
  assert.equal(
    told.map(({ kind, bytes }) => `${kind} ${bytes}`),
    ["progress 1", "progress 2"],
  );
  // The second element asked its world for a hypervisor as well: the same one here.
  assert.is(fake.closed, 1);
  net.close();
});

test("a key that a hot swap takes away is nobody's any more", async () => {
  const { net, fake, agent, remote } = await pair();
  await agent.swap(agent.source.replace("1:secret", "1:other"));
  net.join(A, agent);
  assert.is(await net.outcome(remote.cancel("m1")), "UNREACHABLE");
  fake.tell();
  await net.run(1);
  assert.is(agent.read("element.events"), "0");
  net.close();
});

// ---- Strangers ---------------------------------------------------------------------------

test("every datagram repeated, to whom it was sent and to all others, changes nothing", async () => {
  const { net, fake, agent, remote, told, controller } = await pair();
  const other = await net.remote(D, A, { nonce: 1n });
  for (let i = 0; i < 5; i++) {
    await net.outcome(remote.cancel(`m${i}`), 0.1);
    fake.tell();
  }
  await net.run(1);
  const before = [fake.calls.length, told.length, other.told.length];
  const lines = agent.read("element.controllers").replace(/ [0-9.]+$/gm, "");
  for (const { bytes } of [...net.sent]) for (const to of [A, C, D]) net.deliver(to, bytes, 0.001);
  controller.verdicts.length = 0;
  await net.run(2);
  assert.equal([fake.calls.length, told.length, other.told.length], before);
  assert.is(agent.read("element.controllers").replace(/ [0-9.]+$/gm, ""), lines);
  assert.ok(controller.verdicts.includes("stray"));
  assert.ok(controller.verdicts.includes("other"));
  net.close();
});

test("a datagram with any bit changed changes nothing", async () => {
  const { net, fake, remote, agent } = await pair();
  const calls = (): number => fake.calls.filter((call) => call.startsWith("cancel")).length;
  net.fate = (_, to) => (to === A ? [] : [0.01]);
  net.sent.length = 0;
  const asked = remote.cancel("m1").catch(() => {});
  await net.run(0.05);
  const [{ bytes }] = net.sent;
  const datagram = readUdpPacket(bytes);
  const head = bytes.length - datagram.payload.length;
  for (let bit = 0; bit < datagram.payload.length * 8; bit++) {
    const changed = Uint8Array.from(bytes);
    changed[head + (bit >> 3)] ^= 1 << (bit & 7);
    // No checksum: the change is all there is to see.
    changed[26] = 0;
    changed[27] = 0;
    net.deliver(A, changed);
  }
  await net.run(1);
  await asked;
  assert.is(calls(), 0);
  const dropped = ["bad_auth", "malformed", "stray", "no_stream"].map((reason) =>
    agent.read(`element.${reason}`),
  );
  assert.is(
    dropped.reduce((sum, n) => sum + Number(n), 0),
    datagram.payload.length * 8,
  );
  assert.ok(net.log.some((line) => /from 10\.0\.0\.9: request refused: /.test(line)));
  net.close();
});

test("somebody without the key learns and changes nothing", async () => {
  const { net, fake, agent } = await pair();
  const stranger = net.watch(await net.controller(D), D, A, "guessed");
  net.sent.length = 0;
  assert.is(await net.outcome(stranger.hypervisor.cancel("m1")), "UNREACHABLE");
  assert.not.ok(net.sent.some(({ to }) => to === D));
  assert.not.ok(fake.calls.includes("cancel m1"));
  assert.not.match(agent.read("element.controllers"), D);
  net.close();
});

test("an agent speaks with so many controllers, and forgets one that is silent for a minute", async () => {
  const { net, agent, controller } = await pair(", CONTROLLERS 1");
  const other = net.watch(await net.controller(D), D, A);
  assert.is(await net.outcome(other.hypervisor.status()), "UNREACHABLE");
  assert.ok(Number(agent.read("element.full")) > 0);
  controller.router.close();
  await net.run(62);
  assert.is(((await net.outcome(other.hypervisor.status())) as { driver: string }).driver, "fake");
  assert.match(agent.read("element.controllers"), /^10\.0\.0\.8 1 orders 0 /);
  net.close();
});

test("what one has said that was forgotten does nothing when somebody repeats it", async () => {
  const { net, fake, agent, controller, remote } = await pair(", CONTROLLERS 1");
  await net.outcome(remote.cancel("m1"));
  const old = net.sent.filter(({ to }) => to === A);
  controller.router.close();
  await net.run(62);
  const other = net.watch(await net.controller(D), D, A);
  await net.outcome(other.hypervisor.status());
  other.hypervisor.close();
  await net.run(62);
  for (const { bytes } of old) net.deliver(A, bytes);
  await net.run(1);
  assert.match(agent.read("element.controllers"), /^10\.0\.0\.9 /);
  assert.equal(
    fake.calls.filter((call) => call.startsWith("cancel")),
    ["cancel m1"],
  );
  net.close();
});

test.run();
