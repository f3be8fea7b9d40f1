// Cuts configuration text into tokens, one at a time: only the parser knows
// whether `(` opens a group or a configuration. Follows Click's lib/lexer.cc
// in what ends a token and in how lines are counted.

import { unquote } from "./args/text.js";
import type { Token, TokenKind } from "./syntax.js";

const KEYWORDS: ReadonlySet<string> = new Set(["elementclass", "require", "provide", "define"]);

const NEWLINE = 10;
const RETURN = 13;
const HASH = 35;
const DOLLAR = 36;
const QUOTE = 34;
const APOSTROPHE = 39;
const OPEN = 40;
const CLOSE = 41;
const STAR = 42;
const SLASH = 47;
const GREATER = 62;
const LESS = 60;
const BACKSLASH = 92;

/** `[A-Za-z0-9_]`, and `@` where asked for. */
export function isWordCode(code: number, at = false): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    (at && code === 64)
  );
}

function isSpaceCode(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

function isDigitCode(code: number): boolean {
  return code >= 48 && code <= 57;
}

export class Lexer {
  readonly source: string;
  /** File and line after what was read so far. */
  file: string;
  line = 1;
  pos = 0;

  readonly #originalFile: string;
  readonly #badDirective: (offset: number) => void;
  #lineStart = 0;
  #leading = 0;

  /** `badDirective` is called for a `#` line that is none of the known ones. */
  constructor(source: string, file: string, badDirective: (offset: number) => void) {
    this.source = source;
    this.file = file;
    this.#originalFile = file;
    this.#badDirective = badDirective;
  }

  /** The next token; at the end of the text always `eof`. */
  next(): Token {
    this.#skipTrivia();
    const { source } = this;
    const start = this.pos;
    if (start >= source.length) return this.#token("eof", start, start);
    const code = source.charCodeAt(start);
    if (isWordCode(code, true)) {
      const end = this.#wordEnd(start);
      const length = end - start;
      // No other identifier is as long as a keyword is, most of the time: slice only then.
      const maybe = length === 6 || length === 7 || length === 12;
      const text = maybe ? source.slice(start, end) : "";
      return this.#token(KEYWORDS.has(text) ? text : "ident", start, end);
    }
    if (code === DOLLAR) {
      let end = start + 1;
      while (isWordCode(source.charCodeAt(end))) end++;
      return this.#token("variable", start, end);
    }
    const two = source.substr(start, 2);
    if (two === "->" || two === "=>" || two === "::" || two === "||")
      return this.#token(two, start, start + 2);
    if (two === ".." && source[start + 2] === ".") return this.#token("...", start, start + 3);
    return this.#token(source[start], start, start + 1);
  }

  /**
   * The text up to the `)` that closes an open configuration (or the end), as
   * a `config` token, and that text without the line directives in it.
   */
  config(): { readonly token: Token; readonly text: string } {
    const { source } = this;
    const start = this.pos;
    const lineStart = this.#lineStart;
    let depth = 1;
    let text = "";
    let kept = start;
    let s = start;
    scan: while (s < source.length) {
      switch (source.charCodeAt(s)) {
        case OPEN:
          depth++;
          s++;
          break;
        case CLOSE:
          if (--depth === 0) break scan;
          s++;
          break;
        case NEWLINE:
        case RETURN:
          s = this.#newline(s);
          break;
        case HASH:
          if (s > start && this.#atLineStart(s)) {
            text += source.slice(kept, s);
            s = this.#directive(s);
            kept = s;
          } else s++;
          break;
        case SLASH:
          s = this.#comment(s) ?? s + 1;
          break;
        case QUOTE:
        case APOSTROPHE:
          s = this.#quoted(s);
          break;
        case BACKSLASH:
          s = source.charCodeAt(s + 1) === LESS ? this.#angle(s + 2) : s + 1;
          break;
        default:
          s++;
      }
    }
    this.pos = s;
    const token: Token = {
      kind: "config",
      leading: this.#leading,
      start,
      end: s,
      file: this.file,
      line: this.line,
      lineStart,
    };
    this.#leading = s;
    return { token, text: text + source.slice(kept, s) };
  }

  #token(kind: TokenKind, start: number, end: number): Token {
    const { file, line } = this;
    const leading = this.#leading;
    const lineStart = this.#lineStart;
    this.pos = end;
    this.#leading = end;
    return { kind, leading, start, end, file, line, lineStart };
  }

  #wordEnd(start: number): number {
    const { source } = this;
    let s = start + 1;
    for (;;) {
      const code = source.charCodeAt(s);
      if (isWordCode(code, true)) s++;
      else if (code === SLASH && isWordCode(source.charCodeAt(s + 1), true)) s += 2;
      else return s;
    }
  }

  #skipTrivia(): void {
    const { source } = this;
    let s = this.pos;
    while (s < source.length) {
      const code = source.charCodeAt(s);
      if (code === NEWLINE || code === RETURN) s = this.#newline(s);
      else if (isSpaceCode(code)) s++;
      else if (code === SLASH) {
        const after = this.#comment(s);
        if (after === null) break;
        s = after;
      } else if (code === HASH && this.#atLineStart(s)) s = this.#directive(s);
      else break;
    }
    this.pos = s;
  }

  #atLineStart(s: number): boolean {
    const before = s === 0 ? NEWLINE : this.source.charCodeAt(s - 1);
    return before === NEWLINE || before === RETURN;
  }

  /** Past the line end at `s`, which counts as one line be it \n, \r or \r\n. */
  #newline(s: number): number {
    const { source } = this;
    const after = source.charCodeAt(s) === RETURN && source.charCodeAt(s + 1) === NEWLINE ? s + 2 : s + 1;
    this.line++;
    this.#lineStart = after;
    return after;
  }

  /** Past the comment that begins at `s`, or null where none does. */
  #comment(s: number): number | null {
    const { source } = this;
    const second = source.charCodeAt(s + 1);
    if (second === SLASH) return this.#restOfLine(s + 2);
    if (second !== STAR) return null;
    s += 2;
    while (s < source.length) {
      const code = source.charCodeAt(s);
      if (code === NEWLINE || code === RETURN) s = this.#newline(s);
      else if (code === STAR && source.charCodeAt(s + 1) === SLASH) return s + 2;
      else s++;
    }
    return s;
  }

  #restOfLine(s: number): number {
    const { source } = this;
    for (; s < source.length; s++) {
      const code = source.charCodeAt(s);
      if (code === NEWLINE || code === RETURN) return this.#newline(s);
    }
    return s;
  }

  /** Past the closing quote of the quotation that begins at `s`, or the end. */
  #quoted(s: number): number {
    const { source } = this;
    const quote = source.charCodeAt(s);
    s++;
    while (s < source.length) {
      const code = source.charCodeAt(s);
      if (code === NEWLINE || code === RETURN) s = this.#newline(s);
      else if (code === BACKSLASH && quote === QUOTE && s + 1 < source.length) {
        const escaped = source.charCodeAt(s + 1);
        if (escaped === LESS) s = this.#angle(s + 2);
        else if (escaped === NEWLINE || escaped === RETURN) s = this.#newline(s + 1);
        else s += 2;
      } else if (code === quote) return s + 1;
      else s++;
    }
    return s;
  }

  /** Past the `>` of a `\<…>` whose inside begins at `s`, or the end. */
  #angle(s: number): number {
    const { source } = this;
    while (s < source.length) {
      const code = source.charCodeAt(s);
      if (code === NEWLINE || code === RETURN) s = this.#newline(s);
      else if (code === SLASH) s = this.#comment(s) ?? s + 1;
      else if (code === GREATER) return s + 1;
      else s++;
    }
    return s;
  }

  /** Reads the `#` line at `s`; ends before its line end, or after it where the line is unknown. */
  #directive(s: number): number {
    const { source } = this;
    const begin = s;
    s = this.#blanks(s + 1);
    if (/^line[ \t]/.test(source.substr(s, 5))) s = this.#blanks(s + 5);
    if (!isDigitCode(source.charCodeAt(s))) {
      this.#badDirective(begin);
      return this.#restOfLine(s);
    }
    let line = 0;
    for (; isDigitCode(source.charCodeAt(s)); s++) {
      line = Math.min(line * 10 + source.charCodeAt(s) - 48, 0x7fffffff);
    }
    s = this.#blanks(s);
    if (source.charCodeAt(s) === QUOTE) {
      const first = s;
      for (s++; s < source.length && !this.#endsName(s); s++) {
        if (source.charCodeAt(s) === BACKSLASH && !this.#endsLine(s + 1)) s++;
      }
      this.file = unquote(`${source.slice(first, s)}"`) || this.#originalFile;
    }
    while (s < source.length && !this.#endsLine(s)) s++;
    this.line = line - 1; // the line end still to come counts it up
    return s;
  }

  #endsName(s: number): boolean {
    return this.source.charCodeAt(s) === QUOTE || this.#endsLine(s);
  }

  #endsLine(s: number): boolean {
    const code = this.source.charCodeAt(s);
    return code === NEWLINE || code === RETURN || s >= this.source.length;
  }

  #blanks(s: number): number {
    while (this.source[s] === " " || this.source[s] === "\t") s++;
    return s;
  }
}
