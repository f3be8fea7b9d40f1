// How configurations write the secrets that xTRs and Map-Servers share (RFC 9301, section 5.6). No error says any of
// the text: where something is out of place, the word there may be a secret.

import { HIDDEN } from "../../lang/args/secrets.js";
import { splitSpaces, unquote } from "../../lang/args/text.js";
import {
  ALGORITHM_HKDF,
  ALGORITHM_SHA1,
  ALGORITHM_SHA256,
  type AuthenticationKey,
} from "./authentication.js";

/** A key that is not written as one. */
export class KeyError extends Error {
  readonly code = "KEY";
}

const ALGORITHMS: Readonly<Record<string, number>> = {
  sha1: ALGORITHM_SHA1,
  sha256: ALGORITHM_SHA256,
  hkdf: ALGORITHM_HKDF,
};

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
 * Reads the key that stands at word `at`: `[ID:]SECRET [sha1|sha256|hkdf]`, with key ID 1 and sha256 where these are
 * not given. A secret with spaces is quoted, one that begins like an ID has one before it. Throws KeyError.
 */
export function readKey(words: readonly string[], at: number): KeyText {
  const [, id = "1", secret = ""] = /^(?:(\d+):)?(.*)$/s.exec(words[at] ?? "") ?? [];
  const bytes = new TextEncoder().encode(unquote(secret));
  // What a handler showed must not come back as a configuration.
  if (secret === HIDDEN) throw new KeyError(`'${HIDDEN}' stands for a secret and is none`);
  if (bytes.length === 0) throw new KeyError(`there is no secret: ${SYNTAX}`);
  if (Number(id) > 255) throw new KeyError(`key ID ${id} is not a whole number from 0 to 255`);
  const name = (words[at + 1] ?? "").toLowerCase();
  const named = Object.hasOwn(ALGORITHMS, name);
  const key = {
    id: Number(id),
    secret: bytes,
    algorithms: [named ? ALGORITHMS[name] : ALGORITHM_SHA256],
  };
  return { key, length: named ? 2 : 1 };
}

/** Reads an argument that is one key, or nothing: null. Throws KeyError. */
export function parseKey(text: string): AuthenticationKey | null {
  const words = wordsOf(text);
  if (words.length === 0) return null;
  const { key, length } = readKey(words, 0);
  if (length < words.length) throw new KeyError(`${words.length} words: ${SYNTAX}`);
  return key;
}

/** Adds a key to those of one peer. Throws KeyError: there is one with its ID and algorithm. */
export function addKey(keys: AuthenticationKey[], key: AuthenticationKey): void {
  if (keys.some((k) => k.id === key.id && keyAlgorithm(k) === keyAlgorithm(key)))
    throw new KeyError(`key ${key.id} ${algorithmName(keyAlgorithm(key))} is there twice`);
  keys.push(key);
}

/** The error about word `at`, which is none of `expected`. */
export function misplaced(at: number, expected: readonly string[]): KeyError {
  const words = expected.map((word) => `'${word}'`);
  const last = words.pop();
  return new KeyError(`word ${at + 1} is not ${words.join(", ")} or ${last}; ${SYNTAX}`);
}

/** The algorithm that a key is for: of several, the first. */
export function keyAlgorithm(key: AuthenticationKey): number {
  return key.algorithms?.[0] ?? ALGORITHM_SHA256;
}

/** Its name in a configuration; `none` for 0. */
export function algorithmName(algorithm: number): string {
  return Object.keys(ALGORITHMS).find((name) => ALGORITHMS[name] === algorithm) ?? "none";
}
