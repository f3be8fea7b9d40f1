// Variables in configuration strings: `$v`, `${v}`, `${v-default}`, `${v[2]}`,
// `$(…)`. The behaviour of Click's lib/variableenv.cc.

import { SluiceError } from "../sluice-error.js";
import { quote, shiftSpaces } from "./args/text.js";

/** Values nested deeper than this stay as they are written. */
export const MAX_EXPANSION_NESTING = 10;

/** How a variable was written: `$v`, `${v}` or `$(v)`. */
export type VariableForm = "$" | "{" | "(";

export interface VariableExpander {
  /**
   * The text that replaces a variable, or null where the variable is unknown
   * and stays as written. `name` is the text between the brackets; `depth`
   * says how deep in other values this is, and is to be passed on, plus one.
   */
  expand(name: string, form: VariableForm, depth: number): string | null;
}

const WORD = /[A-Za-z0-9_]*/;
const VARIABLE = /\$(?:\{|\(|[A-Za-z0-9_]+|[?#$])/;
/** What matters while looking for variables: quotes, escapes, comments, and `$` itself. */
const INTERESTING = /[\\'"/$]/;

function matchAt(pattern: RegExp, text: string, at: number): string {
  const sticky = new RegExp(pattern.source, "y");
  sticky.lastIndex = at;
  return sticky.exec(text)?.[0] ?? "";
}

function skipComment(text: string, at: number): number {
  if (text[at + 1] === "*") {
    const end = text.indexOf("*/", at + 2);
    return end < 0 ? text.length : end + 2;
  }
  let end = at + 2;
  while (end < text.length && text[end] !== "\n" && text[end] !== "\r") end++;
  return text[end] === "\r" && text[end + 1] === "\n" ? end + 2 : Math.min(end + 1, text.length);
}

/** The offset of the `)` that closes a `$(` whose inside begins at `at`, or -1. */
function closingParenthesis(text: string, at: number): number {
  let depth = 1;
  let quoting = "";
  for (; at < text.length; at++) {
    const c = text[at];
    if (c === "\\" && quoting !== "'") at++;
    else if (c === '"' || c === "'") quoting = quoting === "" ? c : quoting === c ? "" : quoting;
    else if (c === "(" && quoting === "") depth++;
    else if (c === ")" && quoting === "" && --depth === 0) return at;
  }
  return -1;
}

/**
 * `text` with its variables replaced, but for those inside `'…'` and in
 * comments. Inside `"…"` a value is quoted again; with `quoteBare` a value
 * outside quotes is put in quotes.
 */
export function expandVariables(
  text: string,
  expander: VariableExpander,
  quoteBare = false,
  depth = 0,
): string {
  if (depth > MAX_EXPANSION_NESTING || !text.includes("$")) return text;
  const out: string[] = [];
  let kept = 0;
  let quoting = "";
  const interesting = new RegExp(INTERESTING.source, "g");
  for (let found = interesting.exec(text); found !== null; found = interesting.exec(text)) {
    const at = found.index;
    const c = found[0];
    if (c === "\\") {
      if (quoting === '"') interesting.lastIndex = at + 2;
    } else if (c === '"' || c === "'") {
      if (quoting === "") quoting = c;
      else if (quoting === c) quoting = "";
    } else if (c === "/") {
      const next = text[at + 1];
      if (quoting === "" && (next === "/" || next === "*")) interesting.lastIndex = skipComment(text, at);
    } else if (quoting !== "'") {
      const opening = matchAt(VARIABLE, text, at);
      if (opening === "") continue;
      let form: VariableForm = "$";
      let name = opening.slice(1);
      let end = at + opening.length;
      if (name === "{" || name === "(") {
        form = name;
        const closing = form === "{" ? text.indexOf("}", end) : closingParenthesis(text, end);
        if (closing < 0) break;
        name = text.slice(end, closing);
        end = closing + 1;
      }
      const inner = name;
      if (form !== "$" && name.includes("$")) name = expandVariables(name, expander, false, depth + 1);
      const value = expander.expand(name, form, depth);
      interesting.lastIndex = end;
      if (value === null && name === inner) continue;
      out.push(text.slice(kept, at));
      kept = end;
      if (value === null) out.push(`$${form}${name}${form === "{" ? "}" : ")"}`);
      else if (quoting === '"') out.push(quote(value).slice(1, -1));
      else out.push(quoteBare ? quote(value) : value);
    }
  }
  if (out.length === 0) return text;
  out.push(text.slice(kept));
  return out.join("");
}

/** Thrown where expansion produces more text than is allowed. */
export class ExpansionLimit extends SluiceError {
  readonly code = "EXPANSION_LIMIT";
}

/** Counts the text that expansion produces, all scopes together. */
export class TextBudget {
  #left: number;

  constructor(characters: number) {
    this.#left = characters;
  }

  spend(text: string): string {
    // A little for the work itself, so that empty values cannot go on for ever.
    this.#left -= text.length + 8;
    if (this.#left < 0) throw new ExpansionLimit("configuration expands to too much text");
    return text;
  }
}

/** Variables of one compound instance, and through `parent` those of the places around it. */
export class VariableScope implements VariableExpander {
  readonly parent: VariableScope | null;
  /** 0 at file level, one more in each compound. */
  readonly depth: number;
  readonly #values = new Map<string, string>();
  readonly #budget: TextBudget;

  constructor(parent: VariableScope | null, budget: TextBudget) {
    this.parent = parent;
    this.depth = parent === null ? 0 : parent.depth + 1;
    this.#budget = budget;
  }

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }

  value(name: string): string | null {
    let scope: VariableScope | null = this;
    for (; scope !== null; scope = scope.parent) {
      const value = scope.#values.get(name);
      if (value !== undefined) return value;
    }
    return null;
  }

  /** The scope a compound of the given depth is inside of, seen from here. */
  outside(depth: number): VariableScope | null {
    let scope: VariableScope | null = this;
    while (scope !== null && scope.depth >= depth) scope = scope.parent;
    return scope;
  }

  text(config: string, depth = 0): string {
    return config.includes("$") ? this.#budget.spend(expandVariables(config, this, false, depth)) : config;
  }

  expand(written: string, form: VariableForm, depth: number): string | null {
    if (form !== "{") {
      const value = this.value(written);
      return value === null ? null : this.text(value, depth + 1);
    }
    const trimmed = written.trimStart();
    const name = matchAt(WORD, trimmed, 0);
    let rest = trimmed.slice(name.length).trimStart();
    let index = -1;
    const bracket = /^\[\s*(\d{1,9})\]/.exec(rest);
    if (bracket !== null) {
      index = Number(bracket[1]);
      rest = rest.slice(bracket[0].length).trimStart();
    }
    const found = this.value(name);
    if (found === null) return rest.startsWith("-") ? this.text(rest.slice(1), depth + 1) : null;
    const value = this.text(found, depth + 1);
    if (index < 0) return value;
    this.#budget.spend(value);
    return nthWord(value, index);
  }
}

/** The nth space-separated word, from 0; empty past the end. */
function nthWord(text: string, index: number): string {
  let rest = text;
  for (let i = 0; rest !== ""; i++) {
    const [word, after] = shiftSpaces(rest);
    if (i === index) return word;
    rest = after;
  }
  return "";
}
