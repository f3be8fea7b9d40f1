// The mapping database of several Map-Servers: one store has it, and each has all
// of it in memory. What is read here is durable; what is registered counts once
// the store has taken it and has told so, to this Map-Server as to all others.

import { LargeMap } from "../../collections/large-map.js";
import { canonicalEid } from "../../net/eid.js";
import { PacketMemory } from "../../packet/memory.js";
import type { Clock } from "../../router/clock.js";
import { keyText } from "../../store/key-text.js";
import type { SharedChange, SharedListener, SharedOperation, SharedStore } from "../../store/shared-store.js";
import { TransactionQueue } from "../../store/transaction-queue.js";
import { firstExpiry } from "./codec.js";
import type { KeptChange, Watch } from "./history.js";
import {
  DatabaseFullError,
  isUnreadable,
  readStored,
  SkippedRecords,
  type Stored,
  storedExpiries,
} from "./loading.js";
import { encodeNumber, entryKey, nonceKey, parseKey, seal } from "./records.js";
import {
  DatabaseClosedError,
  type Decided,
  type Decision,
  EXPIRE_AT_ONCE,
  type Follower,
  RegistrationDatabase,
  type StoreCounts,
  type StoreLoss,
  type TransactionKeys,
} from "./registration-database.js";
import { RegistrationIndex } from "./registration-index.js";
import { type Operation, type Staged, stage } from "./transaction.js";

export interface SharedDatabaseOptions {
  readonly clock: Clock;
  readonly store: SharedStore;
  /** As of a MappingDatabase. */
  readonly memory?: PacketMemory;
  readonly capacity?: number;
  readonly history?: number;
  /** Told when the store is lost and when it is there again, and what else goes wrong with it. */
  readonly report?: (text: string) => void;
  /** Seconds that a registration waits for the store until it is given up. Default 8. */
  readonly patience?: number;
}

/**
 * Nanoseconds for which nothing expires once the store is there again, at most: while it was lost nobody could renew a
 * registration, and xTRs do so every minute (RFC 9301, section 5.6).
 */
const GRACE_MAX = 90e9;
/** Nanoseconds between reports of what goes wrong all the time. */
const REPORT_INTERVAL = 10e9;

export class SharedDatabase extends RegistrationDatabase {
  readonly #store: SharedStore;
  readonly #queue: TransactionQueue;
  readonly #followers = new Set<Follower>();
  readonly skipped = new SkippedRecords();
  /** All changes of the store up to this revision of it are in the index. */
  #seen = 0;
  /** The store's revision that was told last, perhaps not wholly yet. */
  #telling = 0;
  #reported = Number.NEGATIVE_INFINITY;
  #loss: StoreLoss | null = null;
  #graceUntil = 0;
  /** Of the loading under way: its revision, and the keys told so far; null: there were none before it. */
  #loading: { readonly revision: number; readonly keys: Set<string> | null } | null = null;
  /** Whether others use the index's memory too; of its own nothing need be given back. */
  readonly #shared: boolean;
  #open = false;
  #closed = false;
  #closing: Promise<void> | null = null;

  /** Rejects with StoreError when the store cannot be reached, with MemoryError or DatabaseFullError when it holds too much. */
  static async open(options: SharedDatabaseOptions): Promise<SharedDatabase> {
    const database = new SharedDatabase(options);
    try {
      await database.#store.follow(database.#listener());
    } catch (error) {
      await database.close();
      throw error;
    }
    while (database.expire() > 0);
    return database;
  }

