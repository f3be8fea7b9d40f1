import * as layout from "../../assembly/forward-layout.js";
import { parseValue } from "../../src/lang/args/parse.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { ipNumber, ipText } from "../../src/net/address.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import { argumentHandler } from "../../src/router/reconfigure.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { addToSum } from "../../src/wire/checksum.js";
import {
  IPV4_DESTINATION,
  IPV4_HEADER,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TTL,
  IPV4_VERSION_LENGTH,
  PROTOCOL_UDP,
} from "../../src/wire/ipv4.js";
import { UDP_DESTINATION_PORT, UDP_HEADER, UDP_SOURCE_PORT } from "../../src/wire/udp.js";

const args = {
  SRC: { type: "ip", positional: true, required: true, doc: "source address" },
  SPORT: { type: "ip_port", protocol: 17, positional: true, required: true, doc: "source port" },
  DST: {
    type: "any",
    positional: true,
    required: true,
    doc: "destination address; DST_ANNO takes each packet's destination annotation",
  },
  DPORT: { type: "ip_port", protocol: 17, positional: true, required: true, doc: "destination port" },
  CHECKSUM: { type: "bool", positional: true, default: "true", doc: "compute the UDP checksum" },
} as const;

/**
 * Puts a UDP and an IPv4 header before each packet.
 *
 * Sets the header annotations, and the destination annotation to the destination. The time to live is 250, the
 * identification counts up from 0. A packet that has no room for the headers, or grows beyond 65535 bytes, is
 * dropped.
 *
 * @input 0 packets
 * @output 0 IPv4 packets
 * @example InfiniteSource(LIMIT 3) -> UDPIPEncap(1.0.0.1, 1234, 2.0.0.2, 1234) -> Discard
 * @see IPEncap, StripIPHeader
 */
export class UDPIPEncap extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    drops: { no_room: "longer than IP allows, or there is no memory for it" },
    state: layout.ENCAP_SIZE,
    live: true,
    handlers: {
      src: { read: true, write: true, doc: "source address" },
      sport: { read: true, write: true, doc: "source port" },
      dst: { read: true, write: true, doc: "destination address" },
      dport: { read: true, write: true, doc: "destination port" },
    },
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const useAnno = values.DST === "DST_ANNO";
    const parsed = parseValue(values.DST, { type: "ip" }, this.graph.argContext(this));
    if (!useAnno && "error" in parsed) {
      errors.error("bad DST");
      return;
    }
    const header = new Uint8Array(IPV4_HEADER + UDP_HEADER);
    const view = new DataView(header.buffer);
    view.setUint8(IPV4_VERSION_LENGTH, 0x45);
    view.setUint8(IPV4_TTL, 250);
    view.setUint8(IPV4_PROTOCOL, PROTOCOL_UDP);
    view.setUint32(IPV4_SOURCE, values.SRC);
    view.setUint32(IPV4_DESTINATION, "value" in parsed ? parsed.value : 0);
    view.setUint16(IPV4_HEADER + UDP_SOURCE_PORT, values.SPORT);
    view.setUint16(IPV4_HEADER + UDP_DESTINATION_PORT, values.DPORT);
    const { memory, stateArea } = this;
    memory.u8.set(header, stateArea + layout.ENCAP_HEADER);
    // The kernels sum words as they lie in memory: little-endian.
    const sum = addToSum(0, header.subarray(0, IPV4_HEADER));
    memory.set32(stateArea + layout.ENCAP_SUM, ((sum & 255) << 8) | (sum >>> 8));
    memory.set32(stateArea + layout.ENCAP_USE_ANNO, useAnno ? 1 : 0);
    memory.set32(stateArea + layout.ENCAP_CHECKSUM, values.CHECKSUM ? 1 : 0);
  }

  override process(batch: Batch): void {
    batch.count = this.memory.kernels.udpIpEncap(this.stateArea, this.state, batch.address, batch.count);
  }

  override handlers(): Record<string, HandlerCode> {
    const header = this.stateArea + layout.ENCAP_HEADER;
    const address = (offset: number): string => ipText(ipNumber(this.memory.u8, header + offset));
    const port = (offset: number): number => this.memory.view.getUint16(header + IPV4_HEADER + offset);
    return {
      src: argumentHandler(this, "SRC", 0, () => address(IPV4_SOURCE)),
      sport: argumentHandler(this, "SPORT", 1, () => port(UDP_SOURCE_PORT)),
      dst: argumentHandler(this, "DST", 2, () => address(IPV4_DESTINATION)),
      dport: argumentHandler(this, "DPORT", 3, () => port(UDP_DESTINATION_PORT)),
    };
  }
}
