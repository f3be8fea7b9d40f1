// UDP (RFC 768; over IPv6 RFC 8200 section 8.1).

import { checksum, pseudoSum } from "./checksum.js";
import { viewOf, WireError } from "./error.js";
import { PROTOCOL_UDP } from "./ipv4.js";

// Offsets in bytes.
export const UDP_SOURCE_PORT = 0;
export const UDP_DESTINATION_PORT = 2;
export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;
export const UDP_HEADER = 8;

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** The addresses of the packet around a transport message, of 4 or 16 bytes each: they count in its checksum. */
export interface Endpoints {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/**
 * Reads and checks a datagram: its length and, given the addresses, its checksum (a zero one is none over IPv4 and,
 * as RFC 6935 allows tunnels, over IPv6). Throws WireError.
 */
export function readUdp(bytes: Uint8Array, endpoints?: Endpoints): UdpDatagram {
  const view = viewOf(bytes, UDP_HEADER, "UDP");
  const length = view.getUint16(UDP_LENGTH);
  if (length < UDP_HEADER) throw new WireError("BAD_LENGTH", `UDP: length ${length}`);
  if (length > bytes.length)
    throw new WireError("TRUNCATED", `UDP: length ${length} of ${bytes.length} bytes`);
  if (endpoints !== undefined && view.getUint16(UDP_CHECKSUM) !== 0) {
    const sum = pseudoSum(endpoints.source, endpoints.destination, PROTOCOL_UDP, length);
    if (checksum(bytes.subarray(0, length), sum) !== 0)
      throw new WireError("BAD_CHECKSUM", "UDP: wrong checksum");
  }
  return {
    sourcePort: view.getUint16(UDP_SOURCE_PORT),
    destinationPort: view.getUint16(UDP_DESTINATION_PORT),
    payload: bytes.subarray(UDP_HEADER, length),
  };
}

/** Writes a datagram with its length and, given the addresses, its checksum; without them the checksum is zero. */
export function writeUdp(datagram: UdpDatagram, endpoints?: Endpoints): Uint8Array {
  const length = UDP_HEADER + datagram.payload.length;
  if (length > 65535) throw new WireError("BAD_LENGTH", `UDP: length ${length}`);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(UDP_SOURCE_PORT, datagram.sourcePort);
  view.setUint16(UDP_DESTINATION_PORT, datagram.destinationPort);
  view.setUint16(UDP_LENGTH, length);
  bytes.set(datagram.payload, UDP_HEADER);
  if (endpoints !== undefined) {
    const sum = pseudoSum(endpoints.source, endpoints.destination, PROTOCOL_UDP, length);
    view.setUint16(UDP_CHECKSUM, checksum(bytes, sum) || 0xffff);
  }
  return bytes;
}
