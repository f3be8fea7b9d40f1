// LISPSMRSender and LISPSMRReceiver: who is told of a change, and what an SMR leads to.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPSMRSender } from "../../../elements/lisp/etr/lisp-smr-sender.js";
import { authenticate } from "../../../src/lisp/control/authentication.js";
import { parseKey } from "../../../src/lisp/control/keys.js";
import { parseRloc } from "../../../src/lisp/mapping.js";
import { eidAddress, ipAddress } from "../../../src/wire/lisp-control/address.js";
import { type MapRequest, mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { mapNotify } from "../../../src/wire/lisp-control/registration.js";
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
  assert.equal([asked, b.read("e.invoked"), b.read("e.limited")], [3, "3", "139"]);
  b.close();
});

/** Seconds, and what is asked for then; each question is answered at once. */
function questions(b: Bench, seconds: number): string[] {
  const found: string[] = [];
  for (let tenth = 0; tenth <= seconds * 10; tenth++) {
    b.router.runFor(tenth === 0 ? 0 : 0.1);
    for (const { message } of requestsTo(b, "out")) {
      const [{ eid, maskLength }] = message.records;
      const address = eid.kind === "ip" ? eid.address : new Uint8Array(4);
      const prefix = `${address.join(".")}/${maskLength}`;
      found.push(`${tenth / 10} ${prefix}`);
      b.push("answers", [packetOf(reply(message.nonce, record(prefix, "192.0.2.66")))]);
    }
  }
  return found;
}

test("an SMR too soon after the last one is asked about when the interval is over: the second change is not lost", async () => {
  const b = await receiver();
  b.push("e", [packetOf(smr("192.168.2.0"))]);
  assert.equal(questions(b, 2.9), ["0 192.168.2.0/24"]);
  for (let i = 0; i < 3; i++) b.push("e", [packetOf(smr("192.168.2.0"))]);
  assert.equal(questions(b, 10), ["0.1 192.168.2.0/24"]);
  b.push("e", [packetOf(smr("192.168.2.0"))]);
  assert.equal(questions(b, 10), ["0 192.168.2.0/24"]);
  b.close();
});

test("an SMR while a Map-Request is out is asked about again once that is answered", async () => {
  const b = await receiver(", INTERVAL 0.1");
  b.push("e", [packetOf(smr("192.168.2.0"))]);
  b.router.runFor(0);
  const [{ message }] = requestsTo(b, "out");
  b.router.runFor(0.5);
  b.push("e", [packetOf(smr("192.168.2.0"))]);
  b.push("answers", [packetOf(reply(message.nonce, record("192.168.2.0/24", "192.0.2.65")))]);
  const [again] = questions(b, 2);
  assert.match(again, /^0\.[4-6] 192\.168\.2\.0\/24$/);
  assert.match(b.read("cache.table"), /^192\.168\.2\.0\/24 192\.0\.2\.66/);
  b.close();
});

test("an SMR about an EID of which nobody answers now is asked about when that has rested", async () => {
  const b = await receiver();
  b.push("e", [packetOf(smr("192.168.2.0"))]);
  b.router.runFor(39.5);
  requestsTo(b, "out");
  b.push("e", [packetOf(smr("192.168.2.0"))]);
  assert.is(questions(b, 31).length, 1);
  b.close();
});

test("what an SMR is about is asked for in three rounds where nobody answers, as it may have been the last SMR", async () => {
  const b = await receiver();
  const asked = (seconds: number): number => {
    b.router.runFor(seconds);
    return requestsTo(b, "out").length;
  };
  b.push("e", [packetOf(smr("192.168.2.0"))]);
  assert.equal([asked(60), asked(70), asked(70), asked(300)], [11, 11, 11, 0]);
  b.push("e", [packetOf(smr("192.168.2.0"))]);
  assert.is(asked(300), 33);
  b.close();
});

