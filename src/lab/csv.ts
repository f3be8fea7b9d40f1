// Rows as comma-separated values (RFC 4180), a line each.

import type { Column, Experiment, Value } from "./experiment.js";
import type { Result } from "./summary.js";

export function csv(experiment: Experiment, results: readonly Result[]): string {
  const own: readonly Column[] = [...(experiment.keys ?? []), ...experiment.measures];
  const heading = ["world", "seed", ...experiment.parameters.map(columnTitle), ...own.map(columnTitle)];
  const lines = results.map(({ world, seed, cell, row }) => [
    world,
    seed,
    ...experiment.parameters.map((p) => cell[p.name]),
    ...own.map((c) => row[c.name]),
  ]);
  return [heading, ...lines].map((line) => `${line.map(field).join(",")}\n`).join("");
}

/** `rtt_ms`, with the unit where there is one. */
export function columnTitle({ name, unit }: Column): string {
  return unit === undefined ? name : `${name} (${unit})`;
}

function field(value: Value): string {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
