// Opens the place that a configuration names for migrations.

import { openStore, type StoreWorld } from "../../store/open-store.js";
import type { StoreAddress } from "../../store/store-address.js";
import { type Ledger, OwnLedger } from "./ledger.js";
import type { SharedLedgerOptions } from "./shared-ledger.js";

export interface LedgerWorld extends Omit<StoreWorld, "news">, Omit<SharedLedgerOptions, "store"> {}

/** Rejects with StoreError. What several controllers can have is loaded only for them. */
export async function openLedger(address: StoreAddress, world: LedgerWorld): Promise<Ledger> {
  if (address.kind !== "etcd" || world.stores !== null)
    return OwnLedger.open(await openStore(address, { ...world, news: () => {} }));
  const { EtcdStore } = await import("../../store/etcd-store.js");
  const { SharedLedger } = await import("./shared-ledger.js");
  const { hosts, prefix } = address;
  return SharedLedger.open({ ...world, store: new EtcdStore({ hosts, prefix: prefix ?? world.prefix }) });
}
