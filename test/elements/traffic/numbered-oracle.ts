// NumberedSink as plainly as it can be said: every number that came is kept, and all is worked out from them.

import type { NumberedReport } from "../../../src/transport/streams/numbered-flow.js";

/** A packet of a numbered stream, `wait` nanoseconds after the one before. */
export interface Sent {
  readonly number: number;
  /** Which run of the sender it is of, from 0 on. */
  readonly run: number;
  readonly wait: number;
}

type Told = Pick<
  NumberedReport,
  | "received"
  | "lost"
  | "doubled"
  | "reordered"
  | "reordering_extent_mean"
  | "reordering_extent_max"
  | "too_old"
  | "stale"
  | "restarts"
  | "lost_ranges"
  | "longest_gap"
> & { readonly gaps: number };

/** What the sink is to tell of `packets`, with a window of `window` numbers and gaps from `threshold` nanoseconds on. */
export function account(packets: readonly Sent[], window: number, threshold: number): Told {
  const told = { received: 0, doubled: 0, reordered: 0, too_old: 0, stale: 0, restarts: 0 };
  const runs: number[][] = [];
  let current = -1;
  let time = 0;
  let last = Number.NaN;
  const extents: number[] = [];
  const waits: number[] = [];
  for (const { number, run, wait } of packets) {
    time += wait;
    if (run < current) {
      told.stale++;
      continue;
    }
    if (run > current) {
      if (current >= 0) told.restarts++;
      current = run;
      runs.push([]);
    }
    const came = runs.at(-1)!;
    const highest = Math.max(0, ...came);
    if (highest - number >= window) {
      told.too_old++;
      continue;
    }
    if (came.includes(number)) {
      told.doubled++;
      continue;
    }
    told.received++;
    if (number < highest) {
      told.reordered++;
      extents.push(came.length - came.findIndex((n) => n > number));
    }
    came.push(number);
    if (!Number.isNaN(last)) waits.push(time - last);
    last = time;
  }
  const lostRanges: [number, number][] = [];
  let lost = 0;
  for (const came of runs) {
    let open = false;
    for (let n = 1; n <= Math.max(0, ...came); n++) {
      const missing = !came.includes(n);
      if (missing) lost++;
      if (missing && open) lostRanges.at(-1)![1] = n;
      else if (missing) lostRanges.push([n, n]);
      open = missing;
    }
  }
  return {
    ...told,
    lost,
    reordering_extent_mean: extents.length === 0 ? 0 : extents.reduce((a, b) => a + b) / extents.length,
    reordering_extent_max: Math.max(0, ...extents),
    lost_ranges: lostRanges,
    longest_gap: Math.max(0, ...waits) / 1e9,
    gaps: waits.filter((wait) => wait > threshold).length,
  };
}
