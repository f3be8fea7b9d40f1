// How often something may happen: for each of many keys at most once in an interval, and for all together no more than
// a rate. What comes too soon does not happen; where it must not be lost, a Pacer does it later.

import { LargeMap } from "../../collections/large-map.js";
import type { Clock } from "../../router/clock.js";
import { TokenBucket } from "../../router/token-bucket.js";

export interface IntervalLimitOptions {
  readonly clock: Clock;
  /** Nanoseconds from one time to the next for one key. */
  readonly interval: number;
  /** Times a second for all keys, and at once where `burst` does not say otherwise. */
  readonly rate: number;
  readonly burst?: number;
  /** Keys remembered; of more, those allowed the longest ago are forgotten. */
  readonly capacity: number;
}

export class IntervalLimit {
  readonly #options: IntervalLimitOptions;
  readonly #bucket: TokenBucket;
  /** Steady nanoseconds at which each key was allowed last, the latest last. */
  readonly #last = new LargeMap<string, number>();

  constructor(options: IntervalLimitOptions) {
    this.#options = options;
    const { clock, rate, burst = rate } = options;
    this.#bucket = TokenBucket.full(rate, burst, clock.now());
  }

  /** Whether `key` may happen now; if so, it has. `interval`: another one since the last time. */
  allow(key: string, interval = this.#options.interval): boolean {
    const now = this.#options.clock.now();
    const last = this.#last.get(key);
    if (last !== undefined && now < last + interval) return false;
    if (this.#bucket.take(1, now) === 0) return false;
    this.#last.delete(key);
    this.#last.set(key, now);
    if (this.#last.size > this.#options.capacity) this.#last.delete(this.#last.first![0]);
    return true;
  }
}
