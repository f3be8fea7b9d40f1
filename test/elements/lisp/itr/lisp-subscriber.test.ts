// LISPSubscriber: when it subscribes, which Map-Notifies count, and what they do to the map-cache (RFC 9437).

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AuthenticationKey,
  authenticate,
  verifyAuthentication,
} from "../../../../src/lisp/control/authentication.js";
import { ipAddress } from "../../../../src/wire/lisp-control/address.js";
import type { MapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { EidRecord, XtrIds } from "../../../../src/wire/lisp-control/record.js";
import { type MapNotify, mapNotify } from "../../../../src/wire/lisp-control/registration.js";
import { failure, packetOf, record, reply, requestsTo, type Sent, sentTo, takeAllSlots } from "../control.js";
import { Bench, hex, ip, ipv4, udp } from "../harness.js";

const KEY: AuthenticationKey = { id: 1, secret: new TextEncoder().encode("secret") };
const GUESS: AuthenticationKey = { id: 1, secret: new TextEncoder().encode("guess") };
const PREFIX = "10.2.0.0/16";

const graph = (args = "", cache = "", ask = ""): string => `
  feed :: Feed -> cache :: LISPMapCache(${cache}) -> Discard;
  cache[1] -> ask :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9 ${ask}) -> asked :: Sink;
  ask[1] -> Discard; f2 :: Feed -> answers :: Counter -> [1] ask;
  f3 :: Feed -> e :: LISPSubscriber(ask, RLOC 192.0.2.1, PUBSUB_KEY secret, IDLE 0,
    ${args.includes("MAP_RESOLVER") ? args.slice(2) : `MAP_RESOLVER 192.0.2.9 ${args}`}) -> out :: Sink;
  f4 :: Feed -> replies :: Counter -> [1] e; e[1] -> notifies :: Sink; e[2] -> others :: Sink;`;

const bench = (args?: string, cache?: string, ask?: string): Promise<Bench> =>
  Bench.start(graph(args, cache, ask));

/** The resolver puts records into its map-cache, of which the first is what it has asked for. */
async function learn(b: Bench, ...records: EidRecord[]): Promise<void> {
  const { eid } = records[0];
  if (eid.kind !== "ip") throw new Error("no IP address");
  await b.router.write("ask.ask", `${eid.address.join(".")}/32`);
  b.router.runFor(0);
  const { message } = requestsTo(b, "asked").at(-1)!;
  b.push("answers", [packetOf(reply(message.nonce, ...records))]);
  b.router.runFor(0);
}

const requests = (b: Bench): Sent<MapRequest>[] => requestsTo(b, "out");

/** Seconds at which Map-Requests leave until `until`, checked every `step`; `each` sees them. */
function times(b: Bench, until: number, each: (m: MapRequest) => void = () => {}, step = 0.5): number[] {
  const found: number[] = [];
  for (let at = step; at <= until; at += step) {
    b.router.runFor(step);
    for (const { message } of requests(b)) {
      found.push(at);
      each(message);
    }
  }
  return found;
}

/** The Map-Request that is out, where there is just one. */
function request(b: Bench): MapRequest {
  const all = requests(b);
  assert.is(all.length, 1);
  return all[0].message;
}

function notify(
  b: Bench,
  nonce: bigint,
  records: readonly EidRecord[],
  { key = KEY, ids = null }: { readonly key?: AuthenticationKey; readonly ids?: XtrIds | null } = {},
): void {
  b.push("e", [
    packetOf(authenticate(mapNotify({ type: "map-notify", nonce, records, ids }), key, 2, "ids")),
  ]);
}

function ackMessages(b: Bench): Sent<MapNotify>[] {
  return sentTo(b, "out").map(({ message, ...datagram }) => {
    if (message.type !== "map-notify-ack") throw new Error(`a ${message.type}, not a map-notify-ack`);
    return { ...datagram, message };
  });
}

const acks = (b: Bench): bigint[] => ackMessages(b).map((s) => s.message.nonce);
const table = (b: Bench): string[] =>
  b
    .read("cache.table")
    .split("\n")
    .filter(Boolean)
    .map((line) => line.replace(/ ttl .*/, ""));
const states = (b: Bench): string[] =>
  b
    .read("e.table")
    .split("\n")
    .map((line) => line.split(" ")[2]);

/** Subscribed to PREFIX, at 192.0.2.2; gives the nonce of the Map-Request. */
async function subscribed(b: Bench): Promise<bigint> {
  const mapping = record(PREFIX, "192.0.2.2");
  await learn(b, mapping);
  const { nonce } = request(b);
  notify(b, nonce, [mapping]);
  acks(b);
  return nonce;
}

test("what the resolver has learned is subscribed to: N bit, I bit, xTR-ID and Site-ID, in an ECM", async () => {
  const b = await bench(`, XTR_ID ${"ab".repeat(16)}, SITE_ID 0000000000000005`);
  await learn(b, record(PREFIX, "192.0.2.2"));
  const [sent] = requests(b);
  assert.equal([sent.source, sent.destination], [ip("192.0.2.1"), ip("192.0.2.9")]);
  const m = sent.message;
  assert.equal(m.ids, { xtrId: hex("ab".repeat(16)), siteId: hex("0000000000000005") });
  assert.equal(m.records, [{ eid: ipAddress(ip("10.2.0.0")), maskLength: 16, subscribe: true }]);
  assert.equal(m.itrRlocs, [ipAddress(ip("192.0.2.1"))]);
  assert.equal(states(b), ["asking"]);
  notify(b, m.nonce, [record(PREFIX, "192.0.2.3")], { ids: m.ids });
  assert.equal(states(b), ["subscribed"]);
  assert.equal(table(b), ["10.2.0.0/16 192.0.2.3/1/100"]);
  const [ack] = ackMessages(b);
  assert.equal([ack.source, ack.destination, ack.message.nonce], [ip("192.0.2.1"), ip("192.0.2.9"), m.nonce]);
  assert.equal(ack.message.ids, m.ids);
  assert.is(verifyAuthentication(ack.payload, ack.message, [KEY]).scope, "ids");
  b.close();
});

test("each publication changes the map-cache, and is acknowledged", async () => {
  const b = await bench();
  const nonce = await subscribed(b);
  notify(b, nonce + 1n, [record(PREFIX, "192.0.2.4 192.0.2.5")]);
  assert.equal(table(b), ["10.2.0.0/16 192.0.2.4/1/100 192.0.2.5/1/100"]);
  notify(b, nonce + 2n, [record("10.2.7.0/24", "192.0.2.7")]);
  assert.is(table(b).length, 2);
  notify(b, nonce + 3n, [record("10.2.7.0/24", "", { ttl: 0 })]);
  notify(b, nonce + 4n, [record(PREFIX, "", { ttl: 0 })]);
  assert.equal(table(b), []);
  // It is told of the prefix also when nothing is left of it; but not of what else is in one around it.
  notify(b, nonce + 5n, [record("10.0.0.0/8", "192.0.2.8")]);
  assert.equal(table(b), ["10.2.0.0/16 192.0.2.8/1/100"]);
  assert.equal(
    acks(b),
    [1n, 2n, 3n, 4n, 5n].map((n) => nonce + n),
  );
  assert.equal(
    ["answers", "publications", "acks", "installed", "removed"].map((h) => b.read(`e.${h}`)),
    ["1", "5", "6", "4", "2"],
  );
  b.close();
});

test("a negative answer takes up no more than was subscribed to", async () => {
  const b = await bench();
  const nonce = await subscribed(b);
  notify(b, nonce + 1n, [record("10.0.0.0/8", "", { action: 3 })]);
  assert.equal(table(b), ["10.2.0.0/16 action drop"]);
  b.close();
});

test("a Map-Notify of a wrong key, key ID or algorithm, of another xTR, or for nothing asked for changes nothing and goes on", async () => {
  const b = await bench();
  const nonce = await subscribed(b);
  const bad = [record(PREFIX, "192.0.2.66")];
  const before = b.read("e.table");
  notify(b, nonce + 1n, bad, { key: GUESS });
  notify(b, nonce + 1n, bad, { key: { ...KEY, id: 2 } });
  b.push("e", [
    packetOf(authenticate(mapNotify({ type: "map-notify", nonce: nonce + 1n, records: bad }), KEY, 1)),
    packetOf(mapNotify({ type: "map-notify", nonce: nonce + 1n, records: bad })),
  ]);
  notify(b, nonce + 1n, bad, { ids: { xtrId: new Uint8Array(16), siteId: new Uint8Array(8) } });
  notify(b, nonce + (1n << 32n), bad);
  notify(b, nonce - (1n << 32n), bad);
  b.push("e", [hex("45"), packetOf(hex("40000001"))]);
  assert.is(b.take("notifies").length, 9);
  assert.equal([table(b), b.read("e.table")], [["10.2.0.0/16 192.0.2.2/1/100"], before]);
  assert.is(b.take("out").length, 0);
  b.close();
});

test("a nonce that has counted is acknowledged again but changes nothing, an older one is refused", async () => {
  const b = await bench();
  const nonce = await subscribed(b);
  const old = [record(PREFIX, "192.0.2.66")];
  notify(b, nonce + 1n, [record(PREFIX, "192.0.2.4")]);
  notify(b, nonce + 2n, [record(PREFIX, "192.0.2.5")]);
  acks(b);
  notify(b, nonce + 2n, old);
  assert.equal(acks(b), [nonce + 2n]);
  for (const earlier of [nonce + 1n, nonce, nonce - 1n]) notify(b, earlier, old);
  assert.equal(acks(b), []);
  assert.equal([b.read("e.repeat"), b.read("e.replay")], ["1", "3"]);
  assert.equal(table(b), ["10.2.0.0/16 192.0.2.5/1/100"]);
  b.close();
});

test("what was published before a renewal, or for another subscription, cannot be replayed", async () => {
  const b = await bench(", RENEW 60");
  const nonce = await subscribed(b);
  notify(b, nonce + 1n, [record("10.2.7.0/24", "192.0.2.66")]);
  notify(b, nonce + 2n, [record("10.2.7.0/24", "192.0.2.7")]);
  acks(b);
  // Within the first one, and asked for later: all its nonces are above what was published for the first.
  await learn(b, record("10.2.7.0/24", "192.0.2.7"));
  const within = request(b).nonce;
  notify(b, within, [record("10.2.7.0/24", "192.0.2.7")]);
  notify(b, nonce + 1n, [record("10.2.7.0/24", "192.0.2.66")]);
  acks(b);
  b.router.runFor(60);
  for (const { message } of requests(b)) {
    assert.ok(message.nonce > within);
    notify(b, message.nonce, []);
  }
  acks(b);
  notify(b, nonce + 1n, [record("10.2.7.0/24", "192.0.2.66")]);
  notify(b, within, [record("10.2.7.0/24", "192.0.2.66")]);
  assert.equal(acks(b), [nonce + 1n, within]);
  assert.equal(table(b), ["10.2.0.0/16 192.0.2.2/1/100", "10.2.7.0/24 192.0.2.7/1/100"]);
  b.close();
});

test("a missed publication: it subscribes anew at once, and what the answer does not name is gone", async () => {
  const b = await bench("", "10.2.9.0/24 192.0.2.9");
  const nonce = await subscribed(b);
  notify(b, nonce + 1n, [record("10.2.7.0/24", "192.0.2.7"), record("10.2.8.0/24", "192.0.2.8")]);
  b.router.runFor(5);
  notify(b, nonce + 3n, [record("10.2.8.0/24", "192.0.2.18")]);
  acks(b);
  b.router.runFor(0);
  const again = request(b);
  assert.ok(again.nonce > nonce + 3n);
  notify(b, again.nonce, [record(PREFIX, "192.0.2.2"), record("10.2.8.0/24", "192.0.2.18")]);
  // The one that was configured stays.
  assert.equal(table(b), [
    "10.2.0.0/16 192.0.2.2/1/100",
    "10.2.8.0/24 192.0.2.18/1/100",
    "10.2.9.0/24 192.0.2.9/1/100",
  ]);
  b.close();
});

test("without an answer it asks again after 1, 2, 4, 8, 16 and 16 seconds, each time with a greater nonce; then it rests", async () => {
  const b = await bench(", PAUSE 100");
  await learn(b, record(PREFIX, "192.0.2.2"));
  const nonces = [request(b).nonce];
  assert.equal(
    times(b, 140, ({ nonce }) => nonces.push(nonce)),
    [1, 3, 7, 15, 31],
  );
  assert.ok(nonces.every((n, i) => i === 0 || n > nonces[i - 1]));
  assert.equal([b.read("e.unanswered"), ...states(b)], ["1", "resting"]);
  // 31 and 16 seconds, and 100 of rest.
  assert.equal(times(b, 10), [7, 8, 10]);
  // A mapping that nobody has any more is not asked for again.
  await b.router.write("cache.clear");
  b.router.runFor(400);
  requests(b);
  assert.is(b.read("e.size"), "0");
  b.close();
});

test("of several Map-Resolvers another one is asked each time", async () => {
  const b = await bench(", MAP_RESOLVER '192.0.2.9 192.0.2.10'");
  await learn(b, record(PREFIX, "192.0.2.2"));
  b.router.runFor(3);
  assert.equal(
    requests(b).map((r) => r.destination[3]),
    [9, 10, 9],
  );
  b.close();
});

test("a subscription is renewed after RENEW, and before three quarters of its mapping's time are over", async () => {
  const b = await bench(", RENEW 600");
  const mapping = record(PREFIX, "192.0.2.2");
  let nonce = await subscribed(b);
  const answer = (m: MapRequest, ttl: number): void => {
    assert.ok(m.nonce > nonce);
    nonce = m.nonce;
    notify(b, nonce, [{ ...mapping, ttl }]);
    acks(b);
  };
  assert.equal(
    times(b, 1300, (m) => answer(m, 1440), 10),
    [600, 1200],
  );
  // With 4 minutes, after 3.
  assert.equal(
    times(b, 1000, (m) => answer(m, 4), 10),
    [500, 680, 860],
  );
  assert.is(table(b).length, 1);
  b.close();
});

test("a Map-Reply to it: the Map-Server does not take it, and is asked again after PAUSE", async () => {
  const b = await bench(", PAUSE 50");
  await learn(b, record(PREFIX, "192.0.2.2"));
  const { nonce } = request(b);
  const declined = packetOf(reply(nonce, record(PREFIX, "192.0.2.66")));
  b.push("replies", [packetOf(reply(nonce + 1n, record(PREFIX, "192.0.2.66"))), declined, declined]);
  // Map-Replies of others, and what comes again, are the resolver's.
  assert.equal([b.take("others").length, b.read("e.declined"), ...states(b)], [2, "1", "resting"]);
  assert.equal(table(b), ["10.2.0.0/16 192.0.2.2/1/100"]);
  assert.equal(times(b, 50), [50]);
  b.close();
});

test("without packets for IDLE, or when told to, it unsubscribes: ITR-RLOC of AFI 0, until that is acknowledged", async () => {
  const b = await bench(", IDLE 100");
  const nonce = await subscribed(b);
  b.push("cache", [ipv4(udp(1, 2, hex("")), { destination: ip("10.2.0.1") })]);
  b.router.runFor(150);
  assert.equal(requests(b), []);
  const ends: MapRequest[] = [];
  assert.equal(
    times(b, 54, (m) => ends.push(m), 1),
    [50, 51, 53],
  );
  assert.equal(
    [states(b), ends[0].itrRlocs, ends[0].records[0].subscribe],
    [["ending"], [{ kind: "none" }], true],
  );
  assert.ok(ends[0].nonce > nonce && ends[0].ids !== null);
  notify(b, ends[2].nonce, [record(PREFIX, "192.0.2.66")]);
  assert.equal([b.read("e.size"), acks(b)], ["0", [ends[2].nonce]]);
  assert.equal(table(b), ["10.2.0.0/16 192.0.2.2/1/100"]);
  // All at once, and one that is learned again meanwhile.
  await subscribed(b);
  await b.router.write("e.unsubscribe");
  await b.router.write("e.unsubscribe");
  b.router.runFor(0);
  assert.equal(request(b).itrRlocs, [{ kind: "none" }]);
  b.router.runFor(2);
  requests(b);
  await learn(b, record(PREFIX, "192.0.2.2"));
  assert.equal([states(b), request(b).itrRlocs.length], [["asking"], 1]);
  b.close();
});

test("it unsubscribes when the router stops, where a DriverManager says so", async () => {
  const b = await Bench.start(`${graph()} DriverManager(pause, write e.unsubscribe, wait 0.5);`);
  await subscribed(b);
  b.router.stop();
  b.router.runFor(5);
  assert.equal(request(b).itrRlocs, [{ kind: "none" }]);
  b.close();
});

test("a hot swap keeps the subscriptions, with newer nonces", async () => {
  const b = await bench();
  const nonce = await subscribed(b);
  await b.router.swap(graph(", RENEW 60"));
  b.router.runFor(0);
  const { nonce: next } = request(b);
  assert.ok(next > nonce);
  notify(b, next, [record(PREFIX, "192.0.2.4")]);
  assert.equal([table(b), states(b)], [["10.2.0.0/16 192.0.2.4/1/100"], ["subscribed"]]);
  b.close();
});

test("after so many publications that its nonces would run into the next range it is renewed", async () => {
  const b = await bench();
  const nonce = await subscribed(b);
  b.router.runFor(2);
  notify(b, nonce + (1n << 19n), []);
  acks(b);
  b.router.runFor(0);
  assert.ok(request(b).nonce > nonce + (1n << 19n));
  b.close();
});

test("records that cannot be used, and subscriptions for which there is no room, are counted", async () => {
  const b = await bench(", CAPACITY 1", "CAPACITY 1");
  const nonce = await subscribed(b);
  notify(b, nonce + 1n, [
    record("10.3.0.0/16", "192.0.2.3"),
    record(PREFIX, "127.0.0.1"),
    { ...record(PREFIX), eid: { kind: "none" } },
  ]);
  assert.equal([b.read("e.not_ours"), b.read("e.unusable")], ["1", "2"]);
  acks(b);
  await learn(b, record("10.4.0.0/16", "192.0.2.3"));
  assert.equal([b.read("e.full"), b.read("e.size")], ["1", "1"]);
  // Nothing in the map-cache may go.
  await b.router.write("cache.clear");
  await b.router.write("cache.add", "10.9.0.0/16 192.0.2.9");
  notify(b, nonce + 2n, [record(PREFIX, "192.0.2.4")]);
  assert.is(b.read("e.cache_full"), "1");
  b.close();
});

test("without a Map-Resolver of our family, a key or a free packet", async () => {
  const b = await bench(", MAP_RESOLVER 2001:db8::9");
  await learn(b, record(PREFIX, "192.0.2.2"));
  assert.equal([b.read("e.no_resolver"), b.read("e.size")], ["1", "0"]);
  b.close();
  const none = await Bench.start(graph().replace("PUBSUB_KEY secret,", ""));
  await learn(none, record(PREFIX, "192.0.2.2"));
  notify(none, 1n, []);
  assert.equal([none.read("e.size"), none.take("notifies").length, none.take("out").length], ["0", 1, 0]);
  none.close();
  const full = await bench();
  await learn(full, record(PREFIX, "192.0.2.2"));
  const taken = takeAllSlots(full);
  full.router.runFor(1);
  assert.is(full.read("e.no_slot"), "1");
  for (const slot of taken) full.router.memory.kernels.poolGive(slot);
  full.close();
});

test("with outputs 1 and 2 not connected, what is for others is dropped and counted", async () => {
  const b = await Bench.start(graph().replace("e[1] -> notifies :: Sink; e[2] -> others :: Sink;", ""));
  notify(b, 5n, []);
  b.push("replies", [packetOf(reply(1n, record(PREFIX, "192.0.2.2"))), hex("45")]);
  assert.is(b.read("e.foreign"), "3");
  b.close();
});

test("what is wrong with its arguments is said", async () => {
  for (const [from, to, message] of [
    ["ask, RLOC 192.0.2.1, PUBSUB", "cache, RLOC 192.0.2.1, PUBSUB", /RESOLVER is not a LISPResolver/],
    ["LISPSubscriber(ask, RLOC 192.0.2.1,", "LISPSubscriber(ask,", /no RLOC given/],
    ["KEY secret", "KEY 300:secret", /PUBSUB_KEY: key ID 300/],
    ["KEY secret", "KEY secret, XTR_ID 5", /XTR_ID: '5' is not 32 hexadecimal digits/],
    ["MAP_RESOLVER 192.0.2.9 ) -> out", "MAP_RESOLVER x) -> out", /MAP_RESOLVER: 'x'/],
  ] as const) {
    const text = graph().replace(from, to);
    assert.is.not(text, graph());
    assert.match(await failure(() => Bench.start(text)), message);
  }
});

test("a damaged Map-Notify is malformed here where its nonce is one of ours, and else passes as it came", async () => {
  const b = await bench();
  const nonce = await subscribed(b);
  const damaged = (of: bigint): Uint8Array => {
    const message = mapNotify({ type: "map-notify", nonce: of, records: [record(PREFIX, "192.0.2.4")] });
    const bytes = authenticate(message, KEY, 2, "ids");
    return packetOf(bytes.subarray(0, bytes.length - 1));
  };
  const other = damaged(nonce + (1n << 40n));
  b.push("e", [damaged(nonce + 1n), other]);
  assert.is(b.read("e.malformed"), "1");
  assert.equal(
    b.take("notifies").map(({ bytes }) => bytes),
    [other],
  );
  // The damaged one has not counted.
  notify(b, nonce + 1n, [record(PREFIX, "192.0.2.4")]);
  assert.equal(table(b), ["10.2.0.0/16 192.0.2.4/1/100"]);
  b.close();
});

test.run();
