// LISPHostFinder: which hosts of the site are elsewhere, from the mapping system.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import { encodeLispControl } from "../../../../src/wire/lisp-control/message.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import { packetOf, record, requestsTo, type Sent, takeAllSlots } from "../control.js";
import { Bench, ip } from "../harness.js";
import { complaints, hosts } from "./mobility-lab.js";

const RANGES = "192.168.2.0/24 192.168.2.1, fd02::/64 fd02::1";

/** Site 2, whose map-cache and mapping system the test is. */
const bench = (args = "", site = "192.168.2.0/24 10.0.0.2"): Promise<Bench> =>
  Bench.start(`
    site :: LISPSite(${site});
    feed :: Feed -> cache :: LISPMapCache -> Discard;
    frames :: Feed -> [1] e :: LISPMobility(site, 02:00:00:00:00:02, ${RANGES}, LOCATORS 10.0.0.2, CACHE cache) -> Discard;
    packets :: Feed -> e;
    replies :: Feed -> f :: LISPHostFinder(e, RLOC 10.0.0.2, MAP_RESOLVER 10.0.0.9${args}) -> out :: Sink;
    f[1] -> others :: Sink;
  `);

const asked = (b: Bench): Sent<MapRequest>[] => requestsTo(b, "out");
const prefixes = (sent: readonly Sent<MapRequest>[]): string[] =>
  sent.map(({ message }) => {
    const { eid, maskLength } = message.records[0];
    return eid.kind === "ip" && eid.address.length === 4
      ? `${eid.address.join(".")}/${maskLength}`
      : `six/${maskLength}`;
  });
/** A Map-Server's record. */
const proxied = (eid: string, rlocs: string, fields: Partial<EidRecord> = {}): EidRecord =>
  record(eid, rlocs, { authoritative: false, ...fields });
const HOME = proxied("192.168.2.0/24", "10.0.0.2");
function answer(b: Bench, to: Sent<MapRequest>, ...records: EidRecord[]): void {
  b.push("f", [packetOf(mapReply({ nonce: to.message.nonce, records }))]);
}

test("hosts that a Map-Server names with locators of others are away, as after a Map-Notify", async () => {
  const b = await bench();
  b.router.runFor(0);
  const [request, ...more] = asked(b);
  assert.equal([prefixes([request]), more], [["192.168.2.0/24"], []]);
  assert.equal(request.message.itrRlocs, [ipAddress(ip("10.0.0.2"))]);
  answer(b, request, HOME, proxied("192.168.2.10/32", "10.0.0.3"), proxied("192.168.2.11/32", "10.0.0.2"));
  assert.equal(hosts(b), ["192.168.2.10 away"], "the other one is registered by us");
  assert.is(b.read("cache.table"), "192.168.2.10/32 10.0.0.3/1/100 ttl 300");
  assert.equal([b.read("f.requests"), b.read("f.replies"), b.read("e.departures")], ["1", "1", "1"]);
  b.close();
});

test("it asks again after INTERVAL: who has moved on has, who is not named any more is away no longer", async () => {
  const b = await bench(", INTERVAL 20");
  b.router.runFor(0);
  answer(
    b,
    asked(b)[0],
    HOME,
    proxied("192.168.2.10/32", "10.0.0.3"),
    proxied("192.168.2.11/32", "10.0.0.3"),
  );
  b.router.runFor(19.9);
  assert.equal(asked(b), []);
  b.router.runFor(0.1);
  const [again] = asked(b);
  answer(b, again, HOME, proxied("192.168.2.11/32", "10.0.0.4"));
  assert.equal(hosts(b), ["192.168.2.11 away"]);
  assert.match(b.read("cache.table"), /^192\.168\.2\.11\/32 10\.0\.0\.4\/1\/100/);
  b.router.runFor(20);
  answer(b, asked(b)[0], HOME, proxied("192.168.2.11/32", "10.0.0.4"));
  assert.is(b.read("e.departures"), "3", "nothing new");
  b.close();
});

