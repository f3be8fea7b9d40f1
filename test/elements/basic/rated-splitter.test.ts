// RatedSplitter: how many packets pass, and where the others go.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Bench } from "../lisp/harness.js";

const packets = (n: number): Uint8Array[] => Array.from({ length: n }, (_, i) => Uint8Array.of(i));

test("up to RATE a second pass in their order, the others leave on output 1 or are dropped", async () => {
  for (const second of [true, false]) {
    const b = await Bench.start(
      `feed :: Feed -> e :: RatedSplitter(3) -> s0 :: Sink;${second ? " e[1] -> s1 :: Sink;" : ""}`,
    );
    b.push("e", packets(5));
    assert.equal(
      b.take("s0").map((s) => s.bytes[0]),
      [0, 1, 2],
    );
    if (second)
      assert.equal(
        b.take("s1").map((s) => s.bytes[0]),
        [3, 4],
      );
    assert.is(b.read("e.over"), second ? "0" : "2");
    b.router.runFor(0.4);
    b.push("e", packets(2));
    assert.is(b.take("s0").length, 1);
    await b.router.write("e.rate", "10");
    b.router.runFor(5);
    b.push("e", packets(12));
    assert.equal([b.take("s0").length, b.read("e.rate")], [10, "10"]);
    b.close();
  }
});

test.run();
