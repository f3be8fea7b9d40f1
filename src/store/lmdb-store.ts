// The embedded store: LMDB, in a process of its own. A batch is one transaction of it, synced to disk before it counts.

import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { type Store, StoreError, type StoreOperation } from "../router/store.js";
import { checkLmdbFile } from "./lmdb-file.js";
import { Keeper, KeeperError } from "./lmdb-keeper.js";

/** LMDB's own is lock.mdb. */
const LOCK_FILE = "holder.lock";
/** Longest key it takes, in bytes. */
const KEY_MAX = 300;
/** Milliseconds before a store whose process has ended is opened again. */
const AGAIN_MS = 1000;

/** Unlocks a file; `fd`, if there is one, holds the lock for every process that has it. */
export type Unlock = (() => void) & { readonly fd?: number };

/**
 * Keeps a folder to one user at a time: locks this file in it, made if it is not there. Resolves with what unlocks it,
 * rejects with an Error that says who has it.
 */
export type LockStore = (file: string) => Promise<Unlock>;

/**
 * Opens the store in a folder, made if it is not there (in one that is). Rejects with StoreError: when this platform
 * has no LMDB, the folder cannot be used, or what is in it is no LMDB database or a damaged one. Only one may have it
 * open at a time: LMDB does not see to that, `lock` does.
 *
 * A process that ends amid its work (a damaged page, a disk that is lost) fails what was asked of it; later batches open
 * the store again, as soon as that can be done and what was written before is still there.
 */
export async function openLmdbStore(folder: string, lock: LockStore = async () => () => {}): Promise<Store> {
  const path = resolve(folder);
  let unlock: Unlock = () => {};
  try {
    await mkdir(path, { mode: 0o700 }).catch((error) => {
      if (error.code !== "EEXIST") throw error;
    });
    unlock = await lock(`${path}/${LOCK_FILE}`);
    return new LmdbStore(path, unlock, await start(path, unlock.fd));
  } catch (error) {
    unlock();
    if (error instanceof KeeperError && error.kind === "missing")
      throw new StoreError(
        `the mapping store needs the package lmdb, which has no working binary for ${process.platform}-${process.arch}: ${error.message}`,
        { cause: error },
      );
    throw new StoreError(`cannot open the mapping store in ${folder}: ${message(error)}`, { cause: error });
  }
}

async function start(folder: string, lock: number | undefined): Promise<Keeper> {
  await checkLmdbFile(`${folder}/data.mdb`);
  return Keeper.start(folder, lock);
}

class LmdbStore implements Store {
  readonly #folder: string;
  readonly #unlock: Unlock;
  #keeper: Keeper;
  /** Keys that were there after the last batch, whether or not that was done. */
  #least: number;
  /** When it was last opened again, and what was wrong then. */
  #tried = Number.NEGATIVE_INFINITY;
  #why = "";

  constructor(folder: string, unlock: Unlock, keeper: Keeper) {
    this.#folder = folder;
    this.#unlock = unlock;
    this.#keeper = keeper;
    this.#least = keeper.keys;
  }

  async load(each: (key: Uint8Array, value: Uint8Array) => void): Promise<number> {
    const { keys } = this.#keeper;
    let read = 0;
    try {
      await this.#keeper.load((key, value) => {
        read++;
        each(key, value);
      });
    } catch (error) {
      if (!(error instanceof KeeperError)) throw error;
      throw new StoreError(`cannot read the mapping store in ${this.#folder}: ${damage(error)}`, {
        cause: error,
      });
    }
    // Pages that were damaged on the disk: what they held is passed over in silence.
    return Math.max(0, keys - read);
  }

  async commit(operations: readonly StoreOperation[]): Promise<void> {
    // Checked before: a batch that throws half-way commits its first half.
    for (const { key } of operations)
      if (key.length === 0 || key.length > KEY_MAX)
        throw new StoreError(`a key of ${key.length} bytes, 1 to ${KEY_MAX} can be`);
    try {
      if (!this.#keeper.alive) await this.#openAgain();
      this.#least = this.#keeper.keys - operations.filter((o) => o.value === null).length;
      await this.#keeper.commit(operations);
      this.#least = this.#keeper.keys;
    } catch (error) {
      throw new StoreError(`the mapping store failed: ${damage(error)}`, { cause: error });
    }
  }

  /** Its process has ended. */
  async #openAgain(): Promise<void> {
    const now = performance.now();
    if (now - this.#tried < AGAIN_MS) throw new Error(this.#why);
    this.#tried = now;
    try {
      const keeper = await start(this.#folder, this.#unlock.fd);
      if (keeper.keys < this.#least) {
        await keeper.close();
        throw new Error(`${this.#least - keeper.keys} of ${this.#least} keys are not in it any more`);
      }
      this.#keeper = keeper;
    } catch (error) {
      this.#why = damage(error);
      throw new Error(this.#why);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#keeper.close();
    } finally {
      this.#unlock();
    }
  }
}

/** What ends a process that has a file mapped is the file. */
function damage(error: unknown): string {
  const text = message(error);
  return /SIGSEGV|SIGBUS|SIGABRT/.test(text) ? `${text}: data.mdb is damaged, or its disk is lost` : text;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
