// LISP encapsulation (RFC 9300, section 5): outer IP, UDP and LISP headers in
// front of each packet.
//
// What is the same for all packets to an RLOC is kept ready in its record, so
// that the usual packet (IPv4 in IPv4, nothing behind it) takes a few loads and
// stores of whole words. Words are as they lie in memory (network order read
// little-endian), unless said otherwise; the Internet checksum does not mind.

import {
  ANNO_DST_IP, FLAG_PARTIAL_CSUM, HEADER_SIZE, HEAP_END, LISP_KEYS, RLOC_CHANGES, SLOT_ANNO, SLOT_CSUM_START, SLOT_DATA, SLOT_FLAGS,
  SLOT_FLOW_HASH, SLOT_LENGTH, SLOT_MTU, SLOT_NETWORK, SLOT_ROUTE, SLOT_ROUTE_TAG,
} from "./layout";
import {
  ENCAP_BAD_INNER, ENCAP_COPY, ENCAP_DF, ENCAP_DONE, ENCAP_DROPS, ENCAP_GONE, ENCAP_HAS_6, ENCAP_ID, ENCAP_IID, ENCAP_KEY,
  ENCAP_L_BIT, ENCAP_LABEL, ENCAP_LSB, ENCAP_MTU, ENCAP_NO_HEADROOM, ENCAP_NO_RLOC, ENCAP_NO_SOURCE,
  ENCAP_NONCE_MASK, ENCAP_PACKETS, ENCAP_REPORT, ENCAP_SEEN, ENCAP_SOURCE_4, ENCAP_SOURCE_6, ENCAP_TOO_BIG, ENCAP_TOS, ENCAP_TTL,
  ENCAP_TTL_MASK, ENCAP_WORD, PATH_MTU, PATH_PREPARED, PATH_NONCE, PATH_WORD, RLOC_ADDRESS, RLOC_FAMILY, RLOC_HEADER, RLOC_IID,
  RLOC_KEY, RLOC_KEY_6, RLOC_LIMIT, RLOC_LISP, RLOC_PATH, RLOC_PORT, RLOC_SIZE, RLOC_SUM, RLOC_TAG, RLOC_VERSION,
} from "./lisp-layout";
import { poolGive } from "./pool";
import { count64, makeHeadroom, slotAt, slotStart } from "./slot";
import { swap16 } from "./byte-order";

const OUTER_4: u32 = 36; // IPv4, UDP and LISP headers
const OUTER_6: u32 = 56; // IPv6, UDP and LISP headers
const V_BIT: u32 = 0x10;
const I_BIT: u32 = 0x08;
const SWAP: u32 = 0x00ff00ff;

/** Outer source port: the dynamic range 49152..65535 by the flow hash's low bits. (The locator's choice takes the high ones.) */
// @ts-ignore: decorator
@inline
function sourcePort(hash: u32): u32 {
  return (hash & 0xff3f) | 0xc0;
}

/** The LISP header of all packets to an RLOC, all 8 bytes (RFC 9300, section 5.3). */
function lispHeader(state: u32, rloc: u32): u64 {
  // What the control plane wants said to this RLOC, else what this element says to all.
  const path = load<u32>(rloc, RLOC_PATH);
  let first = load<u32>(path, PATH_WORD);
  if (first == 0) {
    first = load<u32>(state, ENCAP_WORD) | (load<u32>(path, PATH_NONCE) & load<u32>(state, ENCAP_NONCE_MASK));
    // Where the mapping has no Map-Version, packets to it must not have any either (RFC 9302, section 6.1).
    const version = load<u32>(rloc, RLOC_VERSION);
    if ((first & V_BIT) != 0) first = version == 0 ? 0 : first | version;
  }
  first |= load<u32>(state, ENCAP_L_BIT);
  let second = load<u32>(state, ENCAP_LSB);
  const iid = load<u32>(rloc, RLOC_IID);
  const mode = load<u32>(state, ENCAP_IID);
  if (mode == 1 || (mode == 0 && iid != 0)) {
    first |= I_BIT;
    second = (iid << 8) | (second & 0xff);
  }
  return ((bswap<u32>(second) as u64) << 32) | first;
}

