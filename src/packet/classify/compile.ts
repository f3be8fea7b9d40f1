// From rules to a classifying kernel: build, optimise, emit, instantiate.

import { PORT_DROP } from "../../../assembly/layout.js";
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

/** A compiled list of rules. */
export interface Classification {
  /** Outputs that some packet may leave on; PORT_DROP among them if packets may be dropped. */
  readonly outputs: ReadonlySet<number>;
  /** What Click's `program` handler shows: the tests, for packets that are long enough for all of them. */
  readonly text: string;
  /** The module's bytes. */
  readonly module: Uint8Array;
  /** Tests in the program. */
  readonly tests: number;
  /** Makes the kernel over a router's memory. */
  instantiate(memory: WasmMemory): Classify;
}

/** Tests that the rules of one element may have. */
export const MAX_TESTS = 32768;

/** Rules from which on they are built in halves. */
const HALVE_FROM = 16;

/** Where rules lead that match nothing, until it is known what follows them. No element has this output. */
const NEXT: Target = ~0x10000;

/** The rules have more tests than a program may hold. */
export class ProgramTooLargeError extends Error {
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
  const checked = optimize(program, built, Known.lengths(), fields);

  const nodes = program.reachable(checked);
  const safe = new Array<number>(ANCHORS).fill(0);
  for (const i of nodes) {
    const t = program.tests[program.test[i]];
    if (t.kind === "len") safe[t.anchor] = Math.max(safe[t.anchor], t.values[0]);
  }
  let start: Target = checked;
  let fast: Target = checked;
  if (nodes.length <= MAX_TWICE) {
    fast = optimize(program, checked, Known.lengths(safe), fields);
    start = fast;
    safe.forEach((length, anchor) => {
      if (length > 0)
        start = program.addNode(program.addTest(lengthTest(anchor as 0 | 1 | 2 | 3, length)), start, checked);
    });
  }
  const module = emit(program, start);
  let compiled: CompiledClassify | null = null;
  return {
    outputs: program.outputs(checked),
    text: programText(program, fast, safe),
    module,
    tests: program.reachable(start).length,
    instantiate: (memory) => {
      compiled ??= compileClassify(module);
      return instantiateClassify(memory, compiled);
    },
  };
}
