// Whether the congestion window is what holds the sender back: only then may it grow, as else nobody knows whether the
// network takes more (RFC 7661 section 4.3, by Linux's rule).

import type { CongestionWindow } from "./congestion.js";

export class WindowUse {
  #limited = false;
  /** Most segments out, until this is acknowledged. */
  #mostOut = 0;
  #until = 1;

  /** After sending: `limited`: the window kept the sender from sending more. Positions as the sender has them. */
  note(limited: boolean, out: number, una: number, next: number): void {
    if (una < this.#until && !limited && (this.#limited || out <= this.#mostOut)) return;
    this.#limited = limited;
    this.#mostOut = out;
    this.#until = next;
  }

  /** Whether `window` is in use; in slow start half of it is enough. */
  full(window: CongestionWindow): boolean {
    return this.#limited || (window.slowStart && window.size < 2 * this.#mostOut);
  }
}