test("the mapping of a host that stays away does not expire, and one that was asked for since stays", async () => {
  const b = await bench(", INTERVAL 100");
  const away = [proxied("192.168.2.10/32", "10.0.0.3"), proxied("192.168.2.11/32", "10.0.0.3")];
  for (let i = 0; i < 5; i++) {
    b.router.runFor(i === 0 ? 0 : 100);
    answer(b, asked(b)[0], HOME, ...away);
  }
  assert.equal(b.read("cache.table").split("\n"), [
    "192.168.2.10/32 10.0.0.3/1/100 ttl 300",
    "192.168.2.11/32 10.0.0.3/1/100 ttl 300",
  ]);
  await b.router.write("cache.add", "192.168.2.11/32 10.0.0.4 ttl 300");
  b.router.runFor(100);
  answer(b, asked(b)[0], HOME, ...away);
  assert.equal(b.read("cache.table").split("\n"), [
    "192.168.2.10/32 10.0.0.3/1/100 ttl 300",
    "192.168.2.11/32 10.0.0.4/1/100 ttl 200",
  ]);
  b.close();
});

test("what was heard after the question was sent is newer than its answer", async () => {
  const b = await bench();
  b.router.runFor(0.5);
  const [request] = asked(b);
  await b.router.write("e.away", "192.168.2.10 10.0.0.5");
  await b.router.write("e.away", "192.168.2.11 10.0.0.5");
  await b.router.write("e.away", "192.168.2.12 10.0.0.5");
  await b.router.write("e.add", "192.168.2.12");
  answer(b, request, HOME, proxied("192.168.2.11/32", "10.0.0.3"), proxied("192.168.2.12/32", "10.0.0.3"));
  assert.equal(hosts(b), ["192.168.2.10 away", "192.168.2.11 away", "192.168.2.12 returned"]);
  assert.match(b.read("cache.table"), /192\.168\.2\.11\/32 10\.0\.0\.5/);
  b.close();
});

test("without an answer it asks again after 1, 2, 4, ... seconds up to INTERVAL, of each Map-Resolver in turn", async () => {
  const b = await bench(" 10.0.0.8, INTERVAL 6");
  const times: string[] = [];
  for (let i = 0; i <= 250; i++) {
    b.router.runFor(i === 0 ? 0 : 0.1);
    for (const { destination } of asked(b)) times.push(`${(i / 10).toFixed(0)}:${destination[3]}`);
  }
  assert.equal(times, ["0:9", "1:8", "3:9", "7:8", "13:9", "19:8", "25:9"]);
  b.close();
});

test("an answer by an ETR, or one that the prefix is not registered, says nothing about hosts", async () => {
  const b = await bench();
  await b.router.write("e.away", "192.168.2.10 10.0.0.5");
  b.router.runFor(10);
  const request = asked(b).at(-1)!;
  answer(b, request, record("192.168.2.0/24", "10.0.0.2"));
  answer(b, request, proxied("192.168.2.0/24", "", { action: 1, ttl: 1 }));
  answer(b, request, proxied("192.168.3.0/24", "10.0.0.3"));
  assert.equal([hosts(b), b.read("f.unusable")], [["192.168.2.10 away"], "3"]);
  b.router.runFor(10);
  const [again] = asked(b);
  assert.ok(again.message.nonce !== request.message.nonce);
  answer(b, request, HOME);
  assert.equal(hosts(b), [], "a late answer to the first question does");
  answer(b, again, HOME, proxied("192.168.2.10/32", "10.0.0.3"));
  assert.equal([hosts(b), b.take("others").length], [[], 1], "what is answered awaits nothing more");
  b.close();
});

test("a host whose ETR answers itself is asked for by itself, three times", async () => {
  const b = await bench();
  b.router.runFor(0);
  const byEtr = (eid: string): EidRecord => proxied(eid, "", { action: 2, ttl: 15 });
  answer(b, asked(b)[0], HOME, byEtr("192.168.2.10/32"), byEtr("192.168.2.11/32"));
  assert.equal(hosts(b), []);
  b.router.runFor(0.1);
  const [host] = asked(b);
  assert.equal(prefixes([host]), ["192.168.2.11/32"]);
  answer(b, host, record("192.168.2.11/32", "10.0.0.3"));
  assert.equal(hosts(b), ["192.168.2.11 away"]);
  b.router.runFor(20);
  assert.equal(prefixes(asked(b)), ["192.168.2.10/32", "192.168.2.10/32", "192.168.2.10/32"]);
  b.router.runFor(47.5);
  assert.equal(prefixes(asked(b)), ["192.168.2.0/24"], "then the next search begins");
  b.close();
});

