// The mapping database of one Map-Server: EID-prefixes and what is registered for
// them, in memory for reading and in a store of its own for keeping. Writers are told when
// what they wrote is durable; readers see it before.

import { PacketMemory } from "../../packet/memory.js";
import type { Clock } from "../../router/clock.js";
import type { Store } from "../../router/store.js";
import { GroupCommit } from "../../store/group-commit.js";
import type { KeptChange } from "./history.js";
import { Loading, type Skipped, storedExpiries } from "./loading.js";
import * as records from "./records.js";
import {
  DatabaseClosedError,
  type Decided,
  type Decision,
  EXPIRE_AT_ONCE,
  RegistrationDatabase,
  type StoreCounts,
  type StoreLoss,
  type TransactionKeys,
} from "./registration-database.js";
import { RegistrationIndex } from "./registration-index.js";
import { type Operation, type Staged, type StagedEntry, stage } from "./transaction.js";

export type { Operation };

export interface DatabaseOptions {
  readonly clock: Clock;
  /** null: nothing outlives the database. */
  readonly store: Store | null;
  /** Where the index lives. Default: 1 GiB of address space of its own, of which only what is used costs memory. */
  readonly memory?: PacketMemory;
  /** Most EID-prefixes, and most nonces. Default 4,000,000. */
  readonly capacity?: number;
  /** Most changes kept for `watch`. Default 16,384. */
  readonly history?: number;
  /** Told, in sentences, what is wrong with the store, once a failure, and when it is right again. Default: nobody is. */
  readonly report?: (text: string) => void;
}

/** Nanoseconds before a batch that failed is tried again while nothing else is written. */
const AGAIN = 1e9;

export class MappingDatabase extends RegistrationDatabase {
  readonly #store: Store | null;
  readonly #commits: GroupCommit | null;
  #loss: StoreLoss | null = null;
  /** When a batch failed last. */
  #tried = 0;
  #closed = false;
  /** Whether others use the index's memory too; of its own nothing need be given back. */
  readonly #shared: boolean;
  #closing: Promise<void> | null = null;
  readonly skipped: { readonly count: number; readonly first: readonly Skipped[] };

  /** A database with what the store holds, short of what has expired. Rejects with StoreError, MemoryError or DatabaseFullError. */
  static async open(options: DatabaseOptions): Promise<MappingDatabase> {
    const memory = options.memory ?? new PacketMemory({ bytes: 2 ** 30, slots: 1 });
    const loading = new Loading(options.clock, new RegistrationIndex(memory), options.capacity ?? 4_000_000);
    try {
      const lost = (await options.store?.load((key, value) => loading.take(key, value))) ?? 0;
      loading.skipped.count += lost;
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
    const { index, nonces, revision } = loaded;
    super({
      clock: options.clock,
      index,
      nonces,
      revision,
      capacity: loaded.capacity,
      history: options.history,
      report: options.report,
    });
    this.#store = options.store;
    this.#shared = options.memory !== undefined;
    this.skipped = loaded.skipped;
    this.#commits =
      options.store === null
        ? null
        : new GroupCommit(options.store, {
            read: (key) => this.#stored(key),
            taken: () => {
              const revision = this.lastRevision;
              return () => {
                this.history.setDurable(revision);
                this.#present();
              };
            },
            failed: (error) => this.#failed(error as Error),
          });
    this.#tellSkipped();
  }

  #tellSkipped(): void {
    const { count, first } = this.skipped;
    if (count === 0) return;
    const why = first.length > 0 ? ` (the first: key ${first[0].key}: ${first[0].reason})` : "";
    this.report(`${count} keys of the mapping store could not be read and stay as they are${why}`);
  }

  /** While the store fails, also the time when it is tried again. */
  override get nextExpiry(): number {
    return this.#loss === null ? super.nextExpiry : Math.min(super.nextExpiry, this.#tried + AGAIN);
  }

  override get loss(): StoreLoss | null {
    return this.#loss;
  }

  #failed({ message: reason }: Error): void {
    const now = this.clock.now();
    if (this.#loss === null || this.#loss.reason !== reason) this.report(reason);
    this.#loss = { since: this.#loss?.since ?? now, reason };
    this.#tried = now;
  }

