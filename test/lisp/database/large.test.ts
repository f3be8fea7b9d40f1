// timeout: 900
// A million EID-prefixes: what they take, and that each is found.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MappingDatabase } from "../../../src/lisp/database/mapping-database.js";
import type { Entry } from "../../../src/lisp/database/registration.js";
import type { Mapping } from "../../../src/lisp/mapping.js";
import { SimulatedClock } from "../../../src/router/clock.js";
import { SeededRandom } from "../../../src/router/random.js";
import { openLmdbStore } from "../../../src/store/lmdb-store.js";
import { registration } from "./entries.js";

const PREFIXES = 1_000_000;
const GROUP = 2000;
const folder = mkdtempSync(join(tmpdir(), "sluice-large-"));
test.after(() => rmSync(folder, { recursive: true }));
const MODEL = registration("0.0.0.0/0 192.0.2.1/1/75 192.0.2.2/1/25");

/** The n-th prefix: IPv4 /24s and host routes, and IPv6 /56s, each of them once. */
function numbered(n: number): Entry {
  const address = n % 4 === 3 ? new Uint8Array(16) : new Uint8Array(4);
  const view = new DataView(address.buffer);
  let length = 24;
  if (address.length === 16) {
    view.setUint16(0, 0x2001);
    view.setUint32(3, n);
    length = 56;
  } else if (n % 4 === 2) {
    // Within the /24 of another.
    view.setUint32(0, ((n - 2) << 8) | (1 + (n % 254)));
    length = 32;
  } else view.setUint32(0, n << 8);
  const mapping: Mapping = {
    iid: 0,
    eid: { address, length },
    ttl: 86400,
    action: "no-action",
    locators: MODEL.mapping.locators,
    version: 0,
  };
  const r = { ...MODEL, mapping, nonce: BigInt(n), expiry: (1000 + (n % 500)) * 1e9 };
  return { iid: 0, eid: mapping.eid, registrations: [r] };
}

test("a million EID-prefixes are held in 150 bytes each, found one by one, and expire", async () => {
  const clock = new SimulatedClock();
  let db = await MappingDatabase.open({ clock, store: await openLmdbStore(folder) });
  const start = performance.now();
  for (let n = 0; n < PREFIXES; n += GROUP)
    await db.commit(Array.from({ length: GROUP }, (_, i) => ({ put: numbered(n + i) })));
  assert.is(db.size, PREFIXES);
  const each = db.bytes / PREFIXES;
  const loaded = performance.now();
  spotCheck(db);
  await db.close();

  const restart = performance.now();
  db = await MappingDatabase.open({ clock, store: await openLmdbStore(folder) });
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  console.log(
    `${PREFIXES.toLocaleString("en")} EID-prefixes: ${(db.bytes / 2 ** 20).toFixed(0)} MiB of index, ${each.toFixed(0)} bytes each; ` +
      `registered in ${seconds(loaded - start)}, there after a restart in ${seconds(performance.now() - restart)}; ` +
      `process ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
  );
  assert.ok(each < 150, `${each} bytes each`);
  assert.is(db.size, PREFIXES);
  assert.is(db.skipped.count, 0);
  spotCheck(db);
  clock.advance(1249e9);
  let expired = 0;
  for (let n = db.expire(100_000); n > 0; n = db.expire(100_000)) expired += n;
  assert.is(expired, PREFIXES / 2);
  assert.is(db.size, PREFIXES / 2);
  await db.close();
});

function spotCheck(db: MappingDatabase): void {
  const random = new SeededRandom(7);
  for (let i = 0; i < 20_000; i++) {
    const n = random.below(PREFIXES);
    const { eid } = numbered(n);
    const within = eid.address.slice();
    if (eid.length === 56) within[15] = 1;
    assert.is(db.get(numbered(n))?.registrations[0].nonce, BigInt(n));
    assert.is(db.lookup(0, within)?.registrations[0].nonce, BigInt(n));
  }
  // The first /24 and the host route in it.
  const eid = { address: Uint8Array.of(0, 0, 0, 0), length: 24 };
  assert.equal(
    [...db.subtree({ iid: 0, eid })].map((e) => e.registrations[0].nonce),
    [0n, 2n],
  );
}

test.run();
