// Parses chains: elements with ports, declarations and configurations, joined
// by arrows.

import { parsePorts } from "./parts.js";
import type {
  ClassSyntax,
  CompoundSyntax,
  ConfigSyntax,
  ConnectionSyntax,
  ElementSyntax,
  GroupSyntax,
  ImplicitSyntax,
  LinkSyntax,
  NameSyntax,
  PortsSyntax,
} from "./syntax.js";
import type { TokenStream } from "./token-stream.js";

/** Where statements stand: at file level, in a compound or in a group. */
export interface Place {
  readonly kind: "file" | "compound" | "group";
  readonly depth: number;
  /** Whether any enclosing place is a compound: there libraries cannot be required. */
  readonly scoped: boolean;
}

const BODY_ENDS: ReadonlySet<string> = new Set(["}", ")", "||", "eof"]);
const isArrow = (kind: string): kind is "->" | "=>" => kind === "->" || kind === "=>";

/** What may follow a chain without a semicolon. */
const CONTINUES: ReadonlySet<string> = new Set([
  "ident",
  "{",
  "}",
  "[",
  ")",
  "||",
  "elementclass",
  "require",
  "provide",
  "define",
  "eof",
]);

export abstract class ChainParser {
  protected readonly stream: TokenStream;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  /** What nests: statements again, in `(…)` and `{…}`. */
  protected abstract group(place: Place): GroupSyntax;
  protected abstract compound(place: Place): CompoundSyntax;

  protected connection(place: Place): ConnectionSyntax {
    const stream = this.stream;
    const first = stream.next;
    const links: LinkSyntax[] = [];
    let arrow: LinkSyntax["arrow"] = null;
    for (;;) {
      const link = this.#link(place, arrow);
      if (link === null) break;
      links.push(link);
      let kind = stream.peek();
      while (kind === "," || kind === "::") {
        stream.syntaxError(stream.take());
        kind = stream.peek();
      }
      if (!isArrow(kind)) {
        if (kind === ";") stream.take();
        else if (!CONTINUES.has(kind)) {
          stream.syntaxError(stream.tokens[stream.next]);
          if (kind.length === 1) stream.take();
        }
        break;
      }
      stream.take();
      arrow = { kind, token: stream.last };
    }
    return { kind: "connection", links, end: stream.moment(), first, last: Math.max(first, stream.last) };
  }

  /** One link of a chain, or null where no element stands. */
  #link(place: Place, arrow: LinkSyntax["arrow"]): LinkSyntax | null {
    const stream = this.stream;
    const elements: ElementSyntax[] = [];
    let plain = true;
    let implicit = false;
    for (;;) {
      const element = this.#element(place, arrow === null, elements.length === 0);
      if (element === null) {
        if (elements.length === 0) return null;
        break;
      }
      elements.push(element);
      const { reference, inputs, outputs } = element;
      if (reference.kind === "implicit") implicit = true;
      if (inputs !== null || outputs !== null || reference.kind !== "name") plain = false;
      if (stream.peek() !== ",") break;
      stream.take();
    }
    const leads = isArrow(stream.peek());
    if (implicit && arrow !== null && leads) {
      stream.error("implicit-ports", "implicit ports used in the middle of a chain");
    }
    const bare = elements.slice(0, -1).every((e) => e.declaration === null && e.config === null);
    const spread = elements.length > 1 && arrow === null && !leads && plain && bare;
    return { elements, spread, declare: stream.moment(), arrow, connect: stream.moment() };
  }

  #element(place: Place, firstLink: boolean, firstElement: boolean): ElementSyntax | null {
    const stream = this.stream;
    const first = stream.next;
    const inputs = parsePorts(stream);
    const kind = stream.peek();
    if (kind === "ident" || kind === "{" || kind === "(") {
      const reference = this.#reference(place, kind);
      const at = Math.max(first, stream.last);
      const declaration = this.#declaration(place, reference);
      return { reference, inputs, declaration, ...this.#configAndOutputs(), place: at };
    }
    const nested = place.kind !== "file";
    let implicit = false;
    if (nested && isArrow(kind)) implicit = firstLink && (inputs !== null || firstElement);
    else if (nested && kind === ",") implicit = inputs !== null;
    else if (nested && kind !== "::") implicit = !firstLink && (inputs !== null || firstElement);
    if (implicit) {
      const reference: ImplicitSyntax = {
        kind: "implicit",
        name: firstLink ? "input" : "output",
        arrow: isArrow(kind) ? kind : "",
        bare: firstLink && isArrow(kind) && inputs === null,
        moment: stream.moment(),
        first,
        last: stream.last,
      };
      const ports: Pick<ElementSyntax, "inputs" | "outputs"> = firstLink
        ? { inputs: null, outputs: inputs }
        : { inputs, outputs: null };
      return { reference, ...ports, declaration: null, config: null, place: stream.next };
    }
    if (inputs !== null) stream.error("stranded-port", "stranded port ignored");
    if (nested && firstLink && firstElement) return null;
    stream.syntaxError(stream.tokens[stream.next]);
    if (!nested || !BODY_ENDS.has(kind)) stream.take();
    return null;
  }

  #reference(place: Place, kind: "ident" | "{" | "("): ElementSyntax["reference"] {
    if (kind === "ident") return this.name();
    return kind === "{" ? this.compound(place) : this.group(place);
  }

  protected name(): NameSyntax {
    const stream = this.stream;
    const name = stream.text(stream.take());
    return { kind: "name", name, first: stream.last, last: stream.last };
  }

  #declaration(place: Place, reference: ElementSyntax["reference"]): ClassSyntax | null {
    const stream = this.stream;
    if (stream.peek() !== "::") return null;
    stream.take();
    const kind = stream.peek();
    if (kind === "ident") {
      const type = this.name();
      return { type, moment: stream.moment() };
    }
    if (kind === "{") {
      const type = this.compound(place);
      return { type, moment: type.bodies[type.bodies.length - 1]?.end ?? stream.moment() };
    }
    stream.error("missing-class", "missing element type in declaration");
    // Click goes on as if the element's own name were the class.
    const type = reference.kind === "name" ? reference : null;
    return { type, moment: stream.moment() };
  }

  #configAndOutputs(): { config: ConfigSyntax | null; outputs: PortsSyntax | null } {
    const stream = this.stream;
    let config: ConfigSyntax | null = null;
    if (stream.peek() === "(") {
      stream.take();
      const moment = stream.moment();
      config = { ...stream.config(), moment };
      stream.expect(")");
    }
    stream.peek();
    return { config, outputs: parsePorts(stream) };
  }
}
