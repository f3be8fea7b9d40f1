// ICMP (RFC 792; next-hop MTU: RFC 1191).

import { checksum } from "./checksum.js";
import { viewOf, WireError } from "./error.js";

// Offsets in bytes.
export const ICMP_TYPE = 0;
export const ICMP_CODE = 1;
export const ICMP_CHECKSUM = 2;
/** Identifier and sequence number, gateway, pointer, or unused and next-hop MTU: as the type has it. */
export const ICMP_REST = 4;
export const ICMP_HEADER = 8;

export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETER_PROBLEM = 12;

/** Whether messages of `type` report an error, and so must not be answered with one (RFC 1812 section 4.3.2.7). */
export function isIcmpError(type: number): boolean {
  return (
    type === ICMP_UNREACHABLE ||
    type === ICMP_SOURCE_QUENCH ||
    type === ICMP_REDIRECT ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETER_PROBLEM
  );
}

export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  /** Bytes 4 to 7, as a number in host order. */
  readonly rest: number;
  /** What follows: an echo's data, or the packet that an error is about. */
  readonly payload: Uint8Array;
}

/** Reads a message and checks its checksum. Throws WireError. */
export function readIcmp(bytes: Uint8Array): IcmpMessage {
  const view = viewOf(bytes, ICMP_HEADER, "ICMP");
  if (checksum(bytes) !== 0) throw new WireError("BAD_CHECKSUM", "ICMP: wrong checksum");
  return {
    type: view.getUint8(ICMP_TYPE),
    code: view.getUint8(ICMP_CODE),
    rest: view.getUint32(ICMP_REST),
    payload: bytes.subarray(ICMP_HEADER),
  };
}

/** Writes a message with its checksum. */
export function writeIcmp(message: IcmpMessage): Uint8Array {
  const bytes = new Uint8Array(ICMP_HEADER + message.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(ICMP_TYPE, message.type);
  view.setUint8(ICMP_CODE, message.code);
  view.setUint32(ICMP_REST, message.rest);
  bytes.set(message.payload, ICMP_HEADER);
  view.setUint16(ICMP_CHECKSUM, checksum(bytes));
  return bytes;
}
