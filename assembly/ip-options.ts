// IPGWOptions (the options that routers fill in) and DropBroadcasts.

import { ipHeaderLength, networkLength, setIpSum } from "./header";
import { GWOPT_ADDRESS, GWOPT_AREA, GWOPT_FAULTS, GWOPT_MS, GWOPT_OWN, GWOPT_OWN_COUNT } from "./forward-layout";
import {
  ANNO_ICMP_PARAM, PACKET_BROADCAST, PACKET_MULTICAST, SLOT_ANNO, SLOT_NETWORK, SLOT_PACKET_TYPE,
} from "./layout";
import { count64, slotAt } from "./slot";

const OPTION_END: u32 = 0;
const OPTION_NOP: u32 = 1;
const OPTION_RECORD_ROUTE: u32 = 7;
const OPTION_TIMESTAMP: u32 = 68;
// Timestamp flags: times only, times with addresses, times of the addresses that the sender named.
const TIMES: u32 = 0;
const ADDRESSES: u32 = 1;
const PRESPECIFIED: u32 = 3;
const OVERFLOW_MAX: u32 = 15;

// What became of the options: UNCHANGED, CHANGED, or FAULT + the offset of the faulty byte in the header.
const UNCHANGED: u32 = 0;
const CHANGED: u32 = 1;
const FAULT: u32 = 256;

/** Records the router's address at the pointer of the Record Route option at `at` (RFC 791 section 3.1). */
function recordRoute(area: u32, at: u32, length: u32): u32 {
  if (length < 3) return FAULT + 1;
  const place = <u32>load<u8>(at, 2) - 1; // the pointer counts from 1
  if (place >= 3 && place < length && place + 4 <= length) {
    store<u32>(at + place, load<u32>(area, GWOPT_ADDRESS));
    store<u8>(at, <u8>(place + 5), 2);
    return CHANGED;
  }
  return place == length ? UNCHANGED : FAULT + 2;
}

function isOwn(area: u32, address: u32): bool {
  const own = load<u32>(area, GWOPT_OWN);
  const count = load<u32>(area, GWOPT_OWN_COUNT);
  for (let i: u32 = 0; i < count; i++) if (load<u32>(own + (i << 2)) == address) return true;
  return false;
}

/** Adds a timestamp to the Internet Timestamp option at `at` (RFC 791 section 3.1). */
function timestamp(area: u32, at: u32, length: u32): u32 {
  if (length < 4) return FAULT + 1;
  const place = <u32>load<u8>(at, 2) - 1;
  const overflow: u32 = load<u8>(at, 3) >> 4;
  const flag: u32 = load<u8>(at, 3) & 15;
  if (place < 4 || place > 255) return FAULT + 2;
  if (flag != TIMES && flag != ADDRESSES && flag != PRESPECIFIED) return FAULT + 3;
  const size: u32 = flag == TIMES ? 4 : 8;
  if (place + size > length) {
    if (overflow == OVERFLOW_MAX) return FAULT + 3;
    store<u8>(at, <u8>(((overflow + 1) << 4) | flag), 3);
    return CHANGED;
  }
  const to = at + place;
  if (flag == PRESPECIFIED && !isOwn(area, load<u32>(to))) return UNCHANGED;
  if (flag == ADDRESSES) store<u32>(to, load<u32>(area, GWOPT_ADDRESS));
  store<u32>(to + size - 4, bswap<u32>(load<u32>(area, GWOPT_MS)));
  store<u8>(at, <u8>(place + size + 1), 2);
  return CHANGED;
}

/** Goes through the options of the header of `length` bytes at `ip`. */
function gatewayOptions(area: u32, ip: u32, length: u32): u32 {
  let result = UNCHANGED;
  let o: u32 = 20;
  while (o < length) {
    const type: u32 = load<u8>(ip + o);
    if (type == OPTION_END) break;
    if (type == OPTION_NOP) {
      o++;
      continue;
    }
    const size: u32 = o + 1 < length ? load<u8>(ip + o, 1) : 0;
    if (size < 2 || o + size > length) return FAULT + o + 1;
    let did = UNCHANGED;
    if (type == OPTION_RECORD_ROUTE) did = recordRoute(area, ip + o, size);
    else if (type == OPTION_TIMESTAMP) did = timestamp(area, ip + o, size);
    if (did >= FAULT) return did + o;
    result |= did;
    o += size;
  }
  return result;
}

/**
 * Fills in the Record Route and Timestamp options. Packets with faulty options go to `bad`, with the place of the
 * fault in the ICMP parameter annotation, and are counted at `state`, whose GWOPT area follows. Returns how many
 * packets stay in `batch`.
 */
export function ipGatewayOptions(state: u32, batch: u32, count: u32, bad: u32): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const ip = load<u32>(slot, SLOT_NETWORK);
    const length = ipHeaderLength(ip, networkLength(slot));
    if (length > 20) {
      const result = gatewayOptions(state + GWOPT_AREA, ip, length);
      if (result >= FAULT) {
        setIpSum(ip, length); // options before the faulty one may have changed
        store<u8>(slot, <u8>(result - FAULT), SLOT_ANNO + ANNO_ICMP_PARAM);
        store<u32>(bad + ((i - kept) << 2), slot);
        continue;
      }
      if (result == CHANGED) setIpSum(ip, length);
    }
    store<u32>(batch + (kept++ << 2), slot);
  }
  if (kept < count) count64(state + GWOPT_FAULTS, count - kept);
  return kept;
}

/**
 * Moves the packets that came as link-level broadcasts or multicasts to `bad` and counts them at `state`. Returns how
 * many packets stay in `batch`.
 */
export function dropBroadcasts(state: u32, batch: u32, count: u32, bad: u32): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const type: u32 = load<u8>(slot, SLOT_PACKET_TYPE);
    if (type == PACKET_BROADCAST || type == PACKET_MULTICAST) store<u32>(bad + ((i - kept) << 2), slot);
    else store<u32>(batch + (kept++ << 2), slot);
  }
  if (kept < count) count64(state, count - kept);
  return kept;
}
