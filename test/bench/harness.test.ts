import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Contestant, measure, ratio } from "../../bench/harness.js";
import { BenchUsageError, readOptions } from "../../bench/options.js";

/** A contestant that claims to take `ns` a packet (by the number of the run), and notes its runs in `log`. */
function fake(name: string, ns: (run: number) => number, log: string[] = []): Contestant {
  let n = 0;
  return {
    name,
    run: (packets) => {
      log.push(name);
      return packets * ns(n++);
    },
  };
}

test("ns a packet and Mpps are those that the contestant takes", async () => {
  const [m] = await measure([fake("a", () => 50)], { runs: 5, runMs: 1 });
  assert.is(m.nsPerPacket.median, 50);
  assert.is(m.mpps.median, 20);
  assert.is(m.samples.length, 5);
  assert.is(m.nsPerPacket.spread, 0);
});

test("a run has about the packets for its time, in whole batches of every size", async () => {
  const [slow, fast] = await measure([fake("slow", () => 500), fake("fast", () => 5)], {
    runs: 1,
    runMs: 20,
  });
  assert.ok(Math.abs(slow.packets * 500 - 20e6) <= 4096 * 500, `${slow.packets}`);
  assert.ok(Math.abs(fast.packets * 5 - 20e6) <= 4096 * 5, `${fast.packets}`);
  assert.is(slow.packets % 256, 0);
});

test("after the warm-up the contestants take turns, every other round in reverse", async () => {
  const log: string[] = [];
  const runs = 4;
  await measure([fake("a", () => 1e4, log), fake("b", () => 1e4, log)], { runs, runMs: 1 });
  assert.equal(log.slice(-2 * runs), ["a", "b", "b", "a", "a", "b", "b", "a"]);
});

test("what disturbs a round disturbs the ratio little", async () => {
  // Both are ten times slower in one round of five; the warm-ups' runs are as many for both.
  const slower = (ns: number) => (run: number) => (run % 5 === 3 ? ns * 10 : ns);
  const [a, b] = await measure([fake("a", slower(30)), fake("b", slower(20))], { runs: 5, runMs: 1 });
  assert.is(ratio(a, b).median, 1.5);
});

test("options: defaults, quick ones, and words that are none", () => {
  assert.equal(readOptions([]), {
    quick: false,
    filter: "",
    runs: 15,
    mappings: null,
    json: null,
    help: false,
  });
  assert.is(readOptions(["--quick"]).runs, 3);
  assert.is(readOptions(["--quick", "--runs", "7"]).runs, 7);
  assert.is(readOptions(["--json", "out.json"]).json, "out.json");
  for (const words of [["--runs", "0"], ["--runs", "x"], ["--nonsense"], ["word"], ["--json"]])
    assert.throws(
      () => readOptions(words),
      (e: unknown) => e instanceof BenchUsageError,
    );
});

test("the program refuses a filter that leaves nothing, and names its options", () => {
  const main = fileURLToPath(new URL("../../bench/main.js", import.meta.url));
  const run = (...words: string[]) => spawnSync(process.execPath, [main, ...words], { encoding: "utf8" });
  const nothing = run("--filter", "nonsense");
  assert.is(nothing.status, 1);
  assert.match(nothing.stderr, /nothing is called 'nonsense'/);
  const help = run("--help");
  assert.is(help.status, 0);
  assert.match(help.stdout, /--json FILE/);
});

test.run();
