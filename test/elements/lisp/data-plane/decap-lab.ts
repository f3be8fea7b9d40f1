// What LISPDecap's tests share: packets with a right checksum, headers.

import type { LISPDecap } from "../../../../elements/lisp/data-plane/lisp-decap.js";
import { type Bench, checksum, hex, ipv4, ipv6, SIX_A, SIX_B } from "../harness.js";

export const NOTHING = new Uint8Array(0);
export const ZERO = new Uint8Array(8);
export const INNER = [ipv4(hex("0102030405")), ipv6(hex("0102030405"))];
export const OUTER = [{}, { source: SIX_A, destination: SIX_B }];
export const word = (text: string): Uint8Array => hex(text);
export const decap = (b: Bench): LISPDecap => b.router.find("e") as LISPDecap;

/** The datagram's checksum, made right. */
export function summed(packet: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(packet);
  const four = bytes[0] >> 4 === 4;
  const [at, addresses] = four ? [20, bytes.subarray(12, 20)] : [40, bytes.subarray(8, 40)];
  const datagram = bytes.subarray(at);
  const pseudo = Uint8Array.of(0, 17, datagram[4], datagram[5]);
  const sum = checksum(addresses, pseudo, datagram) || 0xffff;
  datagram[6] = sum >> 8;
  datagram[7] = sum & 255;
  return bytes;
}
