// The totals that every device keeps, under the same names.

/** Totals of sending, and of receiving where no kernel counts them. Packets, but for the two `_bytes`. */
export interface Totals {
  rx_packets: number;
  rx_bytes: number;
  /** Frames larger than a packet that could not be segmented. */
  rx_too_big: number;
  /** Lost for lack of memory for packets. */
  rx_no_slot: number;
  /** Frames the device reported as unreadable. */
  rx_errors: number;
  tx_packets: number;
  tx_bytes: number;
  /** Larger than the device carries. */
  tx_too_big: number;
  /** Refused by the device for another reason. */
  tx_errors: number;
  /** Lost because the device was down. */
  tx_down: number;
}

export function newTotals(): Totals {
  return {
    rx_packets: 0,
    rx_bytes: 0,
    rx_too_big: 0,
    rx_no_slot: 0,
    rx_errors: 0,
    tx_packets: 0,
    tx_bytes: 0,
    tx_too_big: 0,
    tx_errors: 0,
    tx_down: 0,
  };
}

const LOSSES = [
  "rx_too_big",
  "rx_no_slot",
  "rx_errors",
  "rx_kernel_drops",
  "tx_too_big",
  "tx_errors",
  "tx_down",
  "tx_lost",
  "tx_overrun",
  "tx_abandoned",
  "rx_released",
];

/** Packets that a device has lost in either direction, of its `counters()`. */
export function lossesOf(counters: Readonly<Record<string, number>>): number {
  return Object.values(lossesByReason(counters)).reduce((sum, n) => sum + n, 0);
}

/** The same by reason; those that did not happen are left out. */
export function lossesByReason(counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    LOSSES.filter((name) => counters[name] > 0).map((name) => [name, counters[name]]),
  );
}

/** `counters()` as handlers show them: a name and its total a line. */
export function countersText(counters: Readonly<Record<string, number>>): string {
  return Object.entries(counters)
    .map(([name, value]) => `${name}\t${value}\n`)
    .join("");
}
