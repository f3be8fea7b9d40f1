// LISPMapServers that share an etcd store: what one has taken counts for all, and what they do when the store is lost.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { LISPMapServer } from "../../../../elements/lisp/mapping-system/lisp-map-server.js";
import { type AuthenticationKey, authenticate } from "../../../../src/lisp/control/authentication.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import { mapRegister } from "../../../../src/wire/lisp-control/registration.js";
import { EtcdCluster, etcdMissing } from "../../../lisp/database/etcd-cluster.js";
import { skipUnless } from "../../../skip.js";
import { until } from "../../../until.js";
import { failure, packetOf, record, sentTo } from "../control.js";
import { Bench } from "../harness.js";

const KEY: AuthenticationKey = { id: 1, secret: Buffer.from("secret") };
const MS = "192.0.2.100";
/** The name under which the nonces of xTR 1 are kept. */
const PEER_1 = `a/1.2/${"01".repeat(16)}.${"00".repeat(8)}`;

const shared = suite("shared");
const missing = etcdMissing();
const test = skipUnless(missing === null, missing ?? "", shared);
let cluster: EtcdCluster;
if (missing === null) {
  shared.before(async () => {
    cluster = await EtcdCluster.start(1);
  });
  shared.after(() => cluster.close());
}

let systems = 0;

/** Map-Servers with a mapping system of their own. */
async function start(count: number, more = "TIMEOUT 180", log: string[] = []): Promise<Bench[]> {
  const store = `STORE "etcd:${cluster.hostsText},/system${systems++}"`;
  const text = `feed :: Feed -> e :: LISPMapServer(a key secret eid 10.1.0.0/16 more, RLOC4 ${MS}, ${store}, ${more}) -> out :: Sink`;
  return Promise.all(Array.from({ length: count }, () => Bench.start(text, (line) => log.push(line))));
}

async function end(...all: Bench[]): Promise<void> {
  const databases = all.map(databaseOf);
  for (const b of all) b.close();
  await Promise.all(databases.map((d) => d.close()));
}

const databaseOf = (b: Bench): LISPMapServer["database"] => (b.router.find("e") as LISPMapServer).database;

interface Registering {
  readonly nonce: number;
  readonly records: readonly EidRecord[];
  readonly xtr?: number;
  readonly merge?: boolean;
}

function message({ nonce, records, xtr = 1, merge = false }: Registering): Uint8Array {
  const ids = { xtrId: new Uint8Array(16).fill(xtr), siteId: new Uint8Array(8) };
  const register = { nonce: BigInt(nonce), records, wantNotify: true, proxyReply: true, merge, ids };
  return packetOf(authenticate(mapRegister(register), KEY, 2, "ids"), { from: `192.0.2.${xtr}`, to: MS });
}

/** The nonces of the Map-Notifies that were sent. */
const notified = (b: Bench): bigint[] =>
  sentTo(b, "out").map((s) => (s.message.type === "map-notify" ? s.message.nonce : 0n));

const settled = (...all: Bench[]): Promise<void> =>
  until(() => all.every((b) => databaseOf(b).waiting === 0));
const sum = (name: string, ...all: Bench[]): number =>
  all.reduce((n, b) => n + Number(b.read(`e.${name}`)), 0);

/** The locators of the answer to a Map-Request, the number of those. */
function locators(b: Bench, eid: string): number {
  b.take("out");
  const asked = mapRequest({
    nonce: 1n,
    itrRlocs: [ipAddress(parseRloc("192.0.2.50"))],
    records: [{ eid: ipAddress(parseRloc(eid)), maskLength: 32, subscribe: false }],
  });
  b.push("e", [packetOf(asked, { to: MS })]);
  const [reply] = sentTo(b, "out");
  return reply.message.type === "map-reply" ? reply.message.records[0].locators.length : -1;
}

test("what one Map-Server has acknowledged the other answers for, and refuses when it is replayed", async () => {
  const [a, b] = await start(2);
  const packet = message({ nonce: 5, records: [record("10.1.1.0/24", "192.0.2.1")] });
  a.push("e", [packet]);
  assert.equal([notified(a), a.read("e.registers"), locators(a, "10.1.1.1")], [[], "0", 0]);
  await settled(a);
  await until(() => databaseOf(b).size === 1);
  assert.equal([a.read("e.registers"), a.read("e.notifies")], ["1", "1"]);
  assert.equal([locators(a, "10.1.1.1"), locators(b, "10.1.1.1")], [1, 1]);
  b.push("e", [packet]);
  await settled(b);
  assert.equal([b.read("e.replayed"), b.read("e.registers"), notified(b)], ["1", "0", []]);
  b.push("e", [message({ nonce: 6, records: [record("10.1.1.0/24", "", { ttl: 0 })] })]);
  await settled(b);
  await until(() => databaseOf(a).size === 0);
  assert.equal(notified(b), [6n]);
  await end(a, b);
});

test("of one message to both at the same time one Map-Server takes it, and to the other it is a replay", async () => {
  const all = await start(2);
  for (let nonce = 1; nonce <= 10; nonce++) {
    const packet = message({ nonce, records: [record("10.1.1.0/24", "192.0.2.1")] });
    for (const b of all) b.push("e", [packet]);
    await settled(...all);
    await until(() => all.every((b) => databaseOf(b).nonce(PEER_1) === BigInt(nonce)));
  }
  assert.equal([sum("registers", ...all), sum("replayed", ...all), sum("notifies", ...all)], [10, 10, 10]);
  await end(...all);
});

