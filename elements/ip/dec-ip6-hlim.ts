import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

/**
 * Decrements the IPv6 hop limit.
 *
 * Packets whose hop limit is 0 or 1 leave unchanged on output 1, ordinarily to an ICMP6Error; they are dropped
 * when that is not connected. So are packets without an IP header annotation.
 *
 * @input 0 IPv6 packets, marked
 * @output 0 packets that live on
 * @output 1 packets whose hops are used up (optional)
 * @example InfiniteSource(LIMIT 3) -> CheckIP6Header -> DecIP6HLIM -> Discard
 * @see ICMP6Error, CheckIP6Header, DecIPTTL
 */
export class DecIP6HLIM extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    drops: {
      expired: "its hop limit was 0 or 1",
      no_header: "it has no IP header annotation, or one outside its data",
    },
    handlers: { drops: { read: true, doc: "packets that left on output 1 or were dropped" } },
  } as const satisfies ElementSpec;

  override process(batch: Batch): void {
    const good = this.memory.kernels.ip6DecHopLimit(this.state, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good);
  }

  override handlers(): Record<string, HandlerCode> {
    return { drops: { read: () => this.dropTotal } };
  }
}
