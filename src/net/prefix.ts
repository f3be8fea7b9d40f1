// IP prefixes: an address of which the first bits count.

import { addressText, findAddress, findDotted, type IpAddress, sameAddress } from "./address.js";

export interface Prefix {
  readonly address: IpAddress;
  /** How many leading bits count: 0 to 32 or 128. */
  readonly length: number;
}

/** The IPv4 mask of `length` (0 to 32) bits, unsigned. */
export function maskOf(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}

/** The number of leading ones of an IPv4 mask, or -1 where ones follow a zero. */
export function maskLength(mask: number): number {
  const length = Math.clz32(~mask);
  return maskOf(length) === mask >>> 0 ? length : -1;
}

/** The number of leading ones of a mask of any family, or -1 where ones follow a zero. */
export function maskBits(mask: IpAddress): number {
  let length = 0;
  while (length < mask.length * 8 && (mask[length >> 3] & (0x80 >> (length & 7))) !== 0) length++;
  return sameAddress(mask, masked(mask, length)) ? length : -1;
}

/** A copy of the address with the bits beyond `length` cleared. */
export function masked(address: IpAddress, length: number): IpAddress {
  const copy = new Uint8Array(address);
  const whole = length >> 3;
  if (whole >= copy.length) return copy;
  copy[whole] &= 0xff00 >> (length & 7);
  return copy.fill(0, whole + 1);
}

/** The prefix with the bits beyond its length cleared. */
export function canonical({ address, length }: Prefix): Prefix {
  return { address: masked(address, length), length };
}

/** The prefix of one address. */
export function hostPrefix(address: IpAddress): Prefix {
  return { address, length: address.length * 8 };
}

/** Whether it is one address. */
export function isHost({ address, length }: Prefix): boolean {
  return length === address.length * 8;
}

/** Whether the address lies in the prefix. */
export function covers(prefix: Prefix, address: IpAddress): boolean {
  if (prefix.address.length !== address.length) return false;
  const whole = prefix.length >> 3;
  for (let i = 0; i < whole; i++) if (prefix.address[i] !== address[i]) return false;
  const rest = prefix.length & 7;
  return rest === 0 || ((prefix.address[whole] ^ address[whole]) & (0xff00 >> rest) & 0xff) === 0;
}

/** Whether all of `inner`, which may be the same, lies in `outer`. */
export function coversPrefix(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && covers(outer, inner.address);
}

/** Whether one of them lies within the other. */
export function overlap(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? covers(a, b.address) : covers(b, a.address);
}

/** Whether they are the same; bits beyond the length do not count. */
export function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && covers(a, b.address);
}

/** `10.1.0.0/16`. */
export function prefixText(prefix: Prefix): string {
  return `${addressText(prefix.address)}/${prefix.length}`;
}

/**
 * The prefix that the text is, bits beyond its length cleared; null where it is none. `10.1.0.0/16`, `10.1/16`,
 * `10.1.0.0/255.255.0.0`, `2001:db8::/32`, or an address alone.
 */
export function findPrefix(text: string): Prefix | null {
  const slash = text.lastIndexOf("/");
  if (slash < 0) {
    const alone = findAddress(text);
    return alone && hostPrefix(alone);
  }
  const [left, right] = [text.slice(0, slash), text.slice(slash + 1)];
  const parts = findDotted(left);
  const address = parts === null ? findAddress(left) : padded(parts);
  if (address === null) return null;
  const length = findLength(right, address.length);
  // `10.1/24` leaves out bytes that count.
  if (length < 0 || length > 8 * (parts?.length ?? address.length)) return null;
  return { address: masked(address, length), length };
}

/** 4 bytes, those that are not given 0. */
function padded(bytes: readonly number[]): IpAddress {
  const address = new Uint8Array(4);
  address.set(bytes);
  return address;
}

/** The length that a number or a mask says of an address of `size` bytes; -1: neither. */
function findLength(text: string, size: number): number {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= size * 8 ? Number(text) : -1;
  const mask = findAddress(text);
  return mask?.length === size ? maskBits(mask) : -1;
}
