// Datagrams between a hypervisor's agent, its controllers and other agents.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |   magic: 0x53 0x48 ("SH")     |   version 1   |     kind      |
//   |    key ID     |   reserved 0  |         bytes of body         |
//   |                         session (64)                          |
//   |                          nonce (64)                           |
//   |                      HMAC-SHA-256 (256)                       |
//   |       body: a JSON object, UTF-8, at most 1,176 bytes         |
//
// The MAC covers who sends it to whom as well: the addresses and ports of the datagram, as TCP-AO's does (RFC 5925,
// section 5.1). What an agent says to one controller is nothing that another could be told.

import { createHmac, timingSafeEqual } from "node:crypto";
import { viewOf, WireError } from "../../wire/error.js";

/** The UDP port of agents. */
export const AGENT_PORT = 4344;

/** Bytes of the longest body: with all headers it fits into IPv6's smallest MTU, 1,280 bytes. */
export const BODY_MAX = 1176;

export const AGENT_KINDS = [
  /**
   * A controller asks. `session`: what the agent has chosen for this controller when that spoke first in this run, as far
   * as it is known; else 0. `nonce`: grows with each.
   */
  "request",
  /** `session`: as chosen. `nonce`: the request's. */
  "answer",
  /** What an agent tells. `nonce`: counts events. */
  "event",
  /** Of all events up to that with the nonce. */
  "acknowledgement",
  /** An agent to another: the memory of a virtual machine, as a model has it. `session`: that of the stream. `nonce`: counts. */
  "stream",
  /** `nonce`: that of the last one that came. */
  "stream-answer",
] as const;
export type AgentKind = (typeof AGENT_KINDS)[number];

export interface AgentMessage {
  readonly kind: AgentKind;
  readonly keyId: number;
  readonly session: bigint;
  readonly nonce: bigint;
  /** Bytes of the body. */
  readonly body: Uint8Array;
}

/** Who sends a datagram to whom. Addresses of 4 or 16 bytes. */
export interface Ends {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

const MAGIC = 0x5348;
const VERSION = 1;
const LENGTH_AT = 6;
const SESSION_AT = 8;
const NONCE_AT = 16;
const MAC_AT = 24;
const MAC_BYTES = 32;
export const HEADER_BYTES = MAC_AT + MAC_BYTES;

/** The message in a datagram's payload, its MAC not looked at. The body is a view of `bytes`. Throws WireError. */
export function readAgentMessage(bytes: Uint8Array): AgentMessage {
  const view = viewOf(bytes, HEADER_BYTES, "agent message");
  if (view.getUint16(0) !== MAGIC) throw new WireError("BAD_FIELD", "agent message: another magic number");
  if (bytes[2] !== VERSION) throw new WireError("BAD_VERSION", `agent message: version ${bytes[2]}`);
  const kind = AGENT_KINDS[bytes[3] - 1];
  if (kind === undefined) throw new WireError("BAD_VERSION", `agent message: kind ${bytes[3]}`);
  if (bytes[5] !== 0) throw new WireError("BAD_FIELD", `agent message: ${bytes[5]} where 0 is reserved`);
  const length = view.getUint16(LENGTH_AT);
  if (length > BODY_MAX || length !== bytes.length - HEADER_BYTES)
    throw new WireError("BAD_LENGTH", `agent message: a body of ${length} in ${bytes.length} bytes`);
  return {
    kind,
    keyId: bytes[4],
    session: view.getBigUint64(SESSION_AT),
    nonce: view.getBigUint64(NONCE_AT),
    body: bytes.subarray(HEADER_BYTES),
  };
}

/** The bytes of a message between these ends, authenticated with `secret`. Throws WireError for a body that is too long. */
export function writeAgentMessage(message: AgentMessage, secret: Uint8Array, ends: Ends): Uint8Array {
  const { length } = message.body;
  if (length > BODY_MAX) throw new WireError("BAD_LENGTH", `agent message: a body of ${length} bytes`);
  const bytes = new Uint8Array(HEADER_BYTES + length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MAGIC);
  bytes[2] = VERSION;
  bytes[3] = AGENT_KINDS.indexOf(message.kind) + 1;
  bytes[4] = message.keyId;
  view.setUint16(LENGTH_AT, length);
  view.setBigUint64(SESSION_AT, message.session);
  view.setBigUint64(NONCE_AT, message.nonce);
  bytes.set(message.body, HEADER_BYTES);
  bytes.set(macOf(bytes, secret, ends), MAC_AT);
  return bytes;
}

/** Whether a message, which could be read, was made with `secret` for these ends. Takes the same time wherever a MAC differs. */
export function isAuthentic(bytes: Uint8Array, secret: Uint8Array, ends: Ends): boolean {
  return timingSafeEqual(macOf(bytes, secret, ends), bytes.subarray(MAC_AT, HEADER_BYTES));
}

function macOf(bytes: Uint8Array, secret: Uint8Array, ends: Ends): Uint8Array {
  return createHmac("sha256", secret)
    .update(endsBytes(ends))
    .update(bytes.subarray(0, MAC_AT))
    .update(bytes.subarray(HEADER_BYTES))
    .digest();
}

/** The family, the addresses and the ports. */
function endsBytes({ source, destination, sourcePort, destinationPort }: Ends): Uint8Array {
  const head = Uint8Array.of(
    source.length,
    sourcePort >> 8,
    sourcePort & 0xff,
    destinationPort >> 8,
    destinationPort & 0xff,
  );
  return Buffer.concat([head, source, destination]);
}

/**
 * `bytes`, at most 32 of them, exclusive-or a pad that only those have who have `secret`: what is sealed, or what was
 * sealed. The pad is for this message alone, as no two have the same kind, session, nonce and ends; one that is sent
 * again seals the same again.
 */
export function sealed(
  bytes: Uint8Array,
  { kind, session, nonce }: Pick<AgentMessage, "kind" | "session" | "nonce">,
  secret: Uint8Array,
  ends: Ends,
): Uint8Array {
  const name = Buffer.alloc(17);
  name[0] = AGENT_KINDS.indexOf(kind) + 1;
  name.writeBigUInt64BE(session, 1);
  name.writeBigUInt64BE(nonce, 9);
  const pad = createHmac("sha256", secret).update("seal").update(endsBytes(ends)).update(name).digest();
  return bytes.map((byte, i) => byte ^ pad[i]);
}
