// What one acknowledgement shows to have arrived, and how long that took.

export class Delivery {
  /** Segments that are known to have arrived for the first time. */
  count = 0;
  /** A segment that was sent once, before the last timeout or recovery, has arrived. */
  original = false;
  /** Something that is acknowledged had been sent more than once: when it left is not known (Karn's algorithm). */
  again = false;
  /** The other end had something twice. */
  twice = false;
  /** When the first and last of those left that are acknowledged, and of those that are selected; -1: none. */
  #acked = -1;
  #ackedLast = -1;
  #sacked = -1;
  #sackedLast = -1;

  clear(): void {
    this.count = 0;
    this.original = this.again = this.twice = false;
    this.#acked = this.#ackedLast = this.#sacked = this.#sackedLast = -1;
  }

  /** A segment that was sent once, at `sentAt`, is acknowledged. */
  acknowledged(sentAt: number): void {
    if (this.#acked < 0) this.#acked = sentAt;
    this.#ackedLast = sentAt;
  }

  /** The same, selected by a SACK block. */
  selected(sentAt: number): void {
    if (this.#sacked < 0) this.#sacked = sentAt;
    this.#sackedLast = sentAt;
  }

  /** When the segment left that the round-trip time is measured by (RFC 6298 section 3); -1 where there is none. */
  get measuredFrom(): number {
    return this.#acked >= 0 && !this.again ? this.#acked : this.#sacked;
  }

  /** When the last one left that arrived: what congestion control goes by. */
  get lastFrom(): number {
    if (this.#sacked >= 0) return this.#sackedLast;
    return this.again ? -1 : this.#ackedLast;
  }
}
