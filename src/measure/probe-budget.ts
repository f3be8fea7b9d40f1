// How many probes leave in a second, whatever there is to probe.

import { LargeMap } from "../collections/large-map.js";
import type { Clock } from "../router/clock.js";
import type { Timer } from "../router/timer.js";
import { TokenBucket } from "../router/token-bucket.js";
import type { Path } from "./path-table.js";

/** Part of a second's probes that may leave at once, so that timers that fire late cost nothing. */
const BURST = 1 / 100;

/** Whoever sends probes along a path. */
export interface Probing {
  readonly path: Path;
  /** Steady nanoseconds since which a probe waits; -1: none does. */
  waitsSince: number;
}

export interface ProbeBudgetOptions<P extends Probing> {
  readonly clock: Clock;
  /** Probes a second. */
  readonly rate: number;
  readonly timer: (fire: () => void) => Timer;
  readonly send: (probing: P) => void;
}

/** Pairs whose probe is due send it at once where the rate allows that; else they wait, those first that were due first. */
export class ProbeBudget<P extends Probing> {
  readonly #options: ProbeBudgetOptions<P>;
  readonly #bucket: TokenBucket;
  readonly #line = new LargeMap<string, P>();
  readonly #next: Timer;

  constructor(options: ProbeBudgetOptions<P>) {
    this.#options = options;
    const { rate, clock, timer } = options;
    this.#bucket = TokenBucket.full(rate, Math.max(1, rate * BURST), clock.now());
    this.#next = timer(() => this.#advance());
  }

  /** Pairs that wait. */
  get waiting(): number {
    return this.#line.size;
  }

  /** Sends the pair's probe now or as soon as it may; returns whether it left already. */
  request(pair: P): boolean {
    const now = this.#options.clock.now();
    if (this.#line.size === 0 && this.#bucket.take(1, now) === 1) {
      this.#options.send(pair);
      return true;
    }
    if (pair.waitsSince < 0) pair.waitsSince = now;
    this.#line.set(pair.path.name, pair);
    this.#wait();
    return false;
  }

  /** The pair needs no probe any more. */
  withdraw(pair: P): void {
    pair.waitsSince = -1;
    this.#line.delete(pair.path.name);
  }

  #advance(): void {
    const now = this.#options.clock.now();
    for (let first = this.#line.first; first !== undefined; first = this.#line.first) {
      if (this.#bucket.take(1, now) === 0) break;
      const [name, pair] = first;
      this.#line.delete(name);
      this.#options.send(pair);
      pair.waitsSince = -1;
    }
    this.#wait();
  }

  #wait(): void {
    if (this.#line.size > 0 && !this.#next.scheduled) this.#next.scheduleAt(this.#bucket.next(1));
  }
}
