// Filling a database from its store. What cannot be read is reported and left where it is.

import type { Clock } from "../../router/clock.js";
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
export class DatabaseFullError extends Error {
  readonly code = "DATABASE_FULL";
}

const SKIPPED_KEPT = 100;

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
  readonly nonces = new Map<string, bigint>();
  readonly capacity: number;
  readonly skipped: Skipped[] = [];
  skippedCount = 0;
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
      this.skippedCount++;
      if (this.skipped.length < SKIPPED_KEPT)
        this.skipped.push({ key: Buffer.from(key).toString("hex"), reason: error.message });
    }
  }

  #take(key: Uint8Array, value: Uint8Array): void {
    const parsed = parseKey(key);
    const content = unseal(key, value);
    if (parsed.kind === "revision") {
      this.revision = Number(decodeNumber(content));
      return;
    }
    if (this.index.size >= this.capacity || this.nonces.size >= this.capacity)
      throw new DatabaseFullError(`the store holds more than ${this.capacity} EID-prefixes or nonces`);
    if (parsed.kind === "nonce") {
      this.nonces.set(parsed.of, decodeNumber(content));
      return;
    }
    checkEntry(decodeEntry(parsed.of, content));
    const now = this.#clock.now();
    const start = startOf(this.#clock);
    // A wall clock that was set back must not make a registration live longer than it was made for.
    mapExpiries(content, (wall, lifetime) =>
      wall === Number.POSITIVE_INFINITY ? wall : Math.min((wall - start) * 1e6, now + lifetime * 1e9),
    );
    this.index.put(parsed.of, content);
  }
}

function isUnreadable(error: unknown): error is Error {
  return (
    error instanceof RecordError ||
    error instanceof EntryFormatError ||
    error instanceof RegistrationError ||
    error instanceof MappingError
  );
}
