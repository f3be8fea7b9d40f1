// A migration between two agents over links with delay, ordered by a controller: what happens when, against closed forms.
//
// F26 of the paper has 26 s for a virtual machine of 1 GB between data centres 10 ms apart. This model comes to that for an
// assumed bandwidth: 2^30 bytes in 26 s less what goes before are some 330 Mb/s without writing, so it says nothing by itself.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { GuestSpec, MigrationOptions } from "../../../src/index.js";
import { address, eventTexts, Net, type Told } from "../agent-net.js";

const DELAY = 0.005;
const A = "10.0.0.1";
const B = "10.0.0.2";
const C = "10.0.0.9";
const M = 2 ** 30;
const RATE = 1e9 / 8;

const OPTIONS: MigrationOptions = { downtimeLimit: 0.03, bandwidth: 0, deadline: 60 };
const spec = (memory = M): GuestSpec => ({
  name: "web",
  memory,
  addresses: [address("10.1.0.5")],
  mtu: 1500,
});

interface Site {
  readonly net: Net;
  readonly a: Awaited<ReturnType<Net["remote"]>>["hypervisor"];
  readonly b: Awaited<ReturnType<Net["remote"]>>["hypervisor"];
  readonly toldA: Told[];
  readonly toldB: Told[];
  guests(at: string): string[];
}

/** Two agents, the first with `web`, and a controller that knows both; 1 s has passed. */
async function site(guest: string, optionsA = "", optionsB = "", net = new Net(DELAY)): Promise<Site> {
  const a = await net.agent(A, `, web address 10.1.0.5 ${guest}`, `simulated:${optionsA}`);
  const b = await net.agent(B, "", `simulated:${optionsB}`);
  const { controller, hypervisor, told } = await net.remote(C, A);
  const other = net.watch(controller, C, B, "secret", 1000n);
  await net.run(1);
  const routers: Record<string, typeof a> = { [A]: a, [B]: b };
  return {
    net,
    a: hypervisor,
    b: other.hypervisor,
    toldA: told,
    toldB: other.told,
    guests: (at) =>
      routers[at]
        .read("element.guests")
        .trim()
        .split("\n")
        .filter((line) => line !== ""),
  };
}

/** Prepares and begins; `at`: seconds at which the order left. */
async function begin(s: Site, options = OPTIONS, memory = M): Promise<{ readonly at: number }> {
  const landing = await s.net.outcome(s.b.prepareIncoming("m1", spec(memory), 30), 0.5);
  if (typeof landing === "string") throw new Error(landing);
  const at = s.net.now;
  const begun = await s.net.outcome(s.a.migrate("m1", "web", landing, options), 0.5);
  assert.is(begun, undefined);
  return { at };
}

function near(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) < 0.001, `${what}: ${actual}, not ${expected}`);
}

/** Events with their times at the hypervisor, less `from`. */
function at(told: readonly Told[], kind: Told["kind"], from: number): number {
  const event = told.find((e) => e.kind === kind);
  if (event === undefined) throw new Error(`no ${kind} among ${told.map((e) => e.kind)}`);
  return event.at / 1e9 - from;
}

