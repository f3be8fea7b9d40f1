// Where the databases of the tests keep their data: in memory, in a folder, in an etcd cluster.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DatabaseOptions, MappingDatabase } from "../../../src/lisp/database/mapping-database.js";
import type { RegistrationDatabase } from "../../../src/lisp/database/registration-database.js";
import { SharedDatabase } from "../../../src/lisp/database/shared-database.js";
import type { Store } from "../../../src/router/store.js";
import { EtcdClient } from "../../../src/store/etcd-client.js";
import { EtcdReplies, MARK } from "../../../src/store/etcd-replies.js";
import { rangeEnd } from "../../../src/store/etcd-requests.js";
import { EtcdStore } from "../../../src/store/etcd-store.js";
import { openLmdbStore } from "../../../src/store/lmdb-store.js";
import { MemoryStore } from "../../../src/store/memory-store.js";
import type { EtcdCluster } from "./etcd-cluster.js";

export type Options = Pick<DatabaseOptions, "clock" | "memory" | "capacity">;

/** Somewhere that keeps data while databases on it come and go. */
export interface Place {
  open(options: Options): Promise<RegistrationDatabase>;
  /** All that the store holds, and changes to it that no database makes. */
  contents(): Promise<ReadonlyMap<string, Uint8Array>>;
  write(values: readonly (readonly [Uint8Array, Uint8Array])[]): Promise<void>;
  remove(): void;
  /** Others write to it, too: what is read is durable, revisions are the store's, and what expires it forgets by itself. */
  readonly shared?: true;
}

/** A store that one database at a time has. */
function own(open: () => Promise<Store>, remove: () => void): Place {
  const using = async <T>(use: (store: Store) => Promise<T>): Promise<T> => {
    const store = await open();
    const result = await use(store);
    await store.close();
    return result;
  };
  return {
    open: async (options) => MappingDatabase.open({ ...options, store: await open() }),
    contents: () =>
      using(async (store) => {
        const values = new Map<string, Uint8Array>();
        await store.load((k, v) => void values.set(Buffer.from(k).toString("hex"), v));
        return values;
      }),
    write: (values) => using((store) => store.commit(values.map(([k, value]) => ({ key: k, value })))),
    remove,
  };
}

/** A prefix of its own in a cluster. */
export function shared(cluster: EtcdCluster, prefix: string): Place {
  const client = new EtcdClient(cluster.hosts);
  const base64 = (b: Uint8Array): string => Buffer.from(b).toString("base64");
  const at = (k: Uint8Array): string => base64(Buffer.concat([Buffer.from(prefix), k]));
  return {
    shared: true,
    open: (options) =>
      SharedDatabase.open({
        ...options,
        store: new EtcdStore({ hosts: cluster.hosts, prefix }),
        // A busy machine takes its time.
        patience: 60,
      }),
    contents: async () => {
      const range = { key: base64(Buffer.from(prefix)), range_end: base64(rangeEnd(Buffer.from(prefix))) };
      const { records } = new EtcdReplies(prefix.length, new Uint8Array(8)).range(
        await client.call("/v3/kv/range", range),
      );
      return new Map(records.map(({ key: k, value }) => [Buffer.from(k).toString("hex"), value]));
    },
    write: async (values) => {
      for (const [k, value] of values) {
        const marked = Buffer.concat([value, new Uint8Array(MARK)]);
        await client.call("/v3/kv/put", { key: at(k), value: base64(marked) });
      }
    },
    remove: () => client.close(),
  };
}

/** Stores that one database at a time has, by name. */
export const PLACES: Record<string, () => Place> = {
  memory: () => {
    const store = new MemoryStore();
    return own(
      async () => store,
      () => {},
    );
  },
  lmdb: () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-db-"));
    return own(
      () => openLmdbStore(join(folder, "store")),
      () => rmSync(folder, { recursive: true }),
    );
  },
};
