// What RLOC probes have measured (RFC 9301, section 7.1): a record of each, for those who listen.

/** One probe that is over. Of a pair that was never probed there is none: nothing is known of it. */
export interface ProbeMeasurement {
  /** The RLOC of ours that it left from, and the RLOC that was probed: 4 or 16 bytes each, both of one family. */
  readonly own: Uint8Array;
  readonly peer: Uint8Array;
  /** Steady nanoseconds. */
  readonly sentAt: number;
  /** Round-trip time, nanoseconds; "lost": no answer came in time, nor until a later probe was answered or all were given up. */
  readonly rtt: number | "lost";
}

export type MeasurementListener = (measurement: ProbeMeasurement) => void;

interface Entry {
  readonly listener: MeasurementListener;
  failed: boolean;
}

export class ProbeMeasurements {
  readonly #failed: (error: unknown) => void;
  readonly #entries = new Set<Entry>();

  /** `failed` gets the first error that each listener throws. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Calls `listener` with each measurement from now on, until the function it returns is called. */
  listen(listener: MeasurementListener): () => void {
    const entry = { listener, failed: false };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /** Tells all listeners, in the order in which they came. What one throws is kept from the others and from the caller. */
  tell(measurements: readonly ProbeMeasurement[]): void {
    for (const measurement of measurements)
      for (const entry of [...this.#entries]) {
        // Another listener may have ended it just now.
        if (!this.#entries.has(entry)) continue;
        try {
          entry.listener(measurement);
        } catch (error) {
          if (!entry.failed) this.#failed(error);
          entry.failed = true;
        }
      }
  }

  /** Forgets all listeners. */
  clear(): void {
    this.#entries.clear();
  }
}
