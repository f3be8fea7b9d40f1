// LISPResolver's memory of how resolutions went, and what it says of an EID (its handlers `why` and `history`).

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Explanation } from "../../../../src/lisp/itr/explanation.js";
import type { ResolutionRecord, TimedEvent } from "../../../../src/lisp/itr/resolution-history.js";
import { failure, packetOf, record, reply, requestsTo } from "../control.js";
import { Bench, ip, ipv4, udp } from "../harness.js";

const START = 1_000_000_000;

const to = (destination: string): Uint8Array =>
  ipv4(udp(1, 2, new Uint8Array(0)), { destination: ip(destination) });

const bench = (args = "", mappings = ""): Promise<Bench> =>
  Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(${mappings}) -> found :: Sink;
    cache[1] -> e :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9${args});
    answers :: Counter; f2 :: Feed -> answers -> [1] e;
    e[0] -> out :: Sink; e[1] -> cache; cache[2] -> native :: Sink;
  `);

const why = (b: Bench, eid: string): Explanation => JSON.parse(b.read("e.why", eid));
const history = (b: Bench): ResolutionRecord[] =>
  b
    .read("e.history")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

/** Events without nonces, times as seconds since the beginning. */
const plain = (events: readonly TimedEvent[]): unknown[] =>
  events.map((e) => {
    const { time, ...rest } = e;
    if ("nonce" in rest) Reflect.deleteProperty(rest, "nonce");
    return { ...rest, time: Math.round((time - START) * 1e3) / 1e3 };
  });

const nonceOf = (b: Bench): bigint => requestsTo(b, "out").at(-1)!.message.nonce;

const answer = (b: Bench, ...records: Parameters<typeof record>[]): void =>
  b.push("answers", [packetOf(reply(nonceOf(b), ...records.map((r) => record(...r))))]);

test("a resolution is remembered from the miss over the repetitions to the packets that went on", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1"), to("10.2.0.1"), to("10.2.0.1")]);
  b.router.runFor(1.5);
  const asked = requestsTo(b, "out");
  const { nonce } = asked[1].message;
  b.push("answers", [packetOf(reply(nonce, record("10.2.0.0/16", "192.0.2.2")), { from: "192.0.2.77" })]);
  const { resolution } = why(b, "10.2.0.1");
  assert.equal([resolution!.eid, resolution!.iid, resolution!.moreEvents], ["10.2.0.1/32", 0, 0]);
  const request = { event: "request", to: "192.0.2.9", from: "192.0.2.1", waiting: 3 };
  assert.equal(plain(resolution!.events), [
    { event: "miss", source: "10.1.0.1", destination: "10.2.0.1", time: 0 },
    { ...request, number: 1, timeout: 1, time: 0 },
    { event: "unanswered", to: "192.0.2.9", time: 1 },
    { ...request, number: 2, timeout: 2, time: 1 },
    {
      event: "reply",
      from: "192.0.2.77",
      records: ["10.2.0.0/16 ttl 1440 192.0.2.2/1/100"],
      moreRecords: 0,
      time: 1.5,
    },
    { event: "installed", mapping: "10.2.0.0/16 192.0.2.2/1/100 ttl 86400", narrowed: false, time: 1.5 },
    { event: "sent", packets: 3, time: 1.5 },
  ]);
  const nonces = resolution!.events.flatMap((e) => ("nonce" in e ? [e.nonce] : []));
  const text = (n: bigint): string => n.toString(16).padStart(16, "0");
  assert.equal(nonces, [text(asked[0].message.nonce), text(nonce), text(nonce)]);
  // Another EID of the mapping has it from the same resolution.
  assert.equal(why(b, "10.2.99.99").resolution, resolution);
  assert.is(why(b, "10.3.0.1").resolution, null);
  assert.is(why(b, "10.2.0.1 iid 5").resolution, null);
  b.close();
});

test("an EID that nobody answers for: every Map-Request, the packets dropped, the rest", async () => {
  const b = await bench(", RETRIES 1, PAUSE 7");
  b.push("cache", [to("10.2.0.1")]);
  b.router.runFor(4);
  const { mapping, resolution } = why(b, "10.2.0.1");
  assert.is(mapping, null);
  assert.equal(
    resolution!.events.map((e) => e.event),
    ["miss", "request", "unanswered", "request", "unanswered", "dropped", "resting"],
  );
  assert.equal(plain(resolution!.events).slice(-2), [
    { event: "dropped", packets: 1, because: "unanswered", time: 3 },
    { event: "resting", seconds: 7, time: 3 },
  ]);
  b.close();
});

test("a negative answer, narrowed; one that has nothing for us; one that wants to be asked again", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1")]);
  b.router.runFor(0);
  const nonce = nonceOf(b);
  b.push("answers", [packetOf(reply(nonce, record("10.9.0.0/16", "192.0.2.2")))]);
  b.push("answers", [packetOf(reply(nonce, record("10.0.0.0/8", "", { action: 1, ttl: 15 })))]);
  const { mapping, resolution } = why(b, "10.2.0.1");
  assert.equal(plain(resolution!.events.slice(2)), [
    {
      event: "reply",
      from: "192.0.2.9",
      records: ["10.9.0.0/16 ttl 1440 192.0.2.2/1/100"],
      moreRecords: 0,
      time: 0,
    },
    { event: "refused", record: "10.9.0.0/16 ttl 1440 192.0.2.2/1/100", because: "foreign", time: 0 },
    {
      event: "reply",
      from: "192.0.2.9",
      records: ["10.0.0.0/8 ttl 15 natively-forward"],
      moreRecords: 0,
      time: 0,
    },
    {
      event: "installed",
      mapping: "10.2.0.0/24 action natively-forward ttl 900",
      narrowed: true,
      time: 0,
    },
    { event: "sent", packets: 1, time: 0 },
  ]);
  assert.equal(
    [mapping!.eid, mapping!.verdict, mapping!.origin, mapping!.installed, mapping!.expires],
    ["10.2.0.0/24", "natively-forward", "map-reply", START, START + 900],
  );
  // What takes its place later is not the Map-Reply's.
  b.router.runFor(5);
  await b.router.write("cache.add", "10.2.0.0/24 192.0.2.2 ttl 60");
  assert.is(why(b, "10.2.0.1").mapping!.origin, "unknown");
  b.push("cache", [to("10.3.0.1")]);
  b.router.runFor(0);
  answer(b, ["10.3.0.0/16", "", { action: 2, ttl: 1 }]);
  const last = why(b, "10.3.0.1").resolution!.events.at(-1)!;
  assert.equal(plain([last]), [{ event: "dropped", packets: 1, because: "unmapped", time: 5 }]);
  b.push("cache", [to("10.4.0.1")]);
  b.router.runFor(0);
  answer(b, ["10.4.0.0/16", "192.0.2.2", { ttl: 0 }]);
  assert.equal(plain(why(b, "10.4.0.1").resolution!.events).slice(-2), [
    { event: "removed", eid: "10.4.0.0/16", time: 5 },
    { event: "dropped", packets: 1, because: "unmapped", time: 5 },
  ]);
  b.close();
});

test("what kept a Map-Request or a mapping back is said", async () => {
  const limited = await bench(", RATE 1, RETRIES 0");
  for (const eid of ["10.2.0.1", "10.3.0.1"]) limited.push("cache", [to(eid)]);
  limited.router.runFor(0);
  const second = why(limited, "10.3.0.1").resolution!.events;
  assert.equal(plain(second).at(-1), { event: "not-sent", because: "rate", time: 0 });
  await limited.router.write("e.clear");
  assert.equal(plain(why(limited, "10.3.0.1").resolution!.events).at(-1), {
    event: "dropped",
    packets: 1,
    because: "cleared",
    time: 0,
  });
  limited.close();
  const full = await bench("", "CAPACITY 1, 10.9.0.0/16 192.0.2.2");
  await full.router.write("e.ask", "10.2.0.1");
  full.router.runFor(0);
  answer(full, ["10.2.0.0/16", "192.0.2.2"]);
  const events = plain(why(full, "10.2.0.1").resolution!.events);
  assert.equal(events[0], { event: "asked", because: "request", time: 0 });
  assert.equal(events.at(-1), {
    event: "cache-full",
    mapping: "10.2.0.0/16 192.0.2.2/1/100 ttl 86400",
    time: 0,
  });
  full.close();
});

test("a mapping is explained: where it is from, until when it is good, and why each locator gets what it gets", async () => {
  const locators =
    "192.0.2.2/1/75 192.0.2.3/1/25 192.0.2.4/1/0 192.0.2.5/2 192.0.2.6/255 192.0.2.7/1/9/down 192.0.2.8";
  const b = await bench("", `10.2.0.0/16 ${locators}`);
  const { cache } = b.router.find("cache") as unknown as {
    cache: import("../../../../src/lisp/tables/map-cache.js").MapCache;
  };
  cache.updateRloc(ip("192.0.2.8"), { down: true });
  const { mapping, resolution } = why(b, "10.2.0.1");
  assert.is(resolution, null);
  assert.equal(
    [mapping!.origin, mapping!.verdict, mapping!.installed, mapping!.expires],
    ["configuration", "encapsulate", null, null],
  );
  assert.equal(
    mapping!.locators.map((l) => [l.rloc, l.state, l.share]),
    [
      ["192.0.2.2", "chosen", 0.75],
      ["192.0.2.3", "chosen", 0.25],
      ["192.0.2.4", "chosen", 0],
      ["192.0.2.5", "spare", 0],
      ["192.0.2.6", "forbidden", 0],
      ["192.0.2.7", "unreachable", 0],
      ["192.0.2.8", "down", 0],
    ],
  );
  cache.setStatusBits(0, { address: ip("10.2.0.0"), length: 16 }, 0b1001, 8);
  b.push("cache", [to("10.2.0.1")]);
  const after = why(b, "10.2.0.1").mapping!;
  assert.equal(
    after.locators.map((l) => [l.state, l.share, l.packets]),
    [
      ["chosen", 1, 1],
      ["status-bit", 0, 0],
      ["status-bit", 0, 0],
      ["spare", 0, 0],
      ["forbidden", 0, 0],
      ["unreachable", 0, 0],
      ["down", 0, 0],
    ],
  );
  cache.setStatusBits(0, { address: ip("10.2.0.0"), length: 16 }, 0, 8);
  assert.is(why(b, "10.2.0.1").mapping!.verdict, "unreachable");
  // Equal shares where all weights are 0; a mapping that nobody knows the origin of.
  await b.router.write("cache.add", "10.3.0.0/16 192.0.2.2/1/0 192.0.2.3/1/0 ttl 60");
  const added = why(b, "10.3.0.1").mapping!;
  assert.equal([added.origin, added.expires], ["unknown", START + 60]);
  assert.equal(
    added.locators.map((l) => l.share),
    [0.5, 0.5],
  );
  b.close();
});

test("memory is bounded: the last HISTORY resolutions, so many events of each, so much text", async () => {
  const b = await bench(", HISTORY 2");
  for (const eid of ["10.2.0.1", "10.3.0.1", "10.4.0.1"]) b.push("cache", [to(eid)]);
  assert.equal(
    history(b).map((r) => r.eid),
    ["10.4.0.1/32", "10.3.0.1/32"],
  );
  assert.equal([why(b, "10.2.0.1").resolution, why(b, "10.2.0.1").remembered], [null, 2]);
  b.router.runFor(0);
  const nonce = nonceOf(b);
  const many = Array.from({ length: 6 }, () => record("10.9.0.0/16", "192.0.2.2 ".repeat(40).trim()));
  for (let i = 0; i < 50; i++) b.push("answers", [packetOf(reply(nonce, ...many))]);
  const { events, moreEvents } = why(b, "10.4.0.1").resolution!;
  assert.equal([events.length, moreEvents], [80, 2 + 50 * 7 - 80]);
  const first = events.find((e) => e.event === "reply")!;
  assert.ok(first.event === "reply" && first.records.length === 4 && first.moreRecords === 2);
  assert.ok(first.event === "reply" && first.records.every((text) => text.length <= 163));
  b.close();
  const none = await bench(", HISTORY 0");
  none.push("cache", [to("10.2.0.1")]);
  assert.equal([none.read("e.history"), why(none, "10.2.0.1").resolution], ["", null]);
  none.close();
});

test("a hot swap keeps the memory, as far as the new configuration has room for it", async () => {
  const b = await bench();
  for (const eid of ["10.2.0.1", "10.3.0.1", "10.4.0.1"]) b.push("cache", [to(eid)]);
  b.router.runFor(0);
  await b.router.swap(b.router.source.replace("MAP_RESOLVER", "HISTORY 3, MAP_RESOLVER"));
  assert.equal(
    history(b).map((r) => r.eid),
    ["10.4.0.1/32", "10.3.0.1/32", "10.2.0.1/32"],
  );
  b.push("cache", [to("10.5.0.1")]);
  await b.router.swap(b.router.source.replace("HISTORY 3", "HISTORY 2"));
  assert.equal(
    history(b).map((r) => r.eid),
    ["10.5.0.1/32", "10.4.0.1/32"],
  );
  b.close();
});

test("what is no EID is an error", async () => {
  const b = await bench();
  assert.match(await failure(async () => b.read("e.why", "nonsense")), "'nonsense' is not an EID-prefix");
  assert.match(await failure(async () => b.read("e.why", "")), "expected 'EID-PREFIX [iid N]'");
  b.close();
});

test.run();
