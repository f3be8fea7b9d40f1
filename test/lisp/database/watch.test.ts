// Watching the mapping database, and what it does when its store fails.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Change, CompactedError } from "../../../src/lisp/database/history.js";
import { type DatabaseOptions, MappingDatabase } from "../../../src/lisp/database/mapping-database.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import { SimulatedClock } from "../../../src/router/clock.js";
import { type Store, StoreError, type StoreOperation } from "../../../src/router/store.js";
import { MemoryStore } from "../../../src/store/memory-store.js";
import { entry, key, texts } from "./entries.js";

/** A store whose batches end when the test says, and how. */
class HeldStore implements Store {
  readonly inner = new MemoryStore();
  readonly held: { readonly operations: readonly StoreOperation[]; end(error?: Error): void }[] = [];

  load(each: (key: Uint8Array, value: Uint8Array) => void): Promise<number> {
    return this.inner.load(each);
  }

  commit(operations: readonly StoreOperation[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: Error): void => {
        if (error !== undefined) reject(error);
        else this.inner.commit(operations).then(resolve);
      };
      this.held.push({ operations, end });
    });
  }

  async close(): Promise<void> {}
}

async function open(more: Partial<DatabaseOptions> = {}): Promise<MappingDatabase> {
  const memory = new PacketMemory({ bytes: 4 << 20, slots: 1 });
  return MappingDatabase.open({ clock: new SimulatedClock(), store: null, memory, ...more });
}

