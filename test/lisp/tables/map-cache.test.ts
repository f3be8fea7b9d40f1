// The map-cache from the control plane's side: mappings in, replaced, listed,
// expired, evicted; its memory comes and goes with them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { RLOC_SPARE } from "../../../assembly/layout.js";
import { RLOC_SIZE, RLOC_USERS } from "../../../assembly/lisp-layout.js";
import { type Mapping, mappingText, parseEid, parseMapping, parseRloc } from "../../../src/lisp/mapping.js";
import { MapCache, MapCacheFullError } from "../../../src/lisp/tables/map-cache.js";
import { masked } from "../../../src/net/prefix.js";
import { MemoryError, PacketMemory } from "../../../src/packet/memory.js";
import { SimulatedClock } from "../../../src/router/clock.js";
import { SeededRandom } from "../../../src/router/random.js";
import * as fc from "../../property.js";

interface World {
  readonly memory: PacketMemory;
  readonly clock: SimulatedClock;
  readonly cache: MapCache;
  /** Bytes of heap in use before the cache was made. */
  readonly before: number;
}

function world(capacity = 100, bytes = 8 << 20): World {
  const memory = new PacketMemory({ bytes, slots: 16 });
  const clock = new SimulatedClock();
  const before = memory.heapUsed;
  return { memory, clock, before, cache: new MapCache(memory, clock, new SeededRandom(1), capacity) };
}

/** What RLOC records out of use take. */
function spareBytes(memory: PacketMemory): number {
  let bytes = 0;
  for (let at = memory.get32(RLOC_SPARE); at !== 0; at = memory.get32(at + RLOC_USERS)) bytes += RLOC_SIZE;
  return bytes;
}

/** Has the map-cache give back all that was cleared. */
function finish(cache: MapCache): void {
  for (let slices = 0; cache.work(); slices++) assert.ok(slices < 1000);
}

const texts = (cache: MapCache): string[] => [...cache.entries()].map((m) => mappingText(m));

test("a mapping is found by its prefix exactly, and by any address within it", () => {
  const { cache } = world();
  assert.is(
    cache.insert(parseMapping("10.1.0.0/16 192.0.2.1/1/50 2001:db8::1/2/60/3/4 ttl 60 version 5")),
    false,
  );
  cache.insert(parseMapping("fd01::/32 192.0.2.2"));
  const exact = cache.get(0, parseEid("10.1.0.0/16"))!;
  assert.is(mappingText(exact), "10.1.0.0/16 192.0.2.1/1/50 2001:db8::1/2/60/3/4 ttl 60 version 5");
  assert.is(exact.expiry, 60e9);
  assert.equal(cache.lookup(0, parseRloc("10.1.255.255")), exact);
  assert.is(mappingText(cache.lookup(0, parseRloc("fd01:0:1::"))!), "fd01::/32 192.0.2.2/1/100");
  assert.is(cache.get(0, parseEid("10.1.0.0/17")), null);
  assert.is(cache.lookup(0, parseRloc("10.2.0.0")), null);
  assert.is(cache.lookup(1, parseRloc("10.1.0.1")), null);
});

test("the mappings that end within some time are told, each once, whatever came and went before", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 60 }),
      fc.array(fc.nat(59), { maxLength: 20 }),
      fc.integer({ min: 0, max: 55 }),
      (ttls, gone, until) => {
        const { cache } = world();
        const model = new Map(ttls.map((ttl, i) => [`10.0.${i}.0/24`, ttl]));
        for (const [eid, ttl] of model) cache.insert(parseMapping(`${eid} 192.0.2.1 ttl ${ttl}`));
        for (const i of gone) {
          model.delete(`10.0.${i}.0/24`);
          cache.delete(0, parseEid(`10.0.${i}.0/24`));
        }
        const told: string[] = [];
        for (let at = 0; at >= 0; )
          at = cache.expiring(at, until * 1e9, 7, (id, expiry) => {
            assert.is(cache.at(id).expiry, expiry);
            told.push(mappingText(cache.at(id)).split(" ")[0]);
          });
        const due = [...model].filter(([, ttl]) => ttl <= until).map(([eid]) => eid);
        assert.equal(told.sort(), due.sort());
      },
    ),
  );
});

