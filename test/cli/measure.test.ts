import { test } from "uvu";
import * as assert from "uvu/assert";
import { commitOf, machine, spreadOf, spreadText, table } from "../../src/cli/measure.js";

test("the median of runs is the middle one, or between the two middle ones", () => {
  assert.is(spreadOf([5]).median, 5);
  assert.is(spreadOf([9, 1, 5]).median, 5);
  assert.is(spreadOf([4, 1, 3, 2]).median, 2.5);
});

test("the spread is half the distance between the quartiles, in parts of the median", () => {
  const s = spreadOf([50, 10, 30, 20, 40]);
  assert.equal(s, { runs: 5, median: 30, low: 10, high: 50, spread: (40 - 20) / 2 / 30 });
  assert.is(spreadOf([7, 7, 7]).spread, 0);
  assert.is(spreadOf([0, 0]).spread, 0);
});

test("one slow run among many moves neither median nor spread much", () => {
  const quiet = spreadOf([10, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6]);
  const busy = spreadOf([10, 10.1, 10.2, 10.3, 10.4, 10.5, 900]);
  assert.is(quiet.median, busy.median);
  assert.is(quiet.spread, busy.spread);
  assert.is(busy.high, 900);
});

test("statistics leave the runs as they were, and refuse none", () => {
  const runs = Object.freeze([3, 1, 2]);
  spreadOf(runs);
  assert.equal(runs, [3, 1, 2]);
  assert.throws(() => spreadOf([]), RangeError);
});

test("a table lines its columns up, the first to the left", () => {
  assert.is(
    table([
      ["a", "bb"],
      ["ccc", "d"],
    ]),
    "a    bb\nccc   d\n",
  );
  assert.is(spreadText(spreadOf([10, 10])), "10.0 ±0%");
});

test("the machine is told with its processor and load; a folder without git has no commit", () => {
  const m = machine();
  assert.ok(m.cpu.length > 0 && m.cores > 0 && m.load.length === 3);
  assert.is(commitOf("/"), null);
});

test.run();
