// PrefixTable and Subscriptions against slow, obvious twins.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { PrefixTable } from "../../../src/lisp/map-server/prefix-table.js";
import { type Subscription, Subscriptions } from "../../../src/lisp/map-server/subscriptions.js";
import type { EidPrefix } from "../../../src/net/eid.js";
import { masked } from "../../../src/net/prefix.js";
import * as fc from "../../property.js";

/** Few bits vary, so that prefixes meet. */
const address = fc
  .tuple(fc.constantFrom(10, 11, 138), fc.nat(3), fc.constant(0), fc.nat(255))
  .map((bytes) => Uint8Array.from(bytes));
const prefix: fc.Arbitrary<EidPrefix> = fc
  .tuple(fc.nat(1), address, fc.integer({ min: 0, max: 32 }))
  .map(([iid, a, length]) => ({ iid, eid: { address: masked(a, length), length } }));

const covers = (p: EidPrefix, q: EidPrefix): boolean =>
  p.iid === q.iid &&
  p.eid.length <= q.eid.length &&
  Buffer.compare(masked(q.eid.address, p.eid.length), p.eid.address) === 0;

test("the covering prefix is the longest, and a hole the shortest prefix that meets none", () => {
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 20 }), prefix, address, (prefixes, asked, a) => {
      const table = new PrefixTable<EidPrefix>();
      for (const p of prefixes) table.add(p, p);
      const around = prefixes.filter((p) => covers(p, asked)).sort((p, q) => q.eid.length - p.eid.length);
      assert.is(table.covering(asked)?.length, around[0]?.eid.length);
      const host = { iid: asked.iid, eid: { address: a, length: 32 } };
      if (table.covering(host) !== null) return;
      const free = (length: number): boolean => {
        const hole = { iid: asked.iid, eid: { address: masked(a, length), length } };
        return !prefixes.some((p) => covers(p, hole) || covers(hole, p));
      };
      const lengths = Array.from({ length: 33 }, (_, i) => i);
      assert.is(table.holeLength(asked.iid, a), lengths.find(free));
    }),
  );
});

test("a change touches the subscriptions whose prefix overlaps with it, and no removed one", () => {
  fc.assert(
    fc.property(
      fc.array(prefix, { maxLength: 20 }),
      fc.array(fc.nat(19)),
      prefix,
      (prefixes, gone, changed) => {
        const subscriptions = new Subscriptions(100);
        const all = prefixes.map((p, i) => ({
          ids: { xtrId: new Uint8Array(16).fill(i), siteId: null },
          prefix: p,
          to: Uint8Array.of(192, 0, 2, 1),
          nonce: 1n,
        }));
        for (const s of all) assert.ok(subscriptions.add(s));
        for (const i of gone) if (i < all.length) subscriptions.remove(all[i]);
        const left = all.filter((_, i) => !gone.includes(i));
        const expected = left.filter((s) => covers(s.prefix, changed) || covers(changed, s.prefix));
        subscriptions.publish(changed);
        // Two at a time, while others come and go that do not concern it.
        const found: Subscription[] = [];
        for (let [publication] = subscriptions.publications; publication !== undefined; ) {
          const [some, after] = subscriptions.touched(publication, 2);
          found.push(...some);
          publication = { ...publication, after };
          const late = {
            ...all[0],
            ids: { xtrId: new Uint8Array(16).fill(99), siteId: null },
            prefix: changed,
          };
          if (found.length % 4 < 2) subscriptions.add(late);
          else subscriptions.remove(late);
          if (after === null) break;
        }
        assert.equal(found.length, expected.length);
        assert.equal(new Set(found), new Set(expected));
      },
    ),
  );
});

test.run();
