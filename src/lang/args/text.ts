// Configuration text: commas, spaces, comments, quotes and escapes.
//
// Every function here walks its text once, without recursion. A character up to
// U+00FF stands for the byte of that value, as `\<...>` and `\ooo` write them.

const SPACE = /[ \f\n\r\t\v]/;

/** Whether `c` is a space in configuration text (C's isspace). */
export function isSpace(c: string): boolean {
  return c === " " || (c >= "\t" && c <= "\r");
}

function startsComment(text: string, at: number): boolean {
  return text[at] === "/" && (text[at + 1] === "/" || text[at + 1] === "*");
}

/** The end of the comment that starts at `at`; a line comment's newline belongs to it. */
function skipComment(text: string, at: number): number {
  if (text[at + 1] === "*") {
    const end = text.indexOf("*/", at + 2);
    return end < 0 ? text.length : end + 2;
  }
  at += 2;
  while (at < text.length && text[at] !== "\n" && text[at] !== "\r") at++;
  if (text[at] === "\r" && text[at + 1] === "\n") at++;
  return Math.min(at + 1, text.length);
}

/** The end of the escape whose backslash is at `at`. */
function skipBackslash(text: string, at: number): number {
  if (text[at + 1] === "<") {
    at += 2;
    while (at < text.length) {
      if (text[at] === ">") return at + 1;
      at = startsComment(text, at) ? skipComment(text, at) : at + 1;
    }
    return at;
  }
  const wide = text[at + 1] === "\r" && text[at + 2] === "\n";
  return Math.min(at + (wide ? 3 : 2), text.length);
}

/** The end of the quoted string whose opening quote is at `at`; of the text, where it is not closed. */
function skipQuoted(text: string, at: number): number {
  if (text[at] === "'") {
    const end = text.indexOf("'", at + 1);
    return end < 0 ? text.length : end + 1;
  }
  at++;
  while (at < text.length) {
    if (text[at] === '"') return at + 1;
    at = text[at] === "\\" ? skipBackslash(text, at) : at + 1;
  }
  return at;
}

/** The end of the unit at `at` that no space, comma or comment can break: a quoted string, `\<...>`, a character. */
function skipUnit(text: string, at: number): number {
  const c = text[at];
  if (c === '"' || c === "'") return skipQuoted(text, at);
  if (c === "\\" && text[at + 1] === "<") return skipBackslash(text, at);
  return at + 1;
}

/** The end of the `# 12 "file"` or `#line 12 "file"` line at `at`, or -1 where there is none. */
function skipLineDirective(text: string, at: number): number {
  if (text[at] !== "#" || (text[at - 1] !== "\n" && text[at - 1] !== "\r")) return -1;
  let p = at + 1;
  const blank = (): void => {
    while (text[p] === " " || text[p] === "\t") p++;
  };
  blank();
  if (text.startsWith("line", p) && (text[p + 4] === " " || text[p + 4] === "\t")) {
    p += 4;
    blank();
  }
  if (!(text[p] >= "0" && text[p] <= "9")) return -1;
  while (p < text.length && text[p] !== "\n" && text[p] !== "\r") p++;
  return p;
}

interface Piece {
  readonly text: string;
  /** Where it ended: at a comma or at the end of the text. */
  readonly end: number;
}

function readPiece(text: string, at: number, stopAtComma: boolean): Piece {
  const parts: string[] = [];
  // The run of text since the last comment; spaces at its end are not yet in it.
  let left = -1;
  let right = -1;
  while (at < text.length) {
    const directive = skipLineDirective(text, at);
    const comment = directive >= 0 ? directive : startsComment(text, at) ? skipComment(text, at) : -1;
    if (comment >= 0) {
      if (left >= 0) parts.push(text.slice(left, right));
      left = -1;
      at = comment;
    } else if (isSpace(text[at])) at++;
    else if (stopAtComma && text[at] === ",") break;
    else {
      if (left < 0) left = at;
      at = right = skipUnit(text, at);
    }
  }
  if (left >= 0) parts.push(text.slice(left, right));
  return { text: parts.join(" "), end: at };
}

/**
 * A configuration string's arguments: split at the commas outside quotes, comments replaced by
 * one space, outer spaces and line directives removed. Empty arguments count, but for the last.
 */
export function splitArgs(config: string): string[] {
  const args: string[] = [];
  for (let at = 0; at < config.length; at++) {
    const piece = readPiece(config, at, true);
    at = piece.end;
    if (piece.text !== "" || at < config.length) args.push(piece.text);
  }
  return args;
}

/** Joins arguments to a configuration string; protects nothing. */
export function joinArgs(args: readonly string[]): string {
  return args.join(", ");
}

/** `text` without comments, outer spaces and line directives; quotes stay. */
export function uncomment(text: string): string {
  return readPiece(text, 0, false).text;
}

function skipSpace(text: string, at: number): number {
  while (at < text.length) {
    if (startsComment(text, at)) at = skipComment(text, at);
    else if (isSpace(text[at])) at++;
    else break;
  }
  return at;
}

