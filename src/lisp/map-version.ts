// Map-Version Numbers: 12 bits that count in a circle, 0 standing for "none" (RFC 9302, section 6).

import { addressText } from "../net/address.js";
import type { Locator, Mapping } from "./mapping.js";

const HALF = 2048;
const LAST = 4095;

/** Whether Map-Version `b` is newer than `a`; neither of them may be 0, which has no place in the order. */
export function isNewer(a: number, b: number): boolean {
  return b > a ? b - a <= HALF : a - b > HALF;
}

/** The Map-Version after `version`: 0 is left out (section 6.1). */
export function nextVersion(version: number): number {
  return version >= LAST ? 1 : version + 1;
}

/**
 * `after` with the Map-Version that it must have in place of `before` (section 6: an update must be an increment). A
 * newer one of its own stays; else it has that of `before`, the next one where the two differ. Where `before` has none
 * it keeps what it says: numbers are never made up (section 6, "Upon reboot").
 */
export function succeeding(before: Mapping | null, after: Mapping): Mapping {
  if (before === null || before.version === 0) return after;
  if (after.version !== 0 && isNewer(before.version, after.version)) return after;
  return { ...after, version: sameContent(before, after) ? before.version : nextVersion(before.version) };
}

function sameContent(a: Mapping, b: Mapping): boolean {
  return a.ttl === b.ttl && a.action === b.action && sameLocators(a, b);
}

/** Whether both have the same locators, with the same priorities, weights and R bits. */
export function sameLocators(a: Mapping, b: Mapping): boolean {
  const text = (m: Mapping): string => m.locators.map(locatorKey).sort().join(" ");
  return text(a) === text(b);
}

/** Whether both are reached at the same RLOCs, whatever their priorities and weights. */
export function sameRlocs(a: Mapping, b: Mapping): boolean {
  const text = (m: Mapping): string =>
    m.locators
      .map((l) => addressText(l.rloc))
      .sort()
      .join(" ");
  return text(a) === text(b);
}

function locatorKey(l: Locator): string {
  const { priority, weight, mpriority, mweight, reachable } = l;
  return [addressText(l.rloc), priority, weight, mpriority, mweight, reachable].join("/");
}
