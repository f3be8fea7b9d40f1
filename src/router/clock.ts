// Time, as one router sees it.

import { checkArgument, real } from "../options.js";

const EPOCH = real(-Number.MAX_VALUE);

/** A moment of wall-clock time. */
export interface WallTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/**
 * A router's clock. Steady time counts nanoseconds from the moment the clock
 * was made (exact for 104 days, then to a few nanoseconds); wall time is
 * steady time plus a start that is fixed until the wall clock is set.
 */
export interface Clock {
  readonly simulated: boolean;
  /** Wall-clock second and nanosecond at steady time 0. */
  readonly start: WallTime;
  /** Steady nanoseconds. */
  now(): number;
  /**
   * What `now` gave last; a running router asks once a round (128 tasks). For what happens with every batch and needs
   * milliseconds only: reading real time takes some 50 ns.
   */
  readonly recent: number;
  /** Nanoseconds of real time to wait until steady time `at`; 0 when it has come. */
  delay(at: number): number;
}

/** Calls back after parts of a millisecond, for which Node's timers are too coarse. */
export interface Alarms {
  /** Calls `run` once, about `ns` nanoseconds from now, perhaps earlier, but later than this call returns. */
  after(ns: number, run: () => void): void;
}

/** Goes round the event loop again and again: a wait takes a processor for itself. */
const SPINNING: Alarms = { after: (_, run) => void setImmediate(run) };

/** Real time; `speed` > 1 makes it pass faster (Click's linear time warp). */
export class RealClock implements Clock {
  /** Nanoseconds of a wait that is too short for Node's timers: these have whole milliseconds, and may be early. */
  static readonly SHORT = 1_500_000;
  readonly simulated = false;
  start: WallTime;
  #origin: number;
  #base = 0;
  #speed = 1;
  #recent = 0;
  /** Do not wait when there is nothing to do, but skip to the next timer (Click's `nowait` time warp). */
  nowait = false;
  readonly #alarms: Alarms;

  /** `alarms`: what short waits are made with. */
  constructor(alarms: Alarms = SPINNING) {
    this.#alarms = alarms;
    this.#origin = performance.now();
    const ms = performance.timeOrigin + this.#origin;
    const seconds = Math.floor(ms / 1000);
    this.start = { seconds, nanoseconds: Math.floor((ms - seconds * 1000) * 1e6) };
  }

  get speed(): number {
    return this.#speed;
  }
  set speed(speed: number) {
    this.#base = this.now();
    this.#origin = performance.now();
    this.#speed = speed;
  }

  now(): number {
    this.#recent = this.#base + Math.floor((performance.now() - this.#origin) * 1e6 * this.#speed);
    return this.#recent;
  }

  get recent(): number {
    return this.#recent;
  }

  delay(at: number): number {
    return Math.max(0, (at - this.now()) / this.#speed);
  }

  /** Calls `run` at about steady nanosecond `at`, perhaps earlier; later than this call returns. */
  wakeNear(at: number, run: () => void): void {
    const ns = this.delay(at);
    if (ns < RealClock.SHORT) this.#alarms.after(ns, run);
    else setTimeout(run, ns / 1e6 - 1);
  }

  /** Moves the wall clock by `seconds`, either way, as somebody who sets it does; steady time goes on as it was. */
  jump(seconds: number): void {
    this.start = shifted(this.start, seconds);
  }

  /** Moves time forward to steady nanosecond `at`; never back. */
  skipTo(at: number): void {
    const now = this.now();
    if (at <= now) return;
    this.#base += at - now;
  }
}

/** Simulated time: stands still until somebody advances it. Several routers may share one. */
export class SimulatedClock implements Clock {
  readonly simulated = true;
  readonly start: WallTime;
  #now = 0;

  /** `epoch`: wall-clock seconds at the start; Click's default is 1,000,000,000. */
  constructor(epoch = 1_000_000_000) {
    checkArgument("SimulatedClock", "the epoch", epoch, EPOCH);
    const seconds = Math.floor(epoch);
    this.start = { seconds, nanoseconds: Math.round((epoch - seconds) * 1e9) };
  }

  now(): number {
    return this.#now;
  }

  get recent(): number {
    return this.#now;
  }

  delay(): number {
    return 0;
  }

  /** Moves time forward to steady nanosecond `at`; never back. */
  advance(at: number): void {
    if (at > this.#now) this.#now = at;
  }
}

/** One router's view of a simulated clock: the same steady time, a wall clock that may go wrong by itself. */
export class SimulatedClockView implements Clock {
  readonly simulated = true;
  readonly base: SimulatedClock;
  #start: WallTime;

  constructor(base: SimulatedClock) {
    this.base = base;
    this.#start = base.start;
  }

  get start(): WallTime {
    return this.#start;
  }

  now(): number {
    return this.base.now();
  }

  get recent(): number {
    return this.base.recent;
  }

  delay(): number {
    return 0;
  }

  /** Moves the wall clock by `seconds`, either way; steady time goes on as it was. */
  jump(seconds: number): void {
    this.#start = shifted(this.#start, seconds);
  }
}

/** `t`, `seconds` later. */
function shifted(t: WallTime, seconds: number): WallTime {
  const nanoseconds = t.nanoseconds + Math.round((seconds - Math.floor(seconds)) * 1e9);
  const carry = Math.floor(nanoseconds / 1e9);
  return { seconds: t.seconds + Math.floor(seconds) + carry, nanoseconds: nanoseconds - carry * 1e9 };
}

/** The wall-clock time at steady nanosecond `at`. */
export function wallTime(clock: Clock, at: number): WallTime {
  const whole = Math.floor(at / 1e9);
  let nanoseconds = clock.start.nanoseconds + (at - whole * 1e9);
  let seconds = clock.start.seconds + whole;
  if (nanoseconds >= 1e9) {
    nanoseconds -= 1e9;
    seconds++;
  }
  return { seconds, nanoseconds };
}