  private constructor(options: SharedDatabaseOptions) {
    const memory = options.memory ?? new PacketMemory({ bytes: 2 ** 30, slots: 1 });
    super({
      clock: options.clock,
      index: new RegistrationIndex(memory),
      nonces: new LargeMap(),
      revision: 0,
      capacity: options.capacity ?? 4_000_000,
      history: options.history,
      report: options.report,
    });
    this.#store = options.store;
    this.#shared = options.memory !== undefined;
    this.#queue = new TransactionQueue(options.store, {
      failed: (error) => this.#reportOften(`the mapping store failed: ${(error as Error).message}`),
      ...(options.patience === undefined ? {} : { patience: options.patience }),
    });
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  get storeCounts(): StoreCounts & { readonly conflicts: number } {
    const { batches, written, failures, conflicts, waiting } = this.#queue;
    return { batches, written, failures, conflicts, dirty: waiting };
  }

  override get loss(): StoreLoss | null {
    return this.#loss;
  }

  /** While the store is lost nothing expires: nobody can renew anything. */
  override get nextExpiry(): number {
    if (this.#loss !== null) return Number.POSITIVE_INFINITY;
    return Math.max(super.nextExpiry, this.#graceUntil);
  }

  override follow(follower: Follower): Watch {
    this.#followers.add(follower);
    return { close: () => void this.#followers.delete(follower) };
  }

  /** Readers see it once it is durable. */
  commit(operations: readonly Operation[]): Promise<number> {
    if (this.#closed) throw new DatabaseClosedError("the mapping database is closed");
    this.checkRoom(stage(operations, this.clock.now()));
    const done = this.transact(keysOf(operations), () => ({ operations, result: null }));
    return done.then(() => this.revision);
  }

  async transact<T>(keys: TransactionKeys, decide: () => Decision<T>): Promise<Decided<T>> {
    if (this.#closed) throw new DatabaseClosedError("the mapping database is closed");
    const texts = [
      ...keys.entries.map((key) => keyText(entryKey(canonicalEid(key)))),
      ...keys.nonces.map((name) => keyText(nonceKey(name))),
    ];
    let result: T;
    await this.#queue.add(texts, () => {
      const decision = decide();
      result = decision.result;
      if (decision.operations === null) return null;
      const staged = stage(decision.operations, this.clock.now());
      this.checkRoom(staged);
      if (staged.size === 0) return null;
      return { revision: this.#seen, operations: [...staged.values()].map((s) => this.#operation(s)) };
    });
    return { result: result!, durable: null };
  }

  /** From the index only: the store forgets by itself, by its own clock. */
  expire(limit: number = EXPIRE_AT_ONCE): number {
    if (this.#closed || this.nextExpiry > this.clock.now()) return 0;
    const count = this.takeExpired(limit, () => {});
    this.history.setDurable(this.lastRevision);
    return count;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.history.close();
    this.#followers.clear();
    try {
      await this.#queue.close();
    } finally {
      await this.#store.close();
      if (this.#shared) this.index.destroy();
    }
  }

  #operation(s: Staged): SharedOperation {
    const { key } = s;
    if (s.kind === "nonce") {
      const value = s.nonce === null ? null : seal(key, encodeNumber(s.nonce));
      return { key, value, lifetime: Number.POSITIVE_INFINITY, builds: false };
    }
    if (s.bytes === null) return { key, value: null, lifetime: 0, builds: false };
    const now = this.clock.now();
    const lifetime = Math.max(1, (s.lastExpiry - now) / 1e9);
    const bytes = new Uint8Array(s.bytes);
    storedExpiries(bytes, this.clock);
    // Where xTRs register together, what the others said is part of it.
    return { key, value: seal(key, bytes), lifetime, builds: s.count > 1 && this.index.exact(s.of) !== 0 };
  }

  // ---- What the store tells ------------------------------------------------------

  #listener(): SharedListener {
    return {
      loading: (revision) => {
        const again = this.#open || this.#loading !== null;
        this.#loading = { revision, keys: again ? new Set() : null };
        this.#advance(revision);
      },
      value: (key, value) => this.#value(key, value),
      loaded: () => this.#loaded(),
      changed: (changes) => this.#changed(changes),
      connected: () => this.#connected(),
      lost: (error) => this.#lost(error),
    };
  }

  #value(key: Uint8Array, value: Uint8Array): void {
    this.#loading!.keys?.add(keyText(key));
    this.#apply({ key, value, own: false }, false);
  }

  #loaded(): void {
    const { revision, keys } = this.#loading!;
    this.#loading = null;
    if (keys !== null) {
      const gone = [...this.index.all()]
        .map((record) => entryKey(this.index.key(record)))
        .concat([...this.nonces.keys()].map(nonceKey))
        .filter((key) => !keys.has(keyText(key)));
      for (const key of gone) this.#apply({ key, value: null, own: false }, false);
    }
    if (!this.#open) this.history.begin(this.lastRevision);
    this.#open = true;
    this.#tell(revision);
  }

  #changed(changes: readonly SharedChange[]): void {
    for (const change of changes) {
      this.#advance(change.revision);
      this.#apply(change, true);
    }
    const last = changes.at(-1);
    if (last !== undefined) this.#tell(last.revision);
  }

  /** All up to the store's revision is in the index. */
  #tell(revision: number): void {
    this.#seen = revision;
    this.history.setDurable(this.lastRevision);
    this.#queue.told(revision);
    for (const follower of this.#followers) follower.changed();
  }

  /** The database's own revisions run ahead of the store's by what expires here. */
  #advance(storeRevision: number): void {
    if (storeRevision === this.#telling) return;
    this.#telling = storeRevision;
    this.lastRevision = Math.max(this.lastRevision + 1, storeRevision);
  }

  #apply({ key, value, own }: Omit<SharedChange, "revision">, fresh: boolean): void {
    const remote = !(own || (value === null && this.#queue.takesOut(keyText(key))));
    let stored: Stored | null = null;
    try {
      const parsed = parseKey(key);
      if (value !== null) stored = readStored(key, value, this.clock, fresh && remote);
      if (parsed.kind === "nonce")
        this.#applyNonce(parsed.of, stored?.kind === "nonce" ? stored.nonce : null);
      if (parsed.kind === "entry") {
        const bytes = stored?.kind === "entry" ? stored.bytes : null;
        this.#applyEntry({
          kind: "put",
          revision: this.lastRevision,
          ...parsed.of,
          before: null,
          after: bytes,
          remote,
        });
      }
    } catch (error) {
      if (!this.#open && !isUnreadable(error)) throw error;
      // What cannot be read is not answered for, and neither is what it took the place of.
      if (value === null) return;
      this.skipped.add(key, (error as Error).message);
      this.#reportOften(`a record of the mapping store cannot be taken: ${(error as Error).message}`);
      this.#apply({ key, value: null, own: false }, fresh);
    }
  }

  #applyNonce(name: string, nonce: bigint | null): void {
    if (nonce === null) {
      this.nonces.delete(name);
      return;
    }
    if (this.nonces.get(name) === nonce) return;
    this.#checkCapacity();
    this.nonces.set(name, nonce);
    for (const follower of this.#followers) follower.nonce(name, nonce);
  }

  #applyEntry(change: KeptChange): void {
    const { after } = change;
    const record = this.index.exact(change);
    const before = record === 0 ? null : this.index.value(record);
    if (after === null) {
      if (before === null) return;
      this.index.remove(record);
      const kind = firstExpiry(before) <= this.clock.now() ? "expire" : "delete";
      this.history.add({ ...change, kind, before });
      return;
    }
    if (before === null) this.#checkCapacity();
    const same = record !== 0 && this.index.refreshes(record, after);
    this.index.put(change, after);
    if (!same && this.#open) this.history.add({ ...change, before });
  }

  #checkCapacity(): void {
    if (this.index.size >= this.capacity || this.nonces.size >= this.capacity)
      throw new DatabaseFullError(`the store holds more than ${this.capacity} EID-prefixes or nonces`);
  }

  #connected(): void {
    if (this.#loss === null) return;
    const now = this.clock.now();
    const { since } = this.#loss;
    this.#loss = null;
    this.#graceUntil = now + Math.min(now - since, GRACE_MAX);
    const seconds = ((now - since) / 1e9).toFixed(1);
    this.report(`the mapping store is there again after ${seconds} s, registrations are taken`);
    for (const follower of this.#followers) follower.changed();
  }

  #lost(error: Error): void {
    if (this.#loss !== null) return;
    this.#loss = { since: this.clock.now(), reason: error.message };
    this.report(
      `the mapping store is lost, answers come from memory and registrations wait: ${error.message}`,
    );
    for (const follower of this.#followers) follower.changed();
  }

  #reportOften(text: string): void {
    const now = this.clock.now();
    if (this.#loss !== null || now - this.#reported < REPORT_INTERVAL) return;
    this.#reported = now;
    this.report(text);
  }
}

function keysOf(operations: readonly Operation[]): TransactionKeys {
  const entries = operations.flatMap((o) => ("nonce" in o ? [] : ["put" in o ? o.put : o.delete]));
  return { entries, nonces: operations.flatMap((o) => ("nonce" in o ? [o.nonce] : [])) };
}
