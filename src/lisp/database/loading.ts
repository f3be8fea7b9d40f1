// Filling a database from its store. What cannot be read is reported and left where it is.

import { LargeMap } from "../../collections/large-map.js";
import type { EidPrefix } from "../../net/eid.js";
import type { Clock } from "../../router/clock.js";
import { SluiceError } from "../../sluice-error.js";
import { MappingError } from "../mapping.js";
import { decodeEntry, EntryFormatError, mapExpiries } from "./codec.js";
import { decodeNumber, parseKey, RecordError, unseal } from "./records.js";
import { checkEntry, RegistrationError } from "./registration.js";
import type { RegistrationIndex } from "./registration-index.js";

/** Something in the store that could not be read, and was left there. */
export interface Skipped {
  /** The key, in hexadecimal. */
  readonly key: string;
  readonly reason: string;
}

/** The database holds as much as it may. */
export class DatabaseFullError extends SluiceError {
  readonly code = "DATABASE_FULL";
}

const SKIPPED_KEPT = 100;

/** How many could not be read, and the first hundred. */
export class SkippedRecords {
  count = 0;
  readonly first: Skipped[] = [];

  add(key: Uint8Array, reason: string): void {
    this.count++;
    if (this.first.length < SKIPPED_KEPT) this.first.push({ key: Buffer.from(key).toString("hex"), reason });
  }
}

/** Milliseconds of wall-clock time since 1970 at steady time 0. */
function startOf(clock: Clock): number {
  return clock.start.seconds * 1000 + clock.start.nanoseconds / 1e6;
}

/** Makes the expiries in an entry's bytes those that a store keeps. */
export function storedExpiries(bytes: Uint8Array, clock: Clock): void {
  const start = startOf(clock);
  mapExpiries(bytes, (expiry) => start + expiry / 1e6);
}

export class Loading {
  readonly index: RegistrationIndex;
  readonly nonces = new LargeMap<string, bigint>();
  readonly capacity: number;
  readonly skipped = new SkippedRecords();
  revision = 0;
  readonly #clock: Clock;

  constructor(clock: Clock, index: RegistrationIndex, capacity: number) {
    this.#clock = clock;
    this.index = index;
    this.capacity = capacity;
  }

  /** Takes one key and value. Throws MemoryError or DatabaseFullError. */
  take(key: Uint8Array, value: Uint8Array): void {
    try {
      this.#take(key, value);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.skipped.add(key, error.message);
    }
  }

  #take(key: Uint8Array, value: Uint8Array): void {
    const stored = readStored(key, value, this.#clock);
    if (stored.kind === "revision") {
      this.revision = stored.revision;
      return;
    }
    if (this.index.size >= this.capacity || this.nonces.size >= this.capacity)
      throw new DatabaseFullError(`the store holds more than ${this.capacity} EID-prefixes or nonces`);
    if (stored.kind === "nonce") this.nonces.set(stored.name, stored.nonce);
    else this.index.put(stored.of, stored.bytes);
  }
}

/** What a key and its value in a store say. */
export type Stored =
  | { readonly kind: "revision"; readonly revision: number }
  | { readonly kind: "nonce"; readonly name: string; readonly nonce: bigint }
  /** An entry as the index has it. */
  | { readonly kind: "entry"; readonly of: EidPrefix; readonly bytes: Uint8Array };

/**
 * Reads a key and its value, which is changed. Expiries are by the wall clock; with `fresh`, by the lifetime
 * from now on: what another machine has just written does not depend on how its clock is set. Throws what
 * `isUnreadable` knows.
 */
export function readStored(key: Uint8Array, value: Uint8Array, clock: Clock, fresh = false): Stored {
  const parsed = parseKey(key);
  const content = unseal(key, value);
  if (parsed.kind === "revision") return { kind: "revision", revision: Number(decodeNumber(content)) };
  if (parsed.kind === "nonce") return { kind: "nonce", name: parsed.of, nonce: decodeNumber(content) };
  checkEntry(decodeEntry(parsed.of, content));
  const now = clock.now();
  const start = startOf(clock);
  // A wall clock that was set back must not make a registration live longer than it was made for.
  mapExpiries(content, (wall, lifetime) => {
    if (wall === Number.POSITIVE_INFINITY) return wall;
    const last = now + lifetime * 1e9;
    return fresh ? last : Math.min((wall - start) * 1e6, last);
  });
  return { kind: "entry", of: parsed.of, bytes: content };
}

/** Whether it says that something in the store was not written by this program, or is damaged. */
export function isUnreadable(error: unknown): error is Error {
  return (
    error instanceof RecordError ||
    error instanceof EntryFormatError ||
    error instanceof RegistrationError ||
    error instanceof MappingError
  );
}
