// Ethernet headers.

import { SLOT_MAC } from "./layout";
import { count64, prepend, slotAt } from "./slot";

export const ETHER_HEADER: u32 = 14;

/**
 * Prepends the 14 bytes at `state` + 8 to each packet. Packets whose slot has no room for them go to `bad`,
 * counted at `state`. Returns how many stay in `batch`.
 */
export function etherEncap(state: u32, batch: u32, count: u32, bad: u32): u32 {
  const low = load<u64>(state, 8);
  const high = load<u64>(state, 14);
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const header = prepend(slot, ETHER_HEADER);
    if (header == 0) {
      store<u32>(bad + ((i - good) << 2), slot);
      continue;
    }
    store<u64>(header, low);
    store<u64>(header, high, 6);
    store<u32>(slot, header, SLOT_MAC);
    store<u32>(batch + (good++ << 2), slot);
  }
  count64(state, count - good);
  return good;
}
