// Round-trip time and retransmission timeout (RFC 6298), with Linux's refinements: the variation is the largest one of
// each round trip, it falls slowly, and its least value, not the timeout's, is bounded.

/** Least variation, and so what the timeout exceeds the round-trip time by, ns. RFC 6298 has 1 s; Linux 200 ms. */
export const RTO_MIN = 200e6;
/** Longest timeout, ns. */
export const RTO_MAX = 120e9;
/** Timeout before there is a measurement, ns (RFC 6298 section 2.1). */
export const RTO_INITIAL = 1e9;
/** How long the least round-trip time counts, ns. */
const LEAST_AGE = 300e9;

export class RttEstimator {
  /** Smoothed round-trip time, ns; 0 before the first measurement. */
  smoothed = 0;
  /** Four times the mean deviation as it is now, the most of it in this round trip, and what the timeout stands on, ns. */
  #deviation = 0;
  #most = 0;
  #variation = 0;
  /** When this position is acknowledged the next round trip begins. */
  #roundEnd = 0;
  /** Least round-trip time of the last minutes, ns; Infinity before the first measurement. */
  least = Number.POSITIVE_INFINITY;
  #leastAt = 0;
  /** Latest measurement, ns. */
  latest = 0;

  /** Retransmission timeout, ns, not backed off. */
  get timeout(): number {
    return this.smoothed === 0 ? RTO_INITIAL : Math.min(this.smoothed + this.#variation, RTO_MAX);
  }

  /** Mean deviation, ns. */
  get deviation(): number {
    return this.#deviation / 4;
  }

  /** Takes a measurement of `rtt` ns, made when all before `una` was acknowledged and all before `next` was sent. */
  sample(rtt: number, now: number, una: number, next: number): void {
    const measured = Math.max(rtt, 1000);
    this.latest = measured;
    this.#keepLeast(measured, now);
    if (this.smoothed === 0) {
      this.smoothed = measured;
      this.#deviation = 2 * measured;
      this.#variation = this.#most = Math.max(this.#deviation, RTO_MIN);
      this.#roundEnd = next;
      return;
    }
    const error = measured - this.smoothed;
    this.smoothed += error / 8;
    let change = Math.abs(error) - this.#deviation / 4;
    // A sudden fall of the round-trip time is no reason to expect large variation.
    if (error < 0 && change > 0) change /= 8;
    this.#deviation += change;
    this.#most = Math.max(this.#most, this.#deviation);
    this.#variation = Math.max(this.#variation, this.#most);
    if (una <= this.#roundEnd) return;
    if (this.#most < this.#variation) this.#variation -= (this.#variation - this.#most) / 4;
    this.#roundEnd = next;
    this.#most = RTO_MIN;
  }

  #keepLeast(rtt: number, now: number): void {
    if (rtt > this.least && now - this.#leastAt < LEAST_AGE) return;
    this.least = rtt;
    this.#leastAt = now;
  }
}
