// Addresses with their address family (RFC 9301, section 5.1; numbers of the AFN registry).
//
//   AFI     bytes   what
//   0       0       no address
//   1       4       IPv4
//   2       16      IPv6
//   17      n + 1   distinguished name, ended by a zero byte
//   16387   8 + n   LISP Canonical Address Format (lcaf.ts)
//   16389   6       48-bit MAC

import type { EidPrefix } from "../../net/eid.js";
import type { Reader, Writer } from "./cursor.js";
import { type LcafAddress, readLcaf, writeLcaf } from "./lcaf.js";

export const AFI_NONE = 0;
export const AFI_IPV4 = 1;
export const AFI_IPV6 = 2;
export const AFI_NAME = 17;
export const AFI_LCAF = 16387;
export const AFI_MAC = 16389;

/** Bytes of a name without its end, at most. */
export const NAME_MAX = 255;

export type LispAddress =
  | { readonly kind: "none" }
  /** 4 or 16 bytes. */
  | { readonly kind: "ip"; readonly address: Uint8Array }
  /** A byte a character, none of them zero. */
  | { readonly kind: "name"; readonly name: string }
  /** 6 bytes. */
  | { readonly kind: "mac"; readonly address: Uint8Array }
  | LcafAddress;

export const NO_ADDRESS: LispAddress = { kind: "none" };

/** An IPv4 (4 bytes) or IPv6 (16 bytes) address. */
export function ipAddress(address: Uint8Array): LispAddress {
  return { kind: "ip", address };
}

/** Reads an AFI and the address behind it. */
export function readAddress(r: Reader): LispAddress {
  return readAddressOf(r.u16("AFI"), r);
}

function readAddressOf(afi: number, r: Reader): LispAddress {
  switch (afi) {
    case AFI_NONE:
      return NO_ADDRESS;
    case AFI_IPV4:
      return { kind: "ip", address: r.take(4, "IPv4 address") };
    case AFI_IPV6:
      return { kind: "ip", address: r.take(16, "IPv6 address") };
    case AFI_MAC:
      return { kind: "mac", address: r.take(6, "MAC address") };
    case AFI_NAME:
      return { kind: "name", name: readName(r) };
    case AFI_LCAF:
      return readLcaf(r, readAddress);
    default:
      throw r.error("BAD_AFI", `unknown address family ${afi}`, r.at - 2);
  }
}

function readName(r: Reader): string {
  const length = r.bytes.subarray(r.at, Math.min(r.end, r.at + NAME_MAX + 1)).indexOf(0);
  if (length < 0 && r.left > NAME_MAX) throw r.error("BAD_LENGTH", `a name of more than ${NAME_MAX} bytes`);
  if (length < 0) throw r.error("TRUNCATED", "a name without an end");
  const start = r.skip(length + 1, "name");
  return String.fromCharCode(...r.bytes.subarray(start, start + length));
}

/** Writes an AFI and the address behind it. */
export function writeAddress(w: Writer, address: LispAddress): void {
  switch (address.kind) {
    case "none":
      w.u16(AFI_NONE, "AFI");
      break;
    case "ip": {
      const bytes = address.address;
      w.u16(bytes.length === 4 ? AFI_IPV4 : AFI_IPV6, "AFI");
      w.fixed(bytes, bytes.length === 4 ? 4 : 16, "IP address");
      break;
    }
    case "mac":
      w.u16(AFI_MAC, "AFI");
      w.fixed(address.address, 6, "MAC address");
      break;
    case "name":
      if (address.name.length > NAME_MAX || !isName(address.name))
        throw w.error("BAD_FIELD", `not a name of at most ${NAME_MAX} bytes without zeros`);
      w.u16(AFI_NAME, "AFI");
      w.raw(Uint8Array.from(address.name, (c) => c.charCodeAt(0)));
      w.u8(0, "end of name");
      break;
    default:
      w.u16(AFI_LCAF, "AFI");
      writeLcaf(w, address, writeAddress);
  }
}

function isName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code === 0 || code > 0xff) return false;
  }
  return true;
}

/** Bits of an address that a mask length can count: those of the innermost one for an instance ID; null for other kinds. */
export function addressBits(address: LispAddress): number | null {
  if (address.kind === "instance") return addressBits(address.address);
  return address.kind === "ip" || address.kind === "mac" ? address.address.length * 8 : null;
}

/** An EID-prefix as records have it. */
export interface EidFields {
  readonly eid: LispAddress;
  readonly maskLength: number;
}

/** The EID-prefix that a record is about, bits beyond its length as they came; null where its EID is no IP address. */
export function eidPrefix({ eid, maskLength }: EidFields): EidPrefix | null {
  const [iid, inner] = eid.kind === "instance" ? [eid.iid, eid.address] : [0, eid];
  return inner.kind === "ip" ? { iid, eid: { address: inner.address, length: maskLength } } : null;
}

/** The fields of a record about an EID-prefix. */
export function eidFields({ iid, eid }: EidPrefix): EidFields {
  return { eid: eidAddress(iid, eid.address), maskLength: eid.length };
}

/** The EID for an IP address: in an instance-ID LCAF unless `iid` is 0. */
export function eidAddress(iid: number, address: Uint8Array): LispAddress {
  const inner: LispAddress = { kind: "ip", address };
  return iid === 0 ? inner : { kind: "instance", iid, iidMaskLength: 0, address: inner };
}
