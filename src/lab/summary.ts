// Rows of runs, and the statistics over seeds that are made of them.

import type { Cell, Experiment, Group, Row, WorldKind } from "./experiment.js";
import { statistics } from "./statistics.js";

/** One row with where it comes from. */
export interface Result {
  readonly world: WorldKind;
  readonly cell: Cell;
  readonly seed: number;
  readonly row: Row;
}

/** Groups in the order in which their first rows stand. */
export function summarize(experiment: Experiment, results: readonly Result[]): Group[] {
  const keys = (experiment.keys ?? []).map((k) => k.name);
  const members = new Map<string, Result[]>();
  for (const result of results) {
    const id = JSON.stringify([result.world, result.cell, keys.map((k) => result.row[k])]);
    const group = members.get(id);
    if (group === undefined) members.set(id, [result]);
    else group.push(result);
  }
  return [...members.values()].map((group) => {
    const [{ world, cell, row }] = group;
    const measures = experiment.measures.map(({ name }) => {
      const numbers = group.map((r) => r.row[name]).filter((v) => typeof v === "number");
      return [name, numbers.length === 0 ? null : statistics(numbers)] as const;
    });
    return {
      world,
      cell,
      keys: Object.fromEntries(keys.map((k) => [k, row[k]])),
      rows: group.length,
      measures: Object.fromEntries(measures),
    };
  });
}
