// Authentication of Map-Register, Map-Notify, Map-Notify-Ack (RFC 9301, sections 5.6, 5.7 and 12.5), of
// Info-Requests and -Replies (draft-ermagan-lisp-nat-traversal-19, section 4.1) and of Change-Priority messages.
//
//   algorithm  MAC            bytes we send  also accepted  key
//   0          none           0                             -
//   1          HMAC-SHA-1     20             12             the secret
//   2          HMAC-SHA-256   32             16             the secret
//   3          HMAC-SHA-256   16             32             HKDF-SHA256(nonce + secret, salt: by message type)
//
// The RFC's names truncate the MACs of 1 and 2 (to 96 and 128 bits); its users send all of it, so that is what we
// send. For 3 no user is known, and the RFC is followed.
//
// A Change-Priority message is not told by what it holds who has sent it, and several senders may share a key: the MAC
// covers the addresses of its datagram, too, the source's bytes first, before the whole message.

import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { SluiceError } from "../../sluice-error.js";
import type { ChangePriority } from "../../wire/lisp-control/change-priority.js";
import type { ChangePriority2012 } from "../../wire/lisp-control/change-priority-2012.js";
import type { Info } from "../../wire/lisp-control/info.js";
import { encodeLispControl } from "../../wire/lisp-control/message.js";
import { AUTHENTICATION_AT, type MapNotify, type MapRegister } from "../../wire/lisp-control/registration.js";

export const ALGORITHM_NONE = 0;
export const ALGORITHM_SHA1 = 1;
export const ALGORITHM_SHA256 = 2;
export const ALGORITHM_HKDF = 3;

/** What carries authentication data. */
export type AuthenticatedMessage = MapRegister | MapNotify | Info | ChangePriority;

/** What carries authentication data that can be verified. */
export type VerifiableMessage = AuthenticatedMessage | ChangePriority2012;

