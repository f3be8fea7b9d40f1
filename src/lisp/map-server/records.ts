// Mappings and EID-Records: what tables keep, and what messages carry (RFC 9301, section 5.4).

import type { EidPrefix } from "../../net/eid.js";
import { eidFields, ipAddress } from "../../wire/lisp-control/address.js";
import { Reader, Writer } from "../../wire/lisp-control/cursor.js";
import { LispControlError } from "../../wire/lisp-control/error.js";
import {
  type EidRecord,
  type RlocRecord,
  readEidRecord,
  TTL_OWN_CHOICE,
  writeEidRecord,
} from "../../wire/lisp-control/record.js";
import { tableEid } from "../control/control-records.js";
import { ACTIONS, type Action, type Locator, type Mapping } from "../mapping.js";

/** Seconds that a Record TTL in minutes stands for; null: the receiver's own choice. */
export function ttlSeconds(minutes: number): number | null {
  return minutes === TTL_OWN_CHOICE ? null : Math.min(minutes * 60, 0xffffffff);
}

/** The Record TTL in minutes, at least 1, for seconds. */
export function ttlMinutes(seconds: number | null): number {
  return seconds === null ? TTL_OWN_CHOICE : Math.max(1, Math.round(seconds / 60));
}

/** What an EID-Record of a Map-Register with a TTL above 0 has the database keep, its bits and TTL as they are; locators that are no IP addresses are left out. null: its EID is no IP prefix. */
export function registeredMapping(record: EidRecord): Mapping | null {
  const eid = tableEid(record);
  if (eid === null || record.ttl === 0) return null;
  const locators: Locator[] = [];
  for (const { rloc, ...rest } of record.locators)
    if (rloc.kind === "ip") {
      const { priority, weight, mpriority, mweight, reachable, local, probed } = rest;
      locators.push({ rloc: rloc.address, priority, weight, mpriority, mweight, reachable, local, probed });
    }
  return {
    ...eid,
    ttl: ttlSeconds(record.ttl),
    // Codes that are not known yet say no more than that packets cannot be sent.
    action: ACTIONS[record.action] ?? "drop",
    locators,
    version: record.version,
  };
}

/** The EID-Record of a mapping that the database keeps. */
export function registeredRecord(mapping: Mapping): EidRecord {
  return {
    ttl: ttlMinutes(mapping.ttl),
    ...eidFields(mapping),
    action: ACTIONS.indexOf(mapping.action),
    authoritative: false,
    version: mapping.version,
    locators: mapping.locators.map(rlocRecord),
  };
}

function rlocRecord(l: Locator): RlocRecord {
  const { priority, weight, mpriority, mweight, reachable, local = false, probed = false } = l;
  return { rloc: ipAddress(l.rloc), priority, weight, mpriority, mweight, reachable, local, probed };
}

/** A record without locators: what to do with packets to this prefix, for `minutes`. */
export function negativeRecord(eid: EidPrefix, action: Action, minutes: number): EidRecord {
  return {
    ttl: minutes,
    ...eidFields(eid),
    action: ACTIONS.indexOf(action),
    authoritative: false,
    version: 0,
    locators: [],
  };
}

/** A mapping that is no more: a TTL of 0 takes it out of map-caches. */
export function withdrawnRecord(eid: EidPrefix): EidRecord {
  return negativeRecord(eid, "no-action", 0);
}

/** The bytes of a record, where a mapping does not say all of it; else null. */
export function rawRecord(record: EidRecord): Uint8Array | null {
  if (record.locators.every((l) => l.rloc.kind === "ip")) return null;
  const w = new Writer();
  writeEidRecord(w, record);
  return w.finish();
}

/** The record in bytes that `rawRecord` gave; null for any others. */
export function readRawRecord(bytes: Uint8Array): EidRecord | null {
  try {
    return readEidRecord(new Reader(bytes));
  } catch (e) {
    if (e instanceof LispControlError) return null;
    throw e;
  }
}
