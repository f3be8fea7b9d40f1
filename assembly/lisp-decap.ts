// LISP decapsulation (RFC 9300, section 5.3): checks, TTL, DSCP and ECN from
// the outer header to the inner, outer headers off; and notes about peers for
// the control plane.

import { csumAdd, csumFold } from "./checksum";
import {
  FLAG_CSUM_OK, FLAG_PARTIAL_CSUM, SLOT_CSUM_START, SLOT_DATA, SLOT_FLAGS, SLOT_IID, SLOT_LENGTH, SLOT_MAC,
  SLOT_NETWORK, SLOT_REASON, SLOT_ROUTE, SLOT_ROUTE_TAG,
} from "./layout";
import {
  DECAP_BAD_CHECKSUM, DECAP_BAD_ECN, DECAP_BAD_INNER, DECAP_BAD_LENGTH, DECAP_CHECK, DECAP_DONE, DECAP_DROPS,
  DECAP_DSCP, DECAP_ENCRYPTED, DECAP_EVENT_COUNT, DECAP_EXPIRED, DECAP_FRAGMENT, DECAP_HOSTS_4, DECAP_HOSTS_6,
  DECAP_HOSTS_IID, DECAP_NOT_LISP, DECAP_ONLY, DECAP_OWN_SOURCE,
  DECAP_PACKETS, DECAP_PEERS, DECAP_PORT, DECAP_ROOT, DECAP_SITE, DECAP_TRUNCATED, DECAP_UNKNOWN_IID, DECAP_VERIFY,
  HOST_KIND, HOST_NONE, PEER_TAG, VERIFY_COUNT,
} from "./lisp-layout";
import { findInstance } from "./lisp-instance";
import { notePeer } from "./lisp-peer";
import { findPrefix, verifyHeader } from "./lisp-verify";
import { lpm4Lookup } from "./lpm4-lookup";
import { lpm6Lookup } from "./lpm6-lookup";
import { count64, slotAt } from "./slot";
import { swap16 } from "./byte-order";

const KK_BITS: u32 = 0x03;
const L_BIT: u32 = 0x40;
const V_BIT: u32 = 0x10;
const I_BIT: u32 = 0x08;

/** Whether a UDP datagram's checksum is right: the sum over it and its pseudo-header, of which the addresses stand at `addresses`. */
function checksumRight(addresses: u32, size: u32, udp: u32, length: u32): bool {
  const pseudo = csumAdd(csumFold((17 << 8) + swap16(length)), addresses, size);
  return csumAdd(pseudo, udp, length) == 0xffff;
}

/**
 * ECN of the packet that goes on (RFC 6040, section 4.2), 4 for one that must be dropped. Two bits each for the
 * sixteen pairs, inner first: Not-ECT stays (and is dropped under CE), ECT(0) takes the outer ECT(1) and CE,
 * ECT(1) takes CE, CE stays.
 */
// @ts-ignore: decorator
@inline
function mergedEcn(inner: u32, outer: u32): u32 {
  const pair = (inner << 2) | outer;
  return pair == 3 ? 4 : (0xffe6d500 >> (pair << 1)) & 3;
}

/** Replaces TTL and traffic class of the IPv4 header at `at`, correcting its checksum (RFC 1624). */
// @ts-ignore: decorator
@inline
function rewrite4(at: u32, tos: u32, ttl: u32): void {
  const oldTos = load<u8>(at, 1) as u32;
  const oldTtl = load<u8>(at, 8) as u32;
  if (tos == oldTos && ttl == oldTtl) return;
  let sum = (~(load<u16>(at, 10) as u32) & 0xffff) + (~(oldTos << 8) & 0xffff) + (tos << 8);
  sum += (~oldTtl & 0xffff) + ttl;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~(sum + (sum >> 16));
  store<u8>(at, tos as u8, 1);
  store<u8>(at, ttl as u8, 8);
  store<u16>(at, sum as u16, 10);
}

/**
 * Whether the inner source at `at` is an EID of the site itself, which nobody outside sends from; but for mobile hosts,
 * which may be elsewhere.
 */
function ownSource(state: u32, site: u32, iid: u32, at: u32, four: bool): bool {
  if (findPrefix(site, iid, at, four) == 0) return false;
  const hosts = four ? load<u32>(state, DECAP_HOSTS_4) : load<u32>(state, DECAP_HOSTS_6);
  if (hosts == 0 || iid != load<u32>(state, DECAP_HOSTS_IID)) return true;
  const host = four ? lpm4Lookup(hosts, bswap<u32>(load<u32>(at))) : lpm6Lookup(hosts, at);
  return host == 0 || load<u32>(host, HOST_KIND) == HOST_NONE;
}

