// A store that several programs write to, for one who keeps independent values in it: the last who writes one wins, and
// each is told what the others have written.

import { type Store, StoreError, type StoreNews, type StoreOperation } from "../router/store.js";
import { keyText } from "./key-text.js";
import type { SharedChange, SharedListener, SharedStore } from "./shared-store.js";

/** Keys of one transaction of the store. */
const KEYS_MAX = 64;
/** Milliseconds until a transaction is tried again that somebody else was before, and until it is given up. */
const RETRY = 20;
const PATIENCE = 8000;

/** Its `commit` is one transaction for up to 64 keys; more are written in several. */
export class FollowedStore implements Store {
  readonly #shared: SharedStore;
  readonly #news: StoreNews;
  /** Every key there is, and, until `load`, its value. */
  readonly #keys = new Map<string, StoreOperation>();
  /** Keys of the loading under way that were told so far. */
  #told: Set<string> | null = null;
  #loaded = false;
  #revision = 0;

  /** Rejects with StoreError when the store cannot be reached. */
  static async open(shared: SharedStore, news: StoreNews): Promise<FollowedStore> {
    const store = new FollowedStore(shared, news);
    try {
      await shared.follow(store.#listener());
    } catch (error) {
      await shared.close();
      throw error;
    }
    return store;
  }

  private constructor(shared: SharedStore, news: StoreNews) {
    this.#shared = shared;
    this.#news = news;
  }

  async load(each: (key: Uint8Array, value: Uint8Array) => void): Promise<number> {
    for (const [text, { key, value }] of this.#keys) {
      each(key, value!);
      this.#keys.set(text, { key, value: null });
    }
    this.#loaded = true;
    return 0;
  }

  async commit(operations: readonly StoreOperation[]): Promise<void> {
    for (let at = 0; at < operations.length; at += KEYS_MAX)
      await this.#commit(operations.slice(at, at + KEYS_MAX));
  }

  async #commit(some: readonly StoreOperation[]): Promise<void> {
    const operations = some.map(({ key, value }) => ({
      key,
      value,
      lifetime: Number.POSITIVE_INFINITY,
      builds: false,
    }));
    const end = performance.now() + PATIENCE;
    for (;;) {
      const [result] = await this.#shared.commit([{ revision: this.#revision, operations }]);
      if (result.kind === "done") {
        this.#revision = Math.max(this.#revision, result.revision);
        return;
      }
      if (performance.now() > end) throw new StoreError("others write the same keys all the time");
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }

  async close(): Promise<void> {
    await this.#shared.close();
  }

  #listener(): SharedListener {
    return {
      loading: (revision) => {
        this.#revision = revision;
        this.#told = new Set();
      },
      value: (key, value) => {
        this.#told?.add(keyText(key));
        this.#take(key, value, false);
      },
      loaded: () => {
        for (const [text, { key }] of this.#keys) if (!this.#told!.has(text)) this.#take(key, null, false);
        this.#told = null;
      },
      changed: (changes: readonly SharedChange[]) => {
        for (const { key, value, own, revision } of changes) {
          this.#revision = Math.max(this.#revision, revision);
          this.#take(key, value, own);
        }
      },
      connected: () => {},
      lost: () => {},
    };
  }

  #take(key: Uint8Array, value: Uint8Array | null, own: boolean): void {
    const text = keyText(key);
    const known = this.#keys.has(text);
    if (value === null) this.#keys.delete(text);
    else this.#keys.set(text, { key, value: this.#loaded ? null : value });
    if (this.#loaded && !own && (known || value !== null)) this.#news(key, value);
  }
}
