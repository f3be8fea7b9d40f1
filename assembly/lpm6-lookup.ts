// Lookups in the IPv6 table of lpm6.ts.
//
// The walk down does not compare the bits that the tree skips; the deepest
// node with a match is compared once, at the end. When it does not agree, the
// address lies outside what the tree holds there, and a second walk compares
// at every node.

import {
  ANNO_DST_IP, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_ROUTE,
} from "./layout";
import { child6, NODE6_LEVEL, nibble, within } from "./lpm6";
import { NODE_PREFIXES, TABLE_DEFAULT, TABLE_MASKS, valueAddress } from "./lpm-table";
import { slotAt } from "./slot";

/** The prefix bits of `node` that match at address bits `s`. */
// @ts-ignore: decorator
@inline
function matching(table: u32, node: u32, s: u32): u32 {
  return load<u32>(node, NODE_PREFIXES) & load<u32>(table + (s << 2), TABLE_MASKS);
}

function lookupCarefully(table: u32, addr: u32, key: v128): u32 {
  let value = load<u32>(table, TABLE_DEFAULT);
  let node = table;
  while (node != 0 && within(table, node, key)) {
    const s = nibble(addr, load<u8>(node, NODE6_LEVEL) as u32);
    const hit = matching(table, node, s);
    if (hit != 0) value = load<u32>(valueAddress(node, 31 - clz<u32>(hit)));
    node = child6(node, s);
  }
  return value;
}

/** Value of the longest prefix that holds the address (of 16 bytes), 0 when there is none. */
export function lpm6Lookup(table: u32, addr: u32): u32 {
  const key = v128.load(addr);
  let best: u32 = 0;
  let bits: u32 = 0;
  let node = table;
  do {
    const s = nibble(addr, load<u8>(node, NODE6_LEVEL) as u32);
    const hit = matching(table, node, s);
    best = select<u32>(node, best, hit != 0);
    bits = select<u32>(hit, bits, hit != 0);
    node = child6(node, s);
  } while (node != 0);
  if (best == 0) return load<u32>(table, TABLE_DEFAULT);
  if (!within(table, best, key)) return lookupCarefully(table, addr, key);
  return load<u32>(valueAddress(best, 31 - clz<u32>(bits)));
}

/** Looks up each packet's 16-byte destination annotation and stores the value, or 0, in SLOT_ROUTE. */
export function lpm6LookupAnno(table: u32, batch: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    store<u32>(slot, lpm6Lookup(table, slot + SLOT_ANNO + ANNO_DST_IP), SLOT_ROUTE);
  }
}

/** Looks up the destination in each packet's IPv6 header and stores the value, or 0, in SLOT_ROUTE; 0 too when the network header is unset or not within the data. */
export function lpm6LookupHeader(table: u32, batch: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const at = load<u32>(slot, SLOT_NETWORK);
    const data = load<u32>(slot, SLOT_DATA);
    const seen = at >= data && at + 40 <= data + load<u32>(slot, SLOT_LENGTH);
    store<u32>(slot, seen ? lpm6Lookup(table, at + 24) : 0, SLOT_ROUTE);
  }
}
