// EID-Records and RLOC-Records (RFC 9301, section 5.4), and the xTR-ID and Site-ID (section 5.6).
//
//   EID-Record                            RLOC-Record
//   bits   field                          bits   field
//   32     Record TTL                     8      Priority
//   8      Locator Count                  8      Weight
//   8      EID mask-len                   8      M Priority
//   3      ACT                            8      M Weight
//   1      A                              13     Unused Flags
//   12     Reserved                       1 1 1  L p R
//   4      Rsvd                           16     Loc-AFI, Locator
//   12     Map-Version Number
//   16     EID-Prefix-AFI, EID-Prefix

import { addressBits, type LispAddress, readAddress, writeAddress } from "./address.js";
import type { Reader, Writer } from "./cursor.js";

/** The Record TTL that leaves it to the receiver how long to keep the mapping. */
export const TTL_OWN_CHOICE = 0xffffffff;
/** The priority of a locator that is not to be used. */
export const PRIORITY_UNUSED = 255;

export interface RlocRecord {
  readonly rloc: LispAddress;
  /** 0 (best) to 254; 255: not to be used. */
  readonly priority: number;
  readonly weight: number;
  readonly mpriority: number;
  readonly mweight: number;
  /** L: the sender's own. */
  readonly local: boolean;
  /** p: the one being probed. */
  readonly probed: boolean;
  /** R: the sender has a route to it. */
  readonly reachable: boolean;
  /** Unused Flags, 13 bits; absent when 0. */
  readonly reserved?: number;
}

export interface EidRecord {
  /** Minutes; 0: to be removed; TTL_OWN_CHOICE. */
  readonly ttl: number;
  readonly eid: LispAddress;
  readonly maskLength: number;
  /** ACT, 0 to 7: what to do where there are no locators; 0 to 5 as in section 5.4. */
  readonly action: number;
  /** A: sent by an ETR of the site. */
  readonly authoritative: boolean;
  /** Map-Version Number, 12 bits; 0: none (RFC 9302). */
  readonly version: number;
  readonly locators: readonly RlocRecord[];
  /** The 12 bits behind A, and the 4 before the Map-Version; absent when 0. */
  readonly reserved?: number;
  readonly versionReserved?: number;
}

/** The fixed part of an EID-Record, whose reserved bits Map-Referrals use. */
export interface RecordHead {
  readonly ttl: number;
  readonly count: number;
  readonly maskLength: number;
  readonly action: number;
  readonly authoritative: boolean;
  /** 12 bits behind A. */
  readonly reserved: number;
  /** 4 bits before the Map-Version. */
  readonly versionReserved: number;
  readonly version: number;
  readonly eid: LispAddress;
}

/** Throws BAD_FIELD for a mask longer than the address. */
export function readEid(r: Reader, maskLength: number): LispAddress {
  const at = r.at;
  const eid = readAddress(r);
  const bits = addressBits(eid);
  if (bits !== null && maskLength > bits)
    throw r.error("BAD_FIELD", `a mask length of ${maskLength} for ${bits} bits`, at);
  return eid;
}

export function writeEid(w: Writer, eid: LispAddress, maskLength: number): void {
  const bits = addressBits(eid);
  if (bits !== null && maskLength > bits)
    throw w.error("BAD_FIELD", `a mask length of ${maskLength} for ${bits} bits`);
  writeAddress(w, eid);
}

export function readRecordHead(r: Reader): RecordHead {
  const ttl = r.u32("Record TTL");
  const count = r.u8("Locator Count");
  const maskLength = r.u8("EID mask-len");
  const act = r.u16("ACT");
  const version = r.u16("Map-Version");
  return {
    ttl,
    count,
    maskLength,
    action: act >>> 13,
    authoritative: (act & 0x1000) !== 0,
    reserved: act & 0xfff,
    versionReserved: version >>> 12,
    version: version & 0xfff,
    eid: readEid(r, maskLength),
  };
}

export function writeRecordHead(w: Writer, head: RecordHead): void {
  w.u32(head.ttl, "Record TTL");
  w.u8(head.count, "Locator Count");
  w.u8(head.maskLength, "EID mask-len");
  w.check(head.action, 7, "ACT");
  w.check(head.reserved, 0xfff, "reserved bits of an EID-Record");
  w.u16((head.action << 13) | (head.authoritative ? 0x1000 : 0) | head.reserved, "ACT");
  w.check(head.versionReserved, 15, "reserved bits of an EID-Record");
  w.check(head.version, 0xfff, "Map-Version");
  w.u16((head.versionReserved << 12) | head.version, "Map-Version");
  writeEid(w, head.eid, head.maskLength);
}

export function readRlocRecord(r: Reader): RlocRecord {
  const priority = r.u8("Priority");
  const weight = r.u8("Weight");
  const mpriority = r.u8("M Priority");
  const mweight = r.u8("M Weight");
  const flags = r.u16("locator flags");
  return {
    rloc: readAddress(r),
    priority,
    weight,
    mpriority,
    mweight,
    local: (flags & 4) !== 0,
    probed: (flags & 2) !== 0,
    reachable: (flags & 1) !== 0,
    ...r.reserved({ reserved: flags >>> 3 }),
  };
}

export function writeRlocRecord(w: Writer, l: RlocRecord): void {
  w.u8(l.priority, "Priority");
  w.u8(l.weight, "Weight");
  w.u8(l.mpriority, "M Priority");
  w.u8(l.mweight, "M Weight");
  w.check(l.reserved ?? 0, 0x1fff, "Unused Flags");
  w.u16(
    ((l.reserved ?? 0) << 3) | (l.local ? 4 : 0) | (l.probed ? 2 : 0) | (l.reachable ? 1 : 0),
    "locator flags",
  );
  writeAddress(w, l.rloc);
}

export function readEidRecord(r: Reader): EidRecord {
  const { ttl, count, maskLength, action, authoritative, reserved, versionReserved, version, eid } =
    readRecordHead(r);
  const locators = repeat(count, () => readRlocRecord(r));
  const bits = r.reserved({ reserved, versionReserved });
  return { ttl, eid, maskLength, action, authoritative, version, locators, ...bits };
}

export function writeEidRecord(w: Writer, record: EidRecord): void {
  const { ttl, eid, maskLength, action, authoritative, version } = record;
  const bits = { reserved: record.reserved ?? 0, versionReserved: record.versionReserved ?? 0 };
  const count = record.locators.length;
  writeRecordHead(w, { ttl, count, maskLength, action, authoritative, version, eid, ...bits });
  for (const locator of record.locators) writeRlocRecord(w, locator);
}

/** `count` items in the order they are read. */
export function repeat<T>(count: number, read: () => T): T[] {
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read());
  return items;
}

/** Who sent a Map-Register or a subscription (RFC 9301, section 5.6). */
export interface XtrIds {
  /** 16 bytes. */
  readonly xtrId: Uint8Array;
  /** 8 bytes; null where an older peer leaves it out. */
  readonly siteId: Uint8Array | null;
}

export function readXtrIds(r: Reader): XtrIds {
  const xtrId = r.take(16, "xTR-ID");
  return { xtrId, siteId: r.left >= 8 ? r.take(8, "Site-ID") : null };
}

export function writeXtrIds(w: Writer, ids: XtrIds): void {
  w.fixed(ids.xtrId, 16, "xTR-ID");
  if (ids.siteId !== null) w.fixed(ids.siteId, 8, "Site-ID");
}
