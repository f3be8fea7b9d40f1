// The timing of one direction of an in-process link, and its default timers.

import type { RealClock } from "../router/clock.js";

export interface LineOptions {
  readonly delay?: number;
  readonly jitter?: number;
  readonly rate?: number;
  readonly queue?: number;
}

/** When packets leave and arrive: transmission at the line's rate, then delay and jitter. Times are steady nanoseconds. */
export class Line {
  #delay = 0;
  #jitter = 0;
  #perByte = 0;
  readonly #random: () => number;
  /** Ends of the transmissions still to come, a ring. */
  #departures = new Float64Array(0);
  #head = 0;
  #count = 0;
  #busyUntil = 0;
  #lastArrival = 0;

  constructor(options: LineOptions, random: () => number) {
    this.#random = random;
    this.change(options);
  }

  /** Takes other options for the packets that follow. A transmission queue of another size starts empty. */
  change(options: LineOptions): void {
    this.#delay = Math.round((options.delay ?? 0) * 1e9);
    this.#jitter = (options.jitter ?? 0) * 1e9;
    const rate = options.rate ?? 0;
    this.#perByte = rate > 0 ? 8e9 / rate : 0;
    // One more than may wait: the packet being transmitted. Without a rate nothing waits.
    const places = rate > 0 ? (options.queue ?? 100) + 1 : 1;
    if (places === this.#departures.length) return;
    this.#departures = new Float64Array(places);
    this.#head = this.#count = 0;
  }

  /** Whether the transmission queue takes one more packet. */
  admits(now: number): boolean {
    const size = this.#departures.length;
    while (this.#count > 0 && this.#departures[this.#head] <= now) {
      this.#head = (this.#head + 1) % size;
      this.#count--;
    }
    return this.#count < size;
  }

  /** When the transmission queue has room again; `now` when nothing is being transmitted. */
  roomAt(now: number): number {
    return this.#count > 0 ? Math.ceil(this.#departures[this.#head]) : now;
  }

  /** Puts a packet of `length` bytes on the line (`admits` said yes) and returns when it arrives. */
  transmit(now: number, length: number): number {
    let end = now;
    if (this.#perByte > 0) {
      end = Math.max(now, this.#busyUntil) + length * this.#perByte;
      this.#busyUntil = end;
      this.#departures[(this.#head + this.#count++) % this.#departures.length] = end;
    }
    let arrival = Math.ceil(end) + this.#delay;
    if (this.#jitter > 0) arrival += Math.floor(this.#random() * this.#jitter);
    arrival = Math.max(arrival, this.#lastArrival);
    this.#lastArrival = arrival;
    return arrival;
  }
}

/** Calls `run` when the clock shows steady nanosecond `at`, later than this call returns. */
export function realSchedule(clock: RealClock, at: number, run: () => void): void {
  clock.wakeNear(at, () => {
    if (clock.delay(at) > 0) realSchedule(clock, at, run);
    else run();
  });
}
