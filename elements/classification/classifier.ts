import type { ArgValues } from "../../src/lang/args/spec.js";
import { parseClassifier } from "../../src/packet/classify/classifier.js";
import type { ErrorSink } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { ClassifyingElement, DROPS, PATTERNS, PROGRAM } from "./classifying.js";

const args = {
  PATTERNS: { ...PATTERNS, doc: "a pattern for each output: clauses OFFSET/VALUE[%MASK], or -" },
} as const;

/**
 * Sends each packet to the output of the first pattern that it matches; drops it if it matches none.
 *
 * A pattern is a list of clauses separated by spaces, all of which must hold: `OFFSET/VALUE` or
 * `OFFSET/VALUE%MASK`, where the offset is decimal, in bytes from the start of the packet's data, and value
 * and mask are an even number of hex digits. A `?` in a value is a digit that may be anything. With a mask,
 * only its bits count. `!` before a clause means that it must not hold. A packet that ends before a byte that
 * a clause needs does not match the clause. The pattern `-` matches every packet.
 *
 * There is one output for each pattern. The patterns are compiled into one function when the element is
 * configured, and tests that they share are made once.
 *
 * @input 0 any packets
 * @output N packets that match pattern N and none before it
 * @example
 * // ARP requests, ARP replies, IP packets, and the rest.
 * Idle -> c :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -);
 * c[0] -> Discard; c[1] -> Discard; c[2] -> Discard; c[3] -> Discard;
 * @see IPClassifier, IPFilter
 */
export class Classifier extends ClassifyingElement {
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
    const classification = this.use(parseClassifier, PATTERNS, () => parseClassifier(PATTERNS), errors);
    if (classification !== null) this.warnUnused(classification, errors);
  }
}
