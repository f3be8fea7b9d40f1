// What clients of a ControlSocket send: Click's protocol, version 1.3.

import { parseInteger } from "../lang/args/numbers.js";
import { CODES } from "./codes.js";

/** A request, or what is wrong with one. A `fatal` error leaves no way to tell where the next request begins. */
export type Request =
  | { readonly kind: "read" | "write"; readonly handler: string; readonly data: string }
  | { readonly kind: "check"; readonly handler: string; readonly write: boolean }
  | { readonly kind: "llrpc"; readonly name: string }
  | { readonly kind: "help" }
  | { readonly kind: "quit"; readonly clean: boolean }
  /** A line of HTTP: what follows comes from a stranger, through somebody's browser. */
  | { readonly kind: "http" }
  | { readonly kind: "error"; readonly code: number; readonly message: string; readonly fatal: boolean };

/** Bytes of a line, and of the data of one request, that are taken. */
export const MAX_LINE = 65_536;
export const MAX_DATA = 16 * 2 ** 20;

/** How to take the data that follows a line. */
type Follow =
  | { readonly kind: "bytes"; readonly count: number }
  | { readonly kind: "until"; readonly line: string };

interface Pending {
  readonly follow: Follow;
  readonly request: (data: string) => Request;
}

/**
 * Cuts a stream of bytes (a character each) into requests. Lines end with CR, LF or CRLF. What is kept is bounded:
 * a line by MAX_LINE, data by MAX_DATA, each plus what arrives at once; and nothing is searched twice.
 */
export class ControlInput {
  /** Text that has arrived, joined only when that may get a request further. */
  #chunks: string[] = [];
  #length = 0;
  /** Whether there is a line end among the chunks. */
  #fresh = false;
  #text = "";
  #at = 0;
  /** What is left of the text is known to have no line end. */
  #barren = true;
  #ended = false;
  /** The line before ended with a CR that was the last character so far: a LF that follows belongs to it. */
  #skipNewline = false;
  #pending: Pending | null = null;
  /** Lines of data so far, while data runs until a line. */
  #lines: string[] = [];
  #linesLength = 0;

  /** Characters held. */
  get held(): number {
    return this.#length + this.#text.length - this.#at + this.#linesLength;
  }

  feed(text: string): void {
    this.#chunks.push(text);
    this.#length += text.length;
    this.#fresh ||= /[\r\n]/.test(text);
  }

  /** Nothing more will come. */
  end(): void {
    this.#ended = true;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The next request; null when more must arrive first (or nothing more will). */
  next(): Request | null {
    for (;;) {
      if (this.#pending === null) {
        const line = this.#line();
        if (line === null) return this.#tooLong(MAX_LINE, CODES.SYNTAX, "Line too long");
        const read = readLine(line.slice(0, lineEnd(line, 0)));
        if (read === null) continue;
        if ("kind" in read) {
          if (read.kind === "http" || (read.kind === "error" && read.fatal)) this.#forget();
          return read;
        }
        this.#pending = read;
      }
      const { follow, request } = this.#pending;
      const data = follow.kind === "bytes" ? this.#bytes(follow.count) : this.#until(follow.line);
      if (data === null) {
        if (!this.#ended) return this.#tooLong(MAX_DATA, CODES.DATA_TOO_BIG, "Data too large");
        this.#forget();
        return { kind: "error", code: CODES.SYNTAX, message: "Not enough data", fatal: false };
      }
      this.#pending = null;
      return request(data);
    }
  }

  #tooLong(limit: number, code: number, message: string): Request | null {
    if (this.held <= limit) return null;
    this.#forget();
    return { kind: "error", code, message, fatal: true };
  }

  #forget(): void {
    this.#chunks = [];
    this.#length = 0;
    this.#text = "";
    this.#at = 0;
    this.#barren = true;
    this.#pending = null;
    this.#lines = [];
    this.#linesLength = 0;
  }

  #join(): void {
    if (this.#length > 0) {
      this.#text = this.#text.slice(this.#at) + this.#chunks.join("");
      this.#at = 0;
      this.#chunks = [];
      this.#length = 0;
      this.#barren &&= !this.#fresh;
      this.#fresh = false;
    }
    if (this.#skipNewline && this.#at < this.#text.length) {
      if (this.#text[this.#at] === "\n") this.#at++;
      this.#skipNewline = false;
    }
  }

