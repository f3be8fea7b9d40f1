// What runs in the process that has an LMDB store open: LMDB maps the file into memory, so that a damaged file or a lost
// disk ends whoever has it open (SIGSEGV, SIGBUS). That is not the router.

import { statSync } from "node:fs";
import type { RootDatabase } from "lmdb";
import type { StoreOperation } from "../router/store.js";
import type { FromKeeper, ToKeeper } from "./lmdb-keeper.js";
import { pack, unpack } from "./packed.js";

/** Keys and values told at a time. */
const SOME = 512;

type Database = RootDatabase<Uint8Array, Uint8Array>;

// Without its router it has no business here; signals are the router's to deal with.
process.on("disconnect", () => process.exit(0));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"] as const) process.on(signal, () => {});

/** Resolves when it is on its way: what is not read yet does not gather here. */
function say(message: FromKeeper): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(message, () => resolve());
    else resolve();
  });
}

const folder = process.argv[2];
const database = await openDatabase();
const file = `${folder}/data.mdb`;
const opened = database === null ? null : statSync(file);
if (database !== null) {
  process.on("message", (message: ToKeeper) => void serve(database, message));
  await say({ kind: "open", keys: keysIn(database) });
}

async function openDatabase(): Promise<Database | null> {
  let open: typeof import("lmdb").open;
  try {
    ({ open } = await import("lmdb"));
  } catch (error) {
    await say({ kind: "missing", why: messageOf(error) });
    return null;
  }
  try {
    return open<Uint8Array, Uint8Array>({
      path: folder,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      // A commit is a commit once it is on disk, as LMDB itself has it.
      overlappingSync: false,
      // With it, a failed batch would reject promises that nobody has.
      eventTurnBatching: false,
    });
  } catch (error) {
    await say({ kind: "failed", why: messageOf(error) });
    return null;
  }
}

async function serve(db: Database, message: ToKeeper): Promise<void> {
  try {
    if (message.kind === "load") await load(db);
    else if (message.kind === "commit") await commit(db, message.operations);
    else await db.close();
    await say({ kind: "done", keys: message.kind === "close" ? 0 : keysIn(db) });
  } catch (error) {
    await say({ kind: "failed", why: await reason(error) });
  }
  if (message.kind === "close") process.disconnect();
}

async function load(db: Database): Promise<void> {
  const all = keysIn(db);
  let read = 0;
  let some: StoreOperation[] = [];
  for (const { key, value } of db.getRange()) {
    // A page that leads back to one before it would never end.
    if (++read > all) throw new Error("data.mdb is damaged: it has more keys than it says");
    some.push({ key: new Uint8Array(key), value: new Uint8Array(value) });
    if (some.length < SOME) continue;
    await say({ kind: "some", entries: pack(some) });
    some = [];
  }
  await say({ kind: "some", entries: pack(some) });
}

async function commit(db: Database, operations: Uint8Array): Promise<void> {
  await db.batch(() => {
    for (const { key, value } of unpack(operations)) {
      // One promise for all of the batch says whether it failed.
      const written = value === null ? db.remove(key) : db.put(key, value);
      written.catch?.(() => {});
    }
  });
  // A file that was removed takes what is written to it, and nobody reads it again.
  const now = statSync(file, { throwIfNoEntry: false });
  if (now?.ino === opened!.ino && now.dev === opened!.dev) return;
  await say({ kind: "failed", why: "data.mdb was removed, or is another one" });
  process.exit(1);
}

function keysIn(db: Database): number {
  return (db.getStats() as { readonly entryCount: number }).entryCount;
}

/** What lies behind LMDB's "Commit failed". */
async function reason(error: unknown): Promise<string> {
  const commit = (error as { readonly commitError?: Promise<unknown> }).commitError;
  return messageOf(
    await Promise.resolve(commit).then(
      () => error,
      (why) => why,
    ),
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
