// NewReno: additive increase, half of the window after a loss (RFC 5681, RFC 6582). The recovery itself is the sender's.

import {
  type AckEvent,
  type CongestionControl,
  type CongestionWindow,
  LEAST_THRESHOLD,
} from "./congestion.js";

export class NewReno implements CongestionControl {
  readonly name = "reno";

  acknowledged(window: CongestionWindow, { delivered }: AckEvent): void {
    const left = window.slowStart ? window.slowStartBy(delivered) : delivered;
    if (left > 0) window.growBy(left, window.size);
  }

  measured(): void {}

  afterLoss(window: CongestionWindow): number {
    return Math.max(Math.floor(window.size / 2), LEAST_THRESHOLD);
  }

  timedOut(): void {}

  resumed(): void {}
}
