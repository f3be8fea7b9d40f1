// Who names an RLOC, and what becomes of them when it goes down or up: against a slow scan of all mappings.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { RLOC_ADDRESS, RLOC_FAMILY } from "../../../assembly/lisp-layout.js";
import type { LISPMapCache } from "../../../elements/lisp/itr/lisp-map-cache.js";
import { mappingText, parseEid, parseMapping, parseRloc } from "../../../src/lisp/mapping.js";
import { MapCache } from "../../../src/lisp/tables/map-cache.js";
import type { CachedMapping } from "../../../src/lisp/tables/mapping-records.js";
import { addressText, sameAddress } from "../../../src/net/address.js";
import { prefixText } from "../../../src/net/prefix.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import { SimulatedClock } from "../../../src/router/clock.js";
import { SeededRandom } from "../../../src/router/random.js";
import { Bench, ip, ipv4, udp } from "../../elements/lisp/harness.js";
import * as fc from "../../property.js";

const RLOCS = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
const EIDS = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32"];
const NOTHING = new Uint8Array(0);

function world(): MapCache {
  const memory = new PacketMemory({ bytes: 8 << 20, slots: 16 });
  return new MapCache(memory, new SimulatedClock(), new SeededRandom(1), 10_000);
}

const locator = fc.record({
  rloc: fc.nat(RLOCS.length - 1),
  priority: fc.constantFrom(1, 1, 2, 255),
  weight: fc.constantFrom(0, 50),
  down: fc.constantFrom(false, false, true),
});
const step = fc.oneof(
  fc.record({
    insert: fc.nat(EIDS.length - 1),
    iid: fc.nat(2),
    version: fc.nat(1),
    locators: fc.array(locator, { maxLength: 4 }),
  }),
  fc.record({ remove: fc.nat(EIDS.length - 1), iid: fc.nat(2) }),
  fc.record({ rloc: fc.nat(RLOCS.length - 1), down: fc.boolean() }),
  fc.record({ bits: fc.nat(15), eid: fc.nat(EIDS.length - 1), iid: fc.nat(2) }),
  fc.constant({ clear: true }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function apply(cache: MapCache, s: Step): void {
  if ("insert" in s) {
    const locators = s.locators.map(
      (l) => `${RLOCS[l.rloc]}/${l.priority}/${l.weight}${l.down ? "/down" : ""}`,
    );
    const rest = locators.join(" ") || "action drop";
    cache.insert(parseMapping(`${EIDS[s.insert]} ${rest} iid ${s.iid} version ${s.version}`));
  } else if ("remove" in s) cache.delete(s.iid, parseEid(EIDS[s.remove]));
  else if ("rloc" in s) cache.updateRloc(parseRloc(RLOCS[s.rloc]), { down: s.down });
  else if ("bits" in s) cache.setStatusBits(s.iid, parseEid(EIDS[s.eid]), s.bits, 4);
  else cache.clear();
}

const names = (m: CachedMapping, rloc: Uint8Array, listed: boolean): number =>
  m.locators.filter((l) => sameAddress(l.rloc, rloc) && (!listed || (l.priority < 255 && l.reachable)))
    .length;

test("after anything the locators, mappings and RLOCs that are told of are those that a scan finds", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = world();
      for (const s of steps) apply(cache, s);
      const all = [...cache.entries()];
      const named = RLOCS.filter((r) => all.some((m) => names(m, parseRloc(r), false) > 0));
      assert.equal(
        cache.rlocs().map((r) => addressText(r.rloc)),
        named,
      );
      for (const name of RLOCS) {
        const rloc = parseRloc(name);
        const count = (listed: boolean): number => all.reduce((sum, m) => sum + names(m, rloc, listed), 0);
        const state = cache.rloc(rloc);
        assert.equal([state?.users ?? 0, state?.listed ?? 0], [count(false), count(true)], name);
        const told = cache.mappingsOf(rloc, 1000).map(({ iid, eid }) => `${iid} ${prefixText(eid)}`);
        const found = all.flatMap((m) => Array(names(m, rloc, true)).fill(`${m.iid} ${prefixText(m.eid)}`));
        assert.equal([...told].sort(), found.sort(), name);
        const hosts = told.map((t) => t.endsWith("/32"));
        assert.equal(hosts, [...hosts].sort(), "those of networks come first");
        assert.equal(cache.mappingsOf(rloc, 2).length, Math.min(2, told.length));
        const every = cache.mappingsOf(rloc, 1000, true).map(({ iid, eid }) => `${iid} ${prefixText(eid)}`);
        const naming = all.flatMap((m) => Array(names(m, rloc, false)).fill(`${m.iid} ${prefixText(m.eid)}`));
        assert.equal(every.slice(0, told.length), told, "those that packets may go to come first");
        assert.equal(every.sort(), naming.sort(), name);
      }
      // A part at a time comes to the same.
      const paged: string[] = [];
      for (let after: Uint8Array | null = null; ; ) {
        const some = cache.rlocs(after, 1);
        if (some.length === 0) break;
        after = some[0].rloc;
        paged.push(addressText(after));
      }
      assert.equal(paged, named);
      const pieces: string[] = [];
      for (const m of all) {
        const from = { iid: m.iid, eid: m.eid };
        assert.equal(cache.entries(from).next().value, m, "a listing goes on where it is told to");
        pieces.push(mappingText(m));
      }
      assert.is(pieces.length, cache.size);
    }),
    { numRuns: 150 },
  );
});

