// Columns of text.

/** `sides` has `<` for each column that stands to the left, `>` to the right; those that it leaves out stand to the left. */
export function columns(rows: readonly (readonly string[])[], sides = ""): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const cell = (text: string, i: number): string =>
    sides[i] === ">" ? text.padStart(widths[i]) : text.padEnd(widths[i]);
  return rows.map((row) => `${row.map(cell).join("  ").trimEnd()}\n`).join("");
}
