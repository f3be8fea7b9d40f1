// Listing the prefix tables, in order of address, then length. A listing keeps
// no state: it goes on from any prefix, in the table or not, so that tables may
// change while they are listed and nobody needs a copy.

import { child4, stride } from "./lpm4";
import { child6, nibble, NODE6_KEY, NODE6_LEVEL } from "./lpm6";
import { NODE_CHILDREN, NODE_PREFIXES, TABLE_DEFAULT, TABLE_KEYS, valueAddress } from "./lpm-table";

const ENTRY_4: u32 = 12;
const ENTRY_6: u32 = 24;

/**
 * Writes up to `max` entries of an IPv4 table at or after the prefix `addr`/`len` (in order of address, then
 * length; `len` may be 33) to `out`; returns how many. An entry is three u32: address in host order, length, value.
 */
export function lpm4List(table: u32, addr: u32, len: u32, out: u32, max: u32): u32 {
  return (list4(table, 0, 0, addr, len, out, out + max * ENTRY_4) - out) / ENTRY_4;
}

function list4(node: u32, level: u32, base: u32, from: u32, fromLen: u32, out: u32, end: u32): u32 {
  const bits = level * 5;
  const prefixes = load<u32>(node, NODE_PREFIXES);
  const children = load<u32>(node, NODE_CHILDREN);
  // What begins before `from` in this node is not wanted.
  for (let s: u32 = from > base ? stride(from, level) : 0; s < 32; s++) {
    const at = base | ((s << 27) >> bits);
    for (let r: u32 = 0; r <= 4 && prefixes != 0; r++) {
      if ((s & ((32 >> r) - 1)) != 0) continue;
      const position = (1 << r) | (s >> (5 - r));
      if (((prefixes >> position) & 1) == 0) continue;
      if (at < from || (at == from && bits + r < fromLen)) continue;
      if (out == end) return out;
      store<u32>(out, at);
      store<u32>(out, bits + r, 4);
      store<u32>(out, load<u32>(valueAddress(node, position)), 8);
      out += ENTRY_4;
    }
    if (((children >> s) & 1) == 0 || (at | (0xffffffff >> (bits + 5))) < from) continue;
    out = list4(child4(node, s), level + 1, at, from, fromLen, out, end);
    if (out == end) return out;
  }
  return out;
}

/**
 * Writes up to `max` entries of an IPv6 table at or after the prefix with the 16 bytes at `addr` and length
 * `len` (in order of address, then length; `len` may be 129) to `out`; returns how many. An entry is 24 bytes:
 * the address in network order, u32 length, u32 value.
 */
export function lpm6List(table: u32, addr: u32, len: u32, out: u32, max: u32): u32 {
  if (max == 0) return 0;
  let to = out;
  const value = load<u32>(table, TABLE_DEFAULT);
  if (value != 0 && len == 0 && (load<u64>(addr) | load<u64>(addr, 8)) == 0) {
    writeEntry6(to, v128.load(table, NODE6_KEY), 0, value);
    to += ENTRY_6;
  }
  return (list6(table, table, addr, len, to, out + max * ENTRY_6) - out) / ENTRY_6;
}

function writeEntry6(out: u32, key: v128, len: u32, value: u32): void {
  v128.store(out, key);
  store<u32>(out, len, 16);
  store<u32>(out, value, 20);
}

/** Whether the address is zero in all bits below `level`. */
function zeroBelow(addr: u32, level: u32): bool {
  for (let l = level + 1; l < 32; l++) if (nibble(addr, l) != 0) return false;
  return true;
}

/** `from` is 0 when all of the node is wanted. */
function list6(table: u32, node: u32, from: u32, fromLen: u32, out: u32, end: u32): u32 {
  const level = load<u8>(node, NODE6_LEVEL) as u32;
  if (from != 0) {
    let l: u32 = 0;
    while (l < level && nibble(node + NODE6_KEY, l) == nibble(from, l)) l++;
    if (l < level) {
      if (nibble(node + NODE6_KEY, l) < nibble(from, l)) return out;
      from = 0;
    }
  }
  const prefixes = load<u32>(node, NODE_PREFIXES);
  const base = v128.and(v128.load(node, NODE6_KEY), v128.load(table + (level << 4), TABLE_KEYS));
  const first = from != 0 ? nibble(from, level) : 0;
  for (let s = first; s < 16; s++) {
    const bounded = from != 0 && s == first;
    const exact = bounded && zeroBelow(from, level);
    for (let r: u32 = 1; r <= 4; r++) {
      if ((s & ((16 >> r) - 1)) != 0) continue;
      const position = (1 << r) | (s >> (4 - r));
      if (((prefixes >> position) & 1) == 0) continue;
      if (bounded && !(exact && level * 4 + r >= fromLen)) continue;
      if (out == end) return out;
      writeEntry6(out, base, level * 4 + r, load<u32>(valueAddress(node, position)));
      const byte = out + (level >> 1);
      store<u8>(byte, (load<u8>(byte) | ((s << ((~level & 1) << 2)) as u8)) as u8);
      out += ENTRY_6;
    }
    const child = child6(node, s);
    if (child == 0) continue;
    out = list6(table, child, bounded ? from : 0, fromLen, out, end);
    if (out == end) return out;
  }
  return out;
}
