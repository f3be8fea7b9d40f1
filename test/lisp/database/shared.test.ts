// The database of several Map-Servers over a store whose every step the test decides.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Change } from "../../../src/lisp/database/history.js";
import { seal } from "../../../src/lisp/database/records.js";
import type { RegistrationDatabase } from "../../../src/lisp/database/registration-database.js";
import { SharedDatabase, type SharedDatabaseOptions } from "../../../src/lisp/database/shared-database.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import { SimulatedClock } from "../../../src/router/clock.js";
import { StoreError } from "../../../src/router/store.js";
import type {
  SharedListener,
  SharedResult,
  SharedStore,
  SharedTransaction,
} from "../../../src/store/shared-store.js";
import { failure } from "../../elements/lisp/control.js";
import { until } from "../../until.js";
import { entry, key, texts } from "./entries.js";

/** What the store does not take, whenever it comes. */
class Refusal extends StoreError {
  override get passing(): boolean {
    return false;
  }
}

interface Kept {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly revision: number;
}

/** What all stores of a test hold. */
class Place {
  readonly kept = new Map<string, Kept>();
  readonly stores: TestStore[] = [];
  revision = 10;

  put(
    who: TestStore | null,
    steps: readonly { readonly key: Uint8Array; readonly value: Uint8Array | null }[],
  ): void {
    this.revision++;
    for (const { key: k, value } of steps) {
      const name = Buffer.from(k).toString("hex");
      if (value === null) this.kept.delete(name);
      else this.kept.set(name, { key: k, value, revision: this.revision });
    }
    const { revision } = this;
    for (const store of this.stores)
      store.tell(
        steps.map((s) => ({
          ...s,
          value: s.value && Uint8Array.from(s.value),
          own: who === store,
          revision,
        })),
      );
  }
}

class TestStore implements SharedStore {
  readonly #place: Place;
  listener: SharedListener | null = null;
  /** Changes that are not told yet; null: they are told at once. */
  held: Parameters<SharedListener["changed"]>[0][] | null = null;
  /** What becomes of the next commits: rejected before or after they were done. */
  readonly next: { readonly error: Error; readonly done: boolean }[] = [];
  commits: number[] = [];
  readonly #committed = new WeakSet<SharedTransaction>();

  constructor(place: Place) {
    this.#place = place;
    place.stores.push(this);
  }

  tell(changes: Parameters<SharedListener["changed"]>[0]): void {
    if (this.held === null) this.listener?.changed(changes);
    else this.held.push(changes);
  }

  /** Tells what was held back. */
  release(): void {
    const { held } = this;
    this.held = null;
    for (const changes of held ?? []) this.listener!.changed(changes);
  }

