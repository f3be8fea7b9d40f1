// One packet's way while it is followed.

import type { Element } from "../router/element.js";
import type { TracedPacket, TraceStep } from "./traced.js";

export interface Step extends TraceStep {
  leftWith: number;
  end: TraceStep["end"];
  output: number | null;
  reason: string | null;
}

export interface Trace {
  readonly mark: number;
  readonly number: number;
  readonly slot: number;
  readonly began: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly copyOf: number | null;
  readonly summary: string;
  readonly steps: Step[];
  cut: boolean;
  /** Bytes, more or less, that it takes up. */
  cost: number;
}

/** A packet that was given to an element, which was at its `step` then and had these drop counters. */
export interface Arrival {
  readonly trace: Trace;
  readonly step: number;
  readonly element: Element;
  readonly drops: readonly number[];
}

export function plain({ number, seconds, nanoseconds, copyOf, summary, steps, cut }: Trace): TracedPacket {
  return { number, seconds, nanoseconds, copyOf, summary, steps, cut };
}

export function dropCounts(element: Element): number[] {
  return Object.keys(element.spec.drops ?? {}).map((d) => element.memory.get64(element.counterAddress(d)));
}

/** Why `element` dropped packets since its counters were `before`; null when it did not. */
export function dropReason(element: Element, before: readonly number[]): string | null {
  // The graph may have been replaced since.
  if (element.state === 0) return null;
  const reasons = Object.values(element.spec.drops ?? {});
  const now = dropCounts(element);
  const grown = reasons.filter((_, i) => now[i] > before[i]);
  return grown.length === 0 ? null : grown.join(", or ");
}
