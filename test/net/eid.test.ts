// EID-prefixes: names, equality, text.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseEidAndInstance } from "../../src/lisp/mapping.js";
import {
  canonicalEid,
  coversEid,
  type EidPrefix,
  eidName,
  eidText,
  IID_MAX,
  prefixName,
  sameEid,
} from "../../src/net/eid.js";
import { canonical, coversPrefix } from "../../src/net/prefix.js";
import * as fc from "../property.js";
import { anyPrefix, sparse } from "./arbitrary.js";

const iid = fc.oneof(fc.constantFrom(0, 1, 0x100, 0x10000, IID_MAX, 0xffffffff), fc.nat(0xffffffff));
const anyEid: fc.Arbitrary<EidPrefix> = fc.tuple(iid, anyPrefix).map(([iid, eid]) => ({ iid, eid }));
/** Few addresses and lengths, so that two are often the same. */
const crowded: fc.Arbitrary<EidPrefix> = fc
  .tuple(fc.constantFrom(0, 1, 0x10000), fc.oneof(sparse(4), fc.constant(new Uint8Array(16))), fc.nat(2))
  .map(([iid, address, length]) => ({ iid, eid: { address, length } }));

test("two EID-prefixes have one name where they are the same, and else two", () => {
  for (const arbitrary of [anyEid, crowded]) {
    fc.assert(
      fc.property(arbitrary, arbitrary, (a, b) => {
        const [x, y] = [canonicalEid(a), canonicalEid(b)];
        const same =
          x.iid === y.iid &&
          x.eid.length === y.eid.length &&
          Buffer.compare(x.eid.address, y.eid.address) === 0;
        assert.is(sameEid(a, b), same);
        assert.is(eidName(a) === eidName(b), same);
        assert.is(coversEid(a, b), a.iid === b.iid && coversPrefix(a.eid, b.eid));
      }),
    );
  }
  fc.assert(
    fc.property(anyEid, (e) => {
      assert.ok(sameEid(e, canonicalEid(e)));
      assert.is(eidName(e), eidName(canonicalEid(e)));
      assert.is(prefixName(e.iid, e.eid.address, e.eid.length), eidName(e));
    }),
  );
});

test("an EID-prefix read from its text is itself", () => {
  fc.assert(
    fc.property(fc.nat(IID_MAX), anyPrefix, (iid, eid) => {
      const written = eidText({ iid, eid: canonical(eid) });
      assert.equal(parseEidAndInstance(written), { iid, eid: canonical(eid) });
    }),
  );
  assert.is(eidText(parseEidAndInstance("10.1.2.3/16")), "10.1.0.0/16");
  assert.is(eidText(parseEidAndInstance("2001:db8::/32 iid 7")), "2001:db8::/32 iid 7");
});

test.run();
