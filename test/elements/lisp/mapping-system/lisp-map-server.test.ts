// LISPMapServer: who may register what, what is answered, and who is told of moves.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AuthenticationKey,
  authenticate,
  verifyAuthentication,
} from "../../../../src/lisp/control/authentication.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { ipAddress, NO_ADDRESS } from "../../../../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../../../../src/wire/lisp-control/encapsulated.js";
import { type MapRequest, mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import {
  type MapNotify,
  type MapRegister,
  mapRegister,
} from "../../../../src/wire/lisp-control/registration.js";
import { packetOf, record, reply, sentOf } from "../control.js";
import { Bench } from "../harness.js";

const SITES = `a key secret-a key 2:newer-a hkdf eid 10.1.0.0/16 more eid fd01::/64 iid 7 eid 10.1.0.0/16,
  b key secret-b sha1 eid 10.2.0.0/16 eid 10.2.3.0/24`;
const A: AuthenticationKey = { id: 1, secret: Buffer.from("secret-a") };
const NEWER_A: AuthenticationKey = { id: 2, secret: Buffer.from("newer-a") };
const B: AuthenticationKey = { id: 1, secret: Buffer.from("secret-b") };
const MS = "192.0.2.100";

function bench(more = "", log?: (line: string) => void): Promise<Bench> {
  return Bench.start(`feed :: Feed -> e :: LISPMapServer(${SITES}, RLOC4 ${MS} ${more}) -> out :: Sink`, log);
}

interface Registering extends Partial<MapRegister> {
  readonly from?: string;
  readonly key?: AuthenticationKey;
  readonly algorithm?: number;
}

/** Registers `records`, by default as site a from 192.0.2.1 with key 1, and wanting a Map-Notify. */
function register(
  b: Bench,
  nonce: number,
  records: readonly EidRecord[],
  fields: Registering = {},
): Uint8Array {
  const { from = "192.0.2.1", key = A, algorithm = 2, ...rest } = fields;
  const message = mapRegister({ nonce: BigInt(nonce), records, wantNotify: true, ...rest });
  const bytes = authenticate(message, key, algorithm, message.ids === null ? "records" : "ids");
  b.push("e", [packetOf(bytes, { from, to: MS })]);
  return bytes;
}

function request(b: Bench, eid: string, fields: Partial<MapRequest> = {}, length = 32): void {
  const inner = mapRequest({
    nonce: 99n,
    itrRlocs: [ipAddress(parseRloc("192.0.2.50"))],
    records: [{ eid: ipAddress(parseRloc(eid)), maskLength: length, subscribe: false }],
    ...fields,
  });
  const message = encapsulatedControl({
    ip: {
      version: 4,
      source: parseRloc("10.9.0.1"),
      destination: parseRloc("10.1.0.1"),
      tos: 0,
      id: 1,
      dontFragment: false,
      ttl: 9,
      options: new Uint8Array(0),
    },
    sourcePort: 4000,
    destinationPort: 4342,
    udpChecksum: null,
    message: inner,
  });
  b.push("e", [packetOf(message, { from: "192.0.2.50", to: MS })]);
}

const eidsOf = (m: { readonly records: readonly EidRecord[] }): string[] =>
  m.records.map((r) => (r.eid.kind === "ip" ? `${r.eid.address.join(".")}/${r.maskLength}` : r.eid.kind));
const rlocsOf = (m: { readonly records: readonly EidRecord[] }): string[] =>
  m.records.flatMap((r) => r.locators.map((l) => (l.rloc.kind === "ip" ? l.rloc.address.join(".") : "")));

function notifies(
  b: Bench,
): { readonly to: string; readonly message: MapNotify; readonly payload: Uint8Array }[] {
  return sentOf(b, "out", "map-notify").map((s) => {
    assert.equal([s.destinationPort, s.source], [4342, parseRloc(MS)]);
    return { to: s.destination.join("."), message: s.message, payload: s.payload };
  });
}

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
  assert.equal(lines, ["e :: LISPMapServer: a Map-Register from 192.0.2.1 may be a replay"]);
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
    [sent.destination.join("."), sent.destinationPort, sent.message.toEtr],
    ["192.0.2.3", 4342, true],
  );
  const inner = sent.message.inner!;
  assert.equal([inner.sourcePort, inner.ip.source.join(".")], [4000, "10.9.0.1"]);
  const { message } = inner as { message: MapRequest };
  assert.equal([message.nonce, message.smrInvoked, message.itrRlocs.length], [99n, true, 1]);
  assert.is(b.read("e.forwarded"), "1");
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

