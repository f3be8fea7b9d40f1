// The mapping database over each of its stores: one table of cases for all.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Operation } from "../../../src/lisp/database/mapping-database.js";
import { entryKey, seal, unseal } from "../../../src/lisp/database/records.js";
import type { Entry } from "../../../src/lisp/database/registration.js";
import type { RegistrationDatabase } from "../../../src/lisp/database/registration-database.js";
import { parseRloc } from "../../../src/lisp/mapping.js";
import { MemoryError, PacketMemory } from "../../../src/packet/memory.js";
import { SimulatedClock } from "../../../src/router/clock.js";
import { failure } from "../../elements/lisp/control.js";
import { skipUnless } from "../../skip.js";
import { until } from "../../until.js";
import { entry, key, registration, texts } from "./entries.js";
import { EtcdCluster, etcdMissing } from "./etcd-cluster.js";
import { type Options, PLACES, type Place, shared } from "./places.js";

type Open = (clock?: SimulatedClock, more?: Partial<Options>) => Promise<RegistrationDatabase>;
type Case = (open: Open, place: Place) => Promise<void>;

const CASES: Record<string, Case> = {
  "what was committed is there after a restart, with its revision": async (open, place) => {
    let db = await open();
    const first = await db.commit([{ put: entry("10.1.0.0/16 192.0.2.1/1/50 ttl 60 version 3") }]);
    assert.is(place.shared ? db.revision : 1, first);
    assert.is(db.durable, first);
    await db.commit([{ put: entry("fd01::/32 2001:db8::1 iid 7") }, { put: entry("10.2.0.0/16 192.0.2.2") }]);
    await db.commit([{ delete: key("10.2.0.0/16") }]);
    await db.close();
    db = await open();
    assert.is(db.revision, first + 2);
    assert.is(db.size, 2);
    assert.equal(texts(db.lookup(0, parseRloc("10.1.2.3"))), ["10.1.0.0/16 192.0.2.1/1/50 ttl 60 version 3"]);
    assert.equal(texts(db.get(key("fd01::/32", 7))), ["fd01::/32 2001:db8::1/1/100 iid 7"]);
    assert.is(db.get(key("fd01::/32")), null);
    assert.is(db.lookup(0, parseRloc("10.2.0.1")), null);
    assert.is(await db.commit([]), first + (place.shared ? 2 : 3));
    await db.close();
  },

  "nonces are kept over a restart, and forgotten when they are to be": async (open) => {
    let db = await open();
    const largest = 0xffffffffffffffffn;
    await db.commit([
      { nonce: "east/1", value: largest },
      { nonce: "west", value: 5n },
    ]);
    await db.commit([{ nonce: "west", value: null }]);
    await db.close();
    db = await open();
    assert.is(db.nonce("east/1"), largest);
    assert.is(db.nonce("west"), null);
    assert.throws(() => db.commit([{ nonce: "x", value: 1n << 64n }]), /64 bits/);
    assert.throws(() => db.commit([{ nonce: "x".repeat(256), value: 1n }]), /256 bytes/);
    await db.close();
  },

  "a registration goes on expiring over a restart, by the wall clock": async (open, place) => {
    let db = await open(new SimulatedClock(1_000_000));
    await db.commit([
      { put: entry("10.0.0.0/8 192.0.2.1", { expiry: 60e9 }) },
      { put: entry("11.0.0.0/8 192.0.2.1", { expiry: 20e9 }) },
      { put: entry("12.0.0.0/8 192.0.2.1") },
    ]);
    await db.close();
    const clock = new SimulatedClock(1_000_050);
    db = await open(clock);
    assert.equal(
      [...db.entries()].map((e) => e.registrations[0].expiry),
      [10e9, Number.POSITIVE_INFINITY],
    );
    assert.is(db.nextExpiry, 10e9);
    clock.advance(10e9);
    assert.is(db.expire(), 1);
    assert.is(db.expire(), 0);
    assert.is(db.nextExpiry, Number.POSITIVE_INFINITY);
    await db.close();
    if (place.shared) return;
    // What had expired is gone from the store, too: an older clock does not bring it back.
    db = await open(new SimulatedClock(1_000_000));
    assert.is(db.size, 1);
    await db.close();
  },

  "a wall clock that was set back makes no registration live longer": async (open) => {
    let db = await open(new SimulatedClock(2_000_000));
    await db.commit([{ put: entry("10.0.0.0/8 192.0.2.1", { expiry: 60e9 }) }]);
    await db.close();
    db = await open(new SimulatedClock(1_000_000));
    assert.is(db.nextExpiry, 60e9);
    await db.close();
  },

  "of several registrations for an EID-prefix those expire whose time is over": async (open) => {
    const clock = new SimulatedClock();
    const db = await open(clock);
    const [a, b] = [10e9, 20e9].map((expiry, i) =>
      registration(`10.0.0.0/8 192.0.2.${i + 1}`, { expiry, merge: true, xtrId: new Uint8Array(16).fill(i) }),
    );
    await db.commit([{ put: { ...key("10.0.0.0/8"), registrations: [a, b] } }]);
    clock.advance(15e9);
    assert.is(db.expire(), 1);
    assert.equal(texts(db.get(key("10.0.0.0/8"))), ["10.0.0.0/8 192.0.2.2/1/100"]);
    assert.is(db.nextExpiry, 20e9);
    clock.advance(20e9);
    assert.is(db.expire(), 1);
    assert.is(db.size, 0);
    await db.close();
  },

  "a call of expire looks at no more entries than it may": async (open) => {
    const clock = new SimulatedClock();
    const db = await open(clock);
    await db.commit(
      Array.from({ length: 10 }, (_, i) => ({ put: entry(`10.${i}.0.0/16 192.0.2.1`, { expiry: 1e9 }) })),
    );
    clock.advance(1e9);
    assert.equal([db.expire(4), db.expire(4), db.expire(4), db.expire(4)], [4, 4, 2, 0]);
    await db.close();
  },

  "damaged entries and those of a newer format are reported, left there and passed over": async (
    open,
    place,
  ) => {
    let db = await open();
    const names = ["10", "11", "12", "13", "14"].map((n) => `${n}.0.0.0/8`);
    await db.commit(names.map((n) => ({ put: entry(`${n} 192.0.2.1`) })));
    await db.close();
    const values = await place.contents();
    const keys = names.map((n) => entryKey(key(n)));
    const [flipped, cut, newer, empty] = keys.map((k) => values.get(Buffer.from(k).toString("hex"))!);
    flipped[10] ^= 1;
    const later = unseal(keys[2], newer).slice();
    later[0] = 9;
    await place.write([
      [keys[0], flipped],
      [keys[1], cut.subarray(0, cut.length - 1)],
      [keys[2], seal(keys[2], later)],
      [keys[3], empty.subarray(0, 0)],
      [Uint8Array.of(0x7a, 1), seal(Uint8Array.of(0x7a, 1), later)],
    ]);
    for (let again = 0; again < 2; again++) {
      db = await open();
      assert.equal(
        [...db.entries()].map((e) => texts(e)),
        [["14.0.0.0/8 192.0.2.1/1/100"]],
      );
      assert.is(db.skipped.count, 5);
      assert.equal(db.skipped.first.map((s) => s.reason).sort(), [
        "a value that is cut short",
        "a value with a wrong checksum",
        "a value with a wrong checksum",
        "an entry of format 9; this program knows 1",
        "an unknown key",
      ]);
      await db.close();
    }
    db = await open();
    await db.commit([{ put: entry("10.0.0.0/8 192.0.2.9") }]);
    await db.close();
    db = await open();
    assert.equal(texts(db.get(key("10.0.0.0/8"))), ["10.0.0.0/8 192.0.2.9/1/100"]);
    assert.is(db.skipped.count, 4);
    await db.close();
  },
};

