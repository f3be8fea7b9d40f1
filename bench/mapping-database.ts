// node dist/bench/mapping-database.js [PREFIXES]
//
// The mapping database: registrations a second with and without a store, beside the same batches written to
// the bare store; lookups a second, beside the bare index. A program of its own: it takes minutes and a disk.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLmdbStore } from "../src/lisp/database/lmdb-store.js";
import { MappingDatabase } from "../src/lisp/database/mapping-database.js";
import type { Entry } from "../src/lisp/database/registration.js";
import { parseMapping } from "../src/lisp/mapping.js";
import { PacketMemory } from "../src/packet/memory.js";
import { PrefixTable } from "../src/packet/prefix-table.js";
import { RealClock } from "../src/router/clock.js";
import { SeededRandom } from "../src/router/random.js";

const PREFIXES = Number(process.argv[2] ?? 1_000_000);
/** Map-Registers that come in before any of them is acknowledged. */
const AT_ONCE = [1, 10, 100, 1000];
const SECONDS = 2;

const { locators } = parseMapping("0.0.0.0/0 192.0.2.1/1/75 192.0.2.2/1/25");
const source = Uint8Array.of(192, 0, 2, 1);

function numbered(n: number, nonce: bigint): Entry {
  const eid = { address: Uint8Array.of(n >>> 16, n >>> 8, n, 0), length: 24 };
  const mapping = { iid: 0, eid, ttl: 86400, action: "no-action", locators, version: 0 } as const;
  const more = {
    xtrId: null,
    siteId: null,
    source,
    site: "east",
    proxy: false,
    merge: false,
    notify: true,
    raw: null,
  };
  return { iid: 0, eid, registrations: [{ mapping, nonce, expiry: 180e9 + n, ...more }] };
}

function say(what: string, perSecond: number, more = ""): void {
  console.log(`${what.padEnd(60)} ${Math.round(perSecond).toLocaleString("en").padStart(12)}/s${more}`);
}

/** Calls `step` for a while, each time with the next group; returns how many a second. */
async function rate(group: number, step: (first: number) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let done = 0;
  while (performance.now() - start < SECONDS * 1000) {
    await step(done);
    done += group;
  }
  return (done * 1000) / (performance.now() - start);
}

const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
try {
  const clock = new RealClock();
  const inMemory = await MappingDatabase.open({ clock, store: null });
  let start = performance.now();
  for (let n = 0; n < PREFIXES; n++) void inMemory.commit([{ put: numbered(n, 1n) }]);
  say(
    `new registrations, no store, to ${PREFIXES.toLocaleString("en")}`,
    (PREFIXES * 1000) / (performance.now() - start),
  );
  start = performance.now();
  for (let n = 0; n < PREFIXES; n++) void inMemory.commit([{ put: numbered(n, 2n) }]);
  say("refreshes, no store", (PREFIXES * 1000) / (performance.now() - start));
  console.log(
    `index: ${(inMemory.bytes / PREFIXES).toFixed(0)} bytes each, ${(inMemory.bytes / 2 ** 20).toFixed(0)} MiB`,
  );

  const random = new SeededRandom(1);
  const addresses = Array.from({ length: 100_000 }, () => {
    const n = random.below(PREFIXES);
    return Uint8Array.of(n >>> 16, n >>> 8, n, random.below(256));
  });
  let found = 0;
  say(
    "lookups, the whole entry",
    await rate(addresses.length, async () => {
      for (const a of addresses) found += inMemory.lookup(0, a) === null ? 0 : 1;
    }),
  );
  const table = new PrefixTable(new PacketMemory({ bytes: 2 ** 29, slots: 1 }), 4);
  for (let n = 0; n < PREFIXES; n++) table.insert((n << 8) >>> 0, 24, 1 + n);
  const numbers = addresses.map((a) => new DataView(a.buffer).getUint32(0));
  say(
    "  limit: lookups in the bare prefix table",
    await rate(addresses.length, async () => {
      for (const a of numbers) found += table.lookup(a) === 0 ? 0 : 1;
    }),
  );
  console.log(`(found ${found})`);
  await inMemory.close();

  const db = await MappingDatabase.open({ clock, store: await openLmdbStore(join(folder, "database")) });
  const bare = await openLmdbStore(join(folder, "bare"));
  for (const group of AT_ONCE) {
    const perSecond = await rate(group, (first) => {
      const all = Array.from({ length: group }, (_, i) =>
        db.commit([{ put: numbered((first + i) % PREFIXES, BigInt(first)) }]),
      );
      return Promise.all(all);
    });
    say(`durable registrations (lmdb), ${group} at once`, perSecond);
    const value = new Uint8Array(80);
    const limit = await rate(group, (first) =>
      bare.commit(
        Array.from({ length: group }, (_, i) => {
          const key = new Uint8Array(9);
          new DataView(key.buffer).setUint32(1, (first + i) % PREFIXES);
          key[0] = 1 + 0x64;
          return { key, value };
        }),
      ),
    );
    say("  limit: the same written to the bare store", limit);
  }
  await db.close();
  await bare.close();

  start = performance.now();
  const again = await MappingDatabase.open({ clock, store: await openLmdbStore(join(folder, "database")) });
  const seconds = (performance.now() - start) / 1000;
  say(
    `restart with ${again.size.toLocaleString("en")} EID-prefixes`,
    again.size / seconds,
    `, ${seconds.toFixed(2)} s`,
  );
  await again.close();
} finally {
  rmSync(folder, { recursive: true });
}
