// Where a store is, as configurations say it.

import { resolve } from "node:path";
import { StoreError } from "../router/store.js";
import type { EtcdHost } from "./etcd-client.js";

export type StoreAddress =
  | { readonly kind: "memory" }
  | { readonly kind: "lmdb"; readonly folder: string }
  | { readonly kind: "etcd"; readonly hosts: readonly EtcdHost[]; readonly prefix: string | null };

const EXPECTED = "'memory', 'lmdb:FOLDER' or 'etcd:HOST:PORT,HOST:PORT...'";

/**
 * Reads `memory`, `lmdb:FOLDER` or `etcd:HOST:PORT,HOST:PORT...[,/PREFIX]`; hosts may be parted by spaces, too, and IPv6
 * addresses stand in brackets. Throws StoreError.
 */
export function parseStore(text: string): StoreAddress {
  if (text === "memory" || text === "") return { kind: "memory" };
  const [, kind, rest] = /^([a-z]+):(.*)$/s.exec(text) ?? [];
  if (kind === "lmdb") {
    if (rest === "") throw new StoreError("'lmdb:' has no folder behind it");
    return { kind, folder: rest };
  }
  if (kind === "etcd") return parseEtcd(rest);
  const hint = /[./]/.test(text) ? `; for the folder ${text} it is 'lmdb:${text}'` : "";
  throw new StoreError(`the store should be ${EXPECTED}, not '${withoutUser(text)}'${hint}`);
}

function parseEtcd(text: string): StoreAddress {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const prefix = words.at(-1)?.startsWith("/") ? `${words.pop()!.replace(/\/+$/, "")}/` : null;
  const hosts = words.map((word) => {
    const [, six, name, digits] = /^(?:\[([0-9a-f:.]+)\]|([^:/[\]]+)):(\d{1,5})$/i.exec(word) ?? [];
    const port = Number(digits);
    if (digits === undefined || port === 0 || port > 65535)
      throw new StoreError(`an etcd member is HOST:PORT, not '${withoutUser(word)}'`);
    return { host: six ?? name, port };
  });
  if (hosts.length === 0) throw new StoreError("'etcd:' has no HOST:PORT behind it");
  return { kind: "etcd", hosts, prefix };
}

/** For errors: a user and a password, which etcd is not given here, are nobody's business. */
function withoutUser(text: string): string {
  return text.replace(/[^\s/,]*@/g, "***@");
}

/** `lmdb:FOLDER`, `etcd:HOST:PORT,HOST:PORT...`, as providers of stores know it. */
export function storeText(store: Exclude<StoreAddress, { readonly kind: "memory" }>): string {
  if (store.kind === "lmdb") return `lmdb:${store.folder}`;
  return `etcd:${store.hosts.map(({ host, port }) => `${host}:${port}`).join(",")}`;
}

/** Whether both name the same place. */
export function sameStore(a: StoreAddress, b: StoreAddress): boolean {
  const name = (s: StoreAddress): string =>
    JSON.stringify(s.kind === "lmdb" ? { ...s, folder: resolve(s.folder) } : s);
  return name(a) === name(b);
}
