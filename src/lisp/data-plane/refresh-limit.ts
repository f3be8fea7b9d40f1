// How often what data headers say may make us send control messages (RFC 9301, section 6.1; RFC 9302, section 8): for
// one thing once in an interval, and in all so many a second.

import type { Clock } from "../../router/clock.js";
import { TokenBucket } from "../../router/token-bucket.js";
import { IntervalLimit } from "../limits/interval-limit.js";

/** Things whose last time is remembered. */
const REMEMBERED = 16384;

export class RefreshLimit {
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #bucket = new TokenBucket();
  readonly #last: IntervalLimit;

  /** `interval` nanoseconds for one thing, `rate` a second in all. */
  constructor(clock: Clock, interval: number, rate: number) {
    this.#clock = clock;
    this.#interval = interval;
    this.#last = new IntervalLimit(clock, REMEMBERED);
    this.#bucket.assign(rate, rate);
    this.#bucket.set(rate, clock.now());
  }

  /** Whether `name` may have its message now; if so, it has. `interval`: another one for this time. */
  allow(name: string, interval = this.#interval): boolean {
    if (this.#last.wait(name, interval) > 0) return false;
    if (this.#bucket.take(1, this.#clock.now()) === 0) return false;
    return this.#last.allow(name, 0);
  }
}
