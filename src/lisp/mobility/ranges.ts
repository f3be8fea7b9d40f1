// Dynamic-EID ranges: out of which addresses hosts are taken up, and which addresses their default routers have.

import { splitSpaces } from "../../lang/args/text.js";
import { addressText, sameAddress } from "../../net/address.js";
import { covers, type Prefix } from "../../net/prefix.js";
import { MappingError, parseEid, parseRloc } from "../mapping.js";

export interface DynamicRange extends Prefix {
  /** The hosts' default routers; the first one asks for them. */
  readonly routers: readonly Uint8Array[];
}

/** Reads `EID-PREFIX ROUTER...`. Throws MappingError. */
export function parseRange(text: string): DynamicRange {
  const [prefix, ...addresses] = splitSpaces(text.trim());
  const eid = parseEid(prefix ?? "");
  const routers = addresses.map(parseRloc);
  if (routers.length === 0)
    throw new MappingError(`'${text.trim()}' names no default router: expected 'EID-PREFIX ROUTER...'`);
  for (const router of routers)
    if (router.length !== eid.address.length)
      throw new MappingError(`${addressText(router)} is not of the address family of ${prefix}`);
  return { ...eid, routers };
}

/** The longest range that holds the address, null where none does. */
export function rangeOf(ranges: readonly DynamicRange[], eid: Uint8Array): DynamicRange | null {
  let best: DynamicRange | null = null;
  for (const range of ranges)
    if (covers(range, eid) && (best === null || range.length > best.length)) best = range;
  return best;
}

export function isRouter(range: DynamicRange, address: Uint8Array): boolean {
  return range.routers.some((router) => sameAddress(router, address));
}
