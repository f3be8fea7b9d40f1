// What an experiment is: a grid of parameters, a run at each of its cells for each seed, and what is made of the rows.

import type { Statistics } from "./statistics.js";

/** Where a run takes place: in simulated time, or in real time with the kernel's own part. */
export type WorldKind = "simulated" | "real";

export type Value = number | string | boolean | null;

/** A value for each parameter. */
export type Cell = Readonly<Record<string, Value>>;

/** What one run measured: a value for each key and measure of the experiment; a measure that it has not is null. */
export type Row = Readonly<Record<string, Value>>;

export interface Column {
  readonly name: string;
  /** `ms`, `Mb/s`, `%`; none for what has no unit. */
  readonly unit?: string;
  readonly doc: string;
  /** Digits behind the point in tables. Default 2. */
  readonly digits?: number;
}

export interface Parameter extends Column {
  /** The whole grid's values, for `--full`. */
  readonly values: readonly Value[];
  /** Those of the reduced grid. Default: all. */
  readonly reduced?: readonly Value[];
}

/** Statistics over the seeds for one cell and one value of the keys. */
export interface Group {
  readonly world: WorldKind;
  readonly cell: Cell;
  /** The values of the experiment's keys. */
  readonly keys: Row;
  /** Rows in it. */
  readonly rows: number;
  /** By measure; null where no row has a number for it. */
  readonly measures: Readonly<Record<string, Statistics | null>>;
}

/** What is stated elsewhere (a paper, an RFC, an issue) beside what came out here. */
export interface Claim {
  readonly stated: string;
  readonly here: string;
  /** Null: there are no rows that could tell. */
  readonly holds: boolean | null;
}

export interface Plot {
  readonly title: string;
  /** A column for the horizontal axis and a measure for the vertical one. */
  readonly x: string;
  readonly y: string;
  /** A column that tells lines from each other, and columns for a field of small plots. */
  readonly colour?: string;
  readonly column?: string;
  readonly row?: string;
  /** Default `linear`. */
  readonly xScale?: "linear" | "log";
  readonly yScale?: "linear" | "log";
  /** Points of `y` that are stated elsewhere, at x: drawn beside ours. */
  readonly stated?: readonly { readonly x: number; readonly y: number; readonly label: string }[];
}

export interface RunContext {
  readonly world: WorldKind;
  /** From 1. In simulated time the same seed gives the same rows, byte for byte. */
  readonly seed: number;
  /** Aborted when the run is no longer wanted: it gives back what it has made and rejects. */
  readonly signal: AbortSignal;
}

export interface RealNeeds {
  /** Programs that it calls. */
  readonly programs: readonly string[];
  /** It makes network namespaces, for which it needs root. */
  readonly namespaces: boolean;
  /** A run keeps to one core: there are as many at a time as cores. Default: one at a time, undisturbed. */
  readonly perCore?: boolean;
}

export interface Experiment {
  /** One word or two, the first of them a group: `links`, `fmc fig5`. Small letters, digits and `-`. */
  readonly name: string;
  /** One line. */
  readonly title: string;
  /** The figure, table or section that it goes back to. */
  readonly source: string;
  /** What it does and shows, for `--help`. */
  readonly doc: string;
  readonly parameters: readonly Parameter[];
  /** Columns that tell the rows of one run from each other: a time, a protocol. */
  readonly keys?: readonly Column[];
  readonly measures: readonly Column[];
  /** `real`: of the reduced grid with --real. Default: as `reduced`. */
  readonly seeds: { readonly full: number; readonly reduced: number; readonly real?: number };
  /** Seconds that a run takes: of a processor in simulated time, of real time otherwise. Null: not in that world. */
  readonly seconds: { readonly simulated: number | null; readonly real: number | null };
  /** With `seconds.real`. */
  readonly needs?: RealNeeds;
  /** Cells of the grid that make no sense are left out. */
  wanted?(cell: Cell): boolean;
  /** What was fitted or assumed, a line each: told as input, never as a result. */
  readonly inputs?: readonly string[];
  /** One run. Rejects with an error that says what went wrong. */
  run(cell: Cell, context: RunContext): Promise<readonly Row[]>;
  claims?(groups: readonly Group[]): readonly Claim[];
  readonly plots: readonly Plot[];
}

/** What cannot be run, read or drawn, in a sentence for the user. */
export class LabError extends Error {
  /** `GRID`, `NEEDS`, `RESULTS`, `ROWS`, `PLOT`. */
  readonly code: string;

  constructor(code: "GRID" | "NEEDS" | "RESULTS" | "ROWS" | "PLOT", message: string) {
    super(message);
    this.code = code;
  }
}

/** Throws LabError for a row that does not have exactly the experiment's keys and measures, each a value that JSON keeps. */
export function checkRow(experiment: Experiment, row: Row): void {
  const columns = [...(experiment.keys ?? []), ...experiment.measures].map((c) => c.name);
  for (const name of columns)
    if (!isValue(row[name]))
      throw new LabError("ROWS", `${experiment.name}: a row has no value for '${name}'`);
  const other = Object.keys(row).find((name) => !columns.includes(name));
  if (other !== undefined)
    throw new LabError("ROWS", `${experiment.name}: a row has '${other}', which is no column`);
}

export function isValue(value: unknown): value is Value {
  return (
    value === null ||
    typeof value === "string" ||
    typeof value === "boolean" ||
    (typeof value === "number" && Number.isFinite(value))
  );
}
