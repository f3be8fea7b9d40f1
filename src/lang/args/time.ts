// Durations and points in time.

import { fail, ok, type Parsed, within } from "./context.js";
import { decimal } from "./numbers.js";
import type { Timestamp } from "./spec.js";
import { splitUnit, type UnitTable } from "./units.js";

const SECONDS: UnitTable = {
  units: [
    ["s", 1],
    ["sec", 1],
    ["m", 60],
    ["min", 60],
    ["h", 3600],
    ["hr", 3600],
    ["d", 86400],
    ["day", 86400],
  ],
  prefixes: { m: -3, u: -6, n: -9 },
};

/** Seconds within [min, max]; a minus sign is an error where `min` is not negative. */
export function parseSeconds(text: string, min = 0, max = Number.POSITIVE_INFINITY): Parsed<number> {
  const { number, factor, power } = splitUnit(text, SECONDS);
  const value = decimal(number, min < 0);
  if (Number.isNaN(value)) return fail();
  if (!Number.isFinite(value)) return fail("out of range");
  // A division by a power of ten is exact where a multiplication by its inverse is not.
  return within((value * factor) / 10 ** -power, min, max);
}

/** Digits that matter: whole seconds up to 2^53, and a fraction far below a nanosecond. */
const WHOLE_DIGITS = 16;
const FRACTION_DIGITS = 30;

/**
 * A time in seconds, exact to the nanosecond (rounded half up), with the units of a duration.
 * Of a time before the epoch the nanoseconds still count forward: -0.25 is { -1, 750000000 }.
 */
export function parseTimestamp(text: string): Parsed<Timestamp> {
  const quantity = splitUnit(text, SECONDS);
  const negative = quantity.number.startsWith("-");
  const number = negative ? quantity.number.slice(1) : quantity.number;
  if (Number.isNaN(decimal(number, false))) return fail();
  const [mantissa, exponent = "0"] = number.replace(/[_+]/g, "").split(/e/i);
  const [whole, fraction = ""] = mantissa.split(".");
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  if (digits === "") return ok({ seconds: 0, nanoseconds: 0 });
  // The value is 0.DIGITS * 10^point seconds, before the unit's factor.
  const leading = whole.length + fraction.length - digits.length;
  const point = whole.length - leading + Number(exponent) + quantity.power;
  if (point > WHOLE_DIGITS) return fail("out of range");
  if (point < -FRACTION_DIGITS) return ok({ seconds: 0, nanoseconds: 0 });
  const kept = digits.slice(0, WHOLE_DIGITS + FRACTION_DIGITS * 2);
  const scale = point - kept.length + 9;
  const numerator = BigInt(kept) * BigInt(quantity.factor) * 10n ** BigInt(Math.max(scale, 0));
  const divisor = 10n ** BigInt(Math.max(-scale, 0));
  let total = (numerator * 2n + divisor) / (divisor * 2n);
  if (negative) total = -total;
  const billion = 1_000_000_000n;
  const nanoseconds = ((total % billion) + billion) % billion;
  const seconds = Number((total - nanoseconds) / billion);
  if (!Number.isSafeInteger(seconds)) return fail("out of range");
  return ok({ seconds, nanoseconds: Number(nanoseconds) });
}
