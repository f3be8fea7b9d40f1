// Kernels on timestamps. Wall-clock times come as seconds and nanoseconds, which TypeScript's numbers hold exactly;
// steady times are nanoseconds since the router's clock began, at wall-clock `seconds` and `nanoseconds`.

import { SLOT_TIMESTAMP } from "./layout";
import { slotAt } from "./slot";

// @ts-ignore: decorator
@inline
function wall(seconds: f64, nanoseconds: u32): u64 {
  return <u64>seconds * 1000000000 + nanoseconds;
}

/** Stores wall-clock time `seconds`, `nanoseconds` plus `elapsed` nanoseconds in the u64 at byte `offset` of every slot (SLOT_TIMESTAMP, or an annotation). */
export function stampBatch(batch: u32, count: u32, offset: u32, seconds: f64, nanoseconds: u32, elapsed: f64): void {
  const time = wall(seconds, nanoseconds) + <u64>elapsed;
  for (let i: u32 = 0; i < count; i++) store<u64>(slotAt(batch, i) + offset, time);
}

/**
 * Adds `delay` nanoseconds to every packet's timestamp. A packet without one (before second 1 of the epoch) is taken
 * to have arrived at steady time `now`.
 */
export function delayBatch(batch: u32, count: u32, delay: f64, seconds: f64, nanoseconds: u32, now: f64): void {
  const present = wall(seconds, nanoseconds) + <u64>now;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    let time = load<u64>(slot, SLOT_TIMESTAMP);
    if (time < 1000000000) time = present;
    store<u64>(slot, time + <u64>delay, SLOT_TIMESTAMP);
  }
}

/** How many packets at the front of `batch` have a timestamp that has come by steady time `now`. */
export function dueBatch(batch: u32, count: u32, seconds: f64, nanoseconds: u32, now: f64): u32 {
  const present = wall(seconds, nanoseconds) + <u64>now;
  for (let i: u32 = 0; i < count; i++) if (load<u64>(slotAt(batch, i), SLOT_TIMESTAMP) > present) return i;
  return count;
}

/** A packet's timestamp as steady time; exact within 104 days of the clock's start. */
export function stampSteady(slot: u32, seconds: f64, nanoseconds: u32): f64 {
  return <f64>(<i64>(load<u64>(slot, SLOT_TIMESTAMP) - wall(seconds, nanoseconds)));
}
