// Whose answer a message is, read where the packet lies: only the one that has asked decodes it.

import { PROTOCOL_UDP } from "../../wire/ipv4.js";

/** What Map-Replies and Map-Notifies are told apart by. */
export interface AnswerHeader {
  readonly type: "map-reply" | "map-notify";
  /** P bit of a Map-Reply: it answers an RLOC probe. */
  readonly probe: boolean;
  readonly nonce: bigint;
}

const MAP_REPLY = 2;
const MAP_NOTIFY = 4;
const PROBE_BIT = 0x08;
const UDP_BYTES = 8;
/** Type, flags and record count, then the nonce (RFC 9301, sections 5.4 and 5.7). */
const HEADER_BYTES = 12;

/**
 * The header of the Map-Reply or Map-Notify in the IP packet that bytes `at` to `end` hold; null: it holds neither.
 * Nothing behind the nonce is looked at, and no checksum.
 */
export function answerHeader(bytes: Uint8Array, at: number, end: number): AnswerHeader | null {
  const message = payloadOf(bytes, at, end);
  if (message === null) return null;
  const type = bytes[message] >> 4;
  if (type !== MAP_REPLY && type !== MAP_NOTIFY) return null;
  return {
    type: type === MAP_REPLY ? "map-reply" : "map-notify",
    probe: type === MAP_REPLY && (bytes[message] & PROBE_BIT) !== 0,
    nonce: (BigInt(word(bytes, message + 4)) << 32n) | BigInt(word(bytes, message + 8)),
  };
}

/** Where the payload of the UDP datagram begins; null: there is none, or none that holds a header. */
function payloadOf(bytes: Uint8Array, at: number, end: number): number | null {
  if (at + 20 > end) return null;
  const version = bytes[at] >> 4;
  if (version !== 4 && version !== 6) return null;
  const six = version === 6;
  const udp = at + (six ? 40 : (bytes[at] & 15) * 4);
  const message = udp + UDP_BYTES;
  if (message + HEADER_BYTES > end || bytes[at + (six ? 6 : 9)] !== PROTOCOL_UDP) return null;
  // A fragment has but a part of a datagram.
  if (!six && ((bytes[at + 6] & 0x3f) | bytes[at + 7]) !== 0) return null;
  const length = (bytes[udp + 4] << 8) | bytes[udp + 5];
  return length < UDP_BYTES + HEADER_BYTES ? null : message;
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
