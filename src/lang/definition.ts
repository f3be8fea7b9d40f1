// What the elaborator knows while it reads: element classes, and compounds as
// they are defined, before any use of them is expanded.

import type { Landmark } from "./diagnostics.js";
import { ExpansionLimit } from "./expand.js";
import { MAX_CONNECTIONS, MAX_ELEMENTS } from "./limits.js";
import type { FormalSyntax } from "./syntax.js";

/** `tunnel` stands for the two faces of a compound or group; it is no element of the flat graph. */
export interface ElementType {
  readonly kind: "tunnel" | "class" | "unknown" | "compound";
  readonly name: string;
  readonly compound: Compound | null;
}

export const TUNNEL: ElementType = { kind: "tunnel", name: "<tunnel>", compound: null };

/** Element classes by name, as far as they are visible at a place. */
export class TypeScope {
  readonly parent: TypeScope | null;
  readonly #types = new Map<string, ElementType>();

  constructor(parent: TypeScope | null) {
    this.parent = parent;
  }

  find(name: string): ElementType | null {
    let scope: TypeScope | null = this;
    for (; scope !== null; scope = scope.parent) {
      const type = scope.#types.get(name);
      if (type !== undefined) return type;
    }
    return null;
  }

  /** Compounds without a name are not to be found. */
  add(name: string, type: ElementType): void {
    if (name !== "") this.#types.set(name, type);
  }
}

export interface Connection {
  readonly from: number;
  readonly fromPort: number;
  readonly to: number;
  readonly toPort: number;
  readonly landmark: Landmark;
}

export interface Declared {
  /** Names that begin with `;` are still to be made unique. */
  name: string;
  type: ElementType;
  config: string;
  readonly landmark: Landmark;
  /** Ports used so far: one more than the largest number. */
  inputs: number;
  outputs: number;
}

/** The body of one compound (or of the whole configuration): its elements and connections. */
export class Compound {
  readonly name: string;
  readonly landmark: Landmark;
  /** 0 for the whole configuration, one more in each compound inside. */
  readonly depth: number;
  readonly formals: readonly FormalSyntax[];
  /** From define(…), in order. */
  readonly variables = new Map<string, string>();
  readonly elements: Declared[] = [];
  readonly connections: Connection[] = [];
  readonly index = new Map<string, number>();
  ninputs = 0;
  noutputs = 0;
  /** Of names that were taken, the next number found free: a long row of them is walked once. */
  readonly #following = new Map<string, number>();
  /** What is tried next where this compound does not fit. */
  overload: ElementType | null = null;

  /** What `input` and `output` mean inside a group; null outside of groups. */
  group: { readonly input: number; readonly output: number } | null = null;

  /** Of each `input` and `output` pseudo-element, the ports used. */
  readonly #pseudo = new Map<number, Set<number>>();

  constructor(name: string, landmark: Landmark, depth: number, formals: readonly FormalSyntax[]) {
    this.name = name;
    this.landmark = landmark;
    this.depth = depth;
    this.formals = formals;
  }

