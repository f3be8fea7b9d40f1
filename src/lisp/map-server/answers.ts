// What a Map-Server answers to a Map-Request (RFC 9301, section 8.3).

import { masked } from "../../net/prefix.js";
import type { EidPrefix } from "../../wire/lisp-control/address.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import { RECORDS_BYTES, recordBytes } from "../control/record-groups.js";
import type { Entry } from "../database/registration.js";
import type { RegistrationDatabase } from "../database/registration-database.js";
import { entryRecord, proxied } from "./entries.js";
import { negativeRecord } from "./records.js";
import type { Sites } from "./sites.js";

/** Minutes that a negative answer holds: for what a site could register yet, and for what is no site's. */
export const UNREGISTERED_MINUTES = 1;
export const NO_SITE_MINUTES = 15;
/** Minutes for which requests for a more specific prefix are wanted whose ETR answers itself. */
const ASK_MINUTES = 15;
/** Prefixes within the one asked for that a Map-Reply names; with more, it is for a part without any. */
const MORE_SPECIFIC_MAX = 16;

export type Answer =
  | { readonly kind: "reply"; readonly records: readonly EidRecord[] }
  | { readonly kind: "negative"; readonly record: EidRecord }
  /** The registering ETR answers itself. */
  | { readonly kind: "forward"; readonly entry: Entry };

/** The answer for an EID-prefix whose bits beyond its length are 0. */
export function answer(database: RegistrationDatabase, sites: Sites, asked: EidPrefix): Answer {
  const entry = entryFor(database, asked);
  if (entry === null) return { kind: "negative", record: negative(database, sites, asked) };
  if (!entry.registrations.some((r) => r.proxy)) return { kind: "forward", entry };
  return { kind: "reply", records: records(database, entry, asked.address) };
}

/** What an answer says, for one who is to know it whoever answers. */
export function recordsOf(found: Answer): readonly EidRecord[] {
  if (found.kind === "reply") return found.records;
  return [found.kind === "negative" ? found.record : proxied(entryRecord(found.entry))];
}

/** The longest registered prefix around the one asked for; where there is none, the longest around its address. */
function entryFor(database: RegistrationDatabase, { iid, address, length }: EidPrefix): Entry | null {
  const longest = database.lookup(iid, address);
  if (longest === null || longest.eid.length <= length) return longest;
  for (let n = length; n >= 0; n--) {
    const entry = database.get({ iid, eid: { address, length: n } });
    if (entry !== null) return entry;
  }
  return longest;
}

/**
 * The record of the entry and of those within it: whoever knows the one must know the others (section 5.5). A prefix
 * with more others in it than a message holds is answered for the part around the address that has none.
 */
function records(database: RegistrationDatabase, entry: Entry, address: Uint8Array): EidRecord[] {
  const record = proxied(entryRecord(entry));
  const within: EidRecord[] = [];
  for (const more of database.subtree(entry)) {
    if (more.eid.length === entry.eid.length) continue;
    if (within.length === MORE_SPECIFIC_MAX) return narrowed(database, entry, record, address);
    within.push(
      more.registrations.some((r) => r.proxy)
        ? proxied(entryRecord(more))
        : negativeRecord({ iid: more.iid, ...more.eid }, "send-map-request", ASK_MINUTES),
    );
  }
  if (within.length === 0) return [record];
  const all = [record, ...within];
  return recordBytes(all) <= RECORDS_BYTES ? all : narrowed(database, entry, record, address);
}

/** What the address gets, for the part around it. */
function narrowed(
  database: RegistrationDatabase,
  entry: Entry,
  record: EidRecord,
  address: Uint8Array,
): EidRecord[] {
  const { iid } = entry;
  const longest = database.lookup(iid, address);
  if (longest !== null && longest.eid.length > entry.eid.length)
    return longest.registrations.some((r) => r.proxy)
      ? records(database, longest, address)
      : [negativeRecord({ iid, ...longest.eid }, "send-map-request", ASK_MINUTES)];
  const bits = address.length * 8;
  let length = entry.eid.length + 1;
  while (length < bits && !database.subtree({ iid, eid: { address, length } }).next().done) length++;
  const eid = withAddress(record.eid, masked(address, length));
  return [{ ...record, eid, maskLength: length }];
}

function withAddress(eid: EidRecord["eid"], address: Uint8Array): EidRecord["eid"] {
  return eid.kind === "instance" ? { ...eid, address: { kind: "ip", address } } : { kind: "ip", address };
}

/** For an address that no entry holds: the least specific prefix around it that nobody registered, of one site or of none. */
function negative(database: RegistrationDatabase, sites: Sites, { iid, address }: EidPrefix): EidRecord {
  const authority = sites.authority({ iid, address, length: address.length * 8 });
  const length =
    authority === null
      ? unknownLength(database, sites, iid, address)
      : Math.max(authority, freeLength(database, iid, address));
  const minutes = authority === null ? NO_SITE_MINUTES : UNREGISTERED_MINUTES;
  return negativeRecord({ iid, address: masked(address, length), length }, "natively-forward", minutes);
}

function freeLength(database: RegistrationDatabase, iid: number, address: Uint8Array): number {
  return database.hole(iid, address)?.length ?? address.length * 8;
}

/** Length of the least specific prefix around an address of no site in which no site is, and nothing is registered. */
export function unknownLength(
  database: RegistrationDatabase,
  sites: Sites,
  iid: number,
  address: Uint8Array,
): number {
  return Math.max(sites.holeLength(iid, address), freeLength(database, iid, address));
}
