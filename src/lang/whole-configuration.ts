// What the declarations of all files of a configuration share, and the faces
// that compounds and groups show.

import { type Compound, type ElementType, TUNNEL } from "./definition.js";
import type { Landmark } from "./diagnostics.js";
import type { FlatRequirement } from "./flat.js";
import type { Report } from "./report.js";
import type { SyntaxTree } from "./syntax.js";

export interface DeclareOptions {
  readonly hasClass?: (name: string) => boolean;
  readonly readLibrary?: (name: string, fromFile: string) => { file: string; text: string } | null;
  /** Parses a library's text. Default `parse`. */
  readonly parse?: (text: string, file: string) => SyntaxTree;
}

/** The two inner faces of a compound or group. */
export interface Faces {
  readonly outer: number;
  readonly input: number;
  readonly output: number;
}

/** What the declarations of all files have in common. */
export class WholeConfiguration {
  readonly report: Report;
  readonly options: DeclareOptions;
  readonly requirements: FlatRequirement[] = [];
  /** Files of libraries already included. */
  readonly libraries = new Set<string>();
  /** The groups of the whole configuration; those inside compounds appear when these are expanded. */
  readonly groups: Faces[] = [];
  readonly #classes = new Map<string, ElementType | null>();

  constructor(report: Report, options: DeclareOptions) {
    this.report = report;
    this.options = options;
  }

  /** Whether nobody said which classes there are, so that any name may be one. */
  get open(): boolean {
    return this.options.hasClass === undefined;
  }

  /** The class that a real element provides, or null. */
  realClass(name: string): ElementType | null {
    let type = this.#classes.get(name);
    if (type === undefined) {
      const real = this.options.hasClass?.(name) ?? true;
      type = real ? { kind: "class", name, compound: null } : null;
      this.#classes.set(name, type);
    }
    return type;
  }
}

/** Makes a compound or group called `name` in `compound`: three pseudo-elements. `ok` unless one of the names is taken. */
export function addFaces(
  compound: Compound,
  name: string,
  landmark: Landmark,
  report: Report,
): Faces & { readonly ok: boolean } {
  let ok = true;
  const add = (what: string): number => {
    const index = compound.add(what, TUNNEL, "", landmark);
    const { type, landmark: previous } = compound.elements[index];
    if (type !== TUNNEL) {
      report.error("element-redefined", landmark, `redeclaration of element '${what}'`);
      report.error("element-redefined", previous, `'${what}' previously declared here`);
      ok = false;
    }
    return index;
  };
  const faces = { outer: add(name), input: add(`${name}/input`), output: add(`${name}/output`) };
  compound.watch(faces.input);
  compound.watch(faces.output);
  return { ...faces, ok };
}

/** Checks how `input` or `output` was used inside; returns how many ports that makes. */
export function checkFace(
  report: Report,
  compound: Compound,
  index: number,
  side: "input" | "output",
  name: string,
  landmark: Landmark,
): number {
  const element = compound.elements[index];
  const [count, wrong, other] =
    side === "input"
      ? [element.outputs, element.inputs, "output"]
      : [element.inputs, element.outputs, "input"];
  if (wrong > 0) {
    report.error(
      "pseudo-element",
      landmark,
      `'${name}' pseudoelement '${side}' may only be used as ${other}`,
    );
  }
  const used = compound.usedPorts(index);
  for (let port = 0; port < count && used.size < count && !report.full; port++) {
    if (!used.has(port)) report.error("port-missing", landmark, `'${name}' ${side} ${port} missing`);
  }
  return count;
}
