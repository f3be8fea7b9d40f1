// Small inlined helpers that every kernel file uses. Not exported from the module.

import { POOL_HEADROOM, POOL_STRIDE, SLOT_DATA, SLOT_META } from "./layout";

// @ts-ignore: decorator
@inline
export function slotAt(batch: u32, i: u32): u32 {
  return load<u32>(batch + (i << 2));
}

/** First byte after the slot's buffer. */
// @ts-ignore: decorator
@inline
export function slotEnd(slot: u32): u32 {
  return slot + load<u32>(POOL_STRIDE);
}

/** Adds `n` to the 64-bit counter at `address`. */
// @ts-ignore: decorator
@inline
export function count64(address: u32, n: u64): void {
  store<u64>(address, load<u64>(address) + n);
}

/** Empty packet, default headroom, every annotation unset. */
// @ts-ignore: decorator
@inline
export function resetMeta(slot: u32): void {
  const zero = i64x2.splat(0);
  v128.store(slot, zero);
  v128.store(slot, zero, 16);
  v128.store(slot, zero, 32);
  v128.store(slot, zero, 48);
  v128.store(slot, zero, 64);
  v128.store(slot, zero, 80);
  v128.store(slot, zero, 96);
  v128.store(slot, zero, 112);
  store<u32>(slot, slot + SLOT_META + load<u32>(POOL_HEADROOM), SLOT_DATA);
}
