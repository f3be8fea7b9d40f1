// Which Ethernet frames are for this host.

import {
  PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, SLOT_DATA, SLOT_LENGTH, SLOT_PACKET_TYPE,
  SLOT_REASON,
} from "./layout";
import { FILTER_ADDRESS, FILTER_DROP_OTHER, FILTER_DROP_OWN, FILTER_OTHER, FILTER_OWN, FILTER_SHORT } from "./host-filter-layout";
import { count64, slotAt } from "./slot";

/**
 * Sets each frame's packet type from its destination address. Frames for other hosts, and (if asked) frames this
 * host sent, go to `bad`; returns how many stay.
 */
export function hostFilter(state: u32, batch: u32, count: u32, bad: u32): u32 {
  const own = load<u64>(state, FILTER_ADDRESS);
  const dropOwn = load<u32>(state, FILTER_DROP_OWN) != 0;
  const dropOther = load<u32>(state, FILTER_DROP_OTHER) != 0;
  let good: u32 = 0;
  let rejected: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const data = load<u32>(slot, SLOT_DATA);
    let reason: i32 = -1;
    if (load<u32>(slot, SLOT_LENGTH) < 14) {
      reason = FILTER_SHORT / 8;
    } else {
      const destination = load<u64>(data) & 0xffffffffffff;
      const source = load<u64>(data, 6) & 0xffffffffffff;
      let type = PACKET_HOST;
      if (destination == 0xffffffffffff) type = PACKET_BROADCAST;
      else if ((destination & 1) != 0) type = PACKET_MULTICAST;
      else if (destination != own) type = PACKET_OTHERHOST;
      store<u8>(slot, type as u8, SLOT_PACKET_TYPE);
      if (dropOwn && source == own) reason = FILTER_OWN / 8;
      else if (dropOther && type == PACKET_OTHERHOST) reason = FILTER_OTHER / 8;
    }
    if (reason < 0) {
      store<u32>(batch + (good++ << 2), slot);
    } else {
      store<u16>(slot, reason as u16, SLOT_REASON);
      count64(state + reason * 8, 1);
      store<u32>(bad + (rejected++ << 2), slot);
    }
  }
  return good;
}
