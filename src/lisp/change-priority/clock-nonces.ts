// Nonces that tell when a message was made: each one greater than the last, and none behind the wall clock.

import { type Clock, wallTime } from "../../router/clock.js";
import { nonceCounter } from "../control/nonce-file.js";
import type { NonceCounter } from "../control/nonce-policy.js";

/** Nonces that are reserved at once, those of some seconds: so far ahead of the clock they are after a restart. */
const BLOCK = 8 * 2 ** 32;

export class ClockNonces {
  readonly #clock: Clock;
  readonly #counter: NonceCounter;

  /** `file`: where they are kept over a restart; null: nowhere, which a clock that is set back makes unsafe. Throws NonceFileError. */
  constructor(clock: Clock, file: string | null) {
    this.#clock = clock;
    this.#counter = nonceCounter(clock, file, BLOCK);
  }

  /** Throws NonceFileError, or RangeError when all are used up. */
  next(): bigint {
    return this.#counter.next(nonceAt(this.#clock));
  }
}

/** The nonce of the wall clock's moment `ago` seconds before now: seconds in the upper half, their fraction in the lower one. */
export function nonceAt(clock: Clock, ago = 0): bigint {
  const { seconds, nanoseconds } = wallTime(clock, clock.now());
  return (BigInt(Math.max(0, Math.floor(seconds - ago))) << 32n) | (BigInt(nanoseconds) << 2n);
}
