// What the classifying elements share: a compiled list of patterns, run on each batch.

import type { ArgContext } from "../../src/lang/args/context.js";
import type { Batch } from "../../src/packet/batch.js";
import type { PatternRules } from "../../src/packet/classify/classifier.js";
import { type Classification, compileRules } from "../../src/packet/classify/compile.js";
import type { Classify } from "../../src/packet/kernels.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";

/** The argument, drop reason and handler that all of them declare. */
export const PATTERNS = { type: "any", rest: true } as const;
export const DROPS = { no_match: "matched no pattern, or one that says to drop" } as const;
export const PROGRAM = {
  read: true,
  calm: true,
  doc: "the tests that packets go through, a line each: offset/value%mask, where to go on",
} as const;

export abstract class ClassifyingElement extends Element {
  #classification: Classification | null = null;
  /** Made when the first packets come: most classifiers of a graph see none for a long time. */
  #classify: Classify | null = null;
  #dropped = 0;

  /** Takes what `read`, by `reader`, makes of the patterns. If something is wrong, what it did before stays. */
  protected use(
    reader: object,
    patterns: readonly string[],
    read: (context: ArgContext) => PatternRules,
    errors: ErrorSink,
  ): Classification | null {
    const parsed = this.graph.read(this, reader, patterns.join("\n"), read);
    for (const message of parsed.warnings) errors.warning(message);
    for (const message of parsed.errors) errors.error(message);
    if (parsed.errors.length > 0) return null;
    const { blueprints } = this.router.options;
    const classification = blueprints?.classification(parsed.rules) ?? compileRules(parsed.rules);
    this.#classify = null;
    this.#classification = classification;
    this.#dropped = this.counterAddress("no_match");
    return classification;
  }

  /** Warns of outputs that no packet can leave on. */
  protected warnUnused(classification: Classification, errors: ErrorSink): void {
    for (let i = 0; i < this.noutputs; i++) {
      if (!classification.outputs.has(i)) errors.warning(`output ${i} matches no packets`);
    }
  }

  override push(_port: number, batch: Batch): void {
    this.#classify ??= this.#classification!.instantiate(this.memory.memory);
    const common = this.#classify(batch.address, batch.count);
    if (common >= 0 && common < this.noutputs) this.outputs[common].push(batch);
    else this.dispatch(batch, this.#dropped);
  }

  override handlers(): Record<string, HandlerCode> {
    return { program: { read: () => this.#classification?.text ?? "" } };
  }
}
