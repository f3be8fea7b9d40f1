// SortedList has what an array that is sorted after every change has.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SortedList } from "../../src/collections/sorted-list.js";
import * as fc from "../property.js";

interface Value {
  readonly at: number;
  readonly round: number;
}

test("it holds the same as an array that is sorted after every change, in small and in many pieces", () => {
  const step = fc.tuple(fc.boolean(), fc.nat(2000));
  const steps = fc.oneof(
    fc.array(step, { maxLength: 60 }),
    fc.array(step, { minLength: 1000, maxLength: 2000, size: "max" }),
  );
  fc.assert(
    fc.property(steps, fc.nat(2000), (all, ask) => {
      const list = new SortedList<Value>((a, b) => a.at - b.at);
      const model = new Map<number, Value>();
      for (const [round, [adds, at]] of all.entries()) {
        const value = { at, round };
        if (adds) list.add(value);
        else assert.is(list.remove(value), model.has(at));
        if (adds) model.set(at, value);
        else model.delete(at);
      }
      // What has grown shrinks again, piece by piece.
      for (const [, at] of all.slice(0, all.length >> 1)) {
        list.remove({ at, round: 0 });
        model.delete(at);
      }
      const sorted = [...model.values()].sort((a, b) => a.at - b.at);
      const value = { at: ask, round: -1 };
      assert.is(list.size, sorted.length);
      assert.equal([...list.from()], sorted);
      assert.equal(
        [...list.from(value)],
        sorted.filter((v) => v.at >= ask),
      );
      assert.equal(list.get(value), model.get(ask));
      assert.equal(list.before(value), sorted.filter((v) => v.at < ask).at(-1));
    }),
    { numRuns: 40 },
  );
});

test("pieces that become empty while those beside them are full leave nothing behind", () => {
  for (const [from, to] of [
    [0, 700],
    [300, 900],
    [1300, 2000],
  ]) {
    const list = new SortedList<number>((a, b) => a - b);
    for (let i = 0; i < 2000; i++) list.add(i);
    for (let i = from; i < to; i++) assert.ok(list.remove(i));
    for (let i = from; i < to; i += 3) list.add(i);
    const left = Array.from({ length: 2000 }, (_, i) => i).filter(
      (i) => i < from || i >= to || (i - from) % 3 === 0,
    );
    assert.equal([...list.from()], left);
  }
});

test.run();
