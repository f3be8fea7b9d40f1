// Keeps what is changed of a catalogue at run time.

import { LargeMap } from "../../collections/large-map.js";
import type { Store } from "../../router/store.js";
import { SluiceError } from "../../sluice-error.js";
import { GroupCommit } from "../../store/group-commit.js";
import { keyText } from "../../store/key-text.js";
import { type Change, decodeChange, encodeChange, keyedEntry } from "./changes.js";
import { type EntryKind, KINDS } from "./model.js";

export interface KeptChange {
  readonly kind: EntryKind;
  readonly name: string;
  /** null: it is gone. */
  readonly change: Change | null;
}

/** A key that could not be read, and why. It stays in the store. */
export interface UnreadKey {
  readonly key: string;
  readonly reason: string;
}

const UNREAD_KEPT = 100;
const COUNTERS = "fmc/counter/";
/** Numbers for which the store is written to once: so many may be left out by a restart. */
const BLOCK = 1000;

export class ChangeKeeper {
  readonly #store: Store | null;
  readonly #commits: GroupCommit | null;
  readonly #values = new LargeMap<string, Uint8Array>();
  /** Numbers that were given out, and up to which they may be without another word to the store. */
  readonly #counters = new Map<string, { last: number; limit: number }>();
  /** How many keys could not be read, and the first hundred. */
  unread = 0;
  readonly firstUnread: UnreadKey[] = [];
  /** Why the store did not take what was written last; null: it did. */
  loss: string | null = null;

  /** `failed`: the store did not take a batch; `flush` tries it again. */
  constructor(store: Store | null, failed: (reason: string) => void) {
    this.#store = store;
    this.#commits =
      store === null
        ? null
        : new GroupCommit(store, {
            read: (key) => this.#values.get(keyText(key)) ?? null,
            taken: () => () => {
              this.loss = null;
            },
            failed: (error) => {
              this.loss = (error as Error).message;
              failed(this.loss);
            },
          });
  }

  /** What was kept, in an order in which nothing names what comes behind it. Rejects with StoreError. */
  async load(): Promise<readonly KeptChange[]> {
    const found: KeptChange[] = [];
    const lost = await this.#store?.load((key, value) => {
      const kept = this.read(key, value);
      if (kept !== null) found.push(kept);
    });
    this.unread += lost ?? 0;
    return found.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
  }

  /** What a key and its value say; null: it is somebody else's, or cannot be read, and then it is counted. */
  read(key: Uint8Array, value: Uint8Array | null): KeptChange | null {
    try {
      if (this.#isCounter(key, value)) return null;
      const entry = keyedEntry(key);
      if (entry === null) return null;
      const change = value === null ? null : decodeChange(value);
      if (value === null) this.#values.delete(keyText(key));
      else this.#values.set(keyText(key), value);
      return { ...entry, change };
    } catch (e) {
      if (!(e instanceof SluiceError)) throw e;
      this.skip(Buffer.from(key).toString("latin1"), e.message);
      return null;
    }
  }

  #isCounter(key: Uint8Array, value: Uint8Array | null): boolean {
    const text = Buffer.from(key).toString("latin1");
    if (!text.startsWith(COUNTERS)) return false;
    const limit = Number(Buffer.from(value ?? []).toString("latin1"));
    if (!Number.isSafeInteger(limit) || limit < 0) this.skip(text, "a value that is no number");
    else {
      const name = text.slice(COUNTERS.length);
      const last = this.#counters.get(name)?.last ?? 0;
      this.#counters.set(name, { last: Math.max(last, limit), limit: Math.max(last, limit) });
      if (value !== null) this.#values.set(keyText(key), value);
    }
    return true;
  }

  /** The next number of a row, from 1 on: none comes twice, over restarts either. */
  next(row: string): number {
    const counter = this.#counters.get(row) ?? { last: 0, limit: 0 };
    this.#counters.set(row, counter);
    counter.last++;
    if (counter.last > counter.limit) {
      counter.limit = counter.last + BLOCK - 1;
      const key = Buffer.from(`${COUNTERS}${row}`);
      this.#values.set(keyText(key), Buffer.from(String(counter.limit)));
      this.#commits?.touch(key);
      // What goes wrong is told, and tried again.
      this.flush().catch(() => {});
    }
    return counter.last;
  }

  /** Counts a key as unread. */
  skip(key: string, reason: string): void {
    this.unread++;
    if (this.firstUnread.length < UNREAD_KEPT) this.firstUnread.push({ key, reason });
  }

  /** It is written with the next `flush`. */
  keep(key: Uint8Array, change: Change | null): void {
    if (change === null) this.#values.delete(keyText(key));
    else this.#values.set(keyText(key), encodeChange(change));
    this.#commits?.touch(key);
  }

  /** Resolves when all that was changed outlives the process. Rejects with StoreError; then the next call writes it, too. */
  async flush(): Promise<void> {
    await this.#commits?.flush();
  }

  /** Rejects with StoreError when what was changed last is not kept. */
  async close(): Promise<void> {
    try {
      await this.#commits?.flush();
    } finally {
      await this.#store?.close();
    }
  }
}
