// What all contestants work on: mappings and destinations, drawn at random from a fixed seed.

import type { Locator, Mapping } from "../src/lisp/mapping.js";
import { ipBytes } from "../src/net/address.js";
import { SeededRandom } from "../src/router/random.js";

export const SEED = 2024;
/** Destinations drawn; a power of two. More than fit into a first-level cache, so that lookups miss as they do. */
export const DESTINATIONS: number = 1 << 16;
const RLOCS = 64;

/** An IPv4 EID-prefix with its locators as numbers. */
export interface Route {
  /** Host order, bits beyond the length zero. */
  readonly address: number;
  readonly length: number;
  readonly locators: readonly { readonly rloc: number; readonly weight: number }[];
}

export interface Dataset {
  readonly routes: readonly Route[];
  /** Host order. */
  readonly destinations: Uint32Array;
  /** UDP source ports, one for each destination. */
  readonly ports: Uint16Array;
}

/** A prefix length as the Internet's tables have them: mostly 24, the others spread from 16 to 28. */
function drawLength(random: SeededRandom): number {
  return random.below(100) < 60 ? 24 : 16 + random.below(13);
}

function maskOf(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}

/** `count` different prefixes with one locator or two. */
export function drawRoutes(count: number, random: SeededRandom = new SeededRandom(SEED)): Route[] {
  const seen = new Set<number>();
  const routes: Route[] = [];
  while (routes.length < count) {
    const length = drawLength(random);
    // Unicast, and not 0/8 or 127/8, which a header check may refuse.
    const address = ((random.u32() & maskOf(length)) >>> 0) % 0xdf000000;
    const network = (address & maskOf(length)) >>> 0;
    const first = network >>> 24;
    if (first === 0 || first === 127) continue;
    const key = network * 64 + length;
    if (seen.has(key)) continue;
    seen.add(key);
    const locator = () => ({ rloc: 0xc6336400 + random.below(RLOCS), weight: 1 + random.below(100) });
    const one = locator();
    const other = locator();
    const locators = random.below(2) === 0 || other.rloc === one.rloc ? [one] : [one, other];
    routes.push({ address: network, length, locators });
  }
  return routes;
}

/** Draws destinations inside the routes' prefixes: a prefix at random, then an address in it. */
export function drawDataset(routes: readonly Route[], count: number = DESTINATIONS): Dataset {
  const random = new SeededRandom(SEED + 1);
  const destinations = new Uint32Array(count);
  const ports = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    const { address, length } = routes[random.below(routes.length)];
    destinations[i] = address | (random.u32() & ~maskOf(length));
    ports[i] = 49152 + random.below(16384);
  }
  return { routes, destinations, ports };
}

/** The route as the map-cache takes it. */
export function mappingOf(route: Route): Mapping {
  const locators: Locator[] = route.locators.map(({ rloc, weight }) => ({
    rloc: ipBytes(rloc),
    priority: 1,
    weight,
    mpriority: 255,
    mweight: 0,
    reachable: true,
  }));
  const eid = { address: ipBytes(route.address), length: route.length };
  return { iid: 0, eid, ttl: null, action: "no-action", locators, version: 0 };
}
