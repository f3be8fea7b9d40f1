// What ICMP and ICMPv6 messages have in common: the packet that they are about is quoted behind their headers, and an
// echo reply is its request turned round.

import { stamp } from "./header";
import { ICMP_FIX, ICMP_PMTU, NOW_NANOSECONDS, NOW_SECONDS } from "./forward-layout";
import {
  ANNO_FIX_IP_SRC, ANNO_PAINT, PACKET_BROADCAST, PACKET_MULTICAST, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_MTU,
  SLOT_PACKET_TYPE, SLOT_TRANSPORT,
} from "./layout";
import { poolGive } from "./pool";
import { count64, prepend, resetMeta } from "./slot";

/** Whether the packet came to more than one host of its link: such are not answered. */
// @ts-ignore: decorator
@inline
export function cameToMany(slot: u32): bool {
  const type: u32 = load<u8>(slot, SLOT_PACKET_TYPE);
  return type == PACKET_BROADCAST || type == PACKET_MULTICAST;
}

/** The MTU to tell of: the area's, or else what the packet was too large for; 0 where neither is known. */
// @ts-ignore: decorator
@inline
export function toldMtu(area: u32, slot: u32): u32 {
  const own = load<u32>(area, ICMP_PMTU);
  return own != 0 ? own : load<u32>(slot, SLOT_MTU);
}

/**
 * Makes the packet a message of `front` bytes, all zero, and the first `quoted` bytes from `ip` on; its annotations are
 * those of a new one. Returns the address of the message, 0 where there is no room.
 */
// @ts-ignore: decorator
@inline
export function quote(slot: u32, ip: u32, quoted: u32, front: u32): u32 {
  store<u32>(slot, ip, SLOT_DATA);
  store<u32>(slot, quoted, SLOT_LENGTH);
  const out = prepend(slot, front);
  if (out == 0) return 0;
  resetMeta(slot);
  store<u32>(slot, out, SLOT_DATA);
  store<u32>(slot, quoted + front, SLOT_LENGTH);
  memory.fill(out, 0, front);
  return out;
}

/** Marks a message that is made: with the time, and with whether its source address is still to be set. */
// @ts-ignore: decorator
@inline
export function markError(area: u32, slot: u32): void {
  store<u8>(slot, <u8>load<u32>(area, ICMP_FIX), SLOT_ANNO + ANNO_FIX_IP_SRC);
  stamp(slot, load<u32>(area, NOW_SECONDS), load<u32>(area, NOW_NANOSECONDS));
}

/** Drops a packet that is not answered; its reason is the index of a counter at `state`. */
// @ts-ignore: decorator
@inline
export function dropUnanswered(state: u32, slot: u32, reason: i32): void {
  count64(state + (<u32>reason << 3), 1);
  poolGive(slot);
}

/** Marks a request that has become a reply, its ICMP header at `icmp`; the time is in the area. */
// @ts-ignore: decorator
@inline
export function markReply(area: u32, slot: u32, icmp: u32): void {
  store<u8>(slot, 0, SLOT_ANNO + ANNO_PAINT);
  store<u32>(slot, icmp, SLOT_TRANSPORT);
  stamp(slot, load<u32>(area, NOW_SECONDS), load<u32>(area, NOW_NANOSECONDS));
}
