// ICMPv6 (RFC 4443) and the Neighbor Discovery messages that resolve addresses (RFC 4861).

import { checksum, pseudoSum } from "./checksum.js";
import { viewOf, WireError } from "./error.js";
import { PROTOCOL_ICMP6 } from "./ipv4.js";
import type { Endpoints } from "./udp.js";

// Offsets in bytes.
export const ICMP6_TYPE = 0;
export const ICMP6_CODE = 1;
export const ICMP6_CHECKSUM = 2;
/** MTU, pointer, identifier and sequence number, or flags: as the type has it. */
export const ICMP6_REST = 4;
export const ICMP6_HEADER = 8;

export const ICMP6_UNREACHABLE = 1;
export const ICMP6_TOO_BIG = 2;
export const ICMP6_TIME_EXCEEDED = 3;
export const ICMP6_PARAMETER_PROBLEM = 4;
export const ICMP6_ECHO = 128;
export const ICMP6_ECHO_REPLY = 129;
export const ICMP6_ROUTER_SOLICITATION = 133;
export const ICMP6_ROUTER_ADVERTISEMENT = 134;
export const ICMP6_SOLICITATION = 135;
export const ICMP6_ADVERTISEMENT = 136;
export const ICMP6_REDIRECT = 137;

export interface Icmp6Message {
  readonly type: number;
  readonly code: number;
  /** Bytes 4 to 7, as a number in host order. */
  readonly rest: number;
  readonly payload: Uint8Array;
}

/** Reads a message and checks its checksum, in which the packet's addresses count. Throws WireError. */
export function readIcmp6(bytes: Uint8Array, endpoints: Endpoints): Icmp6Message {
  const view = viewOf(bytes, ICMP6_HEADER, "ICMPv6");
  const sum = pseudoSum(endpoints.source, endpoints.destination, PROTOCOL_ICMP6, bytes.length);
  if (checksum(bytes, sum) !== 0) throw new WireError("BAD_CHECKSUM", "ICMPv6: wrong checksum");
  return {
    type: view.getUint8(ICMP6_TYPE),
    code: view.getUint8(ICMP6_CODE),
    rest: view.getUint32(ICMP6_REST),
    payload: bytes.subarray(ICMP6_HEADER),
  };
}

/** Writes a message with its checksum. */
export function writeIcmp6(message: Icmp6Message, endpoints: Endpoints): Uint8Array {
  const bytes = new Uint8Array(ICMP6_HEADER + message.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(ICMP6_TYPE, message.type);
  view.setUint8(ICMP6_CODE, message.code);
  view.setUint32(ICMP6_REST, message.rest);
  bytes.set(message.payload, ICMP6_HEADER);
  const sum = pseudoSum(endpoints.source, endpoints.destination, PROTOCOL_ICMP6, bytes.length);
  view.setUint16(ICMP6_CHECKSUM, checksum(bytes, sum));
  return bytes;
}

// ---- Neighbor Discovery -----------------------------------------------------

export const ND_TARGET = 8;
export const ND_OPTIONS = 24;
/** Option types, and the flags of an advertisement in `rest`. */
export const ND_SOURCE_LINK = 1;
export const ND_TARGET_LINK = 2;
export const ND_PREFIX = 3;
export const ND_MTU = 5;
export const ND_ROUTER = 0x80000000;
export const ND_SOLICITED = 0x40000000;
export const ND_OVERRIDE = 0x20000000;

/** A Neighbor Solicitation or Advertisement. */
export interface NeighborMessage {
  readonly type: typeof ICMP6_SOLICITATION | typeof ICMP6_ADVERTISEMENT;
  /** An advertisement's flags (ND_*), 0 in a solicitation. */
  readonly flags: number;
  /** 16 bytes: the address asked for, or told of. */
  readonly target: Uint8Array;
  /** 6 bytes of the source (solicitation) or target (advertisement) link-layer address option; null without one. */
  readonly link: Uint8Array | null;
}

/** Reads a solicitation or advertisement and checks it (RFC 4861 section 7.1, but for the hop limit). Throws WireError. */
export function readNeighbor(bytes: Uint8Array, endpoints: Endpoints): NeighborMessage {
  const { type, code, rest } = readIcmp6(bytes, endpoints);
  if (type !== ICMP6_SOLICITATION && type !== ICMP6_ADVERTISEMENT)
    throw new WireError("BAD_VERSION", `Neighbor Discovery: type ${type}`);
  if (code !== 0) throw new WireError("BAD_FIELD", `Neighbor Discovery: code ${code}`);
  if (bytes.length < ND_OPTIONS)
    throw new WireError(
      "TRUNCATED",
      `Neighbor Discovery: ${bytes.length} bytes, at least ${ND_OPTIONS} wanted`,
    );
  const target = bytes.slice(ND_TARGET, ND_TARGET + 16);
  if (target[0] === 0xff) throw new WireError("BAD_FIELD", "Neighbor Discovery: the target is a group");
  const link = readLinkOption(
    bytes,
    ND_OPTIONS,
    type === ICMP6_SOLICITATION ? ND_SOURCE_LINK : ND_TARGET_LINK,
  );
  return { type, flags: type === ICMP6_ADVERTISEMENT ? rest : 0, target, link };
}

/** The address (6 bytes) in the link-layer address option of type `wanted` among the options from byte `at` on; null without one. Throws WireError. */
export function readLinkOption(bytes: Uint8Array, at: number, wanted: number): Uint8Array | null {
  let link: Uint8Array | null = null;
  for (; at < bytes.length; ) {
    const size = at + 1 < bytes.length ? bytes[at + 1] * 8 : 0;
    if (size === 0 || at + size > bytes.length)
      throw new WireError("BAD_LENGTH", `Neighbor Discovery: option of ${size} bytes at byte ${at}`);
    if (bytes[at] === wanted) link = bytes.slice(at + 2, at + 8);
    at += size;
  }
  return link;
}

/** Writes a solicitation or advertisement with its checksum. */
export function writeNeighbor(message: NeighborMessage, endpoints: Endpoints): Uint8Array {
  const payload = new Uint8Array(16 + (message.link === null ? 0 : 8));
  payload.set(message.target);
  if (message.link !== null) {
    payload[16] = message.type === ICMP6_SOLICITATION ? ND_SOURCE_LINK : ND_TARGET_LINK;
    payload[17] = 1;
    payload.set(message.link, 18);
  }
  return writeIcmp6({ type: message.type, code: 0, rest: message.flags, payload }, endpoints);
}
