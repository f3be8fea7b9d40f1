// RACK (RFC 8985): a segment is lost when one that was sent later has arrived, and the time that reordering may take
// has passed. Finds lost retransmissions too.

import type { Scoreboard } from "./scoreboard.js";

/** Segments that arrive before their turn, before losses are found without waiting. */
const DUPLICATE_THRESHOLD = 3;
/** The window for reordering grows in quarters of the least round-trip time, up to so many. */
const STEPS_MOST = 255;
/** Recoveries after which it is one quarter again. */
const STEPS_KEPT = 16;

export class Rack {
  /** Of all segments that have arrived the one sent last: when, and where it ends; and its round-trip time, ns. */
  #sentAt = 0;
  #end = 0;
  #rtt = 0;
  /** The furthest position that had arrived before this acknowledgement, and that has by now. */
  #furthest = 0;
  #furthestNow = 0;
  /** Segments were seen to arrive in another order. */
  reordering = false;
  #steps = 1;
  #kept = 0;
  #raisedAt = -1;

  /** A segment has arrived that ends at `end` and was sent at `sentAt`; `resent`: more than once. */
  delivered(sentAt: number, end: number, resent: boolean, now: number, leastRtt: number): void {
    if (end < this.#furthest && !resent) this.reordering = true;
    this.#furthestNow = Math.max(this.#furthestNow, end);
    const rtt = now - sentAt;
    // Sooner than the path allows: it is the first transmission that arrived.
    if (resent && rtt < leastRtt) return;
    this.#rtt = rtt;
    if (!later(sentAt, end, this.#sentAt, this.#end)) return;
    this.#sentAt = sentAt;
    this.#end = end;
  }

  /** The other end had a segment twice: a retransmission was not needed, so reordering takes longer than was thought. */
  duplicated(una: number, next: number): void {
    if (una < this.#raisedAt) return;
    this.#raisedAt = next;
    this.#steps = Math.min(this.#steps + 1, STEPS_MOST);
    this.#kept = STEPS_KEPT;
  }

  /** A recovery ended. */
  recovered(): void {
    if (this.#kept > 0) this.#kept--;
    else this.#steps = 1;
  }

  /** Whether a segment that was sent at `sentAt` may still be answered at `now`. */
  recent(sentAt: number, now: number): boolean {
    return sentAt + this.#rtt > now;
  }

  /**
   * Marks on `board` what is lost at steady time `now`. Returns the ns until more may be, 0 where nothing is waited
   * for. `recovering`: losses are being repaired already.
   */
  detect(board: Scoreboard, now: number, recovering: boolean, leastRtt: number, rtt: number): number {
    this.#furthest = this.#furthestNow;
    const window = this.#window(board, recovering, leastRtt, rtt);
    let wait = 0;
    for (let index = board.oldest(); index >= 0; ) {
      const newer = board.newer(index);
      if (!later(this.#sentAt, this.#end, board.sentAt(index), board.end(index))) break;
      const left = board.sentAt(index) + this.#rtt + window - now;
      if (left <= 0) board.markLost(index);
      else wait = Math.max(wait, left);
      index = newer;
    }
    return wait;
  }

  #window(board: Scoreboard, recovering: boolean, leastRtt: number, rtt: number): number {
    if (!this.reordering && (recovering || board.sacked >= DUPLICATE_THRESHOLD)) return 0;
    return Math.min((leastRtt / 4) * this.#steps, rtt);
  }
}

/** Whether the first was sent after the second: where the clock does not tell, by the order in the stream. */
function later(sentAt: number, end: number, otherSentAt: number, otherEnd: number): boolean {
  return sentAt > otherSentAt || (sentAt === otherSentAt && end > otherEnd);
}