test("what is held stays until it is released, whatever others insert, delete, or wait for", () => {
  const { cache, clock } = world(1);
  cache.hold(parseMapping("10.1.0.9/32 action natively-forward"));
  assert.is(cache.insert(parseMapping("10.1.0.9/32 192.0.2.1")), true);
  assert.is(cache.delete(0, parseEid("10.1.0.9/32")), false);
  assert.throws(
    () => cache.insert(parseMapping("10.2.0.0/16 192.0.2.1")),
    (e: unknown) => e instanceof MapCacheFullError,
  );
  clock.advance(1e15);
  cache.expire();
  assert.equal([texts(cache), cache.refused], [["10.1.0.9/32 action natively-forward"], 1]);
  cache.hold(parseMapping("10.1.0.9/32 action drop"));
  assert.equal(texts(cache), ["10.1.0.9/32 action drop"]);
  assert.equal(
    [cache.release(0, parseEid("10.1.0.9/32")), cache.release(0, parseEid("10.1.0.9/32"))],
    [true, false],
  );
  cache.insert(parseMapping("10.1.0.9/32 192.0.2.1"));
  assert.is(cache.release(0, parseEid("10.1.0.9/32")), false, "it is not held any more");
  cache.hold(parseMapping("10.1.0.9/32 action drop"));
  cache.clear();
  assert.is(cache.insert(parseMapping("10.1.0.9/32 192.0.2.1")), false);
  assert.is(cache.refused, 1);
});

test("a mapping for the same EID-prefix replaces the one before, its TTL and locators", () => {
  const { cache, clock } = world();
  cache.insert(parseMapping("10.1.0.0/16 192.0.2.1 ttl 10"));
  clock.advance(5e9);
  assert.is(cache.insert(parseMapping("10.1.0.0/16 192.0.2.2 ttl 3")), true);
  assert.is(cache.size, 1);
  clock.advance(7.9e9);
  cache.expire();
  assert.equal(texts(cache), ["10.1.0.0/16 192.0.2.2/1/100 ttl 3"]);
  clock.advance(8e9);
  cache.expire();
  assert.equal([cache.size, cache.expired], [0, 1]);
});

test("the same prefix in two instances is two mappings", () => {
  const { cache } = world();
  cache.insert(parseMapping("10.1.0.0/16 192.0.2.1 iid 5"));
  cache.insert(parseMapping("10.1.0.0/16 192.0.2.2 iid 16777215"));
  assert.equal(new Set([...cache.entries()].map((m) => m.iid)), new Set([5, 16777215]));
  assert.is(cache.delete(5, parseEid("10.1.0.0/16")), true);
  assert.is(cache.delete(5, parseEid("10.1.0.0/16")), false);
  assert.equal(texts(cache), ["10.1.0.0/16 192.0.2.2/1/100 iid 16777215"]);
  assert.equal(new Set([...cache.entries()].map((m) => m.iid)), new Set([16777215]));
});

test("at capacity the mapping that would expire first goes; when none expires nothing does", () => {
  const { cache } = world(3);
  cache.insert(parseMapping("10.1.0.0/16 192.0.2.1"));
  cache.insert(parseMapping("10.2.0.0/16 192.0.2.1 ttl 20"));
  cache.insert(parseMapping("10.3.0.0/16 192.0.2.1 ttl 10"));
  cache.insert(parseMapping("10.4.0.0/16 192.0.2.1"));
  cache.insert(parseMapping("10.4.0.0/16 192.0.2.2"));
  assert.equal([cache.size, cache.evicted], [3, 1]);
  cache.insert(parseMapping("10.5.0.0/16 192.0.2.1"));
  assert.equal(
    texts(cache).map((t) => t.slice(0, 11)),
    ["10.1.0.0/16", "10.4.0.0/16", "10.5.0.0/16"],
  );
  assert.throws(
    () => cache.insert(parseMapping("10.6.0.0/16 192.0.2.1")),
    (e: unknown) => {
      return e instanceof MapCacheFullError && e.code === "MAP_CACHE_FULL";
    },
  );
  assert.is(cache.size, 3);
});

test("what cannot be a mapping is refused", () => {
  const { cache } = world();
  const good = parseMapping("10.1.0.0/16 192.0.2.1");
  const [locator] = good.locators;
  for (const wrong of [
    { iid: 2 ** 24 },
    { iid: -1 },
    { version: 4096 },
    { ttl: 0 },
    { ttl: Number.NaN },
    { eid: { address: new Uint8Array(5), length: 8 } },
    { eid: { address: new Uint8Array(4), length: 33 } },
    { locators: Array(256).fill(locator) },
    { locators: [{ ...locator, rloc: new Uint8Array(6) }] },
    { locators: [{ ...locator, weight: 256 }] },
  ])
    assert.throws(
      () => cache.insert({ ...good, ...wrong }),
      (e: { code?: string }) => e.code === "MAPPING",
      JSON.stringify(wrong).slice(0, 60),
    );
  assert.is(cache.size, 0);
});

