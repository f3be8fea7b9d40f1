// The mapping database over each of its stores: one table of cases for all.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openLmdbStore } from "../../../src/lisp/database/lmdb-store.js";
import { type DatabaseOptions, MappingDatabase } from "../../../src/lisp/database/mapping-database.js";
import { MemoryStore } from "../../../src/lisp/database/memory-store.js";
import { entryKey, seal, unseal } from "../../../src/lisp/database/records.js";
import type { Entry } from "../../../src/lisp/database/registration.js";
import type { MappingStore } from "../../../src/lisp/database/store.js";
import { parseRloc } from "../../../src/lisp/mapping.js";
import { MemoryError, PacketMemory } from "../../../src/packet/memory.js";
import { SimulatedClock } from "../../../src/router/clock.js";
import { entry, key, registration, texts } from "./entries.js";

/** Somewhere that keeps data while stores on it come and go. */
interface Place {
  open(): Promise<MappingStore>;
  remove(): void;
}

const PLACES: Record<string, () => Place> = {
  memory: () => {
    const store = new MemoryStore();
    return { open: async () => store, remove: () => {} };
  },
  lmdb: () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-db-"));
    return {
      open: () => openLmdbStore(join(folder, "store")),
      remove: () => rmSync(folder, { recursive: true }),
    };
  },
};

type Open = (clock?: SimulatedClock, more?: Partial<DatabaseOptions>) => Promise<MappingDatabase>;
type Case = (open: Open, place: Place) => Promise<void>;

const CASES: Record<string, Case> = {
  "what was committed is there after a restart, with its revision": async (open) => {
    let db = await open();
    assert.is(await db.commit([{ put: entry("10.1.0.0/16 192.0.2.1/1/50 ttl 60 version 3") }]), 1);
    assert.is(db.durable, 1);
    await db.commit([{ put: entry("fd01::/32 2001:db8::1 iid 7") }, { put: entry("10.2.0.0/16 192.0.2.2") }]);
    await db.commit([{ delete: key("10.2.0.0/16") }]);
    await db.close();
    db = await open();
    assert.is(db.revision, 3);
    assert.is(db.size, 2);
    assert.equal(texts(db.lookup(0, parseRloc("10.1.2.3"))), ["10.1.0.0/16 192.0.2.1/1/50 ttl 60 version 3"]);
    assert.equal(texts(db.get(key("fd01::/32", 7))), ["fd01::/32 2001:db8::1/1/100 iid 7"]);
    assert.is(db.get(key("fd01::/32")), null);
    assert.is(db.lookup(0, parseRloc("10.2.0.1")), null);
    assert.is(await db.commit([]), 4);
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

  "a registration goes on expiring over a restart, by the wall clock": async (open) => {
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
    const store = await place.open();
    const values = new Map<string, Uint8Array>();
    await store.load((k, v) => void values.set(Buffer.from(k).toString("hex"), v));
    const keys = names.map((n) => entryKey(key(n)));
    const [flipped, cut, newer, empty] = keys.map((k) => values.get(Buffer.from(k).toString("hex"))!);
    flipped[10] ^= 1;
    const later = unseal(keys[2], newer).slice();
    later[0] = 9;
    await store.commit([
      { key: keys[0], value: flipped },
      { key: keys[1], value: cut.subarray(0, cut.length - 1) },
      { key: keys[2], value: seal(keys[2], later) },
      { key: keys[3], value: empty.subarray(0, 0) },
      { key: Uint8Array.of(0x7a, 1), value: seal(Uint8Array.of(0x7a, 1), later) },
    ]);
    await store.close();
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

for (const [name, make] of Object.entries(PLACES)) {
  const cases = suite(name);
  for (const [what, body] of Object.entries(CASES)) {
    cases(what, async () => {
      const place = make();
      try {
        await body(
          async (clock = new SimulatedClock(), more = {}) =>
            MappingDatabase.open({ clock, store: await place.open(), memory: small(), ...more }),
          place,
        );
      } finally {
        place.remove();
      }
    });
  }
  cases.run();
}

function small(): PacketMemory {
  return new PacketMemory({ bytes: 4 << 20, slots: 1 });
}
