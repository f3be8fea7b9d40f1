// Where migrations are kept, by a controller that has a store to itself.

import type { Store } from "../../router/store.js";
import { GroupCommit } from "../../store/group-commit.js";
import { keyText } from "../../store/key-text.js";
import { decodeRecord, encodeRecord, type MigrationRecord } from "./record.js";

/** The records of migrations, and whether this controller is the one that acts on them. */
export interface Ledger {
  /** Whether this controller acts now. */
  readonly acting: boolean;
  /** Records that are kept; those that could not be read are counted. */
  records(): readonly MigrationRecord[];
  readonly unreadable: number;
  /** Calls `listener` whenever `acting` changes, and at once where it is true. */
  onActing(listener: (acting: boolean) => void): void;
  /** Keeps records in the place of those with their IDs, all or none. Rejects with StoreError: then they may be kept or not. */
  save(records: readonly MigrationRecord[]): Promise<void>;
  /** Forgets records. Rejects with StoreError. */
  forget(ids: readonly string[]): Promise<void>;
  /** Gives the store back. */
  close(): Promise<void>;
}

const PREFIX = "fmc/migration/";

export function recordKey(id: string): Uint8Array {
  return Buffer.from(`${PREFIX}${id}`);
}

/** Whether a key is of a record; a store may have others. */
export function isRecordKey(key: Uint8Array): boolean {
  return keyText(key).startsWith(PREFIX);
}

/** Records as they are kept, read when they are asked for. */
export class RecordTable {
  readonly #values = new Map<string, Uint8Array>();
  unreadable = 0;

  put(key: Uint8Array, value: Uint8Array | null): void {
    if (!isRecordKey(key)) return;
    if (value === null) this.#values.delete(keyText(key));
    else this.#values.set(keyText(key), value);
  }

  value(key: Uint8Array): Uint8Array | null {
    return this.#values.get(keyText(key)) ?? null;
  }

  clear(): void {
    this.#values.clear();
  }

  /** In the order of their numbers. */
  read(): MigrationRecord[] {
    this.unreadable = 0;
    const records: MigrationRecord[] = [];
    for (const value of this.#values.values()) {
      try {
        records.push(decodeRecord(value));
      } catch {
        this.unreadable++;
      }
    }
    return records.sort((a, b) => a.number - b.number);
  }
}

/** Over a store that nobody else has, or none: then nothing outlives the controller. */
export class OwnLedger implements Ledger {
  readonly acting = true;
  readonly #store: Store | null;
  readonly #table: RecordTable;
  readonly #commits: GroupCommit | null;

  /** Rejects with StoreError. */
  static async open(store: Store | null): Promise<OwnLedger> {
    const table = new RecordTable();
    await store?.load((key, value) => table.put(key, value));
    return new OwnLedger(store, table);
  }

  private constructor(store: Store | null, table: RecordTable) {
    this.#store = store;
    this.#table = table;
    this.#commits =
      store === null
        ? null
        : new GroupCommit(store, {
            read: (key) => table.value(key),
            taken: () => () => {},
            failed: () => {},
          });
  }

  get unreadable(): number {
    return this.#table.unreadable;
  }

  records(): readonly MigrationRecord[] {
    return this.#table.read();
  }

  onActing(listener: (acting: boolean) => void): void {
    listener(true);
  }

  save(records: readonly MigrationRecord[]): Promise<void> {
    return this.#put(records.map((record) => [recordKey(record.id), encodeRecord(record)]));
  }

  forget(ids: readonly string[]): Promise<void> {
    return this.#put(ids.map((id) => [recordKey(id), null]));
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }

  async #put(values: readonly (readonly [Uint8Array, Uint8Array | null])[]): Promise<void> {
    for (const [key, value] of values) {
      this.#table.put(key, value);
      this.#commits?.touch(key);
    }
    await this.#commits?.flush();
  }
}
