// Where migrations are kept by several controllers of which one acts: who put the leader's key last, as long as it goes on
// doing so. Every record is put together with that key: who has been superseded cannot keep anything any more.

import { randomBytes } from "node:crypto";
import type { Clock } from "../../router/clock.js";
import { StoreError } from "../../router/store.js";
import type { Timer } from "../../router/timer.js";
import { keyText } from "../../store/key-text.js";
import type {
  SharedChange,
  SharedListener,
  SharedOperation,
  SharedStore,
  SharedTransaction,
} from "../../store/shared-store.js";
import { type Ledger, RecordTable, recordKey } from "./ledger.js";
import { encodeRecord, type MigrationRecord } from "./record.js";
import type { TimerSource } from "./seams.js";

export interface SharedLedgerOptions {
  readonly store: SharedStore;
  readonly clock: Clock;
  readonly timers: TimerSource;
  /** Seconds for which one acts after the store has taken the key from it; another one takes over after one and a half times that. */
  readonly lease: number;
  readonly report: (text: string) => void;
}

const LEADER_KEY = Buffer.from("fmc/leader");
const LEADER = keyText(LEADER_KEY);
/** The key is put so often within a lease; after so many leases without it another one takes over. */
const RENEWALS = 4;
const PATIENCE = 1.5;
/** Records of one transaction, beside the leader's key. */
const RECORDS_MAX = 50;
/** Nanoseconds for which a conflict waits for what the store has to tell. */
const CONFLICT_WAIT = 1e8;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A change that is not in a transaction yet. */
interface Put {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

export class SharedLedger implements Ledger {
  readonly #options: SharedLedgerOptions;
  /** Nobody else's. */
  readonly #me = randomBytes(12).toString("hex");
  readonly #table = new RecordTable();
  readonly #listeners = new Set<(acting: boolean) => void>();
  readonly #tick: Timer;
  /** Who put the leader's key last, and the steady nanosecond at which that was heard; null: nobody. */
  #leader: { readonly who: string; readonly heard: number } | null = null;
  /** All changes up to it are told. */
  #revision = 0;
  /** Keys of the loading under way; null: none is. */
  #loading: Set<string> | null = null;
  #keys = new Set<string>();
  #acting = false;
  /** Steady nanosecond until which nobody else acts. */
  #until = 0;
  #dirty = new Map<string, Put>();
  #waiters: Waiter[] = [];
  #running = false;
  #renews = false;
  #closed = false;

  /** Rejects with StoreError when the store cannot be reached. */
  static async open(options: SharedLedgerOptions): Promise<SharedLedger> {
    const ledger = new SharedLedger(options);
    try {
      await options.store.follow(ledger.#listener());
    } catch (error) {
      await options.store.close();
      throw error;
    }
    ledger.#tick.scheduleAfter(0);
    return ledger;
  }

  private constructor(options: SharedLedgerOptions) {
    this.#options = options;
    this.#tick = options.timers.timer(() => this.#look());
  }

  get acting(): boolean {
    return this.#acting;
  }

  get unreadable(): number {
    return this.#table.unreadable;
  }

  records(): readonly MigrationRecord[] {
    return this.#table.read();
  }

  onActing(listener: (acting: boolean) => void): void {
    this.#listeners.add(listener);
    if (this.#acting) listener(true);
  }

  save(records: readonly MigrationRecord[]): Promise<void> {
    return this.#put(records.map((record) => ({ key: recordKey(record.id), value: encodeRecord(record) })));
  }

  forget(ids: readonly string[]): Promise<void> {
    return this.#put(ids.map((id) => ({ key: recordKey(id), value: null })));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const acted = this.#acting;
    this.#act(false);
    this.#closed = true;
    this.#tick.unschedule();
    this.#fail(new StoreError("the store is closed"));
    // The next one need not wait.
    if (acted) await this.#commit([this.#leaderPut(null)]).catch(() => {});
    await this.#options.store.close();
  }

  // ---- Who acts --------------------------------------------------------------------------

  #look(): void {
    const { clock, lease } = this.#options;
    this.#tick.scheduleAfter((lease / RENEWALS) * 1e9);
    const now = clock.now();
    if (this.#acting && now >= this.#until) {
      this.#options.report("the store has not taken this controller's key in time: it acts no more");
      this.#act(false);
    }
    const silent = this.#leader === null || now - this.#leader.heard >= PATIENCE * lease * 1e9;
    if (!this.#acting && !silent) return;
    this.#renews = true;
    void this.#run();
  }

  #act(acting: boolean): void {
    if (this.#acting === acting || this.#closed) return;
    this.#acting = acting;
    if (!acting) this.#fail(new StoreError("another controller acts"));
    for (const listener of this.#listeners) listener(acting);
  }

  #leaderPut(value: string | null): SharedOperation {
    return {
      key: LEADER_KEY,
      value: value === null ? null : Buffer.from(value),
      lifetime: Number.POSITIVE_INFINITY,
      builds: false,
    };
  }

  // ---- Writing ---------------------------------------------------------------------------

  #put(puts: readonly Put[]): Promise<void> {
    if (!this.#acting) return Promise.reject(new StoreError("another controller acts"));
    for (const put of puts) this.#dirty.set(keyText(put.key), put);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      queueMicrotask(() => void this.#run());
    });
  }

