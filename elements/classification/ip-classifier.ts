import type { ArgContext } from "../../src/lang/args/context.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { joinArgs, splitArgs, unquote } from "../../src/lang/args/text.js";
import type { PatternRules } from "../../src/packet/classify/classifier.js";
import { parseIPClassifier } from "../../src/packet/classify/ip-filter.js";
import type { ErrorSink } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import { patternNames } from "../../src/router/pattern-names.js";
import { reconfigure } from "../../src/router/reconfigure.js";
import type { ElementSpec, HandlerSpec } from "../../src/router/spec.js";
import { ClassifyingElement, DROPS, PATTERNS, PROGRAM } from "./classifying.js";

const args = {
  PATTERNS: { ...PATTERNS, doc: "a pattern for each output" },
} as const;

/**
 * Sends each IP packet to the output of the first pattern that it matches; drops it if it matches none.
 *
 * Packets must have their network header set, as CheckIPHeader and MarkIPHeader do. Patterns are made of
 * primitives:
 *
 * - `ip proto PROTO`, or just `tcp`, `udp`, `icmp` and so on;
 * - `[src|dst|src or dst|src and dst] host ADDRESS`, and `net ADDRESS/BITS` or `net ADDRESS mask MASK`;
 * - `[src|dst|...] [tcp|udp] port PORT`, by number or name;
 * - `ip vers N`, `ip hl N`, `ip len N`, `ip id N`, `ip tos N`, `ip dscp N`, `ip ttl N`;
 * - `ip frag`, `ip unfrag`, `ip ect`, `ip ce`;
 * - `tcp opt FLAG` (syn, fin, ack, rst, psh, urg), `tcp win N`, `icmp type TYPE`;
 * - `ip[POS:LEN] N`, and so with `tcp`, `udp`, `icmp` or `transp` for the transport header; POS and LEN in
 *   bytes, within one 32-bit word;
 * - `[src|dst|...] ether host ETHER`, where the MAC header is set;
 * - `true`, `false`.
 *
 * They are combined with `and`, `or`, `not` (`&&`, `||`, `!`), parentheses, and `C ? Y : N` (spaces around
 * the colon); two in a row mean both. A value may have a relation before it (`==`, `!=`, `<`, `>`, `<=`,
 * `>=`) and a mask before that (`port & 0xFF00 == 0x1F00`). What goes without saying may be left out: `src
 * port 80 or 81`, `10.0.0.0/8`, `www`, `syn`. A pattern that is `-`, `any` or `all` matches every packet.
 *
 * A primitive is false of a packet that ends before what it looks at; those about the transport header are
 * true of first fragments only. `dst port != 80` is true of TCP and UDP packets only, `not dst port 80` of
 * others as well.
 *
 * There is one output for each pattern; the handlers `pattern0`, `pattern1` and so on read and write them
 * one by one.
 *
 * @input 0 IP packets
 * @output N packets that match pattern N and none before it
 * @example
 * Idle -> c :: IPClassifier(10.0.0.0/24 and syn,
 *                           dst tcp port 8000 or 8080,
 *                           icmp type echo && ip ttl > 1,
 *                           -);
 * c[0] -> Discard; c[1] -> Discard; c[2] -> Discard; c[3] -> Discard;
 * @see IPFilter, Classifier, CheckIPHeader, MarkIPHeader, AddressInfo
 */
export class IPClassifier extends ClassifyingElement {
  static readonly spec = {
    ports: "1/-",
    processing: "h/h",
    args,
    drops: DROPS,
    handlers: { program: PROGRAM },
    live: true,
  } as const satisfies ElementSpec;

  override configure({ PATTERNS }: ArgValues<typeof args>, errors: ErrorSink): void {
    if (PATTERNS.length !== this.noutputs) {
      errors.error(`need ${this.noutputs} arguments, one per output port`);
      return;
    }
    const read = (context: ArgContext): PatternRules =>
      parseIPClassifier(PATTERNS.map(unquote), patternNames(context));
    const classification = this.use(parseIPClassifier, PATTERNS, read, errors);
    if (classification !== null && !this.graph.initialized) this.warnUnused(classification, errors);
  }

  override moreHandlers(): Record<string, readonly [HandlerSpec, HandlerCode]> {
    const handlers: Record<string, readonly [HandlerSpec, HandlerCode]> = {};
    for (let i = 0; i < this.noutputs; i++) {
      handlers[`pattern${i}`] = [
        { read: true, write: true, doc: `the pattern of output ${i}` },
        { read: () => splitArgs(this.config)[i] ?? "", write: (text) => this.#setPattern(i, text) },
      ];
    }
    return handlers;
  }

  #setPattern(i: number, text: string): void {
    const patterns = splitArgs(this.config);
    patterns[i] = text;
    reconfigure(this, joinArgs(patterns));
  }
}
