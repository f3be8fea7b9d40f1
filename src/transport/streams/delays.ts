// One-way delays, from the histogram that a kernel keeps.

import { DELAY_BITS, DELAY_BUCKETS } from "../../../assembly/traffic-layout.js";
import type { BlockView } from "./block-view.js";

/** The least delay of bucket `i`, nanoseconds. */
export function bucketFrom(i: number): number {
  const each = 2 ** DELAY_BITS;
  if (i < each) return i;
  const shift = Math.floor(i / each) - 1;
  return (each + (i % each)) * 2 ** shift;
}

/**
 * The delays, in nanoseconds, below which the given parts (0 to 1) of those in the histogram at `offset` are: to 1 in 128.
 * Null where there are none. `min` and `max` are the least and the greatest, which no percentile leaves.
 */
export function percentiles(
  view: BlockView,
  offset: number,
  parts: readonly number[],
  min: number,
  max: number,
): number[] | null {
  let total = 0;
  const counts = new Float64Array(DELAY_BUCKETS);
  for (let i = 0; i < DELAY_BUCKETS; i++) {
    counts[i] = view.u64(offset + i * 8);
    total += counts[i];
  }
  if (total === 0) return null;
  return parts.map((part) => {
    const rank = Math.max(1, Math.ceil(part * total));
    let seen = 0;
    let bucket = 0;
    while (seen + counts[bucket] < rank) seen += counts[bucket++];
    const from = bucketFrom(bucket);
    // The buckets of single nanoseconds are exact.
    const middle = from < 2 ** DELAY_BITS ? from : (from + bucketFrom(bucket + 1)) / 2;
    return Math.min(max, Math.max(min, middle));
  });
}
