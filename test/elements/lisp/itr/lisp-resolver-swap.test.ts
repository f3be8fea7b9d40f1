// LISPResolver over a hot swap: the packets that wait, and what is asked for.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { packetOf, record, reply, requestsTo } from "../control.js";
import { Bench, ip, ipv4, udp } from "../harness.js";

const to = (destination: string, port = 1): Uint8Array =>
  ipv4(udp(port, 2, new Uint8Array(0)), { destination: ip(destination) });

const text = (args: string): string => `
  feed :: Feed -> cache :: LISPMapCache() -> found :: Sink;
  cache[1] -> e :: LISPResolver(cache, RLOC 192.0.2.1, ${args});
  answers :: Counter; f2 :: Feed -> answers -> [1] e;
  e[0] -> out :: Sink; e[1] -> cache; cache[2] -> native :: Sink;
`;

const TWO = "MAP_RESOLVER 192.0.2.9 192.0.2.10";

/** Two packets to one EID and one to another wait, and are asked for. */
async function waiting(args = TWO): Promise<{ b: Bench; nonces: bigint[] }> {
  const b = await Bench.start(text(args));
  b.push("cache", [to("10.2.0.1", 7), to("10.2.0.1", 8), to("10.3.0.1", 9)]);
  b.router.runFor(0);
  const nonces = requestsTo(b, "out").map((r) => r.message.nonce);
  assert.is(b.read("e.waiting"), "3");
  return { b, nonces };
}

const answer = (b: Bench, nonce: bigint, eid = "10.2.0.0/16"): void =>
  b.push("answers", [packetOf(reply(nonce, record(eid, "192.0.2.2")))]);

test("packets that wait go on after a hot swap, with the answer to what was asked before it", async () => {
  const { b, nonces } = await waiting();
  await b.router.swap(text(`${TWO}, HOLD 20`));
  assert.equal([b.read("e.waiting"), b.read("e.pending")], ["3", "2"]);
  answer(b, nonces[0]);
  assert.equal(
    b.take("found").map((s) => s.bytes),
    [to("10.2.0.1", 7), to("10.2.0.1", 8)],
  );
  assert.equal([b.read("e.resolved"), b.read("e.waiting")], ["2", "1"]);
  // More to the same EID join those that came before the swap.
  b.push("cache", [to("10.3.0.1", 10)]);
  answer(b, nonces[1], "10.3.0.0/16");
  assert.is(b.take("found").length, 2);
  b.close();
  assert.is(b.router.memory.slotsUsed, 0);
});

test("the next Map-Request leaves when it would have without the hot swap, to the next Map-Resolver", async () => {
  const { b, nonces } = await waiting();
  b.router.runFor(0.6);
  await b.router.swap(text("MAP_RESOLVER 192.0.2.11 192.0.2.9 192.0.2.10"));
  b.router.runFor(0.3);
  assert.equal(requestsTo(b, "out"), []);
  b.router.runFor(0.2);
  const again = requestsTo(b, "out");
  assert.equal(
    again.map((r) => r.destination),
    [ip("192.0.2.10"), ip("192.0.2.10")],
  );
  // The answer to the first Map-Request counts, too, and for the Map-Resolver that it came from.
  answer(b, nonces[0]);
  assert.is(b.take("found").length, 2);
  assert.match(b.read("e.resolvers"), /^192\.0\.2\.9 preferred 0 1 2$/m);
  b.close();
});

test("an answer from a Map-Resolver that the new configuration has not is as good", async () => {
  const { b, nonces } = await waiting("MAP_RESOLVER 192.0.2.9");
  await b.router.swap(text("MAP_RESOLVER 192.0.2.77"));
  answer(b, nonces[0]);
  assert.is(b.take("found").length, 2);
  b.router.runFor(1);
  assert.equal(requestsTo(b, "out")[0].destination, ip("192.0.2.77"));
  b.close();
});

test("a hot swap is no start: a site that has not registered is asked for as seldom as before", async () => {
  const b = await Bench.start(text(TWO));
  b.router.runFor(60);
  await b.router.swap(text(TWO));
  b.push("cache", [to("10.2.0.1")]);
  b.router.runFor(0);
  const [{ message }] = requestsTo(b, "out");
  b.push("answers", [packetOf(reply(message.nonce, record("10.2.0.0/16", "", { action: 1, ttl: 1 })))]);
  assert.is(b.read("cache.table"), "10.2.0.0/24 action natively-forward ttl 5");
  b.close();
});

test("an EID that rests does so after the hot swap, as long as it would have", async () => {
  const b = await Bench.start(text("MAP_RESOLVER 192.0.2.9, RETRIES 0, PAUSE 10"));
  b.push("cache", [to("10.2.0.1")]);
  b.router.runFor(5);
  assert.match(b.read("e.table"), / resting /);
  await b.router.swap(text("MAP_RESOLVER 192.0.2.9"));
  b.push("cache", [to("10.2.0.1")]);
  assert.is(b.read("e.resting"), "1");
  b.router.runFor(7);
  b.push("cache", [to("10.2.0.1")]);
  assert.is(b.read("e.waiting"), "1");
  b.close();
});

test("what waits beyond the new limits is dropped, the first ones stay", async () => {
  for (const [args, kept, dropped] of [
    ["QUEUE 2", 2, 1],
    ["HOLD 1", 2, 1],
    ["CAPACITY 1", 2, 1],
    ["QUEUE 0", 0, 3],
  ] as const) {
    const { b } = await waiting();
    await b.router.swap(text(`${TWO}, ${args}`));
    assert.equal([b.read("e.waiting"), b.read("e.queue_full")], [String(kept), String(dropped)], args);
    b.close();
    assert.is(b.router.memory.slotsUsed, 0, args);
  }
});

test("without a Map-Resolver in the new configuration packets that wait are dropped", async () => {
  const { b } = await waiting();
  await b.router.swap(text("MAP_RESOLVER 2001:db8::9"));
  assert.equal([b.read("e.waiting"), b.read("e.pending"), b.read("e.no_resolver")], ["0", "0", "3"]);
  assert.is(b.router.memory.slotsUsed, 0);
  b.close();
});

test("a hot swap to a graph without the resolver gives the packets that wait back", async () => {
  const { b } = await waiting();
  await b.router.swap("Idle -> Discard");
  assert.is(b.router.memory.slotsUsed, 0);
  b.close();
});

test.run();
