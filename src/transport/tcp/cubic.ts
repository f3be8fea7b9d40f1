// CUBIC (RFC 9438), with HyStart for its slow start. Windows are segments, times seconds where the RFC has them so.

import {
  type AckEvent,
  type CongestionControl,
  type CongestionWindow,
  LEAST_THRESHOLD,
} from "./congestion.js";
import { HyStart } from "./hystart.js";

/** The constant of the cubic function (RFC 9438 section 5). */
const C = 0.4;
/** What is left of the window after a loss (RFC 9438 section 4.6): Linux's 717/1024. */
const BETA = 0.7;
/** Segments a round trip by which a flow of Reno grows that falls to BETA (RFC 9438 section 4.3). */
const RENO_GROWTH: number = (3 * (1 - BETA)) / (1 + BETA);
/** The window grows by one segment for two acknowledged at most (RFC 9438 section 4.4: by half in a round trip). */
const LEAST_SHARE = 2;
/** Before the first loss it grows by a twentieth a round trip at least. */
const FIRST_SHARE = 20;
/** Round-trip times of the first second after a loss say more of the queue than of the path: not taken, ns. */
const AFTER_LOSS = 1e9;
const SECOND = 1e9;

export class Cubic implements CongestionControl {
  readonly name = "cubic";
  readonly #start = new HyStart();
  /** Window before the last reduction (W_max); 0 before the first one. */
  #most = 0;
  /** When this congestion avoidance began, steady ns; -1 between a loss and its first acknowledgement. */
  #epoch = -1;
  /** Seconds from the epoch to the plateau (K), and the window there. */
  #plateauAfter = 0;
  #plateau = 0;
  /** What Reno's window would be (W_est). */
  #reno = 0;
  /** Least round-trip time, ns; 0 before it is measured. */
  #least = 0;

  acknowledged(window: CongestionWindow, event: AckEvent): void {
    const left = window.slowStart ? window.slowStartBy(event.delivered) : event.delivered;
    if (left > 0) window.growBy(left, this.#share(window, left, event.now));
  }

  /** Segments to be acknowledged for each one more. */
  #share(window: CongestionWindow, acked: number, now: number): number {
    const { size } = window;
    if (this.#epoch < 0) this.#begin(size, now);
    // Where the window is to be one round trip from now.
    const t = (now - this.#epoch + this.#least) / SECOND - this.#plateauAfter;
    const target = this.#plateau + C * t * t * t;
    let share = target > size ? size / (target - size) : 100 * size;
    if (this.#most === 0) share = Math.min(share, FIRST_SHARE);
    this.#reno += (RENO_GROWTH * acked) / size;
    if (this.#reno > size) share = Math.min(share, size / (this.#reno - size));
    return Math.max(share, LEAST_SHARE);
  }

  #begin(size: number, now: number): void {
    this.#epoch = now;
    this.#reno = size;
    this.#plateau = Math.max(this.#most, size);
    this.#plateauAfter = Math.cbrt((this.#plateau - size) / C);
  }

  measured(window: CongestionWindow, rtt: number, event: AckEvent): void {
    if (this.#epoch >= 0 && event.now - this.#epoch < AFTER_LOSS) return;
    if (this.#least === 0 || rtt < this.#least) this.#least = rtt;
    if (window.slowStart && this.#start.exits(window.size, rtt, this.#least, event))
      window.threshold = window.size;
  }

  afterLoss(window: CongestionWindow): number {
    const { size } = window;
    this.#epoch = -1;
    // Fast convergence (RFC 9438 section 4.7): a flow that could not get back to where it was makes room for others.
    this.#most = size < this.#most ? (size * (1 + BETA)) / 2 : size;
    return Math.max(Math.floor(size * BETA), LEAST_THRESHOLD);
  }

  timedOut(): void {
    this.#most = 0;
    this.#epoch = -1;
    this.#least = 0;
    this.#start.reset();
  }

  resumed(idle: number, now: number): void {
    if (this.#epoch >= 0) this.#epoch = Math.min(this.#epoch + idle, now);
  }
}
