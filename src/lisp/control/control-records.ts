// Between the EID-Records of control messages and the mappings of map-cache and site.

import { isRoutable, sameAddress } from "../../net/address.js";
import { canonicalEid, type EidPrefix, IID_MAX } from "../../net/eid.js";
import { type EidFields, eidFields, eidPrefix, type LispAddress } from "../../wire/lisp-control/address.js";
import { type EidRecord, type RlocRecord, TTL_OWN_CHOICE } from "../../wire/lisp-control/record.js";
import { ACTIONS, type Action, type Locator, type Mapping, type OtherLocator } from "../mapping.js";

/** 64 random bits. */
export function randomNonce(random: { u32(): number }): bigint {
  return (BigInt(random.u32()) << 32n) | BigInt(random.u32());
}

/**
 * The address to encapsulate to that a locator gives: its own, or the first in an AFI list (RFC 8060, section 4.10.1);
 * null for other kinds, and for addresses that can be no RLOC (RFC 9301, section 5.4: broadcast, multicast; nor what
 * does not leave a link or a host).
 */
export function rlocAddress(rloc: LispAddress): Uint8Array | null {
  if (rloc.kind === "list") {
    for (const inner of rloc.addresses) {
      const found = inner.kind === "ip" ? rlocAddress(inner) : null;
      if (found !== null) return found;
    }
    return null;
  }
  return rloc.kind === "ip" && isRoutable(rloc.address) ? rloc.address : null;
}

/** The first address in a locator that can be no RLOC, as the hops of a path and what is in a list would be; null: there is none. */
export function impossibleRloc(rloc: LispAddress): Uint8Array | null {
  switch (rloc.kind) {
    case "ip":
      return isRoutable(rloc.address) ? null : rloc.address;
    case "list":
      return firstImpossible(rloc.addresses);
    case "path":
      return firstImpossible(rloc.hops.map((hop) => hop.address));
    case "instance":
    case "geo":
      return impossibleRloc(rloc.address);
    default:
      return null;
  }
}

function firstImpossible(rlocs: readonly LispAddress[]): Uint8Array | null {
  for (const rloc of rlocs) {
    const found = impossibleRloc(rloc);
    if (found !== null) return found;
  }
  return null;
}

/** The EID-prefix of a record as tables have it, bits beyond its length cleared; null where there can be none such. */
export function tableEid(record: EidFields): EidPrefix | null {
  const eid = eidPrefix(record);
  return eid === null || eid.iid > IID_MAX ? null : canonicalEid(eid);
}

/** What becomes of a record's TTL of minutes. */
export interface TtlLimits {
  /** Seconds that a mapping is kept at most, and where the record leaves it to us. */
  readonly positive: number;
  /** Seconds for one without locators. */
  readonly negative: number;
}

/**
 * The mapping that an EID-Record says, with at most the seconds that `limits` allow; locators that cannot be used for
 * encapsulation are kept apart, where they are of another kind than IP addresses, or left out. Null where its EID is no IP prefix, its TTL 0, or none of its locators can be used.
 */
export function mappingOfRecord(record: EidRecord, limits: TtlLimits): Mapping | null {
  const eid = tableEid(record);
  if (eid === null || record.ttl === 0) return null;
  const locators: Locator[] = [];
  const others: OtherLocator[] = [];
  for (const l of record.locators) {
    const rloc = rlocAddress(l.rloc);
    const { priority, weight, mpriority, mweight, reachable } = l;
    const values = { priority, weight, mpriority, mweight, reachable };
    if (rloc !== null) locators.push({ rloc, ...values });
    else if (l.rloc.kind !== "ip")
      others.push({ rloc: l.rloc, place: locators.length + others.length, ...values });
  }
  if (record.locators.length > 0 && locators.length === 0) return null;
  const action = locators.length > 0 ? "no-action" : actionOf(record.action);
  // What is to be asked for must not be forgotten before the prefix around it.
  const lasting = locators.length > 0 || action === "send-map-request";
  const most = lasting ? limits.positive : limits.negative;
  return {
    ...eid,
    ttl: record.ttl === TTL_OWN_CHOICE ? most : Math.min(record.ttl * 60, most),
    action,
    locators,
    version: record.version,
    ...(locators.length < record.locators.length ? { partial: true } : {}),
    ...(others.length > 0 ? { others } : {}),
  };
}

/** ACT values that are not assigned drop, as those do that give no reason. */
function actionOf(act: number): Action {
  return ACTIONS[act] ?? "drop";
}

export interface RecordFields {
  /** Minutes. */
  readonly ttl: number;
  /** A: sent by an ETR of the site. */
  readonly authoritative: boolean;
  /** The locator (p) that is being probed. */
  readonly probed?: Uint8Array;
  /** Our own RLOCs (L). */
  readonly local: (rloc: Uint8Array) => boolean;
}

/** The EID-Record for a mapping; its locators in the order of section 5.5: ascending, IPv4 before IPv6. */
export function recordOfMapping(mapping: Mapping, fields: RecordFields): EidRecord {
  const { probed } = fields;
  const locators = inReplyOrder(mapping.locators).map(
    (l): RlocRecord => ({
      rloc: { kind: "ip", address: l.rloc },
      priority: l.priority,
      weight: l.weight,
      mpriority: l.mpriority,
      mweight: l.mweight,
      local: fields.local(l.rloc),
      probed: probed !== undefined && sameAddress(l.rloc, probed),
      reachable: l.reachable,
    }),
  );
  return {
    ttl: fields.ttl,
    ...eidFields(mapping),
    action: ACTIONS.indexOf(mapping.action),
    authoritative: fields.authoritative,
    version: mapping.version,
    locators,
  };
}

/** Locators in the order of a Map-Reply (section 5.5), in which Locator-Status-Bits count them: ascending addresses, IPv4 first. */
export function inReplyOrder(locators: readonly Locator[]): Locator[] {
  return [...locators].sort((a, b) => a.rloc.length - b.rloc.length || Buffer.compare(a.rloc, b.rloc));
}
