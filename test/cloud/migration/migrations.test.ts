// Many migrations: what is refused before anybody hears of it, whose turn it is, and what becomes of a decision about a
// virtual machine that migrates.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MigrationError, type Migrations, type WhenBusy } from "../../../src/cloud/migration/migrations.js";
import { StoreError } from "../../../src/router/store.js";
import { World, type WorldOptions } from "./world.js";

/** The code of the error that `work` rejects with; "" where it does not. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (e) {
    if (e instanceof MigrationError || e instanceof StoreError) return e.code;
    throw e;
  }
  return "";
}

async function started(
  options: WorldOptions = {},
): Promise<{ readonly world: World; readonly all: Migrations }> {
  const world = new World(options);
  world.add("vm", "dc1", ["10.1.0.5"]);
  return { world, all: await world.start() };
}

const go = (all: Migrations, vm = "vm", to = "dc2"): Promise<unknown> => all.request({ vm, to, reason: "" });
const states = (all: Migrations): readonly string[] =>
  all
    .records()
    .map(({ vm, to, state, back }) => [vm, to, state, ...(back === null ? [] : [back.code])].join(" "));
/** Messages that would have armed something. */
const armed = (world: World): readonly string[] =>
  world.network.log.map(({ message }) => message.what).filter((what) => /^H |prepare|migrate/.test(what));

test("what the catalogue speaks against is refused at once", async () => {
  const { world, all } = await started();
  world.add("pinned", "dc1", ["10.1.0.6"], { pinned: true });
  assert.is(await refusal(go(all, "other")), "NO_GUEST");
  assert.is(await refusal(go(all, "vm", "dc3")), "NO_SITE");
  assert.is(await refusal(go(all, "vm", "dc1")), "SAME_SITE");
  assert.is(await refusal(go(all, "pinned")), "PINNED");
  world.sites.dc2 = { ...world.sites.dc2, drained: true };
  assert.is(await refusal(go(all)), "DRAINED");
  world.machines.set("lost", { ...world.machines.get("vm")!, name: "lost", dc: "gone" });
  assert.is(await refusal(go(all, "lost")), "NO_SITE");
  assert.equal([all.records(), armed(world)], [[], []]);
});

const UNSUITED: Readonly<Record<string, readonly [string, (world: World) => void]>> = {
  "a target that is full": ["FULL", (w) => void (w.hypervisors.dc2.room.guests = 0)],
  "a target with too little memory": ["FULL", (w) => void (w.hypervisors.dc2.room.memory = 1e6)],
  "a target with a smaller MTU": ["UNSUITED", (w) => void (w.hypervisors.dc2.room.mtu = 1400)],
  "a virtual machine that the source does not know": [
    "NO_GUEST",
    (w) => void w.hypervisors.dc1.guests.clear(),
  ],
  "one that stands still": ["UNSUITED", (w) => void (w.hypervisors.dc1.guests.get("vm")!.state = "paused")],
  "one that somebody else migrates": [
    "BUSY",
    (w) => void (w.hypervisors.dc1.guests.get("vm")!.migration = "x"),
  ],
  "one that the target has already": [
    "BUSY",
    (w) =>
      void w.hypervisors.dc2.guests.set("vm", { ...w.hypervisors.dc1.guests.get("vm")!, state: "stopped" }),
  ],
};

for (const [what, [code, make]] of Object.entries(UNSUITED))
  test(`${what} is refused before anything is armed`, async () => {
    const { world, all } = await started({ arm: "e" });
    make(world);
    await go(all);
    await world.network.run(2);
    assert.equal(states(all), [`vm dc2 failed ${code}`]);
    assert.equal(armed(world), []);
  });

