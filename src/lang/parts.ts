// The small parts of the grammar: ports, formal parameters, and what stands
// between the parentheses of require and define.

import { shiftSpaces, splitArgs, splitSpaces, unquote } from "./args/text.js";
import type { FlatRequirement } from "./flat.js";
import { MAX_FORMALS, MAX_PORT, MAX_PORTS } from "./limits.js";
import { type FormalSyntax, type PortsSyntax, tokenLandmark } from "./syntax.js";
import type { TokenStream } from "./token-stream.js";

/** A port number in Click's notation (decimal, 0x…, 0…, 0b…), or null. */
function portNumber(text: string): number | null {
  if (/^(0|[1-9][0-9]*|0x[0-9A-Fa-f]+|0b[01]+)$/.test(text)) return Number(text);
  return /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : null;
}

/** `[…]` at this place, or null where no `[` stands. Accepting it does not count as reading ahead. */
export function parsePorts(stream: TokenStream): PortsSyntax | null {
  if (!stream.accept("[")) return null;
  const first = stream.last;
  const ports: number[] = [];
  let expandable = false;
  let range = false;
  for (;;) {
    const kind = stream.peek();
    if (kind === "ident") {
      let port = portNumber(stream.text(stream.take()));
      if (port === null) {
        stream.error("bad-port", "syntax error: port number should be integer");
        port = 0;
      } else if (port > MAX_PORT) {
        stream.error("bad-port", `port number out of range, bound ${MAX_PORT}`);
        port = 0;
      }
      const from = range ? ports[ports.length - 1] : port - 1;
      if (from > port) stream.error("bad-port", "syntax error: port range goes down");
      stream.portsRead += Math.max(0, port - from);
      if (stream.portsRead <= MAX_PORTS) for (let p = from + 1; p <= port; p++) ports.push(p);
      else {
        stream.error("bad-port", "too many ports");
        if (ports.length === 0) ports.push(port);
      }
      range = false;
    } else if (kind === "]" && !range) {
      stream.take();
      if (ports.length === 0) ports.push(0);
      expandable = true;
      break;
    } else {
      stream.error("bad-port", "syntax error: expected port number");
      break;
    }
    const after = stream.peek();
    if (after === "]") {
      stream.take();
      break;
    }
    if (after === "-" && ports.length > 0) range = true;
    else if (after !== ",") {
      stream.error("bad-port", "syntax error: expected ','");
      continue;
    }
    stream.take();
  }
  if (ports.length === 0) return null;
  return { ports, expandable, first, last: stream.last };
}

/** The formal parameters at the beginning of a compound, and the `|` behind them. */
export function parseFormals(stream: TokenStream): FormalSyntax[] {
  const formals: FormalSyntax[] = [];
  const names = new Set<string>();
  const keywords = new Set<string>();
  let ordered = true;
  for (;;) {
    let keyword = "";
    const kind = stream.peek();
    if (kind === "|") {
      stream.take();
      break;
    }
    if (kind === "ident" && stream.peek(1) === "variable") keyword = stream.text(stream.take());
    else if (kind !== "variable") {
      if (formals.length > 0) stream.error("expected-token", "expected variable");
      break;
    }
    const name = stream.text(stream.take());
    const previous = formals[formals.length - 1];
    if (names.has(name)) {
      stream.error("variable-redefined", `parameter '$${name}' multiply defined`);
    } else {
      if (keyword !== "" && keywords.has(keyword)) {
        stream.error("repeated-keyword", `repeated keyword parameter '${keyword}' in compound element`);
      }
      const late = previous !== undefined && keyword === "" && previous.keyword !== "";
      if (ordered && (late || previous?.keyword === "__REST__")) {
        stream.error("parameter-order", "compound element parameters out of order");
        stream.error("parameter-order", "(The correct order is '[positional], [keywords], [__REST__]'.)");
        ordered = false;
      }
      if (formals.length >= MAX_FORMALS) {
        stream.error("too-large", `compound element has more than ${MAX_FORMALS} parameters`);
        break;
      }
      formals.push({ name, keyword, token: stream.last });
      names.add(name);
      keywords.add(keyword);
    }
    const after = stream.peek();
    if (after === "|" || after === ",") stream.take();
    else stream.error("expected-token", "expected ',' or '|'");
    if (after !== ",") break;
  }
  return formals;
}

/** What stands in `require(…)`; reports what cannot be required, and libraries inside compounds. */
export function parseRequirements(stream: TokenStream, config: string, scoped: boolean): FlatRequirement[] {
  const requirements: FlatRequirement[] = [];
  const seen = stream.tokens[stream.last];
  const landmark = tokenLandmark(seen);
  for (const argument of splitArgs(config)) {
    const words = splitSpaces(argument);
    if (words.length === 0) continue;
    const first = unquote(words[0]);
    if (first === "compact_config" && words.length === 1) {
      requirements.push({ kind: "compact_config", value: "", landmark });
    } else if ((first === "package" || first === "library") && words.length === 2) {
      const value = unquote(words[1]);
      if (first === "library" && scoped) {
        stream.error("library-scope", "'require library' must be used at file scope");
      } else requirements.push({ kind: first, value, landmark });
    } else if (words.length === 1 && first !== "package" && first !== "library" && /^[!-~]+$/.test(first)) {
      requirements.push({ kind: "package", value: first, landmark });
    } else stream.error("bad-requirement", "syntax error at requirement");
  }
  return requirements;
}

/** The variables of `define(…)`, values as written. */
export function parseVariables(stream: TokenStream, config: string): { name: string; value: string }[] {
  const variables: { name: string; value: string }[] = [];
  for (const argument of splitArgs(config)) {
    if (argument === "") continue;
    const [name, value] = shiftSpaces(argument);
    if (/^\$[A-Za-z0-9_]+$/.test(name)) variables.push({ name: name.slice(1), value });
    else stream.error("bad-define", "bad 'define' declaration: not a variable");
  }
  return variables;
}
