// LISPResolver: packets that wait leave as soon as any mapping holds their EID, and it is asked for no more.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { packetOf, record, reply, requestsTo } from "../control.js";
import { Bench, hex, ip, ipv4, ipv6, udp } from "../harness.js";

const none = new Uint8Array(0);
const to = (destination: string, port = 1): Uint8Array =>
  ipv4(udp(port, 2, none), { destination: ip(destination) });

const text = (mappings = ""): string => `
  feed :: Feed -> cache :: LISPMapCache(${mappings}) -> found :: Sink;
  cache[1] -> e :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9);
  answers :: Counter; f2 :: Feed -> answers -> [1] e;
  e[0] -> out :: Sink; e[1] -> cache; cache[2] -> native :: Sink;
`;

/** Packets to three EIDs of one prefix, and to one of another, wait. */
async function waiting(): Promise<{ b: Bench; nonces: bigint[] }> {
  const b = await Bench.start(text());
  b.push("cache", [to("10.2.0.1"), to("10.2.0.2", 2), to("10.2.0.2", 3), to("10.2.1.3"), to("10.3.0.1")]);
  b.router.runFor(0);
  const nonces = requestsTo(b, "out").map((r) => r.message.nonce);
  assert.equal([nonces.length, b.read("e.waiting")], [4, "5"]);
  return { b, nonces };
}

const answer = (b: Bench, nonce: bigint, ...records: Parameters<typeof record>[]): void =>
  b.push("answers", [packetOf(reply(nonce, ...records.map((r) => record(...r))))]);

const destinations = (b: Bench): string[] => b.take("found").map((s) => s.bytes.subarray(16, 20).join("."));

test("the answer for one EID sends on the packets for all in its prefix, at once, each EID's in their order", async () => {
  const { b, nonces } = await waiting();
  answer(b, nonces[0], ["10.2.0.0/16", "192.0.2.2"]);
  assert.equal(
    b.take("found").map((s) => s.bytes),
    [to("10.2.0.1"), to("10.2.0.2", 2), to("10.2.0.2", 3), to("10.2.1.3")],
  );
  assert.equal([b.read("e.resolved"), b.read("e.waiting")], ["4", "1"]);
  // A packet that comes now is behind them.
  b.router.runFor(60);
  assert.equal([...new Set(requestsTo(b, "out").map((r) => r.inner.join(".")))], ["10.3.0.1"]);
  b.close();
});

test("each gets the longest prefix of the answer, though the shorter one stands first in it", async () => {
  const { b, nonces } = await waiting();
  answer(b, nonces[0], ["10.2.0.0/16", "192.0.2.2"], ["10.2.1.0/24", "192.0.2.3"]);
  const routes = b.take("found").map((s) => s.route);
  assert.is(new Set(routes.slice(0, 3)).size, 1);
  assert.is.not(routes[3], routes[0]);
  b.close();
});

test("a mapping that nobody asked for does, too: a handler's", async () => {
  const { b } = await waiting();
  await b.router.write("cache.add", "10.2.0.0/24 192.0.2.2");
  b.router.runFor(0);
  assert.equal(destinations(b), ["10.2.0.1", "10.2.0.2", "10.2.0.2"]);
  assert.is(b.read("e.waiting"), "2");
  await b.router.write("cache.add", "0.0.0.0/0 192.0.2.2");
  b.router.runFor(0);
  assert.equal(destinations(b), ["10.2.1.3", "10.3.0.1"]);
  b.close();
});

test("what is to be forwarded natively goes on; what wants a Map-Request waits for its own answer", async () => {
  const { b, nonces } = await waiting();
  await b.router.write("cache.add", "10.2.1.0/24 action send-map-request ttl 60");
  b.router.runFor(0);
  assert.is(b.read("e.waiting"), "5");
  await b.router.write("cache.add", "10.2.0.0/24 action natively-forward");
  b.router.runFor(0);
  assert.equal([b.take("native").length, b.read("e.waiting")], [3, "2"]);
  answer(b, nonces[2], ["10.2.1.3/32", "192.0.2.2"]);
  assert.equal(destinations(b), ["10.2.1.3"]);
  b.close();
});

test("the answer to a Map-Request that was out then still counts, a second one to it does not", async () => {
  const { b, nonces } = await waiting();
  answer(b, nonces[0], ["10.2.0.0/16", "192.0.2.2"]);
  for (let i = 0; i < 2; i++) answer(b, nonces[2], ["10.2.1.0/24", "192.0.2.3"]);
  assert.match(b.read("cache.table"), /^10\.2\.1\.0\/24 192\.0\.2\.3/m);
  assert.equal([b.read("e.replies"), b.read("e.unsolicited")], ["2", "1"]);
  b.router.runFor(5);
  assert.is(b.read("e.pending"), "1");
  b.close();
});

test("what somebody asks for by name is asked for though a mapping holds it", async () => {
  const { b, nonces } = await waiting();
  await b.router.write("e.ask", "10.2.0.2/32");
  answer(b, nonces[0], ["10.2.0.0/16", "192.0.2.2"]);
  assert.is(b.take("found").length, 4);
  b.router.runFor(1);
  assert.equal(
    requestsTo(b, "out")
      .map((r) => r.inner.join("."))
      .sort(),
    ["10.2.0.2", "10.3.0.1"],
  );
  b.close();
});

test("IPv6, and only in the mapping's instance", async () => {
  const b = await Bench.start(text("PACKET_IID true"));
  const six = (last: string): Uint8Array =>
    ipv6(udp(1, 2, none), { destination: hex(`fd02 0000 0000 0000 0000 0000 0000 000${last}`) });
  b.push("cache", [six("1"), six("2"), six("2")], { iids: [7, 7, 8] });
  b.router.runFor(0);
  await b.router.write("cache.add", "fd02::/64 192.0.2.2 iid 7");
  b.router.runFor(0);
  assert.equal(
    b.take("found").map((s) => [s.iid, s.bytes[39]]),
    [
      [7, 1],
      [7, 2],
    ],
  );
  assert.is(b.read("e.waiting"), "1");
  b.close();
});

test("a mapping that a hot swap brings sends them on", async () => {
  const { b } = await waiting();
  await b.router.swap(text("10.2.0.0/16 192.0.2.2"));
  b.router.runFor(0);
  assert.equal(destinations(b), ["10.2.0.1", "10.2.0.2", "10.2.0.2", "10.2.1.3"]);
  b.close();
});

test.run();
