// The embedded store: LMDB. A batch is one transaction of it, synced to disk
// before it counts; the writing is done by a thread of LMDB's own.

import { mkdir } from "node:fs/promises";
import type { open as Open, RootDatabase } from "lmdb";
import { type Store, StoreError, type StoreOperation } from "../router/store.js";
import { checkLmdbFile } from "./lmdb-file.js";

/** LMDB's own is lock.mdb. */
const LOCK_FILE = "holder.lock";
/** Longest key it takes, in bytes. */
const KEY_MAX = 300;

/**
 * Keeps a folder to one user at a time: locks this file in it, made if it is not there. Resolves with what unlocks it,
 * rejects with an Error that says who has it.
 */
export type LockStore = (file: string) => Promise<() => void>;

/**
 * Opens the store in a folder, made if it is not there (in one that is). Rejects with StoreError: when this platform
 * has no LMDB, the folder cannot be used, or what is in it is no LMDB database or a damaged one. Only one may have it
 * open at a time: LMDB does not see to that, `lock` does.
 */
export async function openLmdbStore(folder: string, lock: LockStore = async () => () => {}): Promise<Store> {
  const open = await loadLmdb();
  let unlock = (): void => {};
  try {
    await mkdir(folder).catch((error) => {
      if (error.code !== "EEXIST") throw error;
    });
    unlock = await lock(`${folder}/${LOCK_FILE}`);
    await checkLmdbFile(`${folder}/data.mdb`);
    const database = open<Uint8Array, Uint8Array>({
      path: folder,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      // A commit is a commit once it is on disk, as LMDB itself has it.
      overlappingSync: false,
      // With it, a failed batch would reject promises that nobody has.
      eventTurnBatching: false,
    });
    return new LmdbStore(database, unlock);
  } catch (error) {
    unlock();
    throw new StoreError(`cannot open the mapping store in ${folder}: ${message(error)}`, { cause: error });
  }
}

/** Loaded when it is needed: it takes 30 ms, and not every platform has it. */
async function loadLmdb(): Promise<typeof Open> {
  try {
    return (await import("lmdb")).open;
  } catch (error) {
    throw new StoreError(
      `the mapping store needs the package lmdb, which has no working binary for ${process.platform}-${process.arch}: ${message(error)}`,
      { cause: error },
    );
  }
}

class LmdbStore implements Store {
  readonly #database: RootDatabase<Uint8Array, Uint8Array>;

  readonly #unlock: () => void;

  constructor(database: RootDatabase<Uint8Array, Uint8Array>, unlock: () => void) {
    this.#database = database;
    this.#unlock = unlock;
  }

  async load(each: (key: Uint8Array, value: Uint8Array) => void): Promise<number> {
    let read = 0;
    for (const { key, value } of this.#database.getRange()) {
      read++;
      each(new Uint8Array(key), new Uint8Array(value));
    }
    // Pages that were damaged on the disk: what they held is passed over in silence.
    const { entryCount } = this.#database.getStats() as { readonly entryCount: number };
    return Math.max(0, entryCount - read);
  }

  async commit(operations: readonly StoreOperation[]): Promise<void> {
    // Checked before: a batch that throws half-way commits its first half.
    for (const { key } of operations)
      if (key.length === 0 || key.length > KEY_MAX)
        throw new StoreError(`a key of ${key.length} bytes, 1 to ${KEY_MAX} can be`);
    try {
      await this.#database.batch(() => {
        for (const { key, value } of operations) {
          // One promise for all of the batch says whether it failed.
          const written = value === null ? this.#database.remove(key) : this.#database.put(key, value);
          written.catch?.(() => {});
        }
      });
    } catch (error) {
      throw new StoreError(`the mapping store failed: ${await reason(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    try {
      await this.#database.close();
    } finally {
      this.#unlock();
    }
  }
}

/** What lies behind LMDB's "Commit failed". */
async function reason(error: unknown): Promise<string> {
  const commit = (error as { readonly commitError?: Promise<unknown> }).commitError;
  return message(
    await Promise.resolve(commit).then(
      () => error,
      (why) => why,
    ),
  );
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
