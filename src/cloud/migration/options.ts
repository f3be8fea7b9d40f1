// What one controller's migrations have in common.

import type { State } from "./record.js";

/** Seconds, all of them. */
export interface Patience {
  /** For each state that ends by itself; together at most 2, so that no failure costs more than that beside the copying. */
  readonly decided: number;
  readonly armed: number;
  readonly requested: number;
  readonly stopped: number;
  readonly resumed: number;
  /** For the copying, until STOP. */
  readonly running: number;
  /** For whoever does not answer on the last way, forward or back; then it ends without. */
  readonly lost: number;
  /** For one answer; then it is asked for again. */
  readonly answer: number;
}

export const PATIENCE: Patience = {
  decided: 0.5,
  armed: 0.5,
  requested: 0.3,
  stopped: 0.45,
  resumed: 0.25,
  running: 600,
  lost: 30,
  answer: 0.5,
};

export interface SequenceOptions {
  readonly patience: Patience;
  /** Seconds that a virtual machine may stand still. */
  readonly downtimeLimit: number;
  /** Bits a second of one migration at most; 0: no limit. */
  readonly bandwidth: number;
}

/** Seconds that what is armed holds beyond the copying, where nobody takes it back. */
const HOLD = 10;

export function holdOf({ running, lost }: Patience): number {
  return running + lost + HOLD;
}

/** Seconds that a state may take; null: it goes on until it is over, or whoever does not answer is lost. */
export function patienceOf(state: State, patience: Patience): number | null {
  switch (state) {
    case "decided":
    case "armed":
    case "requested":
    case "running":
    case "stopped":
    case "resumed":
      return patience[state];
    default:
      return null;
  }
}
