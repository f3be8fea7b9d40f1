// LISPMapCache: which locator a packet gets, and what becomes of those without.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPMapCache } from "../../../../elements/lisp/itr/lisp-map-cache.js";
import { parseEid, parseMapping, parseRloc } from "../../../../src/lisp/mapping.js";
import * as fc from "../../../property.js";
import { Bench, flowHash, hex, ip, ipv4, ipv6, SIX_B, udp } from "../harness.js";

const NOTHING = new Uint8Array(0);
const to = (destination: string): Uint8Array => ipv4(udp(1, 2, NOTHING), { destination: ip(destination) });
const cacheOf = (b: Bench): LISPMapCache => b.router.find("e") as LISPMapCache;

/** Packets of each locator of a mapping. */
function counts(b: Bench, eid: string, iid = 0): number[] {
  return cacheOf(b)
    .cache.get(iid, parseEid(eid))!
    .locators.map((l) => l.packets);
}

function flows(n: number, destination = "10.2.0.1"): Uint8Array[] {
  return Array.from({ length: n }, (_, i) =>
    ipv4(udp(1024 + (i % 251), 1 + Math.floor(i / 251), NOTHING), {
      source: ip(`10.1.${i & 255}.${(i >> 8) & 255}`),
      destination: ip(destination),
    }),
  );
}

function pushAll(b: Bench, packets: readonly Uint8Array[]): void {
  for (let i = 0; i < packets.length; i += 256) b.push("e", packets.slice(i, i + 256));
}

test("the longest prefix wins, a packet without any goes to output 1", async () => {
  const b = await Bench.of(
    "LISPMapCache(10.0.0.0/8 192.0.2.1, 10.2.0.0/16 192.0.2.2, fd01::/16 192.0.2.3)",
    2,
  );
  b.push("e", [to("10.2.0.1"), to("10.3.0.1"), to("11.0.0.1"), ipv6(udp(1, 2, NOTHING)), to("10.2.255.255")]);
  assert.is(b.take("s0").length, 4);
  const [miss] = b.take("s1");
  assert.equal(miss.bytes, to("11.0.0.1"));
  assert.is(miss.route, 0);
  assert.equal([counts(b, "10.0.0.0/8"), counts(b, "10.2.0.0/16"), counts(b, "fd01::/16")], [[1], [2], [1]]);
  assert.equal([b.read("e.hits"), b.read("e.misses")], ["4", "1"]);
  b.close();
});

test("the packet leaves as it came, with network header, destination, instance ID and flow hash", async () => {
  const b = await Bench.of("LISPMapCache(0.0.0.0/0 192.0.2.1 iid 9, ::/0 192.0.2.1 iid 9, IID 9)", 1);
  for (const packet of [to("10.2.0.1"), ipv6(udp(1, 2, NOTHING))]) {
    const framed = Uint8Array.of(...new Uint8Array(14), ...packet);
    b.push("e", [packet]);
    b.push("e", [framed], { network: 14 });
    const [bare, inFrame] = b.take("s0");
    assert.equal([bare.bytes, inFrame.bytes], [packet, framed]);
    assert.equal([bare.network, inFrame.network], [0, 14]);
    for (const seen of [bare, inFrame]) {
      assert.is(seen.iid, 9);
      assert.is(seen.hash, flowHash(packet));
      const destination = packet[0] >> 4 === 4 ? ip("10.2.0.1") : SIX_B;
      assert.equal(seen.destination.subarray(0, destination.length), destination);
    }
  }
  b.close();
});

test("only the lowest priority is used (RFC 9300 section 9), 255 never, nor a locator without the R bit", async () => {
  const b = await Bench.of(
    "LISPMapCache(10.2.0.0/16 192.0.2.1/3 192.0.2.2/2 192.0.2.3/255 192.0.2.4/1/100/down 192.0.2.5/2)",
    1,
  );
  pushAll(b, flows(1000));
  const [a, c, d, e, f] = counts(b, "10.2.0.0/16");
  assert.equal([a, d, e], [0, 0, 0]);
  assert.ok(c > 400 && f > 400 && c + f === 1000, `${c} and ${f}`);
  b.close();
});

