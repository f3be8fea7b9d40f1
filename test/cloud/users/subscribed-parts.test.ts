// Which EID-prefixes are subscribed to, where answers tell of no more than some hosts each.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SubscribedParts } from "../../../src/cloud/users/subscribed-parts.js";
import { coversEid, type EidPrefix, eidText } from "../../../src/net/eid.js";
import { hostPrefix } from "../../../src/net/prefix.js";
import * as fc from "../../property.js";

/** Hosts that an answer tells of. */
const MOST = 3;

const host = (n: number): EidPrefix => ({ iid: 0, eid: hostPrefix(Uint8Array.of(10, 0, n >> 8, n & 255)) });
const range = (n: number, length: number): EidPrefix => {
  const [address] = [Uint8Array.of(10, 0, n >> 8, n & 255)];
  return { iid: 0, eid: { address, length } };
};

/** A Map-Server that answers whom it is told to. */
class Model {
  readonly open = new Map<string, EidPrefix>();
  readonly parts = new SubscribedParts({
    begin: (prefix) => void this.open.set(eidText(prefix), prefix),
    end: (prefix) => void this.open.delete(eidText(prefix)),
  });
  hosts = new Set<number>();

  count(prefix: EidPrefix): number {
    return [...this.hosts].filter((n) => coversEid(prefix, host(n))).length;
  }

  answer(prefix: EidPrefix): readonly EidPrefix[] {
    return this.parts.answered(prefix, this.count(prefix) <= MOST);
  }

  /** Answers all, round after round, until nothing new is subscribed to. */
  settle(): void {
    for (let round = 0; round < 60; round++) {
      const before = [...this.open.keys()].join();
      for (const prefix of [...this.open.values()]) if (this.open.has(eidText(prefix))) this.answer(prefix);
      if ([...this.open.keys()].join() === before) return;
    }
    assert.unreachable("it never ends");
  }
}

test("whatever is registered, and whoever is answered first, in the end all of each prefix is told, and no more asked", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(1023), { maxLength: 60 }),
      fc.uniqueArray(fc.nat(1023), { maxLength: 60 }),
      fc.array(fc.nat(1000), { maxLength: 60 }),
      (first, second, order) => {
        const model = new Model();
        const roots = [range(0, 24), range(512, 23), host(300), host(7)];
        for (const root of roots) model.parts.want(root);
        model.hosts = new Set(first);
        for (const n of order) {
          const all = [...model.open.values()];
          if (all.length > 0) model.answer(all[n % all.length]);
        }
        for (const hosts of [first, second, []]) {
          model.hosts = new Set(hosts);
          model.settle();
          for (const prefix of model.open.values()) assert.ok(model.count(prefix) <= MOST, eidText(prefix));
          for (const n of hosts)
            if (roots.some((root) => coversEid(root, host(n))))
              assert.ok([...model.open.values()].some((prefix) => coversEid(prefix, host(n))));
        }
        for (const root of roots) model.parts.drop(root);
        assert.equal([model.open.size, model.parts.size], [0, 0]);
      },
    ),
    { numRuns: 150 },
  );
});

test("what a prefix said for itself counts until all of its halves is known", () => {
  const model = new Model();
  model.parts.want(range(0, 24));
  model.hosts = new Set([0, 1, 128, 129]);
  assert.equal(model.answer(range(0, 24)), []);
  assert.equal([...model.open.keys()].sort(), ["10.0.0.0/24", "10.0.0.0/25", "10.0.0.128/25"]);
  assert.equal(model.answer(range(0, 25)), []);
  assert.equal(model.answer(range(128, 25)).map(eidText), ["10.0.0.0/24"]);
  assert.equal([...model.open.keys()].sort(), ["10.0.0.0/25", "10.0.0.128/25"]);
  assert.equal(model.answer(range(0, 25)), []);
  assert.equal(model.answer(range(0, 8)), []);
});

test("a half that could not be subscribed to is tried again with each answer", () => {
  const begun: string[] = [];
  const parts = new SubscribedParts({ begin: (prefix) => void begun.push(eidText(prefix)), end: () => {} });
  parts.want(range(0, 24));
  for (let i = 0; i < 2; i++) parts.answered(range(0, 24), false);
  assert.equal(begun, ["10.0.0.0/24", "10.0.0.0/25", "10.0.0.128/25", "10.0.0.0/25", "10.0.0.128/25"]);
});

test.run();
