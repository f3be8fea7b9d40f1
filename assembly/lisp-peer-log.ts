// Which peers (RLOCs) exchange packets with which EIDs of the site.
//
// The table never grows: a pair that finds its eight places taken takes the one over that was silent longest.

import { HEAP_END, HEADER_SIZE, SLOT_IID, SLOT_ROUTE, SLOT_ROUTE_TAG } from "./layout";
import { ipHeaderAt, versionAt } from "./lisp-eid";
import {
  LOG_EID, LOG_FAMILIES, LOG_FROM, LOG_HEAD_SIZE, LOG_IID, LOG_LINKS_SIZE, LOG_RLOC, LOG_SEEN, LOG_SIZE, LOG_TO, PEER_ADDRESS, PEER_FAMILY, PEER_SIZE, PEER_TAG,
  PEERLOG_MASK, PEERLOG_PEERS, PEERLOG_PEERS_SIZE, PEERLOG_TABLE, RLOC_ADDRESS, RLOC_FAMILY, RLOC_SIZE,
  RLOC_TAG,
} from "./lisp-layout";
import { count64, slotAt } from "./slot";

const PLACES: u32 = 8;

/** The record of a pair: its own, or a free one or one taken over, which it then is. */
function findPair(state: u32, eid: v128, rloc: v128, iid: u32, families: u32): u32 {
  const table = load<u32>(state, PEERLOG_TABLE);
  const mask = load<u32>(state, PEERLOG_MASK);
  const mixed =
    ((v128.extract_lane<u64>(eid, 0) ^ rotl<u64>(v128.extract_lane<u64>(eid, 1), 29)) * 0x9e3779b97f4a7c15) ^
    (v128.extract_lane<u64>(rloc, 0) ^ rotl<u64>(v128.extract_lane<u64>(rloc, 1), 31) ^ iid);
  const first = ((mixed * 0xbf58476d1ce4e5b9) >> 32) as u32;
  let best: u32 = 0;
  let oldest = f64.MAX_VALUE;
  for (let i: u32 = 0; i < PLACES; i++) {
    const at = table + ((first + i) & mask) * LOG_SIZE;
    const there = load<u32>(at, LOG_FAMILIES);
    if (there == families && load<u32>(at, LOG_IID) == iid) {
      const differs = v128.or(v128.xor(v128.load(at, LOG_EID), eid), v128.xor(v128.load(at, LOG_RLOC), rloc));
      if (!v128.any_true(differs)) return at;
    }
    const seen = there == 0 ? -1 : load<f64>(at, LOG_SEEN);
    if (seen < oldest) {
      oldest = seen;
      best = at;
    }
  }
  if (load<u32>(best, LOG_FAMILIES) != 0) unlink(table, mask, best);
  memory.fill(best, 0, LOG_SIZE);
  v128.store(best, eid, LOG_EID);
  v128.store(best, rloc, LOG_RLOC);
  store<u32>(best, iid, LOG_IID);
  store<u32>(best, families, LOG_FAMILIES);
  link(table, mask, best);
  return best;
}

/** Where the list of an EID begins. */
// @ts-ignore: decorator
@inline
function headOf(table: u32, mask: u32, eid: v128, iid: u32): u32 {
  const mixed = v128.extract_lane<u64>(eid, 0) ^ rotl<u64>(v128.extract_lane<u64>(eid, 1), 29) ^ iid;
  const hash = ((mixed * 0x9e3779b97f4a7c15) >> 32) as u32;
  return table + (mask + 1) * (LOG_SIZE + LOG_LINKS_SIZE) + (hash & mask) * LOG_HEAD_SIZE;
}

/** The links of the record at a place, from 1. */
// @ts-ignore: decorator
@inline
function linksOf(table: u32, mask: u32, place: u32): u32 {
  return table + (mask + 1) * LOG_SIZE + (place - 1) * LOG_LINKS_SIZE;
}

function link(table: u32, mask: u32, record: u32): void {
  const head = headOf(table, mask, v128.load(record, LOG_EID), load<u32>(record, LOG_IID));
  const place = (record - table) / LOG_SIZE + 1;
  const next = load<u32>(head);
  const links = linksOf(table, mask, place);
  store<u32>(links, next);
  store<u32>(links, 0, 4);
  if (next != 0) store<u32>(linksOf(table, mask, next), place, 4);
  store<u32>(head, place);
}

