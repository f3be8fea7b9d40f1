// Writes src/lab/tcp/kernel-means.ts anew: `sluice lab tcp --real --json OPTIONS | node dist/test/lab/record-tcp.js 'OPTIONS'`.

import { readFileSync } from "node:fs";
import type { Group } from "../../src/lab/experiment.js";

const [options] = process.argv.slice(2);
const { world, kernel, groups } = JSON.parse(readFileSync(0, "utf8")) as {
  readonly world: string;
  readonly kernel: string;
  readonly groups: readonly Group[];
};
if (world !== "real" || options === undefined)
  throw new Error("rows of `sluice lab tcp --real --json`, and its other options, are needed");
const lines = groups.map(({ cell, measures }) => {
  const { rate, rtt, queue, loss } = cell;
  return `  "${rate} ${rtt} ${queue} ${loss}": ${measures.throughput!.mean.toFixed(3)},`;
});
const runs = Math.min(...groups.map((g) => g.rows));
process.stdout.write(`// What the kernel's TCP gave, as test/lab/record-tcp.ts wrote it.

export const RECORDED = {
  kernel: ${JSON.stringify(kernel)},
  date: "${new Date().toISOString().slice(0, 10)}",
  runs: ${runs},
  command: "sluice lab tcp --real ${options}",
} as const;

/** \`rate rtt queue loss\` of a cell, in the experiment's units -> mean throughput, Mb/s. */
export const KERNEL_MEANS: Readonly<Record<string, number>> = {
${lines.join("\n")}
};
`);