// ---- Several xTRs --------------------------------------------------------------

const ids = (n: number): { xtrId: Uint8Array; siteId: Uint8Array } => ({
  xtrId: new Uint8Array(16).fill(n),
  siteId: new Uint8Array(8).fill(9),
});

test("xTRs that ask for merging are answered for together, and each learns the whole", async () => {
  const b = await bench();
  const merge = { merge: true, proxyReply: true };
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")], { ...merge, ids: ids(1) });
  assert.equal(rlocsOf(notifies(b)[0].message), ["192.0.2.1"]);
  register(b, 1, [record("10.1.0.0/16", "192.0.2.2")], { ...merge, ids: ids(2), from: "192.0.2.2" });
  const told = notifies(b);
  assert.equal(told.map((n) => [n.to, ...rlocsOf(n.message)]).sort(), [
    ["192.0.2.1", "192.0.2.1", "192.0.2.2"],
    ["192.0.2.2", "192.0.2.1", "192.0.2.2"],
  ]);
  request(b, "10.1.0.9");
  assert.equal(rlocsOf(sentOf(b, "out", "map-reply")[0].message), ["192.0.2.1", "192.0.2.2"]);
  // One that leaves leaves the other.
  register(b, 2, [record("10.1.0.0/16", "192.0.2.1", { ttl: 0 })], {
    ...merge,
    ids: ids(1),
    wantNotify: false,
  });
  b.take("out");
  request(b, "10.1.0.9");
  assert.equal(rlocsOf(sentOf(b, "out", "map-reply")[0].message), ["192.0.2.2"]);
  b.close();
});

/** 10.1.0.0/16 at 192.0.2.1; then 10.1.0.7 appears behind 192.0.2.2. */
async function moved(more = ""): Promise<Bench> {
  const b = await bench(more);
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")], { ids: ids(1) });
  b.take("out");
  register(b, 1, [record("10.1.0.7/32", "192.0.2.2")], { ids: ids(2), from: "192.0.2.2" });
  return b;
}

test("an EID that moves: the new xTR is acknowledged, and the one with the subnet is told", async () => {
  const b = await moved();
  const told = notifies(b);
  assert.equal(told.map((n) => [n.to, ...eidsOf(n.message), ...rlocsOf(n.message)]).sort(), [
    ["192.0.2.1", "10.1.0.7/32", "192.0.2.2"],
    ["192.0.2.2", "10.1.0.7/32", "192.0.2.2"],
  ]);
  const unsolicited = told.find((n) => n.to === "192.0.2.1")!;
  assert.is(verifyAuthentication(unsolicited.payload, unsolicited.message, [A]).verdict, "valid");
  assert.equal(unsolicited.message.ids?.xtrId, ids(1).xtrId);
  // On to a third one: now it is the second that had the EID.
  register(b, 1, [record("10.1.0.7/32", "192.0.2.3")], { ids: ids(3), from: "192.0.2.3" });
  assert.equal(
    notifies(b)
      .map((n) => n.to)
      .sort(),
    ["192.0.2.2", "192.0.2.3"],
  );
  // A refresh tells nobody.
  register(b, 2, [record("10.1.0.7/32", "192.0.2.3")], { ids: ids(3), from: "192.0.2.3" });
  assert.equal(
    notifies(b).map((n) => n.to),
    ["192.0.2.3"],
  );
  assert.is(b.read("e.unsolicited"), "2");
  b.close();
});

