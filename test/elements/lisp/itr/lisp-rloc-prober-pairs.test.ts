// LISPRLOCProber: which pairs of RLOCs are probed, how often within the budget, and what is known of them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPMapCache } from "../../../../elements/lisp/itr/lisp-map-cache.js";
import type { LISPRLOCProber } from "../../../../elements/lisp/itr/lisp-rloc-prober.js";
import type { RlocProberOffer } from "../../../../src/lisp/index.js";
import { parseMapping, parseRloc } from "../../../../src/lisp/mapping.js";
import type { Measurement } from "../../../../src/measure/measurements.js";
import { addressText } from "../../../../src/net/address.js";
import { mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import { failure, packetOf, record, type Sent, sentOf } from "../control.js";
import { Bench } from "../harness.js";

const bench = (mappings: string, args = "", log?: (line: string) => void): Promise<Bench> =>
  Bench.start(
    `feed :: Feed -> cache :: LISPMapCache(${mappings}) -> Discard;
     f2 :: Feed -> e :: LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL 10${args}) -> out :: Sink;`,
    log,
  );

const prober = (b: Bench): LISPRLOCProber => b.router.find("e") as LISPRLOCProber;
const probes = (b: Bench): Sent<MapRequest>[] => sentOf(b, "out", "map-request");
const pairOf = ({ source, destination }: Sent<MapRequest>): string =>
  `${addressText(source)} ${addressText(destination)}`;
const reportsOf = (b: Bench): Map<string, string> =>
  new Map(
    b
      .read("e.paths")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => [line.split(" ").slice(0, 2).join(" "), line.split(" ")[2]]),
  );

function answer(b: Bench, sent: Sent<MapRequest>, from = sent.destination, to = sent.source): void {
  const records = [record("192.168.2.0/24", "192.0.2.2")];
  const ends = { from: addressText(from), to: addressText(to) };
  b.push("e", [packetOf(mapReply({ nonce: sent.message.nonce, probe: true, records }), ends)]);
}

/** Runs in steps of 0.1 s; `each` sees every probe with its time. */
function run(b: Bench, seconds: number, each: (sent: Sent<MapRequest>, at: number) => void): void {
  for (let i = 1; i <= seconds * 10; i++) {
    b.router.runFor(0.1);
    for (const sent of probes(b)) each(sent, i / 10);
  }
}

test("every pair of an own RLOC and a peer's of its family is probed and measured, whatever its priority", async () => {
  const b = await bench(
    "192.168.2.0/24 192.0.2.2 192.0.2.3/255 2001:db8::2/255",
    ", RLOC 198.51.100.1, RLOC 2001:db8::1, RLOC 192.0.2.1",
  );
  const seen = new Map<string, number>();
  run(b, 30, (sent) => {
    seen.set(pairOf(sent), (seen.get(pairOf(sent)) ?? 0) + 1);
    assert.equal(
      sent.message.itrRlocs.map((r) => r.kind === "ip" && addressText(r.address)),
      [addressText(sent.source)],
      "the answer is to come back to where the probe left from",
    );
    answer(b, sent);
  });
  const pairs = [
    ...["192.0.2.1", "198.51.100.1"].flatMap((own) => ["192.0.2.2", "192.0.2.3"].map((p) => `${own} ${p}`)),
    "2001:db8::1 2001:db8::2",
  ].sort();
  assert.equal([...seen.keys()].sort(), pairs);
  assert.ok(
    [...seen.values()].every((n) => n >= 3 && n <= 4),
    "each once in an interval",
  );
  assert.equal([...reportsOf(b).keys()].sort(), pairs);
  assert.ok([...reportsOf(b).values()].every((state) => state === "up"));
  b.close();
});

test("a locator with a clear R bit is probed, too; with ALL false neither it nor one of priority 255", async () => {
  for (const [args, wanted] of [
    ["", ["192.0.2.2", "192.0.2.3", "192.0.2.4"]],
    [", ALL false", ["192.0.2.2"]],
  ] as const) {
    const b = await bench("192.168.2.0/24 192.0.2.2 192.0.2.3/1/1/down 192.0.2.4/255", args);
    const seen = new Set<string>();
    run(b, 20, (sent) => {
      seen.add(addressText(sent.destination));
      answer(b, sent);
    });
    assert.equal([...seen].sort(), wanted);
    b.close();
  }
});

test("only the pair that data leave by says that an RLOC is down; of the other it is known, too", async () => {
  for (const dead of ["192.0.2.1", "198.51.100.1"]) {
    const b = await bench("192.168.2.0/24 192.0.2.2", ", RLOC 198.51.100.1");
    run(b, 25, (sent, at) => {
      if (at < 10 || addressText(sent.source) !== dead) answer(b, sent);
    });
    const states = reportsOf(b);
    assert.is(states.get(`${dead} 192.0.2.2`), "down");
    assert.is([...states.values()].filter((state) => state === "up").length, 1);
    assert.match(b.read("cache.rlocs"), dead === "192.0.2.1" ? / down/ : / up/);
    b.close();
  }
});

