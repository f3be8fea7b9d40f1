// Transactions before they are done: checked, encoded, one step a key.

import { canonicalEid, type EidPrefix } from "../../net/eid.js";
import { keyText } from "../../store/key-text.js";
import { encodeEntry } from "./codec.js";
import { entryKey, nonceKey } from "./records.js";
import { type Entry, RegistrationError } from "./registration.js";

/** One step of a transaction. */
export type Operation =
  /** Puts an entry in place of what is there for its EID-prefix. */
  | { readonly put: Entry }
  /** Takes an EID-prefix out, if it is there. */
  | { readonly delete: EidPrefix }
  /** Keeps a nonce (64 bits) under a name (at most 255 bytes of UTF-8), such as site key and xTR; null forgets it. */
  | { readonly nonce: string; readonly value: bigint | null };

export interface StagedEntry {
  readonly kind: "entry";
  readonly key: Uint8Array;
  readonly of: EidPrefix;
  /** The entry; null: to be deleted. */
  readonly bytes: Uint8Array | null;
  /** How many registrations it has, and when the last of them expires. */
  readonly count: number;
  readonly lastExpiry: number;
}

export interface StagedNonce {
  readonly kind: "nonce";
  readonly key: Uint8Array;
  readonly name: string;
  readonly nonce: bigint | null;
}

export type Staged = StagedEntry | StagedNonce;

/** The operations by their keys, the last one for each. Throws RegistrationError or MappingError. */
export function stage(operations: readonly Operation[], now: number): Map<string, Staged> {
  const staged = new Map<string, Staged>();
  for (const operation of operations) {
    const step = stageOne(operation, now);
    staged.set(keyText(step.key), step);
  }
  return staged;
}

function stageOne(operation: Operation, now: number): Staged {
  if ("nonce" in operation) {
    const { nonce: name, value } = operation;
    if (value !== null && BigInt.asUintN(64, value) !== value)
      throw new RegistrationError(`nonce ${value} does not have 64 bits`);
    return { kind: "nonce", key: nonceKey(name), name, nonce: value };
  }
  if ("delete" in operation) {
    const of = canonicalEid(operation.delete);
    return { kind: "entry", key: entryKey(of), of, bytes: null, count: 0, lastExpiry: 0 };
  }
  const entry = operation.put;
  const bytes = encodeEntry(entry, now);
  const of = canonicalEid(entry);
  const { registrations } = entry;
  const lastExpiry = registrations.reduce((last, r) => Math.max(last, r.expiry), 0);
  return { kind: "entry", key: entryKey(of), of, bytes, count: registrations.length, lastExpiry };
}
