// LISPMapServer: who may register what, and what is answered.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPMapServer } from "../../../../elements/lisp/mapping-system/lisp-map-server.js";
import { type AuthenticationKey, verifyAuthentication } from "../../../../src/lisp/control/authentication.js";
import type { Registration } from "../../../../src/lisp/database/registration.js";
import { parseMapping, parseRloc } from "../../../../src/lisp/mapping.js";
import { ipAddress, NO_ADDRESS } from "../../../../src/wire/lisp-control/address.js";
import type { MapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import { mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import { packetOf, record, reply, sentOf } from "../control.js";
import { Bench } from "../harness.js";
import {
  A,
  B,
  bench,
  eidsOf,
  ids,
  MS,
  NEWER_A,
  notifies,
  register,
  request,
  rlocsOf,
  SITES,
} from "./map-server-lab.js";

test("a Map-Register is acknowledged with its nonce and records, authenticated with its key", async () => {
  const b = await bench();
  for (const [nonce, key, algorithm] of [
    [5, A, 2],
    [6, NEWER_A, 3],
  ] as const) {
    register(b, nonce, [record("10.1.0.0/16", "192.0.2.1")], { key, algorithm });
    const [sent, ...more] = notifies(b);
    assert.equal([more.length, sent.to, sent.message.nonce], [0, "192.0.2.1", BigInt(nonce)]);
    assert.equal([eidsOf(sent.message), rlocsOf(sent.message)], [["10.1.0.0/16"], ["192.0.2.1"]]);
    assert.is(verifyAuthentication(sent.payload, sent.message, [key]).verdict, "valid");
  }
  assert.equal([b.read("e.registers"), b.read("e.notifies"), b.read("e.size")], ["2", "2", "1"]);
  assert.is(
    b.read("e.registrations"),
    "10.1.0.0/16 192.0.2.1/1/100 ttl 86400 site a from 192.0.2.1 left 180",
  );
  b.close();
});

test("without the M bit a registration is taken in silence", async () => {
  const b = await bench();
  register(b, 5, [record("10.1.0.0/16", "192.0.2.1")], { wantNotify: false });
  assert.equal([notifies(b).length, b.read("e.size")], [0, "1"]);
  b.close();
});

test("who has no key of the EID's site registers nothing, nor does a valid key for another site's EID", async () => {
  const b = await bench();
  const wrong: AuthenticationKey = { id: 1, secret: Buffer.from("guess") };
  register(b, 5, [record("10.1.0.0/16", "192.0.2.1")], { key: wrong });
  register(b, 6, [record("10.1.0.0/16", "192.0.2.1")], { key: B, algorithm: 1 });
  register(b, 7, [record("10.1.0.0/16", "192.0.2.1")], { key: { ...A, id: 9 } });
  assert.is(b.read("e.bad_authentication"), "3");
  // Its own EID first does not carry another's along.
  register(b, 8, [record("10.2.0.0/16", "192.0.2.1"), record("10.1.0.0/16", "192.0.2.1")], {
    key: B,
    algorithm: 1,
  });
  // In no instance but those configured, nothing larger, and more specific ones only where accepted.
  register(b, 9, [record("10.0.0.0/8", "192.0.2.1")]);
  register(b, 10, [record("10.2.9.0/24", "192.0.2.1")], { key: B, algorithm: 1 });
  register(b, 11, [record("fd01::1/128", "192.0.2.1")]);
  register(b, 12, [record("172.16.0.0/12", "192.0.2.1")]);
  assert.equal([b.read("e.not_authorized"), b.read("e.size"), notifies(b).length], ["5", "0", 0]);
  register(b, 13, [record("10.1.2.3/32", "192.0.2.1")]);
  register(b, 14, [record("10.2.3.0/24", "192.0.2.1")], { key: B, algorithm: 1 });
  assert.equal([b.read("e.registers"), b.read("e.size")], ["2", "2"]);
  b.close();
});

test("strict: a nonce that is not greater than the last changes nothing, from whatever address it comes", async () => {
  const lines: string[] = [];
  const b = await bench("", (line) => lines.push(line));
  const old = register(b, 5, [record("10.1.0.0/16", "192.0.2.1")]);
  register(b, 6, [record("10.1.0.0/16", "192.0.2.1")]);
  notifies(b);
  b.push("e", [packetOf(old, { from: "192.0.2.1", to: MS }), packetOf(old, { from: "192.0.2.77", to: MS })]);
  register(b, 6, [record("10.1.0.0/16", "192.0.2.1")]);
  assert.equal([b.read("e.replayed"), b.read("e.registers"), notifies(b).length], ["3", "2", 0]);
  assert.not.match(b.read("e.registrations"), "192.0.2.77");
  const why =
    "site a: nonce 0000000000000005 is not greater than that of the last one: a replay, or nonces that do not increase (NONCES lenient takes them)";
  assert.equal(
    lines,
    ["192.0.2.1", "192.0.2.77"].map(
      (from) => `e :: LISPMapServer: Map-Register from ${from} refused: ${why}`,
    ),
  );
  b.close();
});

test("lenient: nonces may come in any order; a retransmission is acknowledged again, an old one is not", async () => {
  const b = await bench(", NONCES lenient");
  register(b, 50, [record("10.1.0.0/16", "192.0.2.1")]);
  register(b, 5, [record("10.1.0.0/16", "192.0.2.1")]);
  register(b, 5, [record("10.1.0.0/16", "192.0.2.1")]);
  assert.equal([notifies(b).length, b.read("e.registers"), b.read("e.revision")], [3, "2", "2"]);
  register(b, 50, [record("10.1.0.0/16", "192.0.2.1")]);
  assert.equal([notifies(b).length, b.read("e.replayed")], [0, "1"]);
  b.close();
});

test("a registration ends after three minutes, or with the T bit after its own TTL, unless it is refreshed", async () => {
  const b = await bench();
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")]);
  register(b, 2, [record("10.1.5.0/24", "192.0.2.1", { ttl: 10 })], { useTtl: true });
  b.router.runFor(179);
  assert.is(b.read("e.size"), "2");
  register(b, 3, [record("10.1.0.0/16", "192.0.2.1")]);
  b.router.runFor(179);
  assert.is(b.read("e.size"), "2");
  b.router.runFor(2);
  assert.match(b.read("e.registrations"), /^10\.1\.5\.0\/24 /);
  b.router.runFor(239);
  assert.is(b.read("e.size"), "1");
  b.router.runFor(2);
  assert.equal([b.read("e.size"), b.read("e.registrations")], ["0", ""]);
  b.close();
});

test("a TTL of 0 takes out what the same xTR registered, and nobody else's", async () => {
  const b = await bench();
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")]);
  register(b, 1, [record("10.1.0.0/16", "192.0.2.2", { ttl: 0 })], { from: "192.0.2.2" });
  assert.is(b.read("e.size"), "1");
  register(b, 2, [record("10.1.0.0/16", "192.0.2.1", { ttl: 0 })]);
  assert.is(b.read("e.size"), "0");
  b.close();
});

test("a registered prefix with proxy replies is answered, not authoritatively, at the ITR-RLOC and its port", async () => {
  const b = await bench();
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")], { proxyReply: true });
  b.take("out");
  request(b, "10.1.7.7");
  const [sent] = sentOf(b, "out", "map-reply");
  assert.equal(
    [sent.destination.join("."), sent.destinationPort, sent.source.join(".")],
    ["192.0.2.50", 4000, MS],
  );
  assert.equal([sent.message.nonce, eidsOf(sent.message)], [99n, ["10.1.0.0/16"]]);
  const [only] = sent.message.records;
  assert.equal([only.authoritative, only.ttl, only.locators[0].local], [false, 1440, false]);
  assert.equal([b.read("e.requests"), b.read("e.replies")], ["1", "1"]);
  b.close();
});

test("an answer names the more specific prefixes too; where an ETR answers for one of them, that it is to be asked", async () => {
  const b = await bench();
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1"), record("10.1.5.0/24", "192.0.2.1")], {
    proxyReply: true,
  });
  register(b, 2, [record("10.1.6.0/24", "192.0.2.1")]);
  b.take("out");
  request(b, "10.1.7.7");
  const [{ message }] = sentOf(b, "out", "map-reply");
  assert.equal(eidsOf(message), ["10.1.0.0/16", "10.1.5.0/24", "10.1.6.0/24"]);
  assert.equal([message.records[2].action, message.records[2].locators.length], [2, 0]);
  b.close();
});

