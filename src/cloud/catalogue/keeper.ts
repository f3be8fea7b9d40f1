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

export class ChangeKeeper {
  readonly #store: Store | null;
  readonly #commits: GroupCommit | null;
  readonly #values = new LargeMap<string, Uint8Array>();
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
