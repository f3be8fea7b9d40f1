// What routers of the same configuration need not each work out for themselves.

import type { ArgContext } from "../lang/args/context.js";
import { Declarations, type ElaborateOptions, type Elaboration } from "../lang/elaborate.js";
import type { FlatConnection } from "../lang/flat.js";
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

/** What a tree declares, and what it became with one set of variables and another. */
interface Declared {
  readonly declarations: Declarations;
  /** The libraries that went into it. */
  readonly reads: readonly Read[];
  readonly graphs: Recent<string, Elaboration>;
  /** Of the first graph: those of others are nearly always the same. */
  connections: readonly FlatConnection[] | null;
}

/**
 * Parsed texts and arguments, flat graphs, resolved connections and compiled classifiers, shared by the routers that are
 * given the same `Blueprints`. Everything in it is immutable (bytes are handed out as copies) and found by all that it was made
 * from, so a router with it does what one without it does. All of these routers have one loader.
 */
export class Blueprints {
  readonly #trees = new Recent<string, SyntaxTree>(TREES);
  readonly #declared = new WeakMap<SyntaxTree, Declared>();
  readonly #classifications = new Recent<string, Classification>(CLASSIFICATIONS);
  /** The same, by rules that `read` gave before. */
  readonly #classified = new WeakMap<readonly Rule[], Classification>();
  readonly #memos = new WeakMap<object, Memo>();
  readonly #wirings = new WeakMap<readonly FlatConnection[], Wiring>();

  /** As `parse`. */
  tree(text: string, file: string): SyntaxTree {
    const key = `${file}\n${text}`;
    return this.#trees.get(key) ?? this.#trees.set(key, parse(text, { file }));
  }

  /** As `elaborate`. What has errors is worked out each time: a class may have come since. */
  elaborate(tree: SyntaxTree, options: ElaborateOptions): Elaboration {
    const declared = this.#declare(tree, options);
    const variables = options.variables ?? {};
    const key = JSON.stringify(variables);
    const known = declared.graphs.get(key);
    if (known !== undefined) return known;
    const { graph, diagnostics } = declared.declarations.flatten(variables);
    if (diagnostics.some((d) => d.severity === "error")) return { graph, diagnostics };
    const { connections } = declared;
    if (connections === null || !sameConnections(connections, graph.connections))
      declared.connections = graph.connections;
    const elaboration = { graph: { ...graph, connections: declared.connections! }, diagnostics };
    return declared.graphs.set(key, elaboration);
  }

  #declare(tree: SyntaxTree, options: ElaborateOptions): Declared {
    const known = this.#declared.get(tree);
    if (known?.reads.every((r) => sameFile(r, options))) return known;
    const reads: Read[] = [];
    const declarations = new Declarations(tree, {
      hasClass: options.hasClass,
      parse: (text, file) => this.tree(text, file),
      readLibrary: (name, from) => {
        const found = options.readLibrary?.(name, from) ?? null;
        if (found !== null) reads.push({ name, from, ...found });
        return found;
      },
    });
    const declared = {
      declarations,
      reads,
      graphs: new Recent<string, Elaboration>(GRAPHS),
      connections: null,
    };
    if (!declarations.failed) this.#declared.set(tree, declared);
    return declared;
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

  /** How `connections` of a flat graph were resolved before. */
  wiring(connections: readonly FlatConnection[]): Wiring | undefined {
    return this.#wirings.get(connections);
  }

  keepWiring(connections: readonly FlatConnection[], wiring: Wiring): void {
    this.#wirings.set(connections, wiring);
  }
}

function sameConnections(a: readonly FlatConnection[], b: readonly FlatConnection[]): boolean {
  return a.length === b.length && a.every((c, i) => sameConnection(c, b[i]));
}

function sameConnection(a: FlatConnection, b: FlatConnection): boolean {
  return (
    a.from === b.from &&
    a.fromPort === b.fromPort &&
    a.to === b.to &&
    a.toPort === b.toPort &&
    a.landmark.line === b.landmark.line &&
    a.landmark.column === b.landmark.column &&
    a.landmark.file === b.landmark.file
  );
}

function sameFile({ name, from, file, text }: Read, { readLibrary }: ElaborateOptions): boolean {
  const now = readLibrary?.(name, from) ?? null;
  return now !== null && now.file === file && now.text === text;
}
