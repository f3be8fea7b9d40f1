// Classifier's pattern language: clauses `offset/value[%mask]`, `!` before one
// that must not hold, `-` for every packet.

import { ANCHOR_DATA, and, type Expr, equals, not, type Rule, TRUE } from "./expr.js";

/** What reading patterns gave: rules, and Click's texts of what is wrong with the patterns. */
export interface PatternRules {
  readonly rules: readonly Rule[];
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** Offsets beyond this cannot be in a packet. */
const MAX_OFFSET = 65535;

/** Reads Classifier's arguments; pattern i stands for output i. */
export function parseClassifier(patterns: readonly string[]): PatternRules {
  const errors: string[] = [];
  const rules = patterns.map((pattern, output): Rule => {
    const say = (message: string): void => {
      errors.push(`pattern ${output}: ${message}`);
    };
    return { expr: pattern === "-" ? TRUE : parsePattern(pattern, say), output };
  });
  return { rules, errors, warnings: [] };
}

function parsePattern(text: string, say: (message: string) => void): Expr {
  const clauses: Expr[] = [];
  const clause = /\s*(!\s*)?(?:(\d+)(?:(\/)([0-9a-fA-F?]*)(?:(%)([0-9a-fA-F?]*))?)?)?/y;
  while (text.slice(clause.lastIndex).trim() !== "") {
    const [, negated, digits, slash, value, percent, mask] = clause.exec(text) as RegExpExecArray;
    if (digits === undefined) {
      say("expected a digit");
      break;
    }
    if (slash === undefined) {
      say("expected '/'");
      break;
    }
    if (Number(digits) > MAX_OFFSET) {
      say(`offset ${digits} out of range, bound ${MAX_OFFSET}`);
      continue;
    }
    const e = readClause(Number(digits), value, percent === undefined ? null : mask, say);
    clauses.push(negated === undefined ? e : not(e));
  }
  return and(clauses);
}

function readClause(
  offset: number,
  value: string,
  mask: string | null,
  say: (message: string) => void,
): Expr {
  if (value.length < 2) say("value has less than 2 hex digits");
  else if (value.length % 2 !== 0) say("value has odd number of hex digits");
  else if (mask !== null && mask.length !== value.length)
    say(`mask has too ${mask.length > value.length ? "many" : "few"} hex digits`);
  else return and(words(offset, value, mask ?? ""));
  return TRUE;
}

/** One test for each aligned word that the value touches. */
function words(offset: number, value: string, mask: string): Expr[] {
  const tests: Expr[] = [];
  for (let i = 0; i < value.length; ) {
    const word = offset & ~3;
    let [wanted, relevant] = [0, 0];
    for (; i < value.length && (offset & ~3) === word; i += 2, offset++) {
      const shift = 24 - (offset & 3) * 8;
      const v = readByte(value, i);
      const m = mask === "" ? { value: 0xff, known: 0xff } : readByte(mask, i);
      wanted |= v.value << shift;
      relevant |= (v.known & m.value & m.known) << shift;
    }
    tests.push(equals(ANCHOR_DATA, word, relevant, wanted));
  }
  return tests;
}

/** Two hex digits, where `?` is a digit that is not known. */
function readByte(text: string, at: number): { readonly value: number; readonly known: number } {
  let [value, known] = [0, 0];
  for (const digit of text.slice(at, at + 2)) {
    value = (value << 4) | (digit === "?" ? 0 : Number.parseInt(digit, 16));
    known = (known << 4) | (digit === "?" ? 0 : 15);
  }
  return { value, known };
}