test("each prefix of the site that hosts may leave is asked for; others, and those that go, are not", async () => {
  const b = await bench("", "192.168.2.0/24 10.0.0.2, fd02::/64 10.0.0.2, 172.16.0.0/16 10.0.0.2");
  b.router.runFor(0);
  const first = asked(b);
  assert.equal(prefixes(first).sort(), ["192.168.2.0/24", "six/64"]);
  await b.router.write("site.remove", "fd02::/64");
  b.router.runFor(10);
  assert.ok(prefixes(asked(b)).every((text) => text === "192.168.2.0/24"));
  answer(
    b,
    first.find(({ message }) => message.records[0].maskLength === 64)!,
    proxied("fd02::/64", "10.0.0.2"),
  );
  assert.is(b.take("others").length, 1, "its answer is nobody's any more");
  b.close();
});

test("without a range, or without a Map-Resolver, nothing is asked; Map-Replies to others pass", async () => {
  for (const [ranges, resolver] of [
    ["", "10.0.0.9"],
    [`, ${RANGES}`, '""'],
  ]) {
    const b = await Bench.start(`
      site :: LISPSite(192.168.2.0/24 10.0.0.2);
      a :: Feed -> [1] e :: LISPMobility(site, 02:00:00:00:00:02${ranges}, LOCATORS 10.0.0.2) -> Discard; c :: Feed -> e;
      replies :: Feed -> f :: LISPHostFinder(e, RLOC 10.0.0.2, MAP_RESOLVER ${resolver}) -> out :: Sink;
      f[1] -> others :: Sink;`);
    b.router.runFor(100);
    b.push("f", [packetOf(mapReply({ nonce: 1n, records: [HOME] })), Uint8Array.of(1, 2, 3)]);
    assert.equal([b.take("out").length, b.take("others").length], [0, 2]);
    b.close();
  }
});

test("without a free packet it asks later", async () => {
  const b = await bench();
  const taken = takeAllSlots(b);
  b.router.runFor(0);
  assert.is(b.read("f.no_slot"), "1");
  for (const slot of taken) b.router.memory.kernels.poolGive(slot);
  b.router.runFor(1);
  assert.is(asked(b).length, 1);
  b.close();
});

test("what it needs is checked", async () => {
  const e = "LISPMobility(site, 02:00:00:00:00:02)";
  const rest = `site :: LISPSite(192.168.2.0/24 10.0.0.2); Idle -> e :: ${e} -> Discard; Idle -> [1] e;`;
  assert.equal(
    await complaints(`${rest} Idle -> f :: LISPHostFinder(site, RLOC 10.0.0.2) -> Discard; f[1] -> Discard`),
    ["MOBILITY is not a LISPMobility"],
  );
  assert.equal(await complaints(`${rest} Idle -> f :: LISPHostFinder(e) -> Discard; f[1] -> Discard`), [
    "no RLOC given",
  ]);
});

// ---- With a real Map-Server --------------------------------------------------------

