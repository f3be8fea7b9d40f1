import { PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST } from "../../assembly/layout.js";

/** Packet type of the frame of `length` bytes at `at`, for a receiver with address `mac`; null receives every unicast frame. */
export function destinationType(
  bytes: Uint8Array,
  at: number,
  length: number,
  mac: Uint8Array | null,
): number {
  if (length < 6) return PACKET_HOST;
  if ((bytes[at] & 1) === 0) {
    if (mac === null) return PACKET_HOST;
    for (let i = 0; i < 6; i++) if (bytes[at + i] !== mac[i]) return PACKET_OTHERHOST;
    return PACKET_HOST;
  }
  for (let i = 0; i < 6; i++) if (bytes[at + i] !== 0xff) return PACKET_MULTICAST;
  return PACKET_BROADCAST;
}
