// The functions that every Script has as read handlers: text in, text out.

import { decimal, INT64_MAX, parseBool, wholeNumber } from "../lang/args/numbers.js";
import { shiftSpaces, splitSpaces, unquote } from "../lang/args/text.js";
import { formatReal } from "../router/format.js";
import { sprintf } from "./sprintf.js";
import { failed } from "./words.js";

function real(text: string): number | null {
  const value = decimal(text, true);
  return Number.isNaN(value) ? null : value;
}

function truth(text: string): boolean {
  const parsed = parseBool(text);
  if ("error" in parsed) throw failed("syntax error");
  return parsed.value;
}

type Fold = readonly [whole: (a: bigint, b: bigint) => bigint, real: (a: number, b: number) => number];

/** A function over a list of numbers: in whole numbers (64 bits) as long as all are, then in real ones. */
function fold(start: number, [whole, fraction]: Fold, onlyReal = false): (args: string) => string {
  return (args) => {
    const words = splitSpaces(args);
    let exact: bigint | null = onlyReal ? null : BigInt(start);
    let rough = start;
    for (const [i, word] of words.entries()) {
      const n: bigint | null = exact === null ? null : wholeNumber(word);
      if (n !== null && exact !== null) {
        exact = i === 0 ? n : BigInt.asIntN(64, whole(exact, n));
        rough = Number(exact);
        continue;
      }
      exact = null;
      const x = real(word);
      if (x === null) throw failed("expected list of numbers");
      rough = i === 0 ? x : fraction(rough, x);
    }
    return exact === null ? formatReal(rough) : String(exact);
  };
}

const divide: Fold = [(a) => a, (a, b) => a / b];

function idiv(args: string): string {
  const quotient = Math.trunc(Number(fold(1, divide, true)(args)));
  return Number.isFinite(quotient) ? String(BigInt.asIntN(64, BigInt(quotient))) : String(-INT64_MAX - 1n);
}

function remainder(allowReal: boolean): (args: string) => string {
  return (args) => {
    const words = splitSpaces(args);
    if (words.length !== 2) throw failed("expected two numbers");
    const [a, b] = words.map(wholeNumber);
    if (a !== null && b !== null) {
      if (b === 0n) throw failed("division by zero");
      return String(a % b);
    }
    const [x, y] = words.map(real);
    if (!allowReal || x === null || y === null) throw failed("expected two numbers");
    return formatReal(x % y);
  };
}

function oneNumber(whole: (a: bigint) => bigint, fraction: (a: number) => number): (args: string) => string {
  return (args) => {
    const n = wholeNumber(args);
    if (n !== null) return String(BigInt.asIntN(64, whole(n)));
    const x = real(args);
    if (x === null) throw failed("expected one number");
    return formatReal(fraction(x));
  };
}

/** Compares two words: as numbers where both are, else byte by byte. */
function compare(holds: (order: number) => boolean): (args: string) => string {
  return (args) => {
    const words = splitSpaces(args);
    if (words.length !== 2) throw failed("expected two numbers");
    const order = (a: bigint | number | string, b: bigint | number | string): number =>
      a < b ? -1 : a > b ? 1 : 0;
    const [a, b] = words.map(wholeNumber);
    if (a !== null && b !== null) return String(holds(order(a, b)));
    const [x, y] = words.map(real);
    if (x !== null && y !== null) return String(holds(order(x, y)));
    return String(holds(order(unquote(words[0]), unquote(words[1]))));
  };
}

/** `and` (neutral true) or `or` (neutral false); stops at the first word that decides. */
function junction(neutral: boolean, negate: boolean): (args: string) => string {
  return (args) => {
    let rest = args;
    let value = neutral;
    while (value === neutral && rest !== "") {
      const [word, after] = shiftSpaces(rest);
      value = truth(word);
      rest = after;
    }
    return String(value !== negate);
  };
}

function choose(args: string): string {
  const [condition, yes = "", no = ""] = splitSpaces(args);
  return truth(condition ?? "") ? yes : no;
}

function includes(args: string): string {
  const [word, ...others] = splitSpaces(args).map(unquote);
  return String(word !== undefined && word !== "" && others.includes(word));
}

/** A 16- or 32-bit number with its bytes turned round: what a little-endian machine's `htons`, `htonl` give. */
function swapBytes(bits: 16 | 32): (args: string) => string {
  return (args) => {
    const n = wholeNumber(args);
    if (n === null) throw failed("syntax error");
    const x = Number(BigInt.asUintN(bits, n));
    if (bits === 16) return String(((x & 0xff) << 8) | (x >>> 8));
    return String(((x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24)) >>> 0);
  };
}

/** Name -> function, in the order in which Click adds them. */
export const FUNCTIONS: Readonly<Record<string, (args: string) => string>> = {
  add: fold(0, [(a, b) => a + b, (a, b) => a + b]),
  sub: fold(0, [(a, b) => a - b, (a, b) => a - b]),
  min: fold(1, [(a, b) => (a < b ? a : b), Math.min]),
  max: fold(1, [(a, b) => (a > b ? a : b), Math.max]),
  mul: fold(1, [(a, b) => a * b, (a, b) => a * b]),
  div: fold(1, divide, true),
  idiv,
  mod: remainder(false),
  rem: remainder(true),
  neg: oneNumber(
    (a) => -a,
    (a) => -a,
  ),
  abs: oneNumber((a) => (a < 0n ? -a : a), Math.abs),
  eq: compare((order) => order === 0),
  ne: compare((order) => order !== 0),
  gt: compare((order) => order > 0),
  ge: compare((order) => order >= 0),
  lt: compare((order) => order < 0),
  le: compare((order) => order <= 0),
  not: (args) => String(!truth(args)),
  sprintf,
  first: (args) => shiftSpaces(args)[0],
  and: junction(true, false),
  or: junction(false, false),
  nand: junction(true, true),
  nor: junction(false, true),
  if: choose,
  in: includes,
  length: (args) => String(args.length),
  unquote,
  htons: swapBytes(16),
  htonl: swapBytes(32),
  ntohs: swapBytes(16),
  ntohl: swapBytes(32),
};

/** What each gives, for the manual. */
export const FUNCTION_DOCS: Readonly<Record<string, string>> = {
  add: "the sum of numbers: whole ones (64 bits) or real",
  sub: "the first number minus the others",
  min: "the least of the numbers",
  max: "the greatest of the numbers",
  mul: "the product of numbers",
  div: "the first number divided by the others",
  idiv: "the first number divided by the others, rounded toward zero",
  mod: "the remainder of two whole numbers",
  rem: "the remainder of two numbers",
  neg: "the negative of a number",
  abs: "the absolute value of a number",
  eq: "whether two words are equal, as numbers if they are such",
  ne: "whether two words differ",
  gt: "whether the first is greater",
  ge: "whether the first is greater or equal",
  lt: "whether the first is less",
  le: "whether the first is less or equal",
  not: "the negation of a truth value",
  sprintf: "a format and its arguments, as in C",
  first: "the first word",
  and: "whether all are true",
  or: "whether any is true",
  nand: "whether not all are true",
  nor: "whether none is true",
  if: "the second word when the first is true, else the third",
  in: "whether the first word is among the others",
  length: "the length of the text in bytes",
  unquote: "the text with a level of quotes removed",
  htons: "a 16-bit number in network order",
  htonl: "a 32-bit number in network order",
  ntohs: "a 16-bit number from network order",
  ntohl: "a 32-bit number from network order",
};
