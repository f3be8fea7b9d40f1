// Opens the store that a configuration names, for those who keep independent values in it.

import type { Store, StoreNews, StoreProvider } from "../router/store.js";
import { FollowedStore } from "./followed-store.js";
import { type LockStore, openLmdbStore } from "./lmdb-store.js";
import { type StoreAddress, storeText } from "./store-address.js";

export interface StoreWorld {
  /** null: stores are real. */
  readonly stores: StoreProvider | null;
  /** Keeps a folder to one user at a time. */
  readonly lock: LockStore;
  /** Before each key, in a cluster whose name has no prefix: `sluice-fmc/`. */
  readonly prefix: string;
  /** Told what other programs write to a store that several have. */
  readonly news: StoreNews;
}

/** null: what is kept in memory only needs none. Rejects with StoreError. What a store needs is loaded only for that store. */
export async function openStore(address: StoreAddress, world: StoreWorld): Promise<Store | null> {
  if (address.kind === "memory") return null;
  if (world.stores !== null) return world.stores.open(storeText(address), world.news);
  if (address.kind === "lmdb") return openLmdbStore(address.folder, world.lock);
  const { EtcdStore } = await import("./etcd-store.js");
  const { hosts, prefix } = address;
  return FollowedStore.open(new EtcdStore({ hosts, prefix: prefix ?? world.prefix }), world.news);
}
