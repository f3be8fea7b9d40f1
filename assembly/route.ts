// Applying the routes that a lookup found (RadixIPLookup, LookupIP6Route).

import {
  ROUTE_GATEWAY_4, ROUTE_GATEWAY_6, ROUTE_OUTPUT, ROUTE_SIZE_4, ROUTE_SIZE_6,
} from "./forward-layout";
import { ANNO_DST_IP, PORT_DROP, SLOT_ANNO, SLOT_PORT, SLOT_ROUTE } from "./layout";
import { slotAt } from "./slot";

/**
 * For each packet, takes the record whose number SLOT_ROUTE holds: its output goes to SLOT_PORT, its gateway, if
 * any, to the destination annotation. Number 0, no route, gives PORT_DROP. Returns how many had none.
 */
export function routeApply4(records: u32, batch: u32, count: u32): u32 {
  let missed: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const number = load<u32>(slot, SLOT_ROUTE);
    // What others would read there is not a record's number.
    store<u32>(slot, 0, SLOT_ROUTE);
    if (number == 0) {
      store<u16>(slot, PORT_DROP, SLOT_PORT);
      missed++;
      continue;
    }
    const record = records + (number - 1) * ROUTE_SIZE_4;
    const gateway = load<u32>(record, ROUTE_GATEWAY_4);
    if (gateway != 0) store<u32>(slot, gateway, SLOT_ANNO + ANNO_DST_IP);
    store<u16>(slot, load<u16>(record, ROUTE_OUTPUT), SLOT_PORT);
  }
  return missed;
}

/** The same for IPv6 routes. */
export function routeApply6(records: u32, batch: u32, count: u32): u32 {
  let missed: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const number = load<u32>(slot, SLOT_ROUTE);
    store<u32>(slot, 0, SLOT_ROUTE);
    if (number == 0) {
      store<u16>(slot, PORT_DROP, SLOT_PORT);
      missed++;
      continue;
    }
    const record = records + (number - 1) * ROUTE_SIZE_6;
    const gateway = v128.load(record, ROUTE_GATEWAY_6);
    if (v128.any_true(gateway)) v128.store(slot, gateway, SLOT_ANNO + ANNO_DST_IP);
    store<u16>(slot, load<u16>(record, ROUTE_OUTPUT), SLOT_PORT);
  }
  return missed;
}
