// The source and destination EIDs of a packet.

import { SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK } from "../../../assembly/layout.js";
import type { PacketMemory } from "../../packet/memory.js";

/** An EID in a packet: an address in the router's memory, and how many bytes it has. Filled anew for each packet. */
export interface EidPlace {
  u8: Uint8Array;
  at: number;
  bytes: number;
}

/** Where the IPv4 and the IPv6 header have them. */
const OFFSETS = { source: [12, 8], destination: [16, 24] } as const;

/** Finds an address of the IP packet in `slot`; false where there is no whole IP header. */
export function findEid(
  memory: PacketMemory,
  slot: number,
  which: keyof typeof OFFSETS,
  place: EidPlace,
): boolean {
  const data = memory.get32(slot + SLOT_DATA);
  const end = data + memory.get32(slot + SLOT_LENGTH);
  const network = memory.get32(slot + SLOT_NETWORK);
  const at = network === 0 ? data : network;
  const version = at >= data && at < end ? memory.u8[at] >> 4 : 0;
  if (version !== 4 && version !== 6) return false;
  if (at + (version === 4 ? 20 : 40) > end) return false;
  place.u8 = memory.u8;
  place.at = at + OFFSETS[which][version === 4 ? 0 : 1];
  place.bytes = version === 4 ? 4 : 16;
  return true;
}

/** Whether an address is the one in a place. */
export function isAt(address: Uint8Array, { u8, at, bytes }: EidPlace): boolean {
  if (address.length !== bytes) return false;
  for (let i = 0; i < bytes; i++) if (address[i] !== u8[at + i]) return false;
  return true;
}

/** A copy of the address in a place. */
export const eidAt = ({ u8, at, bytes }: EidPlace): Uint8Array => u8.slice(at, at + bytes);
