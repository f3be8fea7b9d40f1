// The packet pool: fixed slots, reused last in, first out, so that a small
// working set stays small and warm. Slots never used are not touched.

import {
  POOL_END, POOL_EXHAUSTED, POOL_FRESH, POOL_STACK, POOL_STRIDE, POOL_TOP, SLOT_DATA, SLOT_LENGTH, SLOT_META,
} from "./layout";
import { resetMeta } from "./slot";

/** Takes one slot and resets its metadata: no data, default headroom. Returns 0 when none is free. */
export function poolTake(): u32 {
  const top = load<u32>(POOL_TOP);
  let slot: u32;
  if (top != 0) {
    store<u32>(POOL_TOP, top - 1);
    slot = load<u32>(load<u32>(POOL_STACK) + (top - 1) * 4);
  } else {
    slot = load<u32>(POOL_FRESH);
    const after = slot + load<u32>(POOL_STRIDE);
    if (after > load<u32>(POOL_END)) {
      store<u64>(POOL_EXHAUSTED, load<u64>(POOL_EXHAUSTED) + 1);
      return 0;
    }
    store<u32>(POOL_FRESH, after);
  }
  resetMeta(slot);
  return slot;
}

/** Takes up to `count` slots into the array at `out`; returns how many there were. */
export function poolTakeBatch(out: u32, count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const slot = poolTake();
    if (slot == 0) return i;
    store<u32>(out + i * 4, slot);
  }
  return count;
}

/** Gives one slot back. */
export function poolGive(slot: u32): void {
  const top = load<u32>(POOL_TOP);
  store<u32>(load<u32>(POOL_STACK) + top * 4, slot);
  store<u32>(POOL_TOP, top + 1);
}

/** Gives back all `count` slots of the array at `batch`. */
export function poolGiveBatch(batch: u32, count: u32): void {
  const top = load<u32>(POOL_TOP);
  const to = load<u32>(POOL_STACK) + top * 4;
  // Backwards, so that the next take returns the first packet of this batch first.
  for (let i: u32 = 0; i < count; i++) store<u32>(to + i * 4, load<u32>(batch + (count - 1 - i) * 4));
  store<u32>(POOL_TOP, top + count);
}

/** Copies one packet, metadata and headroom position included, into a slot of its own; 0 when none is free. */
export function poolCopy(from: u32): u32 {
  const to = poolTake();
  if (to == 0) return 0;
  const shift = to - from;
  memory.copy(to, from, SLOT_META);
  const data = load<u32>(from, SLOT_DATA);
  store<u32>(to, data + shift, SLOT_DATA);
  // Header pointers move with the buffer; 0 stays "unset".
  for (let o: u32 = 8; o <= 16; o += 4) {
    const header = load<u32>(from + o);
    if (header != 0) store<u32>(to + o, header + shift);
  }
  memory.copy(data + shift, data, load<u32>(from, SLOT_LENGTH));
  return to;
}

/** Copies `count` packets of `batch` to `out`; returns how many copies were made. */
export function poolCopyBatch(batch: u32, count: u32, out: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const copy = poolCopy(load<u32>(batch + i * 4));
    if (copy == 0) return i;
    store<u32>(out + i * 4, copy);
  }
  return count;
}

