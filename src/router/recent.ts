/**
 * A map that keeps what was used recently: the `limit` / 2 entries used last for certain, at most `limit` in all. Being
 * found costs an entry next to nothing, so that what is asked for all the time may be kept here.
 */
export class Recent<K, V> {
  readonly #half: number;
  #young = new Map<K, V>();
  /** Used before the young ones. When those are as many as these may be, these go. */
  #old = new Map<K, V>();

  constructor(limit: number) {
    this.#half = Math.max(1, limit >>> 1);
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    return old === undefined ? undefined : this.set(key, old);
  }

  /** Returns `value`. */
  set(key: K, value: V): V {
    this.#old.delete(key);
    if (!this.#young.has(key) && this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
    return value;
  }
}