test("mappings that name one RLOC share what is known of it, and it goes with the last of them", () => {
  const { cache } = world();
  const rloc = parseRloc("192.0.2.1");
  assert.is(cache.updateRloc(rloc, { mtu: 1400 }), false);
  cache.insert(parseMapping("10.1.0.0/16 192.0.2.1 192.0.2.2"));
  cache.insert(parseMapping("10.2.0.0/16 192.0.2.1 iid 7 version 3"));
  assert.is(cache.updateRloc(rloc, { mtu: 1400, echo: { nonce: 5, request: true } }), true);
  const state = cache.rloc(rloc)!;
  assert.equal(
    [state.users, state.mtu, state.down, state.echo],
    [2, 1400, false, { nonce: 5, request: true }],
  );
  assert.is([...cache.rlocs()].length, 2);
  cache.delete(0, parseEid("10.1.0.0/16"));
  assert.is(cache.rloc(rloc)!.users, 1);
  assert.is(cache.rloc(parseRloc("192.0.2.2")), null);
  cache.delete(7, parseEid("10.2.0.0/16"));
  assert.is(cache.rloc(rloc), null);
});

test("an RLOC that is down, or whose status bit is 0, is not used until it is up again", () => {
  const { cache } = world();
  cache.insert(parseMapping("10.1.0.0/16 192.0.2.1 192.0.2.2/2 192.0.2.3/255 192.0.2.4/1/100/down"));
  const usable = (): boolean[] => cache.get(0, parseEid("10.1.0.0/16"))!.locators.map((l) => l.usable);
  assert.equal(usable(), [true, true, false, false]);
  cache.updateRloc(parseRloc("192.0.2.1"), { down: true });
  assert.equal(usable(), [false, true, false, false]);
  cache.updateRloc(parseRloc("192.0.2.1"), { down: false });
  assert.is(cache.setStatusBits(0, parseEid("10.1.0.0/16"), 0b01, 8), true);
  assert.equal(usable(), [true, false, false, false]);
  assert.is(cache.setStatusBits(0, parseEid("10.2.0.0/16"), 0b01, 8), false);
});

test("status bits beyond the field's width say nothing", () => {
  const { cache } = world();
  const rlocs = Array.from({ length: 10 }, (_, i) => `192.0.2.${i + 1}`);
  cache.insert(parseMapping(`10.1.0.0/16 ${rlocs.join(" ")}`));
  cache.setStatusBits(0, parseEid("10.1.0.0/16"), 0, 8);
  const usable = cache.get(0, parseEid("10.1.0.0/16"))!.locators.map((l) => l.usable);
  assert.equal(usable, [...Array(8).fill(false), true, true]);
});

test("expiry tells of every mapping that goes, soonest first, and of no other", () => {
  const { cache, clock } = world(1000);
  for (let i = 0; i < 200; i++)
    cache.insert(parseMapping(`10.1.${i}.0/24 192.0.2.1 ttl ${1 + ((i * 37) % 100)}`));
  cache.delete(0, parseEid("10.1.5.0/24"));
  let last = 0;
  let told = 0;
  for (let now = 10; now <= 100; now += 10) {
    clock.advance(now * 1e9);
    cache.expire((m) => {
      assert.ok(m.ttl! >= last && m.ttl! <= now, `${m.ttl} after ${last}`);
      last = m.ttl!;
      told++;
    });
    assert.ok([...cache.entries()].every((m) => m.ttl! > now));
  }
  assert.equal([told, cache.size, cache.nextExpiry], [199, 0, Number.POSITIVE_INFINITY]);
});

