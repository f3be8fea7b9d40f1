// Actions that may not follow each other too fast: what comes too soon is done later, not dropped.

import { LargeMap } from "../../collections/large-map.js";
import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";
import { TokenBucket } from "../../router/token-bucket.js";

/** After so long what could not be done is tried again, nanoseconds. */
const AGAIN = 1e9;

export interface PacerOptions {
  readonly clock: Clock;
  readonly timers: TimerGroup;
  /** Nanoseconds from one action of a name to the next. */
  readonly interval: number;
  /** Actions a second, of all names; not given: any number. */
  readonly rate?: number;
  /** Most names with an action that waits; as many more are remembered. */
  readonly capacity: number;
}

/** done: the action was done. waits: it will be. full: as many wait as may; it will not be. */
export type Paced = "done" | "waits" | "full";

interface Name {
  readonly name: string;
  /** Steady nanoseconds before which it must not act, and how long that lasts from its next action on. */
  free: number;
  interval: number;
  /** What waits; null: nothing. */
  act: (() => boolean) | null;
  readonly timer: Timer;
}

/**
 * Does something for one name at most once in an interval. Of what is asked for before that is over, the last is done
 * then. An action returns false where it cannot be done now: it is tried again.
 */
export class Pacer {
  readonly #options: PacerOptions;
  /** Of all names; null: any number. */
  readonly #bucket: TokenBucket | null;
  /** Names that may not act yet, by when they last did; and those for which something waits. */
  readonly #resting = new LargeMap<string, Name>();
  readonly #waiting = new LargeMap<string, Name>();
  /** Those of them that wait for the rate alone, the first to come first. */
  readonly #line = new Set<Name>();
  readonly #next: Timer;

  constructor(options: PacerOptions) {
    this.#options = options;
    const { rate, clock, timers } = options;
    this.#next = timers.timer(() => this.#advance());
    this.#bucket = rate === undefined ? null : TokenBucket.full(rate, rate, clock.now());
  }

  /** Actions that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Does `act` now, or as soon as `name` may. `interval`: another one from this action on. */
  request(name: string, act: () => boolean, interval = this.#options.interval): Paced {
    const { capacity } = this.#options;
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) {
      waiting.act = act;
      waiting.interval = interval;
      return "waits";
    }
    if (this.#waiting.size >= capacity) return "full";
    const one = this.#resting.get(name) ?? this.#make(name);
    one.act = act;
    one.interval = interval;
    this.#resting.delete(name);
    this.#waiting.set(name, one);
    this.#try(one);
    return one.act === null ? "done" : "waits";
  }

  #make(name: string): Name {
    if (this.#resting.size >= this.#options.capacity) this.#forgetOldest();
    const one: Name = {
      name,
      free: Number.NEGATIVE_INFINITY,
      interval: 0,
      act: null,
      timer: this.#options.timers.timer(() => this.#due(one)),
    };
    return one;
  }

  #due(one: Name): void {
    if (one.act === null) this.#resting.delete(one.name);
    else this.#try(one);
  }

  #try(one: Name): void {
    const now = this.#options.clock.now();
    if (now < one.free) one.timer.scheduleAt(one.free);
    else if (this.#bucket === null) this.#act(one, now);
    else if (this.#line.size === 0 && this.#bucket.take(1, now) === 1) this.#act(one, now);
    else {
      this.#line.add(one);
      this.#wait();
    }
  }

  #wait(): void {
    if (this.#line.size > 0 && !this.#next.scheduled) this.#next.scheduleAt(this.#bucket!.next(1));
  }

  /** Those in the line act, as many as the rate allows. */
  #advance(): void {
    const now = this.#options.clock.now();
    for (const one of this.#line) {
      if (this.#bucket!.take(1, now) === 0) break;
      this.#line.delete(one);
      this.#act(one, now);
    }
    this.#wait();
  }

  #act(one: Name, now: number): void {
    if (!one.act!()) {
      one.timer.scheduleAfter(AGAIN);
      return;
    }
    one.act = null;
    one.free = now + one.interval;
    this.#waiting.delete(one.name);
    this.#resting.set(one.name, one);
    one.timer.scheduleAt(one.free);
  }

  #forgetOldest(): void {
    const [name, one] = this.#resting.first!;
    one.timer.unschedule();
    this.#resting.delete(name);
  }
}