test("where it writes slower than the line, rounds shrink as a geometric series", async () => {
  // 1/8 of the line: r = 1/8.
  const rate = 2 ** 20 * 16;
  const r = rate / RATE;
  const s = await site("memory 1G rate 16M");
  const from = await begin(s);
  await s.net.run(30);
  const n = Math.max(1, Math.ceil(Math.log((OPTIONS.downtimeLimit * RATE) / M) / Math.log(r)));
  assert.is(n, 3);
  const before = (M * (1 - r ** n)) / (1 - r);
  const all = (M * (1 - r ** (n + 1))) / (1 - r);
  // The order, the first message of the stream and its answer: a one-way delay each.
  const begins = from.at + 3 * DELAY;
  near(at(s.toldB, "incoming", from.at), 2 * DELAY, "incoming");
  near(at(s.toldA, "started", from.at), 3 * DELAY, "started");
  near(at(s.toldA, "stopped", begins), before / RATE, "stopped");
  near(at(s.toldB, "resumed", begins), all / RATE + DELAY, "resumed");
  near(at(s.toldA, "completed", begins), all / RATE + 2 * DELAY, "completed");
  const down = at(s.toldB, "resumed", 0) - at(s.toldA, "stopped", 0);
  near(down, (M * r ** n) / RATE + DELAY, "down");
  assert.ok(down <= OPTIONS.downtimeLimit + DELAY);
  const [stopped] = s.toldA.filter(({ kind }) => kind === "stopped");
  const [completed] = s.toldA.filter(({ kind }) => kind === "completed");
  assert.is(stopped.rounds, n);
  assert.is(completed.rounds, n + 1);
  assert.ok(Math.abs(completed.bytes - all) < n + 1, `${completed.bytes} bytes, not ${all}`);
  // Every event is heard a one-way delay later.
  for (const { came, at: was } of [...s.toldA, ...s.toldB]) near(came, was / 1e9 + DELAY, "came");
  assert.equal(
    s.toldA.map(({ kind }) => kind),
    ["started", "progress", "progress", "stopped", "completed"],
  );
  assert.equal(
    s.toldB.map(({ kind }) => kind),
    ["incoming", "resumed"],
  );
  assert.equal(s.guests(A), []);
  assert.equal(s.guests(B), [`web running ${M} - 10.1.0.5`]);
  s.net.close();
});

test("one that does not write is sent once, and stands still for the way only", async () => {
  const s = await site("memory 1G", "bandwidth 330M");
  const from = await begin(s);
  await s.net.run(30);
  const begins = from.at + 3 * DELAY;
  near(at(s.toldA, "stopped", begins), (8 * M) / 330e6, "stopped");
  near(at(s.toldB, "resumed", 0), at(s.toldA, "stopped", 0) + DELAY, "resumed");
  assert.is(s.toldA.at(-1)!.bytes, M);
  s.net.close();
});

test("a bandwidth in the order counts, and so does what resuming takes", async () => {
  const s = await site("memory 64M", "", "resume 0.25");
  const from = await begin(s, { ...OPTIONS, bandwidth: 100e6 }, 2 ** 26);
  await s.net.run(10);
  const sent = (8 * 2 ** 26) / 100e6;
  near(at(s.toldA, "stopped", from.at + 3 * DELAY), sent, "stopped");
  near(at(s.toldB, "resumed", from.at + 3 * DELAY), sent + DELAY + 0.25, "resumed");
  near(at(s.toldA, "completed", from.at + 3 * DELAY), sent + 2 * DELAY + 0.25, "completed");
  s.net.close();
});

test("where it writes faster than the line to a set that fits the limit, it stops after one round", async () => {
  const set = 2 ** 20 * 3;
  const s = await site("memory 1G rate 1G set 3M");
  const from = await begin(s);
  await s.net.run(30);
  near(at(s.toldA, "stopped", from.at + 3 * DELAY), M / RATE, "stopped");
  near(at(s.toldB, "resumed", 0) - at(s.toldA, "stopped", 0), set / RATE + DELAY, "down");
  assert.is(s.toldA.at(-1)!.bytes, M + set);
  s.net.close();
});

test("where it writes faster than the line to more, it never stops, and is given up at the deadline", async () => {
  const s = await site("memory 1G rate 1G set 512M");
  const from = await begin(s, { ...OPTIONS, deadline: 20 });
  await s.net.run(30);
  near(at(s.toldA, "failed", from.at + DELAY), 20, "failed");
  near(at(s.toldB, "failed", from.at + DELAY), 20 + DELAY, "failed there");
  // Rounds of the set follow on that of all memory.
  const rounds = 1 + Math.floor((20 - 2 * DELAY - M / RATE) / (2 ** 29 / RATE));
  assert.is(s.toldA.at(-1)!.rounds, rounds);
  assert.is(s.toldA.at(-1)!.bytes, M + (rounds - 1) * 2 ** 29);
  assert.equal(s.guests(A), [`web running ${M} - 10.1.0.5`]);
  assert.equal(s.guests(B), []);
  s.net.close();
});

