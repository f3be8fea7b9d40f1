import * as layout from "../../assembly/forward-layout.js";
import { DATABASES, icmpCodeDatabase } from "../../src/lang/args/databases.js";
import { parseValue } from "../../src/lang/args/parse.js";
import type { ArgSpec, ArgValues } from "../../src/lang/args/spec.js";
import { ipText } from "../../src/net/address.js";
import { AddressList } from "../../src/packet/address-list.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import { writeNow } from "../../src/router/kernel-time.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { isIcmpError } from "../../src/wire/icmp.js";

const args = {
  SRC: { type: "ip", positional: true, required: true, doc: "source address of the messages" },
  TYPE: {
    type: "named",
    database: DATABASES.icmpTypes,
    positional: true,
    required: true,
    doc: "ICMP type: unreachable (3), sourcequench (4), redirect (5), timeexceeded (11), parameterproblem (12)",
  },
  CODE: {
    type: "word",
    positional: true,
    default: "0",
    doc: "ICMP code, a number or the type's name for it: net, host, protocol, port, needfrag; transit, reassembly; erroratptr, missingopt, length",
  },
  BADADDRS: {
    type: "ip_list",
    positional: true,
    doc: "addresses that are not one host's, such as broadcast addresses: packets from or to them are not answered",
  },
  MTU: { type: "unsigned", default: "576", doc: "largest message made, in bytes" },
  PMTU: {
    type: "unsigned",
    default: "0",
    doc: "the MTU that needfrag messages report; 0: that of the element which found the packet too big",
  },
  SET_FIX_ANNO: {
    type: "bool",
    default: "true",
    doc: "set the fix-IP-source annotation, for FixIPSrc",
  },
} as const;

/**
 * Answers each IPv4 packet with an ICMP error message, which quotes it.
 *
 * The message goes to the packet's source; it ought to go into the routing table, as if it had come from outside.
 * Some packets must not be answered (RFC 1812 section 4.3.2.7) and are dropped: ICMP errors, fragments other than the
 * first, packets to broadcast or multicast addresses or that came so, and packets whose source is no single host.
 * How often it answers is for the rest of the configuration to limit.
 *
 * A parameter problem points to the byte in the packet's parameter problem annotation (set by IPGWOptions); a redirect
 * names the gateway in its destination annotation. The source route of a packet that has one is reversed.
 *
 * @input 0 IPv4 packets, marked
 * @output 0 ICMP error messages
 * @example InfiniteSource(LIMIT 3) -> CheckIPHeader -> ICMPError(18.26.4.24, timeexceeded) -> Discard
 * @see DecIPTTL, IPFragmenter, IPGWOptions, FixIPSrc, ICMP6Error
 */
export class ICMPError extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    drops: {
      no_header: "it has no IPv4 header annotation, or one outside its data",
      icmp_error: "it is an ICMP error message itself, or too short to tell",
      not_unicast: "its destination is a broadcast or multicast address",
      link_broadcast: "it came as a link-level broadcast or multicast",
      bad_source: "its source is not the address of one host",
      fragment: "it is a fragment other than the first",
      source_routed: "a redirect must not answer a packet with a source route",
      no_room: "there is no memory for the message",
    },
    state: layout.ICMP_SIZE,
    live: true,
    handlers: {
      src: { read: true, write: true, doc: "source address of the messages" },
      mtu: { read: true, write: true, doc: "largest message made, in bytes" },
      pmtu: { read: true, write: true, doc: "the MTU reported" },
    },
  } as const satisfies ElementSpec;

  readonly #bad = new AddressList(this.memory, 4);

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const { TYPE, CODE } = values;
    if (TYPE < 0 || TYPE > 255) {
      errors.error("ICMP type must be between 0 and 255");
      return;
    }
    if (!isIcmpError(TYPE)) {
      errors.error(`ICMP type ${TYPE} is not an error type`);
      return;
    }
    const spec = { type: "named", database: icmpCodeDatabase(TYPE), min: 0, max: 255 } as const;
    const code = parseValue(CODE, spec, this.graph.argContext(this));
    if ("error" in code) {
      errors.error("argument 2 takes ICMP code (integer between 0 and 255)");
      return;
    }
    this.#bad.set(values.BADADDRS ?? []);
    this.memory.view.setUint32(this.stateArea + layout.ICMP_SOURCE, values.SRC);
    this.#set(layout.ICMP_TYPE, TYPE);
    this.#set(layout.ICMP_CODE, code.value);
    this.#set(layout.ICMP_MTU, values.MTU);
    this.#set(layout.ICMP_PMTU, values.PMTU);
    this.#set(layout.ICMP_FIX, values.SET_FIX_ANNO ? 1 : 0);
    this.#set(layout.ICMP_BAD, this.#bad.address);
    this.#set(layout.ICMP_BAD_COUNT, this.#bad.count);
  }

  override initialize(): void {
    this.#set(layout.ICMP_ID, 1);
  }

  override cleanup(): void {
    this.#bad.free();
  }

  override process(batch: Batch): void {
    writeNow(this, this.stateArea);
    batch.count = this.memory.kernels.icmpError(this.state, batch.address, batch.count);
  }

  #set(at: number, value: number): void {
    this.memory.set32(this.stateArea + at, value);
  }

  override handlers(): Record<string, HandlerCode> {
    const number = (spec: ArgSpec & { type: "unsigned" }, at: number): HandlerCode =>
      valueHandler(
        spec,
        () => this.memory.get32(this.stateArea + at),
        (value) => this.#set(at, value),
      );
    const source = this.stateArea + layout.ICMP_SOURCE;
    const { write } = valueHandler(
      args.SRC,
      () => 0,
      (value) => this.memory.view.setUint32(source, value),
    );
    return {
      src: { read: () => ipText(this.memory.view.getUint32(source)), write },
      mtu: number(args.MTU, layout.ICMP_MTU),
      pmtu: number(args.PMTU, layout.ICMP_PMTU),
    };
  }
}