test("a Map-Notify about a move is sent again after 3, 3, 3, 6, 12 and 24 seconds, and given up after 48 more", async () => {
  const b = await moved();
  const start = b.clock.now();
  const times: number[] = [];
  b.take("out");
  for (let i = 0; i < 120; i++) {
    b.router.runFor(1);
    for (const _ of b.take("out")) times.push((b.clock.now() - start) / 1e9);
  }
  assert.equal(times, [3, 6, 9, 15, 27, 51]);
  assert.equal([b.read("e.pending"), b.read("e.retransmitted"), b.read("e.abandoned")], ["0", "6", "1"]);
  b.close();
});

test("its Map-Notify-Ack, with the right key, ends that", async () => {
  const b = await moved();
  const { message } = notifies(b).find((n) => n.to === "192.0.2.1")!;
  const ack = { ...message, type: "map-notify-ack" } as const;
  b.push("e", [packetOf(authenticate(ack, B, 1), { from: "192.0.2.1", to: MS })]);
  b.push("e", [packetOf(authenticate({ ...ack, nonce: 1n }, A, 2), { from: "192.0.2.1", to: MS })]);
  assert.equal(
    [b.read("e.bad_authentication"), b.read("e.unawaited_ack"), b.read("e.pending")],
    ["1", "1", "1"],
  );
  b.push("e", [packetOf(authenticate(ack, A, 2), { from: "192.0.2.1", to: MS })]);
  assert.equal([b.read("e.acks"), b.read("e.pending")], ["1", "0"]);
  b.router.runFor(60);
  assert.is(b.take("out").length, 0);
  b.close();
});

test("no more moves are told of than may wait", async () => {
  const b = await moved(", PENDING 1");
  register(b, 2, [record("10.1.0.8/32", "192.0.2.2")], { ids: ids(2), from: "192.0.2.2" });
  assert.equal([b.read("e.pending_full"), b.read("e.pending"), b.read("e.size")], ["1", "1", "3"]);
  b.close();
});

// ---- PubSub (RFC 9437) --------------------------------------------------------------

const PUBSUB: AuthenticationKey = { id: 3, secret: Buffer.from("shared") };
const withPubsub = (more = ""): Promise<Bench> => bench(`, PUBSUB_KEY 3:shared ${more}`);

function subscribe(b: Bench, nonce: number, eid: string, fields: Partial<MapRequest> = {}): void {
  const records = [{ eid: ipAddress(parseRloc(eid)), maskLength: 32, subscribe: true }];
  request(b, eid, { nonce: BigInt(nonce), records, ids: ids(5), ...fields });
}

function acknowledge(b: Bench, message: MapNotify, key = PUBSUB): void {
  const bytes = authenticate({ ...message, type: "map-notify-ack" }, key, 2, "ids");
  b.push("e", [packetOf(bytes, { from: "192.0.2.50", to: MS })]);
}

test("a subscription is answered by a Map-Notify with its nonce, each change published with one more", async () => {
  const b = await withPubsub();
  subscribe(b, 40, "10.1.0.7");
  const [first, ...more] = notifies(b);
  assert.equal([more.length, first.to, first.message.nonce], [0, "192.0.2.50", 40n]);
  assert.equal([eidsOf(first.message), rlocsOf(first.message)], [["10.1.0.0/16"], []]);
  assert.equal(first.message.ids, ids(5));
  assert.is(verifyAuthentication(first.payload, first.message, [PUBSUB]).verdict, "valid");
  acknowledge(b, first.message);
  assert.equal([b.read("e.pending"), b.read("e.subscribed")], ["0", "1"]);
  const changes: [number, EidRecord][] = [
    [1, record("10.1.0.0/16", "192.0.2.1")],
    [2, record("10.1.0.0/16", "192.0.2.1")],
    [3, record("10.1.0.7/32", "192.0.2.3")],
    [4, record("10.1.0.8/32", "192.0.2.3")],
    [5, record("10.1.0.7/32", "192.0.2.3", { ttl: 0 })],
  ];
  const told: unknown[] = [];
  for (const [nonce, change] of changes) {
    register(b, nonce, [change], { wantNotify: false, ids: ids(1) });
    for (const { to, message } of notifies(b)) {
      if (to !== "192.0.2.50") continue;
      told.push([message.nonce, ...eidsOf(message), ...rlocsOf(message), message.records[0].ttl]);
      acknowledge(b, message);
    }
  }
  assert.equal(told, [
    [41n, "10.1.0.0/16", "192.0.2.1", 1440],
    [42n, "10.1.0.7/32", "192.0.2.3", 1440],
    [43n, "10.1.0.7/32", 0],
  ]);
  assert.equal([b.read("e.published"), b.read("e.pending")], ["3", "0"]);
  assert.is(b.read("e.subscriptions"), `10.1.0.7/32 192.0.2.50 xtr ${"05".repeat(16)} nonce 2b`);
  b.close();
});

