// A learning Ethernet switch (IEEE 802.1D, sections 7.7 and 7.8): on which port a frame leaves.
//
// Stations stand in a table of sets of four, like the memory of a switch: it does not grow, and in a full set the
// station that was not heard of for longest makes room.

import {
  STATION_ADDRESS, STATION_SEEN, STATION_SIZE, STATION_WAYS, STATIONS_COUNT, STATIONS_SEED, STATIONS_SETS,
  STATIONS_TIMEOUT, SWITCH_FLOODED, SWITCH_REPLACED, SWITCH_SAME_PORT, SWITCH_SHORT,
} from "./ether-switch-layout";
import { PORT_ALL, PORT_DROP, SLOT_DATA, SLOT_LENGTH, SLOT_PORT } from "./layout";
import { count64, slotAt } from "./slot";

const ADDRESS: u64 = 0xffffffffffff;
/** The least significant bit of the first byte: a group's address. */
const GROUP: u64 = 1;
const SET_SIZE: u32 = STATION_SIZE * STATION_WAYS;

// @ts-ignore: decorator
@inline
function setOf(stations: u32, address: u64): u32 {
  // Stations often differ in the last byte only, which is the highest here: it must reach the lowest bits.
  let x = (address ^ (address >> 24) ^ load<u32>(stations, STATIONS_SEED)) * 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9;
  const set = <u32>(x >> 32) & (load<u32>(stations, STATIONS_COUNT) - 1);
  return load<u32>(stations, STATIONS_SETS) + set * SET_SIZE;
}

/** Notes that `address` was heard of on `port`. */
function learn(state: u32, stations: u32, address: u64, port: u32, now: u32): void {
  const set = setOf(stations, address);
  let chosen = set;
  let age: u32 = 0;
  for (let i: u32 = 0; i < <u32>STATION_WAYS; i++) {
    const station = set + i * STATION_SIZE;
    const word = load<u64>(station, STATION_ADDRESS);
    if (word >> 48 == 0) {
      // There may be the address itself behind a place that became free.
      if (age != 0xffffffff) chosen = station;
      age = 0xffffffff;
      continue;
    }
    if ((word & ADDRESS) == address) {
      chosen = station;
      age = 0xffffffff;
      break;
    }
    const unheard = now - load<u32>(station, STATION_SEEN);
    if (age != 0xffffffff && unheard >= age) {
      age = unheard;
      chosen = station;
    }
  }
  if (age != 0xffffffff && age < load<u32>(stations, STATIONS_TIMEOUT)) count64(state + SWITCH_REPLACED, 1);
  store<u64>(chosen, address | (<u64>(port + 1) << 48), STATION_ADDRESS);
  store<u32>(chosen, now, STATION_SEEN);
}

/** The port that `address` was heard of on, plus 1; 0 when it was not, or too long ago. */
function whereIs(stations: u32, address: u64, now: u32): u32 {
  const set = setOf(stations, address);
  for (let i: u32 = 0; i < <u32>STATION_WAYS; i++) {
    const station = set + i * STATION_SIZE;
    const word = load<u64>(station, STATION_ADDRESS);
    const port = <u32>(word >> 48);
    if (port == 0 || (word & ADDRESS) != address) continue;
    if (now - load<u32>(station, STATION_SEEN) < load<u32>(stations, STATIONS_TIMEOUT)) return port;
    store<u64>(station, 0, STATION_ADDRESS);
    return 0;
  }
  return 0;
}

/**
 * Learns, in the table `stations`, from frames that came in on `input`, and sets where each goes: SLOT_PORT is an output, PORT_ALL (all but
 * `input`) or PORT_DROP, which is counted (in `state`). `now`: ticks. Returns what all of them have in SLOT_PORT, -1 when they differ.
 */
export function etherSwitch(state: u32, stations: u32, batch: u32, count: u32, input: u32, now: u32): i32 {
  const learns = load<u32>(stations, STATIONS_TIMEOUT) != 0;
  let common: i32 = -2;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const data = load<u32>(slot, SLOT_DATA);
    let port: u32 = PORT_ALL;
    if (load<u32>(slot, SLOT_LENGTH) < 14) {
      port = PORT_DROP;
      count64(state + SWITCH_SHORT, 1);
    } else {
      const destination = load<u64>(data) & ADDRESS;
      const source = load<u64>(data, 6) & ADDRESS;
      // No station has a group's address, nor 0.
      if (learns && (source & GROUP) == 0 && source != 0) learn(state, stations, source, input, now);
      if (learns && (destination & GROUP) == 0) {
        const known = whereIs(stations, destination, now);
        if (known != 0) port = known - 1;
      }
      if (port == input) {
        port = PORT_DROP;
        count64(state + SWITCH_SAME_PORT, 1);
      } else if (port == PORT_ALL) count64(state + SWITCH_FLOODED, 1);
    }
    store<u16>(slot, <u16>port, SLOT_PORT);
    if (common == -2) common = <i32>port;
    else if (common != <i32>port) common = -1;
  }
  return common;
}
