import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  N: { type: "unsigned", positional: true, doc: "outputs expected; an error when others are connected" },
} as const;

/**
 * Pulls packets for its first output, and pushes a copy of each to its other outputs.
 *
 * @input 0 packets, pulled when output 0 is
 * @output 0 the packets, pull
 * @output 1- copies of them, push
 * @example InfiniteSource(LIMIT 3) -> Queue -> t :: PullTee -> Unqueue -> Discard; t[1] -> Print(copy) -> Discard
 * @see Tee
 */
export class PullTee extends Element {
  static readonly spec = {
    ports: "1/1-",
    processing: "l/lh",
    args,
    drops: { no_slot: "the packet pool was exhausted, so a copy was not made" },
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.N !== undefined && values.N !== this.noutputs)
      errors.error(`${this.noutputs} outputs implies ${this.noutputs} arms`);
  }

  override process(batch: Batch): void {
    for (let i = 1; i < this.noutputs; i++) this.pushCopies(i, batch, this.state);
  }
}
