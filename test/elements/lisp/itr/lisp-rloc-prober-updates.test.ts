// What an answer to an RLOC probe changes in the map-cache, and what it must not (RFC 9301, section 7.1).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import { packetOf, record, sentOf } from "../control.js";
import { Bench } from "../harness.js";

const EID = "192.168.2.0/24";
const BOTH = "192.0.2.2 192.0.2.3";

/** A prober whose map-cache has learned a mapping, whose probes are out: `nonce` of the one to 192.0.2.2. */
async function probing(learned: string, configured = ""): Promise<{ b: Bench; nonce: bigint }> {
  const b = await Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(${configured}) -> Discard;
    f2 :: Feed -> e :: LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL 10) -> out :: Sink;
  `);
  if (learned !== "") await b.router.write("cache.add", learned);
  b.router.runFor(1);
  const sent = sentOf(b, "out", "map-request").find((s) => s.destination[3] === 2)!;
  return { b, nonce: sent.message.nonce };
}

const answer = (b: Bench, nonce: bigint, records: readonly EidRecord[], from = "192.0.2.2"): void =>
  b.push("e", [packetOf(mapReply({ nonce, probe: true, records }), { from })]);

/** A record with these locators, each with this weight. */
const weighed = (
  weights: Readonly<Record<string, number>>,
  fields: Partial<EidRecord> = {},
  eid = EID,
): EidRecord => {
  const rlocs = Object.keys(weights);
  const plain = record(eid, rlocs.join(" "), fields);
  return { ...plain, locators: plain.locators.map((l, i) => ({ ...l, weight: weights[rlocs[i]] })) };
};

test("new weights, R bits and further locators are taken, and the mapping ends when it would have", async () => {
  const { b, nonce } = await probing(`${EID} ${BOTH} ttl 600`);
  const told = weighed({ "192.0.2.2": 75, "192.0.2.3": 25, "192.0.2.4": 1 }, { ttl: 1440 });
  const [first, second, third] = told.locators;
  answer(b, nonce, [{ ...told, locators: [first, { ...second, reachable: false }, third] }]);
  assert.is(b.read("cache.table"), `${EID} 192.0.2.2/1/75 192.0.2.3/1/25/down 192.0.2.4/1/1 ttl 599`);
  assert.equal([b.read("e.answers"), b.read("e.updates")], ["1", "1"]);
  // Probes go to the new one, too.
  b.router.runFor(1);
  assert.ok(sentOf(b, "out", "map-request").some((s) => s.destination[3] === 4));
  b.close();
});

test("an answer may make a mapping end sooner", async () => {
  const { b, nonce } = await probing(`${EID} ${BOTH} ttl 600`);
  answer(b, nonce, [weighed({ "192.0.2.2": 75, "192.0.2.3": 25 }, { ttl: 1 })]);
  assert.is(b.read("cache.table"), `${EID} 192.0.2.2/1/75 192.0.2.3/1/25 ttl 60`);
  b.close();
});

test("a locator of a family that we cannot send to is out of reach", async () => {
  const { b, nonce } = await probing(`${EID} ${BOTH} ttl 600`);
  answer(b, nonce, [record(EID, `${BOTH} 2001:db8::4`)]);
  assert.match(b.read("cache.table"), / 2001:db8::4\/1\/100\/down /);
  b.close();
});

test("the answer's source may be another locator of the mapping than the one that was probed", async () => {
  const { b, nonce } = await probing(`${EID} ${BOTH} ttl 600`);
  answer(b, nonce, [weighed({ "192.0.2.2": 75, "192.0.2.3": 25 })], "192.0.2.3");
  assert.is(b.read("e.updates"), "1");
  b.close();
});

const changed = weighed({ "192.0.2.2": 75, "192.0.2.3": 25 });
/** With the p bit of the locator that was probed. */
const marked = { ...changed, locators: changed.locators.map((l, i) => ({ ...l, probed: i === 0 })) };

for (const [
  what,
  records,
  { from = "192.0.2.2", learned = `${EID} ${BOTH} ttl 600`, configured = "" } = {},
] of [
  ["that says nothing new", [record(EID, BOTH)]],
  ["from an address that is no locator of the mapping", [marked], { from: "192.0.2.66" }],
  ["without one of the cached locators", [weighed({ "192.0.2.2": 75 })]],
  ["without any locators", [record(EID, "", { action: 1 })]],
  ["with a TTL of 0", [{ ...changed, ttl: 0 }]],
  ["about another EID-prefix", [weighed({ "192.0.2.2": 75, "192.0.2.3": 25 }, {}, "192.168.0.0/16")]],
  [
    "about a prefix within the one that was probed",
    [weighed({ "192.0.2.2": 75, "192.0.2.3": 25 }, {}, "192.168.2.0/25")],
  ],
  ["of an older Map-Version", [{ ...changed, version: 6 }], { learned: `${EID} ${BOTH} ttl 600 version 7` }],
  ["for a mapping that does not end", [changed], { learned: `${EID} ${BOTH}` }],
  ["for a configured mapping", [changed], { learned: "", configured: `${EID} ${BOTH} ttl 600` }],
] as readonly (readonly [
  string,
  readonly EidRecord[],
  { from?: string; learned?: string; configured?: string }?,
])[])
  test(`an answer ${what} changes no mapping, and counts as an answer`, async () => {
    const { b, nonce } = await probing(learned, configured);
    const before = b.read("cache.table");
    answer(b, nonce, records, from);
    assert.equal([b.read("e.answers"), b.read("e.updates")], ["1", "0"]);
    assert.is(b.read("cache.table"), before);
    b.close();
  });

test("a newer Map-Version is taken though all else is the same", async () => {
  const { b, nonce } = await probing(`${EID} ${BOTH} ttl 600 version 7`);
  answer(b, nonce, [record(EID, BOTH, { version: 8 })]);
  assert.match(b.read("cache.table"), / version 8$/);
  b.close();
});

test("without memory for the new mapping the old one stays", async () => {
  const { b, nonce } = await probing(`${EID} ${BOTH} ttl 600`);
  const { memory } = b.router;
  const alloc = memory.alloc.bind(memory);
  Object.defineProperty(memory, "alloc", {
    value: (bytes: number) => alloc(bytes + 2 ** 31),
    configurable: true,
  });
  const before = b.read("cache.table");
  answer(b, nonce, [changed]);
  Reflect.deleteProperty(memory, "alloc");
  assert.equal([b.read("cache.table"), b.read("e.updates")], [before, "0"]);
  b.close();
});

test("an answer to a probe for a mapping that has gone meanwhile brings none back", async () => {
  const { b, nonce } = await probing(`${EID} ${BOTH} ttl 600`);
  await b.router.write("cache.remove", EID);
  answer(b, nonce, [changed]);
  assert.equal([b.read("cache.size"), b.read("e.answers")], ["0", "1"]);
  b.close();
});

test.run();
