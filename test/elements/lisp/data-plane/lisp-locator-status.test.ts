// LISPLocatorStatus: which bits packets carry, and what becomes of those that come (RFC 9300, sections 10, 13.1).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { addressText } from "../../../../src/net/address.js";
import { mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import { failure, packetOf, record, reply, requestsTo, type Sent, sentOf } from "../control.js";
import { Bench, hex, ip, ipv4, ipv6, lisp, SIX_B, toHex, udp } from "../harness.js";

const NOTHING = udp(1, 2, new Uint8Array(0));
const SITE =
  "10.1.0.0/16 2001:db8::1 192.0.2.12 192.0.2.1, 10.1.7.0/24 192.0.2.1 192.0.2.12/down, fd01::/16 192.0.2.1";
const THREE = "192.0.2.2 192.0.2.3 192.0.2.4";

const bench = (args = "", cache = `10.2.0.0/16 ${THREE}, 10.3.0.0/16 ${THREE} version 8`): Promise<Bench> =>
  Bench.start(`
    site :: LISPSite(${SITE});
    feed :: Feed -> cache :: LISPMapCache(${cache}, 10.4.0.0/16 192.0.2.2 192.0.2.3 iid 5, fd01:0:0:2::/64 192.0.2.2,
      PACKET_IID true) -> encap :: LISPEncap(192.0.2.1) -> s0 :: Sink;
    cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9) -> out :: Sink;
    f2 :: Feed -> answers :: Counter -> [1] resolver; resolver[1] -> cache;
    f3 :: Feed -> decap :: LISPDecap(ALL_IIDS true, PEERS 16) -> s1 :: Sink;
    f4 :: Feed -> prober :: LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL ${args.includes("PROBER") ? 1000 : 0}) -> probes :: Sink;
    e :: LISPLocatorStatus(site, ENCAP encap, DECAP decap, CACHE cache, RESOLVER resolver${args.includes("ACTIVE") ? "" : ", ACTIVE true"}${args});
  `);

/** Flags and the second word of the header of a packet from `source`. */
function said(b: Bench, source = "10.1.0.1", to = "10.2.0.1", iid = 0): string {
  b.push("cache", [ipv4(NOTHING, { source: ip(source), destination: ip(to) })], { iid });
  const header = toHex(b.take("s0")[0].bytes.subarray(28, 36));
  return `${header.slice(0, 2)} ${header.slice(8)}`;
}

/** A packet with Locator-Status-Bits from the site that we call 10.2.0.0/16. */
function hear(b: Bench, bits: string, f: { source?: string; rloc?: string; head?: string } = {}): void {
  const inner = ipv4(NOTHING, { source: ip(f.source ?? "10.2.0.1"), destination: ip("10.1.0.1") });
  const outer = { source: ip(f.rloc ?? "192.0.2.2"), destination: ip("192.0.2.1") };
  b.push("decap", [lisp(inner, hex(`${f.head ?? "40000000"}${bits}`), outer)]);
  assert.is(b.take("s1").length, 1, "it passes");
}

/** Last bytes of the RLOCs that 60 flows to 10.2.0.0/16 take. */
function used(b: Bench): number[] {
  const flows = Array.from({ length: 60 }, (_, i) =>
    ipv4(udp(i, 2, new Uint8Array(0)), { destination: ip("10.2.0.1") }),
  );
  b.push("cache", flows, { iid: 0 });
  return [...new Set(b.take("s0").map((s) => s.bytes[19]))].sort();
}

test("bits are those of the sender's longest EID-prefix, in the order of the Map-Reply: IPv4 first, ascending", async () => {
  const b = await bench(", DOWN 192.0.2.12");
  assert.is(said(b), "40 00000005", "192.0.2.1 and 2001:db8::1, not 192.0.2.12");
  assert.is(said(b, "10.1.7.9"), "40 00000001");
  assert.is(said(b, "172.16.0.1"), "00 00000000", "no EID-prefix of ours: no L bit");
  assert.is(said(b, "10.1.0.1", "10.4.0.1", 5), "08 00000500", "nor in another instance");
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.1 192.0.2.12 iid 5");
  assert.is(said(b, "10.1.0.1", "10.4.0.1", 5), "48 00000501", "8 of them with an instance ID");
  b.push("cache", [ipv6(NOTHING, { destination: SIX_B })], { iid: 0 });
  assert.is(toHex(b.take("s0")[0].bytes.subarray(28, 36)), "4000000000000001");
  b.close();
});

test("handlers take a locator of ours down and up again", async () => {
  const b = await bench();
  assert.is(said(b), "40 00000007");
  await b.router.write("e.down", "192.0.2.1");
  assert.is(said(b), "40 00000006");
  assert.is(b.read("e.locators"), "192.0.2.1 down\n192.0.2.12 up\n2001:db8::1 up");
  await b.router.write("e.down", "2001:db8::1");
  assert.equal([said(b), b.read("e.bits").split("\n")[0]], ["40 00000002", "0 10.1.0.0/16 0x2"]);
  await b.router.write("e.up", "192.0.2.1");
  assert.is(said(b), "40 00000003");
  for (const text of ["", "x", "192.0.2.99"])
    assert.is.not(await failure(() => b.router.write("e.down", text)), "", text);
  b.close();
});

test("what WATCH finds down is down, within a second", async () => {
  const b = await Bench.start(`
    site :: LISPSite(10.1.0.0/16 192.0.2.1 192.0.2.12);
    Idle -> siblings :: LISPMapCache(10.1.0.0/16 192.0.2.12) -> Discard;
    f1 :: Feed -> prober :: LISPRLOCProber(siblings, RLOC 192.0.2.1, INTERVAL 4, RETRIES 1) -> probes :: Sink;
    e :: LISPLocatorStatus(site, WATCH siblings, ACTIVE true);
  `);
  const bits = (): string => b.read("e.bits");
  const answer = (): void => {
    for (const sent of sentOf(b, "probes", "map-request") as Sent<MapRequest>[])
      b.push("prober", [
        packetOf(mapReply({ nonce: sent.message.nonce, probe: true, records: [record("10.1.0.0/16")] }), {
          from: addressText(sent.destination),
        }),
      ]);
  };
  for (let i = 0; i < 100; i++) {
    b.router.runFor(0.1);
    answer();
  }
  assert.is(bits(), "0 10.1.0.0/16 0x3");
  b.router.runFor(7.5);
  assert.is(bits(), "0 10.1.0.0/16 0x1");
  for (let i = 0; i < 60; i++) {
    b.router.runFor(0.1);
    answer();
  }
  assert.is(bits(), "0 10.1.0.0/16 0x3");
  b.close();
});

test("after the set of locators has changed no bits are sent for USE_LSB (13.1)", async () => {
  const b = await bench();
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.1 192.0.2.12/7 2001:db8::1");
  assert.is(said(b), "40 00000007", "another priority is the same set");
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.1 192.0.2.12");
  assert.equal([said(b), b.read("e.bits").split("\n")[0]], ["00 00000000", "0 10.1.0.0/16 -"]);
  assert.is(said(b, "10.1.7.9"), "40 00000001", "others go on");
  b.router.runFor(200);
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.1");
  b.router.runFor(299.9);
  assert.is(said(b), "00 00000000");
  b.router.runFor(0.2);
  assert.is(said(b), "40 00000001");
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.12");
  await b.router.write("site.remove", "10.1.0.0/16");
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.12");
  assert.is(said(b), "40 00000001", "new to everybody");
  b.close();
});

test("with TRUST a locator whose bit is clear is not used until it is set, and the mapping is asked for", async () => {
  const b = await bench(", TRUST true");
  hear(b, "00000007");
  assert.equal([used(b), b.read("e.changes")], [[2, 3, 4], "0"], "nothing new");
  hear(b, "00000005");
  assert.equal(used(b), [2, 4]);
  b.router.runFor(0);
  const [{ message }] = requestsTo(b, "out");
  assert.is(message.records[0].maskLength, 16);
  b.push("answers", [packetOf(reply(message.nonce, record("10.2.0.0/16", THREE)))]);
  assert.equal(used(b), [2, 4], "the same locators: what the bits said holds");
  hear(b, "00000005");
  b.router.runFor(10);
  assert.equal([b.take("out").length, b.read("e.changes")], [0, "1"], "and is no news");
  hear(b, "fffffff7");
  assert.equal([used(b), b.read("e.changes")], [[2, 3, 4], "2"]);
  b.router.runFor(0);
  const [again] = requestsTo(b, "out");
  hear(b, "00000006");
  b.push("answers", [packetOf(reply(again.message.nonce, record("10.2.0.0/16", "192.0.2.2 192.0.2.5")))]);
  assert.equal(used(b), [2, 5], "other locators: the bits were not about these");
  b.close();
});

test("without TRUST bits are hints: the locator is probed at once, and only down when it does not answer", async () => {
  const b = await bench(", PROBER prober");
  const probed = (answered: boolean): number[] =>
    (sentOf(b, "probes", "map-request") as Sent<MapRequest>[]).map((sent) => {
      const { nonce } = sent.message;
      if (answered)
        b.push("prober", [
          packetOf(mapReply({ nonce, probe: true, records: [record("10.2.0.0/16", THREE)] }), {
            from: addressText(sent.destination),
          }),
        ]);
      return sent.destination[3];
    });
  for (let i = 0; i < 1010; i++) {
    b.router.runFor(0.1);
    probed(true);
  }
  hear(b, "00000003");
  assert.equal([used(b), probed(true), b.read("e.probes")], [[2, 3, 4], [4], "1"]);
  b.router.runFor(5);
  assert.equal([used(b), b.read("e.refreshes")], [[2, 3, 4], "1"], "it answered");
  hear(b, "00000005");
  const probes = probed(false);
  b.router.runFor(3.1);
  assert.equal([used(b), probes], [[2, 4], [3]]);
  assert.equal(probed(false), [3, 3]);
  b.close();
});

test("bits count only from an RLOC of the mapping, for the mapping that holds the sender, and under its version", async () => {
  const b = await bench(", TRUST true");
  hear(b, "00000000", { rloc: "192.0.2.99" });
  assert.equal([used(b), b.read("e.stranger")], [[2, 3, 4], "1"]);
  hear(b, "00000000", { source: "10.77.0.1" });
  hear(b, "00000000", { source: "10.3.0.1" });
  hear(b, "00000000", { head: "00000000" });
  assert.equal(used(b), [2, 3, 4]);
  hear(b, "00000506", { head: "48000000" });
  assert.equal(used(b), [2, 3, 4], "another instance");
  hear(b, "00000002");
  assert.equal(used(b), [3]);
  b.close();
  const v = await bench(", TRUST true", `10.2.0.0/16 ${THREE} version 8`);
  await v.router.write("site.add", "10.1.0.0/16 192.0.2.1 version 3");
  // Without LISPMapVersion nobody looks at versions.
  hear(v, "00000001", { head: "50009003" });
  assert.equal(used(v), [2]);
  v.close();
});

test("coupled with Map-Versions, bits under another version than ours say nothing (section 10)", async () => {
  const b = await Bench.start(`
    site :: LISPSite(10.1.0.0/16 192.0.2.1 version 3);
    feed :: Feed -> cache :: LISPMapCache(10.2.0.0/16 ${THREE} version 8) -> LISPEncap(192.0.2.1) -> s0 :: Sink;
    cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9) -> out :: Sink;
    f2 :: Feed -> answers :: Counter -> [1] resolver; resolver[1] -> cache;
    f3 :: Feed -> decap :: LISPDecap(ALL_IIDS true, PEERS 16) -> s1 :: Sink;
    e :: LISPLocatorStatus(site, DECAP decap, CACHE cache, ACTIVE true, TRUST true);
    LISPMapVersion(site, DECAP decap, RESOLVER resolver, ACTIVE true, REFUSE_SOURCE false);
  `);
  for (const version of ["009", "007"]) hear(b, "00000001", { head: `50${version}003` });
  assert.equal(used(b), [2, 3, 4]);
  hear(b, "00000001", { head: "50008003" });
  assert.equal(used(b), [2]);
  hear(b, "00000002", { head: "50000003" });
  assert.equal(used(b), [3], "no version");
  b.close();
});

test("bits do not count the locators of a mapping of which some cannot be used", async () => {
  const b = await bench(", TRUST true");
  const ask = async (list: string, more: EidRecord["locators"] = []): Promise<void> => {
    await b.router.write("resolver.ask", "10.2.0.0/16");
    b.router.runFor(1);
    const [{ message }] = requestsTo(b, "out");
    const { locators } = record("10.2.0.0/16", list);
    const records = [record("10.2.0.0/16", "", { locators: [...more, ...locators] })];
    b.push("answers", [packetOf(reply(message.nonce, ...records))]);
    b.router.runFor(1);
  };
  hear(b, "00000005");
  b.router.runFor(0);
  b.take("out");
  const [strange] = record("10.2.0.0/16", "192.0.2.2").locators;
  await ask(THREE, [{ ...strange, rloc: { kind: "none" } }]);
  hear(b, "00000002");
  assert.equal(used(b), [2, 3, 4]);
  await ask(THREE);
  hear(b, "00000002");
  assert.equal(used(b), [3]);
  b.close();
});

test("however bits flap, one Map-Request in 3 seconds leaves for an EID-prefix", async () => {
  const b = await bench(", TRUST true");
  let asked = 0;
  for (let i = 0; i < 100; i++) {
    hear(b, i % 2 === 0 ? "00000001" : "00000007");
    b.router.runFor(0.1);
    for (const { message } of requestsTo(b, "out")) {
      asked++;
      b.push("answers", [packetOf(reply(message.nonce, record("10.2.0.0/16", THREE)))]);
    }
  }
  assert.equal([asked, b.read("e.refreshes"), b.read("e.changes")], [4, "4", "100"]);
  assert.is(b.read("e.limited"), "99");
  b.router.runFor(2.5);
  assert.is(requestsTo(b, "out").length, 1, "the last change is asked about, too");
  b.close();
});

test("a mapping that the resolver cannot ask for now is asked for later", async () => {
  const b = await bench(", TRUST true");
  for (let i = 0; i < 4096; i++) await b.router.write("resolver.ask", `172.${i >> 8}.${i & 255}.0/24`);
  hear(b, "00000001");
  assert.equal([b.read("e.busy"), b.read("e.refreshes")], ["1", "0"]);
  await b.router.write("resolver.clear", "");
  b.router.runFor(1);
  assert.is(b.read("e.refreshes"), "1");
  b.close();
});

test("no more mappings than may wait to be asked for", async () => {
  const b = await bench(", TRUST true");
  for (let i = 0; i < 4096; i++) await b.router.write("resolver.ask", `172.${i >> 8}.${i & 255}.0/24`);
  for (let i = 0; i <= 16384; i++) {
    const eid = [10, 3 + (i >> 14), (i >> 6) & 255, (i & 63) * 4];
    await b.router.write("cache.add", `${eid.join(".")}/30 ${THREE}`);
    hear(b, "00000001", { source: eid.join(".") });
  }
  const waiting = Number(b.read("e.busy")) + Number(b.read("e.limited"));
  assert.equal([waiting, b.read("e.full")], [16384, "1"]);
  b.close();
});

test("a mapping that there is no Map-Resolver to ask for is counted", async () => {
  const b = await Bench.start(`
    site :: LISPSite; feed :: Feed -> cache :: LISPMapCache(10.2.0.0/16 ${THREE}) -> Discard;
    cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1) -> Discard; Idle -> [1] resolver; resolver[1] -> cache;
    f3 :: Feed -> decap :: LISPDecap -> s1 :: Sink;
    e :: LISPLocatorStatus(site, DECAP decap, CACHE cache, RESOLVER resolver, ACTIVE true);
  `);
  hear(b, "00000001");
  assert.equal([b.read("e.no_resolver"), b.read("e.changes")], ["1", "1"]);
  b.close();
});

test("without ACTIVE no bits are sent nor looked at", async () => {
  const b = await bench(", TRUST true, ACTIVE false");
  assert.is(said(b), "00 00000000");
  hear(b, "00000000");
  assert.equal([used(b), b.read("e.bits").split("\n")[0]], [[2, 3, 4], "0 10.1.0.0/16 -"]);
  b.close();
});

test("a hot swap keeps what handlers said, and the time for which nothing is sent", async () => {
  const b = await bench();
  await b.router.write("e.down", "192.0.2.1");
  await b.router.write("site.add", "10.1.7.0/24 192.0.2.1");
  b.router.runFor(100);
  await b.router.swap(
    `site :: LISPSite(${SITE.replace(" 192.0.2.12/down", "")}); e :: LISPLocatorStatus(site, ACTIVE true)`,
  );
  assert.equal(b.read("e.bits").split("\n").slice(0, 2), ["0 10.1.0.0/16 0x6", "0 10.1.7.0/24 -"]);
  b.router.runFor(201);
  assert.is(b.read("e.bits").split("\n")[1], "0 10.1.7.0/24 0x0");
  b.close();
});

test("what is wrong with its arguments is said", async () => {
  for (const name of ["ENCAP", "DECAP", "CACHE", "RESOLVER", "PROBER", "WATCH"]) {
    const said: string[] = [];
    const text = `Idle -> d :: Discard; s :: LISPSite; LISPLocatorStatus(s, ${name} d)`;
    const error = await failure(() => Bench.start(text, (line) => said.push(line)));
    assert.match(`${error} ${said.join(" ")}`, new RegExp(`${name} is not a LISP`));
  }
});

test.run();
