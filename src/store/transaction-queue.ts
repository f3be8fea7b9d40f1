// Transactions on their way to a shared store: decided when they leave, on what
// is known then; several at once where their keys are not the same; again from
// the start when somebody else was first.

import { LargeMap } from "../collections/large-map.js";
import { StoreError } from "../router/store.js";
import { keyText } from "./key-text.js";
import {
  type SharedResult,
  type SharedStore,
  type SharedTransaction,
  TransactionBatch,
} from "./shared-store.js";

/** Seconds until a transaction is given up: longer than etcd takes to choose a new leader. */
const PATIENCE = 8;
/** Batches under way at the same time. */
const FLIGHTS_MAX = 4;
/** Transactions looked at for a batch: those whose keys are under way are passed over. */
const SCAN_MAX = 1024;
/** Milliseconds until a batch that failed is tried again, and one that was not first. */
const RETRY = 100;
/** Milliseconds until what is durable counts as done although its change was not told. */
const UNTOLD_MAX = 1000;

/** What comes to be of a transaction. */
export interface Pending {
  /** All keys that it may change, as text. */
  readonly keys: readonly string[];
  /** Decides. Throws what the transaction then fails with. */
  readonly decide: () => SharedTransaction | null;
  /** It is durable and known here, or there was nothing to do. */
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Milliseconds of steady time. */
  readonly deadline: number;
}

interface Untold {
  readonly pending: Pending;
  /** Of the store. */
  readonly revision: number;
  readonly until: number;
}

export interface QueueOptions {
  /** Told when the store fails a batch. */
  readonly failed: (error: unknown) => void;
  /** Seconds. */
  readonly patience?: number;
}

export class TransactionQueue {
  readonly #store: SharedStore;
  readonly #failed: (error: unknown) => void;
  readonly #patience: number;
  #queue: Pending[] = [];
  /** Keys under way, and whether they are to be taken out. */
  readonly #busy = new LargeMap<string, boolean>();
  /** Done in the store; waiting to be told of it. */
  #untold: Untold[] = [];
  #conflicted: Pending[] = [];
  #scheduled = false;
  #flights = 0;
  #under = 0;
  #timer: NodeJS.Timeout | null = null;
  #told = 0;
  #closed = false;
  readonly #idle: (() => void)[] = [];
  batches = 0;
  failures = 0;
  /** Keys written; transactions that others were before. */
  written = 0;
  conflicts = 0;

  constructor(store: SharedStore, options: QueueOptions) {
    this.#store = store;
    this.#failed = options.failed;
    this.#patience = (options.patience ?? PATIENCE) * 1000;
  }

  /** Transactions that are not done. */
  get waiting(): number {
    return this.#queue.length + this.#conflicted.length + this.#under;
  }

  /** Whether a key is on its way to be taken out from here. */
  takesOut(key: string): boolean {
    return this.#busy.get(key) ?? false;
  }

