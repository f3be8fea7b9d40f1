// The mapping database of a Map-Server: EID-prefixes and what is registered for
// them, in memory for reading and in a store for keeping. Writers are told when
// what they wrote is durable; readers see it before.

import type { Prefix } from "../../lang/args/spec.js";
import { PacketMemory } from "../../packet/memory.js";
import type { Clock } from "../../router/clock.js";
import { masked } from "../mapping.js";
import { encodeEntry } from "./codec.js";
import { GroupCommit } from "./group-commit.js";
import { ChangeHistory, type KeptChange, type Watch, type Watcher } from "./history.js";
import { DatabaseFullError, Loading, type Skipped, storedExpiries } from "./loading.js";
import * as records from "./records.js";
import type { EidKey, Entry } from "./registration.js";
import { RegistrationIndex } from "./registration-index.js";
import type { MappingStore } from "./store.js";
import { type Operation, type Staged, type StagedEntry, stage } from "./transaction.js";

export type { Operation };

export interface DatabaseOptions {
  readonly clock: Clock;
  /** null: nothing outlives the database. */
  readonly store: MappingStore | null;
  /** Where the index lives. Default: 1 GiB of address space of its own, of which only what is used costs memory. */
  readonly memory?: PacketMemory;
  /** Most EID-prefixes, and most nonces. Default 4,000,000. */
  readonly capacity?: number;
  /** Most changes kept for `watch`. Default 16,384. */
  readonly history?: number;
  /** Told when the store fails a batch, whose keys then wait for the next one. */
  readonly onStoreError?: (error: unknown) => void;
}

/** The database was closed. */
export class DatabaseClosedError extends Error {
  readonly code = "DATABASE_CLOSED";
}

/** Entries that one call of `expire` looks at unless told otherwise. */
const EXPIRE_AT_ONCE = 1000;

export class MappingDatabase {
  readonly #clock: Clock;
  readonly #store: MappingStore | null;
  readonly #index: RegistrationIndex;
  readonly #nonces = new Map<string, bigint>();
  readonly #history: ChangeHistory;
  readonly #commits: GroupCommit | null;
  readonly #capacity: number;
  #revision: number;
  #closed = false;
  #closing: Promise<void> | null = null;
  /** What the store holds that could not be read and was left there: how many (with what the store lost itself), and the first hundred. */
  readonly skipped: { readonly count: number; readonly first: readonly Skipped[] };

  /** A database with what the store holds, short of what has expired. Rejects with StoreError, MemoryError or DatabaseFullError. */
  static async open(options: DatabaseOptions): Promise<MappingDatabase> {
    const memory = options.memory ?? new PacketMemory({ bytes: 2 ** 30, slots: 1 });
    const loading = new Loading(options.clock, new RegistrationIndex(memory), options.capacity ?? 4_000_000);
    try {
      const lost = (await options.store?.load((key, value) => loading.take(key, value))) ?? 0;
      loading.skippedCount += lost;
    } catch (error) {
      loading.index.destroy();
      await options.store?.close();
      throw error;
    }
    const database = new MappingDatabase(options, loading);
    while (database.expire() > 0);
    return database;
  }

  private constructor(options: DatabaseOptions, loaded: Loading) {
    this.#clock = options.clock;
    this.#store = options.store;
    this.#index = loaded.index;
    this.#nonces = loaded.nonces;
    this.#revision = loaded.revision;
    this.#capacity = loaded.capacity;
    this.skipped = { count: loaded.skippedCount, first: loaded.skipped };
    this.#history = new ChangeHistory(options.history ?? 16_384, this.#revision);
    this.#commits =
      options.store === null
        ? null
        : new GroupCommit(options.store, {
            read: (key) => this.#stored(key),
            taken: () => {
              const revision = this.#revision;
              return () => this.#history.setDurable(revision);
            },
            failed: options.onStoreError ?? (() => {}),
          });
  }

  /** Number of EID-prefixes. */
  get size(): number {
    return this.#index.size;
  }

  /** Bytes of memory that the index takes. */
  get bytes(): number {
    return this.#index.bytes;
  }

