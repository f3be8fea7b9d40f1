// timeout: 300
// `sluice lab`: what it prints, how it ends, and how it goes on.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../../src/cli/command.js";
import { experimentCommands } from "../../src/cli/lab.js";
import { Output } from "../../src/cli/output.js";
import { loadExperiment } from "../../src/lab/catalogue.js";
import { LabError } from "../../src/lab/experiment.js";
import { svg } from "../../src/lab/plot.js";
import { launch, sluice } from "../cli/sluice.js";
import { skipUnless } from "../skip.js";
import { HURRY } from "./coins.js";

const COINS = fileURLToPath(new URL("coins.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "sluice-lab-"));
test.after(() => rmSync(root, { recursive: true, force: true }));

/** As people see it. */
const utf8 = (text: string): string => Buffer.from(text, "latin1").toString("utf8");
const drawingTest = skipUnless(installed("vega"), "the npm package vega is not installed");
const lab = (words: readonly string[], environment: Record<string, string> = {}) =>
  sluice(["lab", COINS, ...words], { env: environment });
const FAIR = ["--only", "coin=fair"];

function installed(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

test("the list has each experiment with its times; an unknown one is refused", async () => {
  const { code, out } = await sluice(["lab"]);
  assert.is(code, 0);
  assert.match(out, /^experiment +time +--full +--real +--real --full +what\nlinks +\d+ s /);
  const json = JSON.parse((await sluice(["lab", "--json"])).out);
  assert.ok(json[0].times.simulated.reduced <= 300);
  const wrong = await sluice(["lab", "lynx"]);
  assert.is(wrong.code, 1);
  assert.match(utf8(wrong.err), /no experiment ‘lynx’ \(there are links/);
});

test("--help of an experiment has its parameters, both grids and its measures", async () => {
  const { code, out } = await sluice(["lab", "links", "--help"]);
  assert.is(code, 0);
  assert.match(out, /^Usage: sluice lab links \[OPTION\]/);
  assert.match(out, /delay \(ms\) +one way: [\d, ]+; --full: [\d, ]+\n/);
  assert.match(out, /\n {2}lost \(%\) +pings/);
});

test("rows are the same, byte for byte, on one core and on two, and as text, JSON and CSV", async () => {
  const one = await lab([...FAIR, "--json", "--jobs", "1", "--out", join(root, "one")]);
  const two = await lab([...FAIR, "--json", "--jobs", "2", "--out", join(root, "two")]);
  assert.is(one.code, 0, one.err);
  assert.is(one.out, two.out);
  const all = JSON.parse(one.out);
  assert.equal(all.rows[0], {
    world: "simulated",
    seed: 1,
    coin: "fair",
    size: 10,
    side: "heads",
    count: all.rows[0].count,
  });
  assert.is(all.rows.length, 8);
  assert.is(all.groups.length, 4);
  assert.is(all.groups[0].measures.count.n, 2);
  assert.equal(all.inputs, ["fairness 0.5"]);
  assert.is(all.claims[0].holds, true);
  assert.is(all.reduced, "2 of 7 cells, 2 of 5 seeds");

  const text = await lab([...FAIR, "--out", join(root, "one")]);
  assert.is(text.code, 0, text.err);
  assert.match(text.err, /^4 of 4 runs are there already/);
  assert.match(text.out, /^Coins \(nowhere\)\nsimulated; reduced: 2 of 7 cells, 2 of 5 seeds/);
  assert.match(text.out, /\ninput: fairness 0\.5\n/);
  assert.match(utf8(text.out), /\n *fair +10 +heads +[\d.]+ ±[\d.]+ +2 {2}simulated\n/);
  assert.match(text.out, /\nstated: about half are heads\n {2}here: [\d.]+ \(holds\)\n/);

  const csv = await lab([...FAIR, "--csv", "--out", join(root, "one")]);
  const lines = csv.out.split("\n");
  assert.is(lines[0], "world,seed,coin,size (mm),side,count");
  assert.is(lines.length, 10);
  assert.is(lines[1], `simulated,1,fair,10,heads,${all.rows[0].count}`);
});

drawingTest("plots are drawn as SVG", async () => {
  const plot = join(root, "plot.svg");
  const { code, err } = await lab([...FAIR, "--out", join(root, "one"), "--svg", plot]);
  assert.is(code, 0, err);
  const svg = readFileSync(plot, "utf8");
  assert.match(svg, /^<svg /);
  assert.match(svg, /Coins \(simulated\)/);
  assert.match(svg, /size \(mm\)/);
  const nowhere = await lab([...FAIR, "--out", join(root, "one"), "--svg", join(root, "no", "plot.svg")]);
  assert.is(nowhere.code, 1);
  assert.match(nowhere.err, /plot\.svg: No such file or directory/);
});

test("killed, and stopped by Ctrl-C, it goes on where it was; --again does not", async () => {
  const out = join(root, "stopped");
  const words = ["lab", COINS, "--out", out, "--jobs", "2"];
  const kept = (): number =>
    readdirSync(out, { withFileTypes: true })
      .filter((f) => f.name.endsWith(".jsonl"))
      .reduce((n, f) => n + readFileSync(join(out, f.name), "utf8").split("\n").length - 1, 0);
  const done = (n: number) => () => {
    try {
      return kept() === n;
    } catch {
      return false;
    }
  };
  const first = launch(words);
  await first.until(done(4));
  first.kill("SIGKILL");
  await first.ended;
  const second = launch(words);
  await second.until(() => /2 runs, 2 at a time/.test(second.err()));
  second.kill("SIGINT");
  assert.equal(await second.ended, { code: 130, signal: null });
  assert.match(second.err(), /^4 of 6 runs are there already/);
  assert.match(second.err(), /stopped: 4 of 6 runs are done and kept in .*; the same command goes on\n$/);
  assert.is(second.out(), "");
  const third = await sluice([...words], { env: { [HURRY]: "1" } });
  assert.is(third.code, 0, third.err);
  assert.match(third.err, /^4 of 6 .*\n2 runs/);
  assert.is(kept(), 6);
  const again = await sluice([...words, "--again", ...FAIR], { env: { [HURRY]: "1" } });
  assert.match(again.err, /^4 runs/);
});

test("runs that fail are told with their cell and seed, the others are kept, and the status is 1", async () => {
  const out = join(root, "failed");
  const {
    code,
    err,
    out: text,
  } = await lab(["--only", "coin=fair,lost,deadly,odd", "--only", "size=10", "--seeds", "1", "--out", out]);
  assert.is(code, 1);
  assert.match(err, /failed: coin=lost size=10, seed 1: it rolled away\n/);
  assert.match(err, /failed: coin=deadly size=10, seed 1: its process was ended by SIGKILL\n/);
  assert.match(err, /failed: coin=odd size=10, seed 1: .*'edge'/);
  assert.match(text, /fair +10 +heads/);
});

test("after ten failures nothing more is tried", async () => {
  const { code, err } = await lab(["--only", "coin=lost", "--seeds", "30", "--out", join(root, "given-up")]);
  assert.is(code, 1);
  assert.match(err, /1\d runs failed, the rest was not tried; the last: .*it rolled away\n$/);
});

test("experiments of a group are commands of its own", async () => {
  const found = await loadExperiment(COINS);
  const table = experimentCommands(["links", "coins flip", "coins toss"], async () => found);
  assert.equal(Object.keys(table), ["links", "coins"]);
  const { command: group } = await table.coins[0]();
  assert.equal(Object.keys(group.commands!), ["flip", "toss"]);
  assert.match(group.help, /Experiments: coins flip, coins toss/);
  const { command } = await group.commands!.flip[0]();
  assert.match(command.help, /^Usage: sluice lab coins flip \[OPTION\]/);
  try {
    await group.run(["spin"], new Output(false));
    assert.unreachable();
  } catch (e) {
    assert.ok(e instanceof UsageError);
    assert.match(e.message, /lab coins: there is no experiment ‘spin’ \(there are coins flip, coins toss\)/);
  }
});

test("plots without the packages that draw them are an error that names these", async () => {
  const missing = (name: string): Promise<never> =>
    Promise.reject(new Error(`Cannot find package '${name}'`));
  try {
    await svg((await loadExperiment(COINS)).experiment, [], missing);
    assert.unreachable();
  } catch (e) {
    assert.ok(e instanceof LabError);
    assert.is(e.code, "PLOT");
    assert.match(e.message, /need the npm package 'vega'/);
  }
});

test("--real without what it needs ends with 1 and prints no rows", async () => {
  const { code, out, err } = await lab(["--real", "--out", join(root, "real")]);
  assert.is(code, 1);
  assert.is(out, "");
  assert.match(err, /'coins flip' cannot run with --real: .*the program no-such-coin is not there/);
});

test("words that make no sense are refused before anything runs", async () => {
  for (const [words, message] of [
    [["--json", "--csv"], /cannot stand together/],
    [["--only", "coin"], /not NAME=VALUE/],
    [["--seeds", "0"], /not a number from 1/],
    [["more"], /one word too many/],
  ] as const) {
    const { code, err } = await lab(words);
    assert.is(code, 1);
    assert.match(err, message);
  }
});

test("a link is what it was set to, in simulated time", async () => {
  const { code, out, err } = await sluice([
    "lab",
    "links",
    "--json",
    "--seeds",
    "1",
    "--only",
    "delay=1",
    "--out",
    join(root, "links"),
  ]);
  assert.is(code, 0, err);
  const { rows, claims } = JSON.parse(out);
  assert.is(rows.length, 4);
  for (const row of rows) assert.is(row.world, "simulated");
  assert.equal(
    claims.map((c: { holds: boolean }) => c.holds),
    [true, true, true],
  );
});

test.run();
