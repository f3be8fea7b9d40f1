import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  N: { type: "unsigned", positional: true, doc: "outputs expected; an error when others are connected" },
} as const;

/**
 * Sends a copy of each packet to every output.
 *
 * The last output gets the packets themselves. With batches of more than one packet an output sees the whole batch
 * before the next output does.
 *
 * @input 0 packets
 * @output any copies of them, as many outputs as are connected
 * @example InfiniteSource(LIMIT 3) -> t :: Tee -> Discard; t[1] -> Print(copy) -> Discard
 * @see PullTee, PaintTee
 */
export class Tee extends Element {
  static readonly spec = {
    ports: "1/1-",
    processing: "h",
    args,
    drops: { no_slot: "the packet pool was exhausted, so a copy was not made" },
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.N !== undefined && values.N !== this.noutputs)
      errors.error(`${this.noutputs} outputs implies ${this.noutputs} arms`);
  }

  override push(_port: number, batch: Batch): void {
    const last = this.noutputs - 1;
    for (let i = 0; i < last; i++) this.pushCopies(i, batch, this.state);
    this.outputs[last].push(batch);
  }
}