function skipItem(text: string, at: number): number {
  while (at < text.length && !isSpace(text[at]) && !startsComment(text, at)) at = skipUnit(text, at);
  return at;
}

/** The items of an argument, split at spaces and comments outside quotes; quotes stay. */
export function splitSpaces(text: string): string[] {
  const items: string[] = [];
  for (let at = skipSpace(text, 0); at < text.length; ) {
    const end = skipItem(text, at);
    items.push(text.slice(at, end));
    at = skipSpace(text, end);
  }
  return items;
}

/** The first item of `text`, and what follows it; both empty where there is none. */
export function shiftSpaces(text: string): readonly [item: string, rest: string] {
  const at = skipSpace(text, 0);
  const end = skipItem(text, at);
  return [text.slice(at, end), text.slice(skipSpace(text, end))];
}

/** Whether `text` has a space outside quotes, which ends a string argument. */
export function hasSpace(text: string): boolean {
  if (!SPACE.test(text)) return false;
  for (let at = 0; at < text.length; at = skipUnit(text, at)) if (isSpace(text[at])) return true;
  return false;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "",
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** The value of a hexadecimal digit, or -1. */
export function hexDigit(c: string | undefined): number {
  if (c === undefined) return -1;
  if (c >= "0" && c <= "9") return c.charCodeAt(0) - 48;
  const lower = c.charCodeAt(0) | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** The bytes of `\<48 65 6c /* comment *\/ 6C>` between `from` and `to`; an odd last digit is left out. */
function hexString(text: string, from: number, to: number): string {
  const bytes: string[] = [];
  let high = -1;
  for (let at = from; at < to; ) {
    if (startsComment(text, at)) {
      at = skipComment(text, at);
      continue;
    }
    const digit = hexDigit(text[at++]);
    if (digit < 0) continue;
    if (high < 0) high = digit;
    else {
      bytes.push(String.fromCharCode(high * 16 + digit));
      high = -1;
    }
  }
  return bytes.join("");
}

/** Expands the escape whose backslash is at `at`, which is not the text's last character. */
function readEscape(text: string, at: number, out: string[]): number {
  const c = text[at + 1];
  if (c === "<") {
    const end = skipBackslash(text, at);
    out.push(hexString(text, at + 2, text[end - 1] === ">" ? end - 1 : end));
    return end;
  }
  if (c === "\r") return text[at + 2] === "\n" ? at + 3 : at + 2;
  if (c === "x") {
    let value = 0;
    let digit = 0;
    for (at += 2; (digit = hexDigit(text[at])) >= 0; at++) value = ((value << 4) | digit) & 255;
    out.push(String.fromCharCode(value));
    return at;
  }
  if (c >= "0" && c <= "7") {
    let value = 0;
    const end = at + 4;
    for (at++; at < end && text[at] >= "0" && text[at] <= "7"; at++) value = value * 8 + Number(text[at]);
    out.push(String.fromCharCode(value & 255));
    return at;
  }
  out.push(SIMPLE_ESCAPES[c] ?? c);
  return at + 2;
}

/** Removes one level of quotes and comments: `a"b\n"'c'` becomes `ab`, newline, `c`. */
export function unquote(text: string): string {
  const plain = uncomment(text);
  const out: string[] = [];
  let quoted = "";
  let start = 0;
  let at = 0;
  while (at < plain.length) {
    const c = plain[at];
    const isQuote = quoted === "" ? c === '"' || c === "'" : c === quoted;
    if (isQuote) {
      out.push(plain.slice(start, at));
      quoted = quoted === "" ? c : "";
      start = ++at;
    } else if (
      c === "\\" &&
      at + 1 < plain.length &&
      (quoted === '"' || (quoted === "" && plain[at + 1] === "<"))
    ) {
      out.push(plain.slice(start, at));
      start = at = readEscape(plain, at, out);
    } else at++;
  }
  out.push(plain.slice(start));
  return out.join("");
}

/** `text` in double quotes, so that `unquote` gives it back; never empty. */
export function quote(text: string): string {
  const escaped = text.replace(/["$\\]|[^ -~\u0100-\uffff]/g, (c) => {
    if (c === "\t") return "\\t";
    if (c === "\r") return "\\r";
    if (c === "\n") return "\\n";
    if (c === '"' || c === "$" || c === "\\") return `\\${c}`;
    return `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`;
  });
  return `"${escaped}"`;
}

/** The bytes a string stands for: characters up to U+00FF are one byte each, others are UTF-8. */
export function bytesOf(text: string): Uint8Array {
  // Nearly every text has no other characters.
  if (/^[\0-\xff]*$/.test(text)) return Uint8Array.from(text, (c) => c.charCodeAt(0));
  const bytes: number[] = [];
  for (const c of text) {
    const code = c.codePointAt(0)!;
    if (code < 256) bytes.push(code);
    else bytes.push(...new TextEncoder().encode(c));
  }
  return Uint8Array.from(bytes);
}
