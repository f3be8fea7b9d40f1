// LISPRLOCProber: who is probed when, and what becomes of those that do not answer.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { addressText } from "../../../../src/net/address.js";
import { mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import { failure, packetOf, record, reply, requestsTo, type Sent, sentOf, takeAllSlots } from "../control.js";
import { Bench, hex, ip, ipv4, udp } from "../harness.js";

const MAPPINGS = "192.168.2.0/24 192.0.2.2 192.0.2.3/2, 192.168.3.0/24 192.0.2.2 192.0.2.4/255 2001:db8::4";

const bench = (args = "", mappings = MAPPINGS): Promise<Bench> =>
  Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(${mappings}) -> Discard;
    f2 :: Feed -> e :: LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL 10${args}) -> out :: Sink;
  `);

const probes = (b: Bench): Sent<MapRequest>[] => sentOf(b, "out", "map-request");

function answer(
  b: Bench,
  to: Sent<MapRequest>,
  fields: { probe?: boolean; authoritative?: boolean } = {},
): void {
  const { probe = true, authoritative = true } = fields;
  const records = [record("192.168.2.0/24", "192.0.2.2", { authoritative })];
  const ends = { from: addressText(to.destination), to: addressText(to.source) };
  b.push("e", [packetOf(mapReply({ nonce: to.message.nonce, probe, records }), ends)]);
}

/** Runs in tenths of a second; `each` sees every probe with its time. */
function run(b: Bench, seconds: number, each: (sent: Sent<MapRequest>, at: number) => void): void {
  for (let i = 1; i <= seconds * 10; i++) {
    b.router.runFor(0.1);
    for (const sent of probes(b)) each(sent, i / 10);
  }
}

test("every locator that may be used is probed a time-out before its interval ends or somewhat earlier, straight to it", async () => {
  const b = await bench(", ALL false");
  const times = new Map<number, number[]>();
  run(b, 100, (sent, at) => {
    times.set(sent.destination[3], [...(times.get(sent.destination[3]) ?? []), at]);
    assert.equal([sent.source, sent.destinationPort], [parseRloc("192.0.2.1"), 4342]);
    const { probe, sourceEid, records } = sent.message;
    assert.equal([probe, sourceEid, records.length, records[0].maskLength], [true, { kind: "none" }, 1, 24]);
    answer(b, sent);
  });
  assert.equal([...times.keys()].sort(), [2, 3]);
  for (const at of times.values()) {
    assert.ok(at[0] <= 1 && at.length >= 11 && at.length <= 13, at.join(" "));
    for (let i = 1; i < at.length; i++)
      assert.ok(at[i] - at[i - 1] > 7.9 && at[i] - at[i - 1] < 9.2, at.join(" "));
  }
  assert.match(b.read("e.table"), /^192\.0\.2\.2 up \d+\.\d{3} /);
  b.close();
});

test("a probe that is not answered is followed by one for another EID-prefix of the RLOC: a host may have left it", async () => {
  const b = await bench(", RETRIES 1", "192.168.2.0/24 192.0.2.2");
  await b.router.write("cache.add", "192.168.9.7/32 192.0.2.2 ttl 300");
  const asked: number[] = [];
  run(b, 100, (sent, at) => {
    const { maskLength } = sent.message.records[0];
    if (at > 20) asked.push(maskLength);
    // An ETR does not answer for a host that is elsewhere.
    if (maskLength === 24) answer(b, sent);
  });
  assert.match(b.read("e.table"), /^192\.0\.2\.2 up /);
  assert.is(b.read("e.downs"), "0");
  assert.ok(
    asked.length > 5 && asked.every((length) => length === 24),
    "what was answered is asked for again",
  );
  b.close();
});

test("a proxy ITR's probes have the p bit", async () => {
  for (const [args, proxy] of [
    ["", false],
    [", PITR true", true],
  ] as const) {
    const b = await bench(args);
    b.router.runFor(2);
    const sent = probes(b);
    assert.ok(sent.length > 0 && sent.every(({ message }) => message.proxyItr === proxy));
    b.close();
  }
});

test("without an answer a probe is sent again each time-out; then the flows move, within what is promised", async () => {
  const b = await bench();
  const after: number[] = [];
  run(b, 20, (sent) => answer(b, sent));
  run(b, 14, (sent, at) => {
    if (sent.destination[3] !== 2) answer(b, sent);
    else after.push(at);
  });
  assert.match(b.read("cache.rlocs"), /192\.0\.2\.2 2 down/);
  assert.equal([Math.round((after[1] - after[0]) * 10), Math.round((after[2] - after[1]) * 10)], [10, 10]);
  assert.is(b.read("e.downs"), "1");
  b.push("cache", [ipv4(udp(1, 2, new Uint8Array(0)), { destination: ip("192.168.2.9") })]);
  assert.match(b.read("cache.counts"), /192\.168\.2\.0\/24 1 192\.0\.2\.2 0 192\.0\.2\.3 1/);
  run(b, 12, (sent) => answer(b, sent));
  assert.match(b.read("cache.rlocs"), /192\.0\.2\.2 2 up/);
  assert.match(b.read("e.table"), /192\.0\.2\.2 up /);
  b.close();
});

test("only an answer with the nonce of a probe that is out, P and A counts", async () => {
  const b = await bench();
  b.router.runFor(1.05);
  const [sent] = probes(b);
  answer(b, sent, { probe: false });
  answer(b, sent, { authoritative: false });
  answer(b, { ...sent, message: { ...sent.message, nonce: 5n } });
  assert.equal([b.read("e.unsolicited"), b.read("e.answers")], ["3", "0"]);
  b.push("e", [packetOf(hex("20000001")), packetOf(hex("10000001")), hex("45")]);
  assert.is(b.read("e.malformed"), "3");
  answer(b, sent);
  answer(b, sent);
  assert.equal([b.read("e.unsolicited"), b.read("e.answers")], ["4", "1"]);
  b.close();
});

test("round-trip times and jitter as RFC 6298 has them", async () => {
  const b = await bench("", "192.168.2.0/24 192.0.2.2");
  const waits = [0.1, 0.3];
  for (const wait of waits) {
    let sent: Sent<MapRequest>[] = [];
    while (sent.length === 0) {
      b.router.runFor(0.01);
      sent = probes(b);
    }
    b.router.runFor(wait);
    answer(b, sent[0]);
  }
  const [, , rtt, jitter] = b.read("e.table").split(" ").map(Number);
  // 0.1 s, then 0.1 * 7/8 + 0.3 / 8; 0.05 s, then 0.05 * 3/4 + 0.2 / 4; each sample up to 10 ms late.
  assert.ok(rtt >= 125 && rtt < 136, String(rtt));
  assert.ok(jitter >= 85 && jitter < 93, String(jitter));
  b.close();
});

/** A prober with a resolver, of which the ETRs 192.0.2.3 and 192.0.2.4 answer. */
async function withResolver(resolver: string, ...learned: string[]): Promise<Bench> {
  const b = await Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(192.168.8.0/24 192.0.2.2) -> Discard;
    cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1${resolver}) -> asked :: Sink;
    replies :: Counter; f2 :: Feed -> replies -> [1] resolver; resolver[1] -> Discard;
    f3 :: Feed -> e :: LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL 10, RESOLVER resolver) -> out :: Sink;
  `);
  for (const mapping of learned) await b.router.write("cache.add", `${mapping} ttl 3600`);
  return b;
}

