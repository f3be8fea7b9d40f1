// LargeMap is a Map to whoever uses it: the same operations on both give the same.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { LargeMap } from "../../src/collections/large-map.js";
import * as fc from "../property.js";

type Step = readonly ["set" | "delete" | "clear" | "next", number];

/** What an iterator of each says in the course of `steps`, and what is left. */
function run(map: Map<string, number> | LargeMap<string, number>, steps: readonly Step[]): unknown[] {
  const said: unknown[] = [];
  let iterator = map.entries();
  for (const [what, n] of steps) {
    const key = `key ${n}`;
    if (what === "set") map.set(key, n);
    else if (what === "delete") said.push(map.delete(key));
    else if (what === "next") said.push(iterator.next().value ?? null);
    else {
      map.clear();
      iterator = map.entries();
    }
    said.push(map.size, map.has(key), map.get(key) ?? null);
  }
  return [said, [...map], [...map.keys()], [...map.values()]];
}

test("it does what a Map does, also to one who iterates while entries come and go", () => {
  const step = fc.tuple(
    fc.oneof(
      { weight: 8, arbitrary: fc.constant("set" as const) },
      { weight: 6, arbitrary: fc.constant("delete" as const) },
      { weight: 4, arbitrary: fc.constant("next" as const) },
      { weight: 1, arbitrary: fc.constant("clear" as const) },
    ),
    fc.nat(15),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) =>
      assert.equal(run(new LargeMap(), steps), run(new Map(), steps)),
    ),
  );
});

test("strings, numbers and bigints are keys, thousands of each, and come back in their order", () => {
  const keys = Array.from({ length: 5000 }, (_, i) => [`${i}`, i * 0x10000, BigInt(i) << 40n]).flat();
  const map = new LargeMap<string | number | bigint, number>();
  for (const [i, key] of keys.entries()) map.set(key, i);
  assert.is(map.size, keys.length);
  assert.ok(keys.every((key, i) => map.get(key) === i));
  // Every other one goes, and those that are left can be found.
  for (let i = 0; i < keys.length; i += 2) assert.ok(map.delete(keys[i]));
  assert.ok(keys.every((key, i) => map.has(key) === (i % 2 === 1)));
  assert.equal(
    [...map.keys()],
    keys.filter((_, i) => i % 2 === 1),
  );
});

test("an iterator that is kept goes on when all around it has gone", () => {
  const map = new LargeMap<number, string>();
  for (let i = 0; i < 4000; i++) map.set(i, "");
  const iterator = map.keys();
  for (let i = 0; i <= 1000; i++) assert.is(iterator.next().value, i);
  for (let i = 500; i < 3000; i++) map.delete(i);
  map.set(9999, "");
  assert.is(iterator.next().value, 3000);
  assert.is([...iterator].at(-1), 9999);
  assert.equal(map.first, [0, ""]);
});

test("keys that were all made to have the same hash cost time, and nothing else", () => {
  // The seed is another each time; equal last characters keep the hashes of FNV closest together.
  const map = new LargeMap<string, number>();
  const keys = Array.from({ length: 3000 }, (_, i) => `${"\u0000".repeat(i)}`);
  for (const [i, key] of keys.entries()) map.set(key, i);
  assert.ok(keys.every((key, i) => map.get(key) === i));
});

test.run();
