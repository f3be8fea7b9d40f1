// What is told of a host against what the mapping system says: the newer holds.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { authenticate } from "../../../../src/lisp/control/authentication.js";
import { addressText } from "../../../../src/net/address.js";
import { mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import { mapNotify } from "../../../../src/wire/lisp-control/registration.js";
import { packetOf, record, requestsTo, sentOf, sentTo } from "../control.js";
import { Bench, ip, ipv4, lisp } from "../harness.js";
import { counts, empty, hosts, registered } from "./mobility-lab.js";

const KEY = { id: 1, secret: new TextEncoder().encode("secret") };
const SERVERS = ["10.0.0.9", "10.0.0.8"] as const;

/** Site 2, whose Map-Servers are the test. */
const start = (servers: readonly string[] = SERVERS): Promise<Bench> =>
  Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2);
    f1 :: Feed -> cache :: LISPMapCache -> Discard;
    f2 :: Feed -> registrar :: LISPRegistrar(site, RLOC 10.0.0.2,
      ${servers.map((server) => `MAP_SERVER ${server} key secret`).join(", ")}) -> out :: Sink;
    f3 :: Feed -> [1] e :: LISPMobility(site, 02:00:00:00:00:02, 192.168.1.0/24 192.168.1.1, 192.168.2.0/24 192.168.2.1,
      LOCATORS "10.0.0.2/1/50", CACHE cache, REGISTRAR registrar) -> s0 :: Sink;
    f4 :: Feed -> e;
  `);

let nonce = 1n;
/** A Map-Server's Map-Notify that nobody has asked for. */
function notify(
  b: Bench,
  eid: string,
  rlocs: string,
  server: string = SERVERS[0],
  fields: Partial<EidRecord> = {},
): void {
  const message = mapNotify({ type: "map-notify", nonce: nonce++, records: [record(eid, rlocs, fields)] });
  b.push("registrar", [packetOf(authenticate(message, KEY, 2), { from: server })]);
}

/** These Map-Servers acknowledge what has been registered with them since the last time. */
function acknowledge(b: Bench, ...servers: string[]): void {
  b.router.runFor(0);
  for (const { message, destination } of sentTo(b, "out")) {
    const server = addressText(destination);
    if (message.type !== "map-register" || !servers.includes(server)) continue;
    const answer = mapNotify({ type: "map-notify", nonce: message.nonce, records: message.records });
    b.push("registrar", [packetOf(authenticate(answer, KEY, 2), { from: server })]);
  }
}

for (const eid of ["192.168.1.10", "192.168.2.10"]) {
  const state = eid.includes(".1.") ? "here" : "returned";

  test(`a Map-Notify from before the Map-Server has acknowledged a claim of ${eid} changes nothing, a later one does`, async () => {
    const b = await start([SERVERS[0]]);
    acknowledge(b, SERVERS[0]);
    await b.router.write("e.release", "192.168.2.10 10.0.0.3");
    await b.router.write("e.claim", eid);
    const own = registered(b);
    notify(b, `${eid}/32`, "10.0.0.3");
    notify(b, `${eid}/32`, "", SERVERS[0], { ttl: 0 });
    assert.equal([hosts(b).includes(`${eid} ${state}`), registered(b)], [true, own]);
    acknowledge(b, SERVERS[0]);
    notify(b, `${eid}/32`, "", SERVERS[0], { ttl: 0 });
    assert.equal([hosts(b).includes(`${eid} ${state}`), registered(b)], [true, own]);
    notify(b, `${eid}/32`, "10.0.0.3");
    assert.equal([hosts(b).includes(`${eid} away`), registered(b)], [true, []]);
    b.close();
  });
}

test("each Map-Server's word counts from when it has acknowledged the claim itself", async () => {
  const b = await start();
  acknowledge(b, ...SERVERS);
  await b.router.write("e.claim", "192.168.1.10");
  acknowledge(b, SERVERS[1]);
  notify(b, "192.168.1.10/32", "10.0.0.3", SERVERS[0]);
  assert.equal(hosts(b), ["192.168.1.10 here"]);
  notify(b, "192.168.1.10/32", "10.0.0.3", SERVERS[1]);
  assert.equal(hosts(b), ["192.168.1.10 away"]);
  b.close();
});

test("a Map-Notify of what was told already changes nothing but the priorities that it brings", async () => {
  const b = await start([SERVERS[0]]);
  for (const eid of ["192.168.1.10", "192.168.2.10"]) {
    await b.router.write("e.claim", eid);
    acknowledge(b, SERVERS[0]);
    await b.router.write("e.release", `${eid} 10.0.0.3`);
    b.take("s0");
    const before = counts(b, "arrivals", "departures");
    b.router.runFor(0.5);
    notify(b, `${eid}/32`, "10.0.0.3");
    assert.equal([counts(b, "arrivals", "departures"), b.take("s0").length], [before, 0]);
    assert.match(b.read("e.table"), new RegExp(`${eid} away - 0\\.500 ${eid}/32 10\\.0\\.0\\.3/1/100`));
    // Where it is now it may be reached in other ways than was told.
    const locators = record(`${eid}/32`, "10.0.0.3").locators.map((l) => ({ ...l, priority: 2, weight: 7 }));
    notify(b, `${eid}/32`, "", SERVERS[0], { locators });
    assert.match(b.read("cache.lookup", eid), /10\.0\.0\.3\/2\/7/);
    assert.equal(counts(b, "departures"), before.slice(1));
    // What it says from now on is news.
    notify(b, `${eid}/32`, "10.0.0.4");
    assert.match(b.read("e.table"), new RegExp(`${eid} away .*10\\.0\\.0\\.4`));
  }
  b.close();
});

test("where a host has gone is not undone by a Map-Server that has not heard of it, for a minute", async () => {
  const b = await start([SERVERS[0]]);
  await b.router.write("e.release", "192.168.2.10 10.0.0.3");
  const notified = (): string => {
    notify(b, "192.168.2.10/32", "", SERVERS[0], { ttl: 0 });
    notify(b, "192.168.2.10/32", "10.0.0.4");
    return b.read("e.table");
  };
  assert.match(notified(), /^192\.168\.2\.10 away .*10\.0\.0\.3/);
  b.router.runFor(59.9);
  assert.match(notified(), /^192\.168\.2\.10 away .*10\.0\.0\.3/);
  b.router.runFor(0.2);
  assert.match(notified(), /^192\.168\.2\.10 away .*10\.0\.0\.4/);
  b.close();
});

test("until that minute is over, a search that does not name it, or elsewhere, changes nothing; one that does confirms it", async () => {
  for (const confirmed of [false, true]) {
    const b = await Bench.start(`
      site :: LISPSite(192.168.2.0/24 10.0.0.2); f1 :: Feed -> cache :: LISPMapCache -> Discard;
      e :: LISPMobility(site, 02:00:00:00:00:02, 192.168.2.0/24 192.168.2.1, LOCATORS 10.0.0.2, CACHE cache) -> Discard;
      Idle -> e; Idle -> [1] e;
      f5 :: Feed -> f :: LISPHostFinder(e, RLOC 10.0.0.2, MAP_RESOLVER 10.0.0.9, INTERVAL 5) -> asked :: Sink; f[1] -> Discard;`);
    const search = (...records: EidRecord[]): void => {
      b.router.runFor(5);
      const request = requestsTo(b, "asked").at(-1)!;
      const home = record("192.168.2.0/24", "10.0.0.2", { authoritative: false });
      b.push("f", [packetOf(mapReply({ nonce: request.message.nonce, records: [home, ...records] }))]);
    };
    const where = (rloc: string): EidRecord => record("192.168.2.10/32", rloc, { authoritative: false });
    await b.router.write("e.release", "192.168.2.10 10.0.0.3");
    search();
    search(where("10.0.0.4"));
    assert.match(b.read("e.table"), /^192\.168\.2\.10 away .*10\.0\.0\.3/);
    assert.is(b.read("e.departures"), "1");
    if (confirmed) search(where("10.0.0.3"));
    else for (let i = 0; i < 9; i++) search();
    assert.equal([hosts(b), b.read("e.departures")], [["192.168.2.10 away"], "1"]);
    search();
    assert.equal([hosts(b), b.read("cache.size")], [[], "0"]);
    b.close();
  }
});

test("peers are left to whoever tells them for two seconds; those that go on sending then are solicited", async () => {
  const b = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2); f1 :: Feed -> cache :: LISPMapCache -> Discard;
    core :: Feed -> decap :: LISPDecap(PEERS 64) -> log :: LISPPeerLog(decap) -> k :: LISPHostSwitch(e, dst) -> Discard;
    k[1], k[2], k[3] -> Discard; Idle -> [1] log; log[1] -> Discard;
    smr :: LISPSMRSender(site, RLOC 10.0.0.2, CACHE cache, DECAP decap) -> s0 :: Sink;
    e :: LISPMobility(site, 02:00:00:00:00:02, 192.168.2.0/24 192.168.2.1, LOCATORS 10.0.0.2, CACHE cache, SMR smr,
      LOG log) -> Discard;
    Idle -> [1] e; Idle -> e;`);
  const send = (source: string): void => {
    const packet = ipv4(empty, { destination: ip("192.168.2.10") });
    b.push("decap", [lisp(packet, undefined, { source: ip(source) })]);
  };
  const told = (): string[] => {
    const smrs = sentOf(b, "s0", "map-request").map(({ destination }) => addressText(destination));
    return smrs.sort();
  };
  for (const peer of ["192.0.2.1", "192.0.2.2"]) send(peer);
  await b.router.write("e.release", "192.168.2.10 10.0.0.3");
  // On their way, or not told yet.
  for (let i = 0; i < 19; i++) {
    for (const peer of ["192.0.2.1", "192.0.2.2"]) send(peer);
    b.router.runFor(0.1);
  }
  assert.equal(told(), []);
  b.router.runFor(0.2);
  for (let i = 0; i < 30; i++) {
    send("192.0.2.1");
    b.router.runFor(0.1);
  }
  assert.equal(told(), ["192.0.2.1"], "one that has not heard");
  // A host whose leaving nobody else tells of: at once.
  await b.router.write("e.claim", "192.168.2.10");
  await b.router.write("e.away", "192.168.2.10 10.0.0.3");
  b.router.runFor(0.1);
  assert.ok(told().length > 0);
  b.close();
});

