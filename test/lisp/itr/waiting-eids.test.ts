// WaitingEids against a plain list.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type WaitingEid, WaitingEids } from "../../../src/lisp/itr/waiting-eids.js";
import { covers } from "../../../src/net/prefix.js";
import * as fc from "../../property.js";

// Few different bytes, so that prefixes hold some and not others.
const address = fc
  .constantFrom(4, 16)
  .chain((n) =>
    fc.array(fc.constantFrom(0, 1, 128, 255), { minLength: n, maxLength: n }).map((a) => Uint8Array.from(a)),
  );
const iid = fc.constantFrom(0, 7);

test("what lies within a prefix is found, in its instance and family, whatever came and went", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(iid, address, fc.boolean()), { maxLength: 30 }),
      iid,
      address,
      fc.nat(128),
      (eids, of, around, bits) => {
        const prefix = { address: around, length: Math.min(bits, around.length * 8) };
        const index = new WaitingEids<WaitingEid>();
        const kept: WaitingEid[] = [];
        const made = eids.map(([iid, address, stays]) => {
          const value = { iid, eid: { address, length: address.length * 8 } };
          index.add(value);
          if (stays) kept.push(value);
          return { value, stays };
        });
        for (const { value, stays } of made) if (!stays) index.remove(value);
        assert.equal(
          [...index.within(of, prefix)],
          kept.filter((v) => v.iid === of && covers(prefix, v.eid.address)),
        );
      },
    ),
  );
});

test.run();
