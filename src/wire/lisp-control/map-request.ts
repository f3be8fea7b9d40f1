// Map-Request (RFC 9301, sections 5.2 and 12.6; bits I and N: PubSub, RFC 9437).
//
//   bits    field
//   0-3     Type = 1
//   4 5 6 7 A M P S
//   8 9     p s
//   11      I: xTR-ID and Site-ID follow at the end
//   17 18   L D
//   19-23   IRC: ITR-RLOCs less one
//   24-31   Record Count
//   64      Nonce
//           Source-EID-AFI, Source EID; ITR-RLOC-AFI, ITR-RLOC ...
//           records: N:1 reserved:7, EID mask-len:8, EID-Prefix-AFI:16, EID-Prefix
//           an EID-Record (M); xTR-ID:128, Site-ID:64 (I)

import { type LispAddress, NO_ADDRESS, readAddress, writeAddress } from "./address.js";
import type { Reader, Writer } from "./cursor.js";
import {
  type EidRecord,
  readEid,
  readEidRecord,
  readXtrIds,
  repeat,
  writeEid,
  writeEidRecord,
  writeXtrIds,
  type XtrIds,
} from "./record.js";

const A_BIT = 0x08000000;
const M_BIT = 0x04000000;
const P_BIT = 0x02000000;
const S_BIT = 0x01000000;
const PITR_BIT = 0x00800000;
const SMR_INVOKED_BIT = 0x00400000;
const I_BIT = 0x00100000;
const L_BIT = 0x00004000;
const D_BIT = 0x00002000;
const RESERVED = 0x002f8000;

/** ITR-RLOCs in one Map-Request, at most. */
export const ITR_RLOCS_MAX = 32;

export interface RequestedEid {
  readonly eid: LispAddress;
  readonly maskLength: number;
  /** N: changes of the mapping are to be published to the xTR (RFC 9437). */
  readonly subscribe: boolean;
  /** 7 bits; absent when 0. */
  readonly reserved?: number;
}

export interface MapRequest {
  readonly type: "map-request";
  readonly nonce: bigint;
  /** A: the site itself is to answer. */
  readonly authoritative: boolean;
  /** P: an RLOC probe. */
  readonly probe: boolean;
  /** S: solicits a Map-Request (SMR). */
  readonly smr: boolean;
  /** p: from a proxy ITR. */
  readonly proxyItr: boolean;
  /** s: sent because of an SMR. */
  readonly smrInvoked: boolean;
  /** L: the sender's RLOC belongs to the receiver's own site. */
  readonly localXtr: boolean;
  /** D: no Map-Reply is wanted. */
  readonly dontReply: boolean;
  /** `none` for probes and refreshes. */
  readonly sourceEid: LispAddress;
  /** 1 to 32 of them. */
  readonly itrRlocs: readonly LispAddress[];
  /** One when we send; any number when others do. */
  readonly records: readonly RequestedEid[];
  /** The sender's own mapping (M). */
  readonly mapData: EidRecord | null;
  /** Who subscribes (I). */
  readonly ids: XtrIds | null;
  /** Reserved bits of the first word, in place; absent when 0. */
  readonly reserved?: number;
  /** Bytes behind the message; absent when there are none. */
  readonly trailer?: Uint8Array;
}

/** A plain Map-Request: what `fields` do not say is not set. */
export function mapRequest(
  fields: Partial<MapRequest> & Pick<MapRequest, "nonce" | "itrRlocs" | "records">,
): MapRequest {
  return {
    type: "map-request",
    authoritative: false,
    probe: false,
    smr: false,
    proxyItr: false,
    smrInvoked: false,
    localXtr: false,
    dontReply: false,
    sourceEid: NO_ADDRESS,
    mapData: null,
    ids: null,
    ...fields,
  };
}

export function readMapRequest(r: Reader): MapRequest {
  const word = r.u32("Map-Request");
  const nonce = r.u64("nonce");
  const sourceEid = readAddress(r);
  const itrRlocs = repeat(((word >>> 8) & 31) + 1, () => readAddress(r));
  const records = repeat(word & 0xff, () => readRequestedEid(r));
  return {
    type: "map-request",
    nonce,
    authoritative: (word & A_BIT) !== 0,
    probe: (word & P_BIT) !== 0,
    smr: (word & S_BIT) !== 0,
    proxyItr: (word & PITR_BIT) !== 0,
    smrInvoked: (word & SMR_INVOKED_BIT) !== 0,
    localXtr: (word & L_BIT) !== 0,
    dontReply: (word & D_BIT) !== 0,
    sourceEid,
    itrRlocs,
    records,
    mapData: (word & M_BIT) !== 0 ? readEidRecord(r) : null,
    ids: (word & I_BIT) !== 0 ? readXtrIds(r) : null,
    ...r.reserved({ reserved: word & RESERVED }),
    ...r.trailer(),
  };
}

function readRequestedEid(r: Reader): RequestedEid {
  const bits = r.u8("record");
  const maskLength = r.u8("EID mask-len");
  return {
    eid: readEid(r, maskLength),
    maskLength,
    subscribe: (bits & 0x80) !== 0,
    ...r.reserved({ reserved: bits & 0x7f }),
  };
}

export function writeMapRequest(w: Writer, m: MapRequest): void {
  if (m.itrRlocs.length < 1 || m.itrRlocs.length > ITR_RLOCS_MAX)
    throw w.error("BAD_FIELD", `${m.itrRlocs.length} ITR-RLOCs, it must be 1 to ${ITR_RLOCS_MAX}`);
  w.check(m.records.length, 255, "record count");
  const word =
    0x10000000 |
    (m.authoritative ? A_BIT : 0) |
    (m.mapData !== null ? M_BIT : 0) |
    (m.probe ? P_BIT : 0) |
    (m.smr ? S_BIT : 0) |
    (m.proxyItr ? PITR_BIT : 0) |
    (m.smrInvoked ? SMR_INVOKED_BIT : 0) |
    (m.ids !== null ? I_BIT : 0) |
    (m.localXtr ? L_BIT : 0) |
    (m.dontReply ? D_BIT : 0) |
    w.reserved(m.reserved, RESERVED) |
    ((m.itrRlocs.length - 1) << 8) |
    m.records.length;
  w.u32(word, "Map-Request");
  w.u64(m.nonce, "nonce");
  writeAddress(w, m.sourceEid);
  for (const rloc of m.itrRlocs) writeAddress(w, rloc);
  for (const record of m.records) {
    w.check(record.reserved ?? 0, 0x7f, "reserved bits of a record");
    w.u8((record.subscribe ? 0x80 : 0) | (record.reserved ?? 0), "record");
    w.u8(record.maskLength, "EID mask-len");
    writeEid(w, record.eid, record.maskLength);
  }
  if (m.mapData !== null) writeEidRecord(w, m.mapData);
  if (m.ids !== null) writeXtrIds(w, m.ids);
  if (m.trailer !== undefined) w.raw(m.trailer);
}
