// LISPSMRSender and LISPSMRReceiver: who is told of a change, and what an SMR leads to.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRloc } from "../../../src/lisp/mapping.js";
import { eidAddress, ipAddress } from "../../../src/wire/lisp-control/address.js";
import { type MapRequest, mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { failure, packetOf, record, reply, requestsTo, sentOf, takeAllSlots } from "./control.js";
import { Bench, hex, ip, ipv4, lisp, udp } from "./harness.js";

function smr(sourceEid: string, fields: Partial<MapRequest> = {}, iid = 0): MapRequest {
  return mapRequest({
    nonce: 0n,
    smr: true,
    sourceEid: eidAddress(iid, parseRloc(sourceEid)),
    itrRlocs: [ipAddress(parseRloc("192.0.2.2"))],
    records: [{ eid: ipAddress(parseRloc("192.168.1.0")), maskLength: 24, subscribe: false }],
    ...fields,
  });
}

const receiver = (args = ""): Promise<Bench> =>
  Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(192.168.2.0/24 192.0.2.2, 10.0.0.0/8 192.0.2.3 iid 5) -> Discard;
    cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9) -> out :: Sink;
    f2 :: Feed -> answers :: Counter -> [1] resolver; resolver[1] -> cache;
    f3 :: Feed -> e :: LISPSMRReceiver(resolver${args});
  `);

test("an SMR about a host in a longer prefix than the map-cache has asks for the host", async () => {
  const b = await receiver();
  const eid = ipAddress(parseRloc("192.168.2.10"));
  b.push("e", [packetOf(smr("192.168.2.10", { records: [{ eid, maskLength: 32, subscribe: false }] }))]);
  b.router.runFor(0);
  const [sent] = requestsTo(b, "out");
  assert.equal(sent.message.records[0], { eid, maskLength: 32, subscribe: false });
  b.close();
});

test("an SMR leads to an SMR-invoked Map-Request through the mapping system, whose answer replaces the mapping", async () => {
  const b = await receiver();
  b.push("e", [packetOf(smr("192.168.2.0"))]);
  b.router.runFor(0);
  const [sent] = requestsTo(b, "out");
  assert.equal(sent.destination, parseRloc("192.0.2.9"));
  assert.equal(
    [sent.message.smrInvoked, sent.message.smr, sent.message.sourceEid],
    [true, false, { kind: "none" }],
  );
  assert.equal(sent.message.records[0], {
    eid: ipAddress(ip("192.168.2.0")),
    maskLength: 24,
    subscribe: false,
  });
  b.push("answers", [packetOf(reply(sent.message.nonce, record("192.168.2.0/24", "192.0.2.66")))]);
  assert.match(b.read("cache.table"), /^192\.168\.2\.0\/24 192\.0\.2\.66/);
  b.close();
});

test("one EID-prefix is asked for once in 3 seconds, however many SMRs come", async () => {
  const b = await receiver();
  let asked = 0;
  for (let i = 0; i < 70; i++) {
    b.push("e", [packetOf(smr("192.168.2.7")), packetOf(smr("192.168.2.0"))]);
    b.router.runFor(0);
    for (const { message } of requestsTo(b, "out")) {
      asked++;
      b.push("answers", [packetOf(reply(message.nonce, record("192.168.2.0/24", "192.0.2.66")))]);
    }
    b.router.runFor(0.1);
  }
  assert.equal([asked, b.read("e.invoked"), b.read("e.limited")], [3, "3", "137"]);
  b.close();
});

test("what the map-cache does not have is not asked for; the instance counts", async () => {
  const b = await receiver();
  b.push("e", [packetOf(smr("192.168.3.0")), packetOf(smr("10.0.0.1")), packetOf(smr("10.0.0.1", {}, 5))]);
  assert.equal([b.read("e.unknown"), b.read("e.invoked")], ["2", "1"]);
  const records = [{ eid: ipAddress(parseRloc("192.168.2.0")), maskLength: 24, subscribe: false }];
  b.push("e", [packetOf(smr("192.168.9.0", { records, sourceEid: { kind: "none" } }))]);
  assert.is(b.read("e.invoked"), "2", "named in its record");
  b.push("e", [packetOf({ ...smr("192.168.2.0"), smr: false }), packetOf(hex("11000001")), hex("45")]);
  assert.is(b.read("e.malformed"), "3");
  b.close();
});

const sender = (args = ""): Promise<Bench> =>
  Bench.start(`
    site :: LISPSite(192.168.1.0/24 192.0.2.1, 192.168.9.0/24 192.0.2.1);
    feed :: Feed -> cache :: LISPMapCache(192.168.2.0/24 192.0.2.2 192.0.2.3, 192.168.3.0/24 192.0.2.2,
      192.168.4.0/24 2001:db8::4, 192.168.5.0/24 192.0.2.5 iid 5, 192.168.6.0/24 192.0.2.1) -> Discard;
    f2 :: Feed -> decap :: LISPDecap(PEERS 16) -> Discard;
    e :: LISPSMRSender(site, RLOC 192.0.2.1, CACHE cache, DECAP decap${args}) -> out :: Sink;
  `);

const told = (b: Bench): string[] =>
  sentOf(b, "out", "map-request").map(
    (s) =>
      `${s.destination.join(".")} ${s.message.sourceEid.kind === "ip" && s.message.sourceEid.address.join(".")}`,
  );

test("a change is told to every locator of the map-cache and everybody who sends to us, directly", async () => {
  const b = await sender();
  const inner = ipv4(udp(1, 2, new Uint8Array(0)));
  b.push("decap", [lisp(inner, undefined, { source: ip("192.0.2.8") })]);
  b.router.runFor(0);
  assert.is(b.take("out").length, 0);
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/2");
  b.router.runFor(0);
  const sent = sentOf(b, "out", "map-request");
  assert.equal(
    sent.map((s) => s.destination[3]),
    [2, 3, 8],
  );
  const [{ message, source, destinationPort }] = sent;
  assert.equal(
    [source, destinationPort, message.smr, message.smrInvoked],
    [parseRloc("192.0.2.1"), 4342, true, false],
  );
  assert.equal(message.sourceEid, ipAddress(ip("192.168.1.0")));
  assert.equal(message.records, [{ eid: ipAddress(ip("192.168.2.0")), maskLength: 24, subscribe: false }]);
  assert.is(new Set(sent.map((s) => s.message.nonce)).size, 3);
  b.close();
});

test("one RLOC gets one SMR in 3 seconds; what has changed meanwhile is told then, once", async () => {
  const b = await sender();
  for (const eid of ["192.168.1.0/24", "192.168.9.0/24", "192.168.9.0/24"])
    await b.router.write("site.add", `${eid} 192.0.2.1/2`);
  b.router.runFor(0);
  assert.equal(told(b), ["192.0.2.2 192.168.1.0", "192.0.2.3 192.168.1.0"]);
  assert.is(b.read("e.waiting"), "2");
  b.router.runFor(2.9);
  assert.equal(told(b), []);
  b.router.runFor(0.1);
  assert.equal(told(b), ["192.0.2.2 192.168.9.0", "192.0.2.3 192.168.9.0"]);
  b.router.runFor(1);
  await b.router.write("e.solicit", "192.168.1.0/24");
  b.router.runFor(1.9);
  assert.equal(told(b), []);
  b.router.runFor(0.1);
  assert.is(told(b).length, 2);
  b.router.runFor(10);
  assert.equal([told(b).length, b.read("e.sent"), b.read("e.waiting")], [0, "6", "0"]);
  b.close();
});

test("what is new to the site is told to nobody, what goes is", async () => {
  const b = await sender();
  await b.router.write("site.add", "192.168.7.0/24 192.0.2.1");
  b.router.runFor(0);
  assert.equal(told(b), []);
  await b.router.write("site.remove", "192.168.9.0/24");
  b.router.runFor(0);
  assert.is(told(b).length, 2);
  b.close();
});

test("no more SMRs wait than may", async () => {
  const b = await sender(", QUEUE 1");
  await b.router.write("e.solicit", "192.168.1.0/24");
  assert.equal([b.read("e.waiting"), b.read("e.full")], ["1", "1"]);
  for (const text of ["", "x", "192.168.1.0/24 iid", "192.168.1.0/24 5"])
    assert.is.not(await failure(() => b.router.write("e.solicit", text)), "", text);
  b.close();
});

test("without a free packet no SMR leaves", async () => {
  const b = await sender();
  await b.router.write("e.solicit", "192.168.1.0/24");
  const taken = takeAllSlots(b);
  b.router.runFor(0);
  assert.equal([b.read("e.no_slot"), b.take("out").length], ["2", 0]);
  for (const slot of taken) b.router.memory.kernels.poolGive(slot);
  b.close();
});

test("an SMR while the resolver cannot ask is dropped", async () => {
  const b = await receiver();
  await b.router.write("cache.add", "192.168.8.0/24 192.0.2.2");
  for (let i = 0; i < 4096; i++) await b.router.write("resolver.ask", `10.${i >> 8}.${i & 255}.0/24`);
  b.push("e", [packetOf(smr("192.168.8.0"))]);
  assert.equal([b.read("e.busy"), b.read("resolver.pending")], ["1", "4096"]);
  b.close();
});

test("what is wrong with their arguments is said", async () => {
  for (const [text, message] of [
    ["e :: LISPSMRReceiver(d); Idle -> e", /RESOLVER is not a LISPResolver/],
    ["e :: LISPSMRSender(d, RLOC 192.0.2.1) -> Discard", /SITE is not a LISPSite/],
    ["s :: LISPSite; e :: LISPSMRSender(s) -> Discard", /no RLOC given/],
    ["s :: LISPSite; e :: LISPSMRSender(s, RLOC 192.0.2.1, CACHE s) -> Discard", /CACHE is not/],
    ["s :: LISPSite; e :: LISPSMRSender(s, RLOC 192.0.2.1, DECAP s) -> Discard", /DECAP is not/],
  ] as const) {
    const said: string[] = [];
    const error = await failure(() =>
      Bench.start(`d :: Idle -> Discard; ${text}`, (line) => said.push(line)),
    );
    assert.match(`${error} ${said.join(" ")}`, message);
  }
});

test.run();