test("PEERs are probed without a mapping, come and go by handlers, and are known no more afterwards", async () => {
  const b = await bench("", ', PEER "192.0.2.7 10.7.0.0/16"');
  await b.router.write("e.add_peer", "192.0.2.8 fd08::/64 iid 5");
  const asked = new Map<string, number>();
  run(b, 2, (sent) => {
    asked.set(addressText(sent.destination), sent.message.records[0].maskLength);
    answer(b, sent);
  });
  assert.equal(
    [...asked],
    [
      ["192.0.2.7", 16],
      ["192.0.2.8", 64],
    ],
  );
  await b.router.write("e.remove_peer", "192.0.2.7");
  run(b, 12, (sent) => answer(b, sent));
  assert.equal([...reportsOf(b)], [["192.0.2.1 192.0.2.8", "up"]]);
  for (const [handler, text, said] of [
    ["add_peer", "192.0.2.7", "'RLOC EID-PREFIX' is what is expected"],
    ["add_peer", "x 10.0.0.0/8", "'RLOC EID-PREFIX' is what is expected"],
    ["add_peer", "2001:db8::7 10.0.0.0/8", "of another address family than every RLOC"],
    ["remove_peer", "192.0.2.7", "'192.0.2.7' is no PEER"],
    ["remove_peer", "x", "'x' is no PEER"],
  ])
    assert.ok((await failure(() => b.router.write(`e.${handler}`, text))).includes(said), said);
  b.close();
  const refused = await failure(() => bench("", ", PEER 192.0.2.7"));
  assert.match(refused, /PEER: .*'RLOC EID-PREFIX' is what is expected/);
  const full = await bench("", ', CAPACITY 1, PEER "192.0.2.7 10.7.0.0/16"');
  assert.match(await failure(() => full.router.write("e.add_peer", "192.0.2.8 10.8.0.0/16")), /CAPACITY/);
  full.close();
});

test("a million EIDs behind a hundred RLOCs cost a hundred probes", async () => {
  const b = await Bench.start(
    `feed :: Feed -> cache :: LISPMapCache(CAPACITY 20000) -> Discard;
     f2 :: Feed -> e :: LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL 10) -> out :: Sink;`,
  );
  const { cache } = b.router.find("cache") as LISPMapCache;
  // Of the million so many as a test has time for: how many there are changes nothing.
  for (let i = 0; i < 20000; i++)
    cache.insert(parseMapping(`10.${i >> 8}.${i & 255}.0/24 192.0.3.${i % 100} 192.0.3.${(i + 50) % 100}/2`));
  let sent = 0;
  run(b, 8, (probe) => {
    sent++;
    answer(b, probe);
  });
  assert.equal([sent, reportsOf(b).size], [100, 64 + 1], "with a last line that says that there are more");
  b.close();
});

test("no more probes leave in a second than RATE; what is due first goes first, and it is said once", async () => {
  const lines: string[] = [];
  const mappings = Array.from({ length: 100 }, (_, i) => `10.${i}.0.0/16 192.0.3.${i}`).join(", ");
  const b = await bench(mappings, ", RATE 5", (line) => lines.push(line));
  const times = new Map<string, number[]>();
  const seconds = Array<number>(100).fill(0);
  run(b, 100, (sent, at) => {
    const name = addressText(sent.destination);
    times.set(name, [...(times.get(name) ?? []), at]);
    seconds[Math.ceil(at) - 1]++;
    answer(b, sent);
  });
  assert.ok(seconds.every((n) => n <= 6) && seconds.slice(1).every((n) => n >= 4), seconds.join(" "));
  // 100 pairs at 5 a second: every 20 s each, none left out.
  assert.is(times.size, 100);
  for (const at of times.values())
    for (let i = 1; i < at.length; i++)
      assert.ok(at[i] - at[i - 1] > 17 && at[i] - at[i - 1] < 23, at.join(" "));
  assert.ok(Number(b.read("e.delayed")) > 400);
  const said = lines.filter((line) => line.includes("100 pairs of RLOCs want more probes than RATE allows"));
  assert.is(said.length, 1, lines.join("\n"));
  b.close();
});

test("probes that would leave together are spread: within a hundredth of RATE at once", async () => {
  const mappings = Array.from({ length: 250 }, (_, i) => `10.${i}.0.0/16 192.0.3.${i}`).join(", ");
  const b = await bench(mappings, ", RATE 100");
  let most = 0;
  for (let i = 0; i < 400; i++) {
    b.router.runFor(0.01);
    const sent = probes(b);
    most = Math.max(most, sent.length);
    for (const s of sent) answer(b, s);
  }
  assert.ok(most <= 2, String(most));
  assert.is(b.read("e.downs"), "0");
  b.close();
});