test("the prefixes of an answer have one TTL, so that none is forgotten before the others (5.5)", async () => {
  const b = await bench();
  const some = [record("10.1.0.0/16", "192.0.2.1"), record("10.1.5.0/24", "192.0.2.1", { ttl: 20 })];
  register(b, 1, some, { proxyReply: true });
  register(b, 2, [record("10.1.6.0/24", "192.0.2.1", { ttl: 3 })]);
  b.take("out");
  request(b, "10.1.7.7");
  const [{ message }] = sentOf(b, "out", "map-reply");
  assert.equal(
    message.records.map((r) => r.ttl),
    [20, 20, 20],
  );
  b.close();
});

test("a prefix that was split is answered with its parts, and with what is free at its address", async () => {
  const b = await bench();
  const asked = (eid: string, length: number): string[] => {
    b.take("out");
    request(b, eid, { records: [{ eid: ipAddress(parseRloc(eid)), maskLength: length, subscribe: false }] });
    const [{ message }] = sentOf(b, "out", "map-reply");
    return eidsOf(message).map((e, i) => `${e} ${message.records[i].locators.length}`);
  };
  register(b, 1, [record("10.1.2.0/25", "192.0.2.1"), record("10.1.2.128/25", "192.0.2.3")], {
    proxyReply: true,
  });
  assert.equal(asked("10.1.2.0", 24), ["10.1.2.0/25 1", "10.1.2.128/25 1"]);
  register(b, 2, [record("10.1.2.0/25", "192.0.2.1", { ttl: 0 })]);
  assert.equal(asked("10.1.2.0", 24), ["10.1.2.128/25 1", "10.1.2.0/25 0"]);
  // An ETR answers for one of them itself.
  register(b, 3, [record("10.1.2.64/26", "192.0.2.1")]);
  assert.equal(asked("10.1.2.0", 24), ["10.1.2.64/26 0", "10.1.2.128/25 1", "10.1.2.0/26 0"]);
  register(b, 4, [record("10.1.2.64/26", "192.0.2.1", { ttl: 0 })]);
  // More than a message names: what the address gets.
  const hosts = Array.from({ length: 20 }, (_, i) => record(`10.1.2.${100 + i}/32`, "192.0.2.1"));
  register(b, 5, hosts, { proxyReply: true });
  assert.equal(asked("10.1.2.0", 24), ["10.1.2.0/26 0"]);
  assert.equal(asked("10.1.2.128", 25), ["10.1.2.128/25 1"]);
  b.close();
});

