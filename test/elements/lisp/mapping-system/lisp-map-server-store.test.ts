// LISPMapServer with a store: what is durable when, and what a restart knows; and what it cannot take.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPMapServer } from "../../../../elements/lisp/mapping-system/lisp-map-server.js";
import { type AuthenticationKey, authenticate } from "../../../../src/lisp/control/authentication.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { openLmdbStore } from "../../../../src/store/lmdb-store.js";
import { ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import { type MapNotify, mapRegister } from "../../../../src/wire/lisp-control/registration.js";
import { keeperOf } from "../../../lisp/database/keeper.js";
import { skipUnless } from "../../../skip.js";
import { noMoreRoom } from "../../../slot-canary.js";
import { until } from "../../../until.js";
import { failure, packetOf, record, sentTo } from "../control.js";
import { Bench } from "../harness.js";

const KEY: AuthenticationKey = { id: 1, secret: Buffer.from("secret") };
const MS = "192.0.2.100";

const text = (more: string): string =>
  `feed :: Feed -> e :: LISPMapServer(a key secret eid 10.1.0.0/16 more, RLOC4 ${MS}, ${more}) -> out :: Sink`;
const start = (more: string, log?: string[]): Promise<Bench> =>
  Bench.start(text(more), (line) => void log?.push(line));

function register(b: Bench, nonce: number, records: readonly EidRecord[], id = 1, proxyReply = false): void {
  const ids = { xtrId: new Uint8Array(16).fill(id), siteId: new Uint8Array(8) };
  const message = mapRegister({
    nonce: BigInt(nonce),
    records,
    wantNotify: true,
    merge: true,
    proxyReply,
    ids,
  });
  b.push("e", [packetOf(authenticate(message, KEY, 2, "ids"), { from: "192.0.2.1", to: MS })]);
}

const notified = (b: Bench): bigint[] => sentTo(b, "out").map((s) => (s.message as MapNotify).nonce);
const mapping = record("10.1.0.0/16", "192.0.2.1");

/** Until the store has taken what was committed. */
async function durable(b: Bench): Promise<void> {
  const { database } = b.router.find("e") as LISPMapServer;
  while (database.durable < database.revision) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/sluice-map-server-`);
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("the Map-Notify is sent once the registration is durable, and a restart knows it and its nonce", async () => {
  await withFolder(async (folder) => {
    const b = await start(`STORE lmdb:${folder}`);
    register(b, 5, [mapping]);
    assert.equal([notified(b), b.read("e.registers")], [[], "1"]);
    await durable(b);
    assert.equal(notified(b), [5n]);
    const { database } = b.router.find("e") as LISPMapServer;
    b.close();
    await database.close();
    const again = await start(`STORE lmdb:${folder}`);
    assert.match(again.read("e.registrations"), /^10\.1\.0\.0\/16 192\.0\.2\.1/);
    register(again, 5, [mapping]);
    assert.equal([again.read("e.replayed"), again.read("e.registers")], ["1", "0"]);
    again.close();
  });
});

test("while too many wait for the store no more are taken", async () => {
  await withFolder(async (folder) => {
    const b = await start(`STORE lmdb:${folder}, WAITING 1`);
    register(b, 1, [mapping]);
    register(b, 2, [mapping]);
    assert.equal([b.read("e.registers"), b.read("e.busy")], ["1", "1"]);
    await durable(b);
    register(b, 3, [mapping]);
    await durable(b);
    assert.equal([notified(b), b.read("e.registers")], [[1n, 3n], "2"]);
    b.close();
  });
});

test("what the store does not take is not acknowledged", async () => {
  await withFolder(async (folder) => {
    const b = await start(`STORE lmdb:${folder}`);
    const { database } = b.router.find("e") as LISPMapServer;
    const commit = database.commit.bind(database);
    const failing: typeof commit = (operations) =>
      commit(operations).then(() => Promise.reject(new Error("the disk is full")));
    Object.defineProperty(database, "commit", { value: failing, configurable: true });
    register(b, 1, [mapping]);
    await durable(b);
    assert.equal([notified(b), b.read("e.store_failed")], [[], "1"]);
    b.close();
  });
});

skipUnless(process.platform === "linux", "needs /proc of Linux")(
  "a Map-Server outlives its store: it says that writes fail, and that they do not any more",
  async () => {
    const log: string[] = [];
    await withFolder(async (folder) => {
      const b = await start(`STORE lmdb:${folder}`, log);
      register(b, 1, [mapping]);
      await durable(b);
      assert.equal([b.read("e.store"), b.read("e.store_skipped")], ["lmdb present", "0"]);
      process.kill(keeperOf(folder)!, "SIGSTOP");
      register(b, 2, [mapping]);
      process.kill(keeperOf(folder)!, "SIGKILL");
      await until(() => b.read("e.store") !== "lmdb present", "the store is lost");
      const why = "the mapping store failed: its process was ended by SIGKILL";
      assert.match(b.read("e.store"), new RegExp(`^lmdb lost for [\\d.]+ s: ${why}$`));
      assert.is(b.read("e.store_failed"), "1");
      assert.equal(notified(b), [1n]);
      assert.match(b.read("e.registrations"), /^10\.1\.0\.0\/16/, "it answers from memory");
      let nonce = 3;
      await until(() => {
        register(b, nonce++, [mapping]);
        return b.read("e.store") === "lmdb present";
      }, "the store is there again");
      const said = log
        .filter((line) => /mapping store/.test(line))
        .map((line) => line.replace(/^[^ ]+ :: [^ ]+: /, ""));
      assert.is(said[0], why);
      assert.match(said.at(-1)!, /^the mapping store takes registrations again, after [\d.]+ s$/);
      b.close();
    });
  },
);

test("what of a store cannot be read is counted, told and left", async () => {
  const log: string[] = [];
  await withFolder(async (folder) => {
    const store = await openLmdbStore(folder);
    await store.commit([{ key: Buffer.from("?1"), value: Uint8Array.of(1, 2, 3) }]);
    await store.close();
    const b = await start(`STORE lmdb:${folder}`, log);
    assert.match(b.read("e.store_skipped"), /^1\n3f31 .+$/);
    assert.is(b.read("e.unreadable"), "1");
    assert.match(
      log.join("\n"),
      /1 keys of the mapping store could not be read and stay as they are \(the first: key 3f31: .+\)/,
    );
    b.close();
  });
});

test("a store that cannot be opened is an error of the configuration", async () => {
  try {
    await start("STORE lmdb:/dev/null/nothing");
    assert.unreachable();
  } catch (e) {
    assert.match((e as Error).message, /cannot open the mapping store/);
  }
});

test("a second Map-Server on the same store is an error that says who has it, and the first goes on", async () => {
  await withFolder(async (folder) => {
    const b = await start(`STORE lmdb:${folder}`);
    const message = await failure(() => start(`STORE lmdb:${folder}`));
    const holder = `process ${process.pid} on \\S+, since \\S+ has it`;
    assert.match(message, new RegExp(`cannot open the mapping store in ${folder}: ${holder}`));
    register(b, 1, [mapping]);
    await durable(b);
    assert.equal(notified(b), [1n]);
    b.close();
    // It waits for the first one to have written and closed.
    const again = await start(`STORE lmdb:${folder}`);
    assert.match(again.read("e.registrations"), /^10\.1\.0\.0\/16/);
    again.close();
  });
});

test("a hot swap keeps the store, also under another name of its folder", async () => {
  await withFolder(async (folder) => {
    const b = await start(`STORE lmdb:${folder}`);
    register(b, 1, [mapping]);
    await durable(b);
    const { database } = b.router.find("e") as LISPMapServer;
    await b.router.swap(text(`STORE lmdb:${folder}/../${basename(folder)}`), "again");
    assert.is((b.router.find("e") as LISPMapServer).database, database);
    b.close();
    await database.close();
  });
});

test("more xTRs than nonces are kept of are not taken", async () => {
  const b = await start("PEERS 2");
  for (const id of [1, 2, 3]) register(b, 1, [mapping], id);
  register(b, 2, [mapping], 2);
  assert.equal([b.read("e.registers"), b.read("e.too_many_peers")], ["3", "1"]);
  b.close();
});

test("a Map-Notify that there is no room for is counted as not sent", async () => {
  const b = await start("TIMEOUT 60");
  const rlocs = (n: number): string => Array.from({ length: 110 }, (_, i) => `198.51.${n}.${i}`).join(" ");
  register(b, 1, [record("10.1.0.0/16", rlocs(1))], 1);
  assert.is(b.read("e.not_sent"), "0");
  noMoreRoom(b.router.memory);
  register(b, 1, [record("10.1.0.0/16", rlocs(2))], 2);
  // Neither the answer to the second xTR, nor what the first one is told.
  assert.equal([b.read("e.not_sent"), b.read("e.registers"), notified(b)], ["2", "2", [1n]]);
  b.close();
});

test("what xTRs have registered together may be more than a message holds", async () => {
  const b = await start("TIMEOUT 60");
  const rlocs = (n: number): string => Array.from({ length: 64 }, (_, i) => `2001:db8::${n}:${i}`).join(" ");
  for (let i = 0; i < 17; i++)
    for (let n = 1; n < 5; n++)
      register(b, i + 1, [record(i === 0 ? "10.1.0.0/16" : `10.1.${i}.0/24`, rlocs(n))], n, true);
  assert.is(b.read("e.registers"), "68");
  b.take("out");
  const before = Number(b.read("e.not_sent"));
  const asked = mapRequest({
    nonce: 1n,
    itrRlocs: [ipAddress(parseRloc("192.0.2.50"))],
    records: [{ eid: ipAddress(parseRloc("10.1.99.1")), maskLength: 32, subscribe: false }],
  });
  b.push("e", [packetOf(asked, { to: MS })]);
  assert.equal([Number(b.read("e.not_sent")) - before, b.take("out").length], [1, 0]);
  b.close();
});

test.run();
