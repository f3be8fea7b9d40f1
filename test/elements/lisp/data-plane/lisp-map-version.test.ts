// LISPMapVersion: what headers say of versions, what is done about those that come, and how often (RFC 9302).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { failure, packetOf as packet, record, reply, requestsTo, sentOf } from "../control.js";
import { Bench, hex, ip, ipv4, ipv6, lisp, SIX_A, SIX_B, toHex, udp } from "../harness.js";

const NOTHING = udp(1, 2, new Uint8Array(0));
const SITE =
  "10.1.0.0/16 192.0.2.1 version 9, 10.1.7.0/24 192.0.2.1 version 4095, 10.9.0.0/16 192.0.2.1, fd01::/16 192.0.2.1 version 77";
const CACHE =
  "10.2.0.0/16 192.0.2.2 version 40, 10.3.0.0/16 192.0.2.3, 10.2.0.0/16 192.0.2.2 iid 5 version 41, fd01:0:0:2::/64 192.0.2.6 version 50";

/** A header with V, and what else `flags` says. */
function header(source: number, destination: number, flags = 0x10, second = "00000000"): Uint8Array {
  const content = ((source << 12) | destination).toString(16).padStart(6, "0");
  return hex(`${flags.toString(16).padStart(2, "0")}${content}${second}`);
}

const bench = (args = "ACTIVE true", encap = "192.0.2.1", cache = CACHE): Promise<Bench> =>
  Bench.start(`
    site :: LISPSite(${SITE});
    feed :: Feed -> cache :: LISPMapCache(${cache}, PACKET_IID true) -> encap :: LISPEncap(${encap}) -> s0 :: Sink;
    cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9) -> out :: Sink;
    f2 :: Feed -> answers :: Counter -> [1] resolver; resolver[1] -> cache;
    f3 :: Feed -> decap :: LISPDecap(PEERS 16) -> s1 :: Sink;
    smr :: LISPSMRSender(site, RLOC 192.0.2.1, CACHE cache) -> smrs :: Sink;
    e :: LISPMapVersion(site, ENCAP encap, DECAP decap, RESOLVER resolver, SMR smr, ${args});
  `);

/** A packet from 192.0.2.2 with EIDs 10.2.0.1 to 10.1.0.1. */
const data = (head: Uint8Array, f: { source?: string; to?: string; rloc?: string } = {}): Uint8Array =>
  lisp(ipv4(NOTHING, { source: ip(f.source ?? "10.2.0.1"), destination: ip(f.to ?? "10.1.0.1") }), head, {
    source: ip(f.rloc ?? "192.0.2.2"),
    destination: ip("192.0.2.1"),
  });

/** Whether a packet passes. */
function passes(b: Bench, packet: Uint8Array): boolean {
  b.push("decap", [packet]);
  return b.take("s1").length === 1;
}

test("headers have the version of the sender's longest EID-prefix and that of the destination's mapping", async () => {
  const b = await bench();
  const say = (source: string, destination: string, iid = 0): string => {
    b.push("cache", [ipv4(NOTHING, { source: ip(source), destination: ip(destination) })], { iid });
    return toHex(b.take("s0")[0].bytes.subarray(28, 36));
  };
  assert.is(say("10.1.0.1", "10.2.0.1"), "1000902800000000");
  assert.is(say("10.1.7.1", "10.2.0.1"), "10fff02800000000");
  assert.is(say("10.9.0.1", "10.2.0.1"), "1000002800000000", "a mapping without a version: null");
  assert.is(say("172.16.0.1", "10.2.0.1"), "1000002800000000", "no mapping of ours");
  assert.is(say("10.1.0.1", "10.3.0.1"), "0000000000000000", "the destination's has no version");
  assert.is(say("10.1.0.1", "10.2.0.1", 5), "1800002900000500", "another instance");
  b.push("cache", [ipv6(NOTHING, { source: SIX_A, destination: SIX_B })], { iid: 0 });
  assert.is(toHex(b.take("s0")[0].bytes.subarray(28, 36)), "1004d03200000000");
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.1/2");
  assert.is(say("10.1.0.1", "10.2.0.1"), "1000a02800000000", "counted on with a change");
  await b.router.write("site.remove", "10.1.7.0/24");
  assert.is(say("10.1.7.1", "10.2.0.1"), "1000a02800000000");
  await b.router.write("site.add", "10.8.0.0/16 192.0.2.1 version 3");
  assert.is(say("10.8.0.1", "10.2.0.1"), "1000302800000000");
  assert.match(b.read("e.versions"), /0 10\.1\.0\.0\/16 10\n/);
  b.close();
});

