// What probes have measured: a record of each, for those who listen.

import type { Listeners } from "../router/listeners.js";

/** One probe that is over. Of a path that was never probed there is none: nothing is known of it. */
export interface Measurement {
  /** The address of ours that it left from, and that which was probed: 4 or 16 bytes each, both of one family. */
  readonly own: Uint8Array;
  readonly peer: Uint8Array;
  /** Steady nanoseconds. */
  readonly sentAt: number;
  /** Round-trip time, nanoseconds; "lost": no answer came in time. */
  readonly rtt: number | "lost";
  /** It was sent because one before had no answer, and not as the schedule has it. */
  readonly repeated: boolean;
}

export type MeasurementListener = (measurement: Measurement) => void;

/** Measurements that a stream keeps for a reader that is late; of more, the oldest go. */
const KEPT = 4096;

/** Measurements as they come, for `for await`. It ends with what it listens to, or when it is returned from. */
export class MeasurementStream implements AsyncIterableIterator<Measurement> {
  /** Measurements that the reader was too late for. */
  missed = 0;
  readonly #kept: Measurement[] = [];
  readonly #waiting: ((result: IteratorResult<Measurement>) => void)[] = [];
  readonly #ended: () => void;
  #done = false;

  /** `ended` is called when the reader does not want any more. */
  constructor(ended: () => void) {
    this.#ended = ended;
  }

  put(measurement: Measurement): void {
    const reader = this.#waiting.shift();
    if (reader !== undefined) {
      reader({ done: false, value: measurement });
      return;
    }
    this.#kept.push(measurement);
    if (this.#kept.length <= KEPT) return;
    this.#kept.shift();
    this.missed++;
  }

  /** No more come; what is kept can still be read. */
  end(): void {
    this.#done = true;
    for (const reader of this.#waiting.splice(0)) reader({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<Measurement>> {
    const value = this.#kept.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#done) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<Measurement>> {
    this.#kept.length = 0;
    this.#ended();
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

export class Measurements {
  readonly #listeners: Listeners<[measurement: Measurement]>;
  readonly #streams = new Set<MeasurementStream>();

  /** `listeners`: none yet. */
  constructor(listeners: Listeners<[measurement: Measurement]>) {
    this.#listeners = listeners;
  }

  /** Calls `listener` with each measurement from now on, until the function it returns is called. */
  listen(listener: MeasurementListener): () => void {
    return this.#listeners.add(listener);
  }

  /** The measurements from now on. */
  stream(): MeasurementStream {
    const stream = new MeasurementStream(() => this.#streams.delete(stream));
    this.#streams.add(stream);
    return stream;
  }

  /** Tells all, in the order in which they came. */
  tell(measurement: Measurement): void {
    for (const stream of this.#streams) stream.put(measurement);
    this.#listeners.tell(measurement);
  }

  /** Forgets all listeners; streams end. */
  clear(): void {
    this.#listeners.clear();
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }
}