test("what others ask for in an RLOC's name takes nothing of what it may have", async () => {
  const b = await bench(", REPLY_RATE 3");
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")], { proxyReply: true });
  b.take("out");
  const ask = (from: string): number => {
    const message = mapRequest({
      nonce: 7n,
      itrRlocs: [ipAddress(parseRloc("192.0.2.50"))],
      records: [{ eid: ipAddress(parseRloc("10.1.0.1")), maskLength: 32, subscribe: false }],
    });
    for (let i = 0; i < 9; i++) b.push("e", [packetOf(message, { from, to: MS })]);
    return sentOf(b, "out", "map-reply").length;
  };
  assert.equal([ask("203.0.113.66"), b.read("e.reply_rate")], [3, "6"]);
  assert.is(ask("203.0.113.67"), 0);
  assert.is(ask("192.0.2.50"), 3);
  b.close();
});

test("a prefix with many others in it is answered for the part around the EID that has none", async () => {
  const b = await bench();
  const hosts = Array.from({ length: 20 }, (_, i) => record(`10.1.5.${i}/32`, "192.0.2.1"));
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1"), ...hosts], { proxyReply: true });
  b.take("out");
  request(b, "10.1.7.7");
  request(b, "10.1.5.21");
  request(b, "10.1.5.3");
  assert.equal(
    sentOf(b, "out", "map-reply").map((s) => eidsOf(s.message)),
    [["10.1.6.0/23"], ["10.1.5.20/30"], ["10.1.5.3/32"]],
  );
  b.close();
});

