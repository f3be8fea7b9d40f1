import type { ArgValues } from "../../src/lang/args/spec.js";
import { etherText } from "../../src/net/mac.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import { argumentHandler } from "../../src/router/reconfigure.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  ETHERTYPE: {
    type: "unsigned",
    positional: true,
    required: true,
    max: 0xffff,
    doc: "the header's type, e.g. 0x0800",
  },
  SRC: { type: "ether", positional: true, required: true, doc: "the header's source address" },
  DST: { type: "ether", positional: true, required: true, doc: "the header's destination address" },
} as const;

/**
 * Puts each packet into an Ethernet frame with the header that its arguments give, and sets the MAC header
 * annotation.
 *
 * For IP packets to neighbours use ARPQuerier or IP6NDSolicitor, which find the destination address.
 *
 * @input 0 packets
 * @output 0 the packets with an Ethernet header
 * @example Idle -> EtherEncap(0x0800, 1:1:1:1:1:1, 2:2:2:2:2:2) -> Discard
 * @see ARPQuerier, IP6NDSolicitor
 */
export class EtherEncap extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    drops: { no_room: "the packet fills its buffer: no room for a header" },
    state: 16,
    handlers: {
      src: { read: true, write: true, doc: "the SRC argument" },
      dst: { read: true, write: true, doc: "the DST argument" },
      ethertype: { read: true, write: true, doc: "the ETHERTYPE argument, as a decimal number" },
      etht: { read: true, write: true, private: true, doc: "the same, by its old name" },
    },
    live: true,
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>): void {
    const { u8, view } = this.memory;
    u8.set(values.DST, this.stateArea);
    u8.set(values.SRC, this.stateArea + 6);
    view.setUint16(this.stateArea + 12, values.ETHERTYPE);
  }

  override process(batch: Batch): void {
    const good = this.memory.kernels.etherEncap(this.state, batch.address, batch.count, this.rejects);
    if (good < batch.count) this.reject(batch, good);
  }

  #bytes(offset: number): Uint8Array {
    return this.memory.u8.subarray(this.stateArea + offset, this.stateArea + offset + 6);
  }

  override handlers(): Record<string, HandlerCode> {
    const type = argumentHandler(this, "ETHERTYPE", 0, () => this.memory.view.getUint16(this.stateArea + 12));
    return {
      src: argumentHandler(this, "SRC", 1, () => etherText(this.#bytes(6))),
      dst: argumentHandler(this, "DST", 2, () => etherText(this.#bytes(0))),
      ethertype: type,
      etht: type,
    };
  }
}
