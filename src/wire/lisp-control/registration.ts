// Map-Register (RFC 9301, section 5.6), Map-Notify and Map-Notify-Ack (section 5.7).
//
//   bits    field
//   0-3     Type = 3; 4 and 5
//   4 5 6   P S I            (Map-Register only, as are the next two rows)
//   19-23   E T a R M        (R is reserved; NAT traversal uses bit 7: registers for an RTR)
//   24-31   Record Count
//   64      Nonce
//   8       Key ID
//   8       Algorithm ID
//   16      Authentication Data Length, Authentication Data
//           EID-Records
//           xTR-ID:128, Site-ID:64 (I)

import type { Reader, Writer } from "./cursor.js";
import {
  type EidRecord,
  readEidRecord,
  readXtrIds,
  repeat,
  writeEidRecord,
  writeXtrIds,
  type XtrIds,
} from "./record.js";

const P_BIT = 0x08000000;
const S_BIT = 0x04000000;
const I_BIT = 0x02000000;
const E_BIT = 0x00001000;
const T_BIT = 0x00000800;
const MERGE_BIT = 0x00000400;
const M_BIT = 0x00000100;
const REGISTER_RESERVED = 0x01ffe200;
const NOTIFY_RESERVED = 0x0fffff00;
/** Bytes of an xTR-ID and a Site-ID. */
const IDS_LENGTH = 24;

/** Byte of a message at which its Authentication Data begin (also of an Info-Request). */
export const AUTHENTICATION_AT = 16;

export interface Authentication {
  readonly keyId: number;
  /** Which MAC and key derivation (RFC 9301, section 12.5). */
  readonly algorithm: number;
  readonly data: Uint8Array;
}

export const NO_AUTHENTICATION: Authentication = { keyId: 0, algorithm: 0, data: new Uint8Array(0) };

interface Registered {
  readonly nonce: bigint;
  readonly authentication: Authentication;
  readonly records: readonly EidRecord[];
  readonly ids: XtrIds | null;
  /** Reserved bits of the first word, in place; absent when 0. */
  readonly reserved?: number;
  /** Bytes behind the message; absent when there are none. */
  readonly trailer?: Uint8Array;
}

export interface MapRegister extends Registered {
  readonly type: "map-register";
  /** P: the Map-Server is to answer Map-Requests. */
  readonly proxyReply: boolean;
  /** S: can do LISP-SEC. */
  readonly security: boolean;
  /** E: a first-hop router found a dynamic EID. */
  readonly eidNotify: boolean;
  /** T: the registration is good for the Record TTL. */
  readonly useTtl: boolean;
  /** a: locators of several xTRs are to be merged. */
  readonly merge: boolean;
  /** M: a Map-Notify is wanted. */
  readonly wantNotify: boolean;
}

/** A Map-Notify has no bit that announces xTR-ID and Site-ID: `ids` are 24 bytes behind its records. */
export interface MapNotify extends Registered {
  readonly type: "map-notify" | "map-notify-ack";
}

/** A plain Map-Register: what `fields` do not say is not set. */
export function mapRegister(
  fields: Partial<MapRegister> & Pick<MapRegister, "nonce" | "records">,
): MapRegister {
  return {
    type: "map-register",
    proxyReply: false,
    security: false,
    eidNotify: false,
    useTtl: false,
    merge: false,
    wantNotify: false,
    authentication: NO_AUTHENTICATION,
    ids: null,
    ...fields,
  };
}

/** A plain Map-Notify or Map-Notify-Ack: what `fields` do not say is not set. */
export function mapNotify(
  fields: Partial<MapNotify> & Pick<MapNotify, "type" | "nonce" | "records">,
): MapNotify {
  return { authentication: NO_AUTHENTICATION, ids: null, ...fields };
}

export function readAuthentication(r: Reader): Authentication {
  const keyId = r.u8("Key ID");
  const algorithm = r.u8("Algorithm ID");
  const length = r.u16("Authentication Data Length");
  return { keyId, algorithm, data: r.take(length, "Authentication Data") };
}

export function writeAuthentication(w: Writer, a: Authentication): void {
  w.u8(a.keyId, "Key ID");
  w.u8(a.algorithm, "Algorithm ID");
  w.u16(a.data.length, "Authentication Data Length");
  w.raw(a.data);
}

export function readMapRegister(r: Reader): MapRegister {
  const word = r.u32("Map-Register");
  return {
    type: "map-register",
    nonce: r.u64("nonce"),
    proxyReply: (word & P_BIT) !== 0,
    security: (word & S_BIT) !== 0,
    eidNotify: (word & E_BIT) !== 0,
    useTtl: (word & T_BIT) !== 0,
    merge: (word & MERGE_BIT) !== 0,
    wantNotify: (word & M_BIT) !== 0,
    authentication: readAuthentication(r),
    records: repeat(word & 0xff, () => readEidRecord(r)),
    ids: (word & I_BIT) !== 0 ? readXtrIds(r) : null,
    ...r.reserved({ reserved: word & REGISTER_RESERVED }),
    ...r.trailer(),
  };
}

export function writeMapRegister(w: Writer, m: MapRegister): void {
  const word =
    0x30000000 |
    (m.proxyReply ? P_BIT : 0) |
    (m.security ? S_BIT : 0) |
    (m.ids !== null ? I_BIT : 0) |
    (m.eidNotify ? E_BIT : 0) |
    (m.useTtl ? T_BIT : 0) |
    (m.merge ? MERGE_BIT : 0) |
    (m.wantNotify ? M_BIT : 0) |
    w.reserved(m.reserved, REGISTER_RESERVED);
  writeRegistered(w, word, m);
}

export function readMapNotify(r: Reader): MapNotify {
  const word = r.u32("Map-Notify");
  return {
    type: word >>> 28 === 4 ? "map-notify" : "map-notify-ack",
    nonce: r.u64("nonce"),
    authentication: readAuthentication(r),
    records: repeat(word & 0xff, () => readEidRecord(r)),
    ids: r.left === IDS_LENGTH ? readXtrIds(r) : null,
    ...r.reserved({ reserved: word & NOTIFY_RESERVED }),
    ...r.trailer(),
  };
}

export function writeMapNotify(w: Writer, m: MapNotify): void {
  const type = m.type === "map-notify" ? 0x40000000 : 0x50000000;
  writeRegistered(w, type | w.reserved(m.reserved, NOTIFY_RESERVED), m);
}

function writeRegistered(w: Writer, word: number, m: Registered): void {
  w.check(m.records.length, 255, "record count");
  w.u32((word | m.records.length) >>> 0, "first word");
  w.u64(m.nonce, "nonce");
  writeAuthentication(w, m.authentication);
  for (const record of m.records) writeEidRecord(w, record);
  if (m.ids !== null) writeXtrIds(w, m.ids);
  if (m.trailer !== undefined) w.raw(m.trailer);
}
