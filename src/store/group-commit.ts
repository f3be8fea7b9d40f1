// Writing to a store in groups: while one batch is on its way to the disk, the
// next one gathers. What is written is the state of the changed keys when their
// batch leaves, so that a batch that failed is made up for by the next.

import type { Store } from "../router/store.js";
import { keyText } from "./key-text.js";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Whose keys are written. */
export interface Committing {
  /** The present value of a key, null when there is none. */
  read(key: Uint8Array): Uint8Array | null;
  /** A batch takes the present state; what this returns is called when that state is durable, also after batches that failed. */
  taken(): () => void;
  /** The store failed a batch. */
  failed(error: unknown): void;
}

export class GroupCommit {
  readonly #store: Store;
  readonly #owner: Committing;
  #dirty = new Map<string, Uint8Array>();
  #waiters: Waiter[] = [];
  #running = false;
  /** Batches that the store took, and that it did not. */
  batches = 0;
  failures = 0;
  /** Keys written. */
  written = 0;

  constructor(store: Store, owner: Committing) {
    this.#store = store;
    this.#owner = owner;
  }

  /** Keys that changed and are not in a batch yet. */
  get dirty(): number {
    return this.#dirty.size;
  }

  /** Calls of `flush` not in a batch yet. */
  get waiting(): number {
    return this.#waiters.length;
  }

  touch(key: Uint8Array): void {
    this.#dirty.set(keyText(key), key);
  }

  /** Resolves when all that was touched is durable; rejects with the store's error, and the keys wait for the next batch. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // Not at once: what else changes in this turn goes along.
      queueMicrotask(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiters.length > 0) {
      const keys = this.#dirty;
      const waiters = this.#waiters;
      this.#dirty = new Map();
      this.#waiters = [];
      const operations = [...keys.values()].map((key) => ({ key, value: this.#owner.read(key) }));
      const durable = this.#owner.taken();
      try {
        if (operations.length > 0) await this.#store.commit(operations);
      } catch (error) {
        this.failures++;
        for (const [text, key] of keys) if (!this.#dirty.has(text)) this.#dirty.set(text, key);
        for (const w of waiters) w.reject(error);
        this.#owner.failed(error);
        continue;
      }
      this.batches++;
      this.written += operations.length;
      for (const w of waiters) w.resolve();
      durable();
    }
    this.#running = false;
  }
}
