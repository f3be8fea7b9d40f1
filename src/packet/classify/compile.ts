// From rules to a classifying kernel: build, optimise, emit, instantiate.

import { PORT_DROP } from "../../../assembly/layout.js";
import { SluiceError } from "../../sluice-error.js";
import {
  type Classify,
  type CompiledClassify,
  compileClassify,
  instantiateClassify,
  type WasmMemory,
} from "../kernels.js";
import { emit } from "./emit.js";
import { ANCHORS, countTests, type Rule } from "./expr.js";
import { Fields, Known } from "./knowledge.js";
import { optimize } from "./optimize.js";
import { lengthTest, Program, type Target } from "./program.js";
import { programText } from "./text.js";

/** Programs up to this many tests get a second copy for packets that are long enough for every test. */
const MAX_TWICE = 20000;

/** Tests that the rules of one element may have. */
export const MAX_TESTS = 32768;

/** Rules from which on they are built in halves. */
const HALVE_FROM = 16;

/** Where rules lead that match nothing, until it is known what follows them. No element has this output. */
const NEXT: Target = ~0x10000;

/** The rules have more tests than a program may hold. */
export class ProgramTooLargeError extends SluiceError {
  readonly code = "PROGRAM_TOO_LARGE";
}

/**
 * Builds and optimises rules in halves: what is known at the end of one half
 * then leads past the tests of an already short other one.
 */
function build(p: Program, rules: readonly Rule[], fields: Fields): Target {
  if (rules.length < HALVE_FROM) return optimize(p, p.addRules(rules, NEXT), Known.lengths(), fields);
  const middle = rules.length >>> 1;
  const second = build(p, rules.slice(middle), fields);
  const first = build(p, rules.slice(0, middle), fields);
  return optimize(p, p.graft(first, NEXT, second), Known.lengths(), fields);
}

/** A compiled list of rules. */
export class Classification {
  /** Outputs that some packet may leave on; PORT_DROP among them if packets may be dropped. */
  readonly outputs: ReadonlySet<number>;
  readonly #program: Program;
  readonly #fields: Fields;
  /** The tests, as they are for packets of any length. */
  readonly #checked: Target;
  /** Bytes from each anchor that a packet must have to be long enough for all tests. */
  readonly #safe = new Array<number>(ANCHORS).fill(0);
  #starts: { readonly start: Target; readonly fast: Target } | null = null;
  #module: Uint8Array | null = null;
  #compiled: CompiledClassify | null = null;

  constructor(program: Program, fields: Fields, checked: Target) {
    this.#program = program;
    this.#fields = fields;
    this.#checked = checked;
    this.outputs = program.outputs(checked);
  }

  /** What Click's `program` handler shows: the tests, for packets that are long enough for all of them. */
  get text(): string {
    return programText(this.#program, this.#twice.fast, this.#safe);
  }

  /** The module's bytes. */
  get module(): Uint8Array {
    this.#module ??= emit(this.#program, this.#twice.start);
    return this.#module;
  }

  /** Tests in the program. */
  get tests(): number {
    return this.#program.reachable(this.#twice.start).length;
  }

  /** Makes the kernel over a router's memory. */
  instantiate(memory: WasmMemory): Classify {
    this.#compiled ??= compileClassify(this.module);
    return instantiateClassify(memory, this.#compiled);
  }

  /** With a second copy of the tests, `fast`, for packets that are long enough for every test. Made when it is first needed. */
  get #twice(): { readonly start: Target; readonly fast: Target } {
    this.#starts ??= this.#copy();
    return this.#starts;
  }

  #copy(): { readonly start: Target; readonly fast: Target } {
    const program = this.#program;
    const safe = this.#safe;
    const nodes = program.reachable(this.#checked);
    for (const i of nodes) {
      const t = program.tests[program.test[i]];
      if (t.kind === "len") safe[t.anchor] = Math.max(safe[t.anchor], t.values[0]);
    }
    if (nodes.length > MAX_TWICE) return { start: this.#checked, fast: this.#checked };
    const fast = optimize(program, this.#checked, Known.lengths(safe), this.#fields);
    let start = fast;
    safe.forEach((length, anchor) => {
      if (length > 0)
        start = program.addNode(
          program.addTest(lengthTest(anchor as 0 | 1 | 2 | 3, length)),
          start,
          this.#checked,
        );
    });
    return { start, fast };
  }
}

/**
 * Compiles rules. The first rule that a packet matches chooses its output; a
 * packet that matches none is dropped. Throws ProgramTooLargeError.
 */
export function compileRules(rules: readonly Rule[]): Classification {
  const count = rules.reduce((sum, rule) => sum + countTests(rule.expr), 0);
  if (count > MAX_TESTS)
    throw new ProgramTooLargeError(`patterns too large: ${count} tests, bound ${MAX_TESTS}`);
  const program = new Program();
  const fields = new Fields();
  const built = program.graft(build(program, rules, fields), NEXT, ~PORT_DROP);
  // Paths that one pass shortened may let the next one see more.
  return new Classification(program, fields, optimize(program, built, Known.lengths(), fields));
}
