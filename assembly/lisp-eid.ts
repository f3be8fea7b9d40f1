// Where the EIDs of a packet are.

import { SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK } from "./layout";

/** Where the IP header of the packet stands; 0 when it is no IP packet, or its header is not whole. */
// @ts-ignore: decorator
@inline
export function ipHeaderAt(slot: u32): u32 {
  const data = load<u32>(slot, SLOT_DATA);
  const end = data + load<u32>(slot, SLOT_LENGTH);
  const network = load<u32>(slot, SLOT_NETWORK);
  const at = network == 0 ? data : network;
  if (at < data || at + 20 > end) return 0;
  const version = load<u8>(at) & 0xf0;
  return version == 0x40 || (version == 0x60 && at + 40 <= end) ? at : 0;
}

/** The version of the IP header at `ip`: 4 or 6. */
// @ts-ignore: decorator
@inline
export function versionAt(ip: u32): u32 {
  return (load<u8>(ip) as u32) >> 4;
}
