// From rules to a classifying kernel: build, optimise, emit, instantiate.

import { PORT_DROP } from "../../../assembly/layout.js";
import { type Classify, instantiateClassify, type WasmMemory } from "../kernels.js";
import { emit } from "./emit.js";
import { ANCHORS, type Rule } from "./expr.js";
import { Known } from "./knowledge.js";
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

/**
 * Compiles rules. The first rule that a packet matches chooses its output; a
 * packet that matches none is dropped. Throws ProgramTooLargeError.
 */
export function compileRules(rules: readonly Rule[]): Classification {
  const built = new Program();
  const root = built.addRules(rules, ~PORT_DROP);
  // Paths that one pass shortened may let the next one see more.
  const once = new Program(Number.POSITIVE_INFINITY);
  const first = optimize(built, root, Known.lengths(), once);
  const program = new Program(Number.POSITIVE_INFINITY);
  const checked = optimize(once, first, Known.lengths(), program);

  const nodes = program.reachable(checked);
  const safe = new Array<number>(ANCHORS).fill(0);
  for (const i of nodes) {
    const t = program.tests[program.test[i]];
    if (t.kind === "len") safe[t.anchor] = Math.max(safe[t.anchor], t.values[0]);
  }
  let start: Target = checked;
  let fast: Target = checked;
  if (nodes.length <= MAX_TWICE) {
    fast = optimize(program, checked, Known.lengths(safe), program);
    start = fast;
    safe.forEach((length, anchor) => {
      if (length > 0)
        start = program.addNode(program.addTest(lengthTest(anchor as 0 | 1 | 2 | 3, length)), start, checked);
    });
  }
  const module = emit(program, start);
  return {
    outputs: program.outputs(checked),
    text: programText(program, fast, safe),
    module,
    tests: program.reachable(start).length,
    instantiate: (memory) => instantiateClassify(memory, module),
  };
}
