// A place that several controllers of a test share, as etcd is one: transactions under the condition that nobody was
// first, and word of them to all, somewhat later.

import { StoreError } from "../../../src/router/store.js";
import { keyText } from "../../../src/store/key-text.js";
import type {
  SharedListener,
  SharedResult,
  SharedStore,
  SharedTransaction,
} from "../../../src/store/shared-store.js";
import type { Network } from "./network.js";

/** Seconds until a change is told. */
const TOLD_AFTER = 0.01;

export class SharedPlace {
  readonly network: Network;
  readonly kept = new Map<
    string,
    { readonly key: Uint8Array; readonly value: Uint8Array; readonly revision: number }
  >();
  readonly stores = new Set<PlacedStore>();
  revision = 1;

  constructor(network: Network) {
    this.network = network;
  }

  store(): PlacedStore {
    return new PlacedStore(this);
  }
}

export class PlacedStore implements SharedStore {
  readonly #place: SharedPlace;
  listener: SharedListener | null = null;
  /** It reaches nobody, and hears nothing. */
  cut = false;
  /** Its next answer is lost: what was asked for is done all the same. */
  losesAnswer = false;

  constructor(place: SharedPlace) {
    this.#place = place;
  }

  async follow(listener: SharedListener): Promise<void> {
    this.listener = listener;
    this.#place.stores.add(this);
    listener.loading(this.#place.revision);
    for (const { key, value } of this.#place.kept.values()) listener.value(key, value);
    listener.loaded();
    listener.connected();
  }

  async commit(transactions: readonly SharedTransaction[]): Promise<readonly SharedResult[]> {
    if (this.cut) throw new StoreError("the place cannot be reached");
    const results = transactions.map((one) => this.#apply(one));
    if (!this.losesAnswer) return results;
    this.losesAnswer = false;
    throw new StoreError("no answer");
  }

  #apply({ revision, operations }: SharedTransaction): SharedResult {
    const place = this.#place;
    if (operations.some(({ key }) => (place.kept.get(keyText(key))?.revision ?? 0) > revision))
      return { kind: "conflict" };
    place.revision++;
    for (const { key, value } of operations) {
      if (value === null) place.kept.delete(keyText(key));
      else place.kept.set(keyText(key), { key, value, revision: place.revision });
    }
    const told = place.revision;
    for (const store of place.stores)
      place.network.after(TOLD_AFTER, () => {
        if (store.cut) return;
        store.listener?.changed(
          operations.map(({ key, value }) => ({ key, value, own: store === this, revision: told })),
        );
      });
    return { kind: "done", revision: told };
  }

  async close(): Promise<void> {
    this.#place.stores.delete(this);
    this.listener = null;
  }
}
