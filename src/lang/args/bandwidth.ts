// Rates of data.

import { fail, type Parsed, within } from "./context.js";
import { decimal } from "./numbers.js";
import { splitUnit, type UnitTable } from "./units.js";

const BANDWIDTH: UnitTable = {
  units: [
    ["baud", 1 / 8],
    ["bps", 1 / 8],
    ["b/s", 1 / 8],
    ["Bps", 1],
    ["B/s", 1],
  ],
  prefixes: { k: 3, K: 3, M: 6, G: 9 },
};

/** Whole bytes a second (rounded) within [min, max]; a bare number is bytes. */
export function parseBandwidth(text: string, min = 0, max = Number.MAX_SAFE_INTEGER): Parsed<number> {
  const { number, factor, power } = splitUnit(text, BANDWIDTH);
  const value = decimal(number, false);
  if (Number.isNaN(value)) return fail();
  const bytes = Math.round(value * 10 ** power * factor);
  return bytes > Number.MAX_SAFE_INTEGER ? fail("out of range") : within(bytes, min, max);
}