test("without proxy replies the Map-Request goes on to an ETR that is up, unchanged, in an ECM", async () => {
  const b = await bench();
  const locators = record("10.1.0.0/16", "192.0.2.1 192.0.2.2 192.0.2.3").locators;
  const [one, two, three] = locators;
  const sorted = [{ ...one, priority: 255 }, { ...two, reachable: false }, three];
  register(b, 1, [{ ...record("10.1.0.0/16"), locators: sorted }]);
  b.take("out");
  request(b, "10.1.7.7", { smrInvoked: true });
  const [sent] = sentOf(b, "out", "encapsulated-control");
  assert.equal(
    [sent.destination.join("."), sent.destinationPort, sent.message.reserved],
    ["192.0.2.3", 4342, undefined],
  );
  const inner = sent.message.inner!;
  assert.equal([inner.sourcePort, inner.ip.source.join(".")], [4000, "10.9.0.1"]);
  const { message } = inner as { message: MapRequest };
  assert.equal([message.nonce, message.smrInvoked, message.itrRlocs.length], [99n, true, 1]);
  assert.is(b.read("e.forwarded"), "1");
  b.close();
});

test("a Map-Request without hops left is not sent on, and never to a locator that is the Map-Server's own", async () => {
  const b = await bench();
  register(b, 1, [record("10.1.0.0/16", `${MS} 192.0.2.3`)]);
  b.take("out");
  request(b, "10.1.7.7");
  request(b, "10.1.7.7");
  // By turns with where it was registered from: the locator may not answer yet.
  assert.equal(
    sentOf(b, "out", "encapsulated-control").map((s) => s.destination.join(".")),
    ["192.0.2.3", "192.0.2.1"],
  );
  request(b, "10.1.7.7", {}, 32, 1);
  assert.equal([b.take("out").length, b.read("e.no_hops")], [0, "1"]);
  b.close();
});

test("Map-Requests for one prefix go to its ETRs by turns, so that a dead one silences nobody", async () => {
  const b = await bench();
  const merge = { merge: true };
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1 192.0.2.2")], merge);
  register(b, 1, [record("10.1.0.0/16", "192.0.2.2 192.0.2.3")], { ...merge, from: "192.0.2.2" });
  b.take("out");
  for (let i = 0; i < 6; i++) request(b, "10.1.7.7");
  assert.equal(
    sentOf(b, "out", "encapsulated-control").map((s) => s.destination[3]),
    [1, 2, 3, 1, 2, 3],
  );
  b.close();
});

test("what nobody registered is said for the least specific such prefix: 1 minute in a site, 15 elsewhere", async () => {
  const b = await bench();
  request(b, "10.1.7.7");
  request(b, "10.2.3.4");
  request(b, "172.16.0.1");
  request(b, "10.3.0.1");
  register(b, 1, [record("10.1.128.0/17", "192.0.2.1")], { wantNotify: false });
  request(b, "10.1.7.7");
  const sent = sentOf(b, "out", "map-reply").map((s) => s.message);
  assert.equal(
    sent.map((m) => [...eidsOf(m), m.records[0].ttl, m.records[0].action, m.records[0].authoritative]),
    [
      ["10.1.0.0/16", 1, 1, false],
      ["10.2.3.0/24", 1, 1, false],
      ["128.0.0.0/1", 15, 1, false],
      ["10.3.0.0/16", 15, 1, false],
      ["10.1.0.0/17", 1, 1, false],
    ],
  );
  assert.is(b.read("e.negative_replies"), "5");
  b.close();
});

test("probes, SMRs, other EIDs, other messages and what nobody can be sent are dropped by reason", async () => {
  const b = await bench();
  request(b, "10.1.0.1", { probe: true });
  request(b, "10.1.0.1", { smr: true });
  request(b, "10.1.0.1", { itrRlocs: [NO_ADDRESS] });
  request(b, "10.1.0.1", { itrRlocs: [ipAddress(parseRloc("2001:db8::1"))] });
  request(b, "10.1.0.1", {
    records: [{ eid: { kind: "name", name: "x" }, maskLength: 0, subscribe: false }],
  });
  b.push("e", [packetOf(reply(1n)), packetOf(Uint8Array.of(0x30, 0, 0)), Uint8Array.of(0x45, 0)]);
  assert.equal(
    ["probe", "no_route", "unsupported_eid", "unexpected", "malformed"].map((h) => b.read(`e.${h}`)),
    ["2", "2", "1", "1", "2"],
  );
  assert.is(b.take("out").length, 0);
  b.close();
});

