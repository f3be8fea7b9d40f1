// Info-Request and Info-Reply (draft-ermagan-lisp-nat-traversal-19, sections 4.1 and 4.2; RFC 9301 leaves type 7
// unassigned).
//
//   bits    field
//   0-3     Type = 7
//   4       R: a reply
//   5-31    Reserved
//   64      Nonce
//   8 8 16  Key ID, Algorithm ID, Authentication Data Length; Authentication Data
//   32      TTL
//   8       Reserved
//   8       EID mask-len
//   16      EID-Prefix-AFI, EID-Prefix
//   16      AFI 0 (request); the NAT-Traversal LCAF (reply)

import { type LispAddress, readAddress, writeAddress } from "./address.js";
import type { Reader, Writer } from "./cursor.js";
import { readEid, writeEid } from "./record.js";
import { type Authentication, readAuthentication, writeAuthentication } from "./registration.js";

const R_BIT = 0x08000000;
const RESERVED = 0x07ffffff;

export interface Info {
  readonly type: "info-request" | "info-reply";
  readonly nonce: bigint;
  readonly authentication: Authentication;
  /** Minutes. */
  readonly ttl: number;
  readonly eid: LispAddress;
  readonly maskLength: number;
  /** Of kind `none` in a request, `nat` in a reply. */
  readonly nat: LispAddress;
  /** Reserved bits of the first word, in place; absent when 0. */
  readonly reserved?: number;
  /** The 8 bits before the mask length; absent when 0. */
  readonly eidReserved?: number;
  /** Bytes behind the message; absent when there are none. */
  readonly trailer?: Uint8Array;
}

export function readInfo(r: Reader): Info {
  const word = r.u32("Info-Request");
  const nonce = r.u64("nonce");
  const authentication = readAuthentication(r);
  const ttl = r.u32("TTL");
  const eidReserved = r.u8("reserved bits");
  const maskLength = r.u8("EID mask-len");
  return {
    type: (word & R_BIT) !== 0 ? "info-reply" : "info-request",
    nonce,
    authentication,
    ttl,
    eid: readEid(r, maskLength),
    maskLength,
    nat: readAddress(r),
    ...r.reserved({ reserved: word & RESERVED, eidReserved }),
    ...r.trailer(),
  };
}

export function writeInfo(w: Writer, m: Info): void {
  const word = 0x70000000 | (m.type === "info-reply" ? R_BIT : 0) | w.reserved(m.reserved, RESERVED);
  w.u32(word, "Info-Request");
  w.u64(m.nonce, "nonce");
  writeAuthentication(w, m.authentication);
  w.u32(m.ttl, "TTL");
  w.u8(m.eidReserved ?? 0, "reserved bits");
  w.u8(m.maskLength, "EID mask-len");
  writeEid(w, m.eid, m.maskLength);
  writeAddress(w, m.nat);
  if (m.trailer !== undefined) w.raw(m.trailer);
}