test("all memory goes back", () => {
  const { memory, cache, before } = world(5000);
  for (let i = 0; i < 3000; i++) {
    const rlocs = Array.from({ length: i % 5 }, (_, k) => `192.0.${k}.${i % 251}`).join(" ");
    cache.insert(
      parseMapping(`10.${i >> 8}.${i & 255}.0/24 ${rlocs || "action drop"} iid ${i % 40} ttl ${1 + (i % 9)}`),
    );
  }
  assert.is(cache.size, 3000);
  assert.ok(cache.bytes <= memory.heapUsed - before && cache.bytes > 3000 * 64);
  const full = memory.heapUsed;
  cache.clear();
  assert.equal([cache.size, texts(cache), cache.rloc(parseRloc("192.0.0.1"))], [0, [], null]);
  assert.ok(memory.heapUsed > full / 2, "many are given back a slice at a time");
  finish(cache);
  // Prefix tables and mappings are gone, and the instances keep their places; RLOC records wait for other RLOCs.
  const records = memory.heapUsed - before - cache.bytes;
  assert.is(records, spareBytes(memory));
  cache.insert(parseMapping("10.0.0.0/8 192.0.3.1 iid 3"));
  cache.clear();
  finish(cache);
  assert.is(memory.heapUsed - before - cache.bytes, records, "an RLOC takes a record out of use");
  cache.destroy();
  assert.is(memory.heapUsed - before, records);
  const next = new MapCache(memory, new SimulatedClock(), new SeededRandom(1), 10);
  next.insert(parseMapping("10.0.0.0/8 192.0.3.1"));
  next.destroy();
  assert.is(memory.heapUsed - before, records, "also one of another map-cache");
});

test("when memory runs out the cache is as it was, and works on", () => {
  const { cache, memory } = world(1e6, 1);
  let n = 0;
  assert.throws(
    () => {
      for (; n < 1e6; n++)
        cache.insert(parseMapping(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32 192.0.2.${n & 7}`));
    },
    (e: unknown) => e instanceof MemoryError,
  );
  assert.ok(n > 100, `${n}`);
  assert.is(cache.size, n);
  assert.is([...cache.entries()].length, n);
  for (const iid of [0, 9]) {
    const used = memory.heapUsed;
    const big = parseMapping(`172.16.0.0/12 ${"198.51.100.1 203.0.113.7 ".repeat(100)} iid ${iid}`);
    assert.throws(
      () => cache.insert(big),
      (e: unknown) => e instanceof MemoryError,
    );
    assert.is(memory.heapUsed, used);
  }
  assert.is(cache.rloc(parseRloc("198.51.100.1")), null);
  cache.clear();
  finish(cache);
  cache.insert(parseMapping("10.0.0.1/32 192.0.2.1"));
  assert.is(cache.size, 1);
});

// ---- Against a slow model ---------------------------------------------------------

const small = fc.record({
  iid: fc.constantFrom(0, 1, 70000),
  six: fc.boolean(),
  bits: fc.integer({ min: 0, max: 0xff }),
  length: fc.integer({ min: 0, max: 8 }),
  rlocs: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  remove: fc.boolean(),
});

test("after any inserts and removals the cache holds and finds what a plain list does", () => {
  fc.assert(
    fc.property(fc.array(small, { maxLength: 40 }), (steps) => {
      const { cache, memory, before } = world();
      const model = new Map<string, Mapping>();
      const address = (six: boolean, bits: number): Uint8Array => {
        const a = new Uint8Array(six ? 16 : 4).fill(3);
        a[0] = bits;
        return a;
      };
      for (const s of steps) {
        const eid = { address: masked(address(s.six, s.bits), s.length), length: s.length };
        const name = `${s.iid} ${s.six} ${eid.address[0]} ${eid.length}`;
        if (s.remove) {
          assert.is(cache.delete(s.iid, eid), model.delete(name));
          continue;
        }
        const list = s.rlocs.map((r) => `192.0.2.${r}`).join(" ") || "action natively-forward";
        const m = { ...parseMapping(`${s.six ? "::" : "0.0.0.0"}/0 ${list} iid ${s.iid}`), eid };
        assert.is(cache.insert(m), model.has(name));
        model.set(name, m);
      }
      assert.equal(texts(cache).sort(), [...model.values()].map((m) => mappingText(m)).sort());
      for (const { iid, six, bits } of steps) {
        const found = cache.lookup(iid, address(six, bits));
        const best = [...model.values()]
          .filter((m) => m.iid === iid && (m.eid.address.length === 16) === six)
          .filter((m) => masked(address(six, bits), m.eid.length).every((b, i) => b === m.eid.address[i]))
          .sort((a, b) => b.eid.length - a.eid.length)[0];
        assert.is(
          found === null ? "none" : mappingText(found),
          best === undefined ? "none" : mappingText(best),
        );
      }
      cache.destroy();
      assert.is(memory.heapUsed - before, spareBytes(memory));
    }),
    { numRuns: 60 },
  );
});

test.run();
