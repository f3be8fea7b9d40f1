// EID-prefixes: what LISP looks up and registers (RFC 9300, section 3; instance IDs: RFC 8060, section 4.1).

import { compareAddresses, type IpAddress } from "./address.js";
import { canonical, coversPrefix, masked, type Prefix, prefixText, samePrefix } from "./prefix.js";

export interface EidPrefix {
  /** Instance ID, 0 where none is given: 24 bits in tables, 32 in control messages. */
  readonly iid: number;
  readonly eid: Prefix;
}

/** The largest instance ID that the header of a LISP data packet has room for. */
export const IID_MAX = 0xffffff;

/** `10.1.0.0/16 iid 5`, without an instance ID of 0. */
export function eidText({ iid, eid }: EidPrefix): string {
  return iid === 0 ? prefixText(eid) : `${prefixText(eid)} iid ${iid}`;
}

/** Its instance ID and prefix, and nothing else; the bits beyond the length cleared. */
export function canonicalEid({ iid, eid }: EidPrefix): EidPrefix {
  return { iid, eid: canonical(eid) };
}

/** Whether both name the same EID-prefix; bits beyond the length do not count. */
export function sameEid(a: EidPrefix, b: EidPrefix): boolean {
  return a.iid === b.iid && samePrefix(a.eid, b.eid);
}

/** The order of EID-prefixes without bits beyond their lengths: by instance ID, family, address, length. As sort wants it. */
export function compareEids(a: EidPrefix, b: EidPrefix): number {
  return a.iid - b.iid || compareAddresses(a.eid.address, b.eid.address) || a.eid.length - b.eid.length;
}

/** Whether all of `inner`, which may be the same, lies in `outer`. */
export function coversEid(outer: EidPrefix, inner: EidPrefix): boolean {
  return outer.iid === inner.iid && coversPrefix(outer.eid, inner.eid);
}

/** A string for maps, the same for EID-prefixes that are the same; not for reading. */
export function eidName({ iid, eid }: EidPrefix): string {
  return prefixName(iid, eid.address, eid.length);
}

/** A string for maps, the same for all EID-prefixes of one instance and family. */
export function familyName({ iid, eid }: EidPrefix): string {
  return prefixName(iid, eid.address, 0);
}

/** `eidName` of the first `length` bits of an address in an instance. */
export function prefixName(iid: number, address: IpAddress, length: number): string {
  return String.fromCharCode(iid >>> 16, iid & 0xffff, length, ...masked(address, length));
}