test("as many go on at once as the limits allow, and the others follow in order", async () => {
  const world = new World({ more: { limits: { out: 2, in: 3, pair: 4 }, waitingMax: 3 } });
  for (let i = 0; i < 6; i++) world.add(`vm${i}`, "dc1", [`10.1.0.${i}`]);
  const all = await world.start();
  for (let i = 0; i < 5; i++) await go(all, `vm${i}`);
  assert.equal([all.running, all.waiting], [2, 3]);
  assert.is(await refusal(go(all, "vm5")), "TOO_MANY");
  let most = 0;
  const order: string[] = [];
  world.entered = ({ vm, state }) => {
    most = Math.max(most, all.running);
    if (state === "armed") order.push(vm);
  };
  await world.network.run(60, () => world.ended);
  assert.is(most, 2);
  assert.equal(order, ["vm0", "vm1", "vm2", "vm3", "vm4"]);
  assert.equal(
    states(all),
    ["vm0", "vm1", "vm2", "vm3", "vm4"].map((vm) => `${vm} dc2 settled`),
  );
  world.check("in the end");
});

test("two that change places do so one after the other where only one has room", async () => {
  const world = new World({ room: { guests: 1 }, more: { limits: { out: 4, in: 4, pair: 4 } } });
  world.add("x", "dc1", ["10.1.0.1"]);
  world.add("y", "dc2", ["10.2.0.1"]);
  world.hypervisors.dc2.room.guests = 2;
  const all = await world.start();
  await Promise.all([go(all, "x", "dc2"), go(all, "y", "dc1")]);
  await world.network.run(60, () => world.ended);
  assert.equal(states(all), ["x dc2 settled", "y dc1 settled"]);
  world.check("in the end");
});

test("two that could only change places at the same moment are refused, and wait for nobody", async () => {
  const world = new World({ room: { guests: 1 }, more: { limits: { out: 1, in: 1, pair: 2 } } });
  world.add("x", "dc1", ["10.1.0.1"]);
  world.add("y", "dc2", ["10.2.0.1"]);
  const all = await world.start();
  await Promise.all([go(all, "x", "dc2"), go(all, "y", "dc1")]);
  await world.network.run(20);
  assert.equal(states(all), ["x dc2 failed FULL", "y dc1 failed FULL"]);
  assert.equal([all.running, all.waiting, armed(world)], [0, 0, []]);
});

test("room that is promised to one is not promised to the next", async () => {
  const world = new World({ room: { memory: 2.5e9 } });
  for (let i = 0; i < 2; i++) world.add(`vm${i}`, "dc1", [`10.1.0.${i}`]);
  world.hypervisors.dc2.room.memory = 1.5e9;
  const all = await world.start();
  await Promise.all([go(all, "vm0"), go(all, "vm1")]);
  await world.network.run(20);
  assert.equal(states(all), ["vm0 dc2 settled", "vm1 dc2 failed FULL"]);
  assert.is(armed(world).filter((what) => what === "prepareIncoming").length, 1);
});

/** The user goes to dc2, then, while the virtual machine is copied there, back. */
async function backAgain(whenBusy: WhenBusy): Promise<readonly string[]> {
  const { world, all } = await started({ arm: "e", more: { whenBusy } });
  await go(all);
  await world.network.run(0.5);
  const code = await refusal(go(all, "vm", "dc1"));
  await world.network.run(60, () => world.ended);
  world.check(whenBusy);
  return [code, ...states(all)];
}

test("of a virtual machine that migrates a new decision cancels the old one, waits, or is refused", async () => {
  assert.equal(await backAgain("cancel"), ["", "vm dc2 cancelled CANCELLED"]);
  assert.equal(await backAgain("queue"), ["", "vm dc2 settled", "vm dc1 settled"]);
  assert.equal(await backAgain("finish"), ["BUSY", "vm dc2 settled"]);
});

test("what is too late to be cancelled goes on, and what was decided comes behind it", async () => {
  const { world, all } = await started();
  await go(all);
  await world.network.run(10, () => all.records()[0].state === "resumed");
  await go(all, "vm", "dc1");
  await world.network.run(60, () => world.ended);
  assert.equal(states(all), ["vm dc2 settled", "vm dc1 settled"]);
  world.check("in the end");
});

test("of several decisions about one that migrates the last one counts, over a crash as well", async () => {
  const { world, all } = await started({ more: { whenBusy: "queue" } });
  await go(all);
  await world.network.run(0.3);
  await go(all, "vm", "dc1");
  world.kill(0.5);
  await world.network.run(60, () => world.ended && world.network.now > 1);
  assert.equal(states(world.controller!.migrations), ["vm dc2 settled", "vm dc1 settled"]);
  const { migrations } = world.controller!;
  await go(migrations);
  await world.network.run(0.3);
  await go(migrations, "vm", "dc1");
  await go(migrations);
  await world.network.run(60, () => world.ended);
  assert.equal(states(migrations).slice(2), ["vm dc2 settled"]);
  assert.is(await refusal(go(migrations, "vm", "dc9")), "NO_SITE");
  world.check("in the end");
});

