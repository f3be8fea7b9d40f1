// The traffic generator: packets of 64 bytes to destinations that were drawn
// beforehand, so that every contestant gets the same ones.

import { SLOT_DATA, SLOT_LENGTH } from "../../assembly/layout";
import { poolTake } from "../../assembly/pool";
import {
  ENTRY_DESTINATION, ENTRY_PORTS, TRAFFIC_ENTRY, TRAFFIC_LENGTH, TRAFFIC_MASK, TRAFFIC_NEXT, TRAFFIC_RING, TRAFFIC_SUM,
  TRAFFIC_TEMPLATE,
} from "./traffic-layout";

/** Writes packet number `n` of the traffic into the fresh packet `slot`. */
// @ts-ignore: decorator
@inline
export function writePacket(state: u32, slot: u32, n: u32): void {
  const at = load<u32>(slot, SLOT_DATA);
  const entry = load<u32>(state, TRAFFIC_RING) + (n & load<u32>(state, TRAFFIC_MASK)) * TRAFFIC_ENTRY;
  const destination = load<u32>(entry, ENTRY_DESTINATION);
  v128.store(at, v128.load(state, TRAFFIC_TEMPLATE));
  v128.store(at, v128.load(state, TRAFFIC_TEMPLATE + 16), 16);
  v128.store(at, v128.load(state, TRAFFIC_TEMPLATE + 32), 32);
  v128.store(at, v128.load(state, TRAFFIC_TEMPLATE + 48), 48);
  let sum = load<u32>(state, TRAFFIC_SUM) + (destination & 0xffff) + (destination >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  store<u16>(at, (sum ^ 0xffff) as u16, 10);
  store<u32>(at, destination, 16);
  store<u32>(at, load<u32>(entry, ENTRY_PORTS), 20);
  store<u32>(slot, TRAFFIC_LENGTH, SLOT_LENGTH);
}

/** Fills `batch` with up to `count` packets; returns how many there were slots for. */
export function makeTraffic(state: u32, batch: u32, count: u32): u32 {
  const first = load<u32>(state, TRAFFIC_NEXT);
  let made: u32 = 0;
  while (made < count) {
    const slot = poolTake();
    if (slot == 0) break;
    writePacket(state, slot, first + made);
    store<u32>(batch + (made++ << 2), slot);
  }
  store<u32>(state, first + made, TRAFFIC_NEXT);
  return made;
}

/** The same for IPv6: the ring's entries are destinations of 16 bytes, the template an IPv6 packet. */
export function makeTraffic6(state: u32, batch: u32, count: u32): u32 {
  const first = load<u32>(state, TRAFFIC_NEXT);
  let made: u32 = 0;
  while (made < count) {
    const slot = poolTake();
    if (slot == 0) break;
    const at = load<u32>(slot, SLOT_DATA);
    const entry = load<u32>(state, TRAFFIC_RING) + (((first + made) & load<u32>(state, TRAFFIC_MASK)) << 4);
    v128.store(at, v128.load(state, TRAFFIC_TEMPLATE));
    v128.store(at, v128.load(state, TRAFFIC_TEMPLATE + 16), 16);
    v128.store(at, v128.load(state, TRAFFIC_TEMPLATE + 32), 32);
    v128.store(at, v128.load(state, TRAFFIC_TEMPLATE + 48), 48);
    v128.store(at, v128.load(entry), 24);
    store<u32>(slot, TRAFFIC_LENGTH, SLOT_LENGTH);
    store<u32>(batch + (made++ << 2), slot);
  }
  store<u32>(state, first + made, TRAFFIC_NEXT);
  return made;
}
