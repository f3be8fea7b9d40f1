// PrefixSet against a plain list.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { PrefixSet } from "../../src/lisp/prefix-set.js";
import { canonical, covers, type Prefix, samePrefix } from "../../src/net/prefix.js";
import * as fc from "../property.js";

interface Value {
  readonly iid: number;
  readonly eid: Prefix;
  readonly number: number;
}

// Few different bytes, so that prefixes hold some and not others.
const eid = fc.constantFrom(4, 16).chain((n) =>
  fc.record({
    address: fc
      .array(fc.constantFrom(0, 1, 128, 255), { minLength: n, maxLength: n })
      .map((a) => Uint8Array.from(a)),
    length: fc.nat(n * 8),
  }),
);
const iid = fc.constantFrom(0, 7);

test("what lies within a prefix is found in its order, in its instance and family, whatever came and went", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(iid, eid, fc.boolean()), { maxLength: 40 }),
      iid,
      eid,
      (steps, of, around) => {
        const set = new PrefixSet<Value>();
        let kept: Value[] = [];
        for (const [number, [iid, eid, add]] of steps.entries()) {
          kept = kept.filter((v) => v.iid !== iid || !samePrefix(v.eid, eid));
          if (add) {
            set.add({ iid, eid, number });
            kept.push({ iid, eid, number });
          } else set.remove({ iid, eid });
        }
        const order = (a: Value, b: Value): number =>
          Buffer.compare(canonical(a.eid).address, canonical(b.eid).address) || a.eid.length - b.eid.length;
        assert.equal(
          [...set.within(of, around)],
          kept
            .filter((v) => v.iid === of && v.eid.length >= around.length && covers(around, v.eid.address))
            .sort(order),
        );
      },
    ),
  );
});

test.run();
