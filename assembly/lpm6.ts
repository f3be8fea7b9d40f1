// Longest-prefix match for IPv6: a tree bitmap of stride 4 whose chains of
// single children are skipped. A node on level l of 0..31 looks at address bits
// 4l..4l+3, holds the prefixes of lengths 4l+1..4l+4, and carries its own
// address, of which the first 4l bits count. Every node but the root holds a
// prefix or has two children, so there are fewer than two nodes a prefix, and
// an update changes two arrays at most. ::/0 stands in the table's header.
//
// Addresses in arguments are addresses of 16 bytes in memory, network order.
// Values are 1..0xfffffffe.

import { heapAlloc, heapFree } from "./heap";
import {
  closeGap, dropValue, giveBack, grab, LPM_NO_MEMORY, NODE_ARRAY, NODE_CHILDREN, NODE_PREFIXES, NODE_VALUE, openGap,
  setValue, TABLE_6_SIZE, TABLE_BYTES, TABLE_COUNT, TABLE_DEFAULT, TABLE_KEYS, valueAddress, writeMasks,
} from "./lpm-table";

export const NODE6_LEVEL = 2; // u8
export const NODE6_KEY = 16; // 16 bytes, network order
export const NODE6_SHIFT = 5; // a node is 32 bytes

/** The four address bits that a node on `level` looks at. */
// @ts-ignore: decorator
@inline
export function nibble(addr: u32, level: u32): u32 {
  return (load<u8>(addr + (level >> 1)) >> ((~level & 1) << 2)) & 15;
}

// @ts-ignore: decorator
@inline
function position(addr: u32, level: u32, len: u32): u32 {
  const inside = len - level * 4;
  return (1 << inside) | (nibble(addr, level) >> (4 - inside));
}

/** The child of `node` at address bits `s`; 0 when there is none. */
// @ts-ignore: decorator
@inline
export function child6(node: u32, s: u32): u32 {
  const children = load<u16>(node, NODE_CHILDREN) as u32;
  if (((children >> s) & 1) == 0) return 0;
  return load<u32>(node, NODE_ARRAY) + (popcnt<u32>(children & ((1 << s) - 1)) << NODE6_SHIFT);
}

/** Whether the address agrees with the node's in all bits above the node. */
// @ts-ignore: decorator
@inline
export function within(table: u32, node: u32, addr: v128): bool {
  const mask = v128.load(table + ((load<u8>(node, NODE6_LEVEL) as u32) << 4), TABLE_KEYS);
  return !v128.any_true(v128.and(v128.xor(addr, v128.load(node, NODE6_KEY)), mask));
}

/** Makes an empty table; 0 when the heap is exhausted. */
export function lpm6Create(): u32 {
  const table = heapAlloc(TABLE_6_SIZE);
  if (table == 0) return 0;
  store<u32>(table, TABLE_6_SIZE, TABLE_BYTES);
  writeMasks(table, 1, 4);
  for (let l: u32 = 0; l < 32; l++) {
    const mask = table + TABLE_KEYS + (l << 4);
    memory.fill(mask, 0xff, l >> 1);
    if ((l & 1) != 0) store<u8>(mask + (l >> 1), 0xf0);
  }
  return table;
}

function freeBelow(table: u32, node: u32): void {
  const n = popcnt<u32>(load<u16>(node, NODE_CHILDREN) as u32);
  const array = load<u32>(node, NODE_ARRAY);
  for (let k: u32 = 0; k < n; k++) freeBelow(table, array + (k << NODE6_SHIFT));
  if (n != 0) giveBack(table, array, n << NODE6_SHIFT);
  const values = popcnt<u32>(load<u32>(node, NODE_PREFIXES));
  if (values > 1) giveBack(table, load<u32>(node, NODE_VALUE), values << 2);
}

/** Frees the table and all it holds. */
export function lpm6Destroy(table: u32): void {
  freeBelow(table, table);
  heapFree(table, TABLE_6_SIZE);
}

/** Writes a new node with one prefix and no children. */
function writeLeaf(at: u32, addr: u32, level: u32, len: u32, value: u32): void {
  store<u16>(at, 0, NODE_CHILDREN);
  store<u8>(at, level as u8, NODE6_LEVEL);
  store<u32>(at, 1 << position(addr, level, len), NODE_PREFIXES);
  store<u32>(at, 0, NODE_ARRAY);
  store<u32>(at, value, NODE_VALUE);
  v128.store(at, v128.load(addr), NODE6_KEY);
}

/** Number of leading levels, at most `most`, in which two addresses agree. */
function common(a: u32, b: u32, most: u32): u32 {
  let l: u32 = 0;
  while (l < most && nibble(a, l) == nibble(b, l)) l++;
  return l;
}

/** Puts a node for the prefix, on `level`, or a fork and that node, in the place of `child`. */
function splice(table: u32, child: u32, fork: u32, addr: u32, level: u32, len: u32, value: u32): bool {
  const s = nibble(child + NODE6_KEY, fork);
  if (fork == level) {
    const block = grab(table, 32);
    if (block == 0) return false;
    memory.copy(block, child, 32);
    writeLeaf(child, addr, level, len, value);
    store<u16>(child, ((1 as u32) << s) as u16, NODE_CHILDREN);
    store<u32>(child, block, NODE_ARRAY);
    return true;
  }
  const block = grab(table, 64);
  if (block == 0) return false;
  const mine = nibble(addr, fork);
  const first: u32 = mine < s ? 32 : 0;
  memory.copy(block + first, child, 32);
  writeLeaf(block + (first ^ 32), addr, level, len, value);
  store<u16>(child, (((1 as u32) << s) | ((1 as u32) << mine)) as u16, NODE_CHILDREN);
  store<u8>(child, fork as u8, NODE6_LEVEL);
  store<u32>(child, 0, NODE_PREFIXES);
  store<u32>(child, block, NODE_ARRAY);
  store<u32>(child, 0, NODE_VALUE);
  return true;
}

