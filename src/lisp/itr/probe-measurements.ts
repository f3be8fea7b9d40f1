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
