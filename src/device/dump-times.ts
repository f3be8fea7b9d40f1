// Which packets of a capture are given, and when, by the times in it.

import type { Timestamp } from "../lang/args/spec.js";

/** FromDump's arguments; at most one of `start`, `startAfter`, and one of `end`, `endAfter`, `interval`. */
export interface DumpWindow {
  readonly start?: Timestamp;
  readonly startAfter?: Timestamp;
  readonly end?: Timestamp;
  readonly endAfter?: Timestamp;
  readonly interval?: Timestamp;
}

/** Bounds relative to the first record become absolute when that is seen. */
export class DumpTimes {
  readonly #window: DumpWindow;
  #start: Timestamp | null = null;
  #end: Timestamp | null = null;
  #endCounts: boolean;
  #extended: Timestamp = { seconds: 0, nanoseconds: 0 };
  #bounded = false;
  /** The first record's time, and the steady time at which it was read. */
  #first: Timestamp | null = null;
  #firstSteady = 0;

  constructor(window: DumpWindow) {
    this.#window = window;
    this.#endCounts = this.ends;
  }

  /** Whether there is an end before the file's. */
  get ends(): boolean {
    const { end, endAfter, interval } = this.#window;
    return (end ?? endAfter ?? interval) !== undefined;
  }

  /** Where a record of time `seconds`, `nanoseconds`, read at steady time `now`, lies. `end` is said once. */
  place(seconds: number, nanoseconds: number, now: number): "before" | "within" | "end" {
    if (this.#first === null) {
      this.#first = { seconds, nanoseconds };
      this.#firstSteady = now;
      if (!this.#bounded) this.#bound(this.#first);
    }
    if (this.#start !== null) {
      if (since(this.#start, seconds, nanoseconds) < 0) return "before";
      this.#start = null;
    }
    if (!this.#endCounts || this.#end === null || since(this.#end, seconds, nanoseconds) < 0) return "within";
    this.#endCounts = false;
    return "end";
  }

  #bound(first: Timestamp): void {
    const { start, startAfter, end, endAfter, interval } = this.#window;
    this.#bounded = true;
    const from = start ?? (startAfter === undefined ? first : sum(first, startAfter));
    this.#start = start === undefined && startAfter === undefined ? null : from;
    const to =
      end ??
      (endAfter !== undefined ? sum(first, endAfter) : interval !== undefined ? sum(from, interval) : null);
    this.#end = to === null ? null : sum(to, this.#extended);
  }

  /** Steady time at which a packet of this time leaves, when the capture's timing is kept. */
  due(seconds: number, nanoseconds: number): number {
    return this.#first === null ? 0 : this.#firstSteady + since(this.#first, seconds, nanoseconds);
  }

  /** Puts the end off; it counts again. */
  extend(by: Timestamp): void {
    if (this.#bounded && this.#end !== null) this.#end = sum(this.#end, by);
    else this.#extended = sum(this.#extended, by);
    this.#endCounts = this.ends;
  }

  /** The next record is the first one for the timing; bounds stay. */
  forget(): void {
    this.#first = null;
  }
}

/** Nanoseconds from `start` to a time; exact within 104 days. */
function since(start: Timestamp, seconds: number, nanoseconds: number): number {
  return (seconds - start.seconds) * 1e9 + (nanoseconds - start.nanoseconds);
}

function sum(a: Timestamp, b: Timestamp): Timestamp {
  const nanoseconds = a.nanoseconds + b.nanoseconds;
  const carry = nanoseconds >= 1e9 ? 1 : 0;
  return { seconds: a.seconds + b.seconds + carry, nanoseconds: nanoseconds - carry * 1e9 };
}
