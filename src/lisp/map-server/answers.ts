// What a Map-Server answers to a Map-Request (RFC 9301, section 8.3).

import type { EidPrefix } from "../../net/eid.js";
import { canonical, covers, hostPrefix, masked } from "../../net/prefix.js";
import { type EidRecord, TTL_OWN_CHOICE } from "../../wire/lisp-control/record.js";
import { RECORDS_BYTES, recordBytes } from "../control/record-groups.js";
import type { Entry } from "../database/registration.js";
import type { RegistrationDatabase } from "../database/registration-database.js";
import { entryRecord, proxied } from "./entries.js";
import { negativeRecord } from "./records.js";
import type { Sites } from "./sites.js";

/** Minutes that a negative answer holds: for what a site could register yet, and for what is no site's. */
export const UNREGISTERED_MINUTES = 1;
export const NO_SITE_MINUTES = 15;
/** Prefixes within the one asked for that a Map-Reply names; with more, it is for a part without any. */
const MORE_SPECIFIC_MAX = 16;
/** The same of the answer to one who subscribes: each time that it is too few costs a subscription more. */
const SUBSCRIBED_MAX = 32;

export type Answer =
  | { readonly kind: "reply"; readonly records: readonly EidRecord[] }
  | { readonly kind: "negative"; readonly record: EidRecord }
  /** The registering ETR answers itself. */
  | { readonly kind: "forward"; readonly entry: Entry };

/** The answer for an EID-prefix whose bits beyond its length are 0. */
export function answer(database: RegistrationDatabase, sites: Sites, asked: EidPrefix): Answer {
  const entry = database.around(asked) ?? database.lookup(asked.iid, asked.eid.address);
  if (entry !== null && !isProxied(entry)) return { kind: "forward", entry };
  if (entry !== null && entry.eid.length <= asked.eid.length)
    return { kind: "reply", records: records(database, entry, asked.eid.address) };
  const parts = partsOf(database, sites, asked, entry);
  if (parts !== null) return { kind: "reply", records: parts };
  if (entry !== null) return { kind: "reply", records: records(database, entry, asked.eid.address) };
  return { kind: "negative", record: negative(database, sites, asked) };
}

/**
 * All that is registered of a prefix, whoever answers for it otherwise, for one who subscribes to it: the mapping that
 * holds for it, or that there is none, and those within. Where these are more than a message holds no record holds the
 * whole prefix: then the answer is for a part of it, and the rest is to be subscribed to by itself.
 */
export function subscribedRecords(
  database: RegistrationDatabase,
  sites: Sites,
  asked: EidPrefix,
): readonly EidRecord[] {
  const around = database.around(asked);
  if (around !== null) {
    const all = fitting(database, around, []);
    if (all !== null) return all;
  }
  const { iid, eid } = asked;
  const [first] = around === null ? [negative(database, sites, asked)] : [proxied(entryRecord(around))];
  if (around === null && database.subtree(asked).next().done) return [first];
  // What holds for the rest of it holds for no more than it.
  const own = { ...first, eid: withAddress(first.eid, eid.address), maskLength: eid.length };
  const parts = fitting(database, asked, [own]);
  if (parts !== null) return parts;
  if (around !== null) return narrowed(database, around, eid.address);
  const found = database.lookup(iid, eid.address);
  return [found === null ? first : proxied(entryRecord(found))];
}

/** `first` and what is registered within a prefix, with one TTL (section 5.5); null: that is more than a message holds. */
function fitting(
  database: RegistrationDatabase,
  within: EidPrefix,
  first: readonly EidRecord[],
): readonly EidRecord[] | null {
  const records = [...first];
  for (const entry of database.subtree(within)) {
    if (records.length > SUBSCRIBED_MAX) return null;
    records.push(proxied(entryRecord(entry)));
  }
  const ttl = records.reduce((least, r) => Math.min(least, r.ttl), TTL_OWN_CHOICE);
  const together = records.map((record) => ({ ...record, ttl }));
  return together.length === 1 || recordBytes(together) <= RECORDS_BYTES ? together : null;
}

