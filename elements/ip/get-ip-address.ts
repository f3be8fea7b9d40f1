import { IP_GET_DESTINATION, IP_GET_SOURCE } from "../../assembly/ip-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  OFFSET: {
    type: "int",
    positional: true,
    default: "-1",
    doc: "bytes before the address in the packet's data, e.g. 16 for the destination",
  },
  ANNO: { type: "anno", positional: true, size: 4, default: "DST_IP", doc: "the annotation to set" },
  IP: {
    type: "word",
    doc: "src or dst: take that address of the header that is marked, in place of OFFSET",
  },
} as const;

/**
 * Copies an IPv4 address from the packet to its destination annotation (or another), for the routing table.
 *
 * An address that is not within the packet's data counts as 0.0.0.0.
 *
 * @input 0 packets
 * @output 0 the same packets
 * @example InfiniteSource(LIMIT 3) -> GetIPAddress(16) -> Discard
 * @see SetIPAddress, RadixIPLookup
 */
export class GetIPAddress extends Element {
  static readonly spec = { ports: "1/1", args, live: true } as const satisfies ElementSpec;

  #offset = 0;
  #annotation = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const { OFFSET, ANNO, IP } = values;
    if (OFFSET >= 0 === (IP !== undefined)) {
      errors.error("set one of OFFSET, IP");
      return;
    }
    if (IP !== undefined && IP !== "src" && IP !== "dst") {
      errors.error("bad IP");
      return;
    }
    if (IP === undefined) this.#offset = OFFSET;
    else this.#offset = IP === "src" ? IP_GET_SOURCE : IP_GET_DESTINATION;
    this.#annotation = ANNO.offset;
  }

  override process(batch: Batch): void {
    this.memory.kernels.ipGetAddress(batch.address, batch.count, this.#offset, this.#annotation);
  }
}
