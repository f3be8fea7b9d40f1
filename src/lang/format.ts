// Lays out configuration text: indents, spaces between tokens, at most one
// blank line. Line breaks, comments and configuration strings stay as written.

import { type SyntaxTree, type Token, tokenText } from "./syntax.js";
import { splitTrivia } from "./trivia.js";

const INDENT = "  ";
const CONTINUATION = "    ";
/** A line that begins with one of these, or follows a line ending in one, goes on with a chain. */
const JOINS: ReadonlySet<string> = new Set(["->", "=>", "::", ","]);

/** The laid-out text; text with errors of form is returned as it is. */
export function format(tree: SyntaxTree): string {
  return tree.diagnostics.length > 0 ? tree.source : new Formatter(tree).run();
}

class Formatter {
  readonly #tree: SyntaxTree;
  readonly #out: string[] = [];
  #depth = 0;
  #brackets = false;
  #breaks = 0;
  /** Whether a comment lacks its end: it takes in whatever is added. */
  #open = false;

  constructor(tree: SyntaxTree) {
    this.#tree = tree;
  }

  run(): string {
    const { tokens, source } = this.#tree;
    const closesConfig = (i: number) => tokens[i - 1]?.kind === "config";
    tokens.forEach((token, i) => {
      this.#trivia(token, tokens[i - 1]);
      if (token.kind === "eof") return;
      const opensConfig = tokens[i + 1]?.kind === "config";
      const verbatim = token.kind === "config" || closesConfig(i);
      if (token.kind === "}" || (token.kind === ")" && !verbatim)) this.#depth--;
      if (token.kind === "]") this.#brackets = false;
      if (verbatim) this.#out.push(tokenText(source, token));
      else {
        this.#separate(token, tokens[i - 1], opensConfig);
        this.#out.push(tokenText(source, token));
      }
      if (token.kind === "{" || (token.kind === "(" && !opensConfig)) this.#depth++;
      if (token.kind === "[") this.#brackets = true;
    });
    const text = this.#out.join("");
    return text === "" || this.#open || /[\r\n]$/.test(text) ? text : `${text}\n`;
  }

  #trivia(token: Token, previous: Token | undefined): void {
    const { source } = this.#tree;
    const lineStart = token.leading === 0 || /[\r\n]/.test(source[token.leading - 1]);
    for (const { kind, text } of splitTrivia(source.slice(token.leading, token.start), lineStart)) {
      if (kind === "newline") this.#breaks++;
      else if (kind === "comment") {
        this.#lineBreak(this.#goesOn(token, previous));
        if (this.#breaks === 0 && this.#out.length > 0 && !this.#atIndent()) this.#out.push(" ");
        this.#breaks = 0;
        this.#out.push(text);
        this.#open = text.startsWith("/*") && !(text.length >= 4 && text.endsWith("*/"));
      } else if (kind === "directive") {
        if (this.#out.length > 0) this.#out.push("\n");
        this.#breaks = 0;
        this.#out.push(text);
      }
    }
  }

  #atIndent(): boolean {
    return /(^|\n)[ ]*$/.test(this.#out[this.#out.length - 1]);
  }

  #goesOn(token: Token, previous: Token | undefined): boolean {
    return JOINS.has(token.kind) || (previous !== undefined && JOINS.has(previous.kind));
  }

  /** Writes the line breaks that were read, and the indent of the new line. */
  #lineBreak(goesOn: boolean): void {
    if (this.#breaks === 0) return;
    const indent = INDENT.repeat(Math.max(0, this.#depth)) + (goesOn ? CONTINUATION : "");
    const breaks = this.#out.length === 0 ? "" : "\n".repeat(Math.min(2, this.#breaks));
    this.#out.push(breaks + indent);
  }

  #separate(token: Token, previous: Token | undefined, opensConfig: boolean): void {
    if (this.#breaks > 0) this.#lineBreak(this.#goesOn(token, previous));
    else if (previous !== undefined && !this.#touches(token, opensConfig)) this.#out.push(" ");
    this.#breaks = 0;
  }

  #touches({ kind }: Token, opensConfig: boolean): boolean {
    if (kind === "," || kind === ";" || kind === "]" || opensConfig) return true;
    return this.#brackets;
  }
}