/** Where what is written is in the index at once. */
const OWN_CASES: Record<string, Case> = {
  "entries are listed while the database changes: what is gone is left out, what comes later is seen": async (
    open,
  ) => {
    const db = await open();
    const nth = (n: number): string => `10.0.${n}.0/24`;
    const put = (n: number): { put: Entry } => ({ put: entry(`${nth(n)} 192.0.2.1`) });
    await db.commit(Array.from({ length: 40 }, (_, n) => put(n)));
    const seen: string[] = [];
    for (const e of db.subtree(key("10.0.0.0/16"))) {
      const n = e.eid.address[2];
      seen.push(`${n} ${texts(e)}`);
      // Odd ones go as even ones are seen, their memory to others; at 20 all that is left goes, and some come back.
      void db.commit([{ delete: key(nth(n + 1)) }, { put: entry(`9.0.${n}.0/24 192.0.2.9`) }]);
      if (n !== 20) continue;
      void db.commit([...db.entries()].map((x) => ({ delete: x })));
      assert.is(db.size, 0);
      void db.commit([put(5), put(30), put(31)]);
    }
    const even = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 30];
    assert.equal(
      seen,
      even.map((n) => `${n} ${nth(n)} 192.0.2.1/1/100`),
    );
    await db.close();
  },

  "transactions of one turn go to the store in one batch, the last state of each key": async (open) => {
    const db = await open();
    const before = db.storeCounts.batches;
    const all = Array.from({ length: 100 }, (_, i) =>
      db.commit([{ put: entry(`10.0.0.0/8 192.0.2.${i}`) }, { nonce: "n", value: BigInt(i) }]),
    );
    assert.is(db.durable, 0);
    assert.equal(
      await Promise.all(all),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    assert.equal(db.storeCounts, { batches: before + 1, written: 3, failures: 0, dirty: 0 });
    await db.close();
  },

  "of a transaction that throws nothing is done": async (open) => {
    const memory = new PacketMemory({ bytes: 1 << 20, slots: 1 });
    const db = await open(new SimulatedClock(), { memory, capacity: 3000 });
    await db.commit([{ put: entry("10.0.0.0/8 192.0.2.1") }, { put: entry("11.0.0.0/8 192.0.2.1") }]);
    const used = memory.heapUsed;
    const was = [...db.entries()];
    const bad = registration("12.0.0.0/8 192.0.2.1", { source: new Uint8Array(3) });
    assert.throws(() =>
      db.commit([{ delete: key("10.0.0.0/8") }, { put: { ...key("12.0.0.0/8"), registrations: [bad] } }]),
    );
    const many = (n: number, raw: number): { put: ReturnType<typeof entry> }[] =>
      Array.from({ length: n }, (_, i) => ({
        put: entry(
          `${i < 2 ? 10 + i : 12}.${i < 2 ? 0 : i >> 8}.${i < 2 ? 0 : i & 255}.0/${i < 2 ? 8 : 24} 192.0.2.2`,
          {
            raw: new Uint8Array(raw),
          },
        ),
      }));
    assert.throws(
      () => db.commit([{ delete: key("10.0.0.0/8") }, ...many(2000, 2000)]),
      (e: unknown) => e instanceof MemoryError,
    );
    assert.throws(() => db.commit(many(3001, 0)), /database is full/);
    assert.equal([...db.entries()], was);
    assert.is(memory.heapUsed, used);
    assert.is(db.revision, 1);
    await db.close();
    assert.throws(() => db.commit([]), /closed/);
  },
};

