// A process to be killed or traced, or to run out of disk:
//
//   store-child.js register FOLDER FIRST COUNT GROUP   registers and says each number, in 8 bytes, when it is durable
//   store-child.js fill FOLDER                         writes until the store fails, then says how it goes on

import { writeSync } from "node:fs";
import { MappingDatabase } from "../../../src/lisp/database/mapping-database.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import { RealClock } from "../../../src/router/clock.js";
import { StoreError } from "../../../src/router/store.js";
import { openLmdbStore } from "../../../src/store/lmdb-store.js";
import { numbered } from "./entries.js";

const [mode, folder, ...numbers] = process.argv.slice(2);

async function register(first: number, count: number, group: number): Promise<void> {
  const db = await MappingDatabase.open({
    clock: new RealClock(),
    store: await openLmdbStore(folder),
    memory: new PacketMemory({ bytes: 64 << 20, slots: 1 }),
  });
  // As Map-Registers come in: some at once, the next while those before are being written.
  let open: Promise<void>[] = [];
  for (let i = first; i < first + count; i++) {
    open.push(db.commit(numbered(i)).then(() => void writeSync(1, `${String(i).padStart(7, "0")}\n`)));
    if (open.length < group) continue;
    await open[0];
    open = group === 1 ? [] : open.slice(1);
  }
  await Promise.all(open);
  await db.close();
}

async function fill(): Promise<void> {
  const store = await openLmdbStore(folder);
  const key = (n: number): Uint8Array => Buffer.from(`key ${n}`);
  let written = 0;
  let error: unknown = null;
  while (error === null && written < 100_000) {
    const from = written;
    const operations = Array.from({ length: 1000 }, (_, i) => ({
      key: key(from + i),
      value: new Uint8Array(60),
    }));
    await store.commit(operations).then(
      () => (written += 1000),
      (e) => (error = e),
    );
  }
  let present = 0;
  await store.load(() => void present++);
  await store.commit([
    { key: key(0), value: null },
    { key: key(1), value: Uint8Array.of(1) },
  ]);
  let after = 0;
  await store.load(() => void after++);
  await store.close();
  const told = error instanceof StoreError ? error.message : String(error);
  writeSync(
    1,
    JSON.stringify({ told, full: written > 0 && present === written, goesOn: after === present - 1 }),
  );
}

await (mode === "fill" ? fill() : register(Number(numbers[0]), Number(numbers[1]), Number(numbers[2])));
