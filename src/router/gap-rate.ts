// An even rate of events, as Click's GapRate counts it: how many are due by now in this second.

const SHIFT = 4096;
const MICROSECONDS = 1_000_000 * SHIFT;
/** The highest rate that has a gap. */
export const MAX_RATE: number = MICROSECONDS;

/**
 * Says how many events are due at a rate. It counts the events of the present second against the second's
 * microseconds, in Click's arithmetic (gaps in 1/4096 of a microsecond); who falls behind may catch up within the
 * second after. Times are steady nanoseconds.
 */
export class GapRate {
  #rate = 0;
  #gap = MICROSECONDS + 1;
  /** Events of this second; negative while catching up. */
  #count = 0;
  #second = -1;

  get rate(): number {
    return this.#rate;
  }

  /** Sets the rate, in events a second, at most MAX_RATE. */
  set(rate: number, now: number): void {
    rate = Math.min(rate, MAX_RATE);
    if (rate === this.#rate) return;
    this.#rate = rate;
    this.#gap = rate === 0 ? MICROSECONDS + 1 : Math.floor(MICROSECONDS / rate);
    if (this.#second >= 0 && rate !== 0) this.#count = this.#needed(now);
  }

  /** Forgets what has happened. */
  reset(): void {
    this.#second = -1;
  }

  /** How many events are due at `now`; 0 or less when none is. */
  due(now: number): number {
    const needed = this.#needed(now);
    const second = Math.floor(now / 1e9);
    if (this.#second < 0) {
      this.#second = second;
      const over = this.#micros(now) * SHIFT - needed * this.#gap;
      this.#count = needed + (over > this.#gap / 2 ? 1 : 0);
    } else if (second > this.#second) {
      this.#second = second;
      if (this.#count > 0) this.#count -= this.#rate;
    }
    return needed - this.#count + 1;
  }

  /** Counts `n` events. */
  add(n: number): void {
    this.#count += n;
  }

  /** When the next event is due; Infinity at rate 0. `due` was called before, and said none. */
  next(): number {
    if (this.#rate === 0) return Number.POSITIVE_INFINITY;
    const start = this.#second * 1e9;
    const ahead = Math.ceil((this.#count * this.#gap) / SHIFT);
    // What the second does not hold any more is due in the next one, where counting starts anew.
    if (ahead >= 1_000_000) {
      const later = this.#count - this.#rate;
      return start + 1e9 + Math.max(0, Math.ceil((later * this.#gap) / SHIFT)) * 1000;
    }
    return start + ahead * 1000;
  }

  #micros(now: number): number {
    return Math.floor((now % 1e9) / 1000);
  }

  #needed(now: number): number {
    return Math.floor((this.#micros(now) * SHIFT) / this.#gap);
  }
}
