// Several controllers over one place: one acts, another takes over, and who has been superseded keeps nothing any more.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Migrations } from "../../../src/cloud/migration/migrations.js";
import type { State } from "../../../src/cloud/migration/record.js";
import { SharedLedger } from "../../../src/cloud/migration/shared-ledger.js";
import { type PlacedStore, SharedPlace } from "./shared-place.js";
import { World } from "./world.js";

const LEASE = 1;

interface Controller {
  readonly migrations: Migrations;
  readonly ledger: SharedLedger;
  readonly store: PlacedStore;
}

async function controller(world: World, place: SharedPlace): Promise<Controller> {
  const store = place.store();
  let ledger: SharedLedger | null = null;
  const migrations = await world.start(async ({ clock, timers }) => {
    ledger = await SharedLedger.open({
      store,
      clock,
      timers,
      lease: LEASE,
      report: (text) => world.reports.push(text),
    });
    return ledger;
  });
  return { migrations, ledger: ledger!, store };
}

const acting = (...all: readonly Controller[]): readonly boolean[] =>
  all.map(({ migrations }) => migrations.acting);

test("one of several acts, and another takes over when it is gone", async () => {
  const world = new World();
  const place = new SharedPlace(world.network);
  const [a, b] = [await controller(world, place), await controller(world, place)];
  await world.network.run(5);
  assert.equal(acting(a, b), [true, false]);
  await a.ledger.close();
  await world.network.run(0.1);
  assert.equal(acting(a, b), [false, true]);
});

test("who cannot reach the place stops before another one begins", async () => {
  const world = new World();
  const place = new SharedPlace(world.network);
  const [a, b] = [await controller(world, place), await controller(world, place)];
  await world.network.run(5);
  a.store.cut = true;
  let both = false;
  let none = 0;
  for (let i = 0; i < 300 && !b.migrations.acting; i++) {
    await world.network.run(0.01);
    both ||= a.migrations.acting && b.migrations.acting;
    if (!a.migrations.acting) none++;
  }
  assert.ok(!both);
  assert.equal(acting(a, b), [false, true]);
  assert.ok(none > 0);
  a.store.cut = false;
  await world.network.run(5);
  assert.equal(acting(a, b), [false, true]);
  const error = await a.ledger.save([]).catch((e: Error) => e.message);
  assert.is(error, "another controller acts");
});

test("a lost answer of the place is made up for", async () => {
  const world = new World();
  const place = new SharedPlace(world.network);
  world.add("vm", "dc1", ["10.1.0.5"]);
  const a = await controller(world, place);
  await world.network.run(1);
  world.entered = ({ state }) => {
    if (state === "running") a.store.losesAnswer = true;
  };
  await a.migrations.request({ vm: "vm", to: "dc2", reason: "" });
  await world.network.run(10);
  assert.is(a.migrations.records()[0].state, "settled");
  world.check("in the end");
});

for (const step of [
  "armed",
  "requested",
  "running",
  "stopped",
  "resumed",
  "redirected",
] as const satisfies readonly State[])
  test(`a second controller goes on with what is ${step}, whether the first is gone or cut off`, async () => {
    for (const how of ["gone", "cut off"]) {
      const world = new World({ arm: "e" });
      const place = new SharedPlace(world.network);
      world.add("vm", "dc1", ["10.1.0.5"]);
      const [a, b] = [await controller(world, place), await controller(world, place)];
      await world.network.run(1);
      world.entered = ({ state }) => {
        if (state !== step || !a.migrations.acting) return;
        if (how === "gone") world.kill(null);
        else a.store.cut = true;
      };
      await a.migrations.request({ vm: "vm", to: "dc2", reason: "" });
      await world.network.run(30);
      assert.ok(b.migrations.acting, how);
      assert.is(b.migrations.records()[0].state, "settled", `${how}: ${b.migrations.records()[0].state}`);
      assert.is(place.kept.size, 2);
      world.check(`${step}, ${how}`);
    }
  });

test("a place with more than a transaction takes is written in several", async () => {
  const world = new World();
  const place = new SharedPlace(world.network);
  const a = await controller(world, place);
  for (let i = 0; i < 120; i++) world.add(`vm${i}`, "dc1", [`10.1.0.${i}`], { memory: 1 });
  await world.network.run(1);
  await Promise.all(
    Array.from({ length: 90 }, (_, i) => a.migrations.request({ vm: `vm${i}`, to: "dc2", reason: "" })),
  );
  assert.is([...place.kept.keys()].filter((key) => key.startsWith("fmc/migration/")).length, 90);
});

test.run();