test("10,000 flows share two locators 75 to 25, three without weights evenly; a flow never changes its locator", async () => {
  const b = await Bench.of(
    "LISPMapCache(10.2.0.0/16 192.0.2.1/1/75 192.0.2.2/1/25, 10.3.0.0/16 192.0.2.1/1/0 192.0.2.2/1/0 192.0.2.3/1/0, 10.4.0.0/16 192.0.2.1/1/0 192.0.2.2/1/5)",
    1,
  );
  pushAll(b, flows(10000));
  const first = b.take("s0").map((s) => s.route);
  const [a, c] = counts(b, "10.2.0.0/16");
  // Binomial: a standard deviation of 43; five of them.
  assert.ok(Math.abs(a - 7500) < 217 && a + c === 10000, `${a} and ${c}`);
  pushAll(b, flows(10000));
  assert.equal(
    b.take("s0").map((s) => s.route),
    first,
  );
  pushAll(b, flows(9000, "10.3.0.1"));
  for (const n of counts(b, "10.3.0.0/16")) assert.ok(Math.abs(n - 3000) < 225, `${n} of 9000`);
  pushAll(b, flows(500, "10.4.0.1"));
  assert.equal(counts(b, "10.4.0.0/16"), [0, 500], "among weights, 0 gets nothing");
  b.close();
});

test("the choice is exactly (hash * total) >> 32 against the weights added up", async () => {
  const weights = [7, 0, 1, 100, 255, 3];
  const rlocs = weights.map((w, i) => `192.0.2.${i + 1}/1/${w}`).join(" ");
  const b = await Bench.of(`LISPMapCache(10.2.0.0/16 ${rlocs})`, 1);
  const expected = weights.map(() => 0);
  const total = weights.reduce((a, w) => a + w, 0);
  for (const packet of flows(3000)) {
    let part = Number((BigInt(flowHash(packet)) * BigInt(total)) >> 32n);
    let i = 0;
    while (part >= weights[i]) part -= weights[i++];
    expected[i]++;
  }
  pushAll(b, flows(3000));
  assert.equal(counts(b, "10.2.0.0/16"), expected);
  b.close();
});

test("all fragments of a datagram take the way its addresses have (RFC 9300 section 12)", async () => {
  const b = await Bench.of("LISPMapCache(0.0.0.0/0 192.0.2.1, ::/0 192.0.2.1)", 1);
  const fragments = [0x2000, 0x2001, 0x0002].map((fragment, i) =>
    ipv4(udp(1000 + i, 2, NOTHING), { fragment }),
  );
  const icmp = ipv4(hex("0800 0000 0000 0000"), { protocol: 1 });
  b.push("e", [...fragments, icmp, ipv4(udp(1000, 2, NOTHING), { fragment: 0x4000 })]);
  const hashes = b.take("s0").map((s) => s.hash);
  assert.is(new Set(hashes.slice(0, 4)).size, 1, "fragments, and what has no ports, by addresses");
  assert.is.not(hashes[4], hashes[0]);
  const six = ipv6(hex("1100 0001 0000 0000 03e8 0002 0008 0000"), { protocol: 44 });
  const other = ipv6(hex("1100 0001 0000 0000 03e9 0002 0008 0000"), { protocol: 44 });
  b.push("e", [six, other]);
  const [x, y] = b.take("s0").map((s) => s.hash);
  assert.is(x, y);
  b.close();
});

for (const [action, counter] of [
  ["no-action", "no_action"],
  ["drop", "no_reason"],
  ["drop-policy-denied", "policy_denied"],
  ["drop-auth-failure", "auth_failure"],
] as const) {
  test(`a mapping that says ${action} drops, counted by ${counter}`, async () => {
    const b = await Bench.of(`LISPMapCache(10.2.0.0/16 action ${action})`, 3);
    b.push("e", [to("10.2.0.1"), to("10.2.0.2")]);
    assert.is(b.read(`e.${counter}`), "2");
    assert.equal([b.take("s0"), b.take("s1"), b.take("s2")], [[], [], []]);
    assert.is(cacheOf(b).cache.get(0, parseEid("10.2.0.0/16"))!.packets, 2);
    assert.is(b.router.memory.slotsUsed, 0);
    b.close();
  });
}

test("Send-Map-Request goes to output 1, Natively-Forward to output 2", async () => {
  const b = await Bench.of(
    "LISPMapCache(10.2.0.0/16 action send-map-request, 10.3.0.0/16 action natively-forward)",
    3,
  );
  b.push("e", [to("10.3.0.1"), to("10.2.0.1"), to("10.3.0.2")]);
  assert.equal(
    b.take("s1").map((s) => s.bytes),
    [to("10.2.0.1")],
  );
  assert.equal(
    b.take("s2").map((s) => s.bytes),
    [to("10.3.0.1"), to("10.3.0.2")],
  );
  assert.equal([b.read("e.map_requests"), b.read("e.native"), b.read("e.misses")], ["1", "2", "0"]);
  b.close();
});

