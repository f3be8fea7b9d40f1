// Hardware addresses of Ethernet (EUI-48).

import type { IpAddress } from "./address.js";

/** 6 bytes. */
export type MacAddress = Uint8Array;

/** The address that the text is: hexadecimal numbers joined all by `:` or all by `-`. Null where it is none. */
export function findMac(text: string): MacAddress | null {
  if (!/^[0-9a-f]{1,2}([:-])[0-9a-f]{1,2}(\1[0-9a-f]{1,2}){4}$/i.test(text)) return null;
  return Uint8Array.from(text.split(/[:-]/), (part) => Number.parseInt(part, 16));
}

/** The IPv6 link-local address that a station makes of its hardware address (RFC 4291, appendix A; RFC 2464, section 5). */
export function linkLocalAddress(mac: MacAddress): IpAddress {
  const address = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 0);
  address.set(mac.subarray(0, 3), 8);
  address[8] ^= 2;
  address.set(mac.subarray(3, 6), 13);
  return address;
}

/** `00-00-C0-3B-71-EF`, as Click writes hardware addresses. */
export function etherText(bytes: MacAddress): string {
  return Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("-");
}

/** `00:00:c0:3b:71:ef`, as the kernel's tools do. */
export function macText(bytes: MacAddress): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
