// What the answer to an RLOC probe says of the mapping that was probed (RFC 9301, section 7.1: the opportunity to get
// mapping updates).

import { sameAddress } from "../../net/address.js";
import { sameEid } from "../../net/eid.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import { mappingOfRecord } from "../control/control-records.js";
import { isNewer, sameLocators } from "../map-version.js";
import type { Mapping } from "../mapping.js";
import type { CachedMapping } from "../tables/mapping-records.js";
import { withUsable } from "./reply-policy.js";

/**
 * The mapping to put in place of a cached one after an authoritative answer from `source`, at steady time `now`; null:
 * none. It takes an answer from one of the mapping's own locators, about exactly its EID-prefix, that changes something
 * and is not of an older Map-Version. It lives no longer than the cached one would have: probing must not keep alive
 * what the mapping system has long withdrawn, so one without an end, which nobody has resolved, stays as it is.
 *
 * An answer without one of the cached locators changes nothing, either: where several ETRs register with merge
 * semantics each knows its own only. That a locator is gone is for an SMR or the mapping system to say.
 */
export function updateOf(
  cached: CachedMapping,
  records: readonly EidRecord[],
  source: Uint8Array,
  now: number,
  usable: (bytes: number) => boolean,
): Mapping | null {
  if (cached.expiry === null || cached.expiry <= now) return null;
  if (!cached.locators.some((l) => sameAddress(l.rloc, source))) return null;
  const left = (cached.expiry - now) / 1e9;
  for (const record of records) {
    const mapping = mappingOfRecord(record, { positive: left, negative: left });
    if (mapping === null || !sameEid(mapping, cached)) continue;
    if (!cached.locators.every((l) => mapping.locators.some((m) => sameAddress(m.rloc, l.rloc)))) return null;
    if (older(mapping.version, cached.version)) return null;
    const found = withUsable(mapping, usable);
    return found.version === cached.version && sameLocators(found, cached) ? null : found;
  }
  return null;
}

/** 0 is no version: it has no place in the order. */
function older(version: number, than: number): boolean {
  return version !== 0 && than !== 0 && version !== than && !isNewer(than, version);
}
