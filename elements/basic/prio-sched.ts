import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

/**
 * Pulls from its inputs by priority: from the first one that has packets.
 *
 * A pull gets packets of one input only. Input 1 gets its turn when input 0 has nothing, and so on: what comes without a
 * pause on one input keeps those behind it waiting.
 *
 * @input 0- packets, pulled; input 0 first
 * @output 0 the same packets, pull
 * @example
 * RatedSource(LIMIT 5) -> Queue -> [0] p :: PrioSched -> Unqueue -> Discard;
 * InfiniteSource(LIMIT 5) -> Queue -> [1] p
 * @see Queue
 */
export class PrioSched extends Element {
  static readonly spec = {
    ports: "-/1",
    processing: "l/l",
  } as const satisfies ElementSpec;

  override pull(_port: number, batch: Batch, max: number): void {
    for (const input of this.inputs) if (input.pull(batch, max) > 0) return;
  }
}
