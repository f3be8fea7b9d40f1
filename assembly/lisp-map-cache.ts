// The map-cache's data path: longest match on the destination EID, then the
// choice of a locator by priority, weight and flow (RFC 9300, sections 9, 12).
//
// Two passes over the batch: the lookups of neighbouring packets overlap, and
// so do the accesses to the mappings found.

import {
  ANNO_DST_IP, SLOT_ANNO, SLOT_DATA, SLOT_FLOW_HASH, SLOT_IID, SLOT_NETWORK, SLOT_PORT, SLOT_ROUTE,
} from "./layout";
import { findInstance } from "./lisp-instance";
import { flowHash4, flowHash6 } from "./lisp-flow";
import {
  CACHE_DENIED, CACHE_DROPS, CACHE_HITS, CACHE_IID, CACHE_MAP_REQUESTS, CACHE_MISSES, CACHE_NATIVE,
  CACHE_PER_PACKET, CACHE_ROOT, INSTANCE_TABLE_4, INSTANCE_TABLE_6, LOCATOR_PACKETS, LOCATOR_RLOC,
  LOCATOR_SIZE, LOCATOR_UNTIL, MAPPING_EPOCH, MAPPING_PACKETS, MAPPING_TOTAL, MAPPING_VERDICT, ROOT_EPOCH,
  VERDICT_DROP, VERDICT_MAP_REQUEST, VERDICT_NATIVE,
} from "./lisp-layout";
import { lispSettle } from "./lisp-settle";
import { lpm4LookupAnno } from "./lpm4-lookup";
import { lpm6LookupAnno } from "./lpm6-lookup";
import { poolGive } from "./pool";
import { count64, slotAt } from "./slot";

/** Outputs, where packets are told apart by them. */
const NATIVES: u16 = 2;
const DENIED: u16 = 3;
/** Stands in SLOT_ROUTE between the passes for a packet that is not IP. */
const NOT_IP: u32 = 1;

/** Looks packets of one instance up, `four` and `six` of each family. */
function lookUpIn(state: u32, iid: u32, v4: u32, four: u32, v6: u32, six: u32): void {
  const instance = findInstance(load<u32>(state, CACHE_ROOT), iid);
  const table4 = instance == 0 ? 0 : load<u32>(instance, INSTANCE_TABLE_4);
  const table6 = instance == 0 ? 0 : load<u32>(instance, INSTANCE_TABLE_6);
  if (table4 != 0) lpm4LookupAnno(table4, v4, four);
  else for (let i: u32 = 0; i < four; i++) store<u32>(slotAt(v4, i), 0, SLOT_ROUTE);
  if (table6 != 0) lpm6LookupAnno(table6, v6, six);
  else for (let i: u32 = 0; i < six; i++) store<u32>(slotAt(v6, i), 0, SLOT_ROUTE);
}

/**
 * Looks every packet's destination up: the mapping's address or 0 in SLOT_ROUTE, NOT_IP for what is not an IP
 * packet. Sorts the families into `v4` and `v6` (room for a batch each), so that each goes down its table together.
 */
function lookUp(state: u32, batch: u32, count: u32, v4: u32, v6: u32): void {
  const perPacket = load<u32>(state, CACHE_PER_PACKET) != 0;
  let iid = load<u32>(state, CACHE_IID);
  let four: u32 = 0;
  let six: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if (perPacket) {
      const own = load<u32>(slot, SLOT_IID);
      if (own != iid) {
        lookUpIn(state, iid, v4, four, v6, six);
        four = 0;
        six = 0;
        iid = own;
      }
    }
    const range = load<u64>(slot, SLOT_DATA);
    const data = range as u32;
    const end = data + ((range >> 32) as u32);
    const network = load<u32>(slot, SLOT_NETWORK);
    const at = network == 0 ? data : network;
    store<u32>(slot, at, SLOT_NETWORK);
    if (at >= data && at + 20 <= end) {
      const head = load<u64>(at);
      const version = head & 0xf0;
      if (version == 0x40) {
        store<u64>(slot, (flowHash4(at, head, end) as u64) | ((iid as u64) << 32), SLOT_FLOW_HASH);
        store<u32>(slot, load<u32>(at, 16), SLOT_ANNO + ANNO_DST_IP);
        store<u32>(v4 + (four++ << 2), slot);
        continue;
      }
      if (version == 0x60 && at + 40 <= end) {
        store<u64>(slot, (flowHash6(at, end) as u64) | ((iid as u64) << 32), SLOT_FLOW_HASH);
        v128.store(slot, v128.load(at, 24), SLOT_ANNO + ANNO_DST_IP);
        store<u32>(v6 + (six++ << 2), slot);
        continue;
      }
    }
    store<u32>(slot, NOT_IP, SLOT_ROUTE);
  }
  lookUpIn(state, iid, v4, four, v6, six);
}