/** Writes into the record what all packets of this encapsulator to it have in common. False when there is no source RLOC of its family. */
function prepare(state: u32, rloc: u32): bool {
  const four = load<u8>(rloc, RLOC_FAMILY) == 4;
  if (four ? load<u32>(state, ENCAP_SOURCE_4) == 0 : load<u32>(state, ENCAP_HAS_6) == 0) return false;
  const path = load<u32>(rloc, RLOC_PATH);
  store<u32>(path, load<u32>(path, PATH_PREPARED) + 1, PATH_PREPARED);
  const mtu = min<u32>(load<u32>(state, ENCAP_MTU), load<u32>(path, PATH_MTU));
  const outer = four ? OUTER_4 : OUTER_6;
  store<u32>(rloc, mtu > outer + 20 ? mtu - outer : 20, RLOC_LIMIT);
  store<u64>(rloc, lispHeader(state, rloc), RLOC_LISP);
  const key = load<u32>(state, ENCAP_KEY);
  if (!four) {
    store<u32>(rloc, key | RLOC_KEY_6, RLOC_KEY);
    return true;
  }
  const source = load<u32>(state, ENCAP_SOURCE_4);
  const destination = load<u32>(rloc, RLOC_ADDRESS);
  const df = load<u32>(state, ENCAP_DF) as u64;
  const fixed = load<u32>(state, ENCAP_TTL) | (17 << 8);
  store<u64>(rloc, 0x45 | ((load<u32>(state, ENCAP_TOS) as u64) << 8) | (df << 48), RLOC_HEADER);
  store<u64>(rloc, (fixed as u64) | ((source as u64) << 32), RLOC_HEADER + 8);
  const port = load<u16>(rloc, RLOC_PORT) as u64;
  store<u64>(rloc, (destination as u64) | (port << 48), RLOC_HEADER + 16);
  store<u32>(rloc, 0, RLOC_HEADER + 24); // UDP length, checksum 0
  let sum = fixed + (source & 0xffff) + (source >> 16) + (destination & 0xffff) + (destination >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store<u32>(rloc, sum, RLOC_SUM);
  store<u32>(rloc, key, RLOC_KEY);
  return true;
}

/** Sets the slot's data and header addresses to the finished packet. */
// @ts-ignore: decorator
@inline
function finish(slot: u32, from: u32, start: u32, size: u32, header: u32): void {
  if ((load<u8>(slot, SLOT_FLAGS) & FLAG_PARTIAL_CSUM) != 0) {
    // The inner transport checksum is still owed; it has moved.
    store<u16>(slot, ((load<u16>(slot, SLOT_CSUM_START) as u32) + from - start) as u16, SLOT_CSUM_START);
  }
  store<u64>(slot, ((size as u64) << 32) | start, SLOT_DATA);
  store<u64>(slot, (((start + header) as u64) << 32) | start, SLOT_NETWORK);
}

/**
 * Writes the outer headers for IPv4 before the `size` bytes at `inner`; there is room for them. `head`: the first 8
 * bytes of an IPv4 header with the traffic class and DF that are to be copied.
 */
// @ts-ignore: decorator
@inline
function outer4(state: u32, slot: u32, rloc: u32, data: u32, inner: u32, size: u32, head: u64, ttl: u32, id: u32): u32 {
  const start = inner - OUTER_4;
  // Total length and UDP length, both swapped at once.
  const lengths = (size + OUTER_4) | ((size + 16) << 16);
  const swapped = ((lengths & SWAP) << 8) | ((lengths >> 8) & SWAP);
  const stamp = id & 0xffff;
  ttl &= load<u32>(state, ENCAP_TTL_MASK);
  const copied = load<u64>(rloc, RLOC_HEADER) | (head & load<u64>(state, ENCAP_COPY));
  const first = copied | (((swapped & 0xffff) << 16) as u64) | ((stamp as u64) << 32);
  let sum =
    ((first as u32) & 0xffff) + (swapped & 0xffff) + stamp + ((first >> 48) as u32) + ttl + load<u32>(rloc, RLOC_SUM);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~(sum + (sum >> 16)) << 16;
  store<u64>(start, first);
  store<u64>(start, load<u64>(rloc, RLOC_HEADER + 8) | ((ttl | sum) as u64), 8);
  const last = load<u64>(rloc, RLOC_HEADER + 16);
  store<u64>(start, last | ((sourcePort(load<u32>(slot, SLOT_FLOW_HASH)) as u64) << 32), 16);
  store<u64>(start, load<u64>(rloc, RLOC_HEADER + 24) | ((swapped >> 16) as u64), 24);
  store<u32>(start, load<u32>(rloc, RLOC_HEADER + 32), 32);
  store<u32>(slot, last as u32, SLOT_ANNO + ANNO_DST_IP);
  finish(slot, data, start, size + OUTER_4, 20);
  return ENCAP_DONE;
}

/** The same for IPv6; `tos` and `ttl` are the inner packet's. */
function outer6(state: u32, slot: u32, rloc: u32, data: u32, inner: u32, size: u32, tos: u32, ttl: u32): u32 {
  const start = inner - OUTER_6;
  const hash = load<u32>(slot, SLOT_FLOW_HASH);
  const destination = v128.load(rloc, RLOC_ADDRESS);
  const label = hash & load<u32>(state, ENCAP_LABEL);
  const length = swap16(size + 16);
  const word = length | (17 << 16) | (((ttl & load<u32>(state, ENCAP_TTL_MASK)) | load<u32>(state, ENCAP_TTL)) << 24);
  tos = (tos & ((load<u32>(state, ENCAP_COPY) >> 8) & 0xff)) | load<u32>(state, ENCAP_TOS);
  store<u64>(start, (bswap<u32>(0x60000000 | (tos << 20) | label) as u64) | ((word as u64) << 32));
  v128.store(start, v128.load(state, ENCAP_SOURCE_6), 8);
  v128.store(start, destination, 24);
  const ports = sourcePort(hash) | ((load<u16>(rloc, RLOC_PORT) as u32) << 16);
  store<u64>(start, (ports as u64) | ((length as u64) << 32), 40); // UDP checksum 0
  store<u64>(start, load<u64>(rloc, RLOC_LISP), 48);
  v128.store(slot, destination, SLOT_ANNO + ANNO_DST_IP);
  finish(slot, data, start, size + OUTER_6, 40);
  return ENCAP_DONE;
}

/** What `encapsulate` does not do at once: records of another family or not prepared, inner IPv6, padding, everything that is wrong. */
function encapsulateOther(state: u32, slot: u32, rloc: u32, id: u32): u32 {
  const tag = load<u32>(slot, SLOT_ROUTE_TAG);
  if (tag == 0) return ENCAP_NO_RLOC;
  if (load<u32>(rloc, RLOC_TAG) != tag) return ENCAP_GONE;
  const key = load<u32>(rloc, RLOC_KEY);
  if ((key & ~RLOC_KEY_6) != load<u32>(state, ENCAP_KEY) && !prepare(state, rloc)) return ENCAP_NO_SOURCE;
  let data = load<u32>(slot, SLOT_DATA);
  const end = data + load<u32>(slot, SLOT_LENGTH);
  const network = load<u32>(slot, SLOT_NETWORK);
  let inner = network == 0 ? data : network;
  if (inner < data || inner + 20 > end) return ENCAP_BAD_INNER;

  // The inner header: its own length (what follows is padding), class, TTL.
  const head = load<u64>(inner);
  let size: u32;
  let tos: u32;
  let ttl: u32;
  let df: u64 = 0x40;
  if ((head & 0xf0) == 0x40) {
    size = bswap<u32>(head as u32) & 0xffff;
    tos = ((head as u32) >> 8) & 0xff;
    ttl = load<u8>(inner, 8);
    df &= head >> 48;
  } else if ((head & 0xf0) == 0x60) {
    size = swap16(((head >> 32) as u32) & 0xffff) + 40;
    tos = (((head as u32) & 0x0f) << 4) | (((head as u32) >> 12) & 0x0f);
    ttl = (head >> 56) as u32;
  } else {
    return ENCAP_BAD_INNER;
  }
  if (size < 20 || size > end - inner) return ENCAP_BAD_INNER;
  const limit = load<u32>(rloc, RLOC_LIMIT);
  if (size > limit) {
    store<u32>(slot, limit, SLOT_MTU);
    return ENCAP_REPORT;
  }
  const four = load<u8>(rloc, RLOC_FAMILY) == 4;
  const outer = four ? OUTER_4 : OUTER_6;
  if (inner - slotStart(slot) < outer) {
    const offset = inner - data;
    data = makeHeadroom(slot, outer);
    if (data == 0) return ENCAP_NO_HEADROOM;
    inner = data + offset;
  }
  if (!four) return outer6(state, slot, rloc, data, inner, size, tos, ttl);
  return outer4(state, slot, rloc, data, inner, size, ((tos << 8) as u64) | (df << 48), ttl, id);
}

/**
 * Encapsulates one packet towards the RLOC record in SLOT_ROUTE; `id` is the outer IPv4 identification. Returns
 * ENCAP_DONE, or why not, with the packet as it was. `key`: ENCAP_KEY in the high half; `memoryEnd` bounds where
 * records can be.
 */
// @ts-ignore: decorator
@inline
export function encapsulate(state: u32, slot: u32, id: u32, key: u64, memoryEnd: u32): u32 {
  const route = load<u64>(slot, SLOT_ROUTE);
  const rloc = route as u32;
  if (rloc - HEADER_SIZE > memoryEnd - HEADER_SIZE - RLOC_SIZE) return ENCAP_NO_RLOC;
  const range = load<u64>(slot, SLOT_DATA);
  const inner = load<u32>(slot, SLOT_NETWORK);
  const size = ((range >> 32) as u32) - (inner - (range as u32));
  if (
    load<u64>(rloc, RLOC_TAG) == ((route >> 32) | key) && inner >= (range as u32) &&
    size - 20 <= load<u32>(rloc, RLOC_LIMIT) - 20 && inner - slotStart(slot) >= OUTER_4
  ) {
    const head = load<u64>(inner);
    // Version 4 and a total length that is all there is.
    const usual = 0x40 | ((size & 0xff) << 24) | ((size & 0xff00) << 8);
    if (((head as u32) & 0xffff00f0) == usual) {
      return outer4(state, slot, rloc, range as u32, inner, size, head, load<u8>(inner, 8), id);
    }
  }
  return encapsulateOther(state, slot, rloc, id);
}

/** Makes all headers old that this encapsulator has prepared. */
function forgetHeaders(state: u32): void {
  const key = load<u32>(LISP_KEYS) + 1;
  store<u32>(LISP_KEYS, key);
  store<u32>(state, key, ENCAP_KEY);
  store<u32>(state, load<u32>(RLOC_CHANGES), ENCAP_SEEN);
}

/**
 * Encapsulates a batch. What is too big for the path goes to `big`, SLOT_MTU saying what would pass; the rest that
 * fails is dropped. Returns two counts of 10 bits each: kept, big << 10.
 */
export function lispEncap(state: u32, batch: u32, count: u32, big: u32): u32 {
  const memoryEnd = load<u32>(HEAP_END);
  if (load<u32>(RLOC_CHANGES) != load<u32>(state, ENCAP_SEEN)) forgetHeaders(state);
  const key = (load<u32>(state, ENCAP_KEY) as u64) << 32;
  const id = load<u32>(state, ENCAP_ID);
  let kept: u32 = 0;
  let reported: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const result = encapsulate(state, slot, id + i, key, memoryEnd);
    if (result == ENCAP_DONE) {
      store<u32>(batch + (kept++ << 2), slot);
    } else if (result == ENCAP_REPORT) {
      store<u32>(big + (reported++ << 2), slot);
    } else {
      count64(state + ENCAP_DROPS + ((result - ENCAP_NO_RLOC) << 3), 1);
      poolGive(slot);
    }
  }
  store<u32>(state, id + count, ENCAP_ID);
  count64(state + ENCAP_PACKETS, kept);
  count64(state + ENCAP_TOO_BIG, reported);
  return kept | (reported << 10);
}