test("a nonce has the place of versions, which leave the rest of the header alone", async () => {
  const b = await bench("ACTIVE true", "192.0.2.1, STATUS_BITS 5");
  const cache = b.router.find("cache") as unknown as {
    cache: { updateRloc(a: Uint8Array, c: object): void };
  };
  const say = (): string => {
    b.push("cache", [ipv4(NOTHING, { destination: ip("10.2.0.1") })], { iid: 0 });
    return toHex(b.take("s0")[0].bytes.subarray(28, 36));
  };
  assert.is(say(), "5000902800000005");
  cache.cache.updateRloc(parseRloc("192.0.2.2"), { echo: { nonce: 0xabcdef, request: true } });
  assert.is(say(), "e0abcdef00000005");
  cache.cache.updateRloc(parseRloc("192.0.2.2"), { echo: null });
  assert.is(say(), "5000902800000005");
  b.close();
});

test("without ACTIVE nothing is sent nor looked at", async () => {
  const b = await bench("ACTIVE false");
  b.push("cache", [ipv4(NOTHING, { destination: ip("10.2.0.1") })], { iid: 0 });
  assert.is(toHex(b.take("s0")[0].bytes.subarray(28, 36)), "0000000000000000");
  assert.ok(
    passes(b, data(header(0, 0))) && passes(b, data(header(41, 10))) && passes(b, data(header(39, 8))),
  );
  b.router.runFor(1);
  assert.equal([b.take("out").length, b.take("smrs").length], [0, 0]);
  b.close();
});

test("the right versions pass; a Destination Map-Version newer than ours, or null, is dropped (7.1)", async () => {
  const b = await bench();
  assert.ok(passes(b, data(header(40, 9))));
  assert.ok(passes(b, data(header(0, 9))), "a Source Map-Version of 0 says nothing (6.1)");
  for (const newer of [10, 9 + 2048]) assert.not.ok(passes(b, data(header(40, newer))), String(newer));
  assert.is(b.read("decap.newer_version"), "2");
  assert.not.ok(passes(b, data(header(40, 0))), "null");
  assert.not.ok(passes(b, data(header(40, 9), { to: "10.9.0.1" })), "ours has none");
  assert.is(b.read("decap.null_version"), "2");
  assert.ok(passes(b, data(header(40, 3), { to: "172.16.0.1" })), "not of our EID-prefixes");
  assert.ok(passes(b, data(header(40, 4095), { to: "10.1.7.1" })));
  assert.not.ok(passes(b, data(header(40, 1), { to: "10.1.7.1" })), "the one after 4095");
  b.router.runFor(1);
  assert.equal([b.take("out").length, b.take("smrs").length], [0, 0]);
  b.close();
});

test("N with V is a nonce, and without V there are no versions (RFC 9300, 5.3)", async () => {
  const b = await bench();
  for (const flags of [0x00, 0x80, 0x90, 0xb0])
    assert.ok(passes(b, data(header(41, 10, flags))), String(flags));
  assert.not.ok(passes(b, data(header(41, 10, 0x34))), "E and R say nothing where there is no N");
  b.close();
});

