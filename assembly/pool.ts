// The packet pool: slots, and the buffers of packets that do not fit their own.
//
// Slots and large buffers are cut from the end of the memory downwards, as they
// are needed, and stay what they are: given back they wait for the next packet,
// last in, first out, so that a small working set stays small and warm. What was
// never used is not touched.

import {
  HEAP_NEXT, LARGE_1, LARGE_2, LARGE_3, LARGE_4, LARGE_5, LARGE_CLASSES, LARGEST_BUFFER, OWNER_LARGE, OWNER_SLOT,
  POOL_EXHAUSTED, POOL_FLOOR, POOL_FRESH, POOL_HEADROOM, POOL_LARGE, POOL_MADE, POOL_MOST, POOL_STACK, POOL_STRIDE,
  POOL_TOP, SLOT_BUFFER, SLOT_COPIED, SLOT_DATA, SLOT_END, SLOT_LENGTH, SLOT_MAC, SLOT_META, SLOT_OWNER, SLOT_TRACE,
  SLOT_TRANSPORT, SLOT_WATCHED,
} from "./layout";
import { count64, resetMeta } from "./slot";

/** Cuts `bytes` from the end of the untouched memory; 0 when it is used up. */
function cut(bytes: u32): u32 {
  const fresh = load<u32>(POOL_FRESH);
  if (bytes > fresh - max<u32>(load<u32>(HEAP_NEXT), load<u32>(POOL_FLOOR))) return 0;
  store<u32>(POOL_FRESH, fresh - bytes);
  return fresh - bytes;
}

/** Makes a slot; 0 when there is no room for one more. */
function makeSlot(): u32 {
  const made = load<u32>(POOL_MADE);
  const stride = load<u32>(POOL_STRIDE);
  const slot = made < load<u32>(POOL_MOST) ? cut(stride) : 0;
  if (slot == 0) return 0;
  store<u32>(POOL_MADE, made + 1);
  store<u32>(slot, slot + SLOT_META, SLOT_BUFFER);
  store<u32>(slot, slot + stride, SLOT_END);
  return slot;
}

