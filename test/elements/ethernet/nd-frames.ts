// Neighbor Discovery frames for tests, written and summed independently of src/wire.

import { bytes, hex } from "./harness.js";

export interface NDFrame {
  readonly type: 135 | 136;
  readonly from: string;
  readonly to: string;
  readonly target: string;
  readonly etherTo?: string;
  readonly etherFrom?: string;
  readonly flags?: number;
  /** The link-layer address option's address. */
  readonly link?: string;
  readonly hopLimit?: number;
  readonly code?: number;
  /** Added to the right checksum. */
  readonly wrong?: number;
  /** Further options. */
  readonly options?: string;
}

export interface Icmp6Frame {
  readonly from: string;
  readonly to: string;
  readonly etherTo: string;
  readonly etherFrom: string;
  readonly type: number;
  /** What follows the checksum. */
  readonly body: string;
  readonly code?: number;
  readonly hopLimit?: number;
  /** Added to the right checksum. */
  readonly wrong?: number;
}

export function icmp6Frame(f: Icmp6Frame): string {
  const h8 = (n: number): string => n.toString(16).padStart(2, "0");
  const icmp = (sum: string): string => `${h8(f.type)}${h8(f.code ?? 0)}${sum}${f.body}`;
  const length = icmp("0000").length / 2;
  const summed = Buffer.from(
    `${f.from}${f.to}${length.toString(16).padStart(8, "0")}0000003a${icmp("0000")}${"00".repeat(length % 2)}`,
    "hex",
  );
  let sum = 0;
  for (let i = 0; i < summed.length; i += 2) sum += summed.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const field = ((~sum & 0xffff) + (f.wrong ?? 0)) & 0xffff;
  const l16 = length.toString(16).padStart(4, "0");
  const ip = `60000000${l16}3a${h8(f.hopLimit ?? 255)}${f.from}${f.to}${icmp(field.toString(16).padStart(4, "0"))}`;
  return hex(bytes(`${f.etherTo}${f.etherFrom}86dd${ip}`));
}

export function ndFrame({ target, link, options = "", flags = 0, ...f }: NDFrame): string {
  const option = link === undefined ? "" : `${f.type === 135 ? "01" : "02"}01${link}`;
  return icmp6Frame({
    etherTo: "020000000001",
    etherFrom: "0200000000aa",
    ...f,
    body: `${(flags >>> 0).toString(16).padStart(8, "0")}${target}${option}${options}`,
  });
}

/** `2001:db8::N` */
export const host = (n: number): string => `20010db8${"0".repeat(16)}${n.toString(16).padStart(8, "0")}`;
/** The solicited-node group of `host(n)`. */
export const group = (n: number): string => `ff02${"0".repeat(19)}1ff${n.toString(16).padStart(6, "0")}`;
export const NOBODY = "0".repeat(32);
export const ALL = `ff02${"0".repeat(26)}01`;
