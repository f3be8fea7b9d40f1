import * as layout from "../../assembly/forward-layout.js";
import { DATABASES } from "../../src/lang/args/databases.js";
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
  IPV4_DF,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOS,
  IPV4_TTL,
  IPV4_VERSION_LENGTH,
} from "../../src/wire/ipv4.js";

const args = {
  PROTO: {
    type: "named",
    database: DATABASES.ipProtocols,
    positional: true,
    required: true,
    doc: "IP protocol of the payload: a number or name, e.g. 4 or ipip",
  },
  SRC: { type: "ip", positional: true, required: true, doc: "source address" },
  DST: {
    type: "any",
    positional: true,
    required: true,
    doc: "destination address; DST_ANNO takes each packet's destination annotation",
  },
  TOS: { type: "int", default: "-1", doc: "type of service byte; not with DSCP, ECT or CE" },
  TTL: { type: "unsigned", default: "250", max: 255, doc: "time to live" },
  DSCP: { type: "int", default: "-1", doc: "differentiated services code point, 0 to 63" },
  ECT: { type: "word", default: "false", doc: "ECN-capable transport: a boolean, or 2 for ECT(0)" },
  CE: { type: "bool", default: "false", doc: "set the ECN bits to congestion experienced" },
  DF: { type: "bool", default: "false", doc: "set the don't-fragment bit" },
} as const;

// ECN bits (RFC 3168 section 5) by Click's names.
const ECT1 = 1;
const ECT2 = 2;
const CE = 3;

/**
 * Puts an IPv4 header before each packet, e.g. for IP-in-IP tunnels.
 *
 * Sets the header annotations, and the destination annotation to the destination. The identification counts up
 * from 0. A packet that has no room for a header, or grows beyond 65535 bytes, is dropped.
 *
 * @input 0 packets
 * @output 0 IPv4 packets
 * @example InfiniteSource(LIMIT 3) -> IPEncap(ipip, 18.26.4.24, 140.247.60.147) -> Discard
 * @see UDPIPEncap, StripIPHeader
 */
export class IPEncap extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    drops: { no_room: "longer than IP allows, or there is no memory for it" },
    state: layout.ENCAP_SIZE,
    live: true,
    handlers: {
      src: { read: true, write: true, calm: true, doc: "source address" },
      dst: { read: true, write: true, calm: true, doc: "destination address, or DST_ANNO" },
    },
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.PROTO < 0 || values.PROTO > 255) {
      errors.error("bad IP protocol");
      return;
    }
    const useAnno = values.DST === "DST_ANNO";
    const parsed = parseValue(values.DST, { type: "ip" }, this.graph.argContext(this));
    if (!useAnno && "error" in parsed) {
      errors.error("DST argument should be IP address or 'DST_ANNO'");
      return;
    }
    const tos = typeOfService(values, errors);
    if (tos < 0) return;
    const destination = "value" in parsed ? parsed.value : 0;
    const header = new Uint8Array(IPV4_HEADER);
    const view = new DataView(header.buffer);
    view.setUint8(IPV4_VERSION_LENGTH, 0x45);
    view.setUint8(IPV4_TOS, tos);
    view.setUint16(IPV4_FRAGMENT, values.DF ? IPV4_DF : 0);
    view.setUint8(IPV4_TTL, values.TTL);
    view.setUint8(IPV4_PROTOCOL, values.PROTO);
    view.setUint32(IPV4_SOURCE, values.SRC);
    view.setUint32(IPV4_DESTINATION, destination);
    const { memory, stateArea } = this;
    memory.u8.set(header, stateArea + layout.ENCAP_HEADER);
    // The kernels sum words as they lie in memory: little-endian.
    const sum = addToSum(0, header);
    memory.set32(stateArea + layout.ENCAP_SUM, ((sum & 255) << 8) | (sum >>> 8));
    memory.set32(stateArea + layout.ENCAP_USE_ANNO, useAnno ? 1 : 0);
  }

  override process(batch: Batch): void {
    batch.count = this.memory.kernels.ipEncap(this.stateArea, this.state, batch.address, batch.count);
  }

  override handlers(): Record<string, HandlerCode> {
    const header = this.stateArea + layout.ENCAP_HEADER;
    const address = (offset: number): string => ipText(ipNumber(this.memory.u8, header + offset));
    return {
      src: argumentHandler(this, "SRC", 1, () => address(IPV4_SOURCE)),
      dst: argumentHandler(this, "DST", 2, () =>
        this.memory.get32(this.stateArea + layout.ENCAP_USE_ANNO) === 1
          ? "DST_ANNO"
          : address(IPV4_DESTINATION),
      ),
    };
  }
}

/** The type of service byte that the arguments ask for; -1 after an error. */
function typeOfService(values: ArgValues<typeof args>, errors: ErrorSink): number {
  const { TOS, DSCP } = values;
  const wrong = (message: string): number => {
    errors.error(message);
    return -1;
  };
  const choices: Readonly<Record<string, number>> = {
    2: ECT2,
    1: ECT1,
    true: ECT1,
    yes: ECT1,
    t: ECT1,
    y: ECT1,
  };
  const off = ["0", "false", "no", "f", "n"].includes(values.ECT);
  const ect = off ? 0 : choices[values.ECT];
  if (ect === undefined) return wrong(`bad ECT value '${values.ECT}'`);
  if (TOS >= 0 && DSCP >= 0) return wrong("cannot set both TOS and DSCP");
  if (TOS >= 0 && (ect > 0 || values.CE)) return wrong("cannot set both TOS and ECN bits");
  if (TOS > 255 || TOS < -1) return wrong("TOS too large; max 255");
  if (DSCP > 63 || DSCP < -1) return wrong("DSCP too large; max 63");
  if (ect > 0 && values.CE) return wrong("can set at most one ECN option");
  return (TOS >= 0 ? TOS : Math.max(DSCP, 0) << 2) | (values.CE ? CE : ect);
}
