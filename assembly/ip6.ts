// IPv6 headers: checking, marking, hop limit, addresses; after Click's
// elements. Two ways out as in ip.ts.

import {
  IP6_CHECK_BADSRC, IP6_CHECK_BADSRC_COUNT, IP6_CHECK_LENGTH, IP6_CHECK_OFFSET, IP6_CHECK_SOURCE, IP6_CHECK_TINY,
  IP6_CHECK_VERSION, IP6_HLIM_EXPIRED, IP6_HLIM_NO_HEADER,
} from "./ip-layout";
import { ANNO_DST_IP, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_TRANSPORT } from "./layout";
import { networkHeader, PASSED, reject } from "./reject";
import { slotAt } from "./slot";

function listed(list: u32, count: u32, at: u32): bool {
  const addr = v128.load(at);
  for (let i: u32 = 0; i < count; i++) {
    if (!v128.any_true(v128.xor(v128.load(list + (i << 4)), addr))) return true;
  }
  return false;
}

// @ts-ignore: decorator
@inline
function check(state: u32, slot: u32): u32 {
  const offset = load<u32>(state, IP6_CHECK_OFFSET);
  const length = load<u32>(slot, SLOT_LENGTH);
  if (length < 40 || length - 40 < offset) return IP6_CHECK_TINY;
  const at = load<u32>(slot, SLOT_DATA) + offset;
  if (load<u8>(at) >> 4 != 6) return IP6_CHECK_VERSION;
  const total: u32 = 40 + (((load<u8>(at, 4) as u32) << 8) | load<u8>(at, 5));
  if (total > length - offset) return IP6_CHECK_LENGTH;
  const bad = load<u32>(state, IP6_CHECK_BADSRC_COUNT);
  if (bad != 0 && listed(load<u32>(state, IP6_CHECK_BADSRC), bad, at + 8)) return IP6_CHECK_SOURCE;
  store<u32>(slot, at, SLOT_NETWORK);
  store<u32>(slot, at + 40, SLOT_TRANSPORT);
  store<u32>(slot, offset + total, SLOT_LENGTH);
  v128.store(slot, v128.load(at, 24), SLOT_ANNO + ANNO_DST_IP);
  return PASSED;
}

/**
 * CheckIP6Header: version, payload length, source address. A good packet gets its header pointers (transport:
 * what follows the fixed header) and its destination annotation, and is cut to its IP length. State: IP6_CHECK_*
 * of ip-layout.ts.
 */
export function ip6CheckHeader(state: u32, batch: u32, count: u32, badOut: u32): u32 {
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const verdict = check(state, slot);
    if (verdict == PASSED) {
      store<u32>(batch + (good++ << 2), slot);
    } else {
      reject(state, slot, verdict);
      store<u32>(badOut + ((i - good) << 2), slot);
    }
  }
  return good;
}

/** MarkIP6Header: sets the header pointers, for an IPv6 header `offset` bytes into the data, without checking it. A pointer that would lie outside the data is left unset. */
export function ip6MarkHeader(batch: u32, count: u32, offset: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const length = load<u32>(slot, SLOT_LENGTH);
    const network = load<u32>(slot, SLOT_DATA) + offset;
    store<u32>(slot, offset < length ? network : 0, SLOT_NETWORK);
    store<u32>(slot, length >= 40 && offset <= length - 40 ? network + 40 : 0, SLOT_TRANSPORT);
  }
}

// @ts-ignore: decorator
@inline
function decrement(slot: u32): u32 {
  const at = networkHeader(slot, 40);
  if (at == 0) return IP6_HLIM_NO_HEADER;
  const limit = load<u8>(at, 7) as u32;
  if (limit <= 1) return IP6_HLIM_EXPIRED;
  store<u8>(at, (limit - 1) as u8, 7);
  return PASSED;
}

/** DecIP6HLIM: takes 1 from the hop limit; a limit of 0 or 1 goes the second way, unchanged. State: IP6_HLIM_* of ip-layout.ts. */
export function ip6DecHopLimit(state: u32, batch: u32, count: u32, badOut: u32): u32 {
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const verdict = decrement(slot);
    if (verdict == PASSED) {
      store<u32>(batch + (good++ << 2), slot);
    } else {
      reject(state, slot, verdict);
      store<u32>(badOut + ((i - good) << 2), slot);
    }
  }
  return good;
}

/** GetIP6Address: copies 16 bytes at `offset` of the data to the destination annotation; zeroes when they are not within the data. */
export function ip6GetAddress(batch: u32, count: u32, offset: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const length = load<u32>(slot, SLOT_LENGTH);
    const seen = length >= 16 && offset <= length - 16;
    const addr = seen ? v128.load(load<u32>(slot, SLOT_DATA) + offset) : i64x2.splat(0);
    v128.store(slot, addr, SLOT_ANNO + ANNO_DST_IP);
  }
}

/** SetIP6Address: copies the 16 bytes at `addr` to the destination annotation. */
export function ip6SetAddress(batch: u32, count: u32, addr: u32): void {
  for (let i: u32 = 0; i < count; i++) v128.store(slotAt(batch, i), v128.load(addr), SLOT_ANNO + ANNO_DST_IP);
}