  #fail(error: Error): void {
    this.#dirty.clear();
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }

  /** One transaction after the other: each has the leader's key. */
  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (!this.#closed && (this.#renews || (this.#acting && this.#waiters.length > 0))) await this.#write();
    this.#running = false;
  }

  async #write(): Promise<void> {
    const { clock, lease } = this.#options;
    this.#renews = false;
    const puts = this.#acting ? [...this.#dirty.values()] : [];
    // All of what is waited for, or the first of many: these wait for the rest.
    const some = puts.slice(0, RECORDS_MAX);
    const waiters = some.length === puts.length ? this.#waiters.splice(0) : [];
    for (const { key } of some) this.#dirty.delete(keyText(key));
    const records = some.map((put) => ({ ...put, lifetime: Number.POSITIVE_INFINITY, builds: false }));
    const begun = clock.now();
    try {
      if (!(await this.#commit([this.#leaderPut(this.#me), ...records]))) {
        throw new StoreError("somebody has put the leader's key");
      }
    } catch (error) {
      // Unless something newer has come they wait for the next one, as far as this one acts still.
      if (this.#acting)
        for (const put of some)
          if (!this.#dirty.has(keyText(put.key))) this.#dirty.set(keyText(put.key), put);
      for (const { reject } of waiters) reject(error as Error);
      return;
    }
    for (const { key, value } of some) this.#table.put(key, value);
    this.#until = begun + lease * 1e9;
    for (const { resolve } of waiters) resolve();
    this.#act(true);
  }

  /** False: the leader's key was put since, by somebody. Rejects with StoreError. */
  async #commit(operations: readonly SharedOperation[]): Promise<boolean> {
    const transaction: SharedTransaction = { revision: this.#revision, operations };
    const [result] = await this.#options.store.commit([transaction]);
    if (result.kind === "conflict") {
      // What was put, perhaps by ourselves without an answer, is told soon.
      await new Promise<void>((resolve) => this.#options.timers.timer(resolve).scheduleAfter(CONFLICT_WAIT));
      return false;
    }
    this.#revision = Math.max(this.#revision, result.revision);
    return true;
  }

  // ---- What the store tells --------------------------------------------------------------

  #listener(): SharedListener {
    return {
      loading: (revision) => {
        this.#revision = Math.max(this.#revision, revision);
        this.#loading = new Set();
      },
      value: (key, value) => {
        this.#loading?.add(keyText(key));
        this.#take(key, value);
      },
      loaded: () => {
        for (const text of this.#keys)
          if (this.#loading?.has(text) === false) this.#take(Buffer.from(text, "latin1"), null);
        this.#loading = null;
      },
      changed: (changes: readonly SharedChange[]) => {
        for (const { key, value, revision } of changes) {
          this.#revision = Math.max(this.#revision, revision);
          this.#take(key, value);
        }
      },
      connected: () => {},
      lost: (error) => this.#options.report(`the store is lost: ${error.message}`),
    };
  }

  #take(key: Uint8Array, value: Uint8Array | null): void {
    const text = keyText(key);
    if (value === null) this.#keys.delete(text);
    else this.#keys.add(text);
    if (text !== LEADER) {
      this.#table.put(key, value);
      return;
    }
    const heard = this.#options.clock.now();
    this.#leader = value === null ? null : { who: keyText(value), heard };
    if (this.#acting && this.#leader?.who !== this.#me) {
      this.#options.report("another controller has taken over");
      this.#act(false);
    }
    if (value === null && !this.#closed) this.#tick.scheduleAfter(0);
  }
}
