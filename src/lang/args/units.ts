// A number's unit at the end of its text: `10 ms`, `1.5Mbps`.

import { isSpace } from "./text.js";

export interface UnitTable {
  /** Suffix and factor; the first that ends the text is taken. */
  readonly units: readonly (readonly [suffix: string, factor: number])[];
  /** One-letter prefixes of a unit, as powers of ten. */
  readonly prefixes: Readonly<Record<string, number>>;
}

export interface Quantity {
  /** The text before the unit and the spaces between them. */
  readonly number: string;
  readonly factor: number;
  readonly power: number;
}

export function splitUnit(text: string, table: UnitTable): Quantity {
  for (const [suffix, factor] of table.units) {
    if (!text.endsWith(suffix)) continue;
    let end = text.length - suffix.length;
    const power = table.prefixes[text[end - 1] ?? ""];
    if (power !== undefined) end--;
    while (end > 0 && isSpace(text[end - 1])) end--;
    return { number: text.slice(0, end), factor, power: power ?? 0 };
  }
  return { number: text, factor: 1, power: 0 };
}