test("one that stalls is given up at the deadline", async () => {
  const s = await site("memory 1G");
  await s.net.outcome(Promise.resolve(), 0);
  const from = await begin(s, { ...OPTIONS, deadline: 12 });
  await s.net.run(2);
  const router = s.net.router(A);
  await router.write("element.fault", "stall");
  await s.net.run(20);
  near(at(s.toldA, "failed", from.at + DELAY), 12, "failed");
  assert.equal(s.toldB.at(-1)!.reason, "it has not come to its end in time");
  assert.equal(s.guests(B), []);
  s.net.close();
});

test("one that stalls for a while goes on where it was", async () => {
  const s = await site("memory 1G");
  const from = await begin(s);
  await s.net.run(2);
  await s.net.router(A).write("element.fault", "stall");
  await s.net.run(3);
  await s.net.router(A).write("element.fault", "none");
  await s.net.run(20);
  near(at(s.toldB, "resumed", from.at + 3 * DELAY), M / RATE + 3 + DELAY, "resumed");
  s.net.close();
});

/** Seconds after the order at which a migration is cancelled; the source's phase then. */
const STEPS: readonly (readonly [number, string])[] = [
  [0.004, "before the order has come"],
  [0.012, "before the destination has answered"],
  [1, "in the first round"],
  [8.6, "in the second round"],
  [9.7, "in the third round"],
];

for (const [seconds, when] of STEPS)
  for (const end of ["source", "destination"] as const)
    test(`cancelled at the ${end} ${when}, nothing of it is left`, async () => {
      const s = await site("memory 1G rate 16M");
      const landing = await s.net.outcome(s.b.prepareIncoming("m1", spec(), 30), 0.5);
      if (typeof landing === "string") throw new Error(landing);
      s.a.migrate("m1", "web", landing, OPTIONS).catch(() => {});
      await s.net.run(seconds);
      const one = end === "source" ? s.a : s.b;
      assert.is(await s.net.outcome(one.cancel("m1"), 0.1), undefined);
      if (seconds < 0.02) await s.net.outcome(s.a.cancel("m1"), 0.1);
      await s.net.run(10);
      await s.net.outcome(s.b.cancel("m1"), 0.1);
      assert.equal(s.guests(A), [`web running ${M} - 10.1.0.5`]);
      assert.equal(s.guests(B), []);
      // It cannot be begun any more, but another one can.
      assert.is(await s.net.outcome(s.b.prepareIncoming("m1", spec(), 30), 0.5), "FAILED");
      const next = await s.net.outcome(s.b.prepareIncoming("m2", spec(), 30), 0.5);
      if (typeof next === "string") throw new Error(next);
      assert.is(await s.net.outcome(s.a.migrate("m2", "web", next, OPTIONS), 0.5), undefined);
      await s.net.run(30);
      assert.equal(s.guests(B), [`web running ${M} - 10.1.0.5`]);
      s.net.close();
    });

test("when it runs at the destination, it is too late to cancel at either end", async () => {
  const s = await site("memory 1G");
  await begin(s);
  await s.net.run(20);
  assert.is(await s.net.outcome(s.a.cancel("m1")), "TOO_LATE");
  assert.is(await s.net.outcome(s.b.cancel("m1")), "TOO_LATE");
  s.net.close();
});

/** A site whose source has sent all, and whose streams are cut since then; the destination has got it or not. */
async function inDoubt(got: boolean): Promise<Site> {
  const net = new Net(DELAY);
  const s = await site("memory 1G", "", "", net);
  const { at: ordered } = await begin(s);
  const last = ordered + 3 * DELAY + M / RATE;
  net.fate = (from, to) => {
    const streams = from !== C && to !== C;
    if (!streams || net.now < last - 0.001) return [DELAY];
    return got && from === A && net.now < last + 0.001 ? [DELAY] : [];
  };
  await net.run(last - net.now + 1);
  assert.equal(s.guests(A), [`web paused ${M} m1 10.1.0.5`]);
  return s;
}

