// The source and destination EIDs of a packet.

import { SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK } from "../../../assembly/layout.js";
import type { PacketMemory } from "../../packet/memory.js";

/** The source address (4 or 16 bytes, copied) of the IP packet in `slot`; null where there is no whole IP header. */
export function sourceOf(memory: PacketMemory, slot: number): Uint8Array | null {
  return addressAt(memory, slot, 12, 8);
}

/** The destination address, as `sourceOf`. */
export function destinationOf(memory: PacketMemory, slot: number): Uint8Array | null {
  return addressAt(memory, slot, 16, 24);
}

/** The address at byte `four` of an IPv4 header or `six` of an IPv6 header. */
function addressAt(memory: PacketMemory, slot: number, four: number, six: number): Uint8Array | null {
  const data = memory.get32(slot + SLOT_DATA);
  const end = data + memory.get32(slot + SLOT_LENGTH);
  const network = memory.get32(slot + SLOT_NETWORK);
  const at = network === 0 ? data : network;
  const version = at >= data && at < end ? memory.u8[at] >> 4 : 0;
  if (version === 4 && at + 20 <= end) return memory.u8.slice(at + four, at + four + 4);
  return version === 6 && at + 40 <= end ? memory.u8.slice(at + six, at + six + 16) : null;
}
