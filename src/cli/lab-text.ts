// What an experiment gave, as text for people.

import { columnTitle } from "../lab/csv.js";
import type { Claim, Experiment, Group, Value } from "../lab/experiment.js";
import type { Statistics } from "../lab/statistics.js";
import { columns } from "./columns.js";

const DIGITS = 2;
const MINUTE = 60;
const HOUR = 3600;

/** `40 s`, `5 min`, `2.5 h`. */
export function duration(seconds: number): string {
  if (seconds < 100) return `${Math.max(1, Math.ceil(seconds))} s`;
  if (seconds < 100 * MINUTE) return `${Math.ceil(seconds / MINUTE)} min`;
  return `${(seconds / HOUR).toFixed(1)} h`;
}

/** A line for each group: its cell, its keys, and mean and 95 % confidence interval of each measure. */
export function groupTable(experiment: Experiment, groups: readonly Group[]): string {
  const { parameters, keys = [], measures } = experiment;
  const heading = [...parameters, ...keys, ...measures].map(columnTitle);
  const lines = groups.map((g) => [
    ...parameters.map((p) => valueText(g.cell[p.name])),
    ...keys.map((k) => valueText(g.keys[k.name])),
    ...measures.map((m) => statisticsText(g.measures[m.name], m.digits ?? DIGITS)),
    String(g.rows),
    g.world,
  ]);
  const sides = `${heading.map(() => ">").join("")}><`;
  return columns([[...heading, "runs", "world"], ...lines], sides);
}

function valueText(value: Value): string {
  return value === null ? "-" : String(value);
}

function statisticsText(s: Statistics | null, digits: number): string {
  if (s === null) return "-";
  return s.ci95 === null ? s.mean.toFixed(digits) : `${s.mean.toFixed(digits)} ±${s.ci95.toFixed(digits)}`;
}

export function claimText({ stated, here, holds }: Claim): string {
  const verdict = holds === null ? "not tested" : holds ? "holds" : "does not hold";
  return `stated: ${stated}\n  here: ${here} (${verdict})\n`;
}
