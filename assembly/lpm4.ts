// Longest-prefix match for IPv4: a tree bitmap of stride 5 (Eatherton, Varghese,
// Dittia, "Tree bitmap", CCR 34(2), 2004). Level l of 0..6 looks at address bits
// 5l..5l+4 and holds the prefixes of lengths 5l..5l+4. An update changes at most
// one array on each level.
//
// A table that has grown gets an index by the first 15 bits to the nodes of
// level 3. A lookup starts there and turns to the levels above only when it
// finds nothing below, so that a short prefix is still one entry and not
// written all over the index. (A second index by 20 bits gained nothing.)
//
// Addresses in arguments are in host order. Values are 1..0xfffffffe.

import { heapAlloc, heapFree } from "./heap";
import {
  closeGap, dropValue, giveBack, grab, LPM_NO_MEMORY, NODE_ARRAY, NODE_CHILDREN, NODE_PREFIXES, NODE_VALUE, openGap,
  setValue, TABLE_4_SIZE, TABLE_BYTES, TABLE_COUNT, TABLE_INDEX, TABLE_LEVELS, valueAddress,
  writeMasks,
} from "./lpm-table";

const INDEX_SIZE: u32 = (1 << 15) * 4;
// The index comes at the larger number of prefixes and goes at half of it, so that a table that hovers
// around the number does not make and drop it all the time.
const INDEX_FROM: u32 = 1024;

/** The five address bits that a node on `level` looks at. */
// @ts-ignore: decorator
@inline
export function stride(addr: u32, level: u32): u32 {
  return (addr << (level * 5)) >> 27;
}

// @ts-ignore: decorator
@inline
function position(addr: u32, level: u32, len: u32): u32 {
  const inside = len - level * 5;
  return (1 << inside) | (stride(addr, level) >> (5 - inside));
}

// @ts-ignore: decorator
@inline
function network(addr: u32, len: u32): u32 {
  return len == 0 ? 0 : addr & (0xffffffff << (32 - len));
}

/** The child of `node` at address bits `s`; 0 when there is none. */
// @ts-ignore: decorator
@inline
export function child4(node: u32, s: u32): u32 {
  const children = load<u32>(node, NODE_CHILDREN);
  if (((children >> s) & 1) == 0) return 0;
  return load<u32>(node, NODE_ARRAY) + (popcnt<u32>(children & ((1 << s) - 1)) << 4);
}

/** Makes an empty table; 0 when the heap is exhausted. */
export function lpm4Create(): u32 {
  const table = heapAlloc(TABLE_4_SIZE);
  if (table == 0) return 0;
  store<u32>(table, TABLE_4_SIZE, TABLE_BYTES);
  writeMasks(table, 0, 4);
  return table;
}

function freeBelow(table: u32, node: u32): void {
  const n = popcnt<u32>(load<u32>(node, NODE_CHILDREN));
  const array = load<u32>(node, NODE_ARRAY);
  for (let k: u32 = 0; k < n; k++) freeBelow(table, array + (k << 4));
  if (n != 0) giveBack(table, array, n << 4);
  const values = popcnt<u32>(load<u32>(node, NODE_PREFIXES));
  if (values > 1) giveBack(table, load<u32>(node, NODE_VALUE), values << 2);
}

/** Frees the table and all it holds. */
export function lpm4Destroy(table: u32): void {
  freeBelow(table, table);
  heapFree(load<u32>(table, TABLE_INDEX), INDEX_SIZE);
  heapFree(table, TABLE_4_SIZE);
}

/** Number of prefixes in a table of either family. */
export function lpmCount(table: u32): u32 {
  return load<u32>(table, TABLE_COUNT);
}

/** Bytes of heap that a table of either family occupies. */
export function lpmBytes(table: u32): u32 {
  return load<u32>(table, TABLE_BYTES);
}

/** Writes the addresses of `node`'s 32 possible children to `index`. */
function writeChildren(node: u32, index: u32): void {
  for (let s: u32 = 0; s < 32; s++) store<u32>(index + (s << 2), child4(node, s));
}

/** The children of `node`, on level 2, have moved: tells the index, if there is one. */
function childrenMoved(table: u32, node: u32, addr: u32): void {
  const index = load<u32>(table, TABLE_INDEX);
  if (index != 0) writeChildren(node, index + (addr >> 22 << 7));
}

function makeIndex(table: u32): void {
  const index = grab(table, INDEX_SIZE);
  if (index == 0) return; // slower without, but not wrong; the next insert tries again
  for (let a: u32 = 0; a < 32; a++) {
    const node1 = child4(table, a);
    for (let b: u32 = 0; node1 != 0 && b < 32; b++) {
      const node2 = child4(node1, b);
      if (node2 != 0) writeChildren(node2, index + (((a << 5) | b) << 7));
    }
  }
  store<u32>(table, index, TABLE_INDEX);
}

/** Makes or drops the index as the number of prefixes asks for. */
function tendIndex(table: u32): void {
  const count = load<u32>(table, TABLE_COUNT);
  const index = load<u32>(table, TABLE_INDEX);
  if (index == 0) {
    if (count >= INDEX_FROM) makeIndex(table);
  } else if (count < INDEX_FROM / 2) {
    giveBack(table, index, INDEX_SIZE);
    store<u32>(table, 0, TABLE_INDEX);
  }
}

// @ts-ignore: decorator
@inline
function levelCount(table: u32, level: u32, n: i32): void {
  const at = table + (level << 2);
  store<u32>(at, load<u32>(at, TABLE_LEVELS) + n, TABLE_LEVELS);
}