/** What is written to a store that others share is in the index once it is durable. */
const SHARED_CASES: Record<string, Case> = {
  "readers see a change when it is durable, and so does every other database on the store": async (
    open,
    place,
  ) => {
    const db = await open();
    const other = await open();
    const done = db.commit([{ put: entry("10.0.0.0/8 192.0.2.1") }, { nonce: "n", value: 7n }]);
    assert.equal([db.size, db.waiting, db.nonce("n")], [0, 1, null]);
    await done;
    assert.equal([db.size, db.waiting, db.nonce("n")], [1, 0, 7n]);
    await until(() => other.size > 0);
    assert.equal(
      [texts(other.get(key("10.0.0.0/8"))), other.nonce("n")],
      [["10.0.0.0/8 192.0.2.1/1/100"], 7n],
    );
    await other.commit([{ delete: key("10.0.0.0/8") }, { nonce: "n", value: null }]);
    await until(() => db.size === 0);
    assert.is(db.nonce("n"), null);
    assert.is((await place.contents()).size, 0);
    await Promise.all([db.close(), other.close()]);
  },

  "transactions of many go to the store in few batches": async (open) => {
    const db = await open();
    const all = Array.from({ length: 1000 }, (_, i) =>
      db.commit([{ put: entry(`10.${i >> 8}.${i & 255}.0/24 192.0.2.1`) }, { nonce: `n${i}`, value: 1n }]),
    );
    await Promise.all(all);
    const { batches, written, failures } = db.storeCounts;
    assert.equal([db.size, written, failures], [1000, 2000, 0]);
    assert.ok(batches >= 8 && batches <= 12, `${batches} batches`);
    await db.close();
  },

  "a transaction of more operations than the store takes is refused, one with as many as it takes is not":
    async (open) => {
      const db = await open();
      const puts = (n: number): Operation[] =>
        Array.from({ length: n }, (_, i) => ({ put: entry(`10.0.${i}.0/24 192.0.2.1`) }));
      assert.match(await failure(() => db.commit(puts(128))), /128 operations is more than the store takes/);
      await db.commit(puts(127));
      assert.is(db.size, 127);
      await db.close();
    },

  "of two databases that raise the same number at the same time none loses what the other did": async (
    open,
  ) => {
    const [a, b] = await Promise.all([open(), open()]);
    const raise = (db: RegistrationDatabase): Promise<unknown> =>
      Promise.resolve(
        db.transact({ entries: [], nonces: ["n"] }, () => ({
          operations: [{ nonce: "n", value: (db.nonce("n") ?? 0n) + 1n }],
          result: null,
        })),
      );
    await Promise.all(Array.from({ length: 40 }, (_, i) => raise(i % 2 === 0 ? a : b)));
    await until(() => a.nonce("n") === 40n && b.nonce("n") === 40n);
    await Promise.all([a.close(), b.close()]);
  },

  "the store forgets a registration when its time is over, with nobody there": async (open, place) => {
    const db = await open(new SimulatedClock(1_000_000));
    await db.commit([{ put: entry("10.0.0.0/8 192.0.2.1", { expiry: 1e9 }) }]);
    const other = await open(new SimulatedClock(1_000_000));
    assert.is(other.size, 1);
    await db.close();
    // Its lease has 8 to 16 seconds, and the other database's clock stands still.
    await until(() => other.size === 0);
    assert.equal([other.size, (await place.contents()).size], [0, 0]);
    await other.close();
  },
};