test("without outputs 1 and 2 their packets are dropped, the native ones counted", async () => {
  const b = await Bench.of("LISPMapCache(10.3.0.0/16 action natively-forward)", 1);
  b.push("e", [to("10.3.0.1"), to("10.2.0.1")]);
  assert.equal([b.read("e.no_native"), b.read("e.misses")], ["1", "1"]);
  assert.is(b.router.memory.slotsUsed, 0);
  b.close();
});

test("a mapping none of whose locators may be used drops, and works again when one may", async () => {
  const b = await Bench.of("LISPMapCache(10.2.0.0/16 192.0.2.1 192.0.2.2/255)", 1);
  const { cache } = cacheOf(b);
  cache.updateRloc(parseRloc("192.0.2.1"), { down: true });
  b.push("e", [to("10.2.0.1")]);
  assert.is(b.read("e.unreachable"), "1");
  cache.updateRloc(parseRloc("192.0.2.1"), { down: false });
  b.push("e", [to("10.2.0.1")]);
  assert.equal(counts(b, "10.2.0.0/16"), [1, 0]);
  b.close();
});

test("a failed locator's flows go to the others of its priority, then to the next priority", async () => {
  const b = await Bench.of("LISPMapCache(10.2.0.0/16 192.0.2.1 192.0.2.2 192.0.2.3/2)", 1);
  const { cache } = cacheOf(b);
  cache.updateRloc(parseRloc("192.0.2.1"), { down: true });
  pushAll(b, flows(100));
  assert.equal(counts(b, "10.2.0.0/16"), [0, 100, 0]);
  cache.setStatusBits(0, parseEid("10.2.0.0/16"), 0b101, 32);
  pushAll(b, flows(100));
  assert.equal(counts(b, "10.2.0.0/16"), [0, 100, 100]);
  b.close();
});

test("what is not an IP packet is dropped: every length short of a header, other versions", async () => {
  const b = await Bench.of("LISPMapCache(0.0.0.0/0 192.0.2.1, ::/0 192.0.2.1)", 3);
  let bad = 0;
  const [four, six] = [to("10.2.0.1"), ipv6(NOTHING)];
  for (let n = 0; n < 40; n++) {
    if (n < 20) bad++;
    if (n < 40) bad++;
    b.push("e", [four.subarray(0, Math.min(n, 28)), six.subarray(0, n)]);
  }
  b.push("e", [Uint8Array.of(0x50, ...four.subarray(1))]);
  b.push("e", [four], { network: 9 });
  assert.is(b.read("e.bad_packet"), String(bad + 2));
  assert.is(b.take("s0").length, 80 + 2 - bad - 2);
  assert.is(b.router.memory.slotsUsed, 0);
  b.close();
});

test("with PACKET_IID each packet is looked up in its own instance, in whatever order they come", async () => {
  const b = await Bench.of(
    "LISPMapCache(10.2.0.0/16 192.0.2.1 iid 1, 10.2.0.0/16 192.0.2.2 iid 2, ::/0 192.0.2.3 iid 2, PACKET_IID true)",
    2,
  );
  const { memory, batches } = b.router;
  assert.ok(memory && batches);
  for (const iid of [1, 2, 3, 2, 1, 0xffffff, 0xffffffff])
    b.push("e", [to("10.2.0.1"), ipv6(NOTHING)], { iid });
  assert.equal(
    [counts(b, "10.2.0.0/16", 1), counts(b, "10.2.0.0/16", 2), counts(b, "::/0", 2)],
    [[2], [2], [2]],
  );
  assert.is(b.take("s1").length, 8);
  assert.ok(b.take("s0").every((s) => s.iid === 1 || s.iid === 2));
  b.close();
});

test("without PACKET_IID the packet's own instance ID does not count", async () => {
  const b = await Bench.of("LISPMapCache(10.2.0.0/16 192.0.2.1, IID 5)", 2);
  b.push("e", [to("10.2.0.1")], { iid: 7 });
  assert.equal(
    b.take("s0").map((s) => s.iid),
    [5],
  );
  b.close();
});

test("many instances are told apart, also in one batch", async () => {
  const b = await Bench.of("LISPMapCache(PACKET_IID true, CAPACITY 2000)", 2);
  const iids = Array.from({ length: 500 }, (_, i) => (i * 33331) & 0xffffff);
  for (const [i, iid] of iids.entries())
    cacheOf(b).cache.insert(parseMapping(`10.2.0.0/16 192.0.${i >> 8}.${i & 255} iid ${iid}`));
  for (let i = 0; i < 500; i += 250)
    b.push("e", Array(250).fill(to("10.2.0.1")), { iids: iids.slice(i, i + 250) });
  for (const iid of iids) assert.equal(counts(b, "10.2.0.0/16", iid), [1], `instance ${iid}`);
  assert.is(b.read("e.misses"), "0");
  b.close();
});

