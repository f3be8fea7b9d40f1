// What the mapping system says of the EID-prefixes that are subscribed to.

import { mappingOfRecord } from "../../lisp/control/control-records.js";
import type { Locator } from "../../lisp/mapping.js";
import { sameAddress } from "../../net/address.js";
import { canonicalEid, coversEid, type EidPrefix } from "../../net/eid.js";
import { eidPrefix } from "../../wire/lisp-control/address.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { Prefixed } from "../eid-table.js";

/** What holds for an EID-prefix that was subscribed to, or for one within it. */
export interface Registration extends Prefixed {
  /** Length of the EID-prefix that is registered: shorter than `prefix` where that one lies around what was subscribed to. */
  readonly length: number;
  /** Those that may be used, the best first: by priority, then weight. Empty: nothing is registered. */
  readonly locators: readonly Locator[];
}

/** How long a mapping would be kept is not asked for here: the Map-Server tells when it changes. */
const LIMITS = { positive: 0xffffffff, negative: 0xffffffff };
const UNUSED = 255;

export type Said =
  | { readonly kind: "set"; readonly registration: Registration }
  | { readonly kind: "gone"; readonly prefix: EidPrefix }
  /** It is for something else, or nothing that can be used is in it. */
  | { readonly kind: "not_ours" | "unusable" };

/** What one record of a Map-Notify says to who has subscribed to `subscribed`. What holds around that counts for it alone. */
export function said(subscribed: EidPrefix, record: EidRecord): Said {
  const prefix = eidPrefix(record);
  if (prefix === null) return { kind: "unusable" };
  const around = coversEid(prefix, subscribed);
  if (!around && !coversEid(subscribed, prefix)) return { kind: "not_ours" };
  const of = canonicalEid(around ? subscribed : prefix);
  // What lay around it is gone: what holds now the next answer says.
  if (record.ttl === 0) return { kind: "gone", prefix: of };
  const mapping = mappingOfRecord(record, LIMITS);
  if (mapping === null) return { kind: "unusable" };
  const locators = mapping.locators.filter((l) => l.reachable && l.priority < UNUSED).sort(compareLocators);
  return { kind: "set", registration: { prefix: of, length: prefix.eid.length, locators } };
}

/** Whether records tell of all of `subscribed`: one of them holds it. */
export function isWhole(subscribed: EidPrefix, records: readonly EidRecord[]): boolean {
  return records.some((record) => {
    const prefix = eidPrefix(record);
    return prefix !== null && coversEid(prefix, subscribed);
  });
}

function compareLocators(a: Locator, b: Locator): number {
  return (
    a.priority - b.priority ||
    b.weight - a.weight ||
    a.rloc.length - b.rloc.length ||
    Buffer.compare(a.rloc, b.rloc)
  );
}

/** Whether the same is registered by both. */
export function sameRegistration(a: Registration, b: Registration): boolean {
  return (
    a.length === b.length &&
    a.locators.length === b.locators.length &&
    a.locators.every((l, i) => {
      const other = b.locators[i];
      return l.priority === other.priority && l.weight === other.weight && sameAddress(l.rloc, other.rloc);
    })
  );
}
