// What a Map-Server asks of its mapping database, whoever keeps it: all of it
// lies in memory and is read there; how changes are made is up to each kind.

import type { LargeMap } from "../../collections/large-map.js";
import type { EidPrefix } from "../../net/eid.js";
import { canonical, type Prefix } from "../../net/prefix.js";
import type { Clock } from "../../router/clock.js";
import { SluiceError } from "../../sluice-error.js";
import { encodeEntry } from "./codec.js";
import { ChangeHistory, type Watch, type Watcher } from "./history.js";
import { DatabaseFullError, type Skipped } from "./loading.js";
import type { Entry } from "./registration.js";
import type { RegistrationIndex } from "./registration-index.js";
import type { Operation, Staged } from "./transaction.js";

/** What a transaction comes to, given the state it was decided on. */
export interface Decision<T> {
  /** null: nothing is to be changed. */
  readonly operations: readonly Operation[] | null;
  readonly result: T;
}

/** A decision that was carried out. */
export interface Decided<T> {
  readonly result: T;
  /** Resolves with the transaction's revision once it is durable; null: it is, or nothing was to be changed. */
  readonly durable: Promise<number> | null;
}

/** What a transaction depends on and may change: EID-prefixes and nonces by name. */
export interface TransactionKeys {
  readonly entries: readonly EidPrefix[];
  readonly nonces: readonly string[];
}

/** Who looks after a database that others change, too. */
export interface Follower {
  /** A nonce was kept under a name. */
  nonce(name: string, value: bigint): void;
  /** Something changed, or the store was lost or is there again: `nextExpiry` may be another. */
  changed(): void;
}

export interface StoreCounts {
  readonly batches: number;
  readonly written: number;
  readonly failures: number;
  readonly dirty: number;
}

/** A store that cannot be reached, while what it held is still known. */
export interface StoreLoss {
  /** Steady nanoseconds of the router's clock since when. */
  readonly since: number;
  readonly reason: string;
}

/** The database was closed. */
export class DatabaseClosedError extends SluiceError {
  readonly code = "DATABASE_CLOSED";
}

/** Entries that one call of `expire` looks at unless told otherwise: some 0.5 ms. */
export const EXPIRE_AT_ONCE = 100;

/** What a database begins with. */
export interface Contents {
  readonly clock: Clock;
  readonly index: RegistrationIndex;
  readonly nonces: LargeMap<string, bigint>;
  readonly revision: number;
  /** Most EID-prefixes, and most nonces. */
  readonly capacity: number;
  /** Most changes kept for `watch`. Default 16,384. */
  readonly history?: number | undefined;
  /** Told, a line each, of what goes wrong. */
  readonly report: ((line: string) => void) | undefined;
}

export abstract class RegistrationDatabase {
  protected readonly clock: Clock;
  protected readonly index: RegistrationIndex;
  protected readonly nonces: LargeMap<string, bigint>;
  protected readonly history: ChangeHistory;
  protected readonly capacity: number;
  protected readonly report: (line: string) => void;
  protected lastRevision: number;

  protected constructor(contents: Contents) {
    this.clock = contents.clock;
    this.index = contents.index;
    this.nonces = contents.nonces;
    this.capacity = contents.capacity;
    this.report = contents.report ?? (() => {});
    this.history = new ChangeHistory(contents.history ?? 16_384, contents.revision, this.report);
    this.lastRevision = contents.revision;
  }

  /** What the store holds that could not be read and was left there: how many (with what the store lost itself), and the first hundred. */
  abstract readonly skipped: { readonly count: number; readonly first: readonly Skipped[] };

  /** Number of EID-prefixes. */
  get size(): number {
    return this.index.size;
  }

  /** Bytes of memory that the index takes. */
  get bytes(): number {
    return this.index.bytes;
  }

  /** Of the last transaction. */
  get revision(): number {
    return this.lastRevision;
  }

  /** Of the last transaction that is durable. */
  get durable(): number {
    return this.history.durable;
  }

  /** Steady nanoseconds of the next expiry; Infinity when nothing expires. */
  get nextExpiry(): number {
    return this.index.nextExpiry;
  }

  /** Transactions that wait for the store: whoever writes on behalf of a network bounds this. */
  abstract get waiting(): number;

  /** Batches and keys that the store took, batches that it failed, keys that wait for their batch. */
  abstract get storeCounts(): StoreCounts;

  /** null while the store is there, or none is needed. */
  get loss(): StoreLoss | null {
    return null;
  }

  /** The entry of the longest prefix that holds the address (4 or 16 bytes). */
  lookup(iid: number, address: Uint8Array): Entry | null {
    const record = this.index.lookup(iid, address);
    return record === 0 ? null : this.index.entry(record);
  }

