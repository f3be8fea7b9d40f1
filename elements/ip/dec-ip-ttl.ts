import * as layout from "../../assembly/ip-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  ACTIVE: { type: "bool", default: "true", doc: "false: packets pass unchanged" },
  MULTICAST: {
    type: "bool",
    default: "true",
    doc: "also decrement the TTL of packets to multicast addresses",
  },
} as const;

/**
 * Decrements the IPv4 time to live and updates the header checksum (RFC 1624).
 *
 * Packets whose time to live is 0 or 1 leave unchanged on output 1, ordinarily to an ICMPError; they are dropped
 * when that is not connected. So are packets without an IP header annotation.
 *
 * @input 0 IPv4 packets, marked
 * @output 0 packets that live on
 * @output 1 packets whose time is over (optional)
 * @example InfiniteSource(LIMIT 3) -> CheckIPHeader -> DecIPTTL -> Discard
 * @see ICMPError, CheckIPHeader, DecIP6HLIM
 */
export class DecIPTTL extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    drops: {
      expired: "its time to live was 0 or 1",
      no_header: "it has no IP header annotation, or one outside its data",
    },
    state: layout.IP_TTL_SIZE - layout.IP_TTL_MULTICAST,
    handlers: {
      drops: { read: true, doc: "packets that left on output 1 or were dropped" },
      active: { read: true, write: true, checkbox: true, doc: "whether it decrements" },
    },
    live: true,
  } as const satisfies ElementSpec;

  #active = true;

  override configure(values: ArgValues<typeof args>): void {
    this.#active = values.ACTIVE;
    this.memory.set32(this.state + layout.IP_TTL_MULTICAST, values.MULTICAST ? 1 : 0);
  }

  override process(batch: Batch): void {
    if (!this.#active) return;
    const good = this.memory.kernels.ipDecTtl(this.state, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      drops: { read: () => this.dropTotal },
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          this.#active = active;
        },
      ),
    };
  }
}
