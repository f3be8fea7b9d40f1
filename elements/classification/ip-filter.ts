import type { ArgContext } from "../../src/lang/args/context.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { unquote } from "../../src/lang/args/text.js";
import type { PatternRules } from "../../src/packet/classify/classifier.js";
import { parseIPFilter } from "../../src/packet/classify/ip-filter.js";
import type { ErrorSink } from "../../src/router/element.js";
import { patternNames } from "../../src/router/pattern-names.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { ClassifyingElement, DROPS, PATTERNS, PROGRAM } from "./classifying.js";

const args = {
  RULES: { ...PATTERNS, doc: "ACTION PATTERN; ACTION is allow, deny, drop or an output's number" },
} as const;

/**
 * Filters IP packets by rules: the first rule whose pattern a packet matches says what happens to it.
 *
 * A rule is an action and a pattern. The actions are an output's number, `allow` (output 0), and `drop` or
 * `deny`. Patterns are those of IPClassifier. A packet that matches no rule is dropped. Packets must have
 * their network header set, as CheckIPHeader and MarkIPHeader do.
 *
 * @input 0 IP packets
 * @output N packets whose rule says N (`allow`: 0)
 * @example
 * // Web and name service to one net, and nothing else.
 * Idle -> IPFilter(allow dst net 10.0.0.0/8 && tcp dst port www,
 *                  allow dst net 10.0.0.0/8 && udp dst port 53,
 *                  drop all)
 *      -> Discard;
 * @see IPClassifier, Classifier, CheckIPHeader, MarkIPHeader, AddressInfo
 */
export class IPFilter extends ClassifyingElement {
  static readonly spec = {
    ports: "1/-",
    processing: "h/h",
    args,
    drops: DROPS,
    handlers: { program: PROGRAM },
    live: true,
  } as const satisfies ElementSpec;

  override configure({ RULES }: ArgValues<typeof args>, errors: ErrorSink): void {
    const { noutputs } = this;
    const read = (context: ArgContext): PatternRules =>
      parseIPFilter(RULES.map(unquote), noutputs, patternNames(context));
    this.use(parseIPFilter, [String(noutputs), ...RULES], read, errors);
  }
}
