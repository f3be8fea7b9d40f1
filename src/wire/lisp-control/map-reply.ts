// Map-Reply (RFC 9301, section 5.4).
//
//   bits    field
//   0-3     Type = 2
//   4 5 6   P E S
//   7-23    Reserved
//   24-31   Record Count
//   64      Nonce
//           EID-Records
//           with S: LISP-SEC authentication data (RFC 9303, section 6.2)

import type { Reader, Writer } from "./cursor.js";
import { type EidRecord, readEidRecord, repeat, writeEidRecord } from "./record.js";

const P_BIT = 0x08000000;
const E_BIT = 0x04000000;
const S_BIT = 0x02000000;
const RESERVED = 0x01ffff00;

export interface MapReply {
  readonly type: "map-reply";
  readonly nonce: bigint;
  /** P: answers an RLOC probe. */
  readonly probe: boolean;
  /** E: the site can echo nonces. */
  readonly echoNonce: boolean;
  /** S: `trailer` is LISP-SEC authentication data. */
  readonly security: boolean;
  readonly records: readonly EidRecord[];
  /** Reserved bits of the first word, in place; absent when 0. */
  readonly reserved?: number;
  /** Bytes behind the records; absent when there are none. */
  readonly trailer?: Uint8Array;
}

/** A plain Map-Reply: what `fields` do not say is not set. */
export function mapReply(fields: Partial<MapReply> & Pick<MapReply, "nonce" | "records">): MapReply {
  return { type: "map-reply", probe: false, echoNonce: false, security: false, ...fields };
}

export function readMapReply(r: Reader): MapReply {
  const word = r.u32("Map-Reply");
  return {
    type: "map-reply",
    nonce: r.u64("nonce"),
    probe: (word & P_BIT) !== 0,
    echoNonce: (word & E_BIT) !== 0,
    security: (word & S_BIT) !== 0,
    records: repeat(word & 0xff, () => readEidRecord(r)),
    ...r.reserved({ reserved: word & RESERVED }),
    ...r.trailer(),
  };
}

export function writeMapReply(w: Writer, m: MapReply): void {
  w.check(m.records.length, 255, "record count");
  const word =
    0x20000000 |
    (m.probe ? P_BIT : 0) |
    (m.echoNonce ? E_BIT : 0) |
    (m.security ? S_BIT : 0) |
    w.reserved(m.reserved, RESERVED) |
    m.records.length;
  w.u32(word, "Map-Reply");
  w.u64(m.nonce, "nonce");
  for (const record of m.records) writeEidRecord(w, record);
  if (m.trailer !== undefined) w.raw(m.trailer);
}
