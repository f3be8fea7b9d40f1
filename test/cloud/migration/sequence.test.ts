import { test } from "uvu";
import * as assert from "uvu/assert";
import { ARM_NAMES } from "../../../src/cloud/migration/arms.js";
import { World } from "./world.js";

for (const arm of ARM_NAMES)
  test(`arm ${arm}: there and back`, async () => {
    const world = new World({ arm });
    world.add("vm", "dc1", ["10.1.0.5", "fd00::5"]);
    if (arm === "a") for (const dc of ["dc1", "dc2"] as const) world.hypervisors[dc].speaks = true;
    const migrations = await world.start();
    for (const to of ["dc2", "dc1"]) {
      await migrations.request({ vm: "vm", to, reason: "the user is there" });
      await world.network.run(60, () => world.ended);
      assert.is(migrations.records().at(-1)!.state, "settled");
      assert.is(world.machines.get("vm")!.dc, to);
      world.check(`to ${to}`);
    }
    assert.equal(world.reports, []);
  });

test.run();
