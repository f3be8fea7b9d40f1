// Words of text as the functions of Script read them.

import { HandlerError } from "../../src/router/handler.js";

export const INT64_MAX = 2n ** 63n - 1n;

export function failed(message: string): HandlerError {
  return new HandlerError("FAILED", message);
}

/** A whole number that fits 64 bits (signed), as configurations write them; null for other text. */
export function wholeNumber(text: string): bigint | null {
  const match = /^([+-]?)(0[xX][\da-fA-F_]+|0[bB][01_]+|0[0-7_]*|[1-9][\d_]*)$/.exec(text);
  if (match === null || /_(_|$)/.test(text) || /[xXbB]_/.test(text)) return null;
  const digits = match[2].replaceAll("_", "");
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const signed = match[1] === "-" ? -value : value;
  return signed > INT64_MAX || signed < -INT64_MAX - 1n ? null : signed;
}
