// Whole numbers, real numbers and booleans.

import { fail, ok, type Parsed, within } from "./context.js";

export const INT_MIN = -(2 ** 31);
export const INT_MAX = 2 ** 31 - 1;
export const UNSIGNED_MAX = 2 ** 32 - 1;

/** Digits in `base` (2 to 36), single `_` between them allowed; null where `text` is something else. */
function digitsOf(text: string, base: number): string | null {
  let previous = "_";
  for (const c of text) {
    if (c === "_") {
      if (previous === "_") return null;
    } else {
      const digit = Number.parseInt(c, 36);
      if (Number.isNaN(digit) || digit >= base) return null;
    }
    previous = c;
  }
  return previous === "_" ? null : text.replaceAll("_", "");
}

/**
 * A whole number: optional sign, `0x` hexadecimal, `0b` binary, leading `0` octal, else decimal
 * (`base` 0), or digits of a given base. A minus sign is an error where `signed` is false.
 * Beyond 2^53 the value is infinite.
 */
export function parseInteger(text: string, signed = true, base = 0): Parsed<number> {
  let rest = text;
  const negative = signed && rest.startsWith("-");
  if (negative || rest.startsWith("+")) rest = rest.slice(1);
  if ((base === 0 || base === 16) && /^0[xX]./.test(rest)) {
    base = 16;
    rest = rest.slice(2);
  } else if (base === 0 && /^0[bB]./.test(rest)) {
    base = 2;
    rest = rest.slice(2);
  } else if (base === 0) base = rest.startsWith("0") ? 8 : 10;
  const digits = digitsOf(rest, base);
  if (digits === null) return fail("invalid number");
  let value = 0;
  for (const c of digits) {
    value = value * base + Number.parseInt(c, 36);
    if (value > Number.MAX_SAFE_INTEGER) {
      value = Number.POSITIVE_INFINITY;
      break;
    }
  }
  return ok(negative && value !== 0 ? -value : value);
}

/** A whole number within [min, max]; without a sign where `signed` is false. */
export function parseBounded(text: string, min: number, max: number, signed: boolean): Parsed<number> {
  const parsed = parseInteger(text, signed);
  return "error" in parsed ? parsed : within(parsed.value, min, max);
}

const REAL = /^(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?$/;

/** A decimal number with optional fraction and exponent, `_` between digits allowed; NaN for other text. */
export function decimal(text: string, signed: boolean): number {
  const negative = signed && text.startsWith("-");
  const rest = negative || text.startsWith("+") ? text.slice(1) : text;
  if (!REAL.test(rest)) return Number.NaN;
  const value = Number(rest.replaceAll("_", ""));
  return negative && value !== 0 ? -value : value;
}

/** A real number within [min, max]. */
export function parseReal(
  text: string,
  min = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
): Parsed<number> {
  const value = decimal(text, true);
  if (Number.isNaN(value)) return fail();
  if (!Number.isFinite(value)) return fail(`out of range, bound ${value < 0 ? "-inf" : "inf"}`);
  if (value === 0 && /[1-9]/.test(text.split(/e/i, 1)[0])) return fail("underflow, rounded to 0");
  return within(value, min, max);
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["0", false],
  ["n", false],
  ["f", false],
  ["no", false],
  ["false", false],
  ["1", true],
  ["y", true],
  ["t", true],
  ["yes", true],
  ["true", true],
]);

export function parseBool(text: string): Parsed<boolean> {
  const value = BOOLEANS.get(text);
  return value === undefined ? fail() : ok(value);
}

export const INT64_MAX = 2n ** 63n - 1n;

/** A whole number that fits 64 bits (signed), as configurations write them; null for other text. */
export function wholeNumber(text: string): bigint | null {
  const match = /^([+-]?)(0[xX][\da-fA-F_]+|0[bB][01_]+|0[0-7_]*|[1-9][\d_]*)$/.exec(text);
  if (match === null || /_(_|$)/.test(text) || /[xXbB]_/.test(text)) return null;
  const digits = match[2].replaceAll("_", "");
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const signed = match[1] === "-" ? -value : value;
  return signed > INT64_MAX || signed < -INT64_MAX - 1n ? null : signed;
}
