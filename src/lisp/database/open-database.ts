// Opens a mapping database where a configuration says that it is kept.

import type { Clock } from "../../router/clock.js";
import type { StoreProvider } from "../../router/store.js";
import { type LockStore, openLmdbStore } from "../../store/lmdb-store.js";
import { type StoreAddress, storeText } from "../../store/store-address.js";
import { MappingDatabase } from "./mapping-database.js";
import type { RegistrationDatabase } from "./registration-database.js";
import { SharedDatabase } from "./shared-database.js";

export interface OpenOptions {
  readonly clock: Clock;
  /** Most EID-prefixes, and most nonces. */
  readonly capacity: number;
  /** Told what goes wrong with the store, and when it is right again. */
  readonly report: (text: string) => void;
  /** null: stores are real. */
  readonly stores: StoreProvider | null;
  /** Keeps a folder to one user at a time. */
  readonly lock: LockStore;
}

/** Rejects with StoreError, MemoryError or DatabaseFullError. What a store needs is loaded only for that store. */
export async function openDatabase(store: StoreAddress, options: OpenOptions): Promise<RegistrationDatabase> {
  const { clock, capacity, report, stores } = options;
  if (store.kind !== "memory" && stores !== null) {
    const own = await stores.open(storeText(store));
    return MappingDatabase.open({ clock, capacity, store: own, report });
  }
  if (store.kind === "etcd") {
    const { EtcdStore } = await import("../../store/etcd-store.js");
    const { hosts, prefix } = store;
    return SharedDatabase.open({
      clock,
      capacity,
      report,
      store: new EtcdStore({ hosts, ...(prefix === null ? {} : { prefix }) }),
    });
  }
  const own = store.kind === "memory" ? null : await openLmdbStore(store.folder, options.lock);
  return MappingDatabase.open({ clock, capacity, store: own, report });
}
