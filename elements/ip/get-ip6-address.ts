import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  OFFSET: {
    type: "unsigned",
    positional: true,
    required: true,
    doc: "bytes before the address in the packet's data, e.g. 24 for the destination",
  },
} as const;

/**
 * Copies an IPv6 address from the packet to its 16-byte destination annotation, for the routing table.
 *
 * An address that is not within the packet's data counts as `::`.
 *
 * @input 0 packets
 * @output 0 the same packets
 * @example InfiniteSource(LIMIT 3) -> GetIP6Address(24) -> Discard
 * @see SetIP6Address, LookupIP6Route
 */
export class GetIP6Address extends Element {
  static readonly spec = { ports: "1/1", args, live: true } as const satisfies ElementSpec;

  #offset = 0;

  override configure(values: ArgValues<typeof args>): void {
    this.#offset = values.OFFSET;
  }

  override process(batch: Batch): void {
    this.memory.kernels.ip6GetAddress(batch.address, batch.count, this.#offset);
  }
}
