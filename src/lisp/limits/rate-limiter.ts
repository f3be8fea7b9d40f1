// How many messages each of many senders may send: a token bucket for each, in a bounded table.

import { LargeMap } from "../../collections/large-map.js";
import type { Clock } from "../../router/clock.js";
import { TokenBucket } from "../../router/token-bucket.js";

export class RateLimiter {
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #burst: number;
  readonly #max: number;
  readonly #buckets = new LargeMap<string, TokenBucket>();

  /** `rate` messages a second and `burst` at once for each sender; at most `max` senders are remembered, the latest. */
  constructor(clock: Clock, rate: number, burst: number, max: number) {
    this.#clock = clock;
    this.#rate = rate;
    this.#burst = burst;
    this.#max = max;
  }

  /** Senders remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether this sender may send one more now; then it counts. */
  take(sender: string): boolean {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(sender) ?? this.#full(now);
    const taken = bucket.take(1, now);
    // Put back at the end: the first is always the one that has been silent longest.
    this.#buckets.delete(sender);
    this.#buckets.set(sender, bucket);
    if (this.#buckets.size > this.#max) this.#buckets.delete(this.#buckets.first![0]);
    return taken === 1;
  }

  #full(now: number): TokenBucket {
    const bucket = new TokenBucket();
    bucket.assign(this.#rate, this.#burst);
    bucket.set(this.#burst, now);
    return bucket;
  }
}