test("whether it runs there, only the destination can say: until then it stands still here", async () => {
  const s = await inDoubt(true);
  assert.equal(s.guests(B), [`web running ${M} - 10.1.0.5`]);
  await s.net.run(20);
  assert.equal(s.guests(A), [`web paused ${M} m1 10.1.0.5`]);
  const cancelled = s.net.outcome(s.a.cancel("m1"), 2);
  assert.is(await cancelled, "UNREACHABLE");
  s.net.fate = () => [DELAY];
  await s.net.run(2);
  assert.equal(s.guests(A), []);
  assert.is(s.toldA.at(-1)!.kind, "completed");
  s.net.close();
});

test("cancelled meanwhile, it does not run there: the source hears of it when it can", async () => {
  const s = await inDoubt(false);
  assert.is(await s.net.outcome(s.b.cancel("m1"), 1), undefined);
  assert.equal(s.guests(A), [`web paused ${M} m1 10.1.0.5`]);
  s.net.fate = () => [DELAY];
  await s.net.run(2);
  assert.equal(s.guests(A), [`web running ${M} - 10.1.0.5`]);
  assert.is(s.toldA.at(-1)!.kind, "failed");
  assert.equal(s.guests(B), []);
  s.net.close();
});

test("who has cancelled it there can vouch for that here: the source need not ask", async () => {
  const s = await inDoubt(false);
  assert.is(await s.net.outcome(s.b.cancel("m1"), 1), undefined);
  assert.is(await s.net.outcome(s.a.cancel("m1", true), 0.1), undefined);
  assert.equal(s.guests(A), [`web running ${M} - 10.1.0.5`]);
  s.net.fate = () => [DELAY];
  await s.net.run(5);
  assert.equal(s.guests(A), [`web running ${M} - 10.1.0.5`]);
  assert.equal(s.guests(B), []);
  s.net.close();
});

test("a destination that hears nothing gives it up, and then the source does not let it run there", async () => {
  const s = await inDoubt(false);
  await s.net.run(10);
  assert.equal(s.guests(B), []);
  assert.equal(s.guests(A), [`web paused ${M} m1 10.1.0.5`]);
  s.net.fate = () => [DELAY];
  await s.net.run(2);
  assert.equal(s.guests(A), [`web running ${M} - 10.1.0.5`]);
  s.net.close();
});

test("a stream that is cut before is given up at both ends", async () => {
  const s = await site("memory 1G");
  await begin(s);
  s.net.fate = (from, to) => (from !== C && to !== C ? [] : [DELAY]);
  await s.net.run(8);
  assert.equal(s.toldA.at(-1)!.reason, "the destination does not answer");
  assert.equal(s.toldB.at(-1)!.reason, "the source does not go on");
  assert.equal(s.guests(A), [`web running ${M} - 10.1.0.5`]);
  assert.equal(s.guests(B), []);
  s.net.close();
});

test("a reservation whose stream does not come is given up after its patience", async () => {
  const s = await site("memory 1G");
  await s.net.outcome(s.b.prepareIncoming("m1", spec(), 3), 1);
  assert.equal(s.guests(B), [`web incoming ${M} m1 10.1.0.5`]);
  await s.net.run(3);
  assert.equal(s.guests(B), []);
  assert.equal(eventTexts(s.toldB), ["failed web@4.010"]);
  s.net.close();
});

