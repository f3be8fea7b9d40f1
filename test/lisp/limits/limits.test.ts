// How often something may happen for each of many keys, in tables that are bounded.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { IntervalLimit } from "../../../src/lisp/limits/interval-limit.js";
import { KeyedBuckets } from "../../../src/lisp/limits/keyed-buckets.js";
import { SimulatedClock } from "../../../src/router/clock.js";

const SECOND = 1e9;

test("buckets by key forget the key that was asked for the longest ago", () => {
  const buckets = new KeyedBuckets(new SimulatedClock(), 1, 1, 2);
  assert.equal(
    ["a", "b", "a", "c", "a", "b"].map((key) => buckets.take(key)),
    [true, true, false, true, false, true],
  );
  assert.is(buckets.size, 2);
});

test("a key may happen once in an interval, and what was refused does not begin another", () => {
  const clock = new SimulatedClock();
  const limit = new IntervalLimit({ clock, interval: 3 * SECOND, rate: 100, capacity: 10 });
  const at = (seconds: number, key: string, interval?: number): boolean => {
    clock.advance(seconds * SECOND);
    return limit.allow(key, interval);
  };
  assert.equal(
    [at(0, "a"), at(2, "a"), at(2, "b"), at(3, "a"), at(5, "a")],
    [true, false, true, true, false],
  );
  assert.equal([at(5, "b", SECOND), at(7, "b", 5 * SECOND)], [true, false]);
});

test("all keys together have a rate, and a key that it refused may happen as soon as that allows", () => {
  const clock = new SimulatedClock();
  const limit = new IntervalLimit({ clock, interval: 60 * SECOND, rate: 1, burst: 2, capacity: 10 });
  assert.equal(
    ["a", "b", "c"].map((key) => limit.allow(key)),
    [true, true, false],
  );
  clock.advance(SECOND);
  assert.ok(limit.allow("c"));
});

test("more keys than the capacity: the one allowed the longest ago is forgotten", () => {
  const limit = new IntervalLimit({ clock: new SimulatedClock(), interval: SECOND, rate: 100, capacity: 2 });
  assert.equal(
    ["a", "b", "c", "b", "a"].map((key) => limit.allow(key)),
    [true, true, true, false, true],
  );
});

test.run();