test("a full mapping database takes no more, and says so", async () => {
  const b = await bench(", CAPACITY 2");
  register(b, 1, [record("10.1.1.0/24", "192.0.2.1"), record("10.1.2.0/24", "192.0.2.1")]);
  register(b, 2, [record("10.1.3.0/24", "192.0.2.1")]);
  assert.equal([b.read("e.full"), b.read("e.size"), notifies(b).length], ["1", "2", 1]);
  b.close();
});

// ---- What is refused --------------------------------------------------------------

test("what is refused for its key, algorithm or EID-prefix is on the log at once, with its sender and why", async () => {
  const lines: string[] = [];
  const b = await bench("", (line) => lines.push(line));
  const to = [record("10.1.0.0/16", "192.0.2.1")];
  register(b, 1, to, { key: { ...A, id: 9 }, from: "192.0.2.11" });
  register(b, 1, to, { algorithm: 1, from: "192.0.2.12" });
  register(b, 1, to, { key: { ...A, secret: B.secret }, from: "192.0.2.13" });
  register(b, 1, [...to, record("10.2.0.0/16", "192.0.2.1")], { from: "192.0.2.14" });
  register(b, 1, [record("10.9.0.0/16", "192.0.2.1")], { from: "192.0.2.15" });
  assert.equal(
    lines.map((line) => line.replace(/^e :: LISPMapServer: Map-Register from 192\.0\.2\./, "")),
    [
      "11 refused: 10.1.0.0/16 of site a: key ID 9, where 0 or 1 or 2 is known",
      "12 refused: 10.1.0.0/16 of site a: algorithm 1 (sha1) with key ID 1, where sha256 with key ID 0 or 1 or hkdf with key ID 2 is wanted",
      "13 refused: 10.1.0.0/16 of site a: key ID 1 (sha256) with another secret",
      "14 refused: 10.2.0.0/16 is not site a's",
      "15 refused: 10.9.0.0/16 is no site's",
    ],
  );
  b.close();
});

test("a Map-Register with a locator that can be no RLOC is refused, with the reason on the log", async () => {
  const lines: string[] = [];
  const b = await bench("", (line) => lines.push(line));
  const bad = [
    "0.0.0.0",
    "127.0.0.1",
    "169.254.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "fe80::1",
    "ff02::1",
  ];
  for (const [i, rloc] of bad.entries()) register(b, i + 1, [record("10.1.0.0/16", `192.0.2.1 ${rloc}`)]);
  const [good] = record("10.1.0.0/16", "192.0.2.1").locators;
  const inList = { kind: "list", addresses: [good.rloc, ipAddress(parseRloc("127.0.0.1"))] } as const;
  const hop = { lookup: false, probe: false, strict: false, address: ipAddress(parseRloc("224.0.0.9")) };
  const onPath = { kind: "path", hops: [hop] } as const;
  for (const [i, rloc] of [inList, onPath].entries())
    register(b, 20 + i, [{ ...record("10.1.0.0/16"), locators: [{ ...good, rloc }] }]);
  assert.equal([b.read("e.bad_locator"), b.read("e.size"), notifies(b).length], ["10", "0", 0]);
  assert.is(
    lines[0],
    "e :: LISPMapServer: Map-Register from 192.0.2.1 refused: site a: locator 0.0.0.0 can be no RLOC: it is unspecified",
  );
  register(b, 30, [record("10.1.0.0/16", "192.0.2.1")]);
  assert.is(b.read("e.size"), "1");
  b.close();
});

test("no answer goes to an ITR-RLOC that can be none", async () => {
  const b = await bench();
  const bad = ["127.0.0.1", "224.0.0.1", "0.0.0.0"].map((text) => ipAddress(parseRloc(text)));
  request(b, "10.1.7.7", { itrRlocs: bad });
  assert.equal([b.take("out").length, b.read("e.no_route")], [0, "1"]);
  request(b, "10.1.7.7", { itrRlocs: [...bad, ipAddress(parseRloc("192.0.2.50"))] });
  assert.equal(
    sentOf(b, "out", "map-reply").map((s) => s.destination.join(".")),
    ["192.0.2.50"],
  );
  b.close();
});