function unlink(table: u32, mask: u32, record: u32): void {
  const links = linksOf(table, mask, (record - table) / LOG_SIZE + 1);
  const next = load<u32>(links);
  const previous = load<u32>(links, 4);
  if (next != 0) store<u32>(linksOf(table, mask, next), previous, 4);
  if (previous != 0) store<u32>(linksOf(table, mask, previous), next);
  else store<u32>(headOf(table, mask, v128.load(record, LOG_EID), load<u32>(record, LOG_IID)), next);
}

/** The record of the EID with the 16 bytes at `eid` (IPv4: the first 4, the rest 0) that follows `after` (0: the first), 0 at the end. */
export function lispLogOf(table: u32, mask: u32, eid: u32, family: u32, iid: u32, after: u32): u32 {
  const wanted = v128.load(eid);
  let place =
    after == 0
      ? load<u32>(headOf(table, mask, wanted, iid))
      : load<u32>(linksOf(table, mask, (after - table) / LOG_SIZE + 1));
  while (place != 0) {
    const record = table + (place - 1) * LOG_SIZE;
    const same = !v128.any_true(v128.xor(v128.load(record, LOG_EID), wanted));
    if (same && load<u32>(record, LOG_IID) == iid && (load<u32>(record, LOG_FAMILIES) & 0xff) == family) return record;
    place = load<u32>(linksOf(table, mask, place));
  }
  return 0;
}

/** Where the source or destination EID of the IP header at `ip` stands. */
// @ts-ignore: decorator
@inline
function eidAt(ip: u32, source: bool): u32 {
  return versionAt(ip) == 4 ? ip + (source ? 12 : 16) : ip + (source ? 8 : 24);
}

// @ts-ignore: decorator
@inline
function addressOf(at: u32, family: u32): v128 {
  return family == 4 ? v128.load32_zero(at) : v128.load(at);
}

/** Notes decapsulated packets, whose SLOT_ROUTE LISPDecap has set to their peer's record, at steady time `now`. */
export function lispLogFrom(state: u32, batch: u32, count: u32, now: f64): void {
  const peers = load<u32>(state, PEERLOG_PEERS);
  const bytes = load<u32>(state, PEERLOG_PEERS_SIZE);
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const peer = load<u32>(slot, SLOT_ROUTE);
    // What is not a peer's record stands elsewhere.
    if (peer - peers >= bytes || (peer - peers) % PEER_SIZE != 0) continue;
    // Where the packet has waited, another sender may have taken the place over.
    if (load<u32>(peer, PEER_TAG) != load<u32>(slot, SLOT_ROUTE_TAG)) continue;
    const ip = ipHeaderAt(slot);
    const there = load<u32>(peer, PEER_FAMILY);
    if (ip == 0 || there == 0) continue;
    const family = versionAt(ip);
    const rloc = v128.load(peer, PEER_ADDRESS);
    const pair = findPair(state, addressOf(eidAt(ip, false), family), rloc, load<u32>(slot, SLOT_IID), family | (there << 8));
    count64(pair + LOG_FROM, 1);
    store<f64>(pair, now, LOG_SEEN);
  }
}

/** Notes packets that LISPMapCache has found an RLOC record for. */
export function lispLogTo(state: u32, batch: u32, count: u32, now: f64): void {
  const memoryEnd = load<u32>(HEAP_END);
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const rloc = load<u32>(slot, SLOT_ROUTE);
    const tag = load<u32>(slot, SLOT_ROUTE_TAG);
    if (rloc - HEADER_SIZE > memoryEnd - HEADER_SIZE - RLOC_SIZE || tag == 0 || load<u32>(rloc, RLOC_TAG) != tag) continue;
    const ip = ipHeaderAt(slot);
    if (ip == 0) continue;
    const family = versionAt(ip);
    const there = load<u8>(rloc, RLOC_FAMILY) as u32;
    const pair = findPair(
      state, addressOf(eidAt(ip, true), family), addressOf(rloc + RLOC_ADDRESS, there), load<u32>(slot, SLOT_IID),
      family | (there << 8),
    );
    count64(pair + LOG_TO, 1);
    store<f64>(pair, now, LOG_SEEN);
  }
}
