// IPv6 (RFC 8200). Extension headers are part of the payload.

import { viewOf, WireError } from "./error.js";

// Offsets in bytes.
export const IPV6_VERSION_CLASS_FLOW = 0;
export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_NEXT_HEADER = 6;
export const IPV6_HOP_LIMIT = 7;
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;
export const IPV6_HEADER = 40;

/** The smallest MTU that a link carrying IPv6 has. */
export const IPV6_MTU_MIN = 1280;

export interface Ipv6Packet {
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
  /** 16 bytes. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly payload: Uint8Array;
}

/** Reads and checks a packet (version, length); bytes after its payload are ignored. Throws WireError. */
export function readIpv6(bytes: Uint8Array): Ipv6Packet {
  const view = viewOf(bytes, IPV6_HEADER, "IPv6");
  const first = view.getUint32(IPV6_VERSION_CLASS_FLOW);
  if (first >>> 28 !== 6) throw new WireError("BAD_VERSION", `IPv6: version ${first >>> 28}`);
  const end = IPV6_HEADER + view.getUint16(IPV6_PAYLOAD_LENGTH);
  if (end > bytes.length)
    throw new WireError("TRUNCATED", `IPv6: ${end} bytes announced, ${bytes.length} here`);
  return {
    trafficClass: (first >>> 20) & 255,
    flowLabel: first & 0xfffff,
    nextHeader: view.getUint8(IPV6_NEXT_HEADER),
    hopLimit: view.getUint8(IPV6_HOP_LIMIT),
    source: bytes.slice(IPV6_SOURCE, IPV6_SOURCE + 16),
    destination: bytes.slice(IPV6_DESTINATION, IPV6_DESTINATION + 16),
    payload: bytes.subarray(IPV6_HEADER, end),
  };
}

/** Writes a packet with its length. Throws WireError (BAD_LENGTH) for a payload that IPv6 cannot hold. */
export function writeIpv6(packet: Ipv6Packet): Uint8Array {
  if (packet.payload.length > 65535)
    throw new WireError("BAD_LENGTH", `IPv6: payload of ${packet.payload.length} bytes`);
  const bytes = new Uint8Array(IPV6_HEADER + packet.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(IPV6_VERSION_CLASS_FLOW, 0x60000000 + (packet.trafficClass << 20) + packet.flowLabel);
  view.setUint16(IPV6_PAYLOAD_LENGTH, packet.payload.length);
  view.setUint8(IPV6_NEXT_HEADER, packet.nextHeader);
  view.setUint8(IPV6_HOP_LIMIT, packet.hopLimit);
  bytes.set(packet.source, IPV6_SOURCE);
  bytes.set(packet.destination, IPV6_DESTINATION);
  bytes.set(packet.payload, IPV6_HEADER);
  return bytes;
}
