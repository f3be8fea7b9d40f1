// Writes src/lab/tcp/kernel-means.ts anew from what `sluice lab tcp --real --json OPTIONS > FILE` has printed, once or
// several times; of cells that stand in several files the one with the most runs counts:
//
//   node dist/test/lab/record-tcp.js 'OPTIONS' FILE ['OPTIONS' FILE]... > src/lab/tcp/kernel-means.ts

import { readFileSync } from "node:fs";
import type { Group } from "../../src/lab/experiment.js";

interface Printed {
  readonly world: string;
  readonly kernel: string;
  readonly groups: readonly Group[];
}

const args = process.argv.slice(2);
if (args.length < 2 || args.length % 2 !== 0) throw new Error("pairs of options and a file are needed");
const options = args.filter((_, i) => i % 2 === 0);
const printed = args
  .filter((_, i) => i % 2 === 1)
  .map((file) => JSON.parse(readFileSync(file, "utf8")) as Printed);
if (printed.some(({ world }) => world !== "real"))
  throw new Error("rows of `sluice lab tcp --real` are needed");

const cells = new Map<string, Group>();
for (const group of printed.flatMap(({ groups }) => groups)) {
  const { rate, rtt, queue, loss } = group.cell;
  const name = `${rate} ${rtt} ${queue} ${loss}`;
  if (group.rows > (cells.get(name)?.rows ?? 0)) cells.set(name, group);
}
const number = (name: string): number[] => name.split(" ").map(Number);
const names = [...cells.keys()].sort((a, b) => {
  const [left, right] = [number(a), number(b)];
  const i = left.findIndex((n, k) => n !== right[k]);
  return left[i] - right[i];
});
const lines = names.map((name) => {
  const { mean, ci95 } = cells.get(name)!.measures.throughput!;
  return `  "${name}": [${mean.toFixed(3)}, ${(ci95 ?? 0).toFixed(3)}],`;
});
process.stdout.write(`// What the kernel's TCP gave, as test/lab/record-tcp.ts wrote it.

// biome-ignore-all lint/suspicious/noApproximativeNumericConstant: what was measured is no constant, though one may be near

export const RECORDED = {
  kernel: ${JSON.stringify([...new Set(printed.map((p) => p.kernel))].join(", "))},
  date: "${new Date().toISOString().slice(0, 10)}",
  /** Of a cell at least. */
  runs: ${Math.min(...[...cells.values()].map((g) => g.rows))},
  commands: [
${[...new Set(options)].map((o) => `    ${JSON.stringify(`sluice lab tcp --real ${o}`)},`).join("\n")}
  ],
} as const;

/**
 * \`rate rtt queue loss\` of a cell, in the experiment's units -> mean throughput of the runs, and half of that mean's 95 %
 * confidence interval, Mb/s.
 */
export const KERNEL_MEANS: Readonly<Record<string, readonly [mean: number, ci95: number]>> = {
${lines.join("\n")}
};
`);
