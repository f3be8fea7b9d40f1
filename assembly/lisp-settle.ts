// Making a mapping's choice among its locators ready (RFC 9300, section 9): those of the best priority among the
// ones that may be used share the flows by weight.

import {
  LOCATOR_DOWN, LOCATOR_FLAGS, LOCATOR_PRIORITY, LOCATOR_REACHABLE, LOCATOR_RLOC, LOCATOR_SIZE, LOCATOR_UNTIL,
  LOCATOR_WEIGHT, MAPPING_COUNT, MAPPING_EPOCH, MAPPING_TOTAL, PATH_DOWN, RLOC_PATH,
} from "./lisp-layout";

/** The priority of a locator; 255 where it may not be used, for whatever reason. */
// @ts-ignore: decorator
@inline
function priorityOf(locator: u32): u32 {
  if ((load<u8>(locator, LOCATOR_FLAGS) & (LOCATOR_REACHABLE | LOCATOR_DOWN)) != LOCATOR_REACHABLE) return 255;
  const path = load<u32>(load<u32>(locator, LOCATOR_RLOC), RLOC_PATH);
  return load<u8>(path, PATH_DOWN) != 0 ? 255 : load<u8>(locator, LOCATOR_PRIORITY);
}

/** Writes down among which locators of the mapping packets choose. `epoch`: the map-cache's at present. Returns MAPPING_TOTAL. */
export function lispSettle(mapping: u32, epoch: u32): u32 {
  const last = mapping - (load<u8>(mapping, MAPPING_COUNT) as u32) * LOCATOR_SIZE;
  let best: u32 = 255;
  let weights: u32 = 0;
  for (let at = mapping - LOCATOR_SIZE; at >= last; at -= LOCATOR_SIZE) {
    const priority = priorityOf(at);
    if (priority > best || priority == 255) continue;
    if (priority < best) weights = 0;
    best = priority;
    weights += load<u8>(at, LOCATOR_WEIGHT);
  }
  let until: u32 = 0;
  for (let at = mapping - LOCATOR_SIZE; at >= last; at -= LOCATOR_SIZE) {
    if (best != 255 && priorityOf(at) == best) until += weights == 0 ? 1 : load<u8>(at, LOCATOR_WEIGHT);
    store<u16>(at, until as u16, LOCATOR_UNTIL);
  }
  store<u32>(mapping, until, MAPPING_TOTAL);
  store<u32>(mapping, epoch, MAPPING_EPOCH);
  return until;
}
