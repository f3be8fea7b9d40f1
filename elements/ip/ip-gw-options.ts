import * as layout from "../../assembly/forward-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { AddressList } from "../../src/packet/address-list.js";
import type { Batch } from "../../src/packet/batch.js";
import { wallTime } from "../../src/router/clock.js";
import { Element } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  MYADDR: {
    type: "ip",
    positional: true,
    required: true,
    doc: "the address to record: that of the interface that packets leave by",
  },
  OTHERADDRS: {
    type: "ip_list",
    positional: true,
    doc: "this router's other addresses, for timestamps whose routers the sender named",
  },
} as const;

const SECONDS_OF_DAY = 86400;

/**
 * Does what RFC 1812 section 5.2.4 asks of a router for IPv4 options: fills in Record Route and Internet Timestamp
 * (RFC 791 section 3.1).
 *
 * Packets with faulty options leave on output 1, with the place of the fault in the ICMP parameter problem
 * annotation, ordinarily to an ICMPError; they are dropped when that is not connected.
 *
 * @input 0 IPv4 packets, marked
 * @output 0 packets without options, or with good ones
 * @output 1 packets with faulty options (optional)
 * @example InfiniteSource(LIMIT 3) -> CheckIPHeader -> IPGWOptions(10.0.0.1) -> Discard
 * @see ICMPError
 */
export class IPGWOptions extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    drops: { bad_option: "an option with a wrong length or pointer, or no room left to count in" },
    state: layout.GWOPT_SIZE,
    handlers: { drops: { read: true, doc: "packets that left on output 1 or were dropped" } },
    live: true,
  } as const satisfies ElementSpec;

  readonly #own = new AddressList(this.memory, 4);

  override configure(values: ArgValues<typeof args>): void {
    this.#own.set([...(values.OTHERADDRS ?? []), values.MYADDR]);
    this.memory.view.setUint32(this.stateArea + layout.GWOPT_ADDRESS, values.MYADDR);
    this.memory.set32(this.stateArea + layout.GWOPT_OWN, this.#own.address);
    this.memory.set32(this.stateArea + layout.GWOPT_OWN_COUNT, this.#own.count);
  }

  override cleanup(): void {
    this.#own.free();
  }

  override process(batch: Batch): void {
    const { clock } = this.router;
    const { seconds, nanoseconds } = wallTime(clock, clock.now());
    const ms = (seconds % SECONDS_OF_DAY) * 1000 + Math.floor(nanoseconds / 1e6);
    this.memory.set32(this.stateArea + layout.GWOPT_MS, ms);
    const good = this.memory.kernels.ipGatewayOptions(this.state, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good);
  }

  override handlers(): Record<string, HandlerCode> {
    return { drops: { read: () => this.dropTotal } };
  }
}
