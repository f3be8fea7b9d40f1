// Rates as Click measures them: moving averages over milliseconds.

import { fixedPointText } from "../lang/args/fixed-point.js";

/** Epochs (Click's jiffies) a second. */
const EPOCHS = 1000;
const NS_PER_EPOCH = 1e9 / EPOCHS;
/** An epoch's count has a weight of 1/16. */
const WEIGHT = 16;

/**
 * An exponentially weighted moving average of a count per millisecond, in fixed point as Click's RateEWMA keeps it.
 * Times are steady nanoseconds.
 */
export class RateAverage {
  readonly #bits: number;
  #epoch: number;
  /** When the epoch ends: most additions fall into the one that the last fell into. */
  #until = 0;
  #current = 0;
  #average = 0;

  /** `bits`: bits of fraction that are kept. */
  constructor(bits: number, now: number) {
    this.#bits = bits;
    this.#epoch = epochOf(now);
  }

  /** Counts `n` events at `now`. */
  add(n: number, now: number): void {
    this.#catchUp(now);
    this.#current += n;
  }

  /** Events a second, times `factor`, as text. */
  text(now: number, factor = 1): string {
    this.#catchUp(now);
    return fixedPointText(this.#average * EPOCHS * factor, this.#bits);
  }

  #catchUp(now: number): void {
    if (now < this.#until) return;
    const epoch = epochOf(now);
    this.#until = (epoch + 1) * NS_PER_EPOCH;
    if (epoch === this.#epoch) return;
    this.#observe(this.#current);
    const idle = epoch - this.#epoch - 1;
    if (idle >= 100) this.#average = 0;
    else for (let i = 0; i < idle; i++) this.#observe(0);
    this.#current = 0;
    this.#epoch = epoch;
  }

  #observe(count: number): void {
    const scaled = count * 2 ** this.#bits + WEIGHT / 2;
    this.#average += Math.floor((scaled - this.#average) / WEIGHT);
  }
}

function epochOf(now: number): number {
  return Math.floor(now / NS_PER_EPOCH);
}
