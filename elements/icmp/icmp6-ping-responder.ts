import { ICMP_SIZE, ICMP_SOURCE } from "../../assembly/forward-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import { writeNow } from "../../src/router/kernel-time.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  SRC: {
    type: "ip6",
    positional: true,
    doc: "source of replies to requests that went to a group; without it, those are not answered",
  },
} as const;

/**
 * Answers ICMPv6 echo requests (RFC 4443 section 4.2): turns each into its reply, with the addresses exchanged and a hop
 * limit of 64.
 *
 * The destination annotation is set to the reply's destination, paint to 0, the timestamp to now. Everything else
 * leaves on output 1, or is dropped when that is not connected; so do requests behind extension headers.
 *
 * @input 0 IPv6 packets, marked, for this host
 * @output 0 echo replies
 * @output 1 packets that are no echo requests (optional)
 * @example InfiniteSource(LIMIT 3) -> CheckIP6Header -> ICMP6PingResponder(2001:db8::1) -> Discard
 * @see ICMPPingResponder, IP6NDAdvertiser
 */
export class ICMP6PingResponder extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    drops: { not_request: "not an echo request to answer, and output 1 is not connected" },
    state: ICMP_SIZE,
    live: true,
  } as const satisfies ElementSpec;

  readonly #refused = (bad: Batch): void => {
    if (this.noutputs < 2) this.memory.add64(this.counterAddress("not_request"), bad.count);
  };

  override configure(values: ArgValues<typeof args>): void {
    this.memory.u8.set(values.SRC ?? new Uint8Array(16), this.stateArea + ICMP_SOURCE);
  }

  override process(batch: Batch): void {
    writeNow(this, this.stateArea);
    const good = this.memory.kernels.icmp6EchoReply(this.stateArea, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good, 1, this.#refused);
  }
}
