import { ICMP_SIZE } from "../../assembly/forward-layout.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import { writeNow } from "../../src/router/kernel-time.js";
import type { ElementSpec } from "../../src/router/spec.js";

/**
 * Answers ICMP echo requests: turns each into its reply, with the addresses exchanged and a time to live of 255.
 *
 * The destination annotation is set to the reply's destination, paint to 0, the timestamp to now. Everything else,
 * also fragments of requests, leaves on output 1, or is dropped when that is not connected.
 *
 * @input 0 IPv4 packets, marked, for this host
 * @output 0 echo replies
 * @output 1 packets that are no echo requests (optional)
 * @example ICMPPingSource(10.0.0.1, 10.0.0.2, LIMIT 3) -> CheckIPHeader -> ICMPPingResponder -> Discard
 * @see ICMPPingSource, ICMP6PingResponder
 */
export class ICMPPingResponder extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    drops: { not_request: "not an echo request to answer, and output 1 is not connected" },
    state: ICMP_SIZE,
  } as const satisfies ElementSpec;

  readonly #refused = (bad: Batch): void => {
    if (this.noutputs < 2) this.memory.add64(this.counterAddress("not_request"), bad.count);
  };

  override process(batch: Batch): void {
    writeNow(this, this.stateArea);
    const good = this.memory.kernels.icmpEchoReply(this.stateArea, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good, 1, this.#refused);
  }
}
