// From syntax tree to flat graph: every class, compound, group, variable and
// anonymous name resolved, as Click's lib/lexer.cc does it.

import { Declarer } from "./declare.js";
import { Compound, TUNNEL, TypeScope } from "./definition.js";
import type { Diagnostic, Landmark } from "./diagnostics.js";
import { ExpansionLimit } from "./expand.js";
import type { FlatConnection, FlatElement, FlatGraph } from "./flat.js";
import { Flattener } from "./flatten.js";
import { Report } from "./report.js";
import { type SyntaxTree, tokenLandmark } from "./syntax.js";
import { Tunnels } from "./tunnels.js";
import { type DeclareOptions, type Faces, WholeConfiguration } from "./whole-configuration.js";

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
  return new Declarations(tree, options).flatten(options.variables);
}

/** The first half of an elaboration, which the variables from outside have no part in: it serves for any number of them. */
export class Declarations {
  readonly #report = new Report();
  readonly #whole: WholeConfiguration;
  readonly #top: Compound;
  readonly #end: Landmark;
  /** Why there is nothing to flatten. */
  readonly #limit: ExpansionLimit | null;

  /** As `elaborate`, which says what is thrown. */
  constructor(tree: SyntaxTree, options: DeclareOptions) {
    this.#whole = new WholeConfiguration(this.#report, options);
    this.#end = tokenLandmark(tree.tokens[tree.tokens.length - 1]);
    this.#top = new Compound("", this.#end, 0, []);
    const declarer = new Declarer(this.#whole, tree, this.#top, new TypeScope(null));
    this.#limit = withinLimits(() => declarer.run());
  }

  /** Whether something is wrong with it already. */
  get failed(): boolean {
    return this.#limit !== null || this.#report.diagnostics.some((d) => d.severity === "error");
  }

  /** The second half, as often as it is wanted. `variables` override `define` at file level. */
  flatten(variables: Readonly<Record<string, string>> = {}): Elaboration {
    const report = this.#report.copy();
    const end = this.#end;
    const { groups, requirements } = this.#whole;
    let graph: FlatGraph = { elements: [], connections: [], requirements };
    const limit =
      this.#limit ??
      withinLimits(() => {
        const top = this.#top.copy();
        const flattener = new Flattener(top, groups, report, end);
        flattener.run(variables);
        graph = { ...flatGraph(top, flattener.faces, report), requirements };
      });
    if (limit !== null) report.error("too-large", end, limit.message);
    return { graph, diagnostics: report.diagnostics };
  }
}

/** Runs `work`; returns the limit that it met, if it did. */
function withinLimits(work: () => void): ExpansionLimit | null {
  try {
    work();
  } catch (error) {
    if (error instanceof ExpansionLimit) return error;
    throw error;
  }
  return null;
}

function flatGraph(
  top: Compound,
  faces: readonly Faces[],
  report: Report,
): Pick<FlatGraph, "elements" | "connections"> {
  const elements: FlatElement[] = [];
  const numbers = top.elements.map(({ name, type, config, landmark }) => {
    if (type === TUNNEL) return -1;
    return elements.push({ name, className: type.name, config, landmark }) - 1;
  });
  const connections: FlatConnection[] = new Tunnels(top, faces, report)
    .join()
    .map((c) => ({ ...c, from: numbers[c.from], to: numbers[c.to] }))
    .sort(order)
    .filter((c, i, all) => i === 0 || order(all[i - 1], c) !== 0);
  return { elements, connections };
}

/** Click's order of connections, which decides the order of many messages: by target, then by source. */
function order(a: FlatConnection, b: FlatConnection): number {
  return a.to - b.to || a.toPort - b.toPort || a.from - b.from || a.fromPort - b.fromPort;
}