test("an answer counts that comes back to the RLOC it left from, from the probed one or another of the mapping", async () => {
  const b = await bench("192.168.2.0/24 192.0.2.2 192.0.2.3/255", ", RLOC 198.51.100.1");
  const all: Sent<MapRequest>[] = [];
  run(b, 0.9, (sent) => all.push(sent));
  const sent = all.find((s) => addressText(s.destination) === "192.0.2.2")!;
  answer(b, sent, parseRloc("192.0.2.66"));
  answer(b, sent, sent.destination, parseRloc("192.0.2.67"));
  // Of a pair of its own, but not of this one.
  answer(
    b,
    sent,
    sent.destination,
    parseRloc(addressText(sent.source) === "192.0.2.1" ? "198.51.100.1" : "192.0.2.1"),
  );
  assert.equal([b.read("e.stranger"), b.read("e.answers")], ["3", "0"]);
  answer(b, sent, parseRloc("192.0.2.3"));
  assert.equal([b.read("e.stranger"), b.read("e.answers")], ["3", "1"]);
  b.close();
});

test("answers that are late, doubled, forged or many change nothing that was measured", async () => {
  const b = await bench("192.168.2.0/24 192.0.2.2");
  const all: Sent<MapRequest>[] = [];
  run(b, 5, (sent) => all.push(sent));
  assert.is(reportsOf(b).get("192.0.2.1 192.0.2.2"), "down");
  const before = b.read("e.paths");
  for (const sent of all) answer(b, sent);
  assert.equal([b.read("e.paths"), b.read("e.unsolicited")], [before, "3"]);
  let last: Sent<MapRequest> | null = null;
  run(b, 12, (sent) => {
    if (last !== null) return;
    last = sent;
    answer(b, sent);
  });
  const known = b.read("e.paths");
  const records = [record("192.168.2.0/24", "192.0.2.2")];
  const copy = packetOf(mapReply({ nonce: last!.message.nonce, probe: true, records }), {
    from: "192.0.2.2",
  });
  for (let i = 0; i < 100; i++) b.push("e", Array(100).fill(copy));
  for (let i = 0n; i < 1000n; i++)
    b.push("e", [packetOf(mapReply({ nonce: i, probe: true, records }), { from: "192.0.2.2" })]);
  assert.equal([b.read("e.paths"), b.read("e.unsolicited")], [known, "11003"]);
  b.close();
});

test("what is measured outlives a hot swap", async () => {
  const b = await bench("192.168.2.0/24 192.0.2.2 192.0.2.3");
  run(b, 25, (sent) => {
    if (sent.destination[3] === 2) answer(b, sent);
  });
  const before = prober(b).paths;
  const known = before.report(before.find(parseRloc("192.0.2.1"), parseRloc("192.0.2.2"))!);
  await b.router.swap(
    `feed :: Feed -> cache :: LISPMapCache(192.168.2.0/24 192.0.2.2 192.0.2.3) -> Discard;
     f2 :: Feed -> e :: LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL 20) -> out :: Sink;`,
  );
  b.router.runFor(0.01);
  const { paths } = prober(b);
  assert.ok(paths !== before);
  const report = paths.report(paths.find(parseRloc("192.0.2.1"), parseRloc("192.0.2.2"))!);
  assert.equal([report.sent, report.rtt], [known.sent, known.rtt]);
  assert.is(reportsOf(b).get("192.0.2.1 192.0.2.3"), "down");
  assert.match(b.read("cache.rlocs"), /192\.0\.2\.3 1 down/);
  b.close();
});

test("an RLOC whose mapping has gone while its probe was out is not verified, and is forgotten", async () => {
  const b = await bench("192.168.2.0/24 192.0.2.2");
  let out: Sent<MapRequest> | null = null;
  run(b, 0.9, (sent) => {
    out = sent;
  });
  await b.router.write("cache.clear", "");
  answer(b, out!);
  assert.is(prober(b).verify(parseRloc("192.0.2.2")), false);
  b.router.runFor(10);
  assert.equal([...reportsOf(b)], []);
  b.close();
});

test("others hear of measurements by what a prober offers, one by one or as a stream", async () => {
  const b = await bench("192.168.2.0/24 192.0.2.2");
  const offer: RlocProberOffer = prober(b).offers().LISPRLOCProber!;
  const heard: Measurement[] = [];
  const end = offer.paths.onMeasurement((m) => heard.push(m));
  const stream = offer.paths.measurements();
  run(b, 10, (sent) => answer(b, sent));
  end();
  await stream.next().then(({ value }) => assert.equal(value, heard[0]));
  assert.equal([heard[0].repeated, prober(b).offers().Paths], [false, prober(b)]);
  b.close();
});

test.run();