/** The addresses of a datagram. */
export interface Ends {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/** A pre-shared secret. A site can have several, with different IDs while one takes over from another. */
export interface AuthenticationKey {
  /** Key ID, 0 to 255, in what is sent. */
  readonly id: number;
  /** Other IDs by which it may be named in what is received. */
  readonly otherIds?: readonly number[];
  readonly secret: Uint8Array;
  /** Algorithms that it may be used with; by default all but 0, which needs no secret. */
  readonly algorithms?: readonly number[];
}

/**
 * What the MAC covers. `records`: up to the last record, as section 5.6 has it; `ids`: the xTR-ID and Site-ID too,
 * as some peers do; `all`: also what stands behind them.
 */
export type AuthenticationScope = "records" | "ids" | "all";

export type AuthenticationVerdict =
  | "valid"
  /** No key with the message's key ID gives this MAC. */
  | "wrong-key"
  | "unknown-key-id"
  /** An algorithm that is not known, or that no key with this ID may be used with. */
  | "unknown-algorithm"
  /** Authentication data of a length that the algorithm does not have. */
  | "truncated";

export interface Verification {
  readonly verdict: AuthenticationVerdict;
  /**
   * Of a valid message: its key, with the ID by which the message names it, so that it can be answered likewise; and what
   * is protected by it. What is not must not be trusted.
   */
  readonly key: AuthenticationKey | null;
  readonly scope: AuthenticationScope | null;
}

/** A message that cannot be authenticated as asked. */
export class AuthenticationError extends SluiceError {
  readonly code = "AUTHENTICATION";
}

interface Algorithm {
  readonly hash: "sha1" | "sha256" | null;
  readonly derive: boolean;
  /** Bytes of authentication data: as we send them first. */
  readonly lengths: readonly number[];
}

const ALGORITHMS: readonly Algorithm[] = [
  { hash: null, derive: false, lengths: [0] },
  { hash: "sha1", derive: false, lengths: [20, 12] },
  { hash: "sha256", derive: false, lengths: [32, 16] },
  { hash: "sha256", derive: true, lengths: [16, 32] },
];

const DEFAULT_ALGORITHMS: readonly number[] = [ALGORITHM_SHA1, ALGORITHM_SHA256, ALGORITHM_HKDF];

/** Salts of the per-message key (section 5.6, step 4). The drafts of NAT traversal give none for type 7. */
const SALTS: Partial<Record<VerifiableMessage["type"], string>> = {
  "map-register": "Map-Register Authentication",
  "map-notify": "Map-Notify Authentication",
  "map-notify-ack": "Map-Notify-Ack Authentication",
  "change-priority": "Change-Priority Authentication",
};

/** Bytes of the key that HKDF derives: that of HMAC-SHA-256 (RFC 4868, section 2.1.1). */
const DERIVED_KEY = 32;

/**
 * The bytes of `message` with its authentication data computed: its own are replaced. `ends`: those of its datagram, for a
 * Change-Priority message. Throws AuthenticationError for an algorithm that is not known or that the key may not be
 * used with, LispControlError as encoding does.
 */
export function authenticate(
  message: AuthenticatedMessage,
  key: AuthenticationKey,
  algorithm: number,
  scope: AuthenticationScope = "records",
  ends: Ends | null = null,
): Uint8Array {
  const known = algorithmFor(message, algorithm);
  if (known === null || !mayUse(key, algorithm))
    throw new AuthenticationError(
      `key ${key.id} cannot authenticate a ${message.type} with algorithm ${algorithm}`,
    );
  const data = new Uint8Array(known.lengths[0]);
  const whole = { ...message, authentication: { keyId: key.id, algorithm, data } };
  const bytes = encodeLispControl(whole);
  if (known.hash !== null) {
    const all = scopes(bytes, whole);
    const [, covered] = all.find(([name]) => name === scope) ?? all[0];
    const zeroed = zeroedMessage(bytes, covered, data.length);
    const mac = macOf(zeroed, known, messageKey(known, message, key.secret), endsOf(message, ends));
    bytes.set(mac.subarray(0, data.length), AUTHENTICATION_AT);
  }
  return bytes;
}

/**
 * Whether one of `keys` made the authentication data of `message`, whose bytes these are; `ends`: those of its datagram,
 * for a Change-Priority message. Takes the same time wherever a MAC differs.
 */
export function verifyAuthentication(
  bytes: Uint8Array,
  message: VerifiableMessage,
  keys: readonly AuthenticationKey[],
  ends: Ends | null = null,
): Verification {
  const { keyId, algorithm, data } = message.authentication;
  const known = algorithmFor(message, algorithm);
  if (known === null) return failed("unknown-algorithm");
  const named = keys.flatMap((key) => withId(key, keyId));
  if (named.length === 0) return failed("unknown-key-id");
  const usable = named.filter((key) => mayUse(key, algorithm));
  if (usable.length === 0) return failed("unknown-algorithm");
  if (!known.lengths.includes(data.length)) return failed("truncated");
  if (known.hash === null) return { verdict: "valid", key: usable[0], scope: null };
  for (const key of usable) {
    const secret = messageKey(known, message, key.secret);
    let before = -1;
    for (const [scope, covered] of scopes(bytes, message)) {
      if (covered === before) continue;
      before = covered;
      const zeroed = zeroedMessage(bytes, covered, data.length);
      const mac = macOf(zeroed, known, secret, endsOf(message, ends)).subarray(0, data.length);
      if (timingSafeEqual(mac, data)) return { verdict: "valid", key, scope };
    }
  }
  return failed("wrong-key");
}

/** The key under the ID that a message names it by; none where that is not its ID. */
function withId(key: AuthenticationKey, id: number): readonly AuthenticationKey[] {
  if (key.id === id) return [key];
  return key.otherIds?.includes(id) === true ? [{ ...key, id, otherIds: undefined }] : [];
}

function failed(verdict: AuthenticationVerdict): Verification {
  return { verdict, key: null, scope: null };
}

function algorithmFor(message: VerifiableMessage, algorithm: number): Algorithm | null {
  const known = ALGORITHMS[algorithm];
  return known === undefined || (known.derive && SALTS[message.type] === undefined) ? null : known;
}

function mayUse(key: AuthenticationKey, algorithm: number): boolean {
  return (key.algorithms ?? DEFAULT_ALGORITHMS).includes(algorithm);
}

/** Where each scope ends, in bytes. */
function scopes(
  bytes: Uint8Array,
  message: VerifiableMessage,
): readonly (readonly [AuthenticationScope, number])[] {
  const all = bytes.length;
  if (message.type === "change-priority" || message.type === "change-priority-2012") return [["all", all]];
  const ids = all - (message.trailer?.length ?? 0);
  const own = "ids" in message ? message.ids : null;
  const records = own === null ? ids : ids - own.xtrId.length - (own.siteId?.length ?? 0);
  return [
    ["records", records],
    ["ids", ids],
    ["all", all],
  ];
}

function messageKey(algorithm: Algorithm, message: VerifiableMessage, secret: Uint8Array): Uint8Array {
  if (!algorithm.derive) return secret;
  const material = Buffer.alloc(8 + secret.length);
  material.writeBigUInt64BE(message.nonce);
  material.set(secret, 8);
  return new Uint8Array(hkdfSync("sha256", material, SALTS[message.type]!, "", DERIVED_KEY));
}

/** The first `covered` bytes, with `length` bytes of authentication data taken as zero. */
function zeroedMessage(bytes: Uint8Array, covered: number, length: number): Uint8Array {
  return new Uint8Array(bytes.subarray(0, covered)).fill(0, AUTHENTICATION_AT, AUTHENTICATION_AT + length);
}

/** What a MAC covers before the message. */
function endsOf({ type }: VerifiableMessage, ends: Ends | null): readonly Uint8Array[] {
  return type === "change-priority" && ends !== null ? [ends.source, ends.destination] : [];
}

/** The whole MAC over these bytes, and those that stand before them. */
function macOf(
  bytes: Uint8Array,
  { hash }: Algorithm,
  key: Uint8Array,
  before: readonly Uint8Array[],
): Uint8Array {
  const hmac = createHmac(hash!, key);
  for (const part of before) hmac.update(part);
  return hmac.update(bytes).digest();
}
