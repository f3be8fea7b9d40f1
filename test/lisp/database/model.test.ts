// The mapping database against a plain list, on random sequences of what can be done to it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MappingDatabase, type Operation } from "../../../src/lisp/database/mapping-database.js";
import type { Entry } from "../../../src/lisp/database/registration.js";
import { type EidPrefix, sameEid } from "../../../src/net/eid.js";
import { masked } from "../../../src/net/prefix.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import { SimulatedClock } from "../../../src/router/clock.js";
import { MemoryStore } from "../../../src/store/memory-store.js";
import * as fc from "../../property.js";
import { entryFor } from "./entries.js";

/** The slow, obvious database. */
class Naive {
  entries: Entry[] = [];
  readonly nonces = new Map<string, bigint>();

  do(operation: Operation): void {
    if ("nonce" in operation) {
      if (operation.value === null) this.nonces.delete(operation.nonce);
      else this.nonces.set(operation.nonce, operation.value);
      return;
    }
    const key = "put" in operation ? operation.put : operation.delete;
    this.entries = this.entries.filter((e) => !sameEid(e, key));
    if ("put" in operation) this.entries.push(operation.put);
    this.entries.sort(order);
  }

  expire(now: number): void {
    this.entries = this.entries.flatMap((e) => {
      const registrations = e.registrations.filter((r) => r.expiry > now);
      return registrations.length === 0 ? [] : [{ ...e, registrations }];
    });
  }

  get({ iid, eid }: EidPrefix): Entry | null {
    return this.entries.find((e) => sameEid(e, { iid, eid })) ?? null;
  }

  within(key: EidPrefix): Entry[] {
    return this.entries.filter((e) => e.eid.length >= key.eid.length && holds(key, e.iid, e.eid.address));
  }

  lookup(iid: number, address: Uint8Array): Entry | null {
    const found = this.entries.filter((e) => holds(e, iid, address));
    return found.sort((a, b) => b.eid.length - a.eid.length)[0] ?? null;
  }
}

function holds({ iid, eid }: EidPrefix, ofIid: number, address: Uint8Array): boolean {
  if (iid !== ofIid || eid.address.length !== address.length) return false;
  return Buffer.compare(masked(address, eid.length), masked(eid.address, eid.length)) === 0;
}

function order(a: Entry, b: Entry): number {
  return (
    a.iid - b.iid ||
    a.eid.address.length - b.eid.address.length ||
    Buffer.compare(a.eid.address, b.eid.address) ||
    a.eid.length - b.eid.length
  );
}

// Few bits that differ, so that prefixes nest and meet.
const crowded: fc.Arbitrary<EidPrefix> = fc
  .tuple(fc.constantFrom(0, 7), fc.constantFrom(4, 16), fc.nat(3), fc.nat(3), fc.nat(128))
  .map(([iid, size, first, last, n]) => {
    const address = new Uint8Array(size);
    address[0] = first << 6;
    address[size - 1] = last;
    const length = Math.min(n, size * 8);
    return { iid, eid: { address: masked(address, length), length } };
  });

const expiry = fc.oneof(
  fc.constant(Number.POSITIVE_INFINITY),
  fc.integer({ min: 1, max: 100 }).map((s) => s * 1e9),
);
const put = crowded.chain((k) => entryFor(k, expiry)).map((e): Operation => ({ put: e }));
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: put },
  { weight: 2, arbitrary: crowded.map((k): Operation => ({ delete: k })) },
  {
    weight: 1,
    arbitrary: fc.record({
      nonce: fc.constantFrom("a", "b"),
      value: fc.option(fc.bigInt({ min: 0n, max: 9n })),
    }),
  },
);
type Step =
  | { readonly do: readonly Operation[] }
  | { readonly expire: number }
  | { readonly look: EidPrefix }
  | { readonly restart: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.array(operation, { minLength: 1, maxLength: 4 }).map((d) => ({ do: d })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 20 }).map((s) => ({ expire: s * 1e9 })) },
  { weight: 3, arbitrary: crowded.map((k) => ({ look: k })) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 20 }).map((s) => ({ restart: s })) },
);

test("the database does what a plain list does, over restarts too", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const store = new MemoryStore();
      const memory = new PacketMemory({ bytes: 4 << 20, slots: 1 });
      const before = memory.heapUsed;
      // Steady time is kept the same over restarts, so that expiries stay comparable.
      const clock = new SimulatedClock();
      const naive = new Naive();
      let database = await MappingDatabase.open({ clock, store, memory });
      for (const s of steps) {
        if ("do" in s) {
          const revision = database.revision;
          for (const o of s.do) naive.do(o);
          assert.is(await database.commit(s.do), revision + 1);
        } else if ("expire" in s) {
          clock.advance(clock.now() + s.expire);
          naive.expire(clock.now());
          while (database.expire() > 0);
        } else if ("look" in s) {
          look(database, naive, s.look);
        } else {
          const revision = database.revision;
          await database.close();
          assert.is(memory.heapUsed, before);
          clock.advance(clock.now() + s.restart * 1e9);
          naive.expire(clock.now());
          database = await MappingDatabase.open({ clock, store, memory });
          assert.ok(database.revision >= revision);
        }
        assert.is(database.size, naive.entries.length);
        const soonest = naive.entries.flatMap((e) => e.registrations.map((r) => r.expiry));
        assert.is(database.nextExpiry, Math.min(...soonest));
      }
      assert.equal([...database.entries()], naive.entries);
      for (const name of ["a", "b"]) assert.is(database.nonce(name), naive.nonces.get(name) ?? null);
      await database.close();
      assert.is(memory.heapUsed, before);
    }),
    { numRuns: 300 },
  );
});

function look(database: MappingDatabase, naive: Naive, key: EidPrefix): void {
  const { iid, eid } = key;
  assert.equal(database.get(key), naive.get(key));
  assert.equal([...database.subtree(key)], naive.within(key));
  assert.equal(database.lookup(iid, eid.address), naive.lookup(iid, eid.address));
  const hole = database.hole(iid, eid.address);
  assert.is(hole === null, naive.lookup(iid, eid.address) !== null);
  if (hole === null) return;
  const empty = (length: number): boolean =>
    naive.within({ iid, eid: { address: masked(eid.address, length), length } }).length === 0;
  assert.ok(holds({ iid, eid: hole }, iid, eid.address) && empty(hole.length));
  assert.ok(hole.length === 0 || !empty(hole.length - 1));
}

test.run();
