// Small inlined helpers that every kernel file uses. Not exported from the module.

import {
  POOL_HEADROOM, SLOT_BUFFER, SLOT_DATA, SLOT_END, SLOT_LENGTH, SLOT_MAC, SLOT_TRANSPORT,
} from "./layout";
import { poolEnlarge } from "./pool";

// @ts-ignore: decorator
@inline
export function slotAt(batch: u32, i: u32): u32 {
  return load<u32>(batch + (i << 2));
}

/** First byte of the packet's buffer. */
// @ts-ignore: decorator
@inline
export function slotStart(slot: u32): u32 {
  return load<u32>(slot, SLOT_BUFFER);
}

/** First byte after the packet's buffer. */
// @ts-ignore: decorator
@inline
export function slotEnd(slot: u32): u32 {
  return load<u32>(slot, SLOT_END);
}

/** Adds `n` to the 64-bit counter at `address`. */
// @ts-ignore: decorator
@inline
export function count64(address: u32, n: u64): void {
  store<u64>(address, load<u64>(address) + n);
}

/** Clears all that belongs to the packet: no data, every annotation unset. The buffer stays. SLOT_DATA is to be set. */
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
  store<u32>(slot, 0, 112);
}

/**
 * Puts `n` bytes (contents undefined) before the data, which moves where the headroom is too small. Returns the address
 * of the new data; 0, and nothing changed, where there is no room for a packet that long.
 */
// @ts-ignore: decorator
@inline
export function prepend(slot: u32, n: u32): u32 {
  const data = load<u32>(slot, SLOT_DATA);
  const length = load<u32>(slot, SLOT_LENGTH);
  const to = data - slotStart(slot) < n ? makeHeadroom(slot, n) : data;
  if (to == 0) return 0;
  store<u32>(slot, to - n, SLOT_DATA);
  store<u32>(slot, length + n, SLOT_LENGTH);
  return to - n;
}

/**
 * Moves the data (and the headers in it) so that `n` bytes are free before it, within its buffer or to a larger one;
 * returns its address, 0 without room.
 */
export function makeHeadroom(slot: u32, n: u32): u32 {
  const length = load<u32>(slot, SLOT_LENGTH);
  const usual = load<u32>(POOL_HEADROOM);
  const room = slotEnd(slot) - slotStart(slot);
  if (room < length || room - length < n) {
    // Where one header is put before the data there will be others.
    if (!poolEnlarge(slot, n + usual, length) && !poolEnlarge(slot, n, length)) return 0;
    return load<u32>(slot, SLOT_DATA);
  }
  const data = load<u32>(slot, SLOT_DATA);
  const to = slotStart(slot) + n + min<u32>(room - length - n, usual);
  memory.copy(to, data, length);
  for (let o: u32 = SLOT_MAC; o <= <u32>SLOT_TRANSPORT; o += 4) {
    const header = load<u32>(slot + o);
    // A header before the data stays behind.
    if (header != 0) store<u32>(slot + o, header < data ? 0 : header - data + to);
  }
  store<u32>(slot, to, SLOT_DATA);
  return to;
}