test("IID is the instance of what sites name without one", async () => {
  const b = await Bench.start(
    `feed :: Feed -> e :: LISPMapServer(a key x eid 10.1.0.0/16 iid 7 eid 10.1.0.0/16, IID 5, RLOC4 ${MS}) -> out :: Sink`,
  );
  assert.is(b.read("e.sites"), "a key * sha256 iid 5 eid 10.1.0.0/16 iid 7 eid 10.1.0.0/16");
  b.close();
});

test("a registration without locators ends only what the same xTR registered, whether its TTL is 0 or not", async () => {
  for (const ttl of [0, 1440]) {
    const b = await bench();
    const merge = { merge: true };
    register(b, 1, [record("10.1.0.0/16", "192.0.2.1")], { ...merge, ids: ids(1) });
    register(b, 1, [record("10.1.0.0/16", "192.0.2.2")], { ...merge, ids: ids(2), from: "192.0.2.2" });
    register(b, 2, [record("fd01::/64", "192.0.2.2")], { ids: ids(2), from: "192.0.2.2" });
    // Another xTR's, and one that does not merge.
    register(b, 2, [record("fd01::/64", "", { ttl }), record("10.1.0.0/16", "", { ttl })], { ids: ids(1) });
    const left = (): string[] =>
      b
        .read("e.registrations")
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split(" ").slice(0, 2).join(" "));
    assert.equal(left(), ["10.1.0.0/16 192.0.2.2/1/100", "fd01::/64 192.0.2.2/1/100"], `TTL ${ttl}`);
    register(b, 3, [record("10.1.0.0/16", "", { ttl })], { ids: ids(2), from: "192.0.2.2" });
    assert.equal(left(), ["fd01::/64 192.0.2.2/1/100"]);
    // By its address, without an xTR-ID.
    register(b, 3, [record("10.1.0.0/16", "192.0.2.3")], { from: "192.0.2.3" });
    register(b, 4, [record("10.1.0.0/16", "", { ttl })], { from: "192.0.2.4" });
    assert.is(left().length, 2);
    register(b, 5, [record("10.1.0.0/16", "", { ttl })], { from: "192.0.2.3" });
    assert.is(left().length, 1);
    b.close();
  }
});

test("what is to be done with packets of nobody's EID-prefix is registered as long as nobody has locators there", async () => {
  const b = await bench();
  register(b, 1, [record("10.1.0.0/16", "", { action: 4 })], { ids: ids(1) });
  assert.match(b.read("e.registrations"), /^10\.1\.0\.0\/16 action drop-policy-denied /);
  register(b, 1, [record("10.1.0.0/16", "192.0.2.2")], { ids: ids(2), from: "192.0.2.2" });
  register(b, 2, [record("10.1.0.0/16", "", { action: 4 })], { ids: ids(1) });
  assert.match(b.read("e.registrations"), /^10\.1\.0\.0\/16 192\.0\.2\.2\/1\/100 /);
  b.close();
});

test("registrations show every locator, paths and lists too", async () => {
  const b = await bench();
  const [plain] = record("10.1.0.0/16", "192.0.2.1").locators;
  const address = (text: string): typeof plain.rloc => ipAddress(parseRloc(text));
  const hop = { lookup: false, probe: false, strict: false };
  const path = {
    kind: "path",
    hops: [
      { ...hop, strict: true, address: address("192.0.2.7") },
      { ...hop, address: address("192.0.2.8") },
    ],
  } as const;
  const list = { kind: "list", addresses: [address("192.0.2.9"), address("2001:db8::9")] } as const;
  register(b, 1, [
    {
      ...record("10.1.0.0/16"),
      locators: [{ ...plain, rloc: path }, plain, { ...plain, rloc: list, reachable: false }],
    },
  ]);
  assert.match(
    b.read("e.registrations"),
    /^10\.1\.0\.0\/16 path\(192\.0\.2\.7:S 192\.0\.2\.8\)\/1\/100 192\.0\.2\.1\/1\/100 list\(192\.0\.2\.9 2001:db8::9\)\/1\/100\/down ttl \d+ site a/,
  );
  b.close();
});

