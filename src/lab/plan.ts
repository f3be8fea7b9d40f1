// Which runs an experiment has: the cells of its grid, each with its seeds.

import {
  type Cell,
  type Experiment,
  LabError,
  type Parameter,
  type Value,
  type WorldKind,
} from "./experiment.js";

/** What was asked for. */
export interface PlanOptions {
  readonly world: WorldKind;
  readonly full: boolean;
  /** Null: as the experiment has it. */
  readonly seeds: number | null;
  /** Parameters to take other values for than the grid has, from the whole grid. */
  readonly only: ReadonlyMap<string, readonly string[]>;
}

/** One run. */
export interface Job {
  /** Tells it from the others of the experiment. */
  readonly id: string;
  readonly cell: Cell;
  readonly seed: number;
}

export interface Plan {
  readonly cells: readonly Cell[];
  readonly seeds: number;
  readonly jobs: readonly Job[];
  /** What was left out of the whole grid, in words; null when nothing was. */
  readonly reduced: string | null;
}

/** Throws LabError for what the grid does not have. */
export function plan(experiment: Experiment, options: PlanOptions): Plan {
  for (const name of options.only.keys())
    if (!experiment.parameters.some((p) => p.name === name)) {
      const known = experiment.parameters.map((p) => p.name).join(", ");
      throw new LabError(
        "GRID",
        `'${experiment.name}' has no parameter '${name}' (it has ${known || "none"})`,
      );
    }
  const wanted = (cell: Cell): boolean => experiment.wanted?.(cell) ?? true;
  const values = experiment.parameters.map((p) => chosen(p, options));
  const cells = grid(experiment.parameters, values).filter(wanted);
  if (cells.length === 0) throw new LabError("GRID", `no cell of the grid of '${experiment.name}' is left`);
  const { full, reduced, real = reduced } = experiment.seeds;
  const usual = options.full ? full : options.world === "real" ? real : reduced;
  const seeds = options.seeds ?? usual;
  const jobs = cells.flatMap((cell) =>
    Array.from({ length: seeds }, (_, i) => ({ id: `${JSON.stringify(cell)} ${i + 1}`, cell, seed: i + 1 })),
  );
  const whole = grid(
    experiment.parameters,
    experiment.parameters.map((p) => p.values),
  ).filter(wanted).length;
  const left: string[] = [];
  if (cells.length < whole) left.push(`${cells.length} of ${whole} cells`);
  if (seeds < full) left.push(`${seeds} of ${full} seeds`);
  return { cells, seeds, jobs, reduced: left.length === 0 ? null : left.join(", ") };
}

/** Runs at a time on so many cores: real ones may disturb each other. */
export function atATime({ needs }: Experiment, world: WorldKind, cores: number): number {
  return world === "simulated" || needs?.perCore === true ? cores : 1;
}

/** Seconds that so many runs take, so many at a time; null where they cannot run. */
export function estimate(
  experiment: Experiment,
  world: WorldKind,
  runs: number,
  together: number,
): number | null {
  const each = experiment.seconds[world];
  return each === null ? null : Math.ceil(runs / together) * each;
}

function chosen(parameter: Parameter, { full, only }: PlanOptions): readonly Value[] {
  const asked = only.get(parameter.name);
  if (asked === undefined) return full ? parameter.values : (parameter.reduced ?? parameter.values);
  const values = asked.map((text) => {
    const value = parameter.values.find(
      (v) => String(v) === text || (typeof v === "number" && v === Number(text)),
    );
    if (value !== undefined && text !== "") return value;
    const known = parameter.values.map(String).join(", ");
    throw new LabError("GRID", `'${parameter.name}' is never ‘${text}’: it is one of ${known}`);
  });
  return [...new Set(values)];
}

function grid(parameters: readonly Parameter[], values: readonly (readonly Value[])[]): Cell[] {
  let cells: Cell[] = [{}];
  for (const [i, { name }] of parameters.entries())
    cells = cells.flatMap((cell) => values[i].map((value) => ({ ...cell, [name]: value })));
  return cells;
}
