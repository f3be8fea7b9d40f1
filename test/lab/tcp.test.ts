// timeout: 300
// Our TCP against the kernel's: in simulated time against what was recorded, and where there is root against it itself.

import { execFileSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bound, experiment, tcpCell } from "../../src/lab/experiments/tcp.js";
import { statistics } from "../../src/lab/statistics.js";
import { runTcpCell, type TcpCell } from "../../src/lab/tcp/cell.js";
import { runKernelCell } from "../../src/lab/tcp/kernel-cell.js";
import { KERNEL_MEANS } from "../../src/lab/tcp/kernel-means.js";
import { namespacesRefused } from "../network/namespaces.js";
import { skipUnless } from "../skip.js";

const { signal } = new AbortController();
const refused = namespacesRefused();
const kernelTest = skipUnless(refused === null, refused ?? "");

/** Runs of a long path with loss, which differ much; those of others are alike. */
const SEEDS = 10;
const LONG_MS = 100;

test("our TCP's mean throughput is the kernel's, within the bounds, in the recorded cells", async () => {
  const off: string[] = [];
  for (const [name, [kernel]] of Object.entries(KERNEL_MEANS)) {
    const [rate, rtt, queue, loss] = name.split(" ").map(Number);
    const cell = { rate, rtt, queue, loss };
    const runs: number[] = [];
    for (let seed = 1; seed <= (loss > 0 && rtt >= LONG_MS ? SEEDS : 1); seed++)
      runs.push(await runTcpCell(tcpCell(cell), seed, signal));
    const mean = statistics(runs).mean / 1e6;
    if (Math.abs(mean / kernel - 1) > bound(cell)) off.push(`${name}: ${mean.toFixed(3)}, not ${kernel}`);
  }
  assert.equal(off, []);
});

test("every cell of the grid has a bound, and a run of it is the same for the same seed", async () => {
  for (const loss of experiment.parameters.find((p) => p.name === "loss")!.values)
    assert.ok(bound({ loss }) > 0);
  const cell = { ...tcpCell({ rate: 2, rtt: 20, queue: 1, loss: 1 }), seconds: 3 };
  const [a, b, c] = [
    await runTcpCell(cell, 7, signal),
    await runTcpCell(cell, 7, signal),
    await runTcpCell(cell, 8, signal),
  ];
  assert.is(a, b);
  assert.is.not(a, c);
});

/** Of short transfers in real time, on a machine that may be busy: slow links with long queues. */
const SECONDS = 6;
const TRIES = 4;
const CELLS: readonly TcpCell[] = [
  { rate: 2, rtt: 100, queue: 2, loss: 0 },
  { rate: 2, rtt: 200, queue: 1, loss: 0 },
  { rate: 2, rtt: 200, queue: 2, loss: 0 },
].map((cell) => ({ ...tcpCell(cell), seconds: SECONDS }));

kernelTest("the kernel's TCP does as ours in three cells", async () => {
  const off = await Promise.all(
    CELLS.map(async (cell) => {
      const ours = await runTcpCell(cell, 1, signal);
      const ratios: number[] = [];
      while (ratios.length < TRIES) {
        const ratio = ours / (await runKernelCell(cell, signal));
        if (ratio > 0.8 && ratio < 1.25) return [];
        ratios.push(ratio);
      }
      return [
        `${JSON.stringify(cell)}: ours is ${ratios.map((r) => r.toFixed(2)).join(", ")} of the kernel's`,
      ];
    }),
  );
  assert.equal(off.flat(), []);
});

kernelTest("a run with the kernel's TCP that is stopped gives its namespaces back", async () => {
  const stop = new AbortController();
  const run = runKernelCell({ ...CELLS[0], seconds: 60 }, stop.signal);
  setTimeout(() => stop.abort(), 1000);
  try {
    await run;
    assert.unreachable();
  } catch (e) {
    assert.is((e as Error).name, "AbortError");
  }
  assert.not.match(
    execFileSync("ip", ["netns", "list"], { encoding: "utf8" }),
    new RegExp(`lab-${process.pid}`),
  );
});

test.run();
