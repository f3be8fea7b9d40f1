// ICMPv6: error messages (RFC 4443 section 2.4) and echo replies (section 4.2).

import { csumAdd, csumPseudo6, csumUpdate } from "./checksum";
import { IP6_HEADER, be16, networkLength, put16 } from "./header";
import {
  ICMP6_AREA, ICMP6_BAD_SOURCE, ICMP6_ICMP_ERROR, ICMP6_LINK_BROADCAST, ICMP6_NOT_UNICAST, ICMP6_NO_HEADER,
  ICMP6_NO_ROOM, ICMP_CODE, ICMP_MTU, ICMP_SOURCE, ICMP_TYPE,
} from "./forward-layout";
import { cameToMany, dropUnanswered, markError, markReply, quote, toldMtu } from "./icmp-message";
import { ANNO_DST_IP, ANNO_ICMP_PARAM, SLOT_ANNO, SLOT_NETWORK, SLOT_TRANSPORT } from "./layout";
import { slotAt } from "./slot";

const ICMP6: u32 = 58;
const TOO_BIG: u32 = 2;
const PARAMETER_PROBLEM: u32 = 4;
const UNKNOWN_OPTION: u32 = 2;
const ECHO: u32 = 128;
const ECHO_REPLY: u8 = 129;
const REDIRECT: u32 = 137;
const FIRST_INFORMATION: u32 = 128; // smaller types are errors
const MTU_MIN: u32 = 1280; // RFC 8200 section 5
const ICMP6_HEADER: u32 = 8;
const REDIRECT_HEADER: u32 = 40;
const REDIRECTED_OPTION: u32 = 8;

// Extension headers (IANA "IPv6 Extension Header Types").
const HOP_BY_HOP: u32 = 0;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const AUTHENTICATION: u32 = 51;
const DESTINATION: u32 = 60;
const MOBILITY: u32 = 135;
const HOST_IDENTITY: u32 = 139;
const SHIM6: u32 = 140;

/** Whether the packet of `room` bytes at `ip` is, or may be, an ICMPv6 error message or redirect. */
function isError(ip: u32, room: u32): bool {
  let next: u32 = load<u8>(ip, 6);
  let o = IP6_HEADER;
  while (true) {
    if (next == ICMP6) {
      if (o >= room) return true; // cut off before its type: nobody can tell
      const type: u32 = load<u8>(ip + o);
      return type < FIRST_INFORMATION || type == REDIRECT;
    }
    if (o + 8 > room) return false;
    const header = ip + o;
    if (next == FRAGMENT) {
      // What follows in a later fragment is no header.
      if ((be16(header + 2) & 0xfff8) != 0) return load<u8>(header) == ICMP6;
      o += 8;
    } else if (next == AUTHENTICATION) {
      o += (<u32>load<u8>(header, 1) + 2) << 2;
    } else if (
      next == HOP_BY_HOP || next == ROUTING || next == DESTINATION || next == MOBILITY || next == HOST_IDENTITY ||
      next == SHIM6
    ) {
      o += (<u32>load<u8>(header, 1) + 1) << 3;
    } else {
      return false;
    }
    next = load<u8>(header);
  }
  return false;
}

/** Whether the 16 bytes at `address` name one node that is not this one: neither ::, ::1 nor multicast. */
function isSource(address: u32): bool {
  if (load<u8>(address) == 0xff) return false;
  if (load<u64>(address) != 0) return true;
  const low = bswap<u64>(load<u64>(address, 8));
  return low > 1;
}

/** Why RFC 4443 section 2.4 (e) forbids an answer to the packet: one of the reasons above, or -1. */
function refusal(area: u32, slot: u32, ip: u32, room: u32): i32 {
  if (isError(ip, room)) return ICMP6_ICMP_ERROR;
  const type = load<u32>(area, ICMP_TYPE);
  const toGroups = type == TOO_BIG || (type == PARAMETER_PROBLEM && load<u32>(area, ICMP_CODE) == UNKNOWN_OPTION);
  if (!toGroups) {
    if (load<u8>(ip, 24) == 0xff) return ICMP6_NOT_UNICAST;
    if (cameToMany(slot)) return ICMP6_LINK_BROADCAST;
  }
  return isSource(ip + 8) ? -1 : ICMP6_BAD_SOURCE;
}

