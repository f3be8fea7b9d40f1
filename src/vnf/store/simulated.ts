// Stores of a function in simulated time: they outlive its crashes, but for what was not synced yet, and go wrong when
// they are told to.

import { type Store, StoreError, type StoreOperation, type StoreProvider } from "../../router/store.js";
import type { StoreFailure } from "../descriptor/model.js";
import type { World } from "../world.js";

/** Seconds that a commit takes at least and at most. */
const LATENCY: Readonly<Record<StoreFailure | "none", readonly [number, number]>> = {
  none: [0.001, 0.005],
  fail: [0.001, 0.005],
  slow: [1, 5],
  // Long enough for a crash to meet what is not synced.
  lose: [0.2, 1],
};

/** The stores of one function, which the manager may let fail. */
export interface FunctionStores extends StoreProvider {
  /** Lets them fail in a way; null: they work again. */
  fail(failure: StoreFailure | null): void;
  /** The function runs no more: in order, or as by kill -9. */
  ended(inOrder: boolean): void;
}

/** What a store has synced, by key as text. */
type Disk = Map<string, StoreOperation>;

export class SimulatedStores implements FunctionStores {
  readonly #world: World;
  readonly #disks = new Map<string, Disk>();
  readonly #open = new Set<SimulatedStore>();
  #failure: StoreFailure | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  get used(): boolean {
    return this.#open.size > 0;
  }

  async open(name: string): Promise<Store> {
    if (name.startsWith("etcd:"))
      throw new StoreError("simulated time has no etcd cluster: 'memory' or 'lmdb:FOLDER' can be simulated");
    if (this.#failure === "fail") throw new StoreError(`cannot open the simulated store ${name}: it fails`);
    const disk: Disk = this.#disks.get(name) ?? new Map();
    this.#disks.set(name, disk);
    const store = new SimulatedStore(
      disk,
      this.#world,
      () => this.#failure,
      () => this.#open.delete(store),
    );
    this.#open.add(store);
    return store;
  }

  fail(failure: StoreFailure | null): void {
    this.#failure = failure;
  }

  ended(inOrder: boolean): void {
    for (const store of this.#open) store.ended(inOrder);
    this.#open.clear();
  }
}

class SimulatedStore implements Store {
  readonly #disk: Disk;
  readonly #world: World;
  readonly #failure: () => StoreFailure | null;
  readonly #closed: () => void;
  /** `order`: what comes is written at once, nothing waits for it; `crash`: nothing is written any more. */
  #end: "order" | "crash" | null = null;
  #pending: { readonly operations: readonly StoreOperation[]; readonly resolve: () => void } | null = null;

  constructor(disk: Disk, world: World, failure: () => StoreFailure | null, closed: () => void) {
    this.#disk = disk;
    this.#world = world;
    this.#failure = failure;
    this.#closed = closed;
  }

  async load(each: (key: Uint8Array, value: Uint8Array) => void): Promise<number> {
    for (const { key, value } of this.#disk.values()) each(new Uint8Array(key), new Uint8Array(value!));
    return 0;
  }

  commit(operations: readonly StoreOperation[]): Promise<void> {
    if (this.#end !== null) {
      // Of a crashed function nobody is left to know.
      if (this.#end === "order") this.#apply(operations);
      return Promise.resolve();
    }
    const [least, most] = LATENCY[this.#failure() ?? "none"];
    return new Promise((resolve, reject) => {
      this.#pending = { operations, resolve };
      this.#world.after(least + (most - least) * this.#world.random(), () => {
        if (this.#end !== null) return;
        this.#pending = null;
        const failed = this.#failure() === "fail";
        // One that failed may have been applied, as the contract has it.
        if (!failed || this.#world.random() < 0.5) this.#apply(operations);
        if (failed) reject(new StoreError("the simulated store failed"));
        else resolve();
        // Who waits for it goes on in Node's turns, at this moment.
        this.#world.hold(Promise.resolve());
      });
    });
  }

  /** See FunctionStores. What was being synced is written in order; in a crash perhaps, and not when the store loses. */
  ended(inOrder: boolean): void {
    this.#end = inOrder ? "order" : "crash";
    const pending = this.#pending;
    this.#pending = null;
    if (pending === null) return;
    if (inOrder || (this.#failure() !== "lose" && this.#world.random() < 0.5))
      this.#apply(pending.operations);
    pending.resolve();
  }

  async close(): Promise<void> {
    this.#closed();
  }

  #apply(operations: readonly StoreOperation[]): void {
    for (const { key, value } of operations) {
      const text = Buffer.from(key).toString("latin1");
      if (value === null) this.#disk.delete(text);
      // A Buffer's slice would be the same bytes.
      else this.#disk.set(text, { key: new Uint8Array(key), value: new Uint8Array(value) });
    }
  }
}
