// Whether a reduction of the window was needless, and taking it back: what was sent again arrived twice (RFC 3708), or
// an acknowledgement answers what was sent before it (Eifel, RFC 3522).

import type { CongestionWindow } from "./congestion.js";

/** Timestamps count milliseconds, ns. */
const TICK = 1e6;

export class Undo {
  /** Reductions taken back so far. */
  count = 0;
  /** What was unacknowledged at the reduction; -1: there is none to take back. */
  #from = -1;
  #size = 0;
  #threshold = 0;
  /** Segments sent again since that have not arrived twice, and when the first was sent; -1: none. */
  #resent = 0;
  #resentAt = -1;

  /** The window is reduced next. */
  remember(window: CongestionWindow, una: number): void {
    this.#from = una;
    this.#size = window.size;
    this.#threshold = window.threshold;
    this.#resent = 0;
    this.#resentAt = -1;
  }

  /** A segment is sent again at `now`. */
  resent(now: number): void {
    this.#resent++;
    if (this.#resentAt < 0) this.#resentAt = now;
  }

  /** The other end had what ends at `end` twice. */
  duplicated(end: number): void {
    if (this.#from >= 0 && this.#resent > 0 && end > this.#from) this.#resent--;
  }

  /** Whether all that was sent again since arrived twice. */
  get allTwice(): boolean {
    return this.#from >= 0 && this.#resentAt >= 0 && this.#resent === 0;
  }

  /** Whether an acknowledgement that echoes what was sent at `echoed` answers a first transmission. */
  answersFirst(echoed: number): boolean {
    return this.#from >= 0 && this.#resentAt >= 0 && echoed >= 0 && echoed + TICK <= this.#resentAt;
  }

  /** Takes the reduction back. */
  restore(window: CongestionWindow): void {
    window.size = Math.max(window.size, this.#size);
    window.threshold = Math.max(window.threshold, this.#threshold);
    this.#from = -1;
    this.count++;
  }
}
