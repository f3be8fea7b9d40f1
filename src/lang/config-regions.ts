// Where a configuration's text has the arguments of elements, which may hold secrets.

import { Lexer } from "./lexer.js";

/** What stands between one pair of parentheses. */
export interface ConfigRegion {
  /** The word before them: a class, or `define`; empty where there is none. */
  readonly owner: string;
  /** Offsets of what is inside; `to` is the length of the text where they are not closed. */
  readonly from: number;
  readonly to: number;
  /**
   * Where what may still belong to the arguments ends, as of a secret that has a `)` in it: `to` where nothing hints at
   * that, else at the end of the statement.
   */
  readonly tail: number;
}

/** What may follow the arguments of an element. */
const FOLLOWS = /^\s*(;|,|\{|\[|\]|\}|\||\)|->|=>|\/\/|\/\*|$)/;

/** The regions of `source`, in order. */
export function configRegions(source: string): ConfigRegion[] {
  const regions: ConfigRegion[] = [];
  const lexer = new Lexer(source, "", () => {});
  let before = "";
  for (let token = lexer.next(); token.kind !== "eof"; token = lexer.next()) {
    const last = before;
    before = source.slice(token.start, token.end);
    const owner = /^[A-Za-z_$]/.test(last) ? last : "";
    // Other parentheses group elements.
    if (token.kind !== "(" || (owner === "" && last !== "}")) continue;
    const { start: from, end: to } = lexer.config().token;
    // What these have is names.
    if (owner === "require" || owner === "provide") continue;
    regions.push({ owner, from, to, tail: tailOf(source, owner, to) });
  }
  return regions;
}

function tailOf(source: string, owner: string, to: number): number {
  const newline = source.indexOf("\n", to);
  const line = newline < 0 ? source.length : newline;
  const rest = source.slice(Math.min(source.length, to + 1), line);
  // A declaration of variables may be followed by any statement.
  const follows = owner === "define" ? !/^[\w$]/.test(rest) : FOLLOWS.test(rest);
  if (follows && !closesMore(rest)) return to;
  const semicolon = source.indexOf(";", to);
  return semicolon < 0 ? source.length : semicolon;
}

/** Whether a `)` closes nothing. */
function closesMore(text: string): boolean {
  let depth = 0;
  for (const c of text) {
    if (c === "(") depth++;
    else if (c === ")" && --depth < 0) return true;
  }
  return false;
}
