// Kernels on whole batches: moving data pointers, splitting, stamping.

import { SLOT_DATA, SLOT_LENGTH, SLOT_PORT, SLOT_TIMESTAMP } from "./layout";
import { slotAt } from "./slot";

/**
 * Moves every packet whose SLOT_PORT is `port` to `out`, keeping order, and closes the gaps in `batch`.
 * Returns the number moved.
 */
export function batchSplit(batch: u32, count: u32, port: u32, out: u32): u32 {
  let kept: u32 = 0;
  let moved: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if (load<u16>(slot, SLOT_PORT) == port) store<u32>(out + (moved++ << 2), slot);
    else store<u32>(batch + (kept++ << 2), slot);
  }
  return moved;
}

/** Drops `n` bytes from the front of each packet (a packet shorter than that becomes empty). */
export function batchStrip(batch: u32, count: u32, n: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const take = min<u32>(n, load<u32>(slot, SLOT_LENGTH));
    store<u32>(slot, load<u32>(slot, SLOT_DATA) + take, SLOT_DATA);
    store<u32>(slot, load<u32>(slot, SLOT_LENGTH) - take, SLOT_LENGTH);
  }
}

/** Sum of the data lengths, in bytes. */
export function batchBytes(batch: u32, count: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < count; i++) sum += load<u32>(slotAt(batch, i), SLOT_LENGTH);
  return sum;
}

/** Sets every packet's timestamp, in nanoseconds since the epoch, given as two 32-bit halves. */
export function batchStamp(batch: u32, count: u32, high: u32, low: u32): void {
  const t = ((<u64>high) << 32) | low;
  for (let i: u32 = 0; i < count; i++) store<u64>(slotAt(batch, i), t, SLOT_TIMESTAMP);
}