test("many senders that are refused do not flood the log, nor keep others off it: they come later", async () => {
  const lines: string[] = [];
  const b = await bench("", (line) => lines.push(line));
  const refused = (n: number): void => {
    register(b, 1, [record("10.9.0.0/16", "192.0.2.1")], { from: `198.51.${n >> 8}.${n & 255}` });
  };
  for (let n = 0; n < 2000; n++) refused(n);
  assert.is(lines.length, 100, "at once");
  b.router.runFor(1);
  assert.is(lines.length, 120);
  b.router.runFor(59);
  assert.is(lines.length, 1025);
  assert.match(lines[1023], "198.51.3.255 refused");
  assert.match(lines[1024], "976 more refusals, of too many senders to name each");
  b.router.runFor(60);
  refused(0);
  assert.match(lines[1025], "198.51.0.0 refused");
  b.close();
});

test("a key without an ID is taken with key ID 0 and 1, and answered with the one that was used; an explicit one is exact", async () => {
  const b = await Bench.start(
    `feed :: Feed -> e :: LISPMapServer(a key x eid 10.1.0.0/16, b key 1:x eid 10.2.0.0/16, RLOC4 ${MS}) -> out :: Sink`,
  );
  for (const [eid, taken] of [
    ["10.1.0.0/16", [0, 1]],
    ["10.2.0.0/16", [1]],
  ] as const) {
    const answered = [0, 1, 2].flatMap((id, i) => {
      register(b, 10 + i, [record(eid, "192.0.2.1")], { key: { id, secret: Buffer.from("x") } });
      return notifies(b).map(({ message }) => message.authentication.keyId);
    });
    assert.equal(answered, taken);
  }
  // What nobody asked for leaves with the key ID that the xTR uses.
  register(b, 20, [record("10.1.0.0/16", "192.0.2.2")], {
    key: { id: 0, secret: Buffer.from("x") },
    from: "192.0.2.2",
  });
  assert.equal(
    notifies(b)
      .map(({ to, message }) => `${to} ${message.authentication.keyId}`)
      .sort(),
    ["192.0.2.1 1", "192.0.2.2 0"],
  );
  b.close();
});

// ---- Handlers, configuration, hot swap --------------------------------------------

test("handlers list what is within a prefix and the sites without secrets, and take prefixes out", async () => {
  const b = await bench();
  register(b, 1, [record("10.1.1.0/24", "192.0.2.1"), record("10.1.2.0/24", "192.0.2.1")]);
  assert.is(b.read("e.registrations", "10.1.2.0/23").split("\n").length, 1);
  assert.is(b.read("e.sites").split("\n")[1], "b key * sha1 eid 10.2.0.0/16 eid 10.2.3.0/24");
  await b.router.write("e.remove", "10.1.1.0/24");
  assert.is(b.read("e.size"), "1");
  for (const bad of ["10.1.1.0/24", "nonsense", "10.1.2.0/24 iid x"])
    try {
      await b.router.write("e.remove", bad);
      assert.unreachable();
    } catch (e) {
      assert.is((e as { code: string }).code, "FAILED");
    }
  b.close();
});

