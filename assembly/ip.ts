// IPv4 headers: checking, marking, TTL, addresses; after Click's elements.
//
// A kernel with two ways out takes (state, batch, count, badOut) and returns
// the number of good packets. These stay in `batch`, in order; the others go
// to `badOut`, in order, with SLOT_REASON set and counted in the state.

import { csumFold, csumHeader } from "./checksum";
import {
  IP_CHECK_BADSRC, IP_CHECK_BADSRC_COUNT, IP_CHECK_CHECKSUM, IP_CHECK_GOODDST, IP_CHECK_GOODDST_COUNT,
  IP_CHECK_HEADER_LENGTH, IP_CHECK_LENGTH, IP_CHECK_OFFSET, IP_CHECK_SOURCE, IP_CHECK_SUM, IP_CHECK_TINY,
  IP_CHECK_VERSION, IP_GET_SOURCE, IP_TTL_EXPIRED, IP_TTL_MULTICAST, IP_TTL_NO_HEADER,
} from "./ip-layout";
import { ANNO_DST_IP, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_TRANSPORT } from "./layout";
import { networkHeader, PASSED, reject } from "./reject";
import { slotAt } from "./slot";

function listed(list: u32, count: u32, addr: u32): bool {
  for (let i: u32 = 0; i < count; i++) if (load<u32>(list + (i << 2)) == addr) return true;
  return false;
}

// @ts-ignore: decorator
@inline
function badSource(state: u32, at: u32, count: u32): bool {
  return (
    count != 0 &&
    listed(load<u32>(state, IP_CHECK_BADSRC), count, load<u32>(at, 12)) &&
    !listed(load<u32>(state, IP_CHECK_GOODDST), load<u32>(state, IP_CHECK_GOODDST_COUNT), load<u32>(at, 16))
  );
}

// @ts-ignore: decorator
@inline
function check(state: u32, slot: u32, offset: u32, verify: u32, sources: u32): u32 {
  const length = load<u32>(slot, SLOT_LENGTH);
  if (length < 20 || length - 20 < offset) return IP_CHECK_TINY;
  const at = load<u32>(slot, SLOT_DATA) + offset;
  const first = load<u8>(at) as u32;
  if (first >> 4 != 4) return IP_CHECK_VERSION;
  const words = first & 15;
  if (words < 5) return IP_CHECK_HEADER_LENGTH;
  const total = ((load<u8>(at, 2) as u32) << 8) | load<u8>(at, 3);
  if (total > length - offset || total < words << 2) return IP_CHECK_LENGTH;
  if (verify != 0 && csumHeader(at, words) != 0xffff) return IP_CHECK_CHECKSUM;
  if (badSource(state, at, sources)) return IP_CHECK_SOURCE;
  store<u32>(slot, at, SLOT_NETWORK);
  store<u32>(slot, at + (words << 2), SLOT_TRANSPORT);
  store<u32>(slot, offset + total, SLOT_LENGTH);
  store<u32>(slot, load<u32>(at, 16), SLOT_ANNO + ANNO_DST_IP);
  return PASSED;
}

/**
 * CheckIPHeader: version, lengths, checksum, source address (RFC 1812 sections 4.2.2 and 5.3.7). A good
 * packet gets its header pointers and its destination annotation, and is cut to its IP length. State:
 * IP_CHECK_* of ip-layout.ts.
 */
export function ipCheckHeader(state: u32, batch: u32, count: u32, badOut: u32): u32 {
  const offset = load<u32>(state, IP_CHECK_OFFSET);
  const verify = load<u32>(state, IP_CHECK_SUM);
  const sources = load<u32>(state, IP_CHECK_BADSRC_COUNT);
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const verdict = check(state, slot, offset, verify, sources);
    if (verdict == PASSED) {
      store<u32>(batch + (good++ << 2), slot);
    } else {
      reject(state, slot, verdict);
      store<u32>(badOut + ((i - good) << 2), slot);
    }
  }
  return good;
}

/**
 * MarkIPHeader: sets the header pointers, for an IPv4 header `offset` bytes into the data, without checking
 * it. A pointer that would lie outside the data is left unset.
 */
export function ipMarkHeader(batch: u32, count: u32, offset: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const length = load<u32>(slot, SLOT_LENGTH);
    let network: u32 = 0;
    let transport: u32 = 0;
    if (offset < length) {
      network = load<u32>(slot, SLOT_DATA) + offset;
      const header = (load<u8>(network) & 15) << 2;
      if (header <= length - offset) transport = network + header;
    }
    store<u32>(slot, network, SLOT_NETWORK);
    store<u32>(slot, transport, SLOT_TRANSPORT);
  }
}

// @ts-ignore: decorator
@inline
function decrement(slot: u32, multicast: u32): u32 {
  const at = networkHeader(slot, 20);
  if (at == 0) return IP_TTL_NO_HEADER;
  if (multicast == 0 && (load<u8>(at, 16) & 0xf0) == 0xe0) return PASSED;
  const ttl = load<u8>(at, 8) as u32;
  if (ttl <= 1) return IP_TTL_EXPIRED;
  store<u8>(at, (ttl - 1) as u8, 8);
  // RFC 1624, equation 3, for a word that lost 1 in its first byte: ~m + m' is 0xfffe.
  const sum = csumFold(((load<u16>(at, 10) as u32) ^ 0xffff) + 0xfffe);
  store<u16>(at, (sum ^ 0xffff) as u16, 10);
  return PASSED;
}

/** DecIPTTL: takes 1 from the TTL and mends the checksum; a TTL of 0 or 1 goes the second way, unchanged. State: IP_TTL_* of ip-layout.ts. */
export function ipDecTtl(state: u32, batch: u32, count: u32, badOut: u32): u32 {
  const multicast = load<u32>(state, IP_TTL_MULTICAST);
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const verdict = decrement(slot, multicast);
    if (verdict == PASSED) {
      store<u32>(batch + (good++ << 2), slot);
    } else {
      reject(state, slot, verdict);
      store<u32>(badOut + ((i - good) << 2), slot);
    }
  }
  return good;
}

/**
 * GetIPAddress: copies 4 bytes at `offset` of the data (or, for IP_GET_SOURCE and IP_GET_DESTINATION, of the
 * network header) to the annotation at `anno`. What is not within the data counts as 0.0.0.0.
 */
export function ipGetAddress(batch: u32, count: u32, offset: i32, anno: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    let addr: u32 = 0;
    if (offset >= 0) {
      const length = load<u32>(slot, SLOT_LENGTH);
      if (length >= 4 && (offset as u32) <= length - 4) addr = load<u32>(load<u32>(slot, SLOT_DATA) + offset);
    } else {
      const at = networkHeader(slot, 20);
      if (at != 0) addr = offset == IP_GET_SOURCE ? load<u32>(at, 12) : load<u32>(at, 16);
    }
    store<u32>(slot + SLOT_ANNO + anno, addr);
  }
}

/** SetIPAddress: writes `addr` (as loaded little-endian from network order) to the annotation at `anno`. */
export function ipSetAddress(batch: u32, count: u32, addr: u32, anno: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u32>(slotAt(batch, i) + SLOT_ANNO + anno, addr);
}
