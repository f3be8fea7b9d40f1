// A look at an LMDB file before LMDB maps it: a file that is something else, or
// cut short, would end the process (SIGSEGV, SIGBUS) where an error is due.

import { open } from "node:fs/promises";
import { endianness } from "node:os";
import { StoreError } from "../router/store.js";

// Two meta pages begin the file (`MDB_meta` in LMDB's mdb.c, for 64-bit little-endian machines).
const MAGIC = 24; // u32
const VERSION = 28; // u32
const PAGE_SIZE = 48; // u32
const FREE_ROOT = 88; // u64 page number of the free list, all ones: none
const MAIN_ROOT = 136; // u64 page number of the data, all ones: none
const LAST_PAGE = 144; // u64
const TRANSACTION = 152; // u64
const META_SIZE = 160;

const LMDB_MAGIC = 0xbeefc0de;
/** Of the data format: LMDB 0.9 has 1, the LMDB 1.0 of the package has 2. */
const LMDB_VERSIONS = [1, 2];
const NO_PAGE = 0xffffffffffffffffn;
/** Pages at its end that a sound file may lack: those that a transaction took and gave back are never written. */
const UNWRITTEN_MAX = 1024;

/** Checks the file, if there is one and its layout is this machine's. Rejects with StoreError or what the system says. */
export async function checkLmdbFile(path: string): Promise<void> {
  if (endianness() !== "LE" || !["x64", "arm64"].includes(process.arch)) return;
  const file = await open(path, "r").catch((error) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (file === null) return;
  try {
    const { size } = await file.stat();
    if (size === 0) return;
    const first = await readMeta(file.read.bind(file), 0);
    const pageSize = first.getUint32(PAGE_SIZE, true);
    const second = await readMeta(file.read.bind(file), pageSize);
    const newest =
      second.getBigUint64(TRANSACTION, true) > first.getBigUint64(TRANSACTION, true) ? second : first;
    const pages = BigInt(Math.floor(size / pageSize));
    for (const at of [FREE_ROOT, MAIN_ROOT]) {
      const page = newest.getBigUint64(at, true);
      if (page !== NO_PAGE && page >= pages) throw new StoreError("data.mdb is cut short");
    }
    if (newest.getBigUint64(LAST_PAGE, true) >= pages + BigInt(UNWRITTEN_MAX))
      throw new StoreError("data.mdb is cut short");
  } finally {
    await file.close();
  }
}

type Read = (
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesRead: number }>;

async function readMeta(read: Read, position: number): Promise<DataView> {
  const bytes = new Uint8Array(META_SIZE);
  const { bytesRead } = await read(bytes, 0, META_SIZE, position);
  const view = new DataView(bytes.buffer);
  const pageSize = view.getUint32(PAGE_SIZE, true);
  if (
    bytesRead < META_SIZE ||
    view.getUint32(MAGIC, true) !== LMDB_MAGIC ||
    !LMDB_VERSIONS.includes(view.getUint32(VERSION, true)) ||
    pageSize < 512 ||
    pageSize > 65536 ||
    (pageSize & (pageSize - 1)) !== 0
  )
    throw new StoreError("data.mdb is no LMDB database");
  return view;
}
