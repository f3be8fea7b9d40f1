import * as layout from "../../assembly/host-filter-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  ETHER: { type: "ether", positional: true, required: true, doc: "this host's hardware address" },
  DROP_OWN: {
    type: "bool",
    positional: true,
    default: "false",
    doc: "also keep out frames that this host sent",
  },
  DROP_OTHER: { type: "bool", positional: true, default: "true", doc: "keep out frames for other hosts" },
} as const;

/**
 * Lets Ethernet frames for this host pass: those to its address, to everybody, and to groups.
 *
 * The frames' packet type annotation is set to host, broadcast, multicast or other host. What does not pass
 * leaves on output 1, or is dropped when that is not connected.
 *
 * @input 0 Ethernet frames
 * @output 0 frames for this host
 * @output 1 frames for others (optional)
 * @example InfiniteSource(LIMIT 3) -> HostEtherFilter(00:00:C0:AE:67:EF) -> Discard
 * @see FromDevice, Classifier
 */
export class HostEtherFilter extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    drops: {
      other: "the frame is for another host",
      own: "the frame was sent by this host",
      short: "shorter than an Ethernet header",
    },
    state: layout.FILTER_STATE,
    live: true,
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>): void {
    this.memory.u8.set(values.ETHER, this.state + layout.FILTER_ADDRESS);
    this.memory.set32(this.state + layout.FILTER_DROP_OWN, values.DROP_OWN ? 1 : 0);
    this.memory.set32(this.state + layout.FILTER_DROP_OTHER, values.DROP_OTHER ? 1 : 0);
  }

  override process(batch: Batch): void {
    const good = this.memory.kernels.hostFilter(this.state, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good);
  }
}
