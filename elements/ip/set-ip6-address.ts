import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  ADDR: { type: "ip6", positional: true, required: true, doc: "the address" },
} as const;

/**
 * Sets the 16-byte destination annotation to an IPv6 address, e.g. to a fixed next hop.
 *
 * @input 0 packets
 * @output 0 the same packets
 * @example InfiniteSource(LIMIT 3) -> SetIP6Address(2001:db8::1) -> Discard
 * @see GetIP6Address
 */
export class SetIP6Address extends Element {
  static readonly spec = { ports: "1/1", args, state: 16, live: true } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>): void {
    this.memory.u8.set(values.ADDR, this.state);
  }

  override process(batch: Batch): void {
    this.memory.kernels.ip6SetAddress(batch.address, batch.count, this.state);
  }
}
