// Segmentation in software: cuts the oversized TCP and UDP frames that an
// interface with offloads hands over into packets.

import { csumAdd, csumFold, csumOf } from "./checksum";
import {
  LINK_IP, SEG_AT, SEG_FRAME, SEG_HEADERS, SEG_INDEX, SEG_LENGTH, SEG_NETWORK, SEG_NO_CSUM, SEG_PROTOCOL, SEG_PSEUDO,
  SEG_SIZE, SEG_TRANSPORT, SEG_VERSION,
} from "./device-layout";
import { SLOT_DATA, SLOT_LENGTH } from "./layout";

const TCP: u32 = 6;
const UDP: u32 = 17;
// VIRTIO_NET_HDR_GSO_* (linux/virtio_net.h)
const GSO_TCPV4: u32 = 1;
const GSO_TCPV6: u32 = 4;
const GSO_UDP_L4: u32 = 5;

// @ts-ignore: decorator
@inline
function be16(at: u32): u32 {
  return bswap<u16>(load<u16>(at));
}

// @ts-ignore: decorator
@inline
function put16(at: u32, value: u32): void {
  store<u16>(at, bswap<u16>(<u16>value));
}

/**
 * Reads the headers of the frame of `length` bytes at `frame` and makes `seg` ready for segmentNext.
 * `link`: LINK_*; `gsoType`, `gsoSize`: from its virtio header; `partial`: 1 when the transport checksum field
 * holds the pseudo-header's sum; `room`: bytes of data a packet takes.
 * Returns 0 when it is not a frame that can be segmented.
 */
export function segmentBegin(
  seg: u32, frame: u32, length: u32, link: u32, gsoType: u32, gsoSize: u32, partial: u32, room: u32,
): u32 {
  store<u32>(seg, 0, SEG_LENGTH);
  let network: u32 = 0;
  let version: u32 = 0;
  if (link == LINK_IP) {
    if (length < 20) return 0;
    version = load<u8>(frame) >> 4;
  } else {
    network = 14;
    if (length < 34) return 0;
    let type = be16(frame + 12);
    while (type == 0x8100 || type == 0x88a8) {
      network += 4;
      if (network + 20 > length) return 0;
      type = be16(frame + network - 2);
    }
    version = type == 0x0800 ? 4 : type == 0x86dd ? 6 : 0;
  }
  const ip = frame + network;
  let transport: u32 = network;
  let protocol: u32 = 0;
  if (version == 4) {
    const header: u32 = (load<u8>(ip) & 15) * 4;
    if (header < 20 || (be16(ip + 6) & 0x3fff) != 0) return 0;
    protocol = load<u8>(ip + 9);
    transport += header;
  } else if (version == 6) {
    transport += 40;
    if (transport > length) return 0;
    protocol = load<u8>(ip + 6);
    // Hop-by-hop options, routing, destination options: their length is in units of 8 bytes after the first 8.
    while (protocol == 0 || protocol == 43 || protocol == 60) {
      if (transport + 8 > length) return 0;
      protocol = load<u8>(frame + transport);
      transport += (<u32>load<u8>(frame + transport + 1) + 1) * 8;
    }
  } else return 0;
  let headers: u32 = transport + 8;
  if (protocol == TCP) {
    if (gsoType != (version == 4 ? GSO_TCPV4 : GSO_TCPV6) || transport + 20 > length) return 0;
    const header: u32 = (load<u8>(frame + transport + 12) >> 4) * 4;
    if (header < 20) return 0;
    headers = transport + header;
  } else if (protocol != UDP || gsoType != GSO_UDP_L4) return 0;
  if (headers > length || gsoSize == 0 || headers + gsoSize > room) return 0;

  const field = load<u16>(frame + transport + (protocol == TCP ? 16 : 6));
  let pseudo: u32;
  if (partial) {
    // What the sender put there, without the length of the whole.
    pseudo = csumFold(<u64>field + <u64>(~bswap<u16>(<u16>(length - transport)) & 0xffff));
  } else pseudo = version == 4 ? csumAdd(protocol << 8, ip + 12, 8) : csumAdd(protocol << 8, ip + 8, 32);
  store<u32>(seg, frame, SEG_FRAME);
  store<u32>(seg, length, SEG_LENGTH);
  store<u32>(seg, 0, SEG_AT);
  store<u32>(seg, gsoSize, SEG_SIZE);
  store<u32>(seg, network, SEG_NETWORK);
  store<u32>(seg, transport, SEG_TRANSPORT);
  store<u32>(seg, headers, SEG_HEADERS);
  store<u32>(seg, 0, SEG_INDEX);
  store<u32>(seg, protocol, SEG_PROTOCOL);
  store<u32>(seg, version, SEG_VERSION);
  store<u32>(seg, pseudo, SEG_PSEUDO);
  store<u32>(seg, protocol == UDP && version == 4 && field == 0 && !partial ? 1 : 0, SEG_NO_CSUM);
  return 1;
}