  /** The entry of the longest prefix that holds all of this one, which it may be. */
  around({ iid, eid }: EidPrefix): Entry | null {
    const { address, length } = eid;
    const longest = this.lookup(iid, address);
    if (longest === null || longest.eid.length <= length) return longest;
    for (let n = length; n >= 0; n--) {
      const entry = this.get({ iid, eid: { address, length: n } });
      if (entry !== null) return entry;
    }
    return null;
  }

  /** The entry of exactly this EID-prefix. */
  get(key: EidPrefix): Entry | null {
    const record = this.index.exact(key);
    return record === 0 ? null : this.index.entry(record);
  }

  /**
   * The entries of this prefix and all more specific ones, in order of address, then length, from `from` on, which is one
   * of these prefixes. The database may change meanwhile.
   */
  *subtree(key: EidPrefix, from: Prefix = key.eid): IterableIterator<Entry> {
    for (const record of this.index.within(key, from)) yield this.index.entry(record);
  }

  /** All entries, by instance ID, family, address, length, from `from` on. The database may change meanwhile. */
  *entries(from?: EidPrefix): IterableIterator<Entry> {
    for (const record of this.index.all(from)) yield this.index.entry(record);
  }

  /**
   * The shortest prefix that holds the address and neither lies within an entry's prefix nor holds one: what a
   * negative Map-Reply is for (RFC 9301, section 8.4.1). null when an entry holds the address.
   */
  hole(iid: number, address: Uint8Array): Prefix | null {
    if (this.index.lookup(iid, address) !== 0) return null;
    const empty = (length: number): boolean =>
      this.index.within({ iid, eid: { address, length } }).next().done === true;
    let low = 0;
    let high = address.length * 8;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (empty(middle)) high = middle;
      else low = middle + 1;
    }
    return canonical({ address, length: low });
  }

  /** The nonce kept under a name. */
  nonce(name: string): bigint | null {
    return this.nonces.get(name) ?? null;
  }

  /**
   * Tells `watcher` of every durable change after revision `from`, in order: those known already before this returns,
   * then others as they come. Throws CompactedError when changes after `from` are forgotten: list the entries, and
   * watch from the revision that the database had then.
   */
  watch(from: number, watcher: Watcher): Watch {
    return this.history.watch(from, watcher, this.lastRevision);
  }

  /** From now on `follower` is told what others do to the database. Nothing to tell where nobody else does. */
  follow(_follower: Follower): Watch {
    return { close: () => {} };
  }

  /**
   * Does all of the operations or, when it throws, none. Of several for one EID-prefix or nonce the last counts.
   * Resolves with the transaction's revision once it is durable. Rejects with StoreError when the store fails.
   * Throws RegistrationError, MappingError, DatabaseFullError, MemoryError or DatabaseClosedError.
   */
  abstract commit(operations: readonly Operation[]): Promise<number>;

  /**
   * Does what `decide` says, given the state of `keys`. Where others change the same state it may be called again, later,
   * and then a promise is returned, which rejects with what `commit` throws or rejects with; so does this throw.
   */
  abstract transact<T>(keys: TransactionKeys, decide: () => Decision<T>): Decided<T> | Promise<Decided<T>>;

  /**
   * Takes out registrations whose time is over, looking at `limit` entries at most; returns at how many it did (call
   * again while that is above 0). The store follows by itself.
   */
  abstract expire(limit?: number): number;

  /** Waits for what is being written, then closes the store. Rejects with StoreError when what was written last is not durable. */
  abstract close(): Promise<void>;

  /** Throws DatabaseFullError where there is no room for all of it. */
  protected checkRoom(staged: ReadonlyMap<string, Staged>): void {
    let entries = this.index.size;
    let nonces = this.nonces.size;
    for (const s of staged.values()) {
      if (s.kind === "nonce") nonces += Number(s.nonce !== null) - Number(this.nonces.has(s.name));
      else entries += Number(s.bytes !== null) - Number(this.index.exact(s.of) !== 0);
    }
    if (entries > this.capacity || nonces > this.capacity)
      throw new DatabaseFullError(
        `the mapping database is full: ${this.capacity} EID-prefixes, and as many nonces`,
      );
  }

  /** Takes out of the index what has expired, as one transaction, and tells of each EID-prefix that it changed. */
  protected takeExpired(limit: number, changed: (key: EidPrefix) => void): number {
    const now = this.clock.now();
    let count = 0;
    for (; this.index.nextExpiry <= now && count < limit; count++) {
      if (count === 0) this.lastRevision++;
      const record = this.index.firstToExpire;
      const entry = this.index.entry(record);
      const { iid, eid } = entry;
      const registrations = entry.registrations.filter((r) => r.expiry > now);
      const before = this.index.value(record);
      const after = registrations.length === 0 ? null : encodeEntry({ iid, eid, registrations }, now);
      // Fewer registrations fit where more did: this needs no memory.
      if (after !== null) this.index.rewrite(record, after);
      else this.index.remove(record);
      this.history.add({ revision: this.lastRevision, kind: "expire", iid, eid, before, after });
      changed(entry);
    }
    return count;
  }
}
