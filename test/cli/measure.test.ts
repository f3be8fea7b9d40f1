import { test } from "uvu";
import * as assert from "uvu/assert";
import { commitOf, machine, quantile, spreadText, statistics, table } from "../../src/cli/measure.js";

test("the median of runs is the middle one, or between the two middle ones", () => {
  assert.is(statistics([5]).median, 5);
  assert.is(statistics([9, 1, 5]).median, 5);
  assert.is(statistics([4, 1, 3, 2]).median, 2.5);
});

test("the spread is half the distance between the quartiles, in parts of the median", () => {
  const s = statistics([50, 10, 30, 20, 40]);
  assert.equal(s, { runs: 5, median: 30, low: 10, high: 50, spread: (40 - 20) / 2 / 30 });
  assert.is(statistics([7, 7, 7]).spread, 0);
  assert.is(statistics([0, 0]).spread, 0);
});

test("one slow run among many moves neither median nor spread much", () => {
  const quiet = statistics([10, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6]);
  const busy = statistics([10, 10.1, 10.2, 10.3, 10.4, 10.5, 900]);
  assert.is(quiet.median, busy.median);
  assert.is(quiet.spread, busy.spread);
  assert.is(busy.high, 900);
});

test("statistics leave the runs as they were, and refuse none", () => {
  const runs = Object.freeze([3, 1, 2]);
  statistics(runs);
  assert.equal(runs, [3, 1, 2]);
  assert.throws(() => statistics([]), RangeError);
});

test("a quantile lies between its neighbours in proportion", () => {
  assert.is(quantile([0, 10], 0.25), 2.5);
  assert.is(quantile([1, 2, 3], 0), 1);
  assert.is(quantile([1, 2, 3], 1), 3);
});

test("a table lines its columns up, the first to the left", () => {
  assert.is(
    table([
      ["a", "bb"],
      ["ccc", "d"],
    ]),
    "a    bb\nccc   d\n",
  );
  assert.is(spreadText(statistics([10, 10])), "10.0 ±0%");
});

test("the machine is told with its processor and load; a folder without git has no commit", () => {
  const m = machine();
  assert.ok(m.cpu.length > 0 && m.cores > 0 && m.load.length === 3);
  assert.is(commitOf("/"), null);
});

test.run();
