// An experiment for tests: coins, some of them slow, wrong or deadly.

import type { Cell, Experiment, Group, Row, RunContext } from "../../src/lab/experiment.js";
import { SeededRandom } from "../../src/router/random.js";

/** Set to anything, the slow coins are not. */
export const HURRY = "SLUICE_TEST_HURRY";
const FLIPS = 100;

async function run({ coin }: Cell, { seed, signal }: RunContext): Promise<readonly Row[]> {
  if (coin === "slow" && process.env[HURRY] === undefined)
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  if (coin === "lost") throw new Error("it rolled away");
  if (coin === "deadly") process.kill(process.pid, "SIGKILL");
  const random = new SeededRandom(seed);
  return ["heads", "tails"].map((side) => ({
    side,
    count: Array.from({ length: FLIPS }, () => random.real()).filter((r) => r < 0.5).length,
    ...(coin === "odd" ? { edge: 1 } : {}),
  }));
}

export const experiment: Experiment = {
  name: "coins flip",
  title: "Coins",
  source: "nowhere",
  doc: "Flips coins.",
  parameters: [
    {
      name: "coin",
      doc: "how it behaves",
      values: ["fair", "slow", "lost", "deadly", "odd"],
      reduced: ["fair", "slow"],
    },
    { name: "size", unit: "mm", doc: "across", values: [10, 20, 30], reduced: [10, 20] },
  ],
  keys: [{ name: "side", doc: "that was counted" }],
  measures: [{ name: "count", doc: "how often" }],
  seeds: { full: 5, reduced: 2 },
  seconds: { simulated: 0.01, real: 1 },
  needs: { programs: ["no-such-coin"], namespaces: true },
  wanted: ({ coin, size }) => coin === "fair" || size === 10,
  inputs: ["fairness 0.5"],
  run,
  claims: (groups: readonly Group[]) => [
    {
      stated: "about half are heads",
      here: `${groups[0]?.measures.count?.mean}`,
      holds: groups.length === 0 ? null : true,
    },
  ],
  plots: [{ title: "Counts", x: "size", y: "count", colour: "side", column: "coin" }],
};