/** Decapsulates one packet in place. Returns DECAP_DONE, or why not, with the packet as it was. */
// @ts-ignore: decorator
@inline
export function decapsulate(state: u32, slot: u32): u32 {
  const data = load<u32>(slot, SLOT_DATA);
  const end = data + load<u32>(slot, SLOT_LENGTH);
  const network = load<u32>(slot, SLOT_NETWORK);
  const outer = network == 0 ? data : network;
  if (outer < data || outer + 20 > end) return DECAP_TRUNCATED;

  // The outer header.
  const head = load<u32>(outer);
  let udp: u32;
  let room: u32; // bytes of the IP packet behind its header
  let tos: u32;
  let ttl: u32;
  let addresses: u32;
  let sources: u32;
  if ((head & 0xf0) == 0x40) {
    const header = (head & 15) << 2;
    const total = swap16(head >> 16);
    if (header < 20 || total < header) return DECAP_BAD_LENGTH;
    if (total > end - outer) return DECAP_TRUNCATED;
    if (load<u8>(outer, 9) != 17) return DECAP_NOT_LISP;
    if ((load<u16>(outer, 6) & 0xff3f) != 0) return DECAP_FRAGMENT;
    udp = outer + header;
    room = total - header;
    tos = (head >> 8) & 0xff;
    ttl = load<u8>(outer, 8);
    addresses = outer + 12;
    sources = 8;
  } else if ((head & 0xf0) == 0x60) {
    if (outer + 40 > end) return DECAP_TRUNCATED;
    room = swap16(load<u16>(outer, 4));
    if (room > end - outer - 40) return DECAP_TRUNCATED;
    if (load<u8>(outer, 6) == 44) return DECAP_FRAGMENT;
    if (load<u8>(outer, 6) != 17) return DECAP_NOT_LISP;
    udp = outer + 40;
    tos = ((head & 0x0f) << 4) | ((head >> 12) & 0x0f);
    ttl = load<u8>(outer, 7);
    addresses = outer + 8;
    sources = 32;
  } else {
    return DECAP_NOT_LISP;
  }

  // UDP and the LISP header.
  if (room < 16) return DECAP_TRUNCATED;
  if (load<u16>(udp, 2) != load<u32>(state, DECAP_PORT)) return DECAP_NOT_LISP;
  const length = swap16(load<u16>(udp, 4));
  if (length < 16 || length > room) return DECAP_BAD_LENGTH;
  const flags = load<u8>(slot, SLOT_FLAGS) as u32;
  // A checksum of the outer datagram that the sending kernel left for the device to complete covers nothing yet.
  const owed = (flags & FLAG_PARTIAL_CSUM) != 0 && data + (load<u16>(slot, SLOT_CSUM_START) as u32) == udp;
  if (load<u16>(udp, 6) != 0 && load<u32>(state, DECAP_CHECK) != 0 && (flags & FLAG_CSUM_OK) == 0 && !owed) {
    if (!checksumRight(addresses, sources, udp, length)) return DECAP_BAD_CHECKSUM;
  }
  const word = load<u32>(udp, 8);
  const second = bswap<u32>(load<u32>(udp, 12));
  if ((word & KK_BITS) != 0) return DECAP_ENCRYPTED;
  const iid = (word & I_BIT) != 0 ? second >> 8 : 0;
  if (load<u32>(state, DECAP_ONLY) != iid + 1) {
    const expected = load<u32>(state, DECAP_ROOT);
    if (expected != 0 && findInstance(expected, iid) == 0) return DECAP_UNKNOWN_IID;
  }

  // The inner packet.
  const inner = udp + 16;
  const site = load<u32>(state, DECAP_SITE);
  const left = length - 16;
  if (left < 20) return DECAP_BAD_INNER;
  const verify = (word & (V_BIT | L_BIT)) == 0 ? 0 : load<u32>(state, DECAP_VERIFY);
  const innerHead = load<u32>(inner);
  let size: u32;
  if ((innerHead & 0xf0) == 0x40) {
    size = swap16(innerHead >> 16);
    const header = (innerHead & 15) << 2;
    if (header < 20 || size < header || size > left) return DECAP_BAD_INNER;
    const innerTos = (innerHead >> 8) & 0xff;
    const ecn = mergedEcn(innerTos & 3, tos & 3);
    if (ecn == 4) return DECAP_BAD_ECN;
    const hops = min<u32>(ttl, load<u8>(inner, 8));
    if (hops == 0) return DECAP_EXPIRED;
    if (site != 0 && ownSource(state, site, iid, inner + 12, true)) return DECAP_OWN_SOURCE;
    if (verify != 0) {
      const from = inner + 12;
      const result = verifyHeader(verify, word, second, iid, from, inner + 16, true, addresses, sources == 8);
      if (result != DECAP_DONE) return result;
    }
    const copied = load<u32>(state, DECAP_DSCP);
    rewrite4(inner, (((tos & copied) | (innerTos & ~copied)) & 0xfc) | ecn, hops);
  } else if ((innerHead & 0xf0) == 0x60) {
    size = swap16(load<u16>(inner, 4)) + 40;
    if (size > left) return DECAP_BAD_INNER;
    const innerTos = ((innerHead & 0x0f) << 4) | ((innerHead >> 12) & 0x0f);
    const ecn = mergedEcn(innerTos & 3, tos & 3);
    if (ecn == 4) return DECAP_BAD_ECN;
    const hops = min<u32>(ttl, load<u8>(inner, 7));
    if (hops == 0) return DECAP_EXPIRED;
    if (site != 0 && ownSource(state, site, iid, inner + 8, false)) return DECAP_OWN_SOURCE;
    if (verify != 0) {
      const from = inner + 8;
      const result = verifyHeader(verify, word, second, iid, from, inner + 24, false, addresses, sources == 8);
      if (result != DECAP_DONE) return result;
    }
    const copied = load<u32>(state, DECAP_DSCP);
    const merged = (((tos & copied) | (innerTos & ~copied)) & 0xfc) | ecn;
    store<u32>(inner, (innerHead & 0xffff0ff0) | (merged >> 4) | ((merged & 0x0f) << 12));
    store<u8>(inner, hops as u8, 7);
  } else {
    return DECAP_BAD_INNER;
  }

  if ((flags & (FLAG_PARTIAL_CSUM | FLAG_CSUM_OK)) != 0) settleFlags(slot, flags, owed, inner - data);
  store<u32>(slot, inner, SLOT_DATA);
  store<u32>(slot, size, SLOT_LENGTH);
  // MAC header: gone. Transport header: whoever checks the inner packet finds it.
  store<u64>(slot, (inner as u64) << 32, SLOT_MAC);
  store<u32>(slot, 0, SLOT_NETWORK + 4);
  store<u32>(slot, iid, SLOT_IID);
  if (load<u32>(state, DECAP_PEERS) != 0) {
    // Bits not in use are not noted: the low 8 of 32 with an instance ID, none without the L bit.
    const lsb = (word & L_BIT) == 0 ? 0 : (word & I_BIT) != 0 ? second & 0xff : second;
    const peer = notePeer(state, addresses, sources >> 1, iid, word, lsb);
    store<u32>(slot, peer, SLOT_ROUTE);
    store<u32>(slot, load<u32>(peer, PEER_TAG), SLOT_ROUTE_TAG);
  }
  return DECAP_DONE;
}