/** Bytes of the next segment. */
export function segmentLength(seg: u32): u32 {
  const headers = load<u32>(seg, SEG_HEADERS);
  return headers + min<u32>(load<u32>(seg, SEG_SIZE), load<u32>(seg, SEG_LENGTH) - headers - load<u32>(seg, SEG_AT));
}

/** Writes the next segment into `slot` (which has room for segmentLength bytes) and returns how many bytes of the frame are left. */
export function segmentNext(seg: u32, slot: u32): u32 {
  const frame = load<u32>(seg, SEG_FRAME);
  const headers = load<u32>(seg, SEG_HEADERS);
  const network = load<u32>(seg, SEG_NETWORK);
  const transport = load<u32>(seg, SEG_TRANSPORT);
  const index = load<u32>(seg, SEG_INDEX);
  const at = load<u32>(seg, SEG_AT);
  const payload = load<u32>(seg, SEG_LENGTH) - headers;
  const size = min<u32>(load<u32>(seg, SEG_SIZE), payload - at);
  const left = payload - at - size;
  const data = load<u32>(slot, SLOT_DATA);
  memory.copy(data, frame, headers);
  memory.copy(data + headers, frame + headers + at, size);
  store<u32>(slot, headers + size, SLOT_LENGTH);

  const ip = data + network;
  const header = data + transport;
  const segment: u32 = headers - transport + size; // bytes from the transport header on
  if (load<u32>(seg, SEG_VERSION) == 4) {
    put16(ip + 2, transport - network + segment);
    put16(ip + 4, be16(ip + 4) + index);
    store<u16>(ip, 0, 10);
    store<u16>(ip, <u16>csumOf(ip, transport - network), 10);
  } else put16(ip + 4, transport - network - 40 + segment);

  let field: u32 = 6;
  if (load<u32>(seg, SEG_PROTOCOL) == TCP) {
    field = 16;
    store<u32>(header, bswap<u32>(bswap<u32>(load<u32>(header, 4)) + at), 4);
    let flags = load<u8>(header, 13);
    if (left != 0) flags &= ~0x09; // FIN and PSH belong to the last segment
    if (index != 0) flags &= ~0x80; // CWR to the first (RFC 3168 section 6.1.2)
    store<u8>(header, flags, 13);
  } else put16(header + 4, segment);
  if (load<u32>(seg, SEG_NO_CSUM) == 0) {
    store<u16>(header + field, 0);
    const start = csumFold(<u64>load<u32>(seg, SEG_PSEUDO) + <u64>bswap<u16>(<u16>segment));
    const sum = csumAdd(start, header, segment) ^ 0xffff;
    store<u16>(header + field, sum == 0 ? 0xffff : sum);
  }
  store<u32>(seg, at + size, SEG_AT);
  store<u32>(seg, index + 1, SEG_INDEX);
  if (left == 0) store<u32>(seg, 0, SEG_LENGTH);
  return left;
}