test("after anything each flow goes to the best locator that is up, by one rule for all mappings", async () => {
  const flows = [1, 2, 3].map((port) => ipv4(udp(port, 9, NOTHING), { destination: ip("10.1.2.3") }));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const b = await Bench.start("feed :: Feed -> m :: LISPMapCache(IID 1) -> s :: Sink");
      const { cache } = b.router.find("m") as LISPMapCache;
      const { memory } = b.router;
      for (const s of steps) {
        apply(cache, s);
        const mapping = cache.lookup(1, parseRloc("10.1.2.3"));
        const usable = mapping?.locators.filter((l) => l.usable) ?? [];
        const priority = Math.min(...usable.map((l) => l.priority));
        const best = usable.filter((l) => l.priority === priority);
        const weighty = best.filter((l) => l.weight > 0);
        const wanted = (weighty.length > 0 ? weighty : best).map((l) => addressText(l.rloc));
        b.push("m", flows);
        const routes = b.take("s").map(({ route }) => {
          const size = memory.u8[route + RLOC_FAMILY] === 4 ? 4 : 16;
          return addressText(memory.u8.slice(route + RLOC_ADDRESS, route + RLOC_ADDRESS + size));
        });
        assert.is(routes.length, wanted.length === 0 ? 0 : flows.length);
        for (const r of routes) assert.ok(wanted.includes(r), `${r} of ${wanted}`);
      }
      b.close();
    }),
    { numRuns: 80 },
  );
});

test("an RLOC that 5,000 mappings name goes down and up for all of them at once", () => {
  const cache = world();
  for (let i = 0; i < 5000; i++)
    cache.insert(parseMapping(`10.${i >> 8}.${i & 255}.0/24 192.0.2.1 192.0.2.2/2`));
  const before = cache.get(0, parseEid("10.19.7.0/24"))!;
  assert.equal(
    before.locators.map((l) => l.usable),
    [true, true],
  );
  cache.updateRloc(parseRloc("192.0.2.1"), { down: true });
  assert.ok([...cache.entries()].every((m) => !m.locators[0].usable && m.locators[1].usable));
  cache.updateRloc(parseRloc("192.0.2.1"), { down: false });
  assert.ok([...cache.entries()].every((m) => m.locators[0].usable));
  assert.is(cache.mappingsOf(parseRloc("192.0.2.1"), 64).length, 64);
});

test("an MTU holds for an RLOC in very many instances", async () => {
  const b = await Bench.start(
    "feed :: Feed -> m :: LISPMapCache(PACKET_IID true) -> e :: LISPEncap(192.0.2.9) -> s :: Sink; e[1] -> big :: Sink",
  );
  const { cache } = b.router.find("m") as LISPMapCache;
  for (let iid = 1; iid <= 600; iid++) cache.insert(parseMapping(`10.0.0.0/8 192.0.2.1 iid ${iid}`));
  const packet = ipv4(new Uint8Array(1000), { destination: ip("10.1.2.3") });
  const iids = [1, 300, 600];
  const sent = (): number[] => {
    b.push("m", [packet, packet, packet], { iids });
    return [b.take("s").length, b.take("big").length];
  };
  assert.equal(sent(), [3, 0]);
  cache.updateRloc(parseRloc("192.0.2.1"), { mtu: 1000 });
  assert.equal(sent(), [0, 3]);
  cache.updateRloc(parseRloc("192.0.2.1"), { mtu: 0 });
  assert.equal(sent(), [3, 0]);
  b.close();
});

test.run();
