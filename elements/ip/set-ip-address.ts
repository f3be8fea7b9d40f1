import type { ArgValues } from "../../src/lang/args/spec.js";
import { ipText } from "../../src/net/address.js";
import { swap32 } from "../../src/net/byte-order.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import { type HandlerCode, handlerValue } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  IPADDR: { type: "ip", positional: true, required: true, doc: "the address" },
  ANNO: { type: "anno", size: 4, default: "DST_IP", doc: "the annotation to set" },
} as const;

/**
 * Sets the destination annotation (or another) to an IPv4 address, e.g. to a fixed next hop.
 *
 * @input 0 packets
 * @output 0 the same packets
 * @example InfiniteSource(LIMIT 3) -> SetIPAddress(10.0.0.1) -> Discard
 * @see GetIPAddress
 */
export class SetIPAddress extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    handlers: { addr: { read: true, write: true, doc: "the address" } },
    live: true,
  } as const satisfies ElementSpec;

  #address = 0;
  #annotation = 0;

  override configure(values: ArgValues<typeof args>): void {
    this.#address = values.IPADDR;
    this.#annotation = values.ANNO.offset;
  }

  override process(batch: Batch): void {
    const address = swap32(this.#address);
    this.memory.kernels.ipSetAddress(batch.address, batch.count, address, this.#annotation);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      addr: {
        read: () => ipText(this.#address),
        write: (text) => {
          this.#address = handlerValue(args.IPADDR, text);
        },
      },
    };
  }
}
