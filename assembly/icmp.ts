// ICMP over IPv4: error messages (RFC 792, RFC 1812 section 4.3) and echo replies.

import { csumOf, csumUpdate } from "./checksum";
import { IP_HEADER, be16, ipHeaderLength, markIp, networkLength, put16, setIpSum } from "./header";
import {
  ICMP4_AREA, ICMP4_BAD_SOURCE, ICMP4_FRAGMENT, ICMP4_ICMP_ERROR, ICMP4_LINK_BROADCAST, ICMP4_NOT_UNICAST,
  ICMP4_NO_HEADER, ICMP4_NO_ROOM, ICMP4_SOURCE_ROUTED, ICMP_BAD, ICMP_BAD_COUNT, ICMP_CODE, ICMP_ID, ICMP_MTU,
  ICMP_SOURCE, ICMP_TYPE,
} from "./forward-layout";
import { cameToMany, dropUnanswered, markError, markReply, quote, toldMtu } from "./icmp-message";
import { ANNO_DST_IP, ANNO_ICMP_PARAM, SLOT_ANNO, SLOT_NETWORK } from "./layout";
import { slotAt } from "./slot";

const ICMP: u32 = 1;
const ICMP_HEADER: u32 = 8;
const ECHO_REPLY: u32 = 0;
const UNREACHABLE: u32 = 3;
const SOURCE_QUENCH: u32 = 4;
const REDIRECT: u32 = 5;
const ECHO: u32 = 8;
const TIME_EXCEEDED: u32 = 11;
const PARAMETER_PROBLEM: u32 = 12;
const NEEDS_FRAGMENTING: u32 = 4;
const TTL_OF_ERRORS: u8 = 200; // Click's

// @ts-ignore: decorator
@inline
function isErrorType(type: u32): bool {
  return type == UNREACHABLE || type == SOURCE_QUENCH || type == REDIRECT || type == TIME_EXCEEDED ||
    type == PARAMETER_PROBLEM;
}

/** Whether `address` (network order) is neither multicast nor a broadcast address that the element knows. */
function isUnicast(area: u32, address: u32): bool {
  if (address == 0xffffffff || (address & 0xf0) == 0xe0) return false;
  const bad = load<u32>(area, ICMP_BAD);
  const count = load<u32>(area, ICMP_BAD_COUNT);
  for (let i: u32 = 0; i < count; i++) if (load<u32>(bad + (i << 2)) == address) return false;
  return true;
}

/** Whether an answer to `address` can reach one host (RFC 1812 section 5.3.7). */
function isSource(area: u32, address: u32): bool {
  const first = address & 0xff;
  return isUnicast(area, address) && first != 0 && first != 127 && first < 0xf0;
}

/** Address of the source route option in the header of `length` bytes at `ip` that can be reversed; 0 = none. */
function sourceRoute(ip: u32, length: u32): u32 {
  let o = ip + IP_HEADER;
  const end = ip + length;
  while (o + 1 < end) {
    const type: u32 = load<u8>(o);
    if (type == 0) return 0;
    if (type == 1) {
      o++;
      continue;
    }
    const size: u32 = load<u8>(o, 1);
    if (size < 2 || o + size > end) return 0;
    if ((type == 131 || type == 137) && size >= 3) {
      const pointer: u32 = load<u8>(o, 2);
      if (pointer >= 4 && (pointer & 3) == 0 && pointer <= size + 1) return o;
    }
    o += size;
  }
  return 0;
}

/** Why RFC 1812 sections 4.3.2.7 and 5.2.7.2 forbid an answer to the packet: one of the reasons above, or -1. */
function refusal(area: u32, slot: u32, ip: u32, header: u32, room: u32, route: u32): i32 {
  if (load<u8>(ip, 9) == ICMP && (be16(ip + 6) & 0x1fff) == 0) {
    if (room < header + 4 || isErrorType(load<u8>(ip + header))) return ICMP4_ICMP_ERROR;
  }
  if (!isUnicast(area, load<u32>(ip, 16))) return ICMP4_NOT_UNICAST;
  if (cameToMany(slot)) return ICMP4_LINK_BROADCAST;
  if (!isSource(area, load<u32>(ip, 12))) return ICMP4_BAD_SOURCE;
  if ((be16(ip + 6) & 0x1fff) != 0) return ICMP4_FRAGMENT;
  if (route != 0 && load<u32>(area, ICMP_TYPE) == REDIRECT) return ICMP4_SOURCE_ROUTED;
  return -1;
}

