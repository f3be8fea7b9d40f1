import * as layout from "../../../assembly/lisp-layout.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element } from "../../../src/router/element.js";
import type { ElementSpec } from "../../../src/router/spec.js";

const args = {
  DATA: { type: "ip_port", protocol: 17, default: "4341", doc: "UDP port of LISP data" },
  CONTROL: { type: "ip_port", protocol: 17, default: "4342", doc: "UDP port of LISP control messages" },
  GPE: { type: "ip_port", protocol: 17, default: "4790", doc: "UDP port of VXLAN-GPE" },
} as const;

/**
 * Tells LISP packets from all others.
 *
 * Looks at IPv4 and IPv6 packets, from the network header annotation or the start of the data. Data is what goes to
 * UDP port 4341; control what goes to UDP port 4342 or comes from it; VXLAN-GPE, if output 3 is connected, what goes
 * to UDP port 4790. Everything else leaves on output 2: other packets, those whose headers say more than there is,
 * datagrams too short for an 8-byte header behind UDP's, and all fragments, since only a whole datagram has its
 * ports.
 *
 * @input 0 IP packets
 * @output 0 LISP data
 * @output 1 LISP control messages
 * @output 2 everything else
 * @output 3 VXLAN-GPE (optional)
 * @example
 * InfiniteSource(LIMIT 3, STOP true) -> UDPIPEncap(192.0.2.1, 50000, 192.0.2.2, 4341) -> c :: LISPClassifier;
 * c[0] -> LISPDecap -> Discard; c[1], c[2] -> Discard
 * @see LISPDecap, IPClassifier
 */
export class LISPClassifier extends Element {
  static readonly spec = {
    ports: "1/3-4",
    processing: "h/h",
    args,
    counters: {
      data: "LISP data packets",
      control: "LISP control messages",
      other: "other packets",
      gpe: "VXLAN-GPE packets, even where they leave with the others",
    },
    state: layout.CLASS_AREA_SIZE,
    live: true,
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>): void {
    const port = (at: number, n: number): void =>
      this.memory.set32(this.state + at, ((n & 0xff) << 8) | (n >>> 8));
    port(layout.CLASS_DATA_PORT, values.DATA);
    port(layout.CLASS_CONTROL_PORT, values.CONTROL);
    port(layout.CLASS_GPE_PORT, values.GPE);
    const output = this.noutputs > 3 ? layout.CLASS_GPE : layout.CLASS_OTHER;
    this.memory.set32(this.state + layout.CLASS_GPE_OUTPUT, output);
  }

  override push(_port: number, batch: Batch): void {
    this.memory.kernels.lispClassify(this.state, batch.address, batch.count);
    this.dispatch(batch);
  }
}
