// Bytes of a stream by their position, against a plain array of all of them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ByteRing } from "../../src/transport/byte-ring.js";
import * as fc from "../property.js";

const MOST = 200_000;

test("what was put is got until it is dropped, in whatever order it came", () => {
  const step = fc.record({ ahead: fc.nat(150_000), length: fc.nat(70_000), drop: fc.nat(90_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const ring = new ByteRing(MOST);
      const all = new Map<number, Uint8Array>();
      let n = 0;
      for (const { ahead, length, drop } of steps) {
        const position = ring.begin + ahead;
        const bytes = Uint8Array.from({ length: length + 5 }, () => (n = (n * 31 + 7) & 255));
        const fits = position + length - ring.begin <= MOST;
        assert.is(ring.put(position, bytes, 5, length), fits);
        if (!fits) continue;
        // What lies over it is another by now.
        for (const [p, b] of all) if (p < position + length && position < p + b.length) all.delete(p);
        all.set(position, bytes.subarray(5));
        for (const [p, b] of all) {
          const to = new Uint8Array(b.length + 3);
          ring.get(p, b.length, to, 3);
          assert.is(Buffer.compare(to.subarray(3), b), 0);
        }
        ring.drop(Math.min(ring.end, ring.begin + drop));
        for (const p of all.keys()) if (p < ring.begin) all.delete(p);
      }
    }),
    { numRuns: 60 },
  );
});

test("what lies before its begin, and what it has no room for, is not taken", () => {
  const ring = new ByteRing(100);
  assert.ok(ring.put(0, new Uint8Array(100), 0, 100));
  assert.not.ok(ring.put(100, new Uint8Array(1), 0, 1));
  ring.drop(10);
  assert.not.ok(ring.put(9, new Uint8Array(1), 0, 1));
  assert.ok(ring.put(100, new Uint8Array(10), 0, 10));
  assert.equal([ring.begin, ring.end], [10, 110]);
  ring.drop(200);
  assert.equal([ring.begin, ring.end], [200, 200]);
});

test.run();
