// How the ports of one link of a chain meet those of the next.

import type { PortsSyntax } from "./syntax.js";

export interface Ports {
  readonly ports: readonly number[];
  readonly expandable: boolean;
}

/** An element of a chain, with the ports that are written (or implied) at each side. */
export interface LinkEnd {
  readonly element: number;
  readonly inputs: Ports | PortsSyntax | null;
  readonly outputs: Ports | PortsSyntax | null;
}

class Side {
  readonly least: number;
  expandable: number;
  steps = false;
  /** Further ports that the expandable list (or the lone element) may still take. */
  extra = 0;

  readonly #elements: readonly LinkEnd[];
  readonly #end: "inputs" | "outputs";
  #at = 0;
  #position = 0;
  #current = -1;

  constructor(elements: readonly LinkEnd[], end: "inputs" | "outputs") {
    this.#elements = elements;
    this.#end = end;
    let least = 0;
    let expandable = 0;
    for (const element of elements) {
      const ports = element[end];
      least += ports === null ? 1 : ports.ports.length;
      if (ports?.expandable) expandable++;
    }
    this.least = least;
    this.expandable = expandable;
  }

  get done(): boolean {
    return this.#at >= this.#elements.length;
  }

  get element(): number {
    return this.#elements[this.#at].element;
  }

  get port(): number {
    if (this.#current < 0) this.#current = this.#list?.ports[0] ?? 0;
    return this.#current;
  }

  /** Whether this is one element without ports, which `=>` may give as many as the other side has. */
  get lone(): boolean {
    return this.least === 1 && this.#list === null;
  }

  get #list(): Ports | null {
    return this.#elements[this.#at]?.[this.#end] ?? null;
  }

  advance(): void {
    if (!this.steps) return;
    const list = this.#list;
    this.#position++;
    if (list !== null && this.#position < list.ports.length) this.#current = list.ports[this.#position];
    else if (list?.expandable && this.extra > 0) {
      this.#current = list.ports[list.ports.length - 1] + this.#position - (list.ports.length - 1);
      this.extra--;
    } else if (this.lone && this.extra > 0) {
      this.#current = this.#position;
      this.extra--;
    } else {
      this.#current = -1;
      this.#position = 0;
      this.#at++;
    }
  }
}

/**
 * Connects `sources` to `sinks`: one to one, one to many, many to one, and
 * with `=>` many to many in order.
 */
export function wire(
  sources: readonly LinkEnd[],
  sinks: readonly LinkEnd[],
  arrow: "->" | "=>",
  connect: (from: number, fromPort: number, to: number, toPort: number) => void,
  error: (code: string, message: string) => void,
): void {
  if (sources.length === 0 || sinks.length === 0) return;
  const out = new Side(sources, "outputs");
  const into = new Side(sinks, "inputs");
  if (out.expandable + into.expandable > 1) {
    error("expandable-ports", "at most one expandable port allowed per connection");
    (into.least < out.least ? out : into).expandable = 0;
  }
  if (arrow === "=>") {
    if (into.lone && out.least > 1) into.expandable = 1;
    if (out.lone && into.least > 1) out.expandable = 1;
  }
  for (const [side, other] of [
    [out, into],
    [into, out],
  ]) {
    side.steps = side.least > 1 || side.expandable > 0;
    side.extra = side.expandable > 0 ? other.least - side.least : 0;
  }
  if (out.steps && into.steps) {
    if (arrow !== "=>") error("many-to-many", "syntax error: many-to-many connections require '=>'");
    const more = (side: Side) => (side.expandable > 0 ? " or more" : "");
    const short = out.least !== into.least && (out.least < into.least ? out : into).expandable === 0;
    if (short) {
      const outputs = `${out.least}${more(out)} outputs`;
      const inputs = `${into.least}${more(into)} inputs`;
      error("connection-mismatch", `connection mismatch: ${outputs} connected to ${inputs}`);
    }
  } else if (!out.steps && !into.steps) into.steps = true;
  while (!out.done && !into.done) {
    connect(out.element, out.port, into.element, into.port);
    out.advance();
    into.advance();
  }
}