function isProxied(entry: Entry): boolean {
  return entry.registrations.some((r) => r.proxy);
}

/**
 * The records of what is registered within a prefix that nothing registered holds, as of one that was split: they fill
 * it out (section 5.5), with a negative one where its address lies in none of them (`first`: the one that it lies in).
 * Null where nothing is, or more than a message holds: then what the address gets is the answer.
 */
function partsOf(
  database: RegistrationDatabase,
  sites: Sites,
  asked: EidPrefix,
  first: Entry | null,
): EidRecord[] | null {
  const parts: EidRecord[] = [];
  let group: Entry[] = [];
  const take = (): void => {
    if (group.length > 0) parts.push(...together(group));
    group = [];
  };
  let count = 0;
  for (const entry of database.subtree(asked)) {
    if (++count > MORE_SPECIFIC_MAX) return null;
    if (group.length > 0 && !covers(group[0].eid, entry.eid.address)) take();
    group.push(entry);
  }
  if (count === 0) return null;
  take();
  if (first === null) parts.push(negative(database, sites, asked));
  return recordBytes(parts) <= RECORDS_BYTES ? parts : null;
}

/**
 * The records of a prefix and of those within it, all with one TTL, so that none of them is forgotten before the others
 * (section 5.5); of those whose ETRs answer themselves, that they are to be asked for.
 */
function together(entries: readonly Entry[]): EidRecord[] {
  const own = entries.map((entry) => (isProxied(entry) ? proxied(entryRecord(entry)) : null));
  // It compares as the longest time where the choice is the receiver's.
  const ttl = own.reduce((least, r) => (r === null ? least : Math.min(least, r.ttl)), TTL_OWN_CHOICE);
  return own.map((record, i) =>
    record === null ? negativeRecord(entries[i], "send-map-request", ttl) : { ...record, ttl },
  );
}

/**
 * The record of the entry and of those within it: whoever knows the one must know the others (section 5.5). A prefix
 * with more others in it than a message holds is answered for the part around the address that has none.
 */
function records(database: RegistrationDatabase, entry: Entry, address: Uint8Array): EidRecord[] {
  const entries: Entry[] = [];
  for (const one of database.subtree(entry)) {
    if (entries.length > MORE_SPECIFIC_MAX) return narrowed(database, entry, address);
    entries.push(one);
  }
  const all = together(entries);
  return all.length === 1 || recordBytes(all) <= RECORDS_BYTES ? all : narrowed(database, entry, address);
}

/** What the address gets, for the part around it. */
function narrowed(database: RegistrationDatabase, entry: Entry, address: Uint8Array): EidRecord[] {
  const { iid } = entry;
  const longest = database.lookup(iid, address);
  if (longest !== null && longest.eid.length > entry.eid.length)
    return isProxied(longest) ? records(database, longest, address) : together([longest]);
  const bits = address.length * 8;
  let length = entry.eid.length + 1;
  while (length < bits && !database.subtree({ iid, eid: { address, length } }).next().done) length++;
  const record = proxied(entryRecord(entry));
  const eid = withAddress(record.eid, masked(address, length));
  return [{ ...record, eid, maskLength: length }];
}

function withAddress(eid: EidRecord["eid"], address: Uint8Array): EidRecord["eid"] {
  return eid.kind === "instance" ? { ...eid, address: { kind: "ip", address } } : { kind: "ip", address };
}

/** For an address that no entry holds: the least specific prefix around it that nobody registered, of one site or of none. */
function negative(database: RegistrationDatabase, sites: Sites, { iid, eid }: EidPrefix): EidRecord {
  const { address } = eid;
  const authority = sites.authority({ iid, eid: hostPrefix(address) });
  const length =
    authority === null
      ? unknownLength(database, sites, iid, address)
      : Math.max(authority, freeLength(database, iid, address));
  const minutes = authority === null ? NO_SITE_MINUTES : UNREGISTERED_MINUTES;
  return negativeRecord({ iid, eid: canonical({ address, length }) }, "natively-forward", minutes);
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
