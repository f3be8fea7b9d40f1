// What the IPv4 kernels do to one packet, apart from their loops: a kernel that
// fuses several steps is made of the same. Not exported from the module.

import { csumFold, csumHeader } from "./checksum";
import {
  IP_CHECK_BADSRC, IP_CHECK_CHECKSUM, IP_CHECK_GOODDST, IP_CHECK_GOODDST_COUNT, IP_CHECK_HEADER_LENGTH,
  IP_CHECK_LENGTH, IP_CHECK_SOURCE, IP_CHECK_TINY, IP_CHECK_VERSION, IP_TTL_EXPIRED, IP_TTL_NO_HEADER,
} from "./ip-layout";
import { ANNO_DST_IP, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_TRANSPORT } from "./layout";
import { networkHeader, PASSED } from "./reject";

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

/** CheckIPHeader on one packet: PASSED, or the reason (IP_CHECK_*) with the packet as it was. */
// @ts-ignore: decorator
@inline
export function checkIp(state: u32, slot: u32, offset: u32, verify: u32, sources: u32): u32 {
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

/** DecIPTTL on one packet: PASSED, or the reason (IP_TTL_*) with the packet as it was. */
// @ts-ignore: decorator
@inline
export function decrementTtl(slot: u32, multicast: u32): u32 {
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
