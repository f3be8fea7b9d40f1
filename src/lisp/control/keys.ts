// How configurations write the secrets that xTRs and Map-Servers share (RFC 9301, section 5.6). No error says any of
// the text: where something is out of place, the word there may be a secret.
//
// A SECRET is `file:PATH` (what the file holds), `env:NAME` (what the environment variable holds), or the secret itself.

import { isUtf8 } from "node:buffer";
import { HIDDEN } from "../../lang/args/secrets.js";
import { bytesOf, splitSpaces, unquote } from "../../lang/args/text.js";
import { referredSecret, SecretError } from "../../router/secret-source.js";
import { SluiceError } from "../../sluice-error.js";
import type { Authentication } from "../../wire/lisp-control/registration.js";
import {
  ALGORITHM_HKDF,
  ALGORITHM_NONE,
  ALGORITHM_SHA1,
  ALGORITHM_SHA256,
  type AuthenticationKey,
  type AuthenticationVerdict,
} from "./authentication.js";

/** A key that is not written as one. */
export class KeyError extends SluiceError {
  readonly code = "KEY";
}

const ALGORITHMS: Readonly<Record<string, number>> = {
  sha1: ALGORITHM_SHA1,
  sha256: ALGORITHM_SHA256,
  hkdf: ALGORITHM_HKDF,
};

/**
 * The key ID of a key that is given without one, which is what most others use, and those that it is taken by too: 1 is
 * what Sluice used to send.
 */
const DEFAULT_ID = 0;
const OTHER_IDS: readonly number[] = [1];

const SYNTAX = "a key is [ID:]SECRET [sha1|sha256|hkdf]";

/** The words of an argument that is perhaps quoted as a whole; each may have quotes of its own. */
export function wordsOf(text: string): readonly string[] {
  const words = splitSpaces(text.trim());
  return words.length === 1 ? splitSpaces(unquote(words[0])) : words;
}

export interface KeyText {
  readonly key: AuthenticationKey;
  /** Words it takes. */
  readonly length: number;
}

/**
 * Reads the key that stands at word `at`: `[ID:]SECRET [sha1|sha256|hkdf]`, with sha256 where no algorithm is
 * given. With an ID the key has exactly that; without, it has ID 0, and messages may name it 1 as well. A secret with
 * spaces, or that begins like `file:` or `env:`, is quoted; one that begins like an ID has one before it. Throws KeyError.
 */
export function readKey(words: readonly string[], at: number): KeyText {
  const [, id, secret = ""] = /^(?:(\d+):)?(.*)$/s.exec(words[at] ?? "") ?? [];
  const bytes = secretBytes(secret);
  // What a handler showed must not come back as a configuration.
  if (secret === HIDDEN) throw new KeyError(`'${HIDDEN}' stands for a secret and is none`);
  if (bytes.length === 0) throw new KeyError(`there is no secret: ${SYNTAX}`);
  // A longer one is not said: it may be how a secret begins.
  if (Number(id ?? 0) > 255)
    throw new KeyError(`key ID ${id.length > 3 ? "" : `${id} `}is not a whole number from 0 to 255`);
  const name = (words[at + 1] ?? "").toLowerCase();
  const named = Object.hasOwn(ALGORITHMS, name);
  const key = {
    ...(id === undefined ? { id: DEFAULT_ID, otherIds: OTHER_IDS } : { id: Number(id) }),
    secret: bytes,
    algorithms: [named ? ALGORITHMS[name] : ALGORITHM_SHA256],
  };
  return { key, length: named ? 2 : 1 };
}

/** The bytes of a secret as it is written: quoted where it stands for itself, or where it is to be found. Throws KeyError. */
export function secretBytes(text: string): Uint8Array {
  try {
    const referred = referredSecret(
      text.replace(/^(file:|env:)(.*)$/s, (_, kind, name) => kind + unquote(name)),
    );
    return referred ?? ownBytes(unquote(text));
  } catch (e) {
    if (e instanceof SecretError) throw new KeyError(e.message);
    throw e;
  }
}

/** A secret's bytes: UTF-8, whether the text has a character for each of these, as files' texts do, or for each of its own. */
function ownBytes(secret: string): Uint8Array {
  const bytes = bytesOf(secret);
  return isUtf8(bytes) ? bytes : new TextEncoder().encode(secret);
}

/** Reads an argument that is one key, or nothing: null. Throws KeyError. */
export function parseKey(text: string): AuthenticationKey | null {
  const words = wordsOf(text);
  if (words.length === 0) return null;
  const { key, length } = readKey(words, 0);
  if (length < words.length) throw new KeyError(`${words.length} words: ${SYNTAX}`);
  return key;
}

/** Adds a key to those of one peer. Throws KeyError: there is one with an ID and the algorithm of this one. */
export function addKey(keys: AuthenticationKey[], key: AuthenticationKey): void {
  const ids = idsOf(key);
  for (const other of keys) {
    const id = idsOf(other).find((known) => ids.includes(known));
    if (id !== undefined && keyAlgorithm(other) === keyAlgorithm(key))
      throw new KeyError(
        `key ${id} ${algorithmName(keyAlgorithm(key))} is there twice (without an ID a key is ${[DEFAULT_ID, ...OTHER_IDS].join(" and ")})`,
      );
  }
  keys.push(key);
}

/** All IDs by which messages may name a key. */
export function idsOf({ id, otherIds = [] }: AuthenticationKey): readonly number[] {
  return [id, ...otherIds];
}

/** The error about word `at`, which is none of `expected`. */
export function misplaced(at: number, expected: readonly string[]): KeyError {
  const words = expected.map((word) => `'${word}'`);
  const last = words.pop();
  return new KeyError(`word ${at + 1} is not ${words.join(", ")} or ${last}; ${SYNTAX}`);
}

/** Why a message's authentication data are refused, for people: what it has, and what the keys want. Says no secret. */
export function refusalText(
  verdict: Exclude<AuthenticationVerdict, "valid">,
  { keyId, algorithm, data }: Authentication,
  keys: readonly AuthenticationKey[],
): string {
  const named = algorithmName(algorithm);
  switch (verdict) {
    case "unknown-key-id":
      return `key ID ${keyId}, where ${keys.flatMap(idsOf).join(" or ")} is known`;
    case "unknown-algorithm": {
      const known = keys.map((k) => `${algorithmName(keyAlgorithm(k))} with key ID ${idsOf(k).join(" or ")}`);
      return `algorithm ${algorithm} (${named}) with key ID ${keyId}, where ${known.join(" or ")} is wanted`;
    }
    case "truncated":
      return `${data.length} bytes of authentication data, which ${named} does not have`;
    case "wrong-key":
      return `key ID ${keyId} (${named}) with another secret`;
  }
}

/** The algorithm that a key is for: of several, the first. */
export function keyAlgorithm(key: AuthenticationKey): number {
  return key.algorithms?.[0] ?? ALGORITHM_SHA256;
}

/** Its name in a configuration; `none` for 0, `unknown` for others. */
export function algorithmName(algorithm: number): string {
  if (algorithm === ALGORITHM_NONE) return "none";
  return Object.keys(ALGORITHMS).find((name) => ALGORITHMS[name] === algorithm) ?? "unknown";
}