test("who acknowledges no publication, or with the wrong key, is told again and again, then subscribed no longer", async () => {
  const b = await withPubsub();
  subscribe(b, 40, "10.1.0.7");
  acknowledge(b, notifies(b)[0].message, { id: 3, secret: Buffer.from("guess") });
  assert.equal([b.read("e.bad_authentication"), b.read("e.pending")], ["1", "1"]);
  b.router.runFor(98);
  assert.not.equal(b.read("e.subscriptions"), "");
  b.router.runFor(2);
  assert.equal([b.read("e.subscriptions"), b.read("e.pending"), notifies(b).length], ["", "0", 6]);
  b.close();
});

test("a subscription with a nonce that is not newer changes nothing; one without an RLOC ends it", async () => {
  const b = await withPubsub();
  subscribe(b, 40, "10.1.0.7");
  acknowledge(b, notifies(b)[0].message);
  subscribe(b, 40, "10.1.0.7", { itrRlocs: [ipAddress(parseRloc("192.0.2.66"))] });
  subscribe(b, 39, "10.1.0.7", { itrRlocs: [NO_ADDRESS] });
  assert.equal([b.read("e.replayed"), notifies(b).length], ["2", 0]);
  assert.match(b.read("e.subscriptions"), "192.0.2.50");
  subscribe(b, 41, "10.1.0.7", { itrRlocs: [NO_ADDRESS] });
  assert.equal(
    notifies(b).map((n) => [n.to, n.message.nonce]),
    [["192.0.2.50", 41n]],
  );
  assert.equal([b.read("e.subscriptions"), b.read("e.unsubscribed")], ["", "1"]);
  b.close();
});

test("without a key for it, or when as many as may be are subscribed, it is a Map-Request like any other", async () => {
  for (const b of [await bench(), await withPubsub(", SUBSCRIPTIONS 0"), await withPubsub(", PENDING 0")]) {
    subscribe(b, 40, "10.1.0.7");
    assert.is(sentOf(b, "out", "map-reply").length, 1);
    assert.equal([b.read("e.subscriptions"), b.read("e.subscribed")], ["", "0"]);
    b.close();
  }
});

test("a subscriber for whom there is no more room is not told, and that is counted", async () => {
  const b = await withPubsub(", PENDING 1");
  subscribe(b, 40, "10.1.0.7");
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")], { wantNotify: false });
  assert.equal([b.read("e.pending_full"), b.read("e.published")], ["1", "0"]);
  b.close();
});

// ---- Handlers, configuration, hot swap --------------------------------------------

test("handlers list what is within a prefix and the sites without secrets, and take prefixes out", async () => {
  const b = await bench();
  register(b, 1, [record("10.1.1.0/24", "192.0.2.1"), record("10.1.2.0/24", "192.0.2.1")]);
  assert.is(b.read("e.registrations", "10.1.2.0/23").split("\n").length, 1);
  assert.is(b.read("e.sites").split("\n")[1], "b key 1:* sha1 eid 10.2.0.0/16 eid 10.2.3.0/24");
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
  ["a key x sha1 iid 16777216 eid 10.0.0.0/8, RLOC4 192.0.2.1", /instance ID '16777216'/],
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

test.run();
