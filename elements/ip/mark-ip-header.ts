import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  OFFSET: {
    type: "unsigned",
    positional: true,
    default: "0",
    doc: "bytes before the IP header in the packet's data",
  },
} as const;

/**
 * Marks packets as IP packets: sets the network and transport header annotations from the IPv4 header, which is
 * not checked.
 *
 * @input 0 IPv4 packets
 * @output 0 the same packets, marked
 * @example InfiniteSource(LIMIT 3) -> MarkIPHeader -> Discard
 * @see CheckIPHeader, StripIPHeader
 */
export class MarkIPHeader extends Element {
  static readonly spec = { ports: "1/1", args, live: true } as const satisfies ElementSpec;

  #offset = 0;

  override configure(values: ArgValues<typeof args>): void {
    this.#offset = values.OFFSET;
  }

  override process(batch: Batch): void {
    this.memory.kernels.ipMarkHeader(batch.address, batch.count, this.#offset);
  }
}