function writeNode(at: u32, children: u32, prefixes: u32, array: u32, value: u32): void {
  store<u32>(at, children, NODE_CHILDREN);
  store<u32>(at, prefixes, NODE_PREFIXES);
  store<u32>(at, array, NODE_ARRAY);
  store<u32>(at, value, NODE_VALUE);
}

/** Gives back a chain of single children that begins at `block`. */
function freeChain(table: u32, block: u32): void {
  while (block != 0) {
    const below = load<u32>(block, NODE_ARRAY);
    giveBack(table, block, 16);
    block = below;
  }
}

/** Hangs the prefix below `node` on `level`, which has no child that way. All memory is had before the table changes. */
function graft(table: u32, node: u32, level: u32, addr: u32, len: u32, value: u32): bool {
  const last = len / 5;
  let children: u32 = 0;
  let prefixes: u32 = 1 << position(addr, last, len);
  let array: u32 = 0;
  let inline: u32 = value;
  for (let l = last; l > level + 1; l--) {
    const block = grab(table, 16);
    if (block == 0) {
      freeChain(table, array);
      return false;
    }
    writeNode(block, children, prefixes, array, inline);
    children = 1 << stride(addr, l - 1);
    prefixes = 0;
    array = block;
    inline = 0;
  }
  const s = stride(addr, level);
  const siblings = load<u32>(node, NODE_CHILDREN);
  const rank = popcnt<u32>(siblings & ((1 << s) - 1));
  const moved = openGap(table, load<u32>(node, NODE_ARRAY), popcnt<u32>(siblings), 16, rank);
  if (moved == 0) {
    freeChain(table, array);
    return false;
  }
  writeNode(moved + (rank << 4), children, prefixes, array, inline);
  store<u32>(node, siblings | (1 << s), NODE_CHILDREN);
  store<u32>(node, moved, NODE_ARRAY);
  for (let l = level + 1; l <= last; l++) levelCount(table, l, 1);
  if (level <= 2 && last > 2) {
    for (let l = level; l < 2; l++) node = child4(node, stride(addr, l));
    childrenMoved(table, node, addr);
  }
  return true;
}

/**
 * Inserts a prefix, or replaces its value. Returns the value it had, 0 when it is new, 0xffffffff when the
 * heap is exhausted (the table is as it was). Address bits beyond `len` (0..32) are ignored.
 */
export function lpm4Insert(table: u32, addr: u32, len: u32, value: u32): u32 {
  addr = network(addr, len);
  const last = len / 5;
  let node = table;
  for (let l: u32 = 0; l < last; l++) {
    const child = child4(node, stride(addr, l));
    if (child == 0) {
      if (!graft(table, node, l, addr, len, value)) return LPM_NO_MEMORY;
      node = 0;
      break;
    }
    node = child;
  }
  if (node != 0) {
    const old = setValue(table, node, position(addr, last, len), value);
    if (old != 0) return old;
  }
  store<u32>(table, load<u32>(table, TABLE_COUNT) + 1, TABLE_COUNT);
  tendIndex(table);
  return 0;
}

/** Removes a prefix. Returns the value it had, 0 when it was not there. */
export function lpm4Remove(table: u32, addr: u32, len: u32): u32 {
  addr = network(addr, len);
  const last = len / 5;
  let node = table;
  // The deepest node above the prefix that stays when the prefix's own node goes.
  let stays = table;
  let staysLevel: u32 = 0;
  for (let l: u32 = 0; l < last; l++) {
    const children = load<u32>(node, NODE_CHILDREN);
    if (load<u32>(node, NODE_PREFIXES) != 0 || (children & (children - 1)) != 0) {
      stays = node;
      staysLevel = l;
    }
    node = child4(node, stride(addr, l));
    if (node == 0) return 0;
  }
  const old = dropValue(table, node, position(addr, last, len));
  if (old == 0) return 0;
  if (last != 0 && load<u32>(node, NODE_CHILDREN) == 0 && load<u32>(node, NODE_PREFIXES) == 0) {
    cut(table, stays, staysLevel, addr, last);
  }
  store<u32>(table, load<u32>(table, TABLE_COUNT) - 1, TABLE_COUNT);
  tendIndex(table);
  return old;
}

/** Removes the child of `node` towards `addr`, and the empty chain below it down to level `last`. */
function cut(table: u32, node: u32, level: u32, addr: u32, last: u32): void {
  // When a whole chain down from level 2 or above goes, so does its one index entry.
  const index = load<u32>(table, TABLE_INDEX);
  if (index != 0 && level < 2 && last > 2) store<u32>(index + (addr >> 17 << 2), 0);
  const s = stride(addr, level);
  const siblings = load<u32>(node, NODE_CHILDREN);
  const array = load<u32>(node, NODE_ARRAY);
  const rank = popcnt<u32>(siblings & ((1 << s) - 1));
  freeChain(table, load<u32>(array + (rank << 4), NODE_ARRAY));
  store<u32>(node, closeGap(table, array, popcnt<u32>(siblings), 16, rank), NODE_ARRAY);
  store<u32>(node, siblings & ~(1 << s), NODE_CHILDREN);
  for (let l = level + 1; l <= last; l++) levelCount(table, l, -1);
  if (level == 2) childrenMoved(table, node, addr);
}

/** Value of exactly this prefix, 0 when it is not in the table. */
export function lpm4Exact(table: u32, addr: u32, len: u32): u32 {
  addr = network(addr, len);
  const last = len / 5;
  let node = table;
  for (let l: u32 = 0; l < last; l++) {
    node = child4(node, stride(addr, l));
    if (node == 0) return 0;
  }
  const at = position(addr, last, len);
  if (((load<u32>(node, NODE_PREFIXES) >> at) & 1) == 0) return 0;
  return load<u32>(valueAddress(node, at));
}
