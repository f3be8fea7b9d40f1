// PrioSched: input 0 before input 1, and so on.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Bench, hex } from "../lisp/harness.js";

test("packets of the first input go first, however many wait behind; then the others'", async () => {
  const b = await Bench.start(`
    f0 :: Feed -> first :: Queue -> [0] p :: PrioSched -> u :: Unqueue(ACTIVE false) -> s :: Sink;
    f1 :: Feed -> second :: Queue -> [1] p; f2 :: Feed -> third :: Queue -> [2] p
  `);
  b.push("third", [hex("03"), hex("03")]);
  b.push("second", [hex("02"), hex("02")]);
  b.push("first", [hex("01")]);
  await b.router.write("u.active", "true");
  b.router.runFor(0.1);
  const took = (): number[] => b.take("s").map(({ bytes }) => bytes[0]);
  assert.equal(took(), [1, 2, 2, 3, 3]);
  // After everybody slept.
  b.router.runFor(1);
  for (const [queue, byte] of [
    ["third", "03"],
    ["first", "01"],
  ]) {
    b.push(queue, [hex(byte)]);
    b.router.runFor(0.1);
    assert.equal(took(), [Number(byte)]);
  }
  b.close();
});

test.run();
