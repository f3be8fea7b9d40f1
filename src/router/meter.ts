// What each element of a metered router did and how long it took by itself.

import type { Element } from "./element.js";
import { MeteredPort, type Port } from "./port.js";

/** The runs of an element's own tasks and timers. */
export interface RunMeter {
  runs: number;
  /** Nanoseconds in all, elements that they called included. */
  nanoseconds: number;
}

/** What one element did since its router was made. */
export interface ElementLoad {
  readonly element: Element;
  /** Calls from other elements, and runs of its own tasks and timers. */
  readonly calls: number;
  /** Packets that it was given or has pulled, and the batches they came in; for a source, those it gave. */
  readonly packets: number;
  readonly batches: number;
  /** Nanoseconds of its own: without what it called. */
  readonly nanoseconds: number;
}

/** Wraps a task's or timer's function so that its runs are counted and timed. */
export function timed<T>(run: () => T, meter: RunMeter): () => T {
  return () => {
    const start = performance.now();
    try {
      return run();
    } finally {
      meter.runs++;
      meter.nanoseconds += (performance.now() - start) * 1e6;
    }
  };
}

/** Nanoseconds that one reading of the clock costs, as metering pays it. */
export function clockCost(): number {
  let least = Number.POSITIVE_INFINITY;
  let sink = 0;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    for (let i = 0; i < 1000; i++) sink += performance.now();
    least = Math.min(least, ((performance.now() - start) * 1e6) / 1000);
  }
  return sink > 0 ? least : 0;
}

/**
 * What the elements of a metered router did, in their order. Of each call two clock readings are paid, one inside
 * the measured time and one outside, in the caller's: both are taken off (`cost` nanoseconds each).
 */
export function elementLoads(elements: readonly Element[], cost: number = clockCost()): ElementLoad[] {
  const inside = elements.map((e) => ({ ...e.runMeter, packets: 0, batches: 0 }));
  const outside = elements.map(() => ({ calls: 0, nanoseconds: 0, packets: 0, batches: 0 }));
  for (const element of elements) {
    const each = (port: Port, pulled: boolean): void => {
      if (!(port instanceof MeteredPort)) return;
      const { batches, empty, packets, nanoseconds } = port.meter;
      const filled = batches - empty;
      const own = outside[element.index];
      own.calls += batches;
      own.nanoseconds += nanoseconds;
      const far = inside[port.element.index];
      far.runs += batches;
      far.nanoseconds += nanoseconds;
      // What goes into an element counts there; what a source gives counts as its own.
      if (pulled) {
        inside[element.index].packets += packets;
        inside[element.index].batches += filled;
        outside[port.element.index].packets += packets;
        outside[port.element.index].batches += filled;
      } else {
        far.packets += packets;
        far.batches += filled;
        own.packets += packets;
        own.batches += filled;
      }
    };
    for (const port of element.outputs) each(port, false);
    for (const port of element.inputs) each(port, true);
  }
  return elements.map((element, i) => ({
    element,
    calls: inside[i].runs,
    packets: element.ninputs > 0 ? inside[i].packets : outside[i].packets,
    batches: element.ninputs > 0 ? inside[i].batches : outside[i].batches,
    nanoseconds: Math.max(
      0,
      inside[i].nanoseconds - outside[i].nanoseconds - cost * (inside[i].runs + outside[i].calls),
    ),
  }));
}
