// Which runs an experiment has, and what the catalogue promises of them.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { experimentNames, findExperiment, loadExperiment } from "../../src/lab/catalogue.js";
import { checkRow, LabError } from "../../src/lab/experiment.js";
import { checkNeeds } from "../../src/lab/needs.js";
import { atATime, estimate, type PlanOptions, plan } from "../../src/lab/plan.js";
import { experiment as coins } from "./coins.js";

const DEFAULT: PlanOptions = { world: "simulated", full: false, seeds: null, only: new Map() };

const refused = (work: () => void, code: string, message: RegExp): void =>
  assert.throws(work, (e: LabError) => e instanceof LabError && e.code === code && message.test(e.message));

test("the reduced grid says what it leaves out, the whole one leaves out nothing", () => {
  const reduced = plan(coins, DEFAULT);
  assert.equal(
    reduced.cells.map((c) => `${c.coin} ${c.size}`),
    ["fair 10", "fair 20", "slow 10"],
  );
  assert.is(reduced.jobs.length, 6);
  assert.is(reduced.reduced, "3 of 7 cells, 2 of 5 seeds");
  const full = plan(coins, { ...DEFAULT, full: true });
  assert.is(full.jobs.length, 35);
  assert.is(full.reduced, null);
  assert.is(new Set(full.jobs.map((j) => j.id)).size, 35);
});

test("a run has the same name in every grid that has it", () => {
  const ids = (options: Partial<PlanOptions>): string[] =>
    plan(coins, { ...DEFAULT, ...options }).jobs.map((j) => j.id);
  const full = ids({ full: true, seeds: 9 });
  for (const id of [...ids({}), ...ids({ only: new Map([["size", ["10"]]]) })]) assert.ok(full.includes(id));
});

test("--only takes values of the whole grid, once each", () => {
  const only = new Map([
    ["size", ["30", "30.0"]],
    ["coin", ["fair"]],
  ]);
  assert.equal(plan(coins, { ...DEFAULT, only }).cells, [{ coin: "fair", size: 30 }]);
});

test("--only refuses parameters and values that there are not, and grids of nothing", () => {
  const only = (name: string, ...values: string[]) => ({ ...DEFAULT, only: new Map([[name, values]]) });
  refused(() => plan(coins, only("colour", "red")), "GRID", /no parameter 'colour' \(it has coin, size\)/);
  refused(() => plan(coins, only("size", "11")), "GRID", /'size' is never ‘11’: it is one of 10, 20, 30/);
  refused(() => plan(coins, only("size", "")), "GRID", /never ‘’/);
  const none = new Map([
    ["coin", ["slow"]],
    ["size", ["20"]],
  ]);
  refused(() => plan(coins, { ...DEFAULT, only: none }), "GRID", /no cell/);
});

test("a row has the experiment's columns, and values that JSON keeps", () => {
  checkRow(coins, { side: "heads", count: 3 });
  checkRow(coins, { side: "heads", count: null });
  refused(() => checkRow(coins, { side: "heads" }), "ROWS", /no value for 'count'/);
  refused(() => checkRow(coins, { side: "heads", count: Number.NaN }), "ROWS", /'count'/);
  refused(() => checkRow(coins, { side: "heads", count: 1, edge: 2 }), "ROWS", /'edge', which is no column/);
});

test("every experiment bears its name in the catalogue and ends within five minutes on two cores", async () => {
  for (const name of experimentNames()) {
    const { experiment } = await findExperiment(name);
    assert.is(experiment.name, name);
    assert.ok(experiment.plots.length > 0);
    for (const world of ["simulated", "real"] as const) {
      const { jobs } = plan(experiment, { ...DEFAULT, world });
      const seconds = estimate(experiment, world, jobs.length, atATime(experiment, world, 2));
      if (seconds !== null) assert.ok(seconds <= 300, `${name}, ${world}: ${seconds} s`);
    }
    const columns = [...experiment.parameters, ...(experiment.keys ?? []), ...experiment.measures];
    const known = new Set(columns.map((c) => c.name));
    assert.is(known.size, columns.length);
    for (const n of known) assert.match(n, /^[a-z][a-z0-9_]*$/);
    for (const { x, y, colour, column, row } of experiment.plots)
      for (const used of [x, y, colour, column, row]) assert.ok(used === undefined || known.has(used), used);
  }
});

test("a real run needs its programs and rights, all of which are named", () => {
  const { getuid } = process;
  process.getuid = () => 1000;
  try {
    refused(
      () => checkNeeds(coins, "real"),
      "NEEDS",
      /'coins flip' cannot run with --real: .*need root.*; the program no-such-coin is not there/,
    );
    checkNeeds(coins, "simulated");
  } finally {
    process.getuid = getuid;
  }
  const simulated = { ...coins, seconds: { simulated: 1, real: null } };
  refused(() => checkNeeds(simulated, "real"), "NEEDS", /no real-time form/);
  const real = { ...coins, seconds: { simulated: null, real: 1 } };
  refused(() => checkNeeds(real, "simulated"), "NEEDS", /--real/);
});

test("a file that is no experiment is refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-lab-"));
  const nameless = join(folder, "nameless.mjs");
  writeFileSync(nameless, 'export const experiment = { name: "../Up And Away", run() {} };');
  for (const [file, message] of [
    ["/no/such/file.js", /no file/],
    [fileURLToPath(new URL("../until.js", import.meta.url)), /exports no/],
    [nameless, /no name for an experiment/],
  ] as const) {
    try {
      await loadExperiment(file);
    } catch (e) {
      assert.ok(e instanceof LabError);
      assert.match(e.message, message);
      continue;
    }
    assert.unreachable(file);
  }
  rmSync(folder, { recursive: true });
});

test.run();