/** Turns the packet into the error message about it. Returns false when there is no room. */
function answer(area: u32, slot: u32, ip: u32, header: u32, room: u32, route: u32): bool {
  const type = load<u32>(area, ICMP_TYPE);
  const code = load<u32>(area, ICMP_CODE);
  const parameter: u32 = load<u8>(slot, SLOT_ANNO + ANNO_ICMP_PARAM);
  const gateway = load<u32>(slot, SLOT_ANNO + ANNO_DST_IP);
  const pmtu = toldMtu(area, slot);
  const source = load<u32>(ip, 12);
  if (route != 0 && type == PARAMETER_PROBLEM && code == 0) {
    // A faulty source route is no way back (RFC 1812 section 4.3.2.6).
    const at = ip + parameter;
    if (at >= route && at < route + load<u8>(route, 1)) route = 0;
  }
  const routeLength: u32 = route == 0 ? 0 : <u32>load<u8>(route, 2) - 1;
  const outHeader = (IP_HEADER + routeLength + 3) & ~3;
  const front = outHeader + ICMP_HEADER;
  const whole = be16(ip + 2);
  const mtu = load<u32>(area, ICMP_MTU);
  let quoted = whole >= header && whole < room ? whole : room;
  quoted = min<u32>(quoted, mtu > front ? mtu - front : 0);
  const out = quote(slot, ip, quoted, front);
  if (out == 0) return false;
  // The quoted packet may have moved, and its options with it.
  if (route != 0) route += out + front - ip;
  const length = quoted + front;

  const id = load<u32>(area, ICMP_ID);
  store<u32>(area, id + 1, ICMP_ID);
  store<u8>(out, <u8>(0x40 | (outHeader >> 2)));
  put16(out + 2, length);
  put16(out + 4, id);
  store<u8>(out, TTL_OF_ERRORS, 8);
  store<u8>(out, <u8>ICMP, 9);
  store<u32>(out, load<u32>(area, ICMP_SOURCE), 12);
  store<u32>(out, source, 16);
  if (route != 0) {
    // The routers passed so far, last one first; the option ends with a zero byte, which is there already.
    const option = out + IP_HEADER;
    store<u8>(option, load<u8>(route));
    store<u8>(option, <u8>routeLength, 1);
    store<u8>(option, 4, 2);
    let to = option + 3;
    for (let from = route + routeLength + 1 - 5; from >= route + 3; from -= 4, to += 4) store<u32>(to, load<u32>(from));
  }
  setIpSum(out, outHeader);

  const icmp = out + outHeader;
  store<u8>(icmp, <u8>type);
  store<u8>(icmp, <u8>code, 1);
  if (type == PARAMETER_PROBLEM && code == 0) store<u8>(icmp, <u8>parameter, 4);
  else if (type == REDIRECT) store<u32>(icmp, gateway, 4);
  else if (type == UNREACHABLE && code == NEEDS_FRAGMENTING) put16(icmp + 6, min<u32>(pmtu, 0xffff));
  store<u16>(icmp, <u16>csumOf(icmp, length - outHeader), 2);

  markIp(slot, out, outHeader, source);
  markError(area, slot);
  return true;
}

/**
 * Turns each packet into an ICMP error message about it, as the ICMP area behind the counters says. Packets that must
 * not be answered go back to the pool, counted by reason. Returns how many messages stay in `batch`.
 */
export function icmpError(state: u32, batch: u32, count: u32): u32 {
  const area = state + ICMP4_AREA;
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const ip = load<u32>(slot, SLOT_NETWORK);
    const room = networkLength(slot);
    const header = ipHeaderLength(ip, room);
    let reason: i32 = ICMP4_NO_HEADER;
    if (header != 0) {
      const route = sourceRoute(ip, header);
      reason = refusal(area, slot, ip, header, room, route);
      if (reason < 0 && !answer(area, slot, ip, header, room, route)) reason = ICMP4_NO_ROOM;
    }
    if (reason >= 0) {
      dropUnanswered(state, slot, reason);
      continue;
    }
    store<u32>(batch + (kept++ << 2), slot);
  }
  return kept;
}

/**
 * Turns ICMP echo requests into replies, stamped with the time at `state`; all other packets, and fragments of
 * requests, go to `bad`. Returns how many packets stay in `batch`.
 */
export function icmpEchoReply(state: u32, batch: u32, count: u32, bad: u32): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const ip = load<u32>(slot, SLOT_NETWORK);
    const room = networkLength(slot);
    const header = ipHeaderLength(ip, room);
    const icmp = ip + header;
    if (
      header == 0 || room < header + ICMP_HEADER || load<u8>(ip, 9) != ICMP || load<u8>(icmp) != ECHO ||
      (be16(ip + 6) & 0x3fff) != 0
    ) {
      store<u32>(bad + ((i - kept) << 2), slot);
      continue;
    }
    // Swapping the addresses leaves the checksum as it is.
    const source = load<u32>(ip, 12);
    store<u32>(ip, load<u32>(ip, 16), 12);
    store<u32>(ip, source, 16);
    let sum = csumUpdate(load<u16>(ip, 10), load<u16>(ip, 6), 0);
    store<u16>(ip, 0, 6);
    const lifetime: u32 = load<u16>(ip, 8);
    store<u8>(ip, 255, 8);
    sum = csumUpdate(sum, lifetime, load<u16>(ip, 8));
    store<u16>(ip, <u16>sum, 10);
    const before: u32 = load<u16>(icmp);
    store<u16>(icmp, ECHO_REPLY);
    const updated = csumUpdate(load<u16>(icmp, 2), before, 0);
    store<u16>(icmp, <u16>updated, 2);
    // Over nothing but zeroes (identifier, number and data) the sum must be written as 0xffff.
    if (updated == 0) store<u16>(icmp, <u16>csumOf(icmp, max<u32>(min<u32>(room, be16(ip + 2)), header) - header), 2);
    store<u32>(slot, source, SLOT_ANNO + ANNO_DST_IP);
    markReply(state, slot, icmp);
    store<u32>(batch + (kept++ << 2), slot);
  }
  return kept;
}