  /** Of the last transaction. Grows over restarts, too. */
  get revision(): number {
    return this.#revision;
  }

  /** Of the last transaction that is durable. */
  get durable(): number {
    return this.#history.durable;
  }

  /** Steady nanoseconds of the next expiry; Infinity when nothing expires. */
  get nextExpiry(): number {
    return this.#index.nextExpiry;
  }

  /** Transactions that wait for the store: whoever writes on behalf of a network bounds this. */
  get waiting(): number {
    return this.#commits?.waiting ?? 0;
  }

  /** Batches and keys that the store took, batches that it failed, keys that wait for their batch. */
  get storeCounts(): {
    readonly batches: number;
    readonly written: number;
    readonly failures: number;
    readonly dirty: number;
  } {
    const { batches = 0, written = 0, failures = 0, dirty = 0 } = this.#commits ?? {};
    return { batches, written, failures, dirty };
  }

  /** The entry of the longest prefix that holds the address (4 or 16 bytes). */
  lookup(iid: number, address: Uint8Array): Entry | null {
    const record = this.#index.lookup(iid, address);
    return record === 0 ? null : this.#index.entry(record);
  }

  /** The entry of exactly this EID-prefix. */
  get(key: EidKey): Entry | null {
    const record = this.#index.exact(key);
    return record === 0 ? null : this.#index.entry(record);
  }

