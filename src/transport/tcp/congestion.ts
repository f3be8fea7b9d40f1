// Congestion control: what decides how many segments may be in the network. The sender owns the window and tells the
// algorithm what happens; the algorithm changes the window in congestion avoidance and says where to fall back to.

import { Cubic } from "./cubic.js";
import { NewReno } from "./new-reno.js";

/** Segments that may be sent before the first acknowledgement (RFC 6928). */
export const INITIAL_WINDOW = 10;
/** Least slow-start threshold, segments (RFC 5681 section 3.1). */
export const LEAST_THRESHOLD = 2;

/** The congestion window and its threshold, segments. */
export class CongestionWindow {
  size = INITIAL_WINDOW;
  threshold = Number.POSITIVE_INFINITY;
  /** Segments acknowledged towards the next one more. */
  #towards = 0;

  get slowStart(): boolean {
    return this.size < this.threshold;
  }

  /** Slow start (RFC 5681 section 3.1): one more for each that was acknowledged. Returns those beyond the threshold. */
  slowStartBy(acked: number): number {
    const size = Math.min(this.size + acked, this.threshold);
    const left = acked - (size - this.size);
    this.size = size;
    return left;
  }

  /** One segment more for each `share` that are acknowledged. */
  growBy(acked: number, share: number): void {
    if (this.#towards >= share) {
      this.#towards = 0;
      this.size++;
    }
    this.#towards += acked;
    if (this.#towards < share) return;
    const more = Math.floor(this.#towards / share);
    this.#towards -= more * share;
    this.size += more;
  }

  /** Forgets what was acknowledged towards one more. */
  restart(): void {
    this.#towards = 0;
  }
}

/** What an algorithm knows of an acknowledgement. Times are steady ns. */
export interface AckEvent {
  readonly now: number;
  /** Segments that this one acknowledges or selects, for the first time. */
  readonly delivered: number;
  /** All before it is acknowledged, and all before it is sent: positions. */
  readonly una: number;
  readonly next: number;
  /** Smoothed round-trip time, ns. */
  readonly rtt: number;
}

export interface CongestionControl {
  readonly name: string;
  /** Acknowledged while the window was in full use and nothing is being recovered: may enlarge it. */
  acknowledged(window: CongestionWindow, event: AckEvent): void;
  /** A round-trip time was measured, ns. */
  measured(window: CongestionWindow, rtt: number, event: AckEvent): void;
  /** Segments were lost: the threshold that the window falls to. */
  afterLoss(window: CongestionWindow): number;
  /** The retransmission timer expired: what it knew of the path may be wrong. */
  timedOut(): void;
  /** Sends again after `idle` ns in which nothing was in flight. */
  resumed(idle: number, now: number): void;
}

export const CONGESTION_CONTROLS = ["cubic", "reno"] as const;
export type CongestionName = (typeof CONGESTION_CONTROLS)[number];

export function newCongestionControl(name: CongestionName): CongestionControl {
  return name === "cubic" ? new Cubic() : new NewReno();
}
