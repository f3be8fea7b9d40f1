// Putting on and taking off IPv4 headers: IPEncap, UDPIPEncap, StripIPHeader, SetIPChecksum, FixIPSrc.

import { csumAdd, csumFold, csumPseudo4 } from "./checksum";
import { IP_HEADER, UDP_HEADER, ipHeaderLength, markIp, networkLength, put16, setIpSum } from "./header";
import { ENCAP_CHECKSUM, ENCAP_HEADER, ENCAP_ID, ENCAP_SUM, ENCAP_USE_ANNO } from "./forward-layout";
import {
  ANNO_DST_IP, ANNO_FIX_IP_SRC, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_TRANSPORT,
} from "./layout";
import { poolGive } from "./pool";
import { count64, prepend, slotAt } from "./slot";

const UDP: u32 = 17;
const IP_LENGTH_MAX: u32 = 65535;

/** Makes `more` bytes of room and writes the IPv4 header there; 0 when it does not fit. */
// @ts-ignore: decorator
@inline
function encapsulate(area: u32, slot: u32, more: u32): u32 {
  if (load<u32>(slot, SLOT_LENGTH) + more > IP_LENGTH_MAX) return 0;
  const ip = prepend(slot, more);
  if (ip == 0) return 0;
  memory.copy(ip, area + ENCAP_HEADER, more);
  let sum: u64 = load<u32>(area, ENCAP_SUM);
  let destination: u32;
  if (load<u32>(area, ENCAP_USE_ANNO) != 0) {
    destination = load<u32>(slot, SLOT_ANNO + ANNO_DST_IP);
    store<u32>(ip, destination, 16);
    sum += <u64>((destination & 0xffff) + (destination >> 16));
  } else {
    destination = load<u32>(ip, 16);
  }
  const id = load<u32>(area, ENCAP_ID);
  store<u32>(area, id + 1, ENCAP_ID);
  put16(ip + 2, load<u32>(slot, SLOT_LENGTH));
  put16(ip + 4, id);
  sum += <u64>load<u16>(ip, 2) + <u64>load<u16>(ip, 4);
  store<u16>(ip, <u16>~csumFold(sum), 10);
  markIp(slot, ip, IP_HEADER, destination);
  return ip;
}

/**
 * Puts the IPv4 header of the ENCAP area before each packet. A packet with no room for it goes back to the pool
 * and is counted at `drops`. Returns how many packets stay in `batch`.
 */
export function ipEncap(area: u32, drops: u32, batch: u32, count: u32): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if (encapsulate(area, slot, IP_HEADER) == 0) {
      poolGive(slot);
      continue;
    }
    store<u32>(batch + (kept++ << 2), slot);
  }
  if (kept < count) count64(drops, count - kept);
  return kept;
}

/** Puts the IPv4 and UDP header of the ENCAP area before each packet; otherwise as ipEncap. */
export function udpIpEncap(area: u32, drops: u32, batch: u32, count: u32): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const ip = encapsulate(area, slot, IP_HEADER + UDP_HEADER);
    if (ip == 0) {
      poolGive(slot);
      continue;
    }
    const udp = ip + IP_HEADER;
    const length = load<u32>(slot, SLOT_LENGTH) - IP_HEADER;
    put16(udp + 4, length);
    if (load<u32>(area, ENCAP_CHECKSUM) != 0) {
      const sum = csumAdd(csumPseudo4(ip, UDP, length), udp, length) ^ 0xffff;
      // 0 would mean that there is no checksum (RFC 768).
      store<u16>(udp, sum == 0 ? 0xffff : <u16>sum, 6);
    }
    store<u32>(batch + (kept++ << 2), slot);
  }
  if (kept < count) count64(drops, count - kept);
  return kept;
}

/**
 * Removes everything before the transport header. A packet without one inside its buffer goes back to the pool and
 * is counted at `drops`. Returns how many packets stay in `batch`.
 */
export function stripIpHeader(drops: u32, batch: u32, count: u32): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const data = load<u32>(slot, SLOT_DATA);
    const end = data + load<u32>(slot, SLOT_LENGTH);
    const to = load<u32>(slot, SLOT_TRANSPORT);
    if (to < data || to > end) {
      poolGive(slot);
      continue;
    }
    store<u32>(slot, to, SLOT_DATA);
    store<u32>(slot, end - to, SLOT_LENGTH);
    store<u32>(batch + (kept++ << 2), slot);
  }
  if (kept < count) count64(drops, count - kept);
  return kept;
}

/**
 * Computes each packet's IPv4 header checksum, the header being at the network header or, without one, at the
 * data. A packet too short for its header goes back to the pool and is counted at `drops`. Returns how many packets
 * stay in `batch`.
 */
export function setIpChecksum(drops: u32, batch: u32, count: u32): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const marked = load<u32>(slot, SLOT_NETWORK) != 0;
    const at = marked ? load<u32>(slot, SLOT_NETWORK) : load<u32>(slot, SLOT_DATA);
    const room = marked ? networkLength(slot) : load<u32>(slot, SLOT_LENGTH);
    const length: u32 = room < IP_HEADER ? 0 : (<u32>load<u8>(at) & 15) << 2;
    if (length < IP_HEADER || length > room) {
      poolGive(slot);
      continue;
    }
    setIpSum(at, length);
    store<u32>(batch + (kept++ << 2), slot);
  }
  if (kept < count) count64(drops, count - kept);
  return kept;
}

/** Sets the IPv4 source to `source` (network order) where the fix-IP-source annotation asks for it, and clears that. */
export function fixIpSource(source: u32, batch: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if (load<u8>(slot, SLOT_ANNO + ANNO_FIX_IP_SRC) == 0) continue;
    const at = load<u32>(slot, SLOT_NETWORK);
    const length = ipHeaderLength(at, networkLength(slot));
    if (length == 0) continue;
    store<u8>(slot, 0, SLOT_ANNO + ANNO_FIX_IP_SRC);
    store<u32>(at, source, 12);
    setIpSum(at, length);
  }
}
