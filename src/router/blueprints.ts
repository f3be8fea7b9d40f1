// What routers of the same configuration need not each work out for themselves.

import type { ArgContext } from "../lang/args/context.js";
import { type ElaborateOptions, type Elaboration, elaborate } from "../lang/elaborate.js";
import type { FlatGraph } from "../lang/flat.js";
import { parse } from "../lang/parser.js";
import type { SyntaxTree } from "../lang/syntax.js";
import { type Classification, compileRules } from "../packet/classify/compile.js";
import type { Rule } from "../packet/classify/expr.js";
import { Memo } from "./memo.js";
import { Recent } from "./recent.js";
import type { Wiring } from "./wiring.js";

/** How many of each kind are kept; graphs for each text. */
const TREES = 64;
const GRAPHS = 64;
const CLASSIFICATIONS = 1024;
/** For each reader. */
const TEXTS = 256;

interface Read {
  readonly name: string;
  readonly from: string;
  readonly file: string;
  readonly text: string;
}

interface Elaborated {
  readonly elaboration: Elaboration;
  /** The libraries that went into it. */
  readonly reads: readonly Read[];
}

/**
 * Parsed texts and arguments, flat graphs, resolved connections and compiled classifiers, shared by the routers that are
 * given the same `Blueprints`. Everything in it is immutable (bytes are handed out as copies) and found by all that it was made
 * from, so a router with it does what one without it does. All of these routers have one loader.
 */
export class Blueprints {
  readonly #trees = new Recent<string, SyntaxTree>(TREES);
  /** Of each tree, by its variables. */
  readonly #elaborated = new WeakMap<SyntaxTree, Recent<string, Elaborated>>();
  readonly #classifications = new Recent<string, Classification>(CLASSIFICATIONS);
  /** The same, by rules that `read` gave before. */
  readonly #classified = new WeakMap<readonly Rule[], Classification>();
  readonly #memos = new WeakMap<object, Memo>();
  readonly #wirings = new WeakMap<FlatGraph, Wiring>();

  /** As `parse`. */
  tree(text: string, file: string): SyntaxTree {
    const key = `${file}\n${text}`;
    return this.#trees.get(key) ?? this.#trees.set(key, parse(text, { file }));
  }

  /** As `elaborate`. What has errors is worked out each time: a class may have come since. */
  elaborate(tree: SyntaxTree, options: ElaborateOptions): Elaboration {
    let graphs = this.#elaborated.get(tree);
    if (graphs === undefined) {
      graphs = new Recent(GRAPHS);
      this.#elaborated.set(tree, graphs);
    }
    const key = JSON.stringify(options.variables ?? {});
    const known = graphs.get(key);
    if (known?.reads.every((r) => sameFile(r, options))) return known.elaboration;
    const reads: Read[] = [];
    const elaboration = elaborate(tree, {
      ...options,
      parse: (text, file) => this.tree(text, file),
      readLibrary: (name, from) => {
        const found = options.readLibrary?.(name, from) ?? null;
        if (found !== null) reads.push({ name, from, ...found });
        return found;
      },
    });
    if (!elaboration.diagnostics.some((d) => d.severity === "error")) graphs.set(key, { elaboration, reads });
    return elaboration;
  }

  /** What `read`, whose name is `reader`, makes of `text`: see Memo. */
  read<T>(reader: object, text: string, context: ArgContext, read: (context: ArgContext) => T): T {
    let memo = this.#memos.get(reader);
    if (memo === undefined) {
      memo = new Memo(TEXTS);
      this.#memos.set(reader, memo);
    }
    return memo.get(text, context, read);
  }

  /** As `compileRules`. */
  classification(rules: readonly Rule[]): Classification {
    const known = this.#classified.get(rules);
    if (known !== undefined) return known;
    const key = JSON.stringify(rules);
    const classification =
      this.#classifications.get(key) ?? this.#classifications.set(key, compileRules(rules));
    this.#classified.set(rules, classification);
    return classification;
  }

  /** How the connections of `graph` were resolved before. */
  wiring(graph: FlatGraph): Wiring | undefined {
    return this.#wirings.get(graph);
  }

  keepWiring(graph: FlatGraph, wiring: Wiring): void {
    this.#wirings.set(graph, wiring);
  }
}

function sameFile({ name, from, file, text }: Read, { readLibrary }: ElaborateOptions): boolean {
  const now = readLibrary?.(name, from) ?? null;
  return now !== null && now.file === file && now.text === text;
}
