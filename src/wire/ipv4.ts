// IPv4 (RFC 791).

import { ipBytes } from "../net/address.js";
import { checksum } from "./checksum.js";
import { viewOf, WireError } from "./error.js";

// Offsets in bytes.
export const IPV4_VERSION_LENGTH = 0;
export const IPV4_TOS = 1;
export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_ID = 4;
export const IPV4_FRAGMENT = 6;
export const IPV4_TTL = 8;
export const IPV4_PROTOCOL = 9;
export const IPV4_CHECKSUM = 10;
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;
export const IPV4_OPTIONS = 20;
/** Bytes of a header without options. */
export const IPV4_HEADER = 20;

export const IPV4_DF = 0x4000;
export const IPV4_MF = 0x2000;

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMP6 = 58;

export interface Ipv4Packet {
  readonly tos: number;
  readonly id: number;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** Bytes, a multiple of 8. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  /** Host order, unsigned. */
  readonly source: number;
  readonly destination: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

/** Reads and checks a packet (version, lengths, checksum); bytes after its total length are ignored. Throws WireError. */
export function readIpv4(bytes: Uint8Array): Ipv4Packet {
  const view = viewOf(bytes, IPV4_HEADER, "IPv4");
  const first = view.getUint8(IPV4_VERSION_LENGTH);
  if (first >> 4 !== 4) throw new WireError("BAD_VERSION", `IPv4: version ${first >> 4}`);
  const header = (first & 15) * 4;
  const total = view.getUint16(IPV4_TOTAL_LENGTH);
  if (header < IPV4_HEADER || total < header)
    throw new WireError("BAD_LENGTH", `IPv4: header length ${header}, total length ${total}`);
  if (total > bytes.length)
    throw new WireError("TRUNCATED", `IPv4: total length ${total} of ${bytes.length} bytes`);
  if (checksum(bytes.subarray(0, header)) !== 0)
    throw new WireError("BAD_CHECKSUM", "IPv4: wrong header checksum");
  const fragment = view.getUint16(IPV4_FRAGMENT);
  return {
    tos: view.getUint8(IPV4_TOS),
    id: view.getUint16(IPV4_ID),
    dontFragment: (fragment & IPV4_DF) !== 0,
    moreFragments: (fragment & IPV4_MF) !== 0,
    fragmentOffset: (fragment & 0x1fff) * 8,
    ttl: view.getUint8(IPV4_TTL),
    protocol: view.getUint8(IPV4_PROTOCOL),
    source: view.getUint32(IPV4_SOURCE),
    destination: view.getUint32(IPV4_DESTINATION),
    options: bytes.slice(IPV4_OPTIONS, header),
    payload: bytes.subarray(header, total),
  };
}

/** Writes a packet with its lengths and checksum. Throws WireError (BAD_LENGTH) for what IPv4 cannot hold. */
export function writeIpv4(packet: Ipv4Packet): Uint8Array {
  const header = IPV4_HEADER + packet.options.length;
  const total = header + packet.payload.length;
  if (header > 60 || header % 4 !== 0 || total > 65535)
    throw new WireError("BAD_LENGTH", `IPv4: header length ${header}, total length ${total}`);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint8(IPV4_VERSION_LENGTH, 0x40 | (header / 4));
  view.setUint8(IPV4_TOS, packet.tos);
  view.setUint16(IPV4_TOTAL_LENGTH, total);
  view.setUint16(IPV4_ID, packet.id);
  view.setUint16(
    IPV4_FRAGMENT,
    (packet.dontFragment ? IPV4_DF : 0) | (packet.moreFragments ? IPV4_MF : 0) | (packet.fragmentOffset / 8),
  );
  view.setUint8(IPV4_TTL, packet.ttl);
  view.setUint8(IPV4_PROTOCOL, packet.protocol);
  bytes.set(ipBytes(packet.source), IPV4_SOURCE);
  bytes.set(ipBytes(packet.destination), IPV4_DESTINATION);
  bytes.set(packet.options, IPV4_OPTIONS);
  view.setUint16(IPV4_CHECKSUM, checksum(bytes.subarray(0, header)));
  bytes.set(packet.payload, header);
  return bytes;
}
