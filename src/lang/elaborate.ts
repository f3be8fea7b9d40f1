// From syntax tree to flat graph: every class, compound, group, variable and
// anonymous name resolved, as Click's lib/lexer.cc does it.

import { Declarer } from "./declare.js";
import { Compound, TUNNEL, TypeScope } from "./definition.js";
import type { Diagnostic } from "./diagnostics.js";
import { ExpansionLimit } from "./expand.js";
import type { FlatConnection, FlatElement, FlatGraph } from "./flat.js";
import { Flattener } from "./flatten.js";
import { Report } from "./report.js";
import { type SyntaxTree, tokenLandmark } from "./syntax.js";
import { Tunnels } from "./tunnels.js";
import { type DeclareOptions, World } from "./world.js";

export interface ElaborateOptions extends DeclareOptions {
  /** The element classes there are; without it, any name that is not declared is taken for one. */
  readonly hasClass?: (name: string) => boolean;
  /** Variables from outside (`VAR=VALUE`), which override `define` at file level. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Finds the file `require(library NAME)` means, seen from the file that requires it; null where there is none. */
  readonly readLibrary?: (name: string, fromFile: string) => { file: string; text: string } | null;
}

export interface Elaboration {
  /** Complete where there are no errors; else what makes sense. */
  readonly graph: FlatGraph;
  /** All errors and warnings, the tree's among them, in Click's order. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Resolves a configuration. Never throws, but for what the options' functions
 * throw; what costs more than the limits ends in an error.
 */
export function elaborate(tree: SyntaxTree, options: ElaborateOptions = {}): Elaboration {
  const report = new Report();
  const world = new World(report, options);
  const last = tree.tokens[tree.tokens.length - 1];
  const end = tokenLandmark(last);
  const top = new Compound("", end, 0, []);
  const none = { elements: [], connections: [], requirements: world.requirements };
  try {
    new Declarer(world, tree, top, new TypeScope(null)).run();
    const flattener = new Flattener(top, world, end);
    flattener.run(options.variables ?? {});
    const graph = flatGraph(top, flattener, world);
    return { graph, diagnostics: report.diagnostics };
  } catch (error) {
    if (!(error instanceof ExpansionLimit)) throw error;
    report.error("too-large", end, error.message);
    return { graph: none, diagnostics: report.diagnostics };
  }
}

function flatGraph(top: Compound, flattener: Flattener, world: World): FlatGraph {
  const elements: FlatElement[] = [];
  const numbers = top.elements.map(({ name, type, config, landmark }) => {
    if (type === TUNNEL) return -1;
    return elements.push({ name, className: type.name, config, landmark }) - 1;
  });
  const connections: FlatConnection[] = new Tunnels(top, flattener.faces, world.report)
    .join()
    .map((c) => ({ ...c, from: numbers[c.from], to: numbers[c.to] }))
    .sort(order)
    .filter((c, i, all) => i === 0 || order(all[i - 1], c) !== 0);
  return { elements, connections, requirements: world.requirements };
}

/** Click's order of connections, which decides the order of many messages: by target, then by source. */
function order(a: FlatConnection, b: FlatConnection): number {
  return a.to - b.to || a.toPort - b.toPort || a.from - b.from || a.fromPort - b.fromPort;
}