test("with lenient nonces, too, none that the other has taken is taken again", async () => {
  const [a, b] = await start(2, "NONCES lenient");
  const packets = [40, 7, 93].map((nonce) =>
    message({ nonce, records: [record("10.1.1.0/24", "192.0.2.1")] }),
  );
  for (const packet of packets) {
    a.push("e", [packet]);
    await settled(a);
  }
  await until(() => databaseOf(b).nonce(PEER_1) === 93n);
  for (const packet of packets) b.push("e", [packet]);
  await settled(b);
  // The last one again is a retransmission, which is acknowledged once more.
  assert.equal([b.read("e.replayed"), b.read("e.registers"), notified(b)], ["2", "0", [93n]]);
  await end(a, b);
});

test("xTRs that register together with one Map-Server each do not lose each other", async () => {
  const all = await start(2);
  for (let xtr = 1; xtr <= 20; xtr++)
    all[xtr & 1].push("e", [
      message({ nonce: 1, xtr, merge: true, records: [record("10.1.1.0/24", `198.51.100.${xtr}`)] }),
    ]);
  await settled(...all);
  await until(() => all.every((b) => locators(b, "10.1.1.1") === 20));
  assert.is(sum("registers", ...all), 20);
  await end(...all);
});

test("an xTR whose EID-prefix has moved is told by the Map-Server that took it, and by no other", async () => {
  const all = await start(3);
  all[0].push("e", [message({ nonce: 1, xtr: 1, records: [record("10.1.1.0/24", "192.0.2.1")] })]);
  await until(() => all.every((b) => databaseOf(b).size === 1));
  all[1].push("e", [message({ nonce: 1, xtr: 2, records: [record("10.1.1.7/32", "192.0.2.2")] })]);
  await until(() => all.every((b) => databaseOf(b).size === 2));
  // It is told of it by the watch, maybe before it has its answer.
  await settled(...all);
  assert.equal(
    all.map((b) => b.read("e.unsolicited")),
    ["0", "1", "0"],
  );
  await end(...all);
});

test("without the store answers come from memory, nothing expires or is acknowledged; with it again all goes on", async () => {
  const log: string[] = [];
  const [a] = await start(1, "TIMEOUT 60", log);
  a.push("e", [message({ nonce: 1, records: [record("10.1.1.0/24", "192.0.2.1")] })]);
  await settled(a);
  assert.is(a.read("e.store"), "etcd present");
  await cluster.kill(0);
  await until(() => databaseOf(a).loss !== null);
  assert.match(a.read("e.store"), /^etcd lost for 0\.0 s: 127\.0\.0\.1:/);
  assert.match(log.join("\n"), /store is lost, answers come from memory and registrations wait/);
  a.router.runFor(100);
  assert.equal([locators(a, "10.1.1.1"), a.read("e.size")], [1, "1"]);
  const packet = message({ nonce: 2, records: [record("10.1.2.0/24", "192.0.2.1")] });
  a.push("e", [packet]);
  a.push("e", [packet]);
  assert.equal([a.read("e.busy"), notified(a), databaseOf(a).waiting], ["1", [], 1]);
  // It waits for the store for 8 seconds, of real time.
  await until(() => a.read("e.store_failed") === "1");
  assert.equal([databaseOf(a).waiting, locators(a, "10.1.2.1")], [0, 0]);
  cluster.restart(0);
  await until(() => databaseOf(a).loss === null);
  assert.match(log.join("\n"), /store is there again after 100\.0 s, registrations are taken/);
  // As long as it was away, at most, what could not be renewed stays.
  a.router.runFor(80);
  assert.is(a.read("e.size"), "1");
  a.push("e", [message({ nonce: 3, records: [record("10.1.3.0/24", "192.0.2.1")] })]);
  await settled(a);
  assert.equal(notified(a), [3n]);
  a.router.runFor(11);
  assert.equal([locators(a, "10.1.1.1"), locators(a, "10.1.3.1")], [0, 1]);
  await end(a);
});

test("a cluster that does not answer is an error of the configuration, as is what is no address", async () => {
  const text = (store: string): string => `Idle -> LISPMapServer(RLOC4 ${MS}, STORE "${store}") -> Discard`;
  assert.match(
    await failure(() => Bench.start(text("etcd:127.0.0.1:1"))),
    /cannot reach etcd: 127\.0\.0\.1:1: /,
  );
  for (const [store, message] of [
    ["etcd:", /no HOST:PORT/],
    ["etcd:a", /an etcd member is HOST:PORT, not 'a'/],
    ["etcd:a:70000", /HOST:PORT, not 'a:70000'/],
    ["lmdb:", /no folder/],
    ["/var/lib/sluice", /it is 'lmdb:\/var\/lib\/sluice'/],
    ["redis:a", /should be 'memory', 'lmdb:FOLDER' or 'etcd:/],
  ] as const)
    assert.match(await failure(() => Bench.start(text(store))), message);
});

shared.run();