const nothing = async (): Promise<void> => {};

function run(
  name: string,
  make: () => Place,
  bodies: Record<string, Case>,
  before = nothing,
  after = nothing,
): void {
  const cases = suite(name);
  cases.before(before);
  cases.after(after);
  for (const [what, body] of Object.entries(bodies)) {
    cases(what, async () => {
      const place = make();
      try {
        await body(
          async (clock = new SimulatedClock(), more = {}) => place.open({ clock, memory: small(), ...more }),
          place,
        );
      } finally {
        place.remove();
      }
    });
  }
  cases.run();
}

for (const [name, make] of Object.entries(PLACES)) run(name, make, { ...CASES, ...OWN_CASES });

const missing = etcdMissing();
if (missing === null) {
  let cluster: EtcdCluster;
  let prefixes = 0;
  const make = (): Place => shared(cluster, `case-${prefixes++}/`);
  run(
    "etcd",
    make,
    { ...CASES, ...SHARED_CASES },
    async () => {
      cluster = await EtcdCluster.start(1);
    },
    () => cluster.close(),
  );
} else
  for (const what of [...Object.keys(CASES), ...Object.keys(SHARED_CASES)])
    skipUnless(false, missing)(what, () => {});

function small(): PacketMemory {
  return new PacketMemory({ bytes: 4 << 20, slots: 1 });
}