test("all mappings around the changed EID are asked for, and those in the prefix that the SMR says has changed", async () => {
  const b = await receiver();
  for (const eid of ["192.168.2.0/26", "192.168.2.128/25", "192.168.3.0/24"])
    await b.router.write("cache.add", `${eid} 192.0.2.2 ttl 600`);
  const asked = (): string[] => questions(b, 0).map((line) => line.slice(2));
  b.push("e", [packetOf(smr("192.168.2.1"))]);
  assert.equal(asked(), ["192.168.2.0/26"], "the shorter one is there for good");
  await b.router.write("cache.add", "192.168.2.0/24 192.0.2.2 ttl 600");
  const own = ipAddress(parseRloc("192.168.2.128"));
  const records = [
    { eid: ipAddress(parseRloc("192.168.1.0")), maskLength: 24, subscribe: false },
    { eid: own, maskLength: 25, subscribe: false },
  ];
  b.push("e", [packetOf(smr("192.168.2.128", { records }))]);
  assert.equal(asked(), ["192.168.2.0/24", "192.168.2.128/25"]);
  const whole = [{ eid: ipAddress(parseRloc("192.168.2.0")), maskLength: 23, subscribe: false }];
  b.router.runFor(9);
  b.push("e", [packetOf(smr("192.168.2.0", { records: whole }))]);
  assert.equal(asked(), ["192.168.2.0/24", "192.168.2.128/25", "192.168.3.0/24"]);
  b.close();
});

test("of many longer prefixes named in one mapping, that mapping's is asked for in the end", async () => {
  const b = await receiver();
  const host = (i: number): MapRequest => {
    const eid = ipAddress(Uint8Array.of(192, 168, 2, i));
    return smr(`192.168.2.${i}`, { records: [{ eid, maskLength: 32, subscribe: false }] });
  };
  for (let i = 0; i < 200; i++) b.push("e", [packetOf(host(i))]);
  b.router.runFor(0);
  const lengths = requestsTo(b, "out").map((r) => r.message.records[0].maskLength);
  assert.equal([lengths.length, lengths.filter((n) => n === 24).length], [65, 1]);
  b.close();
});

