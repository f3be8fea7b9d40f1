// FORCE_IP of the elements that read packets from outside: only what carries IP counts, and is marked.

import {
  ANNO_DST_IP,
  SLOT_ANNO,
  SLOT_DATA,
  SLOT_LENGTH,
  SLOT_NETWORK,
  SLOT_TRANSPORT,
} from "../../assembly/layout.js";
import { ipOffset } from "../wire/link-type.js";
import type { PacketMemory } from "./memory.js";

/**
 * Marks the network and transport header of a packet of `linkType` (LINKTYPE_*) that carries IP, and sets the
 * destination annotation of an IPv4 one. False, and nothing changed, when it carries none or ends in its header.
 */
export function forceIP(memory: PacketMemory, slot: number, linkType: number): boolean {
  const data = memory.get32(slot + SLOT_DATA);
  const length = memory.get32(slot + SLOT_LENGTH);
  const { view } = memory;
  const offset = ipOffset(view, data, length, linkType);
  if (offset < 0 || offset >= length) return false;
  const ip = data + offset;
  const version = view.getUint8(ip) >> 4;
  const headerLength = version === 4 ? (view.getUint8(ip) & 15) * 4 : 40;
  if ((version !== 4 && version !== 6) || headerLength < 20 || offset + headerLength > length) return false;
  memory.set32(slot + SLOT_NETWORK, ip);
  memory.set32(slot + SLOT_TRANSPORT, ip + headerLength);
  if (version === 4) memory.u8.copyWithin(slot + SLOT_ANNO + ANNO_DST_IP, ip + 16, ip + 20);
  return true;
}