/** Sites 2 and 3 with their registrars and a Map-Server, the hosts of 2 that `away` says registered by 3. */
const network = (away: string, flags = "proxy-reply"): Promise<Bench> =>
  Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2, fd02::/64 10.0.0.2); other :: LISPSite(${away});
    frames :: Feed -> [1] e :: LISPMobility(site, 02:00:00:00:00:02, ${RANGES}, LOCATORS 10.0.0.2) -> Discard;
    packets :: Feed -> e;
    ms :: LISPMapServer(all key secret eid 192.168.0.0/16 more eid fd00::/8 more, RLOC4 10.0.0.9);
    mr :: LISPMapResolver(RLOC4 10.0.0.9, MAP_SERVER ms);
    up :: LISPControlClassifier; up[0], up[2] -> ms; up[1], up[3], up[5] -> Discard; up[4] -> mr;
    down :: IPClassifier(dst host 10.0.0.2, dst host 10.0.0.3);
    ms, mr -> down;
    down[0] -> c2 :: LISPControlClassifier; down[1] -> c3 :: LISPControlClassifier;
    c2[1] -> f :: LISPHostFinder(e, RLOC 10.0.0.2, MAP_RESOLVER 10.0.0.9, RATE 1000) -> up; f[1] -> Discard;
    c2[3] -> reg2 :: LISPRegistrar(site, RLOC 10.0.0.2, MAP_SERVER 10.0.0.9 key secret proxy-reply) -> up;
    c3[3] -> reg3 :: LISPRegistrar(other, RLOC 10.0.0.3, MAP_SERVER 10.0.0.9 key secret ${flags}) -> up;
    c3[4] -> [1] rep3 :: LISPMapReplier(other, RLOC 10.0.0.3) -> down; c3[0] -> rep3;
    c2[0], c2[2], c2[4], c2[5], c3[1], c3[2], c3[5] -> Discard;
  `);

test("a tunnel router that comes later finds all hosts, however many, in both families", async () => {
  const away: string[] = [];
  // The ends of the prefix, neighbours, and others.
  for (const n of [0, 1, 2, 3, 127, 128, 255]) away.push(`192.168.2.${n}/32`);
  for (let n = 10; n < 110; n += 3) away.push(`192.168.2.${n}/32`);
  for (let n = 0; n < 40; n++) away.push(`fd02::${(1 + n * 977).toString(16)}/128`);
  away.push("fd02::ffff:ffff:ffff:ffff/128");
  const b = await network(away.map((eid) => `${eid} 10.0.0.3`).join(", "));
  b.router.runFor(30);
  const found = hosts(b);
  assert.equal(found.sort(), away.map((eid) => `${eid.replace(/\/\d+$/, "")} away`).sort());
  assert.is(b.read("f.unusable"), "2", "each once before the site was registered");
  b.close();
});

test("one that another site's ETR answers for itself is found, too", async () => {
  const b = await network("192.168.2.10/32 10.0.0.3, 192.168.2.11/32 10.0.0.3", "");
  b.router.runFor(30);
  assert.equal(hosts(b).sort(), ["192.168.2.10 away", "192.168.2.11 away"]);
  b.close();
});

test("a Map-Reply is read by the one who asked: damaged behind the nonce, it is malformed there and nowhere else", async () => {
  const b = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2);
    feed :: Feed -> cache :: LISPMapCache -> Discard;
    cache[1] -> ask :: LISPResolver(cache, RLOC 10.0.0.2, MAP_RESOLVER 10.0.0.9) -> asked :: Sink; ask[1] -> Discard;
    frames :: Feed -> [1] e :: LISPMobility(site, 02:00:00:00:00:02, ${RANGES}, LOCATORS 10.0.0.2, CACHE cache) -> Discard;
    packets :: Feed -> e;
    replies :: Feed -> f :: LISPHostFinder(e, RLOC 10.0.0.2, MAP_RESOLVER 10.0.0.9) -> out :: Sink;
    notifies :: Feed -> sub :: LISPSubscriber(ask, RLOC 10.0.0.2, MAP_RESOLVER 10.0.0.9, PUBSUB_KEY secret) -> wanted :: Sink;
    f[1] -> [1] sub; sub[1] -> Discard; sub[2] -> [1] ask;`);
  const malformed = (): string[] => ["f", "sub", "ask"].map((name) => b.read(`${name}.malformed`));
  const damaged = (nonce: bigint): Uint8Array => {
    const message = encodeLispControl(mapReply({ nonce, records: [HOME] }));
    // Longer than any EID-prefix of its family may be.
    message[17] = 255;
    return packetOf(message);
  };
  await b.router.write("ask.ask", "10.9.0.1/32");
  b.router.runFor(0);
  const [search] = asked(b);
  const [resolution] = requestsTo(b, "asked");
  b.push("f", [
    packetOf(mapReply({ nonce: resolution.message.nonce, records: [proxied("10.9.0.0/16", "10.0.0.9")] })),
  ]);
  b.router.runFor(0);
  const [subscription] = requestsTo(b, "wanted");
  assert.equal([b.read("ask.replies"), malformed()], ["1", ["0", "0", "0"]]);
  b.push("f", [damaged(search.message.nonce)]);
  assert.equal(malformed(), ["1", "0", "0"]);
  b.push("f", [damaged(subscription.message.nonce)]);
  assert.equal(malformed(), ["1", "1", "0"]);
  b.push("f", [damaged(5n), packetOf(mapReply({ nonce: search.message.nonce, records: [] }))]);
  assert.equal(malformed(), ["2", "1", "1"]);
  // What could not be read answers nothing: both wait still.
  b.push("f", [
    packetOf(mapReply({ nonce: subscription.message.nonce, records: [HOME] })),
    packetOf(mapReply({ nonce: search.message.nonce, records: [HOME] })),
  ]);
  assert.equal([b.read("f.replies"), b.read("sub.declined"), ...malformed()], ["1", "1", "2", "1", "1"]);
  b.close();
});

test("two answers to one question in one batch: the second is nobody's", async () => {
  const b = await bench();
  b.router.runFor(0);
  const packet = packetOf(mapReply({ nonce: asked(b)[0].message.nonce, records: [HOME] }));
  b.push("f", [packet, packet]);
  assert.equal([b.read("f.replies"), b.take("others").length], ["1", 1]);
  b.close();
});

test.run();