test("a newer Source Map-Version leads to a Map-Request, once in 3 seconds until the mapping is new (7.2)", async () => {
  const b = await bench();
  let asked = 0;
  for (let i = 0; i < 65; i++) {
    b.push(
      "decap",
      Array.from({ length: 5 }, () => data(header(41, 9), { source: "10.2.0.7" })),
    );
    b.router.runFor(0.1);
    for (const { message } of requestsTo(b, "out")) {
      asked++;
      assert.equal([message.smrInvoked, message.records[0].maskLength], [false, 16]);
      // The first two answers still have the old version.
      const version = asked < 3 ? 40 : 41;
      b.push("answers", [packet(reply(message.nonce, record("10.2.0.0/16", "192.0.2.2", { version })))]);
    }
  }
  assert.equal([asked, b.read("e.refreshes"), b.take("s1").length], [3, "3", 5 * 65], "and they pass");
  assert.ok(Number(b.read("e.limited")) > 50);
  assert.match(b.read("cache.table"), /^10\.2\.0\.0\/16 192\.0\.2\.2\/1\/100 ttl \d+ version 41/);
  b.close();
});

test("an older Source Map-Version is dropped, unless REFUSE_SOURCE is false; without a mapping it says nothing (7.2)", async () => {
  for (const refuse of [true, false]) {
    const b = await bench(`ACTIVE true, REFUSE_SOURCE ${refuse}`);
    assert.is(passes(b, data(header(39, 9))), !refuse);
    assert.is(b.read("decap.older_source"), refuse ? "1" : "0");
    assert.ok(passes(b, data(header(1, 9), { source: "10.77.0.1" })), "no mapping");
    assert.ok(passes(b, data(header(1, 9), { source: "10.3.0.1" })), "one without a version");
    b.router.runFor(1);
    assert.is(b.take("out").length, 0);
    b.close();
  }
});

const told = (b: Bench): string[] =>
  sentOf(b, "smrs", "map-request").map((s) => {
    const { sourceEid } = s.message;
    return `${s.destination.join(".")} ${sourceEid.kind === "ip" ? sourceEid.address.join(".") : ""}`;
  });

test("a sender with an old mapping of ours gets an SMR each 3 seconds; after the tenth its packets are dropped (7.1)", async () => {
  const b = await bench();
  const smrs: number[] = [];
  let passed = 0;
  for (let i = 0; i < 1000; i++) {
    b.push("decap", [data(header(40, 8)), data(header(40, 8))]);
    passed += b.take("s1").length;
    b.router.runFor(0.1);
    for (const line of told(b)) {
      assert.is(line, "192.0.2.2 10.1.0.0");
      smrs.push(i / 10);
    }
  }
  assert.equal(smrs, [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 57, 87]);
  assert.equal([passed, b.read("decap.older_version")], [2 * 271, String(2000 - 2 * 271)]);
  assert.is(b.read("e.solicits"), "12");
  assert.is(b.read("e.stale"), "192.0.2.2 0 10.1.0.0/16 12 refused");
  // Only that sender, and only what is old.
  assert.ok(passes(b, data(header(40, 8), { rloc: "192.0.2.7" })) && passes(b, data(header(40, 9))));
  assert.ok(passes(b, data(header(40, 4000), { to: "10.1.7.1" })), "another of our EID-prefixes");
  // The next change is news to everybody.
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.1/3");
  assert.ok(passes(b, data(header(40, 9))));
  assert.match(b.read("e.stale"), /^192\.0\.2\.2 0 10\.1\.0\.0\/16 1 accepted$/m);
  b.close();
});

test("once the TTL of the former mapping is over, older versions are dropped without a word (7.1)", async () => {
  const b = await bench();
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.1/2 ttl 120");
  b.router.runFor(86399);
  assert.ok(passes(b, data(header(40, 9))), "the TTL was a day");
  b.router.runFor(2);
  told(b);
  assert.not.ok(passes(b, data(header(40, 9))));
  b.router.runFor(10);
  assert.equal(told(b), []);
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.1/4 ttl 120");
  b.router.runFor(119);
  assert.ok(passes(b, data(header(40, 10))));
  b.router.runFor(2);
  assert.not.ok(passes(b, data(header(40, 10))));
  await b.router.write("site.remove", "10.1.0.0/16");
  assert.ok(passes(b, data(header(40, 10))), "not ours any more");
  b.router.runFor(300);
  b.close();
});

