// Simulated hours under random faults for `npm run soak -- --only faults`.

import { FaultFailure, kindsText, runHour } from "./hour.js";

/** Runs `count` hours from seed `first` on; returns how many kept to the protocol. */
export async function soakFaults(first: number, count: number): Promise<number> {
  const kinds = new Map<string, number>();
  const failed: number[] = [];
  for (let seed = first; seed < first + count; seed++) {
    try {
      const hour = await runHour(seed);
      for (const [kind, n] of hour.kinds) kinds.set(kind, (kinds.get(kind) ?? 0) + n);
      console.log(`seed ${seed}: ${kindsText(hour.kinds)}; right again ${hour.settled} times`);
    } catch (e) {
      if (!(e instanceof FaultFailure)) throw e;
      console.log(`FAIL ${e.message}`);
      failed.push(seed);
    }
  }
  const kept = count - failed.length;
  if (failed.length > 0) console.log(`failed: seeds ${failed.join(", ")}`);
  console.log(
    `${kept} of ${count} hours, seeds ${first} to ${first + count - 1}, kept to the protocol: ${kindsText(kinds)}`,
  );
  return kept;
}