  /** One that may be changed without this one. */
  copy(): Compound {
    const copy = new Compound(this.name, this.landmark, this.depth, this.formals);
    for (const element of this.elements) copy.elements.push({ ...element });
    for (const connection of this.connections) copy.connections.push(connection);
    for (const [name, value] of this.variables) copy.variables.set(name, value);
    for (const [name, index] of this.index) copy.index.set(name, index);
    for (const [name, number] of this.#following) copy.#following.set(name, number);
    for (const [index, ports] of this.#pseudo) copy.#pseudo.set(index, new Set(ports));
    copy.ninputs = this.ninputs;
    copy.noutputs = this.noutputs;
    copy.overload = this.overload;
    return copy;
  }

  /** `input` and `output` do not count in anonymous names. */
  get #offset(): number {
    return this.depth === 0 ? 0 : 2;
  }

  /** The index of the element that `name` means at this place. */
  find(name: string): number | undefined {
    if (this.group !== null && (name === "input" || name === "output")) return this.group[name];
    return this.index.get(name);
  }

  /** The index of the element of that name, made if there is none. */
  add(name: string, type: ElementType, config: string, landmark: Landmark): number {
    const known = this.index.get(name);
    if (known !== undefined) return known;
    const index = this.elements.length;
    if (index >= MAX_ELEMENTS)
      throw new ExpansionLimit(`configuration has more than ${MAX_ELEMENTS} elements`);
    this.index.set(name, index);
    this.elements.push({ name, type, config, landmark, inputs: 0, outputs: 0 });
    return index;
  }

  anonymousName(className: string): string {
    return `;${className}@${this.elements.length - this.#offset + 1}`;
  }

  /** Gives an element without a name its own, and returns it. */
  nameElement(index: number): string {
    const element = this.elements[index];
    if (!element.name.startsWith(";")) return element.name;
    let name = element.name.slice(1);
    if (this.index.has(name)) {
      const at = name.lastIndexOf("@") + 1;
      const prefix = name.slice(0, at);
      let number = Number.parseInt(name.slice(at), 10) || 0;
      const passed: string[] = [];
      do {
        passed.push(name);
        number = this.#following.get(name) ?? number + 1;
        name = prefix + number;
      } while (this.index.has(name));
      for (const taken of passed) this.#following.set(taken, number);
    }
    this.index.set(name, index);
    element.name = name;
    return name;
  }

  /** Makes `index` a pseudo-element, whose used ports are kept. */
  watch(index: number): void {
    this.#pseudo.set(index, new Set());
  }

  usedPorts(index: number): ReadonlySet<number> {
    return this.#pseudo.get(index) ?? new Set();
  }

  connect(from: number, fromPort: number, to: number, toPort: number, landmark: Landmark): void {
    if (this.connections.length >= MAX_CONNECTIONS) {
      throw new ExpansionLimit(`configuration has more than ${MAX_CONNECTIONS} connections`);
    }
    this.connections.push({ from, fromPort, to, toPort, landmark });
    const source = this.elements[from];
    const sink = this.elements[to];
    if (source.outputs <= fromPort) source.outputs = fromPort + 1;
    if (sink.inputs <= toPort) sink.inputs = toPort + 1;
    if (source.type === TUNNEL) this.#pseudo.get(from)?.add(fromPort);
    if (sink.type === TUNNEL) this.#pseudo.get(to)?.add(toPort);
  }
}

const KEYWORD = /^([A-Za-z_][A-Za-z0-9_:.?!]*)(?:\s+([\s\S]*))?$/;

/**
 * The arguments of a compound element in the order of its formals, or null
 * where they do not fit: positional ones first, all keywords given, nothing
 * left over unless `__REST__` takes it.
 */
export function assignArguments(formals: readonly FormalSyntax[], args: readonly string[]): string[] | null {
  const last = formals[formals.length - 1];
  if (last === undefined || last.keyword === "") return args.length === formals.length ? [...args] : null;
  const takesRest = last.keyword === "__REST__";
  const named = takesRest ? formals.slice(0, -1) : formals;
  let positional = named.findIndex((f) => f.keyword !== "");
  if (positional < 0) positional = named.length;
  const values: (string | undefined)[] = named.map(() => undefined);
  const rest: string[] = [];
  let given = 0;
  for (const arg of args) {
    if (given < positional) {
      values[given++] = arg;
      continue;
    }
    const [, keyword, value] = KEYWORD.exec(arg) ?? [];
    const slot = keyword === undefined ? -1 : named.findIndex((f) => f.keyword === keyword);
    if (slot >= 0) values[slot] = value ?? "";
    else if (takesRest) rest.push(arg);
    else return null;
  }
  if (values.includes(undefined)) return null;
  return takesRest ? [...(values as string[]), rest.join(", ")] : (values as string[]);
}

/** A compound's or a use's shape in messages: `X(<arg>, K)[1 input, 1 output]`. */
export function signature(
  name: string,
  inputs: number,
  outputs: number,
  shape: { readonly formals: readonly FormalSyntax[] } | { readonly count: number },
): string {
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
  let text = name === "" ? "<anonymous>" : name;
  let args = "";
  if ("count" in shape) {
    if (shape.count > 0) args = `${count(shape.count, "argument")}, `;
  } else if (shape.formals.length > 0) {
    const words = shape.formals.map((f) => {
      if (f.keyword === "") return "<arg>";
      return f.keyword === "__REST__" ? "..." : f.keyword;
    });
    text += `(${words.join(", ")})`;
  }
  return `${text}[${args}${count(inputs, "input")}, ${count(outputs, "output")}]`;
}
