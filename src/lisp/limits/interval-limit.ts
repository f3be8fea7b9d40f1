// How often something may happen for one of many keys: at most once in an interval.

import { LargeMap } from "../../collections/large-map.js";
import type { Clock } from "../../router/clock.js";

export class IntervalLimit {
  readonly #clock: Clock;
  readonly #capacity: number;
  /** Steady nanoseconds at which each key was allowed last, the latest last. */
  readonly #last = new LargeMap<string, number>();

  /** `capacity`: keys remembered; of more, those allowed the longest ago are forgotten. */
  constructor(clock: Clock, capacity: number) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  /** Whether `key` may happen now, `interval` nanoseconds after the last time; if so, it has. */
  allow(key: string, interval: number): boolean {
    if (this.wait(key, interval) > 0) return false;
    this.#last.delete(key);
    this.#last.set(key, this.#clock.now());
    if (this.#last.size > this.#capacity) this.#last.delete(this.#last.first![0]);
    return true;
  }

  /** Nanoseconds until `key` may happen; 0: now. */
  wait(key: string, interval: number): number {
    const last = this.#last.get(key);
    return last === undefined ? 0 : Math.max(0, last + interval - this.#clock.now());
  }
}