/** The weights among which packets of the mapping choose; 0 where there is no locator to choose, or the choice is not ready. */
// @ts-ignore: decorator
@inline
export function readyWeights(mapping: u32, epoch: u32): u32 {
  return load<u32>(mapping, MAPPING_EPOCH) == epoch ? load<u32>(mapping, MAPPING_TOTAL) : 0;
}

/**
 * Where an RLOC has gone up or down since the mapping's last packet, makes the choice ready anew and gives the packet
 * its locator; false where it has none. So such a change costs nothing but what packets then need.
 */
export function chooseAnew(mapping: u32, epoch: u32, slot: u32): bool {
  if (load<u32>(mapping, MAPPING_EPOCH) == epoch) return false;
  const weights = lispSettle(mapping, epoch);
  if (weights != 0) chooseLocator(mapping, weights, slot);
  return weights != 0;
}

/** Gives the packet the RLOC record that its flow has in a mapping with such weights, and its tag; counts it there. */
// @ts-ignore: decorator
@inline
export function chooseLocator(mapping: u32, weights: u32, slot: u32): void {
  const part = (((load<u32>(slot, SLOT_FLOW_HASH) as u64) * (weights as u64)) >> 32) as u32;
  let locator = mapping - LOCATOR_SIZE;
  while ((load<u16>(locator, LOCATOR_UNTIL) as u32) <= part) locator -= LOCATOR_SIZE;
  count64(locator + LOCATOR_PACKETS, 1);
  store<u64>(slot, load<u64>(locator, LOCATOR_RLOC), SLOT_ROUTE);
}

/**
 * Finds each packet's mapping and locator. Packets to encapsulate stay in `batch`, with the RLOC record in
 * SLOT_ROUTE and its tag; those without a mapping, or whose mapping asks for a Map-Request, go to `misses`, those to forward
 * natively to `natives`, and there too, where they are wanted, those whose mapping says Drop; the rest is dropped. Returns three counts of 10 bits each: kept, misses << 10, natives << 20.
 */
export function lispRoute(state: u32, batch: u32, count: u32, misses: u32, natives: u32): u32 {
  lookUp(state, batch, count, misses, natives);
  const epoch = load<u32>(load<u32>(state, CACHE_ROOT), ROOT_EPOCH);
  const denied = load<u32>(state, CACHE_DENIED) != 0;
  let kept: u32 = 0;
  let missed: u32 = 0;
  let native: u32 = 0;
  // All mappings are asked for at once: a wrong guess at a locator, below, then hardly waits for memory. What is read
  // at 0 and NOT_IP does not matter. The store keeps the compiler from leaving the loop out.
  let touched: u64 = 0;
  for (let i: u32 = 0; i < count; i++) touched |= load<u64>(load<u32>(slotAt(batch, i), SLOT_ROUTE), MAPPING_EPOCH);
  store<u64>(misses, touched);
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const mapping = load<u32>(slot, SLOT_ROUTE);
    if (mapping > NOT_IP) {
      const weights = readyWeights(mapping, epoch);
      if (weights != 0) chooseLocator(mapping, weights, slot);
      if (weights != 0 || chooseAnew(mapping, epoch, slot)) {
        store<u32>(batch + (kept++ << 2), slot);
        continue;
      }
    }
    store<u32>(slot, 0, SLOT_ROUTE);
    const verdict = withoutLocator(state, mapping);
    if (verdict == VERDICT_MAP_REQUEST) store<u32>(misses + (missed++ << 2), slot);
    else if (verdict == VERDICT_NATIVE || (denied && isDenied(verdict))) {
      if (denied) store<u16>(slot, verdict == VERDICT_NATIVE ? NATIVES : DENIED, SLOT_PORT);
      store<u32>(natives + (native++ << 2), slot);
    } else poolGive(slot);
  }
  count64(state + CACHE_HITS, kept);
  return kept | (missed << 10) | (native << 20);
}

/** Whether it is one of the three Drops: what No-Action and locators out of reach lead to may be over soon. */
// @ts-ignore: decorator
@inline
function isDenied(verdict: u32): bool {
  return verdict - VERDICT_DROP - 1 < 3;
}

/** Counts a packet that gets no locator; says what becomes of it. */
function withoutLocator(state: u32, mapping: u32): u32 {
  if (mapping == 0) {
    count64(state + CACHE_MISSES, 1);
    return VERDICT_MAP_REQUEST;
  }
  if (mapping == NOT_IP) {
    count64(state + CACHE_DROPS, 1);
    return VERDICT_DROP;
  }
  count64(mapping + MAPPING_PACKETS, 1);
  const verdict = load<u8>(mapping, MAPPING_VERDICT) as u32;
  if (verdict == VERDICT_MAP_REQUEST) count64(state + CACHE_MAP_REQUESTS, 1);
  else if (verdict == VERDICT_NATIVE) count64(state + CACHE_NATIVE, 1);
  else count64(state + CACHE_DROPS + ((verdict - VERDICT_DROP + 1) << 3), 1);
  return verdict;
}