/** Takes one slot, whose buffer is its own, and resets its metadata: no data, default headroom. Returns 0 when there is none. */
export function poolTake(): u32 {
  const top = load<u32>(POOL_TOP);
  let slot: u32;
  if (top != 0) {
    store<u32>(POOL_TOP, top - 1);
    slot = load<u32>(load<u32>(POOL_STACK) + (top - 1) * 4);
  } else {
    slot = makeSlot();
    if (slot == 0) {
      count64(POOL_EXHAUSTED, 1);
      return 0;
    }
  }
  resetMeta(slot);
  store<u32>(slot, slot + SLOT_META + load<u32>(POOL_HEADROOM), SLOT_DATA);
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

/**
 * Takes one slot for `length` bytes of data with `before` bytes of headroom, or as many as there is room for: its data
 * may have that length. Returns 0 when there is none, or no packet is so long.
 */
export function poolTakeRoom(before: u32, length: u32): u32 {
  if (length > poolLongest()) return 0;
  const slot = poolTake();
  if (slot == 0) return 0;
  before = min<u32>(before, poolLongest() - length);
  if (before + length > load<u32>(slot, SLOT_END) - load<u32>(slot, SLOT_BUFFER) && !attach(slot, before + length)) {
    poolGive(slot);
    return 0;
  }
  store<u32>(slot, load<u32>(slot, SLOT_BUFFER) + before, SLOT_DATA);
  return slot;
}

/** Bytes of the longest packet. */
export function poolLongest(): u32 {
  return max<u32>(load<u32>(POOL_STRIDE) - SLOT_META, LARGEST_BUFFER);
}

/** Takes one slot for `length` bytes of data with the usual headroom. Returns 0 when there is none, or no packet is so long. */
export function poolTakeFor(length: u32): u32 {
  const slot = poolTake();
  if (slot == 0 || length <= load<u32>(slot, SLOT_END) - load<u32>(slot, SLOT_DATA)) return slot;
  poolGive(slot);
  return poolTakeRoom(load<u32>(POOL_HEADROOM), length);
}

/** Gives one slot back, and its buffer to whom it belongs. */
export function poolGive(slot: u32): void {
  if (load<u32>(slot, SLOT_OWNER) != OWNER_SLOT) release(slot);
  const top = load<u32>(POOL_TOP);
  store<u32>(load<u32>(POOL_STACK) + top * 4, slot);
  store<u32>(POOL_TOP, top + 1);
}

/** Gives back all `count` slots of the array at `batch`. */
export function poolGiveBatch(batch: u32, count: u32): void {
  const top = load<u32>(POOL_TOP);
  const to = load<u32>(POOL_STACK) + top * 4;
  // Backwards, so that the next take returns the first packet of this batch first.
  for (let i: u32 = 0; i < count; i++) {
    const slot = load<u32>(batch + (count - 1 - i) * 4);
    if (load<u32>(slot, SLOT_OWNER) != OWNER_SLOT) release(slot);
    store<u32>(to + i * 4, slot);
  }
  store<u32>(POOL_TOP, top + count);
}

/** What giving back an unusual slot takes: its buffer is its own again, and whoever watches it finds that it is gone. */
function release(slot: u32): void {
  const owner = load<u32>(slot, SLOT_OWNER);
  if ((owner & SLOT_WATCHED) != 0) store<u32>(slot, 0, SLOT_TRACE);
  giveBuffer(owner, load<u32>(slot, SLOT_BUFFER));
  store<u32>(slot, slot + SLOT_META, SLOT_BUFFER);
  store<u32>(slot, slot + load<u32>(POOL_STRIDE), SLOT_END);
  store<u32>(slot, OWNER_SLOT, SLOT_OWNER);
}

// ---- Large buffers -------------------------------------------------------

function largeSize(owner: u32): u32 {
  return owner == 1 ? LARGE_1 : owner == 2 ? LARGE_2 : owner == 3 ? LARGE_3 : owner == 4 ? LARGE_4 : LARGE_5;
}

/** Where the list of free buffers of a class begins. */
// @ts-ignore: decorator
@inline
function listOf(owner: u32): u32 {
  return POOL_LARGE + (owner - OWNER_LARGE) * 4;
}

/** Gives a buffer back to its owner. */
function giveBuffer(owner: u32, buffer: u32): void {
  owner &= ~SLOT_WATCHED;
  if (owner == OWNER_SLOT) return;
  const list = listOf(owner);
  store<u32>(buffer, load<u32>(list));
  store<u32>(list, buffer);
}

/** Gives the slot a large buffer of at least `bytes` bytes, in place of its own. False when there is none. */
function attach(slot: u32, bytes: u32): bool {
  let owner: u32 = OWNER_LARGE;
  while (owner < <u32>LARGE_CLASSES && largeSize(owner) < bytes) owner++;
  let buffer = load<u32>(listOf(owner));
  if (buffer == 0) buffer = cut(largeSize(owner));
  else store<u32>(listOf(owner), load<u32>(buffer));
  // One that waits may be larger than needed.
  while (buffer == 0 && owner < <u32>LARGE_CLASSES) {
    buffer = load<u32>(listOf(++owner));
    if (buffer != 0) store<u32>(listOf(owner), load<u32>(buffer));
  }
  if (buffer == 0) {
    count64(POOL_EXHAUSTED, 1);
    return false;
  }
  store<u32>(slot, buffer, SLOT_BUFFER);
  store<u32>(slot, buffer + largeSize(owner), SLOT_END);
  store<u32>(slot, (load<u32>(slot, SLOT_OWNER) & SLOT_WATCHED) | owner, SLOT_OWNER);
  return true;
}

/**
 * Moves the packet to a larger buffer, in which it has `before` bytes of headroom at least and `length` bytes from the
 * data on; what stood before the data stands there again, and the headers move along. False, and nothing changed, when
 * there is none.
 */
export function poolEnlarge(slot: u32, before: u32, length: u32): bool {
  const start = load<u32>(slot, SLOT_BUFFER);
  const data = load<u32>(slot, SLOT_DATA);
  const headroom = max<u32>(before, data - start);
  const most: u32 = LARGEST_BUFFER;
  if (headroom > most || length > most - headroom) return false;
  const owner = load<u32>(slot, SLOT_OWNER);
  if (!attach(slot, headroom + length)) return false;
  const to = load<u32>(slot, SLOT_BUFFER) + headroom;
  memory.copy(to - (data - start), start, data - start + load<u32>(slot, SLOT_LENGTH));
  moveHeaders(slot, to - data);
  store<u32>(slot, to, SLOT_DATA);
  // Only now: a buffer that waits is written to.
  giveBuffer(owner, start);
  return true;
}

/** Adds `shift` to the addresses of the headers; 0 stays "unset". */
function moveHeaders(slot: u32, shift: u32): void {
  for (let o: u32 = SLOT_MAC; o <= <u32>SLOT_TRANSPORT; o += 4) {
    const header = load<u32>(slot + o);
    if (header != 0) store<u32>(slot + o, header + shift);
  }
}

// ---- Copies --------------------------------------------------------------

/** Copies one packet, metadata and headroom position included, into a slot of its own; 0 when there is none. */
export function poolCopy(from: u32): u32 {
  const to = poolTake();
  if (to == 0) return 0;
  const start = load<u32>(from, SLOT_BUFFER);
  const data = load<u32>(from, SLOT_DATA);
  const length = load<u32>(from, SLOT_LENGTH);
  const used = data - start + length;
  if (used > load<u32>(to, SLOT_END) - load<u32>(to, SLOT_BUFFER) && !attach(to, used)) {
    poolGive(to);
    return 0;
  }
  memory.copy(to, from, SLOT_COPIED);
  const shift = load<u32>(to, SLOT_BUFFER) - start;
  store<u32>(to, data + shift, SLOT_DATA);
  moveHeaders(to, shift);
  memory.copy(data + shift, data, length);
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
