// The first instance of a new process, its manager's code loaded: prints Cold as JSON. Run by instance-boots.ts.

import { processorTime } from "./harness.js";
import { bootInline, Hand, sharedParts, xtr } from "./instance-lab.js";

export interface Cold {
  /** Milliseconds from the instance's start, and from the process's, to its first forwarded packet. */
  readonly ms: number;
  readonly processMs: number;
  /** Nanoseconds of processor time of the same. */
  readonly processor: number;
  readonly processProcessor: number;
}

const [hand, shared, subject] = [new Hand(), sharedParts(), xtr()];
const before = processorTime();
const booted = await bootInline(hand, shared, subject, 0);
const processMs = performance.now();
const processProcessor = processorTime();
const cold: Cold = { ms: booted.ms, processMs, processor: processProcessor - before, processProcessor };
process.stdout.write(JSON.stringify(cold));
await booted.close();