test("whatever senders forge, no more messages leave than RATE; a packet from IPv6 RLOCs counts as well", async () => {
  const b = await bench("ACTIVE true, RATE 5");
  for (let i = 0; i < 400; i++)
    b.push("decap", [data(header(40, 8), { rloc: `192.0.${i >> 7}.${i & 127}` }), data(header(41, 9))]);
  b.router.runFor(0);
  assert.equal([told(b).length + b.take("out").length, b.read("e.limited")], [5, "795"]);
  b.router.runFor(10);
  b.take("s1");
  const six = lisp(ipv4(NOTHING, { source: ip("10.2.0.1"), destination: ip("10.1.0.1") }), header(40, 8), {
    source: parseRloc("2001:db8::7"),
    destination: parseRloc("2001:db8::1"),
  });
  assert.ok(passes(b, six));
  assert.match(b.read("e.stale"), /2001:db8::7 0 10\.1\.0\.0\/16 1 accepted/);
  b.close();
});

test("of one batch no more is told than fits: the rest with the next one", async () => {
  const b = await bench();
  b.push(
    "decap",
    Array.from({ length: 40 }, (_, i) => data(header(40, 8), { rloc: `192.0.2.${i + 20}` })),
  );
  assert.is(b.read("e.stale").split("\n").length, 16);
  b.close();
});

test("a newer mapping that the resolver cannot ask for is counted", async () => {
  const b = await Bench.start(`
    site :: LISPSite; feed :: Feed -> cache :: LISPMapCache(10.2.0.0/16 192.0.2.2 version 40) -> Discard;
    cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1) -> Discard; Idle -> [1] resolver; resolver[1] -> cache;
    f3 :: Feed -> decap :: LISPDecap -> s1 :: Sink;
    e :: LISPMapVersion(site, DECAP decap, RESOLVER resolver, ACTIVE true);
  `);
  assert.ok(passes(b, data(header(41, 9))));
  assert.is(b.read("e.busy"), "1");
  b.close();
});

test("versions go on over a hot swap, also where the configuration still has an older one", async () => {
  const b = await bench();
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.1/2");
  await b.router.write("site.add", "10.1.0.0/16 192.0.2.1");
  await b.router.swap(`site :: LISPSite(${SITE}); LISPMapVersion(site, ACTIVE true)`);
  assert.match(b.read("site.table"), /^10\.1\.0\.0\/16 192\.0\.2\.1\/1\/100 version 11$/m);
  assert.match(b.read("site.table"), /^10\.1\.7\.0\/24 .* version 4095$/m);
  await b.router.swap(`site :: LISPSite(10.1.0.0/16 192.0.2.2 version 5)`);
  assert.is(b.read("site.table"), "10.1.0.0/16 192.0.2.2/1/100 version 12");
  b.close();
});

test("what is wrong with its arguments is said", async () => {
  for (const [text, message] of [
    ["LISPMapVersion(d)", /SITE is not a LISPSite/],
    ["s :: LISPSite; LISPMapVersion(s, ENCAP d)", /ENCAP is not a LISPEncap/],
    ["s :: LISPSite; LISPMapVersion(s, DECAP d)", /DECAP is not a LISPDecap/],
    ["s :: LISPSite; LISPMapVersion(s, RESOLVER d)", /RESOLVER is not a LISPResolver/],
    ["s :: LISPSite; LISPMapVersion(s, SMR d)", /SMR is not a LISPSMRSender/],
    [
      "s :: LISPSite; Idle -> n :: LISPEncap(192.0.2.1, NONCE true) -> Discard; LISPMapVersion(s, ENCAP n, ACTIVE true)",
      /ENCAP sends nonces/,
    ],
  ] as const) {
    const said: string[] = [];
    const error = await failure(() =>
      Bench.start(`Idle -> d :: Discard; ${text}`, (line) => said.push(line)),
    );
    assert.match(`${error} ${said.join(" ")}`, message);
  }
});

test.run();