test("a mapping is gone when its TTL is over, on the clock", async () => {
  const b = await Bench.of("LISPMapCache(10.2.0.0/16 192.0.2.1 ttl 10)", 2);
  const gone: string[] = [];
  cacheOf(b).onExpire((m) => gone.push(m.eid.address.join(".")));
  b.router.runFor(9.9);
  b.push("e", [to("10.2.0.1")]);
  assert.is(b.read("e.table"), "10.2.0.0/16 192.0.2.1/1/100 ttl 1");
  b.router.runFor(0.2);
  b.push("e", [to("10.2.0.1")]);
  assert.equal([b.take("s0").length, b.take("s1").length], [1, 1]);
  assert.equal([b.read("e.size"), b.read("e.expired"), gone], ["0", "1", ["10.2.0.0"]]);
  b.close();
});

test("a mapping added later with a shorter TTL goes in time", async () => {
  const b = await Bench.of("LISPMapCache(10.2.0.0/16 192.0.2.1 ttl 100)", 2);
  await b.router.write("e.add", "10.3.0.0/16 192.0.2.1 ttl 5");
  b.router.runFor(6);
  assert.is(b.read("e.table"), "10.2.0.0/16 192.0.2.1/1/100 ttl 94");
  b.close();
});

test("listeners see the misses before output 1 does", async () => {
  const b = await Bench.of("LISPMapCache(10.2.0.0/16 192.0.2.1)", 2);
  const missed: string[] = [];
  cacheOf(b).onMiss((batch) => {
    for (let i = 0; i < batch.count; i++)
      missed.push(b.router.packetBytes(batch.at(i)).subarray(16, 20).join("."));
  });
  b.push("e", [to("10.3.0.1"), to("10.2.0.1"), to("10.4.0.1")]);
  assert.equal(missed, ["10.3.0.1", "10.4.0.1"]);
  assert.is(b.take("s1").length, 2);
  b.close();
});

test("handlers add, replace, look up, list and remove", async () => {
  const b = await Bench.of("LISPMapCache(CAPACITY 2, IID 4)", 2);
  await b.router.write("e.add", "10.2.0.0/16 192.0.2.1,1,75 192.0.2.2,1,25");
  await b.router.write("e.add", "10.3.0.0/16 action drop iid 0");
  b.push("e", [to("10.2.0.1")]);
  assert.is(b.read("e.table"), "10.3.0.0/16 action drop\n10.2.0.0/16 192.0.2.1/1/75 192.0.2.2/1/25 iid 4");
  assert.ok(
    /^0 10\.3\.0\.0\/16 0\n4 10\.2\.0\.0\/16 1 192\.0\.2\.1 [01] 192\.0\.2\.2 [01]$/.test(b.read("e.counts")),
  );
  assert.is(b.read("e.lookup", "10.2.3.4"), "10.2.0.0/16 192.0.2.1/1/75 192.0.2.2/1/25 iid 4");
  assert.is(b.read("e.lookup", "10.3.3.4 iid 0"), "10.3.0.0/16 action drop");
  assert.is(b.read("e.lookup", "10.3.3.4"), "none");
  assert.equal([b.read("e.size"), b.read("e.capacity")], ["2", "2"]);
  assert.ok(Number(b.read("e.bytes")) > 200);
  assert.ok(/^192\.0\.2\.1 1 up 0 \d+\n192\.0\.2\.2 1 up 0 \d+$/.test(b.read("e.rlocs")));
  await b.router.write("e.reset_counts");
  assert.equal([b.read("e.hits"), counts(b, "10.2.0.0/16", 4)], ["0", [0, 0]]);
  await b.router.write("e.remove", "10.3.0.0/16 iid 0");
  await b.router.write("e.clear");
  assert.equal([b.read("e.size"), b.read("e.table")], ["0", ""]);
  b.close();
});

test("handlers say what is wrong", async () => {
  const b = await Bench.of("LISPMapCache(10.1.0.0/16 192.0.2.1, CAPACITY 1)", 2);
  for (const [handler, value, message] of [
    ["add", "10.2.0.0/16", "expected an RLOC, or 'action' and what to do"],
    ["add", "10.2.0.0/16 192.0.2.1", "the map-cache is full: 1 mappings, none of which expires"],
    ["remove", "10.2.0.0/16", "no mapping for '10.2.0.0/16' in instance 0"],
    ["remove", "10.2.0.0/16 iid", "expected 'EID-PREFIX [iid N]', not '10.2.0.0/16 iid'"],
  ]) {
    const error = await b.router.write(`e.${handler}`, value).then(
      () => null,
      (e: Error) => e,
    );
    assert.is(error?.message, message);
  }
  assert.throws(() => b.read("e.lookup", "x"), /'x' is not an IP address/);
  b.close();
});

