// The parser's view of the tokens: one token ahead (two at most), the moments
// at which things happen, and the errors of form.

import type { Diagnostic, Landmark } from "./diagnostics.js";
import { Lexer } from "./lexer.js";
import { MAX_DIAGNOSTICS } from "./limits.js";
import { tooManyErrors } from "./report.js";
import { type Moment, type Token, type TokenKind, tokenLandmark, tokenText } from "./syntax.js";

/** As Click prints a piece of text in a message: what is not printable is escaped. */
export function printable(text: string): string {
  return text.replace(/[^ -~]/g, (c) => {
    if (c === "\n") return "\\n";
    if (c === "\t") return "\\t";
    if (c === "\r") return "\\r";
    return `\\${(c.charCodeAt(0) & 0xff).toString(8).padStart(3, "0")}`;
  });
}

export class TokenStream {
  readonly tokens: Token[] = [];
  readonly diagnostics: Diagnostic[] = [];
  /** The step at which each diagnostic was made. */
  readonly steps: number[] = [];
  /** How many ports the port lists so far name in all. */
  portsRead = 0;

  readonly #lexer: Lexer;
  /** Index of the next token to take; those from here on are read ahead. */
  #at = 0;
  /** Tokens that Click would have read by now: messages name the line of the last one. */
  #seen = 0;
  #step = 0;

  constructor(source: string, file: string) {
    this.#lexer = new Lexer(source, file, (offset) => this.#badDirective(offset));
  }

  /** Index of the token taken last. */
  get last(): number {
    return this.#at - 1;
  }

  /** Index of the next token. */
  get next(): number {
    return this.#at;
  }

  /** The next token's kind, `ahead` tokens further on; it counts as read. */
  peek(ahead = 0): TokenKind {
    const index = this.#at + ahead;
    while (this.tokens.length <= index) this.tokens.push(this.#lexer.next());
    if (this.#seen <= index) this.#seen = index + 1;
    return this.tokens[index].kind;
  }

  /** Takes the next token; at the end of the text `eof` again and again. */
  take(): Token {
    const kind = this.peek();
    const token = this.tokens[this.#at];
    if (kind !== "eof") this.#at++;
    return token;
  }

  /** What messages call the token: variables go without their `$`. */
  text(token: Token): string {
    const text = tokenText(this.#lexer.source, token);
    return token.kind === "variable" ? text.slice(1) : text;
  }

  /** Takes the next token if it is of `kind`; reading ahead for it does not count. */
  accept(kind: TokenKind): boolean {
    const seen = this.#seen;
    if (this.peek() === kind) {
      this.#at++;
      return true;
    }
    this.#seen = seen;
    return false;
  }

  /** As accept(), and reports its absence. */
  expect(kind: TokenKind): boolean {
    if (this.accept(kind)) return true;
    this.error("expected-token", `expected '${kind}'`);
    return false;
  }

  /** Takes the configuration behind a `(` that was just taken. Nothing may have been read ahead. */
  config(): { readonly token: number; readonly text: string } {
    const { token, text } = this.#lexer.config();
    this.tokens.push(token);
    this.#at = this.tokens.length;
    this.#seen = this.#at;
    return { token: this.#at - 1, text };
  }

  moment(): Moment {
    return { step: ++this.#step, token: Math.max(0, this.#seen - 1) };
  }

  /** Reports at the line read up to; `piece` (default: the last token read) is what is meant. */
  error(code: string, message: string, piece?: Token): void {
    const { step, token } = this.moment();
    const seen = this.tokens[token];
    this.#add(code, seen === undefined ? null : tokenLandmark(seen, piece ?? seen), message, step);
  }

  syntaxError(token: Token): void {
    this.error("syntax", `syntax error near '${printable(this.text(token))}'`, token);
  }

  #badDirective(offset: number): void {
    const { file, line } = this.#lexer;
    const landmark = { file, line, column: 1, offset, length: 1 };
    this.#add("unknown-directive", landmark, "unknown preprocessor directive", this.moment().step);
  }

  #add(code: string, landmark: Landmark | null, message: string, step: number): void {
    if (this.diagnostics.length > MAX_DIAGNOSTICS) return;
    this.steps.push(step);
    this.diagnostics.push(
      this.diagnostics.length < MAX_DIAGNOSTICS
        ? { severity: "error", code, landmark, message }
        : tooManyErrors(landmark),
    );
  }
}
