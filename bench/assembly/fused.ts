// The encapsulation graph as one kernel: what the graph's elements do, made of
// the same per-packet steps, without elements, ports and batches between them.
// It knows what the graph cannot: that nothing but IPv4 comes, of one instance.
//
// Three loops over a batch rather than one, because lookups are fastest side
// by side; that is the best order found, and the graph's limit.

import { IP_CHECK_BADSRC_COUNT, IP_CHECK_OFFSET, IP_CHECK_SUM, IP_TTL_MULTICAST } from "../../assembly/ip-layout";
import { checkIp, decrementTtl } from "../../assembly/ip-step";
import { HEAP_END, SLOT_DATA, SLOT_FLOW_HASH, SLOT_LENGTH, SLOT_NETWORK, SLOT_ROUTE } from "../../assembly/layout";
import { encapsulate } from "../../assembly/lisp-encap";
import { flowHash4 } from "../../assembly/lisp-flow";
import { findInstance } from "../../assembly/lisp-instance";
import {
  CACHE_HITS, CACHE_IID, CACHE_MISSES, CACHE_ROOT, ENCAP_DONE, ENCAP_DROPS, ENCAP_ID, ENCAP_KEY, ENCAP_PACKETS,
  INSTANCE_TABLE_4, ROOT_EPOCH,
} from "../../assembly/lisp-layout";
import { chooseAnew, chooseLocator, readyWeights } from "../../assembly/lisp-map-cache";
import { lpm4LookupAnno } from "../../assembly/lpm4-lookup";
import { poolGive, poolGiveBatch, poolTake } from "../../assembly/pool";
import { PASSED, reject } from "../../assembly/reject";
import { count64, slotAt } from "../../assembly/slot";
import { writePacket } from "./traffic";
import { TRAFFIC_NEXT } from "./traffic-layout";

/** Makes up to `count` packets, checks them and takes 1 from their TTL; those that pass go to `batch`. Returns how many. */
// @ts-ignore: decorator
@inline
function enter(traffic: u32, checks: u32, ttl: u32, cache: u32, batch: u32, count: u32): u32 {
  const offset = load<u32>(checks, IP_CHECK_OFFSET);
  const verify = load<u32>(checks, IP_CHECK_SUM);
  const sources = load<u32>(checks, IP_CHECK_BADSRC_COUNT);
  const multicast = load<u32>(ttl, IP_TTL_MULTICAST);
  const iid = load<u32>(cache, CACHE_IID) as u64;
  const next = load<u32>(traffic, TRAFFIC_NEXT);
  let good: u32 = 0;
  let made: u32 = 0;
  while (made < count) {
    const slot = poolTake();
    if (slot == 0) break;
    writePacket(traffic, slot, next + made++);
    const checked = checkIp(checks, slot, offset, verify, sources);
    if (checked != PASSED) {
      reject(checks, slot, checked);
      poolGive(slot);
      continue;
    }
    const decremented = decrementTtl(slot, multicast);
    if (decremented != PASSED) {
      reject(ttl, slot, decremented);
      poolGive(slot);
      continue;
    }
    const at = load<u32>(slot, SLOT_NETWORK);
    const end = load<u32>(slot, SLOT_DATA) + load<u32>(slot, SLOT_LENGTH);
    store<u64>(slot, (flowHash4(at, load<u64>(at), end) as u64) | (iid << 32), SLOT_FLOW_HASH);
    store<u32>(batch + (good++ << 2), slot);
  }
  store<u32>(traffic, next + made, TRAFFIC_NEXT);
  return good;
}

/**
 * Makes `count` packets and takes them all the way. The states are those of the graph's elements, or copies. With
 * `keep` the packets stay in `batch` and their number is returned; otherwise they go back to the pool.
 */
export function fusedEncap(
  traffic: u32, checks: u32, ttl: u32, cache: u32, encap: u32, counter: u32, batch: u32, count: u32, keep: u32,
): u32 {
  const good = enter(traffic, checks, ttl, cache, batch, count);
  const instance = findInstance(load<u32>(cache, CACHE_ROOT), load<u32>(cache, CACHE_IID));
  if (instance == 0) return 0;
  lpm4LookupAnno(load<u32>(instance, INSTANCE_TABLE_4), batch, good);

  const epoch = load<u32>(load<u32>(cache, CACHE_ROOT), ROOT_EPOCH);
  const memoryEnd = load<u32>(HEAP_END);
  const key = (load<u32>(encap, ENCAP_KEY) as u64) << 32;
  let id = load<u32>(encap, ENCAP_ID);
  let hits: u32 = 0;
  let done: u32 = 0;
  let bytes: u32 = 0;
  for (let i: u32 = 0; i < good; i++) {
    const slot = slotAt(batch, i);
    const mapping = load<u32>(slot, SLOT_ROUTE);
    const weights = mapping == 0 ? 0 : readyWeights(mapping, epoch);
    if (weights != 0) {
      chooseLocator(mapping, weights, slot);
    } else if (mapping == 0 || !chooseAnew(mapping, epoch, slot)) {
      poolGive(slot);
      continue;
    }
    hits++;
    const result = encapsulate(encap, slot, id++, key, memoryEnd);
    if (result != ENCAP_DONE) {
      count64(encap + ENCAP_DROPS, 1);
      poolGive(slot);
      continue;
    }
    bytes += load<u32>(slot, SLOT_LENGTH);
    store<u32>(batch + (done++ << 2), slot);
  }
  store<u32>(encap, id, ENCAP_ID);
  count64(cache + CACHE_HITS, hits);
  count64(cache + CACHE_MISSES, good - hits);
  count64(encap + ENCAP_PACKETS, done);
  count64(counter, done);
  count64(counter + 8, bytes);
  if (keep == 0) poolGiveBatch(batch, done);
  return done;
}