test("a wrong mapping in the configuration is reported, each one", async () => {
  const error = await Bench.of("LISPMapCache(10.1.0.0/16, 10.2.0.0/16 192.0.2.1, zebra 192.0.2.1)", 1).then(
    () => null,
    (e: Error) => e,
  );
  assert.match(error!.message, /mapping '10\.1\.0\.0\/16': expected an RLOC/);
  assert.match(error!.message, /mapping 'zebra 192\.0\.2\.1': 'zebra' is not an EID-prefix/);
});

test("a hot swap keeps what was learnt, follows the new configuration, and frees the rest", async () => {
  const b = await Bench.of("LISPMapCache(10.1.0.0/16 192.0.2.1, 10.2.0.0/16 192.0.2.1)", 2);
  await b.router.write("e.add", "10.3.0.0/16 192.0.2.3 ttl 100");
  // With a miss, so that the router has made the spare batches it will need.
  b.push("e", [to("10.3.0.1"), to("10.2.0.1"), to("10.9.0.1")]);
  assert.is(b.take("s1").length, 1);
  const used = b.router.memory.heapUsed;
  const { source } = b.router;
  await b.router.swap(source.replace("10.1.0.0/16 192.0.2.1, ", "").replace("192.0.2.1)", "192.0.2.9)"));
  assert.is(b.read("e.table"), "10.2.0.0/16 192.0.2.9/1/100\n10.3.0.0/16 192.0.2.3/1/100 ttl 100");
  assert.equal([counts(b, "10.3.0.0/16"), counts(b, "10.2.0.0/16")], [[1], [0]]);
  b.push("e", [to("10.3.0.1"), to("10.1.0.1")]);
  assert.equal([b.take("s0").length, b.take("s1").length], [1, 1]);
  await b.router.swap(source.replace("10.1.0.0/16 192.0.2.1, ", ""));
  b.router.runFor(101);
  assert.is(b.read("e.table"), "10.2.0.0/16 192.0.2.1/1/100", "the TTL still counts after two swaps");
  assert.ok(b.router.memory.heapUsed < used, "nothing was left behind");
  b.close();
});

test("what does not fit when a hot swap hands the cache over is said, and the swap goes on", async () => {
  const log: string[] = [];
  const b = await Bench.of("LISPMapCache(10.1.0.0/16 192.0.2.1, CAPACITY 2)", 2, (line) => log.push(line));
  await b.router.write("e.add", "10.2.0.0/16 192.0.2.2");
  await b.router.swap(
    b.router.source.replace("10.1.0.0/16 192.0.2.1", "10.1.0.0/16 192.0.2.1, 10.3.0.0/16 192.0.2.3"),
  );
  assert.match(log.join("\n"), /mapping '10\.3\.0\.0\/16 192\.0\.2\.3\/1\/100': the map-cache is full/);
  assert.is(b.read("e.size"), "2");
  b.close();
});

test("the flow hash is its slow twin's, whatever the packet", async () => {
  const b = await Bench.of("LISPMapCache(0.0.0.0/0 192.0.2.1, ::/0 192.0.2.1)", 1);
  const bytes = fc.uint8Array({ minLength: 20, maxLength: 120 });
  const packet = fc
    .tuple(bytes, fc.constantFrom(4, 6), fc.constantFrom(0, 6, 17, 43, 44, 60, 132, 50))
    .map(([p, v, protocol]) => {
      const q = Uint8Array.from(p);
      q[0] = (v << 4) | (v === 4 && q[0] % 3 > 0 ? 5 : q[0] & 15);
      q[v === 4 ? 9 : 6] = protocol;
      if (q[0] & 1) q[6 + (v === 4 ? 0 : 100)] = 0x40;
      if (v === 4 && q[1] % 2 === 0) q[7] = 0;
      if (v === 6 && q.length > 41) q[41] &= 3;
      return q;
    });
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 20 }), (packets) => {
      const good = packets.filter((p) => p[0] >> 4 === 4 || p.length >= 40);
      b.push("e", packets);
      assert.equal(
        b.take("s0").map((s) => s.hash),
        good.map(flowHash),
      );
    }),
    { numRuns: 300 },
  );
  b.close();
});

test.run();
