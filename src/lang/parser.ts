// Parses configuration text into a lossless tree. It goes on after errors in
// the way of Click's lib/lexer.cc, so that what is reported after an error is
// what Click reports; and it nests no deeper than MAX_NESTING.

import { ChainParser, type Place } from "./chain-parser.js";
import { MAX_NESTING, MAX_SOURCE } from "./limits.js";
import { parseFormals, parseRequirements, parseVariables } from "./parts.js";
import type {
  CompoundBody,
  CompoundSyntax,
  ElementClassSyntax,
  GroupSyntax,
  Moment,
  Statement,
  SyntaxTree,
} from "./syntax.js";
import { TokenStream } from "./token-stream.js";

export interface ParseOptions {
  /** The name in landmarks: a path, `config` for text given directly, `<stdin>`. */
  readonly file: string;
}

/**
 * The tree of a configuration. Never throws: errors of form are in the tree's
 * diagnostics, and the tree holds whatever could be understood.
 */
export function parse(source: string, options: ParseOptions): SyntaxTree {
  const { file } = options;
  const text = source.length > MAX_SOURCE ? "" : source;
  const tree = new Parser(text, file).tree(text, file);
  if (source.length <= MAX_SOURCE) return tree;
  const message = `configuration has ${source.length} characters, more than the ${MAX_SOURCE} allowed`;
  const landmark = { file, line: 1 };
  return { ...tree, diagnostics: [{ severity: "error", code: "too-large", landmark, message }], steps: [1] };
}

class Parser extends ChainParser {
  readonly #requirements: SyntaxTree["requirements"][number][] = [];

  constructor(source: string, file: string) {
    super(new TokenStream(source, file));
  }

  tree(source: string, file: string): SyntaxTree {
    const { statements } = this.#statements({ kind: "file", depth: 0, scoped: false });
    const { tokens, diagnostics, steps } = this.stream;
    return { file, source, tokens, statements, requirements: this.#requirements, diagnostics, steps };
  }

  /** Statements up to the end of `place`, and what ended them: `||` where another alternative follows. */
  #statements(place: Place): { readonly statements: Statement[]; readonly ender: string } {
    const stream = this.stream;
    const statements: Statement[] = [];
    for (;;) {
      const first = stream.next;
      const kind = stream.peek();
      switch (kind) {
        case "ident":
        case "[":
        case "{":
        case "(":
        case "->":
        case "=>":
          statements.push(this.connection(place));
          continue;
        case "elementclass":
          statements.push(this.#elementClass(place));
          continue;
        case "require":
          this.#require(place, statements);
          continue;
        case "define":
          this.#define(statements);
          continue;
        case ";":
          stream.take();
          statements.push({ kind: "stray", first, last: stream.last });
          continue;
        case "eof":
          if (place.kind === "compound") stream.error("expected-token", "expected '}'");
          else if (place.kind === "group") stream.error("expected-token", "expected ')'");
          return { statements, ender: kind };
        case "}":
        case "||":
          if (place.kind === "compound") {
            stream.take();
            return { statements, ender: kind };
          }
          if (place.kind === "group") {
            stream.syntaxError(stream.tokens[first]);
            return { statements, ender: kind };
          }
          break;
        case ")":
          if (place.kind === "group") {
            stream.take();
            return { statements, ender: kind };
          }
          break;
      }
      stream.syntaxError(stream.take());
      statements.push({ kind: "stray", first, last: stream.last });
    }
  }

  protected override group(place: Place): GroupSyntax {
    const stream = this.stream;
    stream.take();
    const first = stream.last;
    const begin = stream.moment();
    const depth = place.depth + 1;
    let statements: Statement[] = [];
    if (depth >= MAX_NESTING) this.#skipNested("maximum element group nesting depth exceeded", ")");
    else ({ statements } = this.#statements({ kind: "group", depth, scoped: place.scoped }));
    return { kind: "group", statements, begin, end: stream.moment(), first, last: stream.last };
  }

  protected override compound(place: Place): CompoundSyntax {
    const stream = this.stream;
    stream.take();
    const first = stream.last;
    const bodies: CompoundBody[] = [];
    let extension: Moment | null = null;
    for (;;) {
      if (stream.peek() === "...") {
        stream.take();
        extension = stream.moment();
        if (bodies.length === 0 || stream.peek() !== "}") {
          stream.error("misplaced-extension", "'...' should occur last, after one or more compounds");
        }
        if (stream.peek() === "}" && bodies.length > 0) {
          stream.take();
          break;
        }
      }
      const { body, ender } = this.#body(place);
      bodies.push(body);
      if (ender !== "||") break;
    }
    return { kind: "compound", bodies, extension, first, last: stream.last };
  }

  #body(place: Place): { readonly body: CompoundBody; readonly ender: string } {
    const stream = this.stream;
    stream.peek();
    const begin = stream.moment();
    const formals = parseFormals(stream);
    const depth = place.depth + 1;
    if (depth >= MAX_NESTING) {
      this.#skipNested("maximum compound element nesting depth exceeded", "}");
      return { body: { formals, statements: [], begin, end: stream.moment() }, ender: "}" };
    }
    const { statements, ender } = this.#statements({ kind: "compound", depth, scoped: true });
    return { body: { formals, statements, begin, end: stream.moment() }, ender };
  }

  /** Reports, then passes over everything up to the `closer` that ends what was opened too deep. */
  #skipNested(message: string, closer: string): void {
    const stream = this.stream;
    stream.error("nesting-depth", message);
    for (let depth = 1; ; ) {
      const kind = stream.peek();
      if (kind === "eof") return;
      stream.take();
      if (kind === "{" || (kind === "(" && closer === ")")) depth++;
      else if (kind === "(") stream.config();
      else if (kind === "}" || kind === closer) depth--;
      if (depth === 0) return;
    }
  }

  #elementClass(place: Place): ElementClassSyntax {
    const stream = this.stream;
    stream.take();
    const first = stream.last;
    let name = "";
    if (stream.peek() === "ident") name = stream.text(stream.take());
    else stream.error("missing-class", "expected element type name");
    let type: ElementClassSyntax["type"] = null;
    const kind = stream.peek();
    if (kind === "{") type = this.compound(place);
    else if (kind === "ident") type = this.name();
    else stream.syntaxError(stream.take());
    return { kind: "elementclass", name, type, moment: stream.moment(), first, last: stream.last };
  }

  #require(place: Place, statements: Statement[]): void {
    const stream = this.stream;
    const call = this.#call(statements);
    if (call === null) return;
    const { text, first } = call;
    const last = stream.last;
    stream.accept(";");
    const requirements = parseRequirements(stream, text, place.scoped);
    this.#requirements.push(...requirements);
    statements.push({ kind: "require", requirements, moment: stream.moment(), first, last });
  }

  /** Takes a word and what stands in parentheses behind it; null, and the word is noted as stray, where nothing does. */
  #call(statements: Statement[]): { readonly text: string; readonly first: number } | null {
    const stream = this.stream;
    stream.take();
    const first = stream.last;
    if (!stream.expect("(")) {
      statements.push({ kind: "stray", first, last: stream.last });
      return null;
    }
    const { text } = stream.config();
    stream.expect(")");
    return { text, first };
  }

  #define(statements: Statement[]): void {
    const stream = this.stream;
    const call = this.#call(statements);
    if (call === null) return;
    const { text, first } = call;
    const variables = parseVariables(stream, text);
    statements.push({ kind: "define", variables, moment: stream.moment(), first, last: stream.last });
  }
}