  /** Resolves when it is durable and known here; rejects with StoreError or what `decide` throws. */
  add(keys: readonly string[], decide: Pending["decide"]): Promise<void> {
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + this.#patience;
      this.#queue.push({ keys, decide, resolve, reject, deadline });
      // Not at once: what else comes in this turn goes along.
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#pump();
      });
    });
  }

  /** The store's changes up to `revision` are known here. */
  told(revision: number): void {
    this.#told = revision;
    if (this.#untold.length > 0) this.#finish();
    this.#requeue();
    this.#pump();
  }

  /** Waits for what is under way; the rest fails. */
  async close(): Promise<void> {
    if (this.waiting > 0) await new Promise<void>((done) => this.#idle.push(done));
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #pump(): void {
    while (!this.#closed && this.#flights < FLIGHTS_MAX) {
      const batch = this.#gather();
      if (batch.items.length === 0) break;
      this.#flights++;
      this.#under += batch.items.length;
      void this.#fly(batch.items, batch.transactions).finally(() => {
        this.#flights--;
        this.#pump();
      });
    }
    if (this.waiting > 0) this.#wake();
    else for (const done of this.#idle.splice(0)) done();
  }

  #gather(): TransactionBatch<Pending> {
    const batch = new TransactionBatch<Pending>();
    const left: Pending[] = [];
    const passed = new Set<string>();
    const scan = Math.min(SCAN_MAX, this.#queue.length);
    let at = 0;
    for (; at < scan; at++) {
      const pending = this.#queue[at];
      if (pending.keys.some((key) => this.#busy.has(key) || passed.has(key))) {
        for (const key of pending.keys) passed.add(key);
        left.push(pending);
        continue;
      }
      if (!this.#decide(pending, batch)) break;
    }
    this.#queue.splice(0, at, ...left);
    return batch;
  }

  /** False when it is for the next batch. */
  #decide(pending: Pending, batch: TransactionBatch<Pending>): boolean {
    let transaction: SharedTransaction | null;
    try {
      transaction = pending.decide();
    } catch (error) {
      pending.reject(error);
      return true;
    }
    if (transaction === null) {
      pending.resolve();
      return true;
    }
    if (!batch.add(pending, transaction)) {
      if (batch.items.length > 0) return false;
      const { length } = transaction.operations;
      pending.reject(new StoreError(`a transaction of ${length} operations is more than the store takes`));
      return true;
    }
    for (const key of pending.keys) this.#busy.set(key, false);
    for (const { key, value } of transaction.operations)
      if (value === null) this.#busy.set(keyText(key), true);
    return true;
  }

  async #fly(items: readonly Pending[], transactions: readonly SharedTransaction[]): Promise<void> {
    while (items.length > 0) {
      try {
        this.#landed(items, transactions, await this.#store.commit(transactions));
        return;
      } catch (error) {
        this.failures++;
        this.#failed(error);
        const passing = error instanceof StoreError && error.passing;
        if (!passing && items.length > 1) {
          // One of them is what the store does not take.
          const half = items.length >> 1;
          await this.#fly(items.slice(0, half), transactions.slice(0, half));
          await this.#fly(items.slice(half), transactions.slice(half));
          return;
        }
        const now = performance.now();
        const again = items.map((p) => passing && p.deadline > now);
        for (const [i, pending] of items.entries())
          if (!again[i]) {
            this.#release(pending);
            pending.reject(error);
          }
        items = items.filter((_, i) => again[i]);
        transactions = transactions.filter((_, i) => again[i]);
        if (items.length > 0) await new Promise((later) => setTimeout(later, RETRY));
      }
    }
  }

  #landed(
    items: readonly Pending[],
    transactions: readonly SharedTransaction[],
    results: readonly SharedResult[],
  ): void {
    this.batches++;
    const until = performance.now() + UNTOLD_MAX;
    for (const [i, result] of results.entries()) {
      if (result.kind === "conflict") this.#conflict(items[i]);
      else {
        this.written += transactions[i].operations.length;
        this.#untold.push({ pending: items[i], revision: result.revision, until });
      }
    }
    this.#finish();
  }

  /** Its keys stay taken: nothing for the same ones goes before it. */
  #conflict(pending: Pending): void {
    this.conflicts++;
    this.#under--;
    this.#conflicted.push(pending);
  }

  #finish(): void {
    const now = performance.now();
    const untold: Untold[] = [];
    for (const u of this.#untold) {
      if (u.revision > this.#told && u.until > now) untold.push(u);
      else {
        this.#release(u.pending);
        u.pending.resolve();
      }
    }
    this.#untold = untold;
  }

  #release(pending: Pending): void {
    this.#under--;
    for (const key of pending.keys) this.#busy.delete(key);
  }

  #requeue(): void {
    const now = performance.now();
    for (const pending of this.#conflicted) for (const key of pending.keys) this.#busy.delete(key);
    this.#queue.unshift(...this.#conflicted);
    this.#conflicted = [];
    // In the order they came in, but for those that were not first.
    while (this.#queue.length > 0 && this.#queue[0].deadline <= now)
      this.#queue.shift()!.reject(new StoreError("the mapping store did not take it in time"));
  }

  /** Looks again in a while. */
  #wake(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#finish();
      this.#requeue();
      this.#pump();
    }, RETRY).unref();
  }
}
