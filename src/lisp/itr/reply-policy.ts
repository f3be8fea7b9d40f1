// What of a Map-Reply goes into the map-cache (RFC 9301, sections 5.4 and 5.5).

import { coversEid, type EidPrefix } from "../../net/eid.js";
import { canonical, covers, type Prefix } from "../../net/prefix.js";
import { eidPrefix } from "../../wire/lisp-control/address.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import { mappingOfRecord, type TtlLimits } from "../control/control-records.js";
import type { Mapping } from "../mapping.js";

export interface ReplyPolicy extends TtlLimits {
  /** Shortest prefix that a negative mapping takes up around the EID that was asked for, by family. */
  readonly negative4: number;
  readonly negative6: number;
  /** Seconds, now, for what the mapping system says to forward natively for 1 minute: a site that is about to register. */
  readonly silent: () => number;
  /** Whether we can encapsulate to an RLOC of this many bytes. */
  readonly usable: (bytes: number) => boolean;
}

/** TTL of a Map-Server's answer for an EID-prefix of a site none of whose ETRs is registered (RFC 9301, section 8.3). */
const SILENT_MINUTES = 1;

/** What to do for one record. */
export type Verdict =
  | {
      readonly kind: "insert";
      readonly mapping: Mapping /** A negative prefix was narrowed. */;
      readonly narrowed: boolean;
    }
  | { readonly kind: "remove"; readonly eid: Prefix }
  | { readonly kind: "foreign" }
  | { readonly kind: "unusable" };

/**
 * Judges the records of a Map-Reply to a Map-Request for `asked`. Only the prefix that holds what was asked for, and
 * more-specific ones within it or within what was asked for, as of a prefix that was split (section 5.5), are let in: a
 * reply says nothing about other EIDs. None lives longer than those within it. A negative record may hold far more than its sender knows of, or (as some Map-Resolvers have it) not even what was asked: it counts for
 * no more than a prefix of `negative4` or `negative6` bits, and for the EID alone where it does not hold it. A TTL says
 * how long a mapping can be kept, not how long it must: one of a site that is silent is kept no longer than `silent`.
 */
export function judgeReply(asked: EidPrefix, records: readonly EidRecord[], policy: ReplyPolicy): Verdict[] {
  const outer = records.map(eidPrefix).filter((prefix) => prefix !== null && coversEid(prefix, asked));
  const verdicts = records.map((record): Verdict => {
    const prefix = eidPrefix(record);
    if (prefix === null) return { kind: "unusable" };
    const holds = coversEid(prefix, asked);
    const within = coversEid(asked, prefix) || outer.some((o) => coversEid(o!, prefix));
    if (record.ttl === 0) return holds ? { kind: "remove", eid: canonical(prefix.eid) } : { kind: "foreign" };
    const mapping = mappingOfRecord(record, policy);
    if (mapping === null) return { kind: "unusable" };
    if (mapping.locators.length === 0 && within && !holds)
      return { kind: "insert", mapping, narrowed: false };
    if (mapping.locators.length === 0) {
      const silent = record.ttl === SILENT_MINUTES && mapping.action === "natively-forward";
      const ttl = silent ? Math.min(mapping.ttl!, policy.silent()) : mapping.ttl;
      return negative(asked, { ...mapping, ttl }, holds, records.length, policy);
    }
    if (!holds && !within) return { kind: "foreign" };
    return { kind: "insert", mapping: withUsable(mapping, policy.usable), narrowed: false };
  });
  return verdicts.map((v) =>
    v.kind === "insert" ? { ...v, mapping: endingTogether(v.mapping, verdicts) } : v,
  );
}

/** The mapping with a TTL no longer than those of others within it: packets to them would follow it when they are gone. */
function endingTogether(mapping: Mapping, others: readonly Verdict[]): Mapping {
  let { ttl } = mapping;
  for (const v of others)
    if (v.kind === "insert" && v.mapping.eid.length > mapping.eid.length && v.mapping.ttl! < ttl!)
      if (covers(mapping.eid, v.mapping.eid.address)) ttl = v.mapping.ttl;
  return ttl === mapping.ttl ? mapping : { ...mapping, ttl };
}

/**
 * Judges what a Map-Server, whose key it bears, tells a subscriber to `subscribed` (RFC 9437): every prefix that holds
 * that one or lies within it counts, and one with a TTL of 0 is gone. One around it takes up no more than `subscribed`,
 * unless `whole`, all that is within it, is told as well: an answer has that, a publication tells of one change.
 */
export function judgePublication(
  subscribed: EidPrefix,
  records: readonly EidRecord[],
  policy: ReplyPolicy,
  whole: boolean,
): Verdict[] {
  return records.map((record): Verdict => {
    const prefix = eidPrefix(record);
    if (prefix === null) return { kind: "unusable" };
    const holds = coversEid(prefix, subscribed);
    if (!holds && !coversEid(subscribed, prefix)) return { kind: "foreign" };
    if (record.ttl === 0) return { kind: "remove", eid: canonical(prefix.eid) };
    const mapping = mappingOfRecord(record, policy);
    if (mapping === null) return { kind: "unusable" };
    if (mapping.locators.length === 0 && holds)
      return negative(subscribed, mapping, holds, records.length, policy);
    const narrowed = holds && !whole && prefix.eid.length < subscribed.eid.length;
    const usable = withUsable(mapping, policy.usable);
    return { kind: "insert", mapping: narrowed ? { ...usable, eid: subscribed.eid } : usable, narrowed };
  });
}

/** The mapping, with locators of a family that we cannot encapsulate to out of reach. */
export function withUsable(mapping: Mapping, usable: ReplyPolicy["usable"]): Mapping {
  const locators = mapping.locators.map((l) => (usable(l.rloc.length) ? l : { ...l, reachable: false }));
  return { ...mapping, locators };
}

function negative(
  asked: EidPrefix,
  mapping: Mapping,
  holds: boolean,
  records: number,
  policy: ReplyPolicy,
): Verdict {
  // A wrong prefix is forgiven only where it is the whole answer.
  if (!holds && records > 1) return { kind: "foreign" };
  const shortest = asked.eid.address.length === 4 ? policy.negative4 : policy.negative6;
  const length = holds
    ? Math.max(mapping.eid.length, Math.min(shortest, asked.eid.length))
    : asked.eid.length;
  const eid = canonical({ address: asked.eid.address, length });
  return {
    kind: "insert",
    mapping: { ...mapping, iid: asked.iid, eid },
    narrowed: !holds || length !== mapping.eid.length,
  };
}
