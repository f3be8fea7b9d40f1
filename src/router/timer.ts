// Timers of one router: a binary heap ordered by expiry, then by the order of scheduling.

import { inspect } from "node:util";
import type { Clock } from "./clock.js";

/** Calls its function once, when the router's steady clock reaches the time it is scheduled for. */
export class Timer {
  /** Steady nanoseconds of the next (or, while it fires, the present) expiry. */
  expiry = 0;
  /** Position in the heap; -1 while it is not scheduled. */
  position = -1;
  order = 0;
  readonly #timers: Timers;
  readonly fire: () => void;

  constructor(timers: Timers, fire: () => void) {
    this.#timers = timers;
    this.fire = fire;
  }

  get scheduled(): boolean {
    return this.position >= 0;
  }

  [inspect.custom](): string {
    return this.scheduled ? `Timer { at ${this.expiry / 1e9} s }` : "Timer { not scheduled }";
  }

  /** Schedules it for steady nanosecond `at`, replacing an earlier schedule. */
  scheduleAt(at: number): void {
    this.#timers.remove(this);
    this.expiry = at;
    this.#timers.insert(this);
  }

  /** Schedules it `ns` from now. */
  scheduleAfter(ns: number): void {
    this.scheduleAt(this.#timers.clock.now() + ns);
  }

  /** Schedules it `ns` after its last expiry, so that a periodic timer does not drift. */
  rescheduleAfter(ns: number): void {
    this.scheduleAt(this.expiry + ns);
  }

  unschedule(): void {
    this.#timers.remove(this);
  }
}

export class Timers {
  readonly clock: Clock;
  readonly #heap: Timer[] = [];
  #order = 0;
  #closed = false;
  /** Called when there is a new earliest timer. */
  wake: () => void = () => {};

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Steady nanoseconds of the earliest timer; Infinity when there is none. */
  get next(): number {
    return this.#heap.length > 0 ? this.#heap[0].expiry : Number.POSITIVE_INFINITY;
  }

  /** Fires the timers that are due, at most `limit`; returns how many. */
  run(limit: number): number {
    // Read even without timers: whoever asks for the recent time counts on it.
    const now = this.clock.now();
    if (this.#heap.length === 0) return 0;
    let fired = 0;
    while (fired < limit && this.#heap.length > 0 && this.#heap[0].expiry <= now) {
      const timer = this.#heap[0];
      this.remove(timer);
      timer.fire();
      fired++;
    }
    return fired;
  }

  /** Unschedules all of them; none can be scheduled any more. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#heap.splice(0)) timer.position = -1;
  }

  insert(timer: Timer): void {
    if (this.#closed) return;
    timer.order = this.#order++;
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1, timer);
    if (timer.position === 0) this.wake();
  }

  remove(timer: Timer): void {
    const i = timer.position;
    if (i < 0) return;
    timer.position = -1;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    if (i > 0 && before(last, this.#heap[(i - 1) >> 1])) this.#up(i, last);
    else this.#down(i, last);
  }

  #up(i: number, timer: Timer): void {
    while (i > 0) {
      const parent = this.#heap[(i - 1) >> 1];
      if (!before(timer, parent)) break;
      this.#place(i, parent);
      i = (i - 1) >> 1;
    }
    this.#place(i, timer);
  }

  #down(i: number, timer: Timer): void {
    const n = this.#heap.length;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && before(this.#heap[child + 1], this.#heap[child])) child++;
      if (!before(this.#heap[child], timer)) break;
      this.#place(i, this.#heap[child]);
      i = child;
    }
    this.#place(i, timer);
  }

  #place(i: number, timer: Timer): void {
    this.#heap[i] = timer;
    timer.position = i;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.expiry < b.expiry || (a.expiry === b.expiry && a.order < b.order);
}
