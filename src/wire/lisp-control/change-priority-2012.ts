// The Change-Priority of 2012, as the prototype in OpenLISP's control plane sent it: with type 5, which is
// Map-Notify-Ack's today. It is only read, for captures of that time.
//
//   bits    field
//   0-3     Type = 5
//   4 5 6   H S D
//   7-23    Reserved
//   24-31   Record Count
//   64      Nonce
//   16      Key ID: 1, HMAC-SHA-1 (RFC 6830). Read as today's Key ID 0 and Algorithm ID 1, which are the same bits
//   16      Authentication Data Length, Authentication Data
//   8       EID mask-len
//   16      EID-Prefix-AFI, EID-Prefix
//           List-IP-AFI:16, List-IP; Record Count times
//
// The prototype's drawing has 16 bits for the EID mask-len, its packed structure 8, followed by the AFI at once: what it
// sent is the structure.

import { BYTES, checkArgument } from "../../options.js";
import { type LispAddress, readAddress } from "./address.js";
import { LISP_CONTROL_MAX, Reader } from "./cursor.js";
import { LispControlError } from "./error.js";
import { readEid, repeat } from "./record.js";
import { type Authentication, readAuthentication } from "./registration.js";

const H_BIT = 0x08000000;
const S_BIT = 0x04000000;
const D_BIT = 0x02000000;
const RESERVED = 0x01ffff00;

export interface ChangePriority2012 {
  readonly type: "change-priority-2012";
  /** H: from a hypervisor. */
  readonly hypervisor: boolean;
  /** S: the answer of a tunnel router that had the EID (CPR). */
  readonly source: boolean;
  /** D: from the one that has it now (CPN). */
  readonly destination: boolean;
  readonly nonce: bigint;
  readonly authentication: Authentication;
  readonly eid: LispAddress;
  readonly maskLength: number;
  /** RLOCs. */
  readonly list: readonly LispAddress[];
  /** Reserved bits of the first word, in place; absent when 0. */
  readonly reserved?: number;
  /** Bytes behind the message; absent when there are none. */
  readonly trailer?: Uint8Array;
}

/** Whether the payload of a datagram has the type that this message and Map-Notify-Ack share. */
export function isType5(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes[0] >> 4 === 5;
}

/** Reads the payload of a UDP datagram of port 4342. The record holds copies. Throws LispControlError. */
export function decodeChangePriority2012(bytes: Uint8Array): ChangePriority2012 {
  checkArgument("decodeChangePriority2012", "the message", bytes, BYTES);
  if (bytes.length > LISP_CONTROL_MAX)
    throw new LispControlError("TOO_LONG", LISP_CONTROL_MAX, `a message of ${bytes.length} bytes`);
  const r = new Reader(bytes);
  const word = r.u32("Change-Priority");
  if (word >>> 28 !== 5) throw r.error("BAD_TYPE", `type ${word >>> 28} is no Change-Priority of 2012`, 0);
  const nonce = r.u64("nonce");
  const authentication = readAuthentication(r);
  const maskLength = r.u8("EID mask-len");
  const eid = readEid(r, maskLength);
  return {
    type: "change-priority-2012",
    hypervisor: (word & H_BIT) !== 0,
    source: (word & S_BIT) !== 0,
    destination: (word & D_BIT) !== 0,
    nonce,
    authentication,
    eid,
    maskLength,
    list: repeat(word & 0xff, () => readAddress(r)),
    ...r.reserved({ reserved: word & RESERVED }),
    ...r.trailer(),
  };
}
