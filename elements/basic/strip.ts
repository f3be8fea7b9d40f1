import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  LENGTH: { type: "unsigned", positional: true, required: true, doc: "bytes to remove" },
} as const;

/**
 * Removes bytes from the front of each packet.
 *
 * A packet shorter than LENGTH becomes empty.
 *
 * @input 0 packets, push or pull
 * @output 0 the same packets, shorter
 * @example InfiniteSource(LIMIT 3) -> Strip(14) -> Discard
 * @see Unstrip, StoreData
 */
export class Strip extends Element {
  static readonly spec = { ports: "1/1", args, live: true } as const satisfies ElementSpec;

  #length = 0;

  override configure(values: ArgValues<typeof args>): void {
    this.#length = values.LENGTH;
  }

  override process(batch: Batch): void {
    this.memory.kernels.batchStrip(batch.address, batch.count, this.#length);
  }
}
