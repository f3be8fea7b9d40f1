import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

/**
 * Computes the IPv4 header checksum, after something changed the header.
 *
 * The header is at the network header annotation or, without one, at the start of the data. Packets too short for
 * their header are dropped; the first one is reported.
 *
 * @input 0 IPv4 packets
 * @output 0 the same packets with a good checksum
 * @example InfiniteSource(LIMIT 3) -> SetIPChecksum -> Discard
 * @see CheckIPHeader
 */
export class SetIPChecksum extends Element {
  static readonly spec = {
    ports: "1/1",
    drops: { bad_header: "shorter than its IP header" },
    handlers: { drops: { read: true, doc: "packets dropped" } },
  } as const satisfies ElementSpec;

  #reported = false;

  override process(batch: Batch): void {
    const kept = this.memory.kernels.setIpChecksum(this.state, batch.address, batch.count);
    if (kept < batch.count && !this.#reported) {
      this.#reported = true;
      this.router.log("SetIPChecksum: bad input packet");
    }
    batch.count = kept;
  }

  override handlers(): Record<string, HandlerCode> {
    return { drops: { read: () => this.dropTotal } };
  }
}
