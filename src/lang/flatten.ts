// Second half of elaboration: expands the compounds of a configuration in
// place, until only real elements and the faces of compounds remain.

import { splitArgs } from "./args/text.js";
import { assignArguments, type Compound, type ElementType, signature, TUNNEL } from "./definition.js";
import type { Landmark } from "./diagnostics.js";
import { ExpansionLimit, TextBudget, VariableScope } from "./expand.js";
import { MAX_COMPARISONS, MAX_EXPANSION_DEPTH, MAX_TEXT } from "./limits.js";
import type { Report } from "./report.js";
import { addFaces, type Faces } from "./whole-configuration.js";

const ERROR: ElementType = { kind: "unknown", name: "Error", compound: null };

export class Flattener {
  /** The faces of all compounds and groups that were expanded. */
  readonly faces: Faces[];

  readonly #top: Compound;
  readonly #report: Report;
  /** The place Click names for whatever goes wrong here: the end of the file. */
  readonly #end: Landmark;
  readonly #budget = new TextBudget(MAX_TEXT);
  #depth = 0;
  #comparisons = 0;

  /** `top` becomes the flat configuration; `groups` are those of the declarations. */
  constructor(top: Compound, groups: readonly Faces[], report: Report, end: Landmark) {
    this.#top = top;
    this.#report = report;
    this.faces = [...groups];
    this.#end = end;
  }

  run(variables: Readonly<Record<string, string>>): void {
    const scope = new VariableScope(null, this.#budget);
    for (const [name, value] of this.#top.variables) scope.set(name, value);
    for (const [name, value] of Object.entries(variables)) scope.set(name, value);
    const count = this.#top.elements.length;
    for (let i = 0; i < count; i++) this.#expand(i, scope);
  }

  #expand(index: number, scope: VariableScope): void {
    this.#top.nameElement(index);
    const element = this.#top.elements[index];
    if (element.type === TUNNEL) return;
    element.config = scope.text(element.config);
    const { compound } = element.type;
    if (compound === null) return;
    const args = splitArgs(element.config);
    const { type, values } = this.#choose(element.type, compound, element.inputs, element.outputs, args);
    if (type.compound === null) {
      element.type = type;
      return;
    }
    if (this.#depth >= MAX_EXPANSION_DEPTH) {
      throw new ExpansionLimit(
        `compound elements stand more than ${MAX_EXPANSION_DEPTH} deep in one another`,
      );
    }
    const inner = new VariableScope(scope.outside(type.compound.depth), this.#budget);
    type.compound.formals.forEach((formal, i) => {
      inner.set(formal.name, values[i] ?? "");
    });
    for (const [name, value] of type.compound.variables) inner.set(name, inner.text(value));
    this.#depth++;
    this.#inline(index, type.compound, inner);
    this.#depth--;
  }

  /** The first definition that fits ports and arguments; where none does, the last whose arguments fit. */
  #choose(
    type: ElementType,
    compound: Compound,
    inputs: number,
    outputs: number,
    args: readonly string[],
  ): { readonly type: ElementType; readonly values: readonly string[] } {
    let closest: { readonly type: ElementType; readonly values: readonly string[] } | null = null;
    const candidates: Compound[] = [];
    let next: ElementType | null = type;
    while (next !== null) {
      const candidate: Compound | null = next.compound;
      if (candidate === null) return { type: next, values: [] };
      candidates.push(candidate);
      this.#comparisons += 1 + args.length + candidate.formals.length;
      if (this.#comparisons > MAX_COMPARISONS) {
        throw new ExpansionLimit("too many definitions to choose from");
      }
      const values = assignArguments(candidate.formals, args);
      if (values !== null) {
        closest = { type: next, values };
        if (candidate.ninputs === inputs && candidate.noutputs === outputs) return closest;
      }
      next = candidate.overload;
    }
    if (candidates.length !== 1 || closest === null) {
      const end = this.#end;
      const wanted = signature(compound.name, inputs, outputs, { count: args.length });
      this.#report.error("no-match", end, `no match for '${wanted}'`);
      this.#report.error("no-match", candidates[0].landmark, "candidates are:");
      for (const c of candidates)
        this.#report.error("no-match", c.landmark, `  ${signature(c.name, c.ninputs, c.noutputs, c)}`);
    }
    return closest ?? { type: ERROR, values: [] };
  }

  /** Puts the elements and connections of `compound` in the place of the element `which`. */
  #inline(which: number, compound: Compound, scope: VariableScope): void {
    const top = this.#top;
    const report = this.#report;
    const budget = this.#budget;
    const outer = top.elements[which];
    outer.type = TUNNEL;
    const faces = addFaces(top, outer.name, this.#end, report);
    if (faces.ok) this.faces.push(faces);
    const map: number[] = [faces.input, faces.output];
    for (let i = 2; i < compound.elements.length; i++) {
      const element = compound.elements[i];
      const name = budget.spend(`${outer.name}/${element.name}`);
      const known = top.index.get(name);
      if (known !== undefined) {
        report.error("element-redefined", outer.landmark, `redeclaration of element '${name}'`);
        report.error("element-redefined", top.elements[known].landmark, `'${name}' previously declared here`);
        map.push(-1);
      } else if (element.type === TUNNEL) {
        const group = addFaces(top, name, this.#end, report);
        if (group.ok) this.faces.push(group);
        map.push(group.outer, group.input, group.output);
        i += 2; // its own input and output follow it
      } else map.push(top.add(name, element.type, scope.text(element.config), element.landmark));
    }
    for (const { from, fromPort, to, toPort, landmark } of compound.connections) {
      if (map[from] >= 0 && map[to] >= 0) top.connect(map[from], fromPort, map[to], toPort, landmark);
    }
    for (let i = 2; i < map.length; i++) if (map[i] >= 0) this.#expand(map[i], scope);
  }
}
