// Lookups in the IPv4 table of lpm4.ts.
//
// The walk has no branch that depends on the packet: a missing child leads to
// the node at address 0, where memory is zero, so it matches nothing and has
// no children. Wrong guesses of the processor would cost more than the levels
// walked in vain, and the walks of neighbouring packets overlap.

import {
  ANNO_DST_IP, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_ROUTE,
} from "./layout";
import { INDEX_ENTRIES, child4, stride } from "./lpm4";
import {
  NODE_ARRAY, NODE_CHILDREN, NODE_PREFIXES, TABLE_INDEX, TABLE_INDEX_2, TABLE_LEVELS, TABLE_MASKS, TABLE_READY,
  valueAddress,
} from "./lpm-table";
import { slotAt } from "./slot";

/** The prefix bits of `node` that match at address bits `s`. */
// @ts-ignore: decorator
@inline
function matching(table: u32, node: u32, s: u32): u32 {
  return load<u32>(node, NODE_PREFIXES) & load<u32>(table + (s >> 1 << 2), TABLE_MASKS);
}

/** Looks the address up on levels 0 to `last`. */
function lookupAbove(table: u32, addr: u32, last: u32): u32 {
  let node = table;
  let best: u32 = 0;
  let bits: u32 = 0;
  for (let l: u32 = 0; l <= last && node != 0; l++) {
    const s = stride(addr, l);
    const hit = matching(table, node, s);
    if (hit != 0) {
      best = node;
      bits = hit;
    }
    node = child4(node, s);
  }
  return best == 0 ? 0 : load<u32>(valueAddress(best, 31 - clz<u32>(bits)));
}

/** Value of the longest prefix that holds the address, 0 when there is none. */
export function lpm4Lookup(table: u32, addr: u32): u32 {
  return lookupAbove(table, addr, 6);
}

/** Walks from `node` on level `first` to level `last` without branches. */
// @ts-ignore: decorator
@inline
function lookupBelow(table: u32, node: u32, addr: u32, first: u32, last: u32): u32 {
  let best: u32 = 0;
  let bits: u32 = 0;
  let rest = addr << (first * 5);
  for (let l = first; l <= last; l++) {
    const s = rest >> 27;
    rest <<= 5;
    const hit = matching(table, node, s);
    best = select<u32>(node, best, hit != 0);
    bits = select<u32>(hit, bits, hit != 0);
    const children = load<u32>(node, NODE_CHILDREN);
    const below = load<u32>(node, NODE_ARRAY) + (popcnt<u32>(children & ((1 << s) - 1)) << 4);
    node = select<u32>(below, 0, ((children >> s) & 1) != 0);
  }
  return load<u32>(valueAddress(best, 31 - clz<u32>(bits)));
}

/** Whether the packet's IPv4 header is all within its data. */
// @ts-ignore: decorator
@inline
function headerWithin(slot: u32): bool {
  const at = load<u32>(slot, SLOT_NETWORK);
  const data = load<u32>(slot, SLOT_DATA);
  return at >= data && at + 20 <= data + load<u32>(slot, SLOT_LENGTH);
}

/** The destination in the header or in the annotation, host order. */
// @ts-ignore: decorator
@inline
function destination(slot: u32, inHeader: bool): u32 {
  return bswap<u32>(
    inHeader ? load<u32>(load<u32>(slot, SLOT_NETWORK), 16) : load<u32>(slot, SLOT_ANNO + ANNO_DST_IP),
  );
}

/** Deepest level that has a node. */
function deepest(table: u32): u32 {
  let level: u32 = 6;
  while (level > 0 && load<u32>(table + (level << 2), TABLE_LEVELS) == 0) level--;
  return level;
}

// @ts-ignore: decorator
@inline
function lookupBatch(table: u32, batch: u32, count: u32, inHeader: bool): void {
  const last = deepest(table);
  const second = load<u32>(table, TABLE_READY) == INDEX_ENTRIES;
  const index = second ? load<u32>(table, TABLE_INDEX_2) : load<u32>(table, TABLE_INDEX);
  if (index == 0) {
    for (let i: u32 = 0; i < count; i++) {
      const slot = slotAt(batch, i);
      if (inHeader && !headerWithin(slot)) {
        store<u32>(slot, 0, SLOT_ROUTE);
        continue;
      }
      const addr = destination(slot, inHeader);
      store<u32>(slot, lookupBelow(table, table, addr, 0, last), SLOT_ROUTE);
    }
    return;
  }
  const first: u32 = second ? 4 : 3;
  const shift: u32 = second ? 12 : 17;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if (inHeader && !headerWithin(slot)) {
      store<u32>(slot, 0, SLOT_ROUTE);
      continue;
    }
    const addr = destination(slot, inHeader);
    let value = lookupBelow(table, load<u32>(index + (addr >> shift << 2)), addr, first, last);
    if (value == 0) value = lookupAbove(table, addr, first - 1);
    store<u32>(slot, value, SLOT_ROUTE);
  }
}

/** Looks up each packet's destination annotation and stores the value, or 0, in SLOT_ROUTE. */
export function lpm4LookupAnno(table: u32, batch: u32, count: u32): void {
  lookupBatch(table, batch, count, false);
}

/** Looks up the destination in each packet's IPv4 header and stores the value, or 0, in SLOT_ROUTE; 0 too when the network header is unset or not within the data. */
export function lpm4LookupHeader(table: u32, batch: u32, count: u32): void {
  lookupBatch(table, batch, count, true);
}
