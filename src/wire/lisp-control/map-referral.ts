// Map-Referral (RFC 8111, section 6.4).
//
//   bits    field
//   0-3     Type = 6
//   4-23    Reserved
//   24-31   Record Count
//   64      Nonce
//           records: an EID-Record in which the first reserved bit is I (Incomplete), the 4 bits before the
//           Map-Version are SigCnt, the locators are referrals, and SigCnt signatures follow (section 6.4.1):
//           Original TTL:32 Expiration:32 Inception:32 Key Tag:16 Sig Length:16 Algorithm:8 Reserved:24 Signature

import type { LispAddress } from "./address.js";
import type { Reader, Writer } from "./cursor.js";
import {
  type RlocRecord,
  readRecordHead,
  readRlocRecord,
  repeat,
  writeRecordHead,
  writeRlocRecord,
} from "./record.js";

const RESERVED = 0x0fffff00;
const INCOMPLETE = 0x800;

export interface ReferralSignature {
  /** Minutes. */
  readonly originalTtl: number;
  /** Seconds since 1970. */
  readonly expiration: number;
  readonly inception: number;
  readonly keyTag: number;
  /** 1 RSA-SHA1, 2 RSA-SHA256. */
  readonly algorithm: number;
  readonly signature: Uint8Array;
  /** 24 bits; absent when 0. */
  readonly reserved?: number;
}

export interface ReferralRecord {
  /** Minutes. */
  readonly ttl: number;
  readonly eid: LispAddress;
  readonly maskLength: number;
  /** 0 NODE-REFERRAL, 1 MS-REFERRAL, 2 MS-ACK, 3 MS-NOT-REGISTERED, 4 DELEGATION-HOLE, 5 NOT-AUTHORITATIVE. */
  readonly action: number;
  readonly authoritative: boolean;
  /** I: the referral set is not complete. */
  readonly incomplete: boolean;
  readonly version: number;
  readonly referrals: readonly RlocRecord[];
  /** At most 15. */
  readonly signatures: readonly ReferralSignature[];
  /** The 11 bits behind I; absent when 0. */
  readonly reserved?: number;
}

export interface MapReferral {
  readonly type: "map-referral";
  readonly nonce: bigint;
  readonly records: readonly ReferralRecord[];
  /** Reserved bits of the first word, in place; absent when 0. */
  readonly reserved?: number;
  /** Bytes behind the message; absent when there are none. */
  readonly trailer?: Uint8Array;
}

export function readMapReferral(r: Reader): MapReferral {
  const word = r.u32("Map-Referral");
  return {
    type: "map-referral",
    nonce: r.u64("nonce"),
    records: repeat(word & 0xff, () => readRecord(r)),
    ...r.reserved({ reserved: word & RESERVED }),
    ...r.trailer(),
  };
}

function readRecord(r: Reader): ReferralRecord {
  const { ttl, eid, maskLength, action, authoritative, reserved, version, count, versionReserved } =
    readRecordHead(r);
  return {
    ttl,
    eid,
    maskLength,
    action,
    authoritative,
    incomplete: (reserved & INCOMPLETE) !== 0,
    version,
    referrals: repeat(count, () => readRlocRecord(r)),
    signatures: repeat(versionReserved, () => readSignature(r)),
    ...r.reserved({ reserved: reserved & ~INCOMPLETE }),
  };
}

function readSignature(r: Reader): ReferralSignature {
  const originalTtl = r.u32("Original Record TTL");
  const expiration = r.u32("Signature Expiration");
  const inception = r.u32("Signature Inception");
  const keyTag = r.u16("Key Tag");
  const length = r.u16("Sig Length");
  const word = r.u32("Sig-Algorithm");
  return {
    originalTtl,
    expiration,
    inception,
    keyTag,
    algorithm: word >>> 24,
    signature: r.take(length, "Signature"),
    ...r.reserved({ reserved: word & 0xffffff }),
  };
}

export function writeMapReferral(w: Writer, m: MapReferral): void {
  w.check(m.records.length, 255, "record count");
  w.u32(0x60000000 | w.reserved(m.reserved, RESERVED) | m.records.length, "Map-Referral");
  w.u64(m.nonce, "nonce");
  for (const record of m.records) writeRecord(w, record);
  if (m.trailer !== undefined) w.raw(m.trailer);
}

function writeRecord(w: Writer, record: ReferralRecord): void {
  w.check(record.reserved ?? 0, INCOMPLETE - 1, "reserved bits of a record");
  w.check(record.signatures.length, 15, "SigCnt");
  const { ttl, eid, maskLength, action, authoritative, version } = record;
  const reserved = (record.incomplete ? INCOMPLETE : 0) | (record.reserved ?? 0);
  const bits = { reserved, versionReserved: record.signatures.length };
  const count = record.referrals.length;
  writeRecordHead(w, { ttl, count, maskLength, action, authoritative, version, eid, ...bits });
  for (const referral of record.referrals) writeRlocRecord(w, referral);
  for (const s of record.signatures) {
    w.u32(s.originalTtl, "Original Record TTL");
    w.u32(s.expiration, "Signature Expiration");
    w.u32(s.inception, "Signature Inception");
    w.u16(s.keyTag, "Key Tag");
    w.u16(s.signature.length, "Sig Length");
    w.u8(s.algorithm, "Sig-Algorithm");
    w.check(s.reserved ?? 0, 0xffffff, "reserved bits of a signature");
    w.u8((s.reserved ?? 0) >>> 16, "reserved bits");
    w.u16((s.reserved ?? 0) & 0xffff, "reserved bits");
    w.raw(s.signature);
  }
}
