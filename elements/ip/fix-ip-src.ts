import type { ArgValues } from "../../src/lang/args/spec.js";
import { swap32 } from "../../src/net/byte-order.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  IPADDR: {
    type: "ip",
    positional: true,
    required: true,
    doc: "the address of the interface that packets leave by",
  },
} as const;

/**
 * Sets the source address of packets that this router made itself, once it is known by which interface they leave
 * (RFC 1812 section 4.3.2.4). ICMPError marks them with the fix-IP-source annotation, which is cleared here.
 *
 * @input 0 IPv4 packets, marked
 * @output 0 the same packets
 * @example InfiniteSource(LIMIT 3) -> CheckIPHeader -> FixIPSrc(10.0.0.1) -> Discard
 * @see ICMPError
 */
export class FixIPSrc extends Element {
  static readonly spec = { ports: "1/1", args, live: true } as const satisfies ElementSpec;

  #address = 0;

  override configure(values: ArgValues<typeof args>): void {
    this.#address = swap32(values.IPADDR);
  }

  override process(batch: Batch): void {
    this.memory.kernels.fixIpSource(this.#address, batch.address, batch.count);
  }
}
