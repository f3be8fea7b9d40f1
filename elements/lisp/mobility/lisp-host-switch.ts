import * as layout from "../../../assembly/lisp-layout.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import type { MobilityOffer } from "../../../src/lisp/offers/lisp-offers.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";

const args = {
  MOBILITY: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPMobility that knows the hosts",
  },
  BY: {
    type: "choice",
    positional: true,
    required: true,
    choices: ["src", "dst"],
    doc: "whether the host is where the packet comes from or where it goes",
  },
  PACKET_IID: {
    type: "bool",
    default: "false",
    doc: "each packet brings its instance ID, as LISPDecap leaves it there: those of other instances go to output 0",
  },
} as const;

/**
 * Sends packets of mobile hosts their own ways.
 *
 * While there are no such hosts, packets pass to output 0 untouched; with output 3 connected, while there are no ranges.
 *
 * @input 0 IP packets
 * @output 0 packets of no mobile host
 * @output 1 packets of hosts that are here
 * @output 2 packets of hosts that are elsewhere
 * @output 3 packets of EIDs in a dynamic-EID range that are not known
 * @output 4 packets of EIDs that are not here yet, and expected
 * @example
 * site :: LISPSite(192.168.2.0/24 192.0.2.2);
 * Idle -> m :: LISPMobility(site, 02:00:00:00:00:01, 192.168.1.0/24 192.168.1.1, LOCATORS 192.0.2.2) -> Discard;
 * Idle -> [1] m;
 * Idle -> s :: LISPHostSwitch(m, src); s[0], s[1] -> Discard; s[2], s[3], s[4] -> m
 * @see LISPMobility, LISPMapCache, LISPDecap
 */
export class LISPHostSwitch extends Element {
  static readonly spec = {
    ports: "1/1-5",
    processing: "h/h",
    args,
    drops: { unconnected: "of a kind whose output is not connected" },
    state: layout.SWITCH_AREA_SIZE,
  } as const satisfies ElementSpec;

  #mobility: MobilityOffer | null = null;
  readonly #drop = this.counterAddress("unconnected");

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#mobility = offerOf(values.MOBILITY, "LISPMobility", "MOBILITY", errors);
    const { memory, state } = this;
    const source = values.BY === "src";
    memory.set32(state + layout.SWITCH_OFFSET_4, source ? 12 : 16);
    memory.set32(state + layout.SWITCH_OFFSET_6, source ? 8 : 24);
    memory.set32(state + layout.SWITCH_PER_PACKET, values.PACKET_IID ? 1 : 0);
  }

  override initialize(): void {
    const { table, iid } = this.#mobility!;
    this.memory.set32(this.state + layout.SWITCH_TABLE_4, table.four.address);
    this.memory.set32(this.state + layout.SWITCH_TABLE_6, table.six.address);
    this.memory.set32(this.state + layout.SWITCH_IID, iid);
  }

  override process(batch: Batch): void {
    const { table } = this.#mobility!;
    if (table.size === 0 && (this.noutputs < 4 || !table.hasRanges)) return;
    const kept = this.memory.kernels.lispHosts(this.state, batch.address, batch.count, this.rejects);
    if (kept === batch.count) return;
    const others = this.router.batches.collect(batch.count - kept);
    batch.count = kept;
    this.dispatch(others, this.#drop);
    this.router.batches.release(others);
  }
}
