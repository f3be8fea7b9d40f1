// Which packets are a mobile host's: longest match on their source or destination EID.

import { SLOT_IID, SLOT_PORT } from "./layout";
import { ipHeaderAt, versionAt } from "./lisp-eid";
import {
  HOST_KIND, HOST_NONE, HOST_PACKETS, SWITCH_IID, SWITCH_OFFSET_4, SWITCH_OFFSET_6, SWITCH_PER_PACKET, SWITCH_TABLE_4,
  SWITCH_TABLE_6,
} from "./lisp-layout";
import { lpm4Lookup } from "./lpm4-lookup";
import { lpm6Lookup } from "./lpm6-lookup";
import { count64, slotAt } from "./slot";

/** The record that the tables have for the packet's EID, 0 for none. */
// @ts-ignore: decorator
@inline
function recordOf(state: u32, slot: u32): u32 {
  const ip = ipHeaderAt(slot);
  if (ip == 0) return 0;
  if (versionAt(ip) == 4) {
    const address = bswap<u32>(load<u32>(ip + load<u32>(state, SWITCH_OFFSET_4)));
    return lpm4Lookup(load<u32>(state, SWITCH_TABLE_4), address);
  }
  return lpm6Lookup(load<u32>(state, SWITCH_TABLE_6), ip + load<u32>(state, SWITCH_OFFSET_6));
}

/** Packets of no mobile host stay in `batch`, the others go to `others` with their HOST_* in SLOT_PORT. Returns the number kept. */
export function lispHosts(state: u32, batch: u32, count: u32, others: u32): u32 {
  const perPacket = load<u32>(state, SWITCH_PER_PACKET) != 0;
  const iid = load<u32>(state, SWITCH_IID);
  let kept: u32 = 0;
  let apart: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const record = perPacket && load<u32>(slot, SLOT_IID) != iid ? 0 : recordOf(state, slot);
    const kind = record == 0 ? HOST_NONE : load<u32>(record, HOST_KIND);
    if (kind == HOST_NONE) {
      store<u32>(batch + (kept++ << 2), slot);
      continue;
    }
    count64(record + HOST_PACKETS, 1);
    store<u16>(slot, kind as u16, SLOT_PORT);
    store<u32>(others + (apart++ << 2), slot);
  }
  return kept;
}
