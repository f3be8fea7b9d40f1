// What finding a mapping costs, by the number of mappings in the map-cache.

import type { LISPMapCache } from "../elements/lisp/itr/lisp-map-cache.js";
import { Loader } from "../src/loader.js";
import { SeededRandom } from "../src/router/random.js";
import { Router } from "../src/router/router.js";
import * as layout from "./assembly/traffic-layout.js";
import { DESTINATIONS, drawDataset, drawRoutes, mappingOf, SEED } from "./data.js";
import { type Contestant, processorTime } from "./harness.js";
import { loadBenchKernels, writeTraffic } from "./traffic-source.js";

const MEMORY = 768 * 2 ** 20;

/** A map-cache under test: packets are made, looked up and given back. */
export interface LookupBench {
  readonly contestant: Contestant;
  /** Bytes that the map-cache takes. */
  readonly bytes: number;
  /** Packets that found no mapping. */
  misses(): number;
  close(): void;
}

async function emptyCache(): Promise<{ router: Router; element: LISPMapCache }> {
  const router = new Router({ loader: new Loader(), memory: { bytes: MEMORY } });
  await router.start("Idle -> cache :: LISPMapCache(CAPACITY 2000000) -> Discard", "lookups");
  return { router, element: router.find("cache") as LISPMapCache };
}

function contestant(
  name: string,
  router: Router,
  element: LISPMapCache | null,
  make: (batch: number, count: number) => number,
  burst: number,
): Contestant {
  const batch = router.batches.acquire();
  return {
    name,
    run: (packets) => {
      const start = processorTime();
      for (let left = packets; left > 0; left -= burst) {
        batch.count = make(batch.address, Math.min(left, burst));
        element?.process(batch);
        batch.kill();
      }
      return processorTime() - start;
    },
  };
}

/** IPv4, `count` prefixes; 0: packets are only made, the floor of the others. */
export async function lookups4(count: number, burst: number): Promise<LookupBench> {
  const { router, element } = await emptyCache();
  const kernels = loadBenchKernels(router.memory);
  const routes = drawRoutes(Math.max(count, 1));
  const traffic = writeTraffic(router.memory, drawDataset(routes));
  for (const route of count === 0 ? [] : routes) element.cache.insert(mappingOf(route));
  const name = count === 0 ? "only making packets" : `IPv4, ${count.toLocaleString("en")} prefixes`;
  const used = count === 0 ? null : element;
  const make = (batch: number, n: number): number => kernels.makeTraffic(traffic, batch, n);
  return {
    contestant: contestant(name, router, used, make, burst),
    bytes: element.cache.bytes,
    misses: () => router.memory.get64(element.counterAddress("misses")),
    close: () => router.close(),
  };
}

/** IPv6, `count` prefixes between /32 and /64 below 2001::/16. */
export async function lookups6(count: number, burst: number): Promise<LookupBench> {
  const { router, element } = await emptyCache();
  const { memory } = router;
  const kernels = loadBenchKernels(memory);
  const random = new SeededRandom(SEED);
  const fill = (address: Uint8Array, from: number): void => {
    for (let bit = from; bit < 128; bit++)
      if (random.below(2) === 1) address[bit >> 3] |= 0x80 >> (bit & 7);
      else address[bit >> 3] &= ~(0x80 >> (bit & 7));
  };
  const prefixes: { address: Uint8Array; length: number }[] = [];
  const rloc = Uint8Array.of(198, 51, 100, 7);
  const locator = { rloc, priority: 1, weight: 1, mpriority: 255, mweight: 0, reachable: true };
  while (element.cache.size < count) {
    const address = new Uint8Array(16);
    address.set([0x20, 0x01]);
    fill(address, 16);
    const length = random.below(2) === 0 ? 48 : 32 + random.below(33);
    for (let bit = length; bit < 128; bit++) address[bit >> 3] &= ~(0x80 >> (bit & 7));
    const eid = { address, length };
    element.cache.insert({ iid: 0, eid, ttl: null, action: "no-action", locators: [locator], version: 0 });
    prefixes.push({ address, length });
  }
  const traffic = memory.alloc(layout.TRAFFIC_SIZE);
  const ring = memory.alloc(DESTINATIONS * 16);
  for (let i = 0; i < DESTINATIONS; i++) {
    const { address, length } = prefixes[random.below(prefixes.length)];
    const destination = Uint8Array.from(address);
    fill(destination, length);
    memory.u8.set(destination, ring + i * 16);
  }
  memory.set32(traffic + layout.TRAFFIC_RING, ring);
  memory.set32(traffic + layout.TRAFFIC_MASK, DESTINATIONS - 1);
  const template = new Uint8Array(layout.TRAFFIC_LENGTH);
  template.set([0x60, 0, 0, 0, 0, layout.TRAFFIC_LENGTH - 40, 17, 64, 0x20, 0x01, 0x0d, 0xb8]);
  memory.u8.set(template, traffic + layout.TRAFFIC_TEMPLATE);
  const make = (batch: number, n: number): number => kernels.makeTraffic6(traffic, batch, n);
  return {
    contestant: contestant(`IPv6, ${count.toLocaleString("en")} prefixes`, router, element, make, burst),
    bytes: element.cache.bytes,
    misses: () => memory.get64(element.counterAddress("misses")),
    close: () => router.close(),
  };
}
