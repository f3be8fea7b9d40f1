// Statistics over runs, against known values.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { quantile, statistics, studentT } from "../../src/lab/statistics.js";

const near = (value: number, expected: number, within: number): void =>
  assert.ok(Math.abs(value - expected) <= within, `${value} is not ${expected}`);

test("quantiles of Student's t are those of the tables", () => {
  const table: readonly (readonly [number, number])[] = [
    [1, 12.7062047],
    [2, 4.3026527],
    [3, 3.1824463],
    [4, 2.7764451],
    [9, 2.2621572],
    [19, 2.0930241],
    [30, 2.0422725],
    [120, 1.9799304],
    [1000, 1.962339],
    [1e6, 1.959966],
  ];
  for (const [df, t] of table) near(studentT(0.975, df), t, 1e-6);
  near(studentT(0.95, 10), 1.8124611, 1e-6);
  near(studentT(0.995, 5), 4.032143, 1e-6);
});

test("the confidence interval of a mean is Student's", () => {
  const s = statistics([5, 1, 3, 2, 4]);
  assert.is(s.mean, 3);
  assert.is(s.median, 3);
  // 2.7764451 * sqrt(2.5 / 5)
  near(s.ci95!, 1.9632432, 1e-6);
  assert.equal([s.n, s.low, s.high], [5, 1, 5]);
  near(s.p5, 1.2, 1e-12);
  near(s.p95, 4.8, 1e-12);
});

test("one value has no confidence interval, equal ones a narrow one, and none at all are an error", () => {
  assert.is(statistics([7]).ci95, null);
  assert.is(statistics([7, 7, 7]).ci95, 0);
  assert.throws(() => statistics([]), RangeError);
});

test("a quantile lies between two values in proportion", () => {
  assert.is(quantile([10, 20], 0.25), 12.5);
  assert.is(quantile([10], 0.99), 10);
  assert.equal(
    [0, 0.5, 1].map((p) => quantile([1, 2, 3], p)),
    [1, 2, 3],
  );
});

test.run();
