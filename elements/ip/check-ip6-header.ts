import * as layout from "../../assembly/ip-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { AddressList } from "../../src/packet/address-list.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  BADADDRS: { type: "ip6_list", positional: true, doc: "source addresses that packets must not have" },
  OFFSET: {
    type: "unsigned",
    positional: true,
    default: "0",
    doc: "bytes before the IPv6 header in the packet's data",
  },
} as const;

/**
 * Checks the IPv6 header: length, version, source address (RFC 8200 section 3).
 *
 * Good packets leave on output 0, cut to the length in their header, with their header annotations set and their
 * destination address in the 16-byte destination annotation. Bad ones leave on output 1, or are dropped when that
 * is not connected; the first one is reported. The source ffff:…:ffff is always bad.
 *
 * @input 0 IPv6 packets
 * @output 0 good packets
 * @output 1 bad packets (optional)
 * @example InfiniteSource(LIMIT 3) -> CheckIP6Header -> Discard
 * @see CheckIPHeader, DecIP6HLIM
 */
export class CheckIP6Header extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    drops: {
      tiny: "shorter than an IPv6 header",
      version: "bad IP version",
      length: "payload length beyond the packet",
      source: "bad source address",
    },
    state: layout.IP6_CHECK_SIZE - layout.IP6_CHECK_OFFSET,
    handlers: { drops: { read: true, doc: "bad packets so far" } },
    live: true,
  } as const satisfies ElementSpec;

  #reported = false;
  readonly #bad = new AddressList(this.memory, 16);

  override configure(values: ArgValues<typeof args>): void {
    this.#bad.set([new Uint8Array(16).fill(255), ...(values.BADADDRS ?? [])]);
    this.memory.set32(this.state + layout.IP6_CHECK_OFFSET, values.OFFSET);
    this.memory.set32(this.state + layout.IP6_CHECK_BADSRC, this.#bad.address);
    this.memory.set32(this.state + layout.IP6_CHECK_BADSRC_COUNT, this.#bad.count);
  }

  override cleanup(): void {
    this.#bad.free();
  }

  override process(batch: Batch): void {
    const good = this.memory.kernels.ip6CheckHeader(this.state, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good, 1, this.#report);
  }

  readonly #report = (): void => {
    if (!this.#reported) this.router.log("IP6 header check failed");
    this.#reported = true;
  };

  override handlers(): Record<string, HandlerCode> {
    return { drops: { read: () => this.dropTotal } };
  }
}
