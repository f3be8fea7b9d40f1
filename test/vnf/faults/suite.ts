// Hours of four-sites.yaml under random faults, in several files so that each ends in time.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Hour, kindsText, runHour } from "./hour.js";

/** Declares a test for an hour of each seed, and one that things did go wrong in them. */
export function hours(seeds: readonly number[]): void {
  const done: Hour[] = [];
  for (const seed of seeds) {
    test(`an hour with the faults of seed ${seed}`, async () => {
      const hour = await runHour(seed);
      done.push(hour);
      console.log(`seed ${seed}: ${kindsText(hour.kinds)}; right again ${hour.settled} times`);
    });
  }
  test("much went wrong, hosts moved, and acknowledged registrations were looked for", () => {
    const kinds = new Set(done.flatMap((hour) => [...hour.kinds.keys()]));
    for (const kind of ["link down", "loss", "delay", "crash", "move"]) assert.ok(kinds.has(kind), kind);
    assert.ok(
      done.every((hour) => hour.settled > 5 && Math.min(...hour.arrived) > 5000 && hour.looked > 1000),
    );
  });
}
