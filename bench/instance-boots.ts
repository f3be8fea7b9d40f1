// Starts of instances, timed: of the first in a new process, of many in a row, and of one more beside those that run.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Spread, spreadOf } from "../src/cli/measure.js";
import { quantile } from "../src/lab/statistics.js";
import { collector } from "./allocation.js";
import { processorTime } from "./harness.js";
import type { Cold } from "./instance-cold.js";

/** What starts of a kind took. */
export interface Boots {
  /** What was started. */
  readonly name: string;
  /** In which circumstances. */
  readonly how: string;
  readonly isolation: "inline" | "thread" | "none";
  /** Instances that ran at the end, the last that was started among them. */
  readonly count: number;
  /** Milliseconds to the first forwarded packet. */
  readonly ms: Spread;
  /** Milliseconds in which 9 of 10 starts were done. */
  readonly most: number;
  /** Milliseconds of processor time each, of all threads of the process. */
  readonly processorMs: number;
  /** Mebibytes of resident memory each; null where that cannot be told. */
  readonly mib: number | null;
}

/** Something that was started. */
export interface Started {
  readonly ms: number;
  close(): Promise<void> | void;
}

export type Start<T extends Started> = (number: number) => Promise<T> | T;

/** What is started. */
export interface Kind<T extends Started> {
  readonly name: string;
  readonly isolation: Boots["isolation"];
  readonly start: Start<T>;
}

/** What `file` beside this one prints in a process of its own. */
function inProcess(file: string, ...words: readonly string[]): string {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...words], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${file} failed in a process of its own: ${stderr}`);
  return stdout;
}

/** Fewer disappear in what their process takes anyway. */
const TELLABLE = 10;

function boots(
  { name, isolation }: Pick<Kind<Started>, "name" | "isolation">,
  how: string,
  count: number,
  times: readonly number[],
  processorNs: number,
  mib: number | null = null,
): Boots {
  const sorted = [...times].sort((a, b) => a - b);
  const processorMs = processorNs / 1e6 / times.length;
  return {
    name,
    how,
    isolation,
    count,
    ms: spreadOf(sorted),
    most: quantile(sorted, 0.9),
    processorMs,
    mib,
  };
}

/** The first instance of an xTR in each of `runs` new processes: from its own start, and from its process's. */
export function coldBoots(runs: number): readonly [instance: Boots, process: Boots] {
  const all: Cold[] = [];
  while (all.length < runs) all.push(JSON.parse(inProcess("instance-cold.js")));
  const sum = (of: (cold: Cold) => number): number => all.reduce((total, cold) => total + of(cold), 0);
  const kind = { name: "xTR", isolation: "inline" } as const;
  return [
    boots(
      kind,
      "first in a new process",
      1,
      all.map((c) => c.ms),
      sum((c) => c.processor),
    ),
    boots(
      kind,
      "and the process itself",
      1,
      all.map((c) => c.processMs),
      sum((c) => c.processProcessor),
    ),
  ];
}

/** Bytes that the process has in memory. */
export function resident(): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]) * 1024;
}

/** Mebibytes that each of `count` instances takes in a process of their own; null where they are too few to tell. */
export function memoryEach(name: string, count: number): number | null {
  if (count < TELLABLE) return null;
  return Number(inProcess("instance-memory.js", name, String(count))) / count / 2 ** 20;
}

/** Starts `count` one after the other, and keeps them; fewer when `ends` says so. */
export async function bootMany<T extends Started>(
  kind: Kind<T>,
  count: number,
  ends: () => boolean = () => false,
): Promise<{ readonly boots: Boots; readonly all: T[] }> {
  const gc = collector();
  gc();
  const before = resident();
  const all: T[] = [];
  const processor = processorTime();
  while (all.length < count && !(all.length > 0 && ends())) all.push(await kind.start(all.length));
  const spent = processorTime() - processor;
  gc();
  const mib = all.length < TELLABLE ? null : (resident() - before) / all.length / 2 ** 20;
  const times = all.map((s) => s.ms);
  return { boots: boots(kind, "one after the other", all.length, times, spent, mib), all };
}

/**
 * Starts one more beside `running` that run, and ends it, `runs` times, after as many that are not counted: the
 * collector, when it is called from outside, throws compiled code away, and a manager that has run for a while has it.
 */
export async function oneMore(kind: Kind<Started>, running: number, runs: number): Promise<Boots> {
  const times: number[] = [];
  let spent = 0;
  for (let i = 0; i < 2 * runs; i++) {
    const processor = processorTime();
    const started = await kind.start(running + i);
    if (i >= runs) {
      spent += processorTime() - processor;
      times.push(started.ms);
    }
    await started.close();
  }
  return boots(kind, "one more, warm manager", running + 1, times, spent);
}

export async function closeAll(all: readonly Started[]): Promise<void> {
  for (const started of all) await started.close();
}