  /** The entries of this prefix and all more specific ones, in order of address, then length. The database may change meanwhile. */
  *subtree(key: EidKey): IterableIterator<Entry> {
    for (const record of this.#index.within(key)) yield this.#index.entry(record);
  }

  /** All entries, by instance ID, family, address, length. The database may change meanwhile. */
  *entries(): IterableIterator<Entry> {
    for (const record of this.#index.all()) yield this.#index.entry(record);
  }

  /**
   * The shortest prefix that holds the address and neither lies within an entry's prefix nor holds one: what a
   * negative Map-Reply is for (RFC 9301, section 8.4.1). null when an entry holds the address.
   */
  hole(iid: number, address: Uint8Array): Prefix | null {
    if (this.#index.lookup(iid, address) !== 0) return null;
    const empty = (length: number): boolean =>
      this.#index.within({ iid, eid: { address, length } }).next().done === true;
    let low = 0;
    let high = address.length * 8;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (empty(middle)) high = middle;
      else low = middle + 1;
    }
    return { address: masked(address, low), length: low };
  }

  /** The nonce kept under a name. */
  nonce(name: string): bigint | null {
    return this.#nonces.get(name) ?? null;
  }

  /**
   * Does all of the operations or, when it throws, none; readers see them at once. Of several for one EID-prefix or
   * nonce the last counts. Resolves with the transaction's revision once it is durable. Rejects with StoreError when
   * the store fails: the index then has it nevertheless, and the next batch takes it to the store again.
   * Throws RegistrationError, MappingError, DatabaseFullError, MemoryError or DatabaseClosedError.
   */
  commit(operations: readonly Operation[]): Promise<number> {
    if (this.#closed) throw new DatabaseClosedError("the mapping database is closed");
    const staged = stage(operations, this.#clock.now());
    this.#checkRoom(staged);
    this.#apply(staged);
    return this.#flush();
  }

  /**
   * Takes out registrations whose time is over, looking at `limit` entries at most; returns at how many it did (call
   * again while that is above 0). The store follows by itself.
   */
  expire(limit: number = EXPIRE_AT_ONCE): number {
    if (this.#closed) return 0;
    const now = this.#clock.now();
    let count = 0;
    for (; this.#index.nextExpiry <= now && count < limit; count++) {
      if (count === 0) this.#revision++;
      const record = this.#index.firstToExpire;
      const entry = this.#index.entry(record);
      const { iid, eid } = entry;
      const registrations = entry.registrations.filter((r) => r.expiry > now);
      const before = this.#index.value(record);
      const after = registrations.length === 0 ? null : encodeEntry({ iid, eid, registrations }, now);
      // Fewer registrations fit where more did: this needs no memory.
      if (after !== null) this.#index.rewrite(record, after);
      else this.#index.remove(record);
      this.#commits?.touch(records.entryKey(entry));
      this.#history.add({ revision: this.#revision, kind: "expire", iid, eid, before, after });
    }
    if (count > 0) this.#flush().catch(() => {}); // onStoreError is told
    return count;
  }

  /**
   * Tells `watcher` of every durable change after revision `from`, in order: those known already before this returns,
   * then others as they come. Throws CompactedError when changes after `from` are forgotten: list the entries, and
   * watch from the revision that the database had then.
   */
  watch(from: number, watcher: Watcher): Watch {
    return this.#history.watch(from, watcher, this.#revision);
  }

  /** Waits for what is being written, then closes the store. Rejects with StoreError when what was written last is not durable. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#history.close();
    try {
      await this.#commits?.flush();
    } finally {
      this.#index.destroy();
      await this.#store?.close();
    }
  }

  #flush(): Promise<number> {
    const revision = this.#revision;
    if (this.#commits === null) {
      this.#history.setDurable(revision);
      return Promise.resolve(revision);
    }
    this.#commits.touch(records.revisionKey());
    return this.#commits.flush().then(() => revision);
  }

  #checkRoom(staged: ReadonlyMap<string, Staged>): void {
    let entries = this.#index.size;
    let nonces = this.#nonces.size;
    for (const s of staged.values()) {
      if (s.kind === "nonce") nonces += Number(s.nonce !== null) - Number(this.#nonces.has(s.name));
      else entries += Number(s.bytes !== null) - Number(this.#index.exact(s.of) !== 0);
    }
    if (entries > this.#capacity || nonces > this.#capacity)
      throw new DatabaseFullError(
        `the mapping database is full: ${this.#capacity} EID-prefixes, and as many nonces`,
      );
  }

  #apply(staged: ReadonlyMap<string, Staged>): void {
    const undo: (() => void)[] = [];
    const changes: KeptChange[] = [];
    const revision = this.#revision + 1;
    const all = [...staged.values()];
    // What may fail comes first. To undo it takes no memory: the same bytes go where they were.
    try {
      for (const s of all) if (s.kind === "entry" && s.bytes !== null) this.#put(s, revision, changes, undo);
    } catch (error) {
      for (const back of undo.reverse()) back();
      throw error;
    }
    for (const s of all) {
      if (s.kind === "nonce") {
        if (s.nonce === null) this.#nonces.delete(s.name);
        else this.#nonces.set(s.name, s.nonce);
      } else if (s.bytes === null) {
        const record = this.#index.exact(s.of);
        if (record === 0) continue;
        changes.push({ revision, kind: "delete", ...s.of, before: this.#index.value(record), after: null });
        this.#index.remove(record);
      }
      this.#commits?.touch(s.key);
    }
    this.#revision = revision;
    for (const change of changes) this.#history.add(change);
  }

  #put(s: StagedEntry, revision: number, changes: KeptChange[], undo: (() => void)[]): void {
    const record = this.#index.exact(s.of);
    const bytes = s.bytes!;
    if (record === 0) {
      this.#index.put(s.of, bytes);
      undo.push(() => this.#index.remove(this.#index.exact(s.of)));
      changes.push({ revision, kind: "put", ...s.of, before: null, after: bytes });
      return;
    }
    const before = this.#index.value(record);
    if (!this.#index.refreshes(record, bytes))
      changes.push({ revision, kind: "put", ...s.of, before, after: bytes });
    this.#index.put(s.of, bytes);
    undo.push(() => this.#index.put(s.of, before));
  }

  /** What the store is to keep under a key. */
  #stored(key: Uint8Array): Uint8Array | null {
    const parsed = records.parseKey(key);
    if (parsed.kind === "revision") return records.seal(key, records.encodeNumber(BigInt(this.#revision)));
    if (parsed.kind === "nonce") {
      const nonce = this.#nonces.get(parsed.of);
      return nonce === undefined ? null : records.seal(key, records.encodeNumber(nonce));
    }
    const record = this.#index.exact(parsed.of);
    if (record === 0) return null;
    const bytes = this.#index.value(record);
    storedExpiries(bytes, this.#clock);
    return records.seal(key, bytes);
  }
}
