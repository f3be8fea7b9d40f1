// What measurements are told with: the spread of runs, the machine, tables.

import { spawnSync } from "node:child_process";
import { arch, cpus, loadavg, release, totalmem, type } from "node:os";
import { quantile } from "../lab/statistics.js";
import { VERSION } from "../router/version.js";

/** Several runs of one measurement, in its unit. */
export interface Spread {
  readonly runs: number;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** Half the distance between the quartiles, as a part of the median: 0.02 means that half of the runs lie within some 2 %. */
  readonly spread: number;
}

/** Throws RangeError when there are no values. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("no runs to make statistics of");
  const sorted = [...values].sort((a, b) => a - b);
  const median = quantile(sorted, 0.5);
  const range = quantile(sorted, 0.75) - quantile(sorted, 0.25);
  return {
    runs: sorted.length,
    median,
    low: sorted[0],
    high: sorted[sorted.length - 1],
    spread: median === 0 ? 0 : range / 2 / median,
  };
}

/** Where and on what something was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
  readonly arch: string;
  readonly kernel: string;
  readonly node: string;
  readonly v8: string;
  readonly sluice: string;
  /** Mean number of running processes over the last 1, 5 and 15 minutes. */
  readonly load: readonly number[];
}

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memory: totalmem(),
    arch: arch(),
    kernel: `${type()} ${release()}`,
    node: process.version,
    v8: process.versions.v8,
    sluice: VERSION,
    load: loadavg().map((n) => Math.round(n * 100) / 100),
  };
}

export function machineText(m: Machine): string {
  const gib = (m.memory / 2 ** 30).toFixed(1);
  return `${m.cpu}, ${m.cores} cores, ${gib} GiB, ${m.kernel} ${m.arch}, node ${m.node}; load ${m.load.join(" ")}`;
}

/** The git commit of the folder, with `dirty` when files differ from it; null outside a repository. */
export function commitOf(folder: string): { readonly hash: string; readonly dirty: boolean } | null {
  const git = (...words: string[]): string | null => {
    const { status, stdout } = spawnSync("git", ["-C", folder, ...words], { encoding: "utf8" });
    return status === 0 ? stdout.trim() : null;
  };
  const hash = git("rev-parse", "HEAD");
  if (hash === null) return null;
  return { hash, dirty: git("status", "--porcelain", "--untracked-files=no") !== "" };
}

/** Columns of text, the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** `12.3 ns ±2 %`. */
export function spreadText(s: Spread, digits = 1): string {
  return `${s.median.toFixed(digits)} ±${(s.spread * 100).toFixed(0)}%`;
}
