import * as layout from "../../assembly/forward-layout.js";
import { DATABASES, icmp6CodeDatabase } from "../../src/lang/args/databases.js";
import { parseValue } from "../../src/lang/args/parse.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { writeNow } from "../../src/router/kernel-time.js";
import type { ElementSpec } from "../../src/router/spec.js";
import {
  ICMP6_PARAMETER_PROBLEM,
  ICMP6_REDIRECT,
  ICMP6_TIME_EXCEEDED,
  ICMP6_TOO_BIG,
  ICMP6_UNREACHABLE,
} from "../../src/wire/icmp6.js";
import { IPV6_MTU_MIN } from "../../src/wire/ipv6.js";

const args = {
  SRC: { type: "ip6", positional: true, required: true, doc: "source address of the messages" },
  TYPE: {
    type: "named",
    database: DATABASES.icmp6Types,
    positional: true,
    required: true,
    doc: "ICMPv6 type: unreachable (1), toobig (2), timeexceeded (3), parameterproblem (4), redirect (137)",
  },
  CODE: {
    type: "word",
    positional: true,
    required: true,
    doc: "ICMPv6 code, a number or the type's name for it: noroute, prohibited, address, port; transit, reassembly; erroratptr, nextheader, option",
  },
  MTU: { type: "unsigned", default: "1280", max: IPV6_MTU_MIN, doc: "largest message made, in bytes" },
  PMTU: {
    type: "unsigned",
    default: "0",
    doc: "the MTU that packet-too-big messages report; 0: that of the element which found the packet too big, or 1280",
  },
  SET_FIX_ANNO: { type: "bool", default: "true", doc: "set the fix-IP-source annotation" },
} as const;

const TYPES: readonly number[] = [
  ICMP6_UNREACHABLE,
  ICMP6_TOO_BIG,
  ICMP6_TIME_EXCEEDED,
  ICMP6_PARAMETER_PROBLEM,
  ICMP6_REDIRECT,
];

/**
 * Answers each IPv6 packet with an ICMPv6 error message (or redirect), which quotes it up to 1280 bytes in all.
 *
 * The message goes to the packet's source. Some packets must not be answered (RFC 4443 section 2.4 (e)) and are
 * dropped: ICMPv6 errors and redirects, also behind extension headers; packets to groups or that came as link-level
 * broadcasts or multicasts, but for packet too big and unknown options; packets whose source is no single node. How
 * often it answers is for the rest of the configuration to limit.
 *
 * A parameter problem points to the byte in the packet's parameter problem annotation; a redirect names the next hop in
 * its destination annotation (RFC 4861 section 4.5).
 *
 * @input 0 IPv6 packets, marked
 * @output 0 ICMPv6 messages
 * @example InfiniteSource(LIMIT 3) -> CheckIP6Header -> ICMP6Error(2001:db8::1, timeexceeded, transit) -> Discard
 * @see DecIP6HLIM, ICMPError
 */
export class ICMP6Error extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    drops: {
      no_header: "it has no IPv6 header annotation, or one outside its data",
      icmp_error: "it is an ICMPv6 error message or redirect itself, or too short to tell",
      not_unicast: "its destination is a group",
      link_broadcast: "it came as a link-level broadcast or multicast",
      bad_source: "its source is not the address of one node",
      no_room: "there is no memory for the message",
    },
    state: layout.ICMP_SIZE,
    live: true,
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const { SRC, TYPE, CODE } = values;
    if (!TYPES.includes(TYPE)) {
      errors.error(`ICMP6 type ${TYPE} is not an error or redirect type`);
      return;
    }
    if (SRC.every((byte) => byte === 0)) {
      errors.error("SRC must not be ::");
      return;
    }
    const spec = { type: "named", database: icmp6CodeDatabase(TYPE), min: 0, max: 255 } as const;
    const code = parseValue(CODE, spec, this.graph.argContext(this));
    if ("error" in code) {
      errors.error("argument 3 takes ICMP6 code (integer between 0 and 255)");
      return;
    }
    const set = (at: number, value: number): void => this.memory.set32(this.stateArea + at, value);
    this.memory.u8.set(SRC, this.stateArea + layout.ICMP_SOURCE);
    set(layout.ICMP_TYPE, TYPE);
    set(layout.ICMP_CODE, code.value);
    set(layout.ICMP_MTU, values.MTU);
    set(layout.ICMP_PMTU, values.PMTU);
    set(layout.ICMP_FIX, values.SET_FIX_ANNO ? 1 : 0);
  }

  override process(batch: Batch): void {
    writeNow(this, this.stateArea);
    batch.count = this.memory.kernels.icmp6Error(this.state, batch.address, batch.count);
  }
}
