// The statistics of pings: which requests were sent when, and what came back.

import type { Clock } from "./clock.js";

const WORD = 4294967296;
const NOT_SENT = -1;
const SEQUENCE_NUMBERS = 65536;

export class Pings {
  /** Steady nanoseconds at which each sequence number was last sent. */
  readonly #sentAt: Float64Array;
  /** 1 for the numbers that were answered. */
  readonly #answered: Uint8Array;
  /** The clock's start in nanoseconds since the epoch, as two words: timestamps are taken apart exactly. */
  readonly #startHigh: number;
  readonly #startLow: number;
  #replies = 0;
  #duplicates = 0;
  #sum = 0;
  #squares = 0;
  /** Microseconds; 0 while nothing came back. */
  shortest = 0;
  longest = 0;

  /** Without `listening` it keeps no times: it only stamps. */
  constructor(clock: Clock, listening: boolean) {
    this.#sentAt = new Float64Array(listening ? SEQUENCE_NUMBERS : 0).fill(NOT_SENT);
    this.#answered = new Uint8Array(listening ? SEQUENCE_NUMBERS : 0);
    const { seconds, nanoseconds } = clock.start;
    const start = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
    this.#startHigh = Number(start >> 32n);
    this.#startLow = Number(start & 0xffffffffn);
  }

  /** Mean round-trip time in microseconds. */
  get mean(): number {
    return this.#replies === 0 ? 0 : Math.floor(this.#sum / this.#replies);
  }

  /** Request `sequence` leaves at steady time `now`. */
  sent(sequence: number, now: number): void {
    this.#sentAt[sequence] = now;
    this.#answered[sequence] = 0;
  }

  /** Writes the wall-clock time at steady time `now` as the timestamp at `address`. */
  stamp(view: DataView, address: number, now: number): void {
    const low = this.#startLow + (now % WORD);
    view.setUint32(address, low % WORD, true);
    view.setUint32(address + 4, this.#startHigh + Math.floor(now / WORD) + Math.floor(low / WORD), true);
  }

  /**
   * A reply to `sequence` came with the timestamp at `address`. Returns the round-trip time in microseconds, 0 for a
   * reply without timestamp; null when that number was not sent.
   */
  received(sequence: number, view: DataView, address: number): number | null {
    const sentAt = this.#sentAt[sequence];
    if (sentAt === NOT_SENT) return null;
    const low = view.getUint32(address, true);
    const high = view.getUint32(address + 4, true);
    let took = 0;
    if (low !== 0 || high !== 0) {
      const now = (high - this.#startHigh) * WORD + (low - this.#startLow);
      took = Math.max(0, Math.floor((now - sentAt) / 1000));
      if (this.#replies === 0 || took < this.shortest) this.shortest = took;
      this.longest = Math.max(this.longest, took);
      this.#sum += took;
      this.#squares += took * took;
    }
    this.#duplicates += this.#answered[sequence];
    this.#answered[sequence] = 1;
    this.#replies++;
    return took;
  }

  /** What ping prints at its end, after `sent` requests. */
  summary(sent: number): string {
    const different = this.#replies - this.#duplicates;
    let text = `${sent} packets transmitted, ${different} received`;
    if (this.#duplicates > 0) text += `, +${this.#duplicates} duplicates`;
    if (sent > 0) text += `, ${Math.max(0, Math.floor(((sent - different) * 100) / sent))}% packet loss\n`;
    if (this.#replies > 0) {
      const deviation = Math.floor(Math.sqrt(Math.max(0, this.#squares / this.#replies - this.mean ** 2)));
      const times = [this.shortest, this.mean, this.longest, deviation].map((us) => (us / 1000).toFixed(3));
      text += `rtt min/avg/max/mdev = ${times.join("/")}\n`;
    }
    return text;
  }

  reset(): void {
    this.#sentAt.fill(NOT_SENT);
    this.#answered.fill(0);
    this.#replies = 0;
    this.#duplicates = 0;
    this.#sum = 0;
    this.#squares = 0;
    this.shortest = 0;
    this.longest = 0;
  }
}
