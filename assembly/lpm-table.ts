// What the prefix tables of both families share: the table's header, and
// arrays of exactly as many records as they hold. Not exported from the module.
//
// A node covers a few address bits. It has one bit for each child and one for
// each prefix that ends inside it; children and values stand in arrays without
// gaps, in bit order, so that a bit's rank is its record's place. A node with
// one value holds it in place of the array's address.

import { heapAlloc, heapFree } from "./heap";

// A node's first 16 bytes, in both families.
export const NODE_CHILDREN = 0; // IPv4: u32, a bit for each child; IPv6: u16, then u8 level
export const NODE_PREFIXES = 4; // u32: a bit for each prefix, numbered like a heap: 1, then 2 and 3, ...
export const NODE_ARRAY = 8; // u32: address of the child nodes
export const NODE_VALUE = 12; // u32: the one value, or the address of the values

// A table's header. The root node comes first.
export const TABLE_COUNT = 32; // u32: prefixes
export const TABLE_BYTES = 36; // u32: bytes of heap, the header included
export const TABLE_DEFAULT = 40; // u32: IPv6: value of ::/0
export const TABLE_INDEX = 44; // u32: IPv4: address of the index, 0 = none
export const TABLE_LEVELS = 64; // u32 x 8: IPv4: nodes on each level
export const TABLE_MASKS = 128; // u32 x 16: the prefix bits that can match, by the node's address bits
export const TABLE_WALKS = 192; // 16 bytes x WALKS: the walks of a batch lookup
export const WALKS: u32 = 16;
export const TABLE_4_SIZE = 448;
export const TABLE_KEYS = 448; // 16 bytes x 32: IPv6: mask of the address bits above each level
export const TABLE_6_SIZE = 1024;

/** What an insert returns when the heap is exhausted; so it cannot be a value. */
export const LPM_NO_MEMORY: u32 = 0xffffffff;

// @ts-ignore: decorator
@inline
function rounded(size: u32): u32 {
  return (size + 15) & ~15; // what is larger than 512 bytes here is a power of two
}

/** Takes a zeroed block for the table; 0 when the heap is exhausted. */
export function grab(table: u32, size: u32): u32 {
  const block = heapAlloc(size);
  if (block != 0) store<u32>(table, load<u32>(table, TABLE_BYTES) + rounded(size), TABLE_BYTES);
  return block;
}

/** Gives a block of the table back. */
export function giveBack(table: u32, block: u32, size: u32): void {
  heapFree(block, size);
  store<u32>(table, load<u32>(table, TABLE_BYTES) - rounded(size), TABLE_BYTES);
}

/** Makes room for a record at place `k` of `n` records. Returns the array, moved or not; 0 (unchanged) when the heap is exhausted. */
export function openGap(table: u32, array: u32, n: u32, width: u32, k: u32): u32 {
  const size = n * width;
  const at = k * width;
  if (n != 0 && rounded(size + width) == rounded(size)) {
    memory.copy(array + at + width, array + at, size - at);
    return array;
  }
  const moved = grab(table, size + width);
  if (moved == 0 || n == 0) return moved;
  memory.copy(moved, array, at);
  memory.copy(moved + at + width, array + at, size - at);
  giveBack(table, array, size);
  return moved;
}

/** Removes the record at place `k` of `n`. Returns the array, moved or not, 0 when it is empty now. Cannot fail. */
export function closeGap(table: u32, array: u32, n: u32, width: u32, k: u32): u32 {
  const size = n * width;
  const at = k * width;
  const less = size - width;
  if (less == 0) {
    giveBack(table, array, size);
    return 0;
  }
  if (rounded(less) != rounded(size)) {
    const moved = grab(table, less);
    if (moved != 0) {
      memory.copy(moved, array, at);
      memory.copy(moved + at, array + at + width, less - at);
      giveBack(table, array, size);
      return moved;
    }
  }
  memory.copy(array + at, array + at + width, less - at);
  // The heap is exhausted: cut the block's end off instead. (Blocks carry no headers.) Not done otherwise,
  // since growing and shrinking by turns would grind all large blocks into small ones.
  const keep = rounded(less);
  if (keep != rounded(size)) giveBack(table, array + keep, rounded(size) - keep);
  return array;
}

/** Value at prefix bit `position` of `node`, which has that bit. */
// @ts-ignore: decorator
@inline
export function valueAddress(node: u32, position: u32): u32 {
  const prefixes = load<u32>(node, NODE_PREFIXES);
  const rank = popcnt<u32>(prefixes & ((1 << position) - 1));
  return select<u32>(
    node + NODE_VALUE,
    load<u32>(node, NODE_VALUE) + (rank << 2),
    (prefixes & (prefixes - 1)) == 0,
  );
}

/** Sets the value at `position`. Returns the value it replaces, 0, or LPM_NO_MEMORY (unchanged). */
export function setValue(table: u32, node: u32, position: u32, value: u32): u32 {
  const prefixes = load<u32>(node, NODE_PREFIXES);
  const bit: u32 = 1 << position;
  if ((prefixes & bit) != 0) {
    const at = valueAddress(node, position);
    const old = load<u32>(at);
    store<u32>(at, value);
    return old;
  }
  const n = popcnt<u32>(prefixes);
  const rank = popcnt<u32>(prefixes & (bit - 1));
  if (n == 0) {
    store<u32>(node, value, NODE_VALUE);
  } else {
    let array: u32;
    if (n == 1) {
      array = grab(table, 8);
      if (array == 0) return LPM_NO_MEMORY;
      store<u32>(array + ((rank ^ 1) << 2), load<u32>(node, NODE_VALUE));
    } else {
      array = openGap(table, load<u32>(node, NODE_VALUE), n, 4, rank);
      if (array == 0) return LPM_NO_MEMORY;
    }
    store<u32>(array + (rank << 2), value);
    store<u32>(node, array, NODE_VALUE);
  }
  store<u32>(node, prefixes | bit, NODE_PREFIXES);
  return 0;
}

/** Removes the value at `position`; returns it, or 0 when there was none. */
export function dropValue(table: u32, node: u32, position: u32): u32 {
  const prefixes = load<u32>(node, NODE_PREFIXES);
  const bit: u32 = 1 << position;
  if ((prefixes & bit) == 0) return 0;
  const old = load<u32>(valueAddress(node, position));
  const n = popcnt<u32>(prefixes);
  const rank = popcnt<u32>(prefixes & (bit - 1));
  const array = load<u32>(node, NODE_VALUE);
  if (n == 1) {
    store<u32>(node, 0, NODE_VALUE);
  } else if (n == 2) {
    store<u32>(node, load<u32>(array + ((rank ^ 1) << 2)), NODE_VALUE);
    giveBack(table, array, 8);
  } else {
    store<u32>(node, closeGap(table, array, n, 4, rank), NODE_VALUE);
  }
  store<u32>(node, prefixes & ~bit, NODE_PREFIXES);
  return old;
}

/** Writes the mask of each of the 16 leading address bits of a node: its ancestors in heap numbering. */
export function writeMasks(table: u32, first: u32, last: u32): void {
  for (let s: u32 = 0; s < 16; s++) {
    let mask: u32 = 0;
    for (let r = first; r <= last; r++) mask |= 1 << ((1 << r) | (s >> (4 - r)));
    store<u32>(table + (s << 2), mask, TABLE_MASKS);
  }
}