  load(): void {
    this.listener!.loading(this.#place.revision);
    for (const { key: k, value } of this.#place.kept.values())
      this.listener!.value(Uint8Array.from(k), Uint8Array.from(value));
    this.listener!.loaded();
  }

  async follow(listener: SharedListener): Promise<void> {
    this.listener = listener;
    this.load();
    listener.connected();
  }

  async commit(transactions: readonly SharedTransaction[]): Promise<readonly SharedResult[]> {
    this.commits.push(transactions.length);
    if (transactions.some((t) => t.operations.some((o) => o.value !== null && o.value.length > 300)))
      throw new Refusal("too much");
    const next = this.next.shift();
    if (next !== undefined && !next.done) throw next.error;
    const results = transactions.map((t): SharedResult => {
      const present = t.operations.map((o) => this.#place.kept.get(Buffer.from(o.key).toString("hex")));
      const fresh = present.every((kept, i) =>
        kept === undefined ? !t.operations[i].builds : kept.revision <= t.revision,
      );
      if (!fresh && !this.#committed.has(t)) return { kind: "conflict" };
      if (fresh) this.#place.put(this, t.operations);
      this.#committed.add(t);
      return { kind: "done", revision: this.#place.revision };
    });
    if (next !== undefined) throw next.error;
    return results;
  }

  async close(): Promise<void> {
    this.listener = null;
  }
}

interface Opened {
  readonly db: SharedDatabase;
  readonly store: TestStore;
  readonly clock: SimulatedClock;
  readonly log: string[];
}

async function open(place: Place, more: Partial<SharedDatabaseOptions> = {}): Promise<Opened> {
  const store = new TestStore(place);
  const clock = new SimulatedClock();
  const log: string[] = [];
  const memory = new PacketMemory({ bytes: 4 << 20, slots: 1 });
  const report = (text: string): void => void log.push(text);
  return { db: await SharedDatabase.open({ clock, store, memory, report, ...more }), store, clock, log };
}

const put = (eid: string, more = {}): { put: ReturnType<typeof entry> } => ({
  put: entry(`${eid} 192.0.2.1`, more),
});

function watched(db: RegistrationDatabase): string[] {
  const seen: string[] = [];
  const change = (c: Change): void => {
    const is = c.after === null ? "gone" : texts(c.after)![0].split(" ")[1];
    seen.push(`${c.kind}${c.remote ? " remote" : ""} ${c.eid.address.join(".")} ${is}`);
  };
  db.watch(db.revision, { name: "a test", change, compacted: () => void seen.push("compacted") });
  return seen;
}

test("a transaction that was done, but whose answer was lost, is done once and resolves", async () => {
  const place = new Place();
  const { db, store } = await open(place);
  store.next.push({ error: new StoreError("no answer"), done: true });
  await db.commit([put("10.0.0.0/8")]);
  assert.equal([db.size, place.revision, store.commits], [1, 11, [1, 1]]);
  assert.equal(db.storeCounts, { batches: 1, written: 1, failures: 1, conflicts: 0, dirty: 0 });
  await db.close();
});

test("what the store does not take at all fails alone, the others of its batch do not", async () => {
  const { db } = await open(new Place());
  const all = await Promise.allSettled([
    db.commit([put("10.0.0.0/8")]),
    db.commit([put("11.0.0.0/8", { raw: new Uint8Array(400) })]),
    db.commit([put("12.0.0.0/8")]),
  ]);
  assert.equal(
    all.map((r) => r.status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.equal([db.size, db.waiting], [2, 0]);
  await db.close();
});

test("what the store does not take in time is given up, and nothing is left behind", async () => {
  const { db, store, log } = await open(new Place(), { patience: 0.3 });
  for (let i = 0; i < 100; i++) store.next.push({ error: new StoreError("not now"), done: false });
  const both = [db.commit([put("10.0.0.0/8")]), db.commit([put("11.0.0.0/8")])];
  for (const one of both) assert.match(await failure(() => one), /not now/);
  assert.equal([db.size, db.waiting, log], [0, 0, ["the mapping store failed: not now"]]);
  store.next.length = 0;
  await db.commit([put("10.0.0.0/8")]);
  assert.is(db.size, 1);
  await db.close();
});

test("when another was first, it is decided anew, on what the other did", async () => {
  const place = new Place();
  const [a, b] = await Promise.all([open(place), open(place)]);
  b.store.held = [];
  await a.db.commit([{ nonce: "n", value: 5n }]);
  const saw: (bigint | null)[] = [];
  const decided = b.db.transact({ entries: [], nonces: ["n"] }, () => {
    saw.push(b.db.nonce("n"));
    const refused = (b.db.nonce("n") ?? 0n) >= 5n;
    return { operations: refused ? null : [{ nonce: "n", value: 4n }], result: refused };
  });
  await until(() => b.db.storeCounts.conflicts === 1);
  b.store.release();
  assert.equal([(await decided).result, saw.at(0), saw.at(-1)], [true, null, 5n]);
  assert.equal([a.db.nonce("n"), b.db.waiting], [5n, 0]);
  await Promise.all([a.db.close(), b.db.close()]);
});

test("transactions of one key are done one after the other, in the order they came in", async () => {
  const { db, store } = await open(new Place());
  const values: bigint[] = [];
  const follow = db.follow({ nonce: (_, value) => void values.push(value), changed: () => {} });
  store.next.push({ error: new StoreError("not now"), done: false });
  await Promise.all([1n, 2n, 3n].map((value) => db.commit([{ nonce: "n", value }])));
  assert.equal(
    [values, store.commits],
    [
      [1n, 2n, 3n],
      [1, 1, 1, 1],
    ],
  );
  follow.close();
  await db.close();
});

test("a merged entry that has gone meanwhile does not come back with the next of its registrations", async () => {
  const place = new Place();
  const [a, b] = await Promise.all([open(place), open(place)]);
  await a.db.commit([put("10.0.0.0/8")]);
  b.store.held = [];
  await a.db.commit([{ delete: key("10.0.0.0/8") }]);
  assert.is(b.db.size, 1);
  const merged = b.db.transact({ entries: [key("10.0.0.0/8")], nonces: [] }, () => {
    const others = b.db.get(key("10.0.0.0/8"))?.registrations ?? [];
    const [own] = entry("10.0.0.0/8 192.0.2.2").registrations;
    return { operations: [{ put: { ...key("10.0.0.0/8"), registrations: [...others, own] } }], result: null };
  });
  await until(() => b.db.storeCounts.conflicts === 1);
  b.store.release();
  await merged;
  assert.equal(texts(a.db.get(key("10.0.0.0/8"))), ["10.0.0.0/8 192.0.2.2/1/100"]);
  await Promise.all([a.db.close(), b.db.close()]);
});

test("watchers are told whose changes are whose, and what changed while the store was not followed", async () => {
  const place = new Place();
  const [a, b] = await Promise.all([open(place), open(place)]);
  const seen = watched(b.db);
  await b.db.commit([put("10.0.0.0/8")]);
  await a.db.commit([put("11.0.0.0/8")]);
  await b.db.commit([{ delete: key("11.0.0.0/8") }]);
  // A refresh is no change.
  await a.db.commit([put("10.0.0.0/8", { nonce: 9n, expiry: 1e12 })]);
  const known = [
    "put 10.0.0.0 192.0.2.1/1/100",
    "put remote 11.0.0.0 192.0.2.1/1/100",
    "delete 11.0.0.0 gone",
  ];
  assert.equal(seen, known);
  b.store.held = [];
  await a.db.commit([{ delete: key("10.0.0.0/8") }, { nonce: "n", value: 1n }]);
  await a.db.commit([put("12.0.0.0/8")]);
  b.store.held = null;
  // Cut off half-way, and begun anew.
  b.store.listener!.loading(place.revision);
  b.store.load();
  assert.equal(seen.slice(3), ["put remote 12.0.0.0 192.0.2.1/1/100", "delete remote 10.0.0.0 gone"]);
  assert.equal([b.db.size, b.db.nonce("n")], [1, 1n]);
  await Promise.all([a.db.close(), b.db.close()]);
});

test("what others write that cannot be read is reported, and takes the place of what was there", async () => {
  const place = new Place();
  const { db, log } = await open(place);
  await db.commit([put("10.0.0.0/8")]);
  const [{ key: k }] = place.kept.values();
  place.put(null, [{ key: k, value: seal(k, Uint8Array.of(9, 1)) }]);
  assert.equal([db.size, db.skipped.count], [0, 1]);
  assert.match(log.join(), /cannot be taken: an entry of format 9; this program knows 1/);
  place.put(null, [{ key: Uint8Array.of(0x7a), value: Uint8Array.of(1) }]);
  assert.is(db.skipped.count, 2);
  await db.commit([put("10.0.0.0/8")]);
  assert.is(db.size, 1);
  await db.close();
});

test("more than the database may hold is refused, and what others have beyond that is reported", async () => {
  const place = new Place();
  const [small, large] = await Promise.all([open(place, { capacity: 2 }), open(place)]);
  await small.db.commit([put("10.0.0.0/8"), put("11.0.0.0/8")]);
  assert.throws(() => small.db.commit([put("12.0.0.0/8")]), /database is full/);
  await large.db.commit([put("12.0.0.0/8")]);
  assert.equal([small.db.size, small.db.skipped.count, large.db.size], [2, 1, 3]);
  await Promise.all([small.db.close(), large.db.close()]);
});

test("what another machine has written lives as long as it says, however that machine's clock is set", async () => {
  const place = new Place();
  const behind = await open(place);
  const ahead = await open(place, { clock: new SimulatedClock(2_000_000) });
  await behind.db.commit([put("10.0.0.0/8", { expiry: 60e9 })]);
  assert.equal([behind.db.nextExpiry, ahead.db.nextExpiry], [60e9, 60e9]);
  await Promise.all([behind.db.close(), ahead.db.close()]);
});

test("while the store is lost nothing expires, nor for as long again as it was, up to 90 seconds", async () => {
  const { db, store, clock, log } = await open(new Place());
  await db.commit([put("10.0.0.0/8", { expiry: 10e9 }), put("11.0.0.0/8", { expiry: 500e9 })]);
  store.listener!.lost(new Error("gone"));
  assert.equal([db.loss, db.nextExpiry], [{ since: 0, reason: "gone" }, Number.POSITIVE_INFINITY]);
  clock.advance(200e9);
  assert.equal([db.expire(), db.size], [0, 2]);
  store.listener!.connected();
  assert.equal([db.loss, db.nextExpiry, db.expire()], [null, 290e9, 0]);
  clock.advance(290e9);
  assert.equal([db.expire(), db.size, db.nextExpiry], [1, 1, 500e9]);
  assert.equal(log, [
    "the mapping store is lost, answers come from memory and registrations wait: gone",
    "the mapping store is there again after 200.0 s, registrations are taken",
  ]);
  await db.close();
});

test("a closed database takes nothing more", async () => {
  const { db } = await open(new Place());
  const last = db.commit([put("10.0.0.0/8")]);
  await Promise.all([db.close(), db.close(), last]);
  assert.throws(() => db.commit([]), /closed/);
});

test.run();
