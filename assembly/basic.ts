// Kernels of the basic elements: counting, painting, storing, copying, making packets.

import {
  PORT_ALL, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_PORT, SLOT_TIMESTAMP,
} from "./layout";
import { poolCopy, poolEnlarge, poolTakeRoom } from "./pool";
import { count64, slotAt, slotEnd, slotStart } from "./slot";

/** Adds `count` to the counter at `state`, the packets' lengths to the one after it. Returns the sum of the lengths. */
export function countBatch(state: u32, batch: u32, count: u32): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < count; i++) sum += load<u32>(slotAt(batch, i), SLOT_LENGTH);
  count64(state, count);
  count64(state + 8, sum);
  return sum;
}

/** Sets annotation byte `anno` of every packet to `color`. */
export function paintBatch(batch: u32, count: u32, anno: u32, color: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u8>(slotAt(batch, i) + anno, <u8>color, SLOT_ANNO);
}

/** Chooses the output whose number is annotation byte `anno`; 255 means PORT_ALL. */
export function paintPorts(batch: u32, count: u32, anno: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const color = <u32>load<u8>(slot + anno, SLOT_ANNO);
    store<u16>(slot, <u16>(color == 255 ? PORT_ALL : color), SLOT_PORT);
  }
}

/** Keeps the packets whose annotation byte `anno` is `color`; moves the others to `bad`. Returns how many are kept. */
export function paintDivide(batch: u32, count: u32, anno: u32, color: u32, bad: u32): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if (<u32>load<u8>(slot + anno, SLOT_ANNO) == color) store<u32>(batch + (kept++ << 2), slot);
    else store<u32>(bad + ((i - kept) << 2), slot);
  }
  return kept;
}

/**
 * Copies the packets whose annotation byte `anno` is `color` to `out`; returns how many copies were made. Those that
 * there was no slot for are added to the u64 counter at `state`.
 */
export function paintCopy(state: u32, batch: u32, count: u32, anno: u32, color: u32, out: u32): u32 {
  let made: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if (<u32>load<u8>(slot + anno, SLOT_ANNO) != color) continue;
    const copy = poolCopy(slot);
    if (copy == 0) count64(state, 1);
    else store<u32>(out + (made++ << 2), copy);
  }
  return made;
}

/** Overwrites each packet's data from byte `offset` on with the `length` bytes at `from`, as far as the packet goes. */
export function storeBatch(batch: u32, count: u32, offset: u32, from: u32, length: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const has = load<u32>(slot, SLOT_LENGTH);
    if (has > offset) memory.copy(load<u32>(slot, SLOT_DATA) + offset, from, min<u32>(length, has - offset));
  }
}

/**
 * Puts `n` bytes before each packet's data: those that stood there, as far as there are; where the headroom is too
 * small the data move. Packets that cannot grow that far go to `bad`. Returns how many did.
 */
export function unstripBatch(batch: u32, count: u32, n: u32, bad: u32): u32 {
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if (makeHeadroom(slot, n)) {
      store<u32>(slot, load<u32>(slot, SLOT_DATA) - n, SLOT_DATA);
      store<u32>(slot, load<u32>(slot, SLOT_LENGTH) + n, SLOT_LENGTH);
      store<u32>(batch + (good++ << 2), slot);
    } else {
      store<u32>(bad + ((i - good) << 2), slot);
    }
  }
  return good;
}

/** Sees to `n` bytes of headroom, moving data and header pointers if need be; false without room. */
function makeHeadroom(slot: u32, n: u32): bool {
  const data = load<u32>(slot, SLOT_DATA);
  const start = slotStart(slot);
  if (data - start >= n) return true;
  const length = load<u32>(slot, SLOT_LENGTH);
  const shift = n - (data - start);
  // Everything from the start of the buffer moves, so that stripped headers keep their place before the data.
  if (n > slotEnd(slot) - start || length > slotEnd(slot) - start - n) {
    if (!poolEnlarge(slot, n, length)) return false;
  } else {
    memory.copy(start + shift, start, data + length - start);
    store<u32>(slot, data + shift, SLOT_DATA);
    for (let o: u32 = 8; o <= 16; o += 4) {
      const header = load<u32>(slot + o);
      if (header != 0) store<u32>(slot + o, header + shift);
    }
  }
  memory.fill(load<u32>(slot, SLOT_DATA) - n, 0, shift);
  return true;
}

/**
 * Makes `count` packets with the `length` bytes at `from`, with `headroom` bytes before them or as many as fit,
 * stamped with steady time `now` of a clock that began at wall-clock `seconds` and `nanoseconds`, or not stamped
 * where `now` is negative. Returns how many were made: fewer when the pool is exhausted.
 */
export function makeBatch(
  batch: u32, count: u32, from: u32, length: u32, headroom: u32, seconds: f64, nanoseconds: u32, now: f64,
): u32 {
  const time: u64 = now < 0 ? 0 : <u64>seconds * 1000000000 + nanoseconds + <u64>now;
  for (let i: u32 = 0; i < count; i++) {
    const slot = poolTakeRoom(headroom, length);
    if (slot == 0) return i;
    store<u32>(slot, length, SLOT_LENGTH);
    store<u64>(slot, time, SLOT_TIMESTAMP);
    memory.copy(load<u32>(slot, SLOT_DATA), from, length);
    store<u32>(batch + (i << 2), slot);
  }
  return count;
}