/** What the device said of the outer transport checksum says nothing of the inner; what is owed inside has moved. */
function settleFlags(slot: u32, flags: u32, owed: bool, stripped: u32): void {
  const start = load<u16>(slot, SLOT_CSUM_START) as u32;
  flags &= ~(FLAG_CSUM_OK as u32);
  if (owed || start < stripped) flags &= ~(FLAG_PARTIAL_CSUM as u32);
  else store<u16>(slot, (start - stripped) as u16, SLOT_CSUM_START);
  store<u8>(slot, flags as u8, SLOT_FLAGS);
}

/** Decapsulates a batch: the good stay in `batch`, the others go to `bad` with the reason in SLOT_REASON. Returns the number kept. */
export function lispDecap(state: u32, batch: u32, count: u32, bad: u32): u32 {
  store<u32>(state, 0, DECAP_EVENT_COUNT);
  const verify = load<u32>(state, DECAP_VERIFY);
  if (verify != 0) store<u32>(verify, 0, VERIFY_COUNT);
  let kept: u32 = 0;
  let refused: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const result = decapsulate(state, slot);
    if (result == DECAP_DONE) {
      store<u32>(batch + (kept++ << 2), slot);
    } else {
      count64(state + DECAP_DROPS + ((result - 1) << 3), 1);
      store<u16>(slot, (result - 1) as u16, SLOT_REASON);
      store<u32>(bad + (refused++ << 2), slot);
    }
  }
  count64(state + DECAP_PACKETS, kept);
  return kept;
}