test("without a Map-Resolver an SMR is dropped", async () => {
  const b = await Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(192.168.2.0/24 192.0.2.2) -> Discard;
    cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1) -> Discard;
    Idle -> [1] resolver; resolver[1] -> cache; f3 :: Feed -> e :: LISPSMRReceiver(resolver);
  `);
  b.push("e", [packetOf(smr("192.168.2.0"))]);
  assert.equal([b.read("e.no_resolver"), b.read("e.invoked")], ["1", "0"]);
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
  const b = await sender(", TIMES 1");
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

/** Whole seconds at which 192.0.2.2 is told, and of what. */
function toldTimes(b: Bench, seconds: number): string[] {
  const found: string[] = [];
  for (let second = 0; second <= seconds; second++) {
    b.router.runFor(second === 0 ? 0 : 1);
    for (const line of told(b).filter((t) => t.startsWith("192.0.2.2 ")))
      found.push(`${second} ${line.slice(10)}`);
  }
  return found;
}

test("an SMR that may have been lost is sent six times, with growing pauses", async () => {
  const b = await sender();
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/2");
  const eid = "192.168.1.0";
  const times = (seconds: number): number[] =>
    toldTimes(b, seconds).map((line) => {
      assert.is(line.split(" ")[1], eid);
      return Number(line.split(" ")[0]);
    });
  assert.equal(times(200), [0, 3, 6, 9, 15, 27]);
  // A further change of the same begins anew.
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/3");
  assert.equal(times(4), [0, 3]);
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/4");
  assert.equal(times(200), [2, 5, 8, 11, 17, 29]);
  b.close();
});

test("what is new goes before what is told again", async () => {
  const b = await sender(", TIMES 3");
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/2");
  assert.equal(toldTimes(b, 1), ["0 192.168.1.0"]);
  await b.router.write("site.add", "192.168.9.0/24 192.0.2.1/2");
  assert.equal(toldTimes(b, 30), [
    "2 192.168.9.0",
    "5 192.168.1.0",
    "8 192.168.9.0",
    "11 192.168.1.0",
    "14 192.168.9.0",
  ]);
  b.close();
});

test("whoever asks because of an SMR is not told again", async () => {
  const b = await Bench.start(`
    site :: LISPSite(192.168.1.0/24 192.0.2.1, 192.168.9.0/24 192.0.2.1);
    feed :: Feed -> cache :: LISPMapCache(192.168.2.0/24 192.0.2.2 192.0.2.3) -> Discard;
    f2 :: Feed -> replier :: LISPMapReplier(site, RLOC 192.0.2.1) -> Discard; Idle -> [1] replier;
    e :: LISPSMRSender(site, RLOC 192.0.2.1, CACHE cache, REPLIER replier, TIMES 3) -> out :: Sink;
  `);
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/2");
  await b.router.write("site.add", "192.168.9.0/24 192.0.2.1/2");
  b.router.runFor(0);
  const asked = (eid: string, fields: Partial<MapRequest>): MapRequest =>
    mapRequest({
      nonce: 1n,
      itrRlocs: [ipAddress(parseRloc("192.0.2.2"))],
      records: [{ eid: ipAddress(parseRloc(eid)), maskLength: 32, subscribe: false }],
      ...fields,
    });
  b.push("replier", [packetOf(asked("192.168.9.7", { smrInvoked: true }))]);
  b.push("replier", [packetOf(asked("192.168.1.7", { smrInvoked: false }))]);
  b.router.runFor(4);
  b.push("replier", [packetOf(asked("192.168.9.7", { smrInvoked: true }))]);
  b.router.runFor(30);
  const lines = told(b);
  const times = (rloc: string, eid: string): number => lines.filter((l) => l === `${rloc} ${eid}`).length;
  assert.equal([times("192.0.2.2", "192.168.1.0"), times("192.0.2.2", "192.168.9.0")], [3, 1]);
  assert.equal([times("192.0.2.3", "192.168.1.0"), times("192.0.2.3", "192.168.9.0")], [3, 3]);
  b.close();
});

test("what comes to the site is told as what goes is, and what is set again as it was is not", async () => {
  const b = await sender();
  await b.router.write("site.add", "192.168.1.7/32 192.0.2.1");
  b.router.runFor(0);
  assert.equal(told(b), ["192.0.2.2 192.168.1.7", "192.0.2.3 192.168.1.7"]);
  b.router.runFor(20);
  told(b);
  await b.router.write("site.remove", "192.168.9.0/24");
  b.router.runFor(0);
  assert.is(told(b).length, 2);
  b.router.runFor(20);
  told(b);
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1");
  b.router.runFor(1);
  assert.equal(told(b), []);
  b.close();
});

test("where the site has longer prefixes in a changed one, a second record says how long that is", async () => {
  const b = await sender(", TIMES 1");
  const records = async (eid: string): Promise<string[]> => {
    b.router.runFor(20);
    b.take("out");
    await b.router.write("e.solicit", eid);
    b.router.runFor(0);
    const [{ message }] = sentOf(b, "out", "map-request");
    return message.records.map((r) => `${r.eid.kind === "ip" && r.eid.address.join(".")}/${r.maskLength}`);
  };
  assert.equal(await records("192.168.1.0/24"), ["192.168.2.0/24"]);
  await b.router.write("site.add", "192.168.1.128/25 192.0.2.1");
  assert.equal(await records("192.168.1.0/24"), ["192.168.2.0/24", "192.168.1.0/24"]);
  assert.equal(await records("192.168.1.128/25"), ["192.168.2.0/24"]);
  b.close();
});

test("a hot swap tells of what it changes and takes away, not of what it keeps", async () => {
  const b = await sender();
  await b.router.write("site.add", "192.168.8.0/24 192.0.2.1");
  b.router.runFor(20);
  b.take("out");
  await b.router.swap(`
    site :: LISPSite(192.168.1.0/24 192.0.2.1/5);
    feed :: Feed -> cache :: LISPMapCache(192.168.2.0/24 192.0.2.2) -> Discard;
    e :: LISPSMRSender(site, RLOC 192.0.2.1, CACHE cache, TIMES 1) -> out :: Sink;
  `);
  assert.equal(
    toldTimes(b, 20)
      .map((line) => line.split(" ")[1])
      .sort(),
    ["192.168.1.0", "192.168.9.0"],
  );
  assert.match(b.read("site.table"), /^192\.168\.8\.0\/24/m);
  b.close();
});

test("no more SMRs wait than may: the rest is told as soon as there is room", async () => {
  const b = await sender(", QUEUE 1, TIMES 1");
  await b.router.write("e.solicit", "192.168.1.0/24");
  const e = b.router.find("e") as LISPSMRSender;
  const eid = { iid: 0, eid: { address: ip("192.168.9.0"), length: 24 } };
  e.solicitFrom(ip("192.0.2.7"), eid);
  e.solicitFrom(ip("192.0.2.8"), eid);
  assert.equal([b.read("e.waiting"), b.read("e.full")], ["1", "1"]);
  b.router.runFor(20);
  assert.equal(told(b), ["192.0.2.7 192.168.9.0", "192.0.2.2 192.168.1.0", "192.0.2.3 192.168.1.0"]);
  for (const text of ["", "x", "192.168.1.0/24 iid", "192.168.1.0/24 5"])
    assert.is.not(await failure(() => b.router.write("e.solicit", text)), "", text);
  b.close();
});

test("of a large map-cache all are told, in slices, though it changes meanwhile", async () => {
  const b = await sender(", TIMES 1");
  for (let i = 0; i < 1000; i++)
    await b.router.write(
      "cache.add",
      `10.${i >> 8}.${i & 255}.0/24 198.51.${i >> 8}.${(i & 127) + 1} iid ${i % 3}`,
    );
  await b.router.write("e.solicit", "192.168.1.0/24");
  b.router.runFor(0);
  await b.router.write("cache.remove", "10.0.3.0/24");
  b.router.runFor(1);
  const rlocs = new Set(
    told(b)
      .map((line) => line.split(" ")[0])
      .filter((r) => r.startsWith("198.")),
  );
  const expected = new Set<string>();
  for (let i = 0; i < 1000; i += 3) expected.add(`198.51.${i >> 8}.${(i & 127) + 1}`);
  assert.equal([...rlocs].sort(), [...expected].sort());
  b.close();
});

/** A site whose Map-Server answers when the test says so. */
async function registering(): Promise<{ b: Bench; acknowledge: () => void }> {
  const b = await Bench.start(`
    site :: LISPSite(192.168.1.0/24 192.0.2.1);
    feed :: Feed -> cache :: LISPMapCache(192.168.2.0/24 192.0.2.2) -> Discard;
    registrar :: LISPRegistrar(site, RLOC 192.0.2.1, MAP_SERVER 192.0.2.9 key labkey1) -> registers :: Sink;
    f2 :: Feed -> notifies :: Counter -> registrar;
    e :: LISPSMRSender(site, RLOC 192.0.2.1, CACHE cache, REGISTRAR registrar, TIMES 1) -> out :: Sink;
  `);
  const acknowledge = (): void => {
    for (const { message } of sentOf(b, "registers", "map-register")) {
      const { nonce, records, authentication } = message;
      const key = parseKey("labkey1")!;
      const bytes = authenticate(
        mapNotify({ type: "map-notify", nonce, records }),
        key,
        authentication.algorithm,
      );
      b.push("notifies", [packetOf(bytes)]);
    }
  };
  b.router.runFor(0);
  acknowledge();
  return { b, acknowledge };
}

test("others are told when the Map-Server has acknowledged the change, which they ask", async () => {
  const { b, acknowledge } = await registering();
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/2");
  b.router.runFor(0.9);
  assert.equal(told(b), []);
  acknowledge();
  b.router.runFor(0);
  assert.equal(told(b), ["192.0.2.2 192.168.1.0"]);
  await b.router.write("site.remove", "192.168.1.0/24");
  b.router.runFor(0);
  acknowledge();
  b.router.runFor(3);
  assert.equal(told(b), ["192.0.2.2 192.168.1.0"]);
  b.router.runFor(100);
  assert.equal(told(b), []);
  b.close();
});

test("what another xTR of the site has changed is told to our peers when a Map-Server says so", async () => {
  const { b } = await registering();
  let nonce = 1n;
  const notified = (eid: string): string[] => {
    const message = mapNotify({
      type: "map-notify",
      nonce: nonce++,
      records: [record(eid, "192.0.2.1 192.0.2.7")],
    });
    b.push("notifies", [packetOf(authenticate(message, parseKey("labkey1")!, 2))]);
    b.router.runFor(5);
    return told(b);
  };
  assert.equal(notified("192.168.1.0/24"), ["192.0.2.2 192.168.1.0"]);
  assert.equal(notified("192.168.1.128/25"), ["192.0.2.2 192.168.1.128"], "a part of ours");
  assert.equal(notified("192.168.7.0/24"), [], "nothing of ours");
  assert.equal(notified("192.168.1.5/32"), [], "a host that has moved: others tell of that");
  b.close();
});

test("a Map-Server that is silent keeps nobody from being told; they are told again when it has answered", async () => {
  const { b, acknowledge } = await registering();
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/2");
  b.router.runFor(1);
  assert.is(told(b).length, 1);
  b.router.runFor(20);
  assert.is(told(b).length, 0);
  b.take("registers");
  await b.router.write("registrar.refresh", "");
  b.router.runFor(0);
  acknowledge();
  b.router.runFor(1);
  assert.is(told(b).length, 1);
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

test("an SMR while the resolver asks for as much as it may is asked about as soon as it can", async () => {
  const b = await receiver();
  await b.router.write("cache.add", "192.168.8.0/24 192.0.2.2");
  for (let i = 0; i < 4096; i++) await b.router.write("resolver.ask", `10.${i >> 8}.${i & 255}.0/24`);
  b.push("e", [packetOf(smr("192.168.8.0"))]);
  assert.equal([b.read("e.busy"), b.read("e.invoked"), b.read("resolver.pending")], ["1", "0", "4096"]);
  await b.router.write("resolver.clear", "");
  b.router.runFor(1);
  assert.equal([b.read("e.invoked"), requestsTo(b, "out").length], ["1", 1]);
  b.close();
});

test("no more than so many EID-prefixes wait to be asked for", async () => {
  const b = await receiver();
  for (let i = 0; i < 4096; i++) await b.router.write("resolver.ask", `172.${i >> 8}.${i & 255}.0/24`);
  for (let i = 0; i <= 16384; i++) {
    const eid = `10.${i >> 14}.${(i >> 6) & 255}.${(i & 63) * 4}`;
    await b.router.write("cache.add", `${eid}/30 192.0.2.2`);
    b.push("e", [packetOf(smr(eid))]);
  }
  assert.equal([b.read("e.busy"), b.read("e.full")], ["16384", "1"]);
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

test("of hundreds of changes at once every site hears, of each once: they are gone through a part at a time", async () => {
  const MANY = 300;
  const eid = (i: number): string => `10.${i >> 8}.${i & 255}.0/24`;
  const site = Array.from({ length: MANY }, (_, i) => `${eid(i)} 192.0.2.1`).join(", ");
  const others = Array.from({ length: 3 }, (_, i) => `172.16.${i}.0/24 198.51.100.${i + 1}`).join(", ");
  const b = await Bench.start(`
    site :: LISPSite(${site}); cache :: LISPMapCache(${others}); Idle -> cache -> Discard;
    e :: LISPSMRSender(site, RLOC 192.0.2.1, CACHE cache, INTERVAL 0.01, TIMES 1, QUEUE 100) -> out :: Sink`);
  for (let i = 0; i < MANY; i++) await b.router.write("site.add", `${eid(i)} 192.0.2.1/${1 + (i % 9)}/50`);
  const told: string[] = [];
  for (let i = 0; i < 100; i++) {
    b.router.runFor(0.5);
    for (const { destination, message } of sentOf(b, "out", "map-request")) {
      const { sourceEid } = message as MapRequest;
      assert.is(sourceEid.kind, "ip");
      told.push(`${destination.join(".")} ${sourceEid.kind === "ip" ? sourceEid.address.join(".") : ""}`);
    }
  }
  assert.equal([told.length, new Set(told).size], [3 * MANY, 3 * MANY]);
  assert.is(b.read("e.waiting"), "0");
  b.close();
});

test.run();
