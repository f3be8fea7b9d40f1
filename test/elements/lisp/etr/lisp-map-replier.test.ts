// LISPMapReplier: what an ETR answers, to whom, and how often.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { encapsulatedRequest } from "../../../../src/lisp/control/map-requests.js";
import { parseEid, parseRloc } from "../../../../src/lisp/mapping.js";
import { addressText } from "../../../../src/net/address.js";
import { eidAddress, ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../../../../src/wire/lisp-control/encapsulated.js";
import { type MapRequest, mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import { noMoreRoom } from "../../../slot-canary.js";
import { failure, packetOf, sentOf } from "../control.js";
import { Bench, hex } from "../harness.js";

const SITE = "192.168.1.0/24 192.0.2.1 198.51.100.1/2/50, fd01::/64 192.0.2.1, 10.0.0.0/8 192.0.2.1 iid 5";

const bench = (args = "", site = SITE, rlocs = "RLOC 192.0.2.1"): Promise<Bench> =>
  Bench.start(`
    site :: LISPSite(${site});
    feed :: Feed -> e :: LISPMapReplier(site, ${rlocs}${args === "" ? "" : `, ${args}`}) -> out :: Sink;
    feed2 :: Feed -> ecm :: Counter -> [1] e;
  `);

function request(eid: string, fields: Partial<MapRequest> = {}, iid = 0): MapRequest {
  const prefix = parseEid(eid);
  return mapRequest({
    nonce: 0x1234n,
    itrRlocs: [ipAddress(parseRloc("192.0.2.7"))],
    records: [{ eid: eidAddress(iid, prefix.address), maskLength: prefix.length, subscribe: false }],
    ...fields,
  });
}

const eids = (b: Bench): string[][] =>
  sentOf(b, "out", "map-reply").map((s) =>
    s.message.records.map(
      (r) => `${r.eid.kind === "ip" ? r.eid.address.join(".") : r.eid.kind}/${r.maskLength}`,
    ),
  );

test("a Map-Request is answered to its ITR-RLOC and source port, with its nonce and A set", async () => {
  const b = await bench();
  b.push("e", [packetOf(request("192.168.1.5"), { from: "192.0.2.9", sourcePort: 50123 })]);
  const [sent, ...more] = sentOf(b, "out", "map-reply");
  assert.is(more.length, 0);
  assert.equal(
    [sent.source, sent.destination, sent.sourcePort, sent.destinationPort],
    [parseRloc("192.0.2.1"), parseRloc("192.0.2.7"), 4342, 50123],
  );
  const { nonce, probe, echoNonce, records } = sent.message;
  assert.equal([nonce, probe, echoNonce, records.length], [0x1234n, false, false, 1]);
  assert.equal([records[0].ttl, records[0].maskLength, records[0].authoritative], [1440, 24, true]);
  assert.equal(
    records[0].locators.map((l) => [l.rloc, l.priority, l.weight, l.local, l.probed, l.reachable]),
    [
      [ipAddress(parseRloc("192.0.2.1")), 1, 100, true, false, true],
      [ipAddress(parseRloc("198.51.100.1")), 2, 50, false, false, true],
    ],
  );
  b.close();
});

test("a Map-Request in an ECM is answered to its ITR-RLOC and inner source port", async () => {
  const b = await bench();
  const question = { iid: 5, eid: parseEid("10.1.2.3/32"), source: null, smrInvoked: false };
  const ours = [parseRloc("192.0.2.7")];
  const ecm = encapsulatedRequest(question, 99n, ours, ours[0], parseRloc("192.0.2.9"));
  b.push("ecm", [packetOf(encapsulatedControl({ ...ecm.inner!, sourcePort: 40000 }))]);
  const [sent] = sentOf(b, "out", "map-reply");
  assert.equal(
    [sent.destination, sent.destinationPort, sent.message.nonce],
    [parseRloc("192.0.2.7"), 40000, 99n],
  );
  assert.is(sent.message.records[0].eid.kind, "instance");
  b.close();
});

test("a probe is answered to where it came from, from the RLOC it went to, whose p bit is set", async () => {
  const b = await bench("ECHO_NONCE true");
  const probe = request("192.168.1.0/24", { probe: true });
  b.push("e", [packetOf(probe, { from: "203.0.113.9", to: "198.51.100.1", sourcePort: 4000 })]);
  const [sent] = sentOf(b, "out", "map-reply");
  assert.equal(
    [sent.source, sent.destination, sent.destinationPort],
    [parseRloc("198.51.100.1"), parseRloc("203.0.113.9"), 4000],
  );
  assert.equal([sent.message.probe, sent.message.echoNonce, sent.message.nonce], [true, true, 0x1234n]);
  assert.equal(
    sent.message.records[0].locators.map((l) => l.probed),
    [false, true],
  );
  assert.equal([b.read("e.replies"), b.read("e.probes")], ["1", "1"]);
  b.close();
});

test("overlapping prefixes: the best match with what is more specific in it, all with one TTL (5.5)", async () => {
  const site =
    "10.0.0.0/8 192.0.2.1, 10.1.0.0/16 192.0.2.1, 10.1.1.0/24 192.0.2.1 ttl 600, 10.1.2.0/24 192.0.2.1";
  const b = await bench("INTERVAL 0", site);
  b.push("e", [packetOf(request("10.1.1.1"))]);
  assert.equal(eids(b), [["10.1.1.0/24"]]);
  b.push("e", [packetOf(request("10.1.5.5"))]);
  const [{ message }] = sentOf(b, "out", "map-reply");
  assert.equal(
    message.records.map((r) => [r.maskLength, r.ttl]),
    [
      [16, 10],
      [24, 10],
      [24, 10],
    ],
  );
  b.push("e", [
    packetOf({
      ...request("10.1.1.1"),
      records: [...request("10.1.1.1").records, ...request("10.1.1.9").records],
    }),
  ]);
  assert.equal(eids(b), [["10.1.1.0/24"]], "each once");
  b.close();
});

test("a shorter prefix than ours, as of one that was split, is answered with those in it", async () => {
  const split =
    "192.168.2.0/25 192.0.2.1, 192.168.2.128/25 192.0.2.3, fd02::/64 192.0.2.1, fd02:0:0:1::/64 192.0.2.1";
  const b = await bench("", split);
  const asked = (eid: string): string[] => {
    b.push("e", [packetOf(request(eid))]);
    const [{ message }] = sentOf(b, "out", "map-reply");
    return message.records.map((r) => `${r.eid.kind === "ip" && addressText(r.eid.address)}/${r.maskLength}`);
  };
  assert.equal(asked("192.168.2.0/24"), ["192.168.2.0/25", "192.168.2.128/25"]);
  assert.equal(asked("fd02::/48"), ["fd02::/64", "fd02:0:0:1::/64"]);
  b.close();
  const many = Array.from({ length: 20 }, (_, i) => `10.1.${i + 1}.0/24 192.0.2.1`).join(", ");
  const other = await bench("", many);
  other.push("e", [packetOf(request("10.1.0.0/16")), packetOf(request("10.1.7.0/22"))]);
  const [few, one] = sentOf(other, "out", "map-reply");
  // None holds the address of the first: as many as fit are better than none.
  assert.equal([few.message.records.length, one.message.records.length], [16, 4]);
  other.close();
});

/** Asks at seconds since the start; gives those at which there was an answer. */
function answered(b: Bench, times: readonly number[], ask: () => void): number[] {
  const found: number[] = [];
  let now = 0;
  for (const time of times) {
    b.router.runFor(time - now);
    now = time;
    ask();
    if (eids(b).length > 0) found.push(time);
  }
  return found;
}

const ask = (b: Bench, eid: string, rloc: string, from = rloc): void =>
  b.push("e", [packetOf(request(eid, { itrRlocs: [ipAddress(parseRloc(rloc))] }), { from })]);

test("a question that comes again because an answer was lost is answered", async () => {
  const b = await bench();
  const times = [0, 1, 3, 7, 11, 15, 19];
  assert.equal(
    answered(b, times, () => ask(b, "192.168.1.1", "192.0.2.7")),
    times,
  );
  b.close();
});

test("one asker gets the answer for one EID three times, then every 3 seconds; others and other EIDs at once", async () => {
  const b = await bench();
  for (let i = 0; i < 5; i++) ask(b, "192.168.1.1", "192.0.2.7");
  assert.equal([eids(b).length, b.read("e.limited")], [3, "2"]);
  for (const [eid, rloc] of [
    ["192.168.1.2", "192.0.2.7"],
    ["192.168.1.1", "192.0.2.8"],
    ["fd01::1", "192.0.2.7"],
  ])
    ask(b, eid, rloc);
  assert.is(eids(b).length, 3);
  const times = [2.9, 3, 5.9, 6];
  assert.equal(
    answered(b, times, () => ask(b, "192.168.1.1", "192.0.2.7")),
    [3, 6],
  );
  b.close();
});

test("what is asked for in another's name floods nobody, and takes nothing of what that one may ask for", async () => {
  const b = await bench("RATE 5");
  for (let i = 0; i < 50; i++) ask(b, `192.168.1.${i}`, "192.0.2.7", "203.0.113.66");
  assert.equal([eids(b).length, b.read("e.limited")], [5, "45"]);
  ask(b, "192.168.1.0", "192.0.2.7");
  ask(b, "192.168.1.0", "192.0.2.8");
  assert.is(eids(b).length, 2);
  b.close();
});

test("probes have their own interval, and all replies to one asker a rate", async () => {
  const b = await bench("RATE 3");
  const probe = packetOf(request("192.168.1.1", { probe: true }));
  b.push("e", [probe, probe, packetOf(request("192.168.1.1"))]);
  assert.equal([eids(b).length, b.read("e.limited")], [2, "1"]);
  b.router.runFor(0.5);
  b.push("e", [probe]);
  assert.is(eids(b).length, 1);
  b.router.runFor(10);
  for (let i = 0; i < 9; i++) ask(b, `192.168.1.${i}`, "192.0.2.9");
  assert.is(eids(b).length, 3);
  for (let i = 0; i < 9; i++) ask(b, "192.168.1.1", `192.0.2.${i + 10}`);
  assert.is(eids(b).length, 9);
  b.close();
});

for (const [what, reason, message] of [
  ["for an EID of others", "not_ours", request("192.168.2.1")],
  ["for our EID in another instance", "not_ours", request("10.1.1.1", {}, 6)],
  ["for a shorter prefix with none of ours in it", "not_ours", request("172.16.0.0/12")],
  [
    "for no EID",
    "not_ours",
    { ...request("10.0.0.0/8"), records: [{ eid: { kind: "none" }, maskLength: 0, subscribe: false }] },
  ],
  ["with the D bit", "silent", request("192.168.1.1", { dontReply: true })],
  ["with the S bit", "smr", request("192.168.1.1", { smr: true })],
  [
    "without an ITR-RLOC of our families",
    "no_rloc",
    request("192.168.1.1", { itrRlocs: [ipAddress(parseRloc("fd00::1"))] }),
  ],
  [
    "whose ITR-RLOC is a group",
    "no_rloc",
    request("192.168.1.1", { itrRlocs: [ipAddress(parseRloc("224.0.0.1"))] }),
  ],
] as const) {
  test(`a Map-Request ${what} gets no answer: ${reason}`, async () => {
    const b = await bench();
    b.push("e", [packetOf(message)]);
    assert.equal([b.take("out").length, b.read(`e.${reason}`)], [0, "1"]);
    b.close();
  });
}

test("a probe in an ECM, other messages and cut ones get no answer", async () => {
  const b = await bench();
  const question = { iid: 0, eid: parseEid("192.168.1.1/32"), source: null, smrInvoked: false };
  const ours = [parseRloc("192.0.2.7")];
  const ecm = encapsulatedRequest(question, 1n, ours, ours[0], ours[0]);
  const inner = { ...ecm.inner!, message: request("192.168.1.1", { probe: true }) };
  b.push("ecm", [packetOf(encapsulatedControl(inner))]);
  assert.is(b.read("e.probe_in_ecm"), "1");
  b.push("ecm", [packetOf(request("192.168.1.1")), packetOf(hex("80000000"))]);
  b.push("e", [packetOf(ecm), packetOf(hex("10000001")), hex("45")]);
  assert.equal([b.read("e.malformed"), b.take("out").length], ["5", 0]);
  b.close();
});

test("an IPv6 ITR-RLOC is answered from our IPv6 RLOC", async () => {
  const b = await bench("", SITE, "RLOC 192.0.2.1, RLOC fd00::1");
  const itrRlocs = [ipAddress(parseRloc("fd00::7")), ipAddress(parseRloc("192.0.2.7"))];
  b.push("e", [packetOf(request("fd01::5", { itrRlocs }))]);
  const [sent] = sentOf(b, "out", "map-reply");
  assert.equal([sent.source, sent.destination], [parseRloc("fd00::1"), parseRloc("fd00::7")]);
  b.close();
});

test("a Map-Reply that there is no room for does not leave, and is counted", async () => {
  const large = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`).join(" ");
  const b = await bench("", `${SITE}, 192.168.5.0/24 ${large}`);
  b.push("e", [packetOf(request("192.168.1.1"))]);
  assert.equal([b.read("e.no_slot"), b.take("out").length], ["0", 1]);
  noMoreRoom(b.router.memory);
  b.push("e", [packetOf(request("192.168.5.1"))]);
  assert.equal([b.read("e.no_slot"), b.take("out").length], ["1", 0]);
  b.close();
});

test("what is wrong with its arguments is said", async () => {
  assert.match(await failure(() => bench("RATE 0")), /RATE/);
  const wrong = "d :: Idle -> Discard; e :: LISPMapReplier(d); Idle -> e -> Discard; Idle -> [1] e";
  const said: string[] = [];
  const error = await failure(() => Bench.start(wrong, (l) => said.push(l)));
  assert.match(`${error} ${said.join(" ")}`, /SITE is not a LISPSite/);
  assert.match(`${error} ${said.join(" ")}`, /no RLOC given/);
});

test.run();
