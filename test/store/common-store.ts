// A store that several programs share, in memory: what etcd does for them, at once.

import { StoreError } from "../../src/router/store.js";
import type {
  SharedListener,
  SharedResult,
  SharedStore,
  SharedTransaction,
} from "../../src/store/shared-store.js";

interface Value {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
}

export class CommonStore {
  readonly #values = new Map<string, Value>();
  readonly #put = new Map<string, number>();
  readonly #listeners = new Map<object, SharedListener>();
  #revision = 1;
  #untold: (() => void)[] = [];
  transactions = 0;
  conflicts = 0;
  unreachable = false;
  /** What is written is told to the others only by `catchUp`. */
  late = false;

  get members(): number {
    return this.#listeners.size;
  }

  get size(): number {
    return this.#values.size;
  }

  get(name: string): Uint8Array | null {
    return this.#values.get(name)?.bytes ?? null;
  }

  catchUp(): void {
    this.late = false;
    for (const tell of this.#untold.splice(0)) tell();
  }

  /** All is loaded anew, of what is left. */
  lose(change: (values: Map<string, Value>) => void): void {
    change(this.#values);
    for (const listener of this.#listeners.values()) this.#load(listener);
  }

  join(): SharedStore {
    const self = {};
    return {
      follow: async (listener) => {
        if (this.unreachable) throw new StoreError("nobody is there");
        this.#listeners.set(self, listener);
        this.#load(listener);
        listener.connected();
      },
      commit: async (transactions) => transactions.map((t) => this.#commit(t, self)),
      close: async () => void this.#listeners.delete(self),
    };
  }

  #load(listener: SharedListener): void {
    listener.loading(this.#revision);
    for (const { key, bytes } of this.#values.values()) listener.value(key, bytes);
    listener.loaded();
  }

  #commit({ revision, operations }: SharedTransaction, by: object): SharedResult {
    this.transactions++;
    const names = operations.map(({ key }) => Buffer.from(key).toString("latin1"));
    if (names.some((name) => (this.#put.get(name) ?? 0) > revision)) {
      this.conflicts++;
      return { kind: "conflict" };
    }
    const now = ++this.#revision;
    for (const [i, { key, value }] of operations.entries()) {
      this.#put.set(names[i], now);
      if (value === null) this.#values.delete(names[i]);
      else this.#values.set(names[i], { key, bytes: value });
    }
    for (const [member, listener] of this.#listeners) {
      const tell = (): void =>
        listener.changed(
          operations.map(({ key, value }) => ({ key, value, own: member === by, revision: now })),
        );
      if (this.late && member !== by) this.#untold.push(tell);
      else tell();
    }
    return { kind: "done", revision: now };
  }
}
