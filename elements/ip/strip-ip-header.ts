import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

/**
 * Removes the IP header, and whatever is before it, from marked packets: the data then begins with the transport
 * header. The annotations stay. Packets whose network header is not marked are dropped.
 *
 * @input 0 IP packets, marked
 * @output 0 their payload
 * @example InfiniteSource(LIMIT 3) -> CheckIPHeader -> StripIPHeader -> Discard
 * @see CheckIPHeader, MarkIPHeader, IPEncap
 */
export class StripIPHeader extends Element {
  static readonly spec = {
    ports: "1/1",
    drops: { no_header: "it has no IP header annotation, or one outside its data" },
  } as const satisfies ElementSpec;

  override process(batch: Batch): void {
    batch.count = this.memory.kernels.stripIpHeader(this.state, batch.address, batch.count);
  }
}
