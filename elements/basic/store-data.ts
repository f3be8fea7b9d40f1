import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Template } from "../../src/packet/template.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  OFFSET: { type: "unsigned", positional: true, required: true, doc: "byte of the packet where it begins" },
  DATA: { type: "string", positional: true, required: true, doc: "bytes to write" },
} as const;

/**
 * Writes DATA into each packet, from byte OFFSET on.
 *
 * Packets keep their length: what goes beyond their end is not written.
 *
 * @input 0 packets, push or pull
 * @output 0 the same packets, changed
 * @example InfiniteSource(LIMIT 3) -> StoreData(12, \<0800>) -> Print -> Discard
 * @see Strip, Paint
 */
export class StoreData extends Element {
  static readonly spec = { ports: "1/1", args, live: true } as const satisfies ElementSpec;

  #offset = 0;
  readonly #data = new Template(this.memory);

  override configure(values: ArgValues<typeof args>): void {
    this.#offset = values.OFFSET;
    this.#data.assign(values.DATA);
  }

  override cleanup(): void {
    this.#data.release();
  }

  override process(batch: Batch): void {
    const { address, length } = this.#data;
    this.memory.kernels.storeBatch(batch.address, batch.count, this.#offset, address, length);
  }
}
