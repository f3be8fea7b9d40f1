// Packets that wait between the element that marked them and the one that reads the mark: what the mark names may
// have gone meanwhile, and its memory may be another's.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { addressText } from "../../../src/net/address.js";
import * as fc from "../../property.js";
import { Bench, ip, ipv4, ipv6, lisp } from "./harness.js";

const NOTHING = new Uint8Array(0);

/** A map-cache called `cache`, a queue that holds packets until `u` is active, and an encapsulator. */
const waiting = (mappings: string, cache = "cache"): string =>
  `feed :: Feed -> ${cache} :: LISPMapCache(${mappings})
    -> q :: Queue(1000) -> u :: Unqueue(ACTIVE false) -> encap :: LISPEncap(192.0.2.99, 2001:db8::99) -> s :: Sink;`;

const to = (eid: string): Uint8Array => ipv4(NOTHING, { destination: ip(eid) });

/** Lets the packets go on: for each the outer destination and its instance ID; and how many were dropped since. */
async function release(b: Bench): Promise<{ readonly sent: string[]; readonly gone: number }> {
  const before = Number(b.read("encap.locator_gone"));
  await b.router.write("u.active", "true");
  b.router.runFor(0.01);
  await b.router.write("u.active", "false");
  const sent = b.take("s").map(({ bytes, destination }) => {
    const four = bytes[0] >> 4 === 4;
    const header = four ? 28 : 48;
    const iid =
      (bytes[header] & 8) === 0
        ? 0
        : (bytes[header + 4] << 16) | (bytes[header + 5] << 8) | bytes[header + 6];
    return `${addressText(destination.subarray(0, four ? 4 : 16))} ${iid}`;
  });
  return { sent, gone: Number(b.read("encap.locator_gone")) - before };
}

for (const [what, rlocs] of [
  ["IPv4", ["192.0.2.1", "203.0.113.7"]],
  ["IPv6", ["2001:db8::1", "2001:db8::7"]],
]) {
  test(`a packet whose ${what} locator goes while it waits is dropped, whoever comes after`, async () => {
    const b = await Bench.start(waiting(`10.1.0.0/16 ${rlocs[0]} iid 5, IID 5`));
    b.push("cache", [to("10.1.0.5")]);
    await b.router.write("cache.remove", "10.1.0.0/16 iid 5");
    await b.router.write("cache.add", `10.9.0.0/16 ${rlocs[1]} iid 7`);
    assert.equal(await release(b), { sent: [], gone: 1 });
    // The very same mapping again is another one.
    await b.router.write("cache.add", `10.1.0.0/16 ${rlocs[0]} iid 5`);
    b.push("cache", [to("10.1.0.5")]);
    await b.router.write("cache.remove", "10.1.0.0/16 iid 5");
    await b.router.write("cache.add", `10.1.0.0/16 ${rlocs[0]} iid 5`);
    assert.equal(await release(b), { sent: [], gone: 1 });
    b.push("cache", [to("10.1.0.5")]);
    assert.equal(await release(b), { sent: [`${rlocs[0]} 5`], gone: 0 });
    b.close();
  });
}

test("a packet waits on where another mapping keeps its locator", async () => {
  const b = await Bench.start(waiting("10.1.0.0/16 192.0.2.1, 10.2.0.0/16 192.0.2.1"));
  b.push("cache", [to("10.1.0.5")]);
  await b.router.write("cache.remove", "10.1.0.0/16");
  assert.equal(await release(b), { sent: ["192.0.2.1 0"], gone: 0 });
  b.close();
});

test("packets are dropped whose mapping was cleared, evicted, replaced or expired while they waited", async () => {
  const b = await Bench.start(waiting("CAPACITY 2"));
  const ways: [string, string, () => Promise<void> | void][] = [
    ["cleared", "", () => b.router.write("cache.clear")],
    ["replaced", "", () => b.router.write("cache.add", "10.1.0.0/16 192.0.2.77")],
    ["expired", "ttl 5", () => b.router.runFor(6)],
    [
      "evicted",
      "ttl 1000",
      async () => {
        await b.router.write("cache.add", "10.2.0.0/16 192.0.2.2 ttl 2000");
        await b.router.write("cache.add", "10.3.0.0/16 192.0.2.3 ttl 2000");
      },
    ],
  ];
  for (const [what, ttl, happen] of ways) {
    await b.router.write("cache.clear");
    await b.router.write("cache.add", `10.1.0.0/16 192.0.2.1 ${ttl}`);
    b.push("cache", [to("10.1.0.5")]);
    await happen();
    await b.router.write("cache.add", "10.9.0.0/16 203.0.113.7 iid 7");
    assert.equal(await release(b), { sent: [], gone: 1 }, what);
  }
  b.close();
});

