// How a kernel with two ways out rejects a packet. Not exported from the module.

import { SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_REASON } from "./layout";
import { count64 } from "./slot";

/** What a check says of a packet that passes it. */
export const PASSED: u32 = 0xffff;

/** Counts the drop in the state and writes its reason into the slot. */
export function reject(state: u32, slot: u32, reason: u32): void {
  store<u16>(slot, reason as u16, SLOT_REASON);
  count64(state + (reason << 3), 1);
}

/** The packet's network header, 0 when it is unset or its first `size` bytes are not all within the data. */
// @ts-ignore: decorator
@inline
export function networkHeader(slot: u32, size: u32): u32 {
  const at = load<u32>(slot, SLOT_NETWORK);
  const data = load<u32>(slot, SLOT_DATA);
  return at >= data && at + size <= data + load<u32>(slot, SLOT_LENGTH) ? at : 0;
}
