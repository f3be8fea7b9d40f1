// How many bytes came through over time, in a bounded number of intervals: when there are too many, two become one.

/** Intervals that are kept at most. */
const INTERVALS = 1024;
const SECOND = 1e9;

export class ThroughputLog {
  readonly #bytes = new Float64Array(INTERVALS);
  #start = -1;
  #last = -1;
  /** Length of an interval, ns. */
  #interval = SECOND;
  /** Bytes in all. */
  total = 0;

  /** `bytes` came at steady time `now`, ns. */
  add(bytes: number, now: number): void {
    if (this.#start < 0) this.#start = now;
    this.#last = now;
    this.total += bytes;
    let i = Math.floor((now - this.#start) / this.#interval);
    while (i >= INTERVALS) {
      this.#fold();
      i = Math.floor((now - this.#start) / this.#interval);
    }
    this.#bytes[i] += bytes;
  }

  /** Nothing has come through yet; `now` is when that begins. */
  begin(now: number): void {
    if (this.#start < 0) this.#start = this.#last = now;
  }

  /** Bits a second, on the average, from the beginning to what came last. */
  get mean(): number {
    const time = this.#last - this.#start;
    return time > 0 ? (this.total * 8 * SECOND) / time : 0;
  }

  reset(): void {
    this.#bytes.fill(0);
    this.#start = this.#last = -1;
    this.#interval = SECOND;
    this.total = 0;
  }

  /** Seconds of an interval, and the bits a second of each, the last one so far. */
  toJSON(): { readonly interval: number; readonly bits_per_second: readonly number[] } {
    const seconds = this.#interval / SECOND;
    const count = this.#start < 0 ? 0 : Math.floor((this.#last - this.#start) / this.#interval) + 1;
    const rates = Array.from(this.#bytes.subarray(0, count), (bytes) => Math.round((bytes * 8) / seconds));
    return { interval: seconds, bits_per_second: rates };
  }

  #fold(): void {
    const bytes = this.#bytes;
    for (let i = 0; i < INTERVALS / 2; i++) bytes[i] = bytes[2 * i] + bytes[2 * i + 1];
    bytes.fill(0, INTERVALS / 2);
    this.#interval *= 2;
  }
}
