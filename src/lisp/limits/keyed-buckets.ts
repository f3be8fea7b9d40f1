// How many of something each of many keys may have: a token bucket for each, in a bounded table.

import { LargeMap } from "../../collections/large-map.js";
import type { Clock } from "../../router/clock.js";
import { TokenBucket } from "../../router/token-bucket.js";

export class KeyedBuckets {
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #burst: number;
  readonly #max: number;
  readonly #buckets = new LargeMap<string, TokenBucket>();

  /** `rate` a second and `burst` at once for each key; at most `max` keys are remembered, those asked for last. */
  constructor(clock: Clock, rate: number, burst: number, max: number) {
    this.#clock = clock;
    this.#rate = rate;
    this.#burst = burst;
    this.#max = max;
  }

  /** Keys remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether `key` may have one more now; then it counts. */
  take(key: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(key) ?? TokenBucket.full(this.#rate, this.#burst, now);
    const taken = bucket.take(1, now);
    // Put back at the end: the first is always the one that was asked for the longest ago.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#max) this.#buckets.delete(this.#buckets.first![0]);
    return taken === 1;
  }
}
