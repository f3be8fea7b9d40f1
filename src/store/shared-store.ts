// What a mapping database asks of a store that several Map-Servers write to at
// the same time: transactions that hold only where nobody was first, and word of
// what the others do.

/** One step of a transaction: a key (1 to 300 bytes) and its new value; null takes the key out. */
export interface SharedOperation {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
  /** Seconds that the store keeps the value at least; it may forget it some time later. Infinity: for good. */
  readonly lifetime: number;
  /** Decided on what the key holds: it must still be there. */
  readonly builds: boolean;
}

export interface SharedTransaction {
  /** Of the store, that it was decided on: none of its keys may have been put since. */
  readonly revision: number;
  /** One a key. */
  readonly operations: readonly SharedOperation[];
}

/**
 * `done`: it is durable, from the store's `revision` on. A transaction committed again whose answer was lost is done,
 * too, while its keys hold what it put. `conflict`: somebody was first, and nothing of it was applied.
 */
export type SharedResult =
  | { readonly kind: "done"; readonly revision: number }
  | { readonly kind: "conflict" };

/** A key that changed; `value` null: it is gone. */
export interface SharedChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
  /** Put through this very store; not known of keys that are gone. */
  readonly own: boolean;
  /** Of the store. */
  readonly revision: number;
}

/** Who is told. Keys and values are its to keep. */
export interface SharedListener {
  /** All there is at a revision follows, by `value`, until `loaded`: what is not told is gone. May begin anew before that. */
  loading(revision: number): void;
  /** Throws what ends the loading, when it is the first one. */
  value(key: Uint8Array, value: Uint8Array): void;
  loaded(): void;
  /** What changed since, all of one or several revisions, in order. */
  changed(changes: readonly SharedChange[]): void;
  /** The store is there, and all its changes are told. */
  connected(): void;
  /** The store is lost; it is looked for. */
  lost(error: Error): void;
}

/** Keys and values that several programs share. Its methods reject with StoreError. */
export interface SharedStore {
  /** Loads all there is, then goes on telling of changes. Resolves once it is connected; rejects when it cannot be. */
  follow(listener: SharedListener): Promise<void>;
  /**
   * Applies each transaction or not, all of them in one step of the store; together they must fit (`TransactionBatch`). When
   * it rejects, they may or may not have been applied, and may be committed again as they are. May be called again
   * before it has settled, with transactions of other keys.
   */
  commit(transactions: readonly SharedTransaction[]): Promise<readonly SharedResult[]>;
  /** Gives everything back. Nothing is told afterwards. */
  close(): Promise<void>;
}

/** What etcd takes in one transaction unless told otherwise: of it and those within it, conditions or steps. */
const OPERATIONS_MAX = 128;
/** Of keys and values: two thirds of what etcd takes in one request. */
const BYTES_MAX = 1 << 20;

/** Transactions that go to a store together. */
export class TransactionBatch<T> {
  readonly items: T[] = [];
  readonly transactions: SharedTransaction[] = [];
  #deepest = 0;
  #bytes = 0;

  /** Takes a transaction and what it belongs to; false when it does not fit beside the others. */
  add(item: T, transaction: SharedTransaction): boolean {
    const { operations } = transaction;
    const conditions = operations.reduce((n, o) => n + 1 + Number(o.builds), 0);
    const bytes = operations.reduce((n, o) => n + o.key.length + (o.value?.length ?? 0), 0);
    const deepest = Math.max(this.#deepest, conditions);
    if (this.items.length + 1 + deepest > OPERATIONS_MAX || this.#bytes + bytes > BYTES_MAX) return false;
    this.#deepest = deepest;
    this.#bytes += bytes;
    this.items.push(item);
    this.transactions.push(transaction);
    return true;
  }
}