test("a mapping none of whose locators are up is asked for anew, each interval until it has another; no other one is", async () => {
  const stale = "192.168.9.7/32";
  const b = await withResolver(
    ", MAP_RESOLVER 192.0.2.9",
    `${stale} 192.0.2.2`,
    "192.168.9.8/32 192.0.2.2 192.0.2.3",
  );
  // The mapping system may be late, too.
  const replies = ["192.0.2.2", "192.0.2.4"];
  const asked: Uint8Array[] = [];
  for (let i = 0; i < 600; i++) {
    run(b, 0.1, (sent) => {
      if (sent.destination[3] !== 2) answer(b, sent);
    });
    for (const { inner, message } of requestsTo(b, "asked")) {
      asked.push(inner);
      b.push("replies", [packetOf(reply(message.nonce, record(stale, replies[asked.length - 1])))]);
      assert.is(/192\.0\.2\.2 \d down/.test(b.read("cache.rlocs")), true);
    }
  }
  assert.equal(asked, [ip("192.168.9.7"), ip("192.168.9.7")]);
  assert.is(b.read("e.refreshes"), "2");
  assert.match(b.read("cache.table"), /^192\.168\.9\.7\/32 192\.0\.2\.4/m);
  b.close();
});

test("without a Map-Resolver nothing can be asked for anew", async () => {
  const b = await withResolver("", "192.168.9.7/32 192.0.2.2");
  run(b, 5, () => {});
  assert.equal([b.read("e.busy"), b.read("e.refreshes")], ["1", "0"]);
  b.close();
});

test("RLOCs come and go with their mappings; no more are probed than may be", async () => {
  const b = await bench(", CAPACITY 2", "192.168.2.0/24 192.0.2.2");
  b.router.runFor(5);
  await b.router.write("cache.add", "192.168.5.0/24 192.0.2.5 192.0.2.6");
  b.router.runFor(6);
  // Said when its mapping came, and when the map-cache was gone through.
  assert.equal([b.read("e.table").split("\n").length, b.read("e.full")], [2, "2"]);
  await b.router.write("cache.clear", "");
  b.router.runFor(10);
  assert.is(b.read("e.table"), "");
  b.close();
});

test("without a free packet no probe leaves; with INTERVAL 0 none at all; wrong arguments are said", async () => {
  const b = await bench();
  takeAllSlots(b);
  b.router.runFor(1.1);
  assert.is(Number(b.read("e.no_slot")) >= 2, true);
  b.close();
  const none = await Bench.start(
    "Idle -> c :: LISPMapCache(10.0.0.0/8 192.0.2.2) -> Discard; Idle -> e :: LISPRLOCProber(c, RLOC 192.0.2.1, INTERVAL 0) -> Discard",
  );
  none.router.runFor(100);
  assert.is(none.read("e.probes"), "0");
  none.close();
  const said: string[] = [];
  const wrong = "Idle -> d :: Discard; Idle -> e :: LISPRLOCProber(d) -> Discard";
  const error = await failure(() => Bench.start(wrong, (l) => said.push(l)));
  assert.match(`${error} ${said.join(" ")}`, /CACHE is not a LISPMapCache/);
  assert.match(`${error} ${said.join(" ")}`, /no RLOC given/);
});

test.run();