for (const [config, complaint] of [
  ["a eid 10.0.0.0/8, RLOC4 192.0.2.1", /site 'a': a site needs a key/],
  ["a key x sha1, RLOC4 192.0.2.1", /site 'a': a site needs an EID-prefix/],
  ["a key 1 sha1 x eid 10.0.0.0/8, RLOC4 192.0.2.1", /word 5 is not 'key', 'iid' or 'eid'; a key is/],
  ["a key 256:x eid 10.0.0.0/8, RLOC4 192.0.2.1", /key ID 256/],
  ["a key x sha1 key y sha1 eid 10.0.0.0/8, RLOC4 192.0.2.1", /is there twice/],
  [
    "a key x sha1 eid 10.0.0.0/8, a key x sha1 eid 11.0.0.0/8, RLOC4 192.0.2.1",
    /there is a site 'a' already/,
  ],
  [
    "a key x sha1 eid 10.0.0.0/8, b key x sha1 eid 10.0.0.0/8, RLOC4 192.0.2.1",
    /10\.0\.0\.0\/8 is a's already/,
  ],
  ["a key x sha1 iid 16777216 eid 10.0.0.0/8, RLOC4 192.0.2.1", /word 6 is no instance ID/],
  ["a key x sha1 eid 10.0.0.0/8 less, RLOC4 192.0.2.1", /word 7 is not/],
  ["a key x sha1 eid 10.0.0.0/8", /needs RLOC4 or RLOC6/],
  ["a key x sha1 eid 10.0.0.0/8, RLOC4 2001:db8::1", /RLOC4 must be an IPv4 address/],
  ["a key x eid 10.0.0.0/8, RLOC4 192.0.2.1, PUBSUB_KEY 1 sha256 x", /PUBSUB_KEY: 3 words: a key is/],
] as const)
  test(`refused: ${config}`, async () => {
    try {
      await Bench.start(`feed :: Feed -> e :: LISPMapServer(${config}) -> out :: Sink`);
      assert.unreachable();
    } catch (e) {
      assert.match((e as Error).message, complaint);
    }
  });

test("a hot swap keeps registrations and nonces", async () => {
  const b = await bench();
  register(b, 5, [record("10.1.0.0/16", "192.0.2.1")], { proxyReply: true });
  b.take("out");
  await b.router.swap(`feed :: Feed -> e :: LISPMapServer(${SITES}, RLOC4 192.0.2.101) -> out :: Sink`);
  register(b, 5, [record("10.1.0.0/16", "192.0.2.1")]);
  assert.equal([b.read("e.replayed"), b.read("e.size")], ["1", "1"]);
  request(b, "10.1.0.1");
  assert.is(sentOf(b, "out", "map-reply")[0].source.join("."), "192.0.2.101");
  b.router.runFor(181);
  assert.is(b.read("e.size"), "0");
  b.close();
});

test("registrations and sites are listed in parts, all of them and those within a prefix, each once", async () => {
  const MANY = 4500;
  const sites = Array.from(
    { length: MANY },
    (_, i) => `s${i} key secret eid 10.${i >> 8}.${i & 255}.0/24 more`,
  );
  const b = await Bench.start(`feed :: Feed -> e :: LISPMapServer(${sites}, RLOC4 ${MS}) -> out :: Sink`);
  const { database } = b.router.find("e") as LISPMapServer;
  const registration = (i: number): Registration => ({
    ...{ xtrId: null, siteId: null, source: parseRloc("192.0.2.1"), site: `s${i}`, nonce: 1n },
    ...{ expiry: Number.POSITIVE_INFINITY, proxy: true, merge: false, notify: false, raw: null },
    mapping: parseMapping(`10.${i >> 8}.${i & 255}.0/24 192.0.2.1 iid ${i % 3}`),
  });
  for (let i = 0; i < MANY; i++) {
    const { mapping } = registration(i);
    const { iid, eid } = mapping;
    await database.commit([{ put: { iid, eid, registrations: [registration(i)] } }]);
  }
  const listed = (handler: string, within = ""): string[] => {
    const lines: string[] = [];
    for (let more = within; ; ) {
      const part = b.read(`e.${handler}`, more).split("\n");
      const [, next] = /^more: (.*)/.exec(part.at(-1)!) ?? [];
      if (next === undefined) return [...lines, ...part].filter((line) => line !== "");
      assert.is(part.length, 4097);
      lines.push(...part.slice(0, -1));
      more = next;
    }
  };
  for (const handler of ["registrations", "sites"]) {
    const lines = listed(handler);
    assert.equal([lines.length, new Set(lines).size], [MANY, MANY], handler);
  }
  const within = listed("registrations", "10.0.0.0/13 iid 1");
  assert.equal([within.length, new Set(within).size], [683, 683]);
  assert.is(b.read("e.registrations", "10.0.0.0/8 from 10.17.0.0/16").split("\n").length, 49);
  assert.throws(() => b.read("e.registrations", "10.0.0.0/16 from 10.1.0.0/16"), /is not within/);
  b.close();
});

test.run();