  /** The next line, with what ends it; null where none is complete, or it is too long. */
  #line(limit = MAX_LINE): string | null {
    if (this.#barren && !this.#fresh && !this.#ended) return null;
    this.#join();
    const { length } = this.#text;
    const end = lineEnd(this.#text, this.#at);
    if (end === length) {
      this.#barren = true;
      if (!this.#ended || this.#at === length) return null;
    }
    if (end - this.#at > limit) return null;
    const crlf = this.#text[end] === "\r" && this.#text[end + 1] === "\n";
    const line = this.#text.slice(this.#at, end + (crlf ? 2 : 1));
    this.#skipNewline = this.#text[end] === "\r" && end + 1 === length;
    this.#at += line.length;
    return line;
  }

  #bytes(count: number): string | null {
    if (this.held < count) return null;
    this.#join();
    // A LF that belonged to the line before may have been among them.
    if (this.held < count) return null;
    this.#at += count;
    return this.#text.slice(this.#at - count, this.#at);
  }

  /** Lines up to one that equals `terminator` but for spaces at its end. */
  #until(terminator: string): string | null {
    for (;;) {
      const line = this.held > MAX_DATA ? null : this.#line(MAX_DATA);
      if (line === null) return null;
      if (line.trimEnd() === terminator && /[\r\n]$/.test(line)) {
        const data = this.#lines.join("");
        this.#lines = [];
        this.#linesLength = 0;
        return data;
      }
      // Here a LF that comes after a CR is data.
      if (this.#skipNewline && !this.#ended) {
        this.#skipNewline = false;
        this.#at -= line.length;
        this.#barren = true;
        return null;
      }
      this.#lines.push(line);
      this.#linesLength += line.length;
    }
  }
}

/** Where the line that begins at `from` ends: at a CR or LF, or with the text. */
function lineEnd(text: string, from: number): number {
  const sticky = /[\r\n]/g;
  sticky.lastIndex = from;
  return sticky.exec(text)?.index ?? text.length;
}

function syntaxError(message: string): Request {
  return { kind: "error", code: CODES.SYNTAX, message, fatal: false };
}

/** HTTP's methods (RFC 9110, section 9; RFC 5789) that are no requests of ours, and how its request lines end. */
const HTTP_METHOD = /^(HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH)$/;
const HTTP_VERSION = /^HTTP\/\d(\.\d)?$/i;

/** What a line asks for; null for an empty one. */
function readLine(line: string): Request | Pending | null {
  const words = line.match(/[^ \t\v\f]+/g) ?? [];
  if (words.length === 0) return null;
  const command = (words[0] ?? "").toUpperCase();
  const arity = (least: number, most: number): boolean => words.length >= least && words.length <= most;
  const wrong = syntaxError("Wrong number of arguments");
  /** Everything from the third word to the last, as it was written. */
  const rest = /^[ \t\v\f]*[^ \t\v\f]+[ \t\v\f]+[^ \t\v\f]+[ \t\v\f]*(.*?)[ \t\v\f]*$/s.exec(line)?.[1] ?? "";
  const call = (data: string): Request => ({
    kind: command.startsWith("R") || command.startsWith("G") ? "read" : "write",
    handler: words[1],
    data,
  });
  switch (command) {
    case "GET":
      // HTTP's, too: a parameter that is the version of it is no loss.
      if (words.length === 3 && HTTP_VERSION.test(words[2])) return { kind: "http" };
      return arity(2, Number.POSITIVE_INFINITY) ? call(rest) : wrong;
    case "READ":
    case "WRITE":
    case "SET":
      return arity(2, Number.POSITIVE_INFINITY) ? call(rest) : wrong;
    case "READDATA":
    case "WRITEDATA":
    case "SETDATA":
      return arity(3, 3) ? counted(command, words[2], call) : wrong;
    case "READUNTIL":
    case "WRITEUNTIL":
      if (!arity(2, Number.POSITIVE_INFINITY)) return wrong;
      return { follow: { kind: "until", line: rest }, request: call };
    case "CHECKREAD":
    case "CHECKWRITE":
      return arity(2, 2) ? { kind: "check", handler: words[1], write: command === "CHECKWRITE" } : wrong;
    case "LLRPC":
      return arity(2, 3)
        ? counted("llrpc", words[2] ?? "0", () => ({ kind: "llrpc", name: words[1] }))
        : wrong;
    case "CLOSE":
    case "QUIT":
      return { kind: "quit", clean: words.length === 1 };
    case "HELP":
      return { kind: "help" };
    default:
      if (HTTP_METHOD.test(command) || HTTP_VERSION.test(words[words.length - 1])) return { kind: "http" };
      return {
        kind: "error",
        code: CODES.UNIMPLEMENTED,
        message: `Command '${command}' unimplemented`,
        fatal: false,
      };
  }
}

/** A request that `count` bytes of data belong to. */
function counted(command: string, count: string, request: (data: string) => Request): Request | Pending {
  const parsed = parseInteger(count, false);
  if ("error" in parsed) return syntaxError(`Syntax error in '${command}'`);
  if (parsed.value > MAX_DATA)
    return { kind: "error", code: CODES.DATA_TOO_BIG, message: "Data too large", fatal: true };
  return { follow: { kind: "bytes", count: parsed.value }, request };
}
