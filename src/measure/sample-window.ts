// The latest probes of one path, and what they say together: round-trip times, jitter, availability.

/** In the place of a round-trip time: no answer came. */
export const LOST = -1;

/** Gains of the smoothed mean (RFC 6298, section 2) and of the smoothed jitter (RFC 3550, section 6.4.1). */
const MEAN_GAIN = 1 / 8;
const JITTER_GAIN = 1 / 16;

/** What the probes of a window say. Times in nanoseconds; null: unknown, as there are too few answers. */
export interface WindowSummary {
  /** Scheduled probes of the window whose fate is known, and how many of them were answered. */
  readonly sent: number;
  readonly answered: number;
  /**
   * Part of the time for which the path answered: each scheduled probe stands for half of the time to the one before it
   * and half of that to the next. Where they are equally far apart that is `answered / sent`.
   */
  readonly availability: number | null;
  /** Of all answers, those to repeated probes among them. Percentiles are exact, by nearest rank. */
  readonly rtt: RttSummary | null;
  /** From the second answer on. */
  readonly jitter: JitterSummary | null;
}

export interface RttSummary {
  readonly last: number;
  readonly mean: number;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  /** Exponentially weighted moving average of all answers so far, gain 1/8: SRTT of RFC 6298. */
  readonly ewma: number;
}

export interface JitterSummary {
  /**
   * Mean absolute difference between the round-trip times of answers that follow each other: the mean of |IPDV|, with
   * IPDV as RFC 3393 defines it and both ways together.
   */
  readonly mean: number;
  /** The smoothed estimate of RFC 3550, section 6.4.1, over those differences, gain 1/16, of all answers so far. */
  readonly smoothed: number;
}

/** A ring of samples. Adding allocates nothing. */
export class SampleWindow {
  readonly #sentAt: Float64Array;
  readonly #rtt: Float64Array;
  /** 1: sent as the schedule has it; 0: repeated, as one before had no answer. */
  readonly #scheduled: Uint8Array;
  /** Place of the oldest, and how many there are. */
  #first = 0;
  #count = 0;
  /** Nanoseconds; -1: unknown. */
  #ewma = -1;
  #previous = -1;
  #jitter = -1;

  /** Holds the `capacity` latest samples. */
  constructor(capacity: number) {
    this.#sentAt = new Float64Array(capacity);
    this.#rtt = new Float64Array(capacity);
    this.#scheduled = new Uint8Array(capacity);
  }

  get size(): number {
    return this.#count;
  }

  /**
   * A probe that was sent at steady nanosecond `sentAt` had its answer after `rtt` nanoseconds, or LOST. Samples may come
   * somewhat out of order. `scheduled` false: it was sent because one before had no answer; lost, it says nothing new.
   */
  add(sentAt: number, rtt: number, scheduled = true): void {
    if (rtt !== LOST) this.#smooth(rtt);
    else if (!scheduled) return;
    const capacity = this.#rtt.length;
    if (this.#count === capacity) this.#first = (this.#first + 1) % capacity;
    else this.#count++;
    let at = this.#place(this.#count - 1);
    for (let i = this.#count - 2; i >= 0; i--) {
      const before = this.#place(i);
      if (this.#sentAt[before] <= sentAt) break;
      this.#sentAt[at] = this.#sentAt[before];
      this.#rtt[at] = this.#rtt[before];
      this.#scheduled[at] = this.#scheduled[before];
      at = before;
    }
    this.#sentAt[at] = sentAt;
    this.#rtt[at] = rtt;
    this.#scheduled[at] = scheduled ? 1 : 0;
  }

  /** What the samples say that were sent at steady nanosecond `from` or later. */
  summary(from: number): WindowSummary {
    let begin = this.#count;
    while (begin > 0 && this.#sentAt[this.#place(begin - 1)] >= from) begin--;
    return { ...this.#answers(begin), ...this.#times(begin) };
  }

  #place(i: number): number {
    return (this.#first + i) % this.#rtt.length;
  }

  #smooth(rtt: number): void {
    if (this.#previous >= 0) {
      const difference = Math.abs(rtt - this.#previous);
      this.#jitter = this.#jitter < 0 ? difference : this.#jitter + (difference - this.#jitter) * JITTER_GAIN;
    }
    this.#ewma = this.#ewma < 0 ? rtt : this.#ewma + (rtt - this.#ewma) * MEAN_GAIN;
    this.#previous = rtt;
  }

  /** Of the scheduled samples from the `begin`th on. */
  #answers(begin: number): Pick<WindowSummary, "sent" | "answered" | "availability"> {
    let [sent, answered] = [0, 0];
    // Each gap between two of them stands for both of its ends; the outer ones count as much once more.
    let [time, up, gap, previous] = [0, 0, 0, -1];
    for (let i = begin; i < this.#count; i++) {
      const at = this.#place(i);
      if (this.#scheduled[at] === 0) continue;
      const isUp = this.#rtt[at] === LOST ? 0 : 1;
      if (previous >= 0) {
        const wasUp = this.#rtt[previous] === LOST ? 0 : 1;
        const isFirst = sent === 1;
        gap = this.#sentAt[at] - this.#sentAt[previous];
        time += gap + (isFirst ? gap / 2 : 0);
        up += ((wasUp + isUp) * gap + (isFirst ? wasUp * gap : 0)) / 2;
      }
      sent++;
      answered += isUp;
      previous = at;
    }
    if (sent === 0) return { sent, answered, availability: null };
    if (this.#rtt[previous] !== LOST) up += gap / 2;
    time += gap / 2;
    return { sent, answered, availability: time > 0 ? up / time : answered / sent };
  }

  /** Of the answers from the `begin`th sample on. */
  #times(begin: number): Pick<WindowSummary, "rtt" | "jitter"> {
    const sorted = new Float64Array(this.#count - begin);
    let [n, sum, differences, last] = [0, 0, 0, -1];
    for (let i = begin; i < this.#count; i++) {
      const rtt = this.#rtt[this.#place(i)];
      if (rtt === LOST) continue;
      if (n > 0) differences += Math.abs(rtt - last);
      sorted[n++] = rtt;
      sum += rtt;
      last = rtt;
    }
    if (n === 0) return { rtt: null, jitter: null };
    const answers = sorted.subarray(0, n).sort();
    const rank = (percent: number): number => answers[Math.ceil((percent / 100) * n) - 1];
    return {
      rtt: {
        last,
        mean: sum / n,
        min: answers[0],
        p50: rank(50),
        p95: rank(95),
        p99: rank(99),
        max: answers[n - 1],
        ewma: this.#ewma,
      },
      jitter: n === 1 ? null : { mean: differences / (n - 1), smoothed: this.#jitter },
    };
  }
}
