import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

/**
 * Drops packets that came as link-level broadcasts or multicasts: a router must not forward them (RFC 1812
 * section 5.3.4). The packet type annotation tells.
 *
 * They leave on output 1 when that is connected. The first one is reported.
 *
 * @input 0 packets
 * @output 0 packets that came to this host alone
 * @output 1 broadcasts and multicasts (optional)
 * @example InfiniteSource(LIMIT 3) -> DropBroadcasts -> Discard
 * @see FromDevice, HostEtherFilter
 */
export class DropBroadcasts extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    drops: { broadcast: "it came as a link-level broadcast or multicast" },
    handlers: { drops: { read: true, doc: "packets that left on output 1 or were dropped" } },
  } as const satisfies ElementSpec;

  #reported = false;

  override process(batch: Batch): void {
    const good = this.memory.kernels.dropBroadcasts(this.state, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good, 1, this.#report);
  }

  readonly #report = (): void => {
    if (!this.#reported) this.router.log("DropBroadcasts: dropped a packet");
    this.#reported = true;
  };

  override handlers(): Record<string, HandlerCode> {
    return { drops: { read: () => this.dropTotal } };
  }
}
