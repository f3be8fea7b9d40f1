// Every fault at every step, in every arm: in the end one site claims, the virtual machine runs once, nothing is armed
// still, and nothing that was accepted is lost.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ARM_NAMES, type ArmName } from "../../../src/cloud/migration/arms.js";
import { hasEnded, type State } from "../../../src/cloud/migration/record.js";
import { SeededRandom } from "../../../src/router/random.js";
import { FAULTS, type Fault, STEPS } from "./faults.js";
import type { Place } from "./network.js";
import { World } from "./world.js";

/** Seconds in which a migration must have ended after the fault is over: copying, time-outs, and one who is lost. */
const ENDS = 2 * 1.2 + 2 + 5;
/** Times that each pair of step and fault comes, with another arm and other delays each time: more for a soak. */
const ROUNDS = Number(process.env.SLUICE_ROUNDS ?? 1);
/** Seconds without service that a fault may cost beside those that it lasts, and a STOP-RESUME of this world. */
const UNSERVED = 2 + 0.2;

async function run(step: State, fault: Fault, arm: ArmName, seed: number): Promise<void> {
  const context = `${fault.name} at ${step}, arm ${arm}, seed ${seed}`;
  const random = new SeededRandom(seed);
  const delays = new Map<string, number>();
  const owd = (from: Place, to: Place): number => {
    const key = [from, to].sort().join();
    if (!delays.has(key)) delays.set(key, 0.001 + random.real() * 0.049);
    return delays.get(key)!;
  };
  const world = new World({ seed, arm, owd });
  world.add("vm", "dc1", ["10.1.0.5", "fd00::5"]);
  if (seed % 2 === 0) for (const h of Object.values(world.hypervisors)) h.speaks = true;
  const migrations = await world.start();
  let struck = Number.POSITIVE_INFINITY;
  let ended = 0;
  world.entered = (record) => {
    if (hasEnded(record.state)) ended = world.network.now;
    if (record.state !== step || struck < Number.POSITIVE_INFINITY) return;
    struck = world.network.now;
    fault.strike(world);
  };
  // The way back is gone when somebody wants it.
  if (step === "cancelling")
    world.network.after(
      0.7 + random.real(),
      () => void migrations.cancel("vm", "the user is back").catch(() => {}),
    );
  await migrations.request({ vm: "vm", to: "dc2", reason: "the user is there" }).catch((error) => {
    if (error.code !== "STORE" && error.code !== "STANDBY") throw error;
  });
  try {
    await world.network.run(200, () => world.ended && world.network.now > struck + fault.lasts);
    const begun = struck === Number.POSITIVE_INFINITY ? 0 : struck + fault.lasts;
    assert.ok(world.ended, "it goes on");
    assert.ok(ended < begun + ENDS, `ended ${ended - begun} s after`);
    assert.ok(world.unserved < fault.lasts + UNSERVED, `unserved for ${world.unserved} s`);
    assert.ok(world.bothClaimed < fault.lasts + UNSERVED, `claimed by both for ${world.bothClaimed} s`);
    if (fault.settles && step !== "cancelling" && struck < Number.POSITIVE_INFINITY)
      assert.is(world.controller!.migrations.records()[0].state, "settled");
    // What is on its way arrives.
    await world.network.run(5);
    world.check("in the end");
    const [record] = await world.stored();
    assert.equal(record.state, world.controller!.migrations.records()[0].state);
    assert.is(world.machines.get("vm")!.dc, record.state === "settled" ? "dc2" : "dc1");
  } catch (error) {
    const lines = world.controller?.migrations.records().flatMap(({ history }) => history) ?? [];
    const trace = lines.map((s) => `${s.at % 1e6} ${s.state} ${s.from} ${s.what}`).join("\n");
    throw new Error(`${context}: ${(error as Error).message}\n${trace}\n${world.reports.join("\n")}`);
  }
}

for (const [i, step] of STEPS.entries())
  test(`whatever fails while a migration is ${step}`, async () => {
    const failed: string[] = [];
    for (let round = 0; round < ROUNDS; round++)
      for (const [j, fault] of FAULTS.entries()) {
        const arm = ARM_NAMES[(i + j + round) % ARM_NAMES.length];
        const seed = 1 + j + FAULTS.length * (i + STEPS.length * round);
        await run(step, fault, arm, seed).catch((error) => failed.push((error as Error).message));
      }
    assert.equal(
      failed.length,
      0,
      `${failed.length} fail:\n${failed.map((f) => f.split("\n")[0]).join("\n")}\n\n${failed[0]}`,
    );
  });

test.run();
