// Listeners of others: what one throws is logged once, with its name, and the others hear all.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MemoryError } from "../../src/index.js";
import { Listeners } from "../../src/router/listeners.js";

function bench(): { listeners: Listeners<[n: number]>; log: string[] } {
  const log: string[] = [];
  return { listeners: new Listeners("numbers", (line) => log.push(line)), log };
}

test("a listener that throws is logged with its name, once, and the rest go on", () => {
  const { listeners, log } = bench();
  const heard: string[] = [];
  listeners.add((n) => heard.push(`a${n}`));
  listeners.add(function careless(n) {
    heard.push(`b${n}`);
    throw new Error("a bug");
  });
  listeners.add((n) => heard.push(`c${n}`));
  listeners.tell(1);
  listeners.tell(2);
  assert.equal(heard, ["a1", "b1", "c1", "a2", "b2", "c2"]);
  assert.is(log.length, 1);
  assert.match(
    log[0],
    /^careless, which listens to numbers, failed: Error: a bug \(at .*careless .*listeners\.test\.\w+:\d+:\d+\)\)$/,
  );
});

test("a listener without a name is found by the place of its error", () => {
  const { listeners, log } = bench();
  listeners.add(() => {
    throw new Error("a bug");
  });
  listeners.add(() => {
    throw "no error at all";
  });
  listeners.tell(1);
  assert.match(log[0], /^a listener to numbers failed: Error: a bug \(at .*listeners\.test\.\w+:\d+:\d+\)*$/);
  assert.is(log[1], "a listener to numbers failed: no error at all");
});

test("whoever has the news hears that the memory is exhausted, once all have heard", () => {
  const { listeners, log } = bench();
  const heard: number[] = [];
  listeners.add(() => {
    throw new MemoryError("exhausted");
  });
  listeners.add((n) => heard.push(n));
  assert.throws(() => listeners.tell(1), "exhausted");
  assert.equal([heard, log], [[1], []]);
});

test("a listener that ends another, or itself, is told no more", () => {
  const { listeners } = bench();
  const heard: string[] = [];
  const ends: (() => void)[] = [];
  ends.push(
    listeners.add(() => {
      heard.push("first");
      for (const end of ends) end();
    }),
  );
  ends.push(listeners.add(() => heard.push("second")));
  listeners.tell(1);
  listeners.tell(2);
  assert.equal(heard, ["first"]);
});

test.run();