test("one that waits is cancelled at once, and nothing of it has been armed", async () => {
  const world = new World({ more: { limits: { out: 1, in: 1, pair: 1 } } });
  for (let i = 0; i < 2; i++) world.add(`vm${i}`, "dc1", [`10.1.0.${i}`]);
  const all = await world.start();
  await go(all, "vm0");
  await go(all, "vm1");
  await all.cancel("vm1", "by hand");
  assert.is(await refusal(all.cancel("vm1", "by hand")), "NO_MIGRATION");
  await world.network.run(60, () => world.ended);
  assert.equal(states(all), ["vm0 dc2 settled", "vm1 dc2 cancelled CANCELLED"]);
  world.check("in the end");
});

test("one that is copied is sent back at once", async () => {
  const { world, all } = await started({ arm: "e" });
  await go(all);
  await world.network.run(0.5);
  await all.cancel("vm", "by hand");
  await world.network.run(0.2);
  assert.equal(states(all), ["vm dc2 cancelled CANCELLED"]);
  world.check("in the end");
});

test("what has come to its target cannot be cancelled", async () => {
  const { world, all } = await started();
  await go(all);
  await world.network.run(10, () => all.records()[0].state === "resumed");
  assert.is(await refusal(all.cancel("1", "by hand")), "TOO_LATE");
  await world.network.run(60, () => world.ended);
  assert.equal(states(all), ["vm dc2 settled"]);
});

test("what the store does not take is not begun, and it is said", async () => {
  const { world, all } = await started();
  world.store.downUntil = 1;
  assert.is(await refusal(go(all)), "STORE");
  await world.network.run(3);
  assert.equal(armed(world), []);
  assert.match(world.reports.join("\n"), /the store is down/);
  assert.is(await refusal(go(all)), "");
  await world.network.run(60, () => world.ended);
  assert.is(states(all).at(-1), "vm dc2 settled");
});

test("no more are remembered than it is told to, and numbers go on", async () => {
  const { world, all } = await started({ more: { remembered: 2 } });
  for (let i = 0; i < 4; i++) {
    await go(all, "vm", i % 2 === 0 ? "dc2" : "dc1");
    await world.network.run(60, () => world.ended);
  }
  assert.equal(
    all.records().map(({ number }) => number),
    [3, 4],
  );
  assert.equal(
    (await world.stored()).map(({ number, state }) => `${number} ${state}`),
    ["3 settled", "4 settled"],
  );
  world.kill(0.1);
  await world.network.run(1);
  const { migrations } = world.controller!;
  await go(migrations);
  assert.is(migrations.find("5")?.id, migrations.records()[0].id.replace(/3$/, "5"));
});

test("a virtual machine that is taken out meanwhile leaves nothing behind", async () => {
  const { world, all } = await started({ arm: "e" });
  await go(all);
  await world.network.run(0.5);
  world.machines.delete("vm");
  await world.network.run(60, () => world.ended);
  assert.equal(states(all), ["vm dc2 settled"]);
  for (const dc of ["dc1", "dc2"] as const)
    assert.equal([world.routers[dc].armed.size, world.routers[dc].expecting.size], [0, 0]);
});

test("one site that drops out of the catalogue while another has a turn ends what waits for it", async () => {
  const world = new World({ more: { limits: { out: 1, in: 1, pair: 1 } } });
  for (let i = 0; i < 2; i++) world.add(`vm${i}`, "dc1", [`10.1.0.${i}`]);
  const all = await world.start();
  await go(all, "vm0");
  await go(all, "vm1");
  await world.network.run(0.5);
  world.sites.dc2 = { ...world.sites.dc2, drained: true };
  await world.network.run(60, () => world.ended);
  assert.equal(states(all), ["vm0 dc2 settled", "vm1 dc2 failed DRAINED"]);
});

test.run();
