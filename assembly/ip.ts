// IPv4 headers: checking, marking, TTL, addresses; after Click's elements.
//
// A kernel with two ways out takes (state, batch, count, badOut) and returns
// the number of good packets. These stay in `batch`, in order; the others go
// to `badOut`, in order, with SLOT_REASON set and counted in the state.

import {
  IP_CHECK_BADSRC_COUNT, IP_CHECK_OFFSET, IP_CHECK_SUM, IP_GET_SOURCE, IP_TTL_MULTICAST,
} from "./ip-layout";
import { checkIp, decrementTtl } from "./ip-step";
import { SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_TRANSPORT } from "./layout";
import { networkHeader, PASSED, reject } from "./reject";
import { slotAt } from "./slot";

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
    const verdict = checkIp(state, slot, offset, verify, sources);
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

/** DecIPTTL: takes 1 from the TTL and mends the checksum; a TTL of 0 or 1 goes the second way, unchanged. State: IP_TTL_* of ip-layout.ts. */
export function ipDecTtl(state: u32, batch: u32, count: u32, badOut: u32): u32 {
  const multicast = load<u32>(state, IP_TTL_MULTICAST);
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const verdict = decrementTtl(slot, multicast);
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