  #present(): void {
    if (this.#loss === null) return;
    const seconds = ((this.clock.now() - this.#loss.since) / 1e9).toFixed(1);
    this.#loss = null;
    this.report(`the mapping store takes registrations again, after ${seconds} s`);
  }

  get waiting(): number {
    return this.#commits?.waiting ?? 0;
  }

  get storeCounts(): StoreCounts {
    const { batches = 0, written = 0, failures = 0, dirty = 0 } = this.#commits ?? {};
    return { batches, written, failures, dirty };
  }

  /** Readers see it at once. When the store fails, the index has it nevertheless, and the next batch takes it to the store again. */
  commit(operations: readonly Operation[]): Promise<number> {
    if (this.#closed) throw new DatabaseClosedError("the mapping database is closed");
    const staged = stage(operations, this.clock.now());
    this.checkRoom(staged);
    this.#apply(staged);
    return this.#flush();
  }

  transact<T>(_keys: TransactionKeys, decide: () => Decision<T>): Decided<T> {
    const { operations, result } = decide();
    if (operations === null) return { result, durable: null };
    const committed = this.commit(operations);
    return { result, durable: this.durable >= this.revision ? null : committed };
  }

  expire(limit: number = EXPIRE_AT_ONCE): number {
    if (this.#closed) return 0;
    const count = this.takeExpired(limit, (key) => this.#commits?.touch(records.entryKey(key)));
    // Also what a batch that failed has left, with nobody left who waits for it.
    const left = this.#loss !== null && this.clock.now() - this.#tried >= AGAIN;
    if (left) this.#tried = this.clock.now();
    if (count > 0 || left) this.#flush().catch(() => {}); // it is reported
    return count;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.history.close();
    try {
      await this.#commits?.flush();
    } finally {
      if (this.#shared) this.index.destroy();
      await this.#store?.close();
    }
  }

  #flush(): Promise<number> {
    const revision = this.lastRevision;
    if (this.#commits === null) {
      this.history.setDurable(revision);
      return Promise.resolve(revision);
    }
    this.#commits.touch(records.revisionKey());
    return this.#commits.flush().then(() => revision);
  }

  #apply(staged: ReadonlyMap<string, Staged>): void {
    const undo: (() => void)[] = [];
    const changes: KeptChange[] = [];
    const revision = this.lastRevision + 1;
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
        if (s.nonce === null) this.nonces.delete(s.name);
        else this.nonces.set(s.name, s.nonce);
      } else if (s.bytes === null) {
        const record = this.index.exact(s.of);
        if (record === 0) continue;
        changes.push({ revision, kind: "delete", ...s.of, before: this.index.value(record), after: null });
        this.index.remove(record);
      }
      this.#commits?.touch(s.key);
    }
    this.lastRevision = revision;
    for (const change of changes) this.history.add(change);
  }

  #put(s: StagedEntry, revision: number, changes: KeptChange[], undo: (() => void)[]): void {
    const record = this.index.exact(s.of);
    const bytes = s.bytes!;
    if (record === 0) {
      this.index.put(s.of, bytes);
      undo.push(() => this.index.remove(this.index.exact(s.of)));
      changes.push({ revision, kind: "put", ...s.of, before: null, after: bytes });
      return;
    }
    const before = this.index.value(record);
    if (!this.index.refreshes(record, bytes))
      changes.push({ revision, kind: "put", ...s.of, before, after: bytes });
    this.index.put(s.of, bytes);
    undo.push(() => this.index.put(s.of, before));
  }

  /** What the store is to keep under a key. */
  #stored(key: Uint8Array): Uint8Array | null {
    const parsed = records.parseKey(key);
    if (parsed.kind === "revision") return records.seal(key, records.encodeNumber(BigInt(this.lastRevision)));
    if (parsed.kind === "nonce") {
      const nonce = this.nonces.get(parsed.of);
      return nonce === undefined ? null : records.seal(key, records.encodeNumber(nonce));
    }
    const record = this.index.exact(parsed.of);
    if (record === 0) return null;
    const bytes = this.index.value(record);
    storedExpiries(bytes, this.clock);
    return records.seal(key, bytes);
  }
}