/** Turns the packet into the message about it. Returns false when there is no room. */
function answer(area: u32, slot: u32, ip: u32, room: u32): bool {
  const type = load<u32>(area, ICMP_TYPE);
  const code = load<u32>(area, ICMP_CODE);
  const parameter: u32 = load<u8>(slot, SLOT_ANNO + ANNO_ICMP_PARAM);
  const target = v128.load(slot, SLOT_ANNO + ANNO_DST_IP);
  let pmtu = toldMtu(area, slot);
  if (pmtu == 0) pmtu = MTU_MIN;
  const redirect = type == REDIRECT;
  const front: u32 = IP6_HEADER + (redirect ? REDIRECT_HEADER + REDIRECTED_OPTION : ICMP6_HEADER);
  const whole = IP6_HEADER + be16(ip + 4);
  const mtu = load<u32>(area, ICMP_MTU);
  let quoted = min<u32>(min<u32>(room, whole), mtu > front ? mtu - front : 0);
  // The option of a redirect that carries the packet counts in units of 8 bytes.
  if (redirect) quoted &= ~7;
  const source = v128.load(ip, 8);
  const destination = v128.load(ip, 24);
  const out = quote(slot, ip, quoted, front);
  if (out == 0) return false;
  const length = quoted + front;

  store<u8>(out, 0x60);
  put16(out + 4, length - IP6_HEADER);
  store<u8>(out, <u8>ICMP6, 6);
  store<u8>(out, 255, 7);
  v128.store(out, v128.load(area, ICMP_SOURCE), 8);
  v128.store(out, source, 24);
  const icmp = out + IP6_HEADER;
  store<u8>(icmp, <u8>type);
  store<u8>(icmp, <u8>code, 1);
  if (type == TOO_BIG) {
    store<u32>(icmp, bswap<u32>(pmtu), 4);
  } else if (type == PARAMETER_PROBLEM) {
    store<u8>(icmp, <u8>parameter, 7);
  } else if (redirect) {
    v128.store(icmp, target, 8);
    v128.store(icmp, destination, 24);
    store<u8>(icmp, 4, 40); // Redirected Header (RFC 4861 section 4.6.3)
    store<u8>(icmp, <u8>((REDIRECTED_OPTION + quoted) >> 3), 41);
  }
  const body = length - IP6_HEADER;
  store<u16>(icmp, <u16>(csumAdd(csumPseudo6(out, ICMP6, body), icmp, body) ^ 0xffff), 2);

  store<u32>(slot, out, SLOT_NETWORK);
  store<u32>(slot, icmp, SLOT_TRANSPORT);
  v128.store(slot, source, SLOT_ANNO + ANNO_DST_IP);
  markError(area, slot);
  return true;
}

// @ts-ignore: decorator
@inline
function isIp6(ip: u32, room: u32): bool {
  return room >= IP6_HEADER && load<u8>(ip) >> 4 == 6;
}

/**
 * Turns each packet into an ICMPv6 message about it, as the ICMP area behind the counters says. Packets that must not
 * be answered go back to the pool, counted by reason. Returns how many messages stay in `batch`.
 */
export function icmp6Error(state: u32, batch: u32, count: u32): u32 {
  const area = state + ICMP6_AREA;
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const ip = load<u32>(slot, SLOT_NETWORK);
    const room = networkLength(slot);
    let reason: i32 = ICMP6_NO_HEADER;
    if (isIp6(ip, room)) {
      reason = refusal(area, slot, ip, room);
      if (reason < 0 && !answer(area, slot, ip, room)) reason = ICMP6_NO_ROOM;
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
 * Turns ICMPv6 echo requests into replies, stamped with the time in the ICMP area at `state`. A request to a group is
 * answered from ICMP_SOURCE, where that is set. All other packets go to `bad`. Returns how many stay in `batch`.
 */
export function icmp6EchoReply(state: u32, batch: u32, count: u32, bad: u32): u32 {
  const own = v128.load(state, ICMP_SOURCE);
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const ip = load<u32>(slot, SLOT_NETWORK);
    const room = networkLength(slot);
    const icmp = ip + IP6_HEADER;
    const request = isIp6(ip, room) && room >= IP6_HEADER + ICMP6_HEADER && load<u8>(ip, 6) == ICMP6 &&
      load<u8>(icmp) == ECHO;
    if (!request || !isSource(ip + 8) || (load<u8>(ip, 24) == 0xff && !v128.any_true(own))) {
      store<u32>(bad + ((i - kept) << 2), slot);
      continue;
    }
    const source = v128.load(ip, 8);
    let sum = csumUpdate(load<u16>(icmp, 2), load<u16>(icmp), <u32>ECHO_REPLY);
    store<u16>(icmp, <u16>ECHO_REPLY);
    if (load<u8>(ip, 24) == 0xff) {
      for (let o: u32 = 0; o < 16; o += 2)
        sum = csumUpdate(sum, load<u16>(ip + o, 24), load<u16>(state + o, ICMP_SOURCE));
      v128.store(ip, own, 8);
    } else {
      v128.store(ip, v128.load(ip, 24), 8);
    }
    v128.store(ip, source, 24);
    store<u16>(icmp, <u16>sum, 2);
    store<u8>(ip, 64, 7);
    v128.store(slot, source, SLOT_ANNO + ANNO_DST_IP);
    markReply(state, slot, icmp);
    store<u32>(batch + (kept++ << 2), slot);
  }
  return kept;
}
