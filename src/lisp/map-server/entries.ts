// What a registration does to what is registered already, and what an entry says as a whole.

import { type EidRecord, PRIORITY_UNUSED, type RlocRecord } from "../../wire/lisp-control/record.js";
import { type Entry, REGISTRATIONS_MAX, type Registration } from "../database/registration.js";
import { readRawRecord, registeredRecord } from "./records.js";

/** Who registers: by xTR-ID and Site-ID where there are any, else by address (RFC 9301, section 5.6). */
export type Registrant = Pick<Registration, "xtrId" | "siteId" | "source" | "site">;

export function sameXtr(a: Registrant, b: Registrant): boolean {
  if (a.site !== b.site) return false;
  if (a.xtrId !== null && b.xtrId !== null) return equal(a.xtrId, b.xtrId) && a.siteId === b.siteId;
  return a.xtrId === b.xtrId && equal(a.source, b.source);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/**
 * The entry once `r` is registered: in place of all there was, or with merge semantics (the a bit, RFC 9301, section
 * 5.6) beside those of other xTRs that asked for merging, too. null: more xTRs than an entry holds.
 */
export function registered(entry: Entry | null, r: Registration): Entry | null {
  const merging = r.merge ? (entry?.registrations ?? []).filter((o) => o.merge) : [];
  // It keeps its place: when all but times are as they were, it is a refresh.
  const place = merging.findIndex((o) => sameXtr(o, r));
  const registrations = place < 0 ? [...merging, r] : merging.with(place, r);
  if (registrations.length > REGISTRATIONS_MAX) return null;
  return { iid: r.mapping.iid, eid: r.mapping.eid, registrations };
}

/** The entry without what this xTR registered; null where nothing is left. */
export function withdrawn(entry: Entry, who: Registrant): Entry | null {
  const registrations = entry.registrations.filter((r) => !sameXtr(r, who));
  return registrations.length === 0 ? null : { ...entry, registrations };
}

function recordOfRegistration(r: Registration): EidRecord {
  return (r.raw === null ? null : readRawRecord(r.raw)) ?? registeredRecord(r.mapping);
}

/** What an entry says: the record of its registration, or of several one with the locators of all. */
export function entryRecord(entry: Entry): EidRecord {
  const records = entry.registrations.map(recordOfRegistration);
  if (records.length === 1) return records[0];
  const locators = new Map<string, RlocRecord>();
  for (const record of records)
    for (const locator of record.locators) {
      const name = JSON.stringify(locator.rloc, bytesAsText);
      if (!locators.has(name) && locators.size < 255) locators.set(name, locator);
    }
  return {
    ...records[0],
    ttl: records.reduce((least, r) => Math.min(least, r.ttl), records[0].ttl),
    version: 0,
    locators: [...locators.values()],
  };
}

function bytesAsText(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

/** As the Map-Server says it in an ETR's stead: not authoritative, no locator local or probed (RFC 9301, section 5.4). */
export function proxied(record: EidRecord): EidRecord {
  return {
    ...record,
    authoritative: false,
    locators: record.locators.map((l) => ({ ...l, local: false, probed: false })),
  };
}

/** Whether two entries say the same to those who ask, whoever of a site's xTRs has registered it. */
export function sameAnswer(a: Entry, b: Entry): boolean {
  const text = (entry: Entry): string => JSON.stringify(proxied(entryRecord(entry)), bytesAsText);
  return text(a) === text(b);
}

/**
 * The addresses of an entry's ETRs, of a family that `usable` knows: its locators that are up, then where they have
 * registered from, as a locator may be none that answers yet.
 */
export function etrAddresses(entry: Entry, usable: (address: Uint8Array) => boolean): Uint8Array[] {
  const locators = entry.registrations.flatMap((r) =>
    r.mapping.locators.filter((l) => l.reachable && l.priority < PRIORITY_UNUSED).map((l) => l.rloc),
  );
  return distinct([...locators, ...entry.registrations.map((r) => r.source)].filter(usable));
}

function distinct(addresses: readonly Uint8Array[]): Uint8Array[] {
  return addresses.filter((a, i) => addresses.findIndex((b) => equal(a, b)) === i);
}
