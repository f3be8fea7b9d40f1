// A store in memory: it outlives a database in the same process, for
// simulations and tests. A database that needs no store is given none.

import { LargeMap } from "../collections/large-map.js";
import type { Store, StoreOperation } from "../router/store.js";
import { keyText } from "./key-text.js";

export class MemoryStore implements Store {
  readonly #values = new LargeMap<string, StoreOperation>();

  /** Number of keys. */
  get size(): number {
    return this.#values.size;
  }

  async load(each: (key: Uint8Array, value: Uint8Array) => void): Promise<number> {
    for (const { key, value } of this.#values.values()) each(new Uint8Array(key), new Uint8Array(value!));
    return 0;
  }

  async commit(operations: readonly StoreOperation[]): Promise<void> {
    for (const { key, value } of operations) {
      if (value === null) this.#values.delete(keyText(key));
      else this.#values.set(keyText(key), { key, value });
    }
  }

  async close(): Promise<void> {}
}
