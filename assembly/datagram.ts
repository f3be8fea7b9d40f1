// UDP datagrams that sinks measure, and the streams they belong to. Not exported from the module.

import { csumAdd, csumPseudo4, csumPseudo6 } from "./checksum";
import { IP6_HEADER, IP_HEADER, UDP_HEADER, be16, ipHeaderLength, networkLength } from "./header";
import { heapAlloc } from "./heap";
import {
  FLAG_CSUM_OK, FLAG_PARTIAL_CSUM, SLOT_CSUM_START, SLOT_DATA, SLOT_FLAGS, SLOT_NETWORK,
} from "./layout";
import {
  DATAGRAM_BAD_CHECKSUM, DATAGRAM_BAD_LENGTH, DATAGRAM_FRAGMENT, DATAGRAM_NOT_UDP, DATAGRAM_NO_HEADER,
  DATAGRAM_OTHER_PORT, STREAMS_CAPACITY, STREAMS_COUNT, STREAMS_LIST, STREAMS_MASK, STREAMS_SEED,
  STREAMS_TABLE, STREAM_ADDRESS, STREAM_FAMILY, STREAM_NUMBER,
} from "./traffic-layout";

const UDP: u32 = 17;
const FRAGMENT_HEADER: u32 = 44;
const MF_AND_OFFSET: u32 = 0x3fff;

/** Whether the datagram's checksum is right, or nobody is to look at it: the device vouches for it, or is to complete it. */
function checksumRight(slot: u32, ip: u32, udp: u32, length: u32, four: bool): bool {
  const flags: u32 = load<u8>(slot, SLOT_FLAGS);
  if ((flags & FLAG_CSUM_OK) != 0) return true;
  const start = load<u32>(slot, SLOT_DATA) + <u32>load<u16>(slot, SLOT_CSUM_START);
  if ((flags & FLAG_PARTIAL_CSUM) != 0 && start == udp) return true;
  // Only over IPv4 there may be none (RFC 768; RFC 8200 section 8.1).
  if (load<u16>(udp, 6) == 0) return four;
  const pseudo = four ? csumPseudo4(ip, UDP, length) : csumPseudo6(ip, UDP, length);
  return csumAdd(pseudo, udp, length) == 0xffff;
}

/**
 * The UDP header of a packet whose network header is marked, if the datagram is whole, right and for `port` (as it lies
 * in memory; 0: any); else why not, one of DATAGRAM_*. A datagram behind IPv6 extension headers is not UDP.
 */
export function findDatagram(slot: u32, port: u32): u32 {
  const room = networkLength(slot);
  if (room < IP_HEADER) return DATAGRAM_NO_HEADER;
  const ip = load<u32>(slot, SLOT_NETWORK);
  const four = load<u8>(ip) >> 4 == 4;
  let header: u32;
  let left: u32; // bytes of the IP packet behind its header
  if (four) {
    header = ipHeaderLength(ip, room);
    if (header == 0) return DATAGRAM_NO_HEADER;
    const total = be16(ip + 2);
    if (total < header || total > room) return DATAGRAM_BAD_LENGTH;
    if (load<u8>(ip, 9) != UDP) return DATAGRAM_NOT_UDP;
    if ((be16(ip + 6) & MF_AND_OFFSET) != 0) return DATAGRAM_FRAGMENT;
    left = total - header;
  } else {
    if (load<u8>(ip) >> 4 != 6 || room < IP6_HEADER) return DATAGRAM_NO_HEADER;
    header = IP6_HEADER;
    left = be16(ip + 4);
    if (left > room - IP6_HEADER) return DATAGRAM_BAD_LENGTH;
    const next: u32 = load<u8>(ip, 6);
    if (next == FRAGMENT_HEADER) return DATAGRAM_FRAGMENT;
    if (next != UDP) return DATAGRAM_NOT_UDP;
  }
  const udp = ip + header;
  if (left < UDP_HEADER) return DATAGRAM_BAD_LENGTH;
  if (port != 0 && load<u16>(udp, 2) != port) return DATAGRAM_OTHER_PORT;
  const length = be16(udp + 4);
  if (length < UDP_HEADER || length > left) return DATAGRAM_BAD_LENGTH;
  return checksumRight(slot, ip, udp, length, four) ? udp : DATAGRAM_BAD_CHECKSUM;
}

/** Bytes of the datagram's payload. */
// @ts-ignore: decorator
@inline
export function payloadLength(udp: u32): u32 {
  return be16(udp + 4) - UDP_HEADER;
}

/**
 * The stream `number` from the source of the packet whose IP header is at `ip`. One that is not there yet is made, of
 * `size` bytes that are zero but for what it is known by; 0 where there are too many, or there is no memory.
 */
export function streamOf(area: u32, ip: u32, number: u32, size: u32): u32 {
  const four = load<u8>(ip) >> 4 == 4;
  const low: u64 = four ? <u64>load<u32>(ip, 12) : load<u64>(ip, 8);
  const high: u64 = four ? 0 : load<u64>(ip, 16);
  const family: u32 = four ? 4 : 6;
  const table = load<u32>(area, STREAMS_TABLE);
  const mask = load<u32>(area, STREAMS_MASK);
  const seed: u64 = load<u32>(area, STREAMS_SEED) | 1;
  let h = (low ^ seed) * 0x9e3779b97f4a7c15;
  h = ((h ^ (h >> 32)) + high + number) * (seed * 0xff51afd7ed558ccd | 1);
  let place = <u32>(h >> 32) & mask;
  while (true) {
    const stream = load<u32>(table + (place << 2));
    if (stream == 0) break;
    if (
      load<u32>(stream, STREAM_NUMBER) == number && load<u64>(stream, STREAM_ADDRESS) == low &&
      load<u64>(stream, STREAM_ADDRESS + 8) == high && load<u32>(stream, STREAM_FAMILY) == family
    ) return stream;
    place = (place + 1) & mask;
  }
  const count = load<u32>(area, STREAMS_COUNT);
  if (count >= load<u32>(area, STREAMS_CAPACITY)) return 0;
  const stream = heapAlloc(size);
  if (stream == 0) return 0;
  store<u64>(stream, low, STREAM_ADDRESS);
  store<u64>(stream, high, STREAM_ADDRESS + 8);
  store<u32>(stream, number, STREAM_NUMBER);
  store<u32>(stream, family, STREAM_FAMILY);
  store<u32>(table + (place << 2), stream);
  store<u32>(load<u32>(area, STREAMS_LIST) + (count << 2), stream);
  store<u32>(area, count + 1, STREAMS_COUNT);
  return stream;
}

/** Whether what findDatagram returned is an address. */
// @ts-ignore: decorator
@inline
export function isAddress(found: u32): bool {
  return found >= 64;
}