/**
 * Inserts a prefix, or replaces its value. Returns the value it had, 0 when it is new, 0xffffffff when the
 * heap is exhausted (the table is as it was). Address bits beyond `len` (0..128) are ignored.
 */
export function lpm6Insert(table: u32, addr: u32, len: u32, value: u32): u32 {
  let old: u32;
  if (len == 0) {
    old = load<u32>(table, TABLE_DEFAULT);
    store<u32>(table, value, TABLE_DEFAULT);
  } else {
    old = place(table, addr, (len - 1) >> 2, len, value);
  }
  if (old == 0) store<u32>(table, load<u32>(table, TABLE_COUNT) + 1, TABLE_COUNT);
  return old;
}

function place(table: u32, addr: u32, level: u32, len: u32, value: u32): u32 {
  let node = table;
  while (true) {
    const at = load<u8>(node, NODE6_LEVEL) as u32;
    if (at == level) return setValue(table, node, position(addr, level, len), value);
    const s = nibble(addr, at);
    const child = child6(node, s);
    if (child == 0) {
      const siblings = load<u16>(node, NODE_CHILDREN) as u32;
      const rank = popcnt<u32>(siblings & ((1 << s) - 1));
      const moved = openGap(table, load<u32>(node, NODE_ARRAY), popcnt<u32>(siblings), 32, rank);
      if (moved == 0) return LPM_NO_MEMORY;
      writeLeaf(moved + (rank << NODE6_SHIFT), addr, level, len, value);
      store<u16>(node, (siblings | (1 << s)) as u16, NODE_CHILDREN);
      store<u32>(node, moved, NODE_ARRAY);
      return 0;
    }
    const below = load<u8>(child, NODE6_LEVEL) as u32;
    const fork = common(addr, child + NODE6_KEY, min<u32>(level, below));
    if (fork < below) return splice(table, child, fork, addr, level, len, value) ? 0 : LPM_NO_MEMORY;
    node = child;
  }
}

/** The node on `level` towards the address, 0 when there is none. */
function find(table: u32, addr: u32, level: u32): u32 {
  const key = v128.load(addr);
  let node = table;
  while (true) {
    const at = load<u8>(node, NODE6_LEVEL) as u32;
    if (at > level || !within(table, node, key)) return 0;
    if (at == level) return node;
    node = child6(node, nibble(addr, at));
    if (node == 0) return 0;
  }
}

/** Value of exactly this prefix, 0 when it is not in the table. */
export function lpm6Exact(table: u32, addr: u32, len: u32): u32 {
  if (len == 0) return load<u32>(table, TABLE_DEFAULT);
  const level = (len - 1) >> 2;
  const node = find(table, addr, level);
  if (node == 0) return 0;
  const at = position(addr, level, len);
  if (((load<u32>(node, NODE_PREFIXES) >> at) & 1) == 0) return 0;
  return load<u32>(valueAddress(node, at));
}

/** Removes a prefix. Returns the value it had, 0 when it was not there. */
export function lpm6Remove(table: u32, addr: u32, len: u32): u32 {
  let old: u32;
  if (len == 0) {
    old = load<u32>(table, TABLE_DEFAULT);
    store<u32>(table, 0, TABLE_DEFAULT);
  } else {
    const level = (len - 1) >> 2;
    const node = find(table, addr, level);
    if (node == 0) return 0;
    old = dropValue(table, node, position(addr, level, len));
    if (old != 0) prune(table, node, addr);
  }
  if (old != 0) store<u32>(table, load<u32>(table, TABLE_COUNT) - 1, TABLE_COUNT);
  return old;
}

/** Takes `node`, towards the address, out of the tree if it has neither a prefix nor two children any more; then its parent. */
function prune(table: u32, node: u32, addr: u32): void {
  if (node == table || load<u32>(node, NODE_PREFIXES) != 0) return;
  if (load<u16>(node, NODE_CHILDREN) != 0) {
    collapse(table, node);
    return;
  }
  let parent = table;
  let s = nibble(addr, 0);
  while (true) {
    const child = child6(parent, s);
    if (child == node) break;
    parent = child;
    s = nibble(addr, load<u8>(parent, NODE6_LEVEL) as u32);
  }
  const siblings = load<u16>(parent, NODE_CHILDREN) as u32;
  const rank = popcnt<u32>(siblings & ((1 << s) - 1));
  store<u32>(parent, closeGap(table, load<u32>(parent, NODE_ARRAY), popcnt<u32>(siblings), 32, rank), NODE_ARRAY);
  store<u16>(parent, (siblings & ~(1 << s)) as u16, NODE_CHILDREN);
  if (parent != table && load<u32>(parent, NODE_PREFIXES) == 0) collapse(table, parent);
}

/** Puts the only child of a node without prefixes in the node's place. */
function collapse(table: u32, node: u32): void {
  if (popcnt<u32>(load<u16>(node, NODE_CHILDREN) as u32) != 1) return;
  const block = load<u32>(node, NODE_ARRAY);
  memory.copy(node, block, 32);
  giveBack(table, block, 32);
}