function recorder(): {
  readonly name: string;
  readonly seen: string[];
  change(c: Change): void;
  compacted(revision: number): void;
} {
  const seen: string[] = [];
  return {
    name: "a recorder",
    seen,
    change: (c) => void seen.push(`${c.revision} ${c.kind} ${texts(c.before)} -> ${texts(c.after)}`),
    compacted: (revision) => void seen.push(`compacted ${revision}`),
  };
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

test("a watcher gets all changes since a revision, then others as they come, in order", async () => {
  const clock = new SimulatedClock();
  const db = await open({ clock });
  await db.commit([{ put: entry("10.0.0.0/8 192.0.2.1") }]);
  await db.commit([
    { put: entry("10.0.0.0/8 192.0.2.2", { expiry: 5e9 }) },
    { put: entry("11.0.0.0/8 192.0.2.1") },
  ]);
  const all = recorder();
  const later = recorder();
  const watch = db.watch(0, all);
  db.watch(2, later);
  await db.commit([{ delete: key("11.0.0.0/8") }, { delete: key("12.0.0.0/8") }]);
  clock.advance(5e9);
  db.expire();
  const last = ["3 delete 11.0.0.0/8 192.0.2.1/1/100 -> null", "4 expire 10.0.0.0/8 192.0.2.2/1/100 -> null"];
  assert.equal(later.seen, last);
  assert.equal(all.seen, [
    "1 put null -> 10.0.0.0/8 192.0.2.1/1/100",
    "2 put 10.0.0.0/8 192.0.2.1/1/100 -> 10.0.0.0/8 192.0.2.2/1/100",
    "2 put null -> 11.0.0.0/8 192.0.2.1/1/100",
    ...last,
  ]);
  watch.close();
  await db.commit([{ put: entry("10.0.0.0/8 192.0.2.1") }]);
  assert.is(all.seen.length, 5);
  assert.is(later.seen.length, 3);
});

test("a refresh is no change", async () => {
  const db = await open();
  const watcher = recorder();
  db.watch(0, watcher);
  await db.commit([{ put: entry("10.0.0.0/8 192.0.2.1", { expiry: 1e9, nonce: 1n }) }]);
  await db.commit([{ put: entry("10.0.0.0/8 192.0.2.1", { expiry: 2e9, nonce: 2n }) }]);
  assert.is(watcher.seen.length, 1);
  assert.is(db.get(key("10.0.0.0/8"))!.registrations[0].nonce, 2n);
  assert.is(db.nextExpiry, 2e9);
  await db.commit([{ put: entry("10.0.0.0/8 192.0.2.1/2", { expiry: 2e9, nonce: 2n }) }]);
  assert.is(watcher.seen.length, 2);
});

test("changes beyond the history's bound are forgotten, and who asks for them is told", async () => {
  const db = await open({ history: 4 });
  const live = recorder();
  db.watch(0, live);
  for (let i = 0; i < 6; i++) await db.commit([{ put: entry(`10.0.0.0/8 192.0.2.${i}`) }]);
  assert.is(live.seen.length, 6);
  const compacted = (e: unknown): boolean => e instanceof CompactedError && e.code === "COMPACTED";
  assert.throws(() => db.watch(1, recorder()), compacted);
  assert.throws(() => db.watch(7, recorder()), compacted);
  const late = recorder();
  db.watch(2, late);
  assert.equal(late.seen, live.seen.slice(2));
  // More at once than it holds: a watcher that was up to date is told that it is not.
  await db.commit(Array.from({ length: 6 }, (_, i) => ({ put: entry(`11.${i}.0.0/16 192.0.2.1`) })));
  assert.equal(late.seen.slice(4), ["compacted 7"]);
  await db.commit([{ delete: key("10.0.0.0/8") }]);
  assert.match(late.seen.at(-1)!, /^8 delete/);
});

test("a history from before a restart is not known", async () => {
  const store = new MemoryStore();
  let db = await open({ store });
  await db.commit([{ put: entry("10.0.0.0/8 192.0.2.1") }]);
  await db.close();
  db = await open({ store });
  assert.throws(
    () => db.watch(0, recorder()),
    (e: unknown) => e instanceof CompactedError,
  );
  const watcher = recorder();
  db.watch(db.revision, watcher);
  await db.commit([{ delete: key("10.0.0.0/8") }]);
  assert.equal(watcher.seen, ["2 delete 10.0.0.0/8 192.0.2.1/1/100 -> null"]);
});

test("readers see a change at once, watchers and writers when it is durable", async () => {
  const store = new HeldStore();
  const db = await open({ store });
  const watcher = recorder();
  db.watch(0, watcher);
  let done = 0;
  void db.commit([{ put: entry("10.0.0.0/8 192.0.2.1") }]).then((revision) => (done = revision));
  await turn();
  assert.is(db.size, 1);
  // A second batch gathers while the first is on its way.
  void db.commit([{ put: entry("11.0.0.0/8 192.0.2.1") }]);
  void db.commit([{ put: entry("12.0.0.0/8 192.0.2.1") }]);
  await turn();
  assert.is(store.held.length, 1);
  assert.is(db.waiting, 2);
  assert.is(db.durable, 0);
  assert.is(done, 0);
  assert.equal(watcher.seen, []);
  store.held[0].end();
  await turn();
  assert.is(done, 1);
  assert.is(db.durable, 1);
  assert.equal(watcher.seen, ["1 put null -> 10.0.0.0/8 192.0.2.1/1/100"]);
  assert.is(store.held.length, 2);
  store.held[1].end();
  await turn();
  assert.is(db.durable, 3);
  assert.is(watcher.seen.length, 3);
});

test("what the store fails is not acknowledged, and goes with the next batch", async () => {
  const store = new HeldStore();
  const told: string[] = [];
  const db = await open({ store, report: (text) => told.push(text) });
  const watcher = recorder();
  db.watch(0, watcher);
  const commits = [
    db.commit([{ put: entry("10.0.0.0/8 192.0.2.1") }]),
    db.commit([{ nonce: "n", value: 1n }]),
  ];
  const rejected = Promise.all(
    commits.map((c) =>
      c.then(
        () => assert.unreachable(),
        (e) => assert.instance(e, StoreError),
      ),
    ),
  );
  await turn();
  const failure = new StoreError("the disk is full");
  store.held[0].end(failure);
  await rejected;
  assert.equal(told, ["the disk is full"]);
  assert.is(db.loss?.reason, "the disk is full");
  assert.is(db.durable, 0);
  assert.equal(watcher.seen, []);
  assert.is(db.size, 1);
  assert.equal(db.storeCounts, { batches: 0, written: 0, failures: 1, dirty: 3 });
  const second = db.commit([{ put: entry("11.0.0.0/8 192.0.2.1") }]);
  await turn();
  store.held[1].end();
  assert.is(await second, 3);
  assert.is(watcher.seen.length, 2);
  assert.is(db.loss, null);
  assert.match(told.slice(1).join(), /^the mapping store takes registrations again, after [\d.]+ s$/);
  const again = await open({ store: store.inner });
  assert.is(again.size, 2);
  assert.is(again.nonce("n"), 1n);
});

test("a store that fails while registrations expire takes nobody down, and is made up for", async () => {
  const clock = new SimulatedClock();
  const store = new HeldStore();
  const told: string[] = [];
  const db = await open({ clock, store, report: (text) => told.push(text) });
  void db.commit([{ put: entry("10.0.0.0/8 192.0.2.1", { expiry: 1e9 }) }]);
  await turn();
  store.held[0].end();
  clock.advance(1e9);
  await turn();
  assert.is(db.expire(), 1);
  await turn();
  store.held[1].end(new StoreError("no"));
  await turn();
  assert.equal(told, ["no"]);
  // It is tried again after a second, though nobody writes.
  assert.is(db.expire(), 0);
  await turn();
  assert.is(store.held.length, 2);
  assert.is(db.nextExpiry, 2e9);
  clock.advance(2e9);
  db.expire();
  await turn();
  store.held[2].end(new StoreError("no"));
  await turn();
  assert.equal(told, ["no"], "the same is told once");
  assert.is(db.loss?.since, 1e9);
  const closing = db.close();
  await turn();
  store.held[3].end();
  await closing;
  assert.equal(told.slice(1), ["the mapping store takes registrations again, after 1.0 s"]);
  assert.is((await open({ store: store.inner })).size, 0);
});

test("a watcher may write, close itself and others, and gets its own changes after that", async () => {
  const db = await open();
  const other = recorder();
  const seen: number[] = [];
  const watch = db.watch(0, {
    name: "one that writes",
    change: (c) => {
      seen.push(c.revision);
      if (c.revision === 1) void db.commit([{ put: entry("11.0.0.0/8 192.0.2.1") }]);
      if (c.revision === 2) watch.close();
    },
    compacted: () => void seen.push(-1),
  });
  db.watch(0, other);
  await db.commit([{ put: entry("10.0.0.0/8 192.0.2.1") }]);
  await db.commit([{ put: entry("12.0.0.0/8 192.0.2.1") }]);
  assert.equal(seen, [1, 2]);
  assert.equal(
    other.seen.map((s) => s[0]),
    ["1", "2", "3"],
  );
});

test("a watcher that throws is logged with its name, goes on with the next change, and stops nobody", async () => {
  const log: string[] = [];
  const db = await open({ report: (line) => log.push(line) });
  const others = recorder();
  const seen: number[] = [];
  db.watch(0, {
    name: "the careless",
    change: ({ revision }) => {
      seen.push(revision);
      throw new Error("a bug");
    },
    compacted: () => {},
  });
  db.watch(0, others);
  for (const a of [1, 2]) await db.commit([{ put: entry(`10.0.0.0/8 192.0.2.${a}`) }]);
  assert.equal(seen, [1, 2]);
  assert.is(others.seen.length, 2);
  assert.is(log.length, 1);
  assert.match(log[0], /^the careless, which listens to the mapping database, failed: Error: a bug \(at /);
});

test.run();