test("what does not fit or suit is refused", async () => {
  const s = await site("memory 1G", "", "memory 2G guests 3 migrations 2 mtu 1400");
  const prepare = (name: string, guest: GuestSpec): Promise<unknown> =>
    s.net.outcome(
      s.b.prepareIncoming(name, guest, 30).then(() => "done"),
      0.5,
    );
  const small = { ...spec(), mtu: 1400 };
  assert.is(await prepare("m1", spec()), "UNSUITED");
  assert.is(await prepare("m2", { ...small, memory: 3 * M }), "FULL");
  assert.is(await prepare("m3", { ...small, memory: 2 ** 20 }), "done");
  assert.is(await prepare("m3", { ...small, memory: 2 ** 20 }), "done");
  assert.is(await prepare("m4", small), "BUSY");
  assert.is(await prepare("m5", { ...small, name: "two", memory: 2 ** 20 }), "done");
  assert.is(await prepare("m6", { ...small, name: "three", memory: 2 ** 20 }), "BUSY");
  assert.is(await s.net.outcome(s.b.cancel("m5"), 0.5), undefined);
  await s.net.router(B).write("element.define", "four memory 1M address fd00::5 mtu 1280");
  await s.net.router(B).write("element.define", "five memory 1M mtu 1280");
  assert.is(await prepare("m7", { ...small, name: "three", memory: 2 ** 20 }), "FULL");
  const { memory, guests } = (await s.net.outcome(s.b.status(), 0.5)) as Awaited<
    ReturnType<typeof s.b.status>
  >;
  assert.equal(memory, { total: 2 * M, free: 2 * M - 3 * 2 ** 20 });
  assert.equal(guests, { most: 3, now: 3 });
  const to = { address: address(B), port: 4344, secret: new Uint8Array(16) };
  assert.is(await s.net.outcome(s.a.migrate("m9", "nobody", to, OPTIONS)), "NO_GUEST");
  const six = { ...to, address: address("fd00::1") };
  assert.is(await s.net.outcome(s.a.migrate("m9", "web", six, OPTIONS)), "UNSUITED");
  // A secret that is no landing's: nobody answers.
  assert.is(await s.net.outcome(s.a.migrate("m9", "web", to, OPTIONS), 3), "UNREACHABLE");
  // Three times that it begins, and three that it is given up.
  assert.is(s.net.router(B).read("element.no_stream"), "6");
  s.net.close();
});

test("an order that is repeated does nothing twice", async () => {
  const s = await site("memory 1G");
  await begin(s);
  const landing = (await s.net.outcome(s.b.prepareIncoming("m1", spec(), 30), 0.5)) as never;
  assert.is(await s.net.outcome(s.a.migrate("m1", "web", landing, OPTIONS), 0.5), undefined);
  assert.is(await s.net.outcome(s.a.migrate("m2", "web", landing, OPTIONS), 0.5), "BUSY");
  await s.net.run(20);
  assert.is(await s.net.outcome(s.a.migrate("m1", "web", landing, OPTIONS), 0.5), undefined);
  assert.equal(
    s.toldB.map(({ kind }) => kind),
    ["incoming", "resumed"],
  );
  s.net.close();
});

test("another virtual machine than was announced is not taken", async () => {
  const s = await site("memory 1G");
  const landing = await s.net.outcome(s.b.prepareIncoming("m1", spec(2 ** 29), 30), 0.5);
  assert.is(await s.net.outcome(s.a.migrate("m1", "web", landing as never, OPTIONS), 0.5), "FAILED");
  assert.equal(s.guests(B), []);
  assert.equal(s.guests(A), [`web running ${M} - 10.1.0.5`]);
  s.net.close();
});

test("one that refuses takes no orders, but answers", async () => {
  const s = await site("memory 1G");
  await s.net.router(B).write("element.fault", "refuse");
  assert.is(await s.net.outcome(s.b.prepareIncoming("m1", spec(), 30)), "FAILED");
  assert.equal(await s.net.outcome(s.b.guests()), []);
  s.net.close();
});

test("one that dies at the source ends what was under way, and its virtual machines run when it is back", async () => {
  const s = await site("memory 1G");
  await begin(s);
  await s.net.router(A).write("element.fault", "die");
  await s.net.run(10);
  assert.is(s.toldB.at(-1)!.reason, "the source does not go on");
  await s.net.router(A).write("element.fault", "none");
  await s.net.run(1);
  assert.equal(s.guests(A), [`web running ${M} - 10.1.0.5`]);
  assert.equal(s.guests(B), []);
  s.net.close();
});

test("one that dies at the destination loses it, and the source goes on", async () => {
  const s = await site("memory 1G");
  await begin(s);
  await s.net.router(B).write("element.fault", "die");
  await s.net.run(10);
  assert.is(s.toldA.at(-1)!.reason, "the destination does not answer");
  assert.equal(s.guests(A), [`web running ${M} - 10.1.0.5`]);
  await s.net.router(B).write("element.fault", "none");
  assert.equal(s.guests(B), []);
  s.net.close();
});

test.run();