test("a hot swap that renames the map-cache, or takes it away, drops the packets that wait", async () => {
  const b = await Bench.start(waiting("10.1.0.0/16 192.0.2.1 iid 5, IID 5"));
  b.push("cache", [to("10.1.0.5")]);
  await b.router.swap(waiting("10.9.0.0/16 203.0.113.7 iid 7", "other"));
  assert.equal(await release(b), { sent: [], gone: 1 });
  b.push("other", [ipv4(NOTHING, { destination: ip("10.9.0.1") })], {});
  await b.router.swap(waiting("10.8.0.0/16 203.0.113.8", "third"));
  assert.equal((await release(b)).sent, []);
  assert.is(b.router.memory.slotsUsed, 0);
  b.close();
});

test("a hot swap that keeps the map-cache keeps the packets that wait", async () => {
  const b = await Bench.start(waiting("10.1.0.0/16 192.0.2.1"));
  b.push("cache", [to("10.1.0.5")]);
  await b.router.swap(waiting("10.1.0.0/16 192.0.2.1, 10.9.0.0/16 203.0.113.7"));
  assert.equal((await release(b)).sent, ["192.0.2.1 0"]);
  b.close();
});

const step = fc.oneof(
  fc.record({ add: fc.nat(3), rloc: fc.nat(3), iid: fc.nat(1) }),
  fc.record({ remove: fc.nat(3), iid: fc.nat(1) }),
  fc.record({ packet: fc.nat(3) }),
  fc.constant({ clear: true }),
);

test("whatever comes and goes, a packet reaches the locator that it was given or none", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const b = await Bench.start(waiting("IID 1"));
      const model = new Map<string, string>();
      const given: string[] = [];
      for (const s of steps) {
        if ("add" in s) {
          model.set(`10.${s.add}.0.0/16 ${s.iid}`, `192.0.2.${s.rloc} ${s.iid}`);
          await b.router.write("cache.add", `10.${s.add}.0.0/16 192.0.2.${s.rloc} iid ${s.iid}`);
        } else if ("remove" in s) {
          if (!model.delete(`10.${s.remove}.0.0/16 ${s.iid}`)) continue;
          await b.router.write("cache.remove", `10.${s.remove}.0.0/16 iid ${s.iid}`);
        } else if ("packet" in s) {
          const found = model.get(`10.${s.packet}.0.0/16 1`);
          if (found === undefined) continue;
          b.push("cache", [to(`10.${s.packet}.0.1`)]);
          given.push(found);
        } else {
          model.clear();
          await b.router.write("cache.clear");
        }
      }
      const { sent, gone } = await release(b);
      assert.is(sent.length + gone, given.length);
      // They come in order: each is the next of those given, some left out.
      let at = 0;
      for (const s of sent) {
        while (at < given.length && given[at] !== s) at++;
        assert.ok(at++ < given.length, `${sent} of ${given}`);
      }
      b.close();
    }),
    { numRuns: 60 },
  );
});

test("a decapsulated packet that waits is not counted for a peer that took its sender's place", async () => {
  const b = await Bench.start(`
    core :: Feed -> decap :: LISPDecap(PEERS 8) -> q :: Queue(1000) -> u :: Unqueue(ACTIVE false)
      -> log :: LISPPeerLog(decap) -> s :: Sink;
    site :: Idle -> [1] log; log[1] -> Discard;
  `);
  const inner = ipv4(NOTHING, { destination: ip("192.168.1.10") });
  // With eight places and many senders each place is taken over again and again.
  for (let i = 0; i < 100; i++) b.push("decap", [lisp(inner, undefined, { source: ip(`198.51.100.${i}`) })]);
  await b.router.write("u.active", "true");
  b.router.runFor(0.01);
  assert.is(b.take("s").length, 100);
  const lines = b.read("log.table").split("\n");
  assert.ok(lines.length >= 8, `${lines.length}`);
  for (const line of lines) assert.is(line.split(" ")[3], "1", line);
  b.close();
});

test("packets of both families wait alike", async () => {
  const b = await Bench.start(waiting("fd00::/8 2001:db8::1 iid 5, IID 5"));
  b.push("cache", [ipv6(NOTHING, { destination: new Uint8Array([0xfd, ...new Uint8Array(15)]) })]);
  await b.router.write("cache.clear");
  await b.router.write("cache.add", "10.9.0.0/16 2001:db8::7 iid 7");
  assert.equal(await release(b), { sent: [], gone: 1 });
  b.close();
});

test.run();
