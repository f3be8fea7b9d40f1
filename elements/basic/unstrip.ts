import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  LENGTH: { type: "unsigned", positional: true, required: true, doc: "bytes to put back" },
} as const;

/**
 * Puts bytes back in front of each packet: those that Strip removed.
 *
 * Bytes that were never there are undefined. A packet that would be longer than any can be, or that there is no memory for, is dropped.
 *
 * @input 0 packets, push or pull
 * @output 0 the same packets, longer
 * @example InfiniteSource(LIMIT 3) -> Strip(14) -> Unstrip(14) -> Discard
 * @see Strip
 */
export class Unstrip extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    drops: { no_room: "longer than a packet can be, or there is no memory for it" },
    live: true,
  } as const satisfies ElementSpec;

  #length = 0;

  override configure(values: ArgValues<typeof args>): void {
    this.#length = values.LENGTH;
  }

  override process(batch: Batch): void {
    const good = this.memory.kernels.unstripBatch(batch.address, batch.count, this.#length, this.rejects);
    if (good === batch.count) return;
    this.memory.add64(this.state, batch.count - good);
    this.reject(batch, good, null);
  }
}