test("whose peers are, says the log", async () => {
  const b = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2);
    core :: Feed -> decap :: LISPDecap(PEERS 64) -> log :: LISPPeerLog(decap) -> Discard; Idle -> [1] log; log[1] -> Discard;
    e :: LISPMobility(site, 02:00:00:00:00:02, 192.168.2.0/24 192.168.2.1, LOCATORS 10.0.0.2, LOG log) -> Discard;
    Idle -> [1] e; Idle -> e;`);
  const { LISPMobility: mobility } = b.router.find("e")!.offers();
  const eid = ip("192.168.2.10");
  for (const source of ["192.0.2.1", "192.0.2.2"])
    b.push("decap", [lisp(ipv4(empty, { destination: eid }), undefined, { source: ip(source) })]);
  assert.equal(mobility!.peersOf(eid).map(addressText).sort(), ["192.0.2.1", "192.0.2.2"]);
  assert.equal(mobility!.peersOf(ip("192.168.2.11")), []);
  const hosted = (): boolean[] => [eid, ip("192.168.1.10")].map((e) => mobility!.hosts(e));
  assert.equal(hosted(), [true, false]);
  mobility!.release(eid, [
    { rloc: ip("10.0.0.3"), priority: 1, weight: 1, mpriority: 255, mweight: 0, reachable: true },
  ]);
  assert.equal(hosted(), [false, false]);
  mobility!.claim(eid, null);
  assert.equal(hosted(), [true, false]);
  b.close();
});

test.run();
