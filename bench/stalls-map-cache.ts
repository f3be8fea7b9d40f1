// LISPMapCache with many mappings, and many instances, and what is done to it beside packets.

import type { LISPMapCache } from "../elements/lisp/itr/lisp-map-cache.js";
import type { Mapping } from "../src/lisp/mapping.js";
import { ipBytes } from "../src/net/address.js";
import { type Run, StallLab } from "./stall-lab.js";

/** Mappings that name one of the RLOCs that not all of them name. */
const SHARERS = 10_000;
const TTL = 3600;
const INTERVAL = 30;
const EVERYBODYS = ipBytes(0xc6336401); // 198.51.100.1
const BASE = 0x0a000000; // 10.0.0.0: the first EID
const PROBER = `Idle -> LISPRLOCProber(cache, RLOC 192.0.2.254, INTERVAL ${INTERVAL}) -> Discard;`;

/** The `i`-th mapping: two RLOCs, one of them everybody's. */
function mapping(i: number, ttl: number, iid = 0): Mapping {
  const rest = { weight: 50, mpriority: 255, mweight: 0, reachable: true };
  return {
    iid,
    eid: { address: ipBytes(BASE + i), length: 32 },
    ttl,
    action: "no-action",
    version: 0,
    locators: [
      { rloc: ipBytes(0xc0000201 + Math.floor(i / SHARERS)), priority: 1, ...rest },
      { rloc: EVERYBODYS, priority: 1, ...rest },
    ],
  };
}

/** A map-cache of one instance, with an RLOC prober. `bytes`: memory that it takes when it is full. */
export async function mapCacheStalls(
  count: number,
  progress: (text: string) => void,
): Promise<{ readonly runs: readonly Run[]; readonly bytes: number }> {
  const lab = await StallLab.start({
    table: "map-cache",
    entries: count,
    configuration: `Idle -> cache :: LISPMapCache(CAPACITY ${count}) -> Discard; ${PROBER}`,
    bytes: Math.ceil(count * 400 + 64 * 2 ** 20),
    progress,
  });
  const element = lab.find<LISPMapCache>("cache");
  const fill = (operation: string): Promise<void> =>
    lab.measure(operation, count, (i) => void element.cache.insert(mapping(i, TTL)));
  const some = Math.min(20_000, Math.floor(count / 4));
  const updating = (rloc: Uint8Array, down: boolean): (() => void) => {
    return () => void element.cache.updateRloc(rloc, { down });
  };
  await fill("insert");
  const { bytes } = element.cache;
  for (const [who, rloc] of [
    [`of ${Math.min(SHARERS, count)} mappings`, ipBytes(0xc0000201)],
    [`of all ${count}`, EVERYBODYS],
  ] as const) {
    await lab.measure(`RLOC ${who} goes down`, 1, updating(rloc, true));
    await lab.measure(`RLOC ${who} comes up`, 1, updating(rloc, false));
  }
  let ends = 3 * INTERVAL * 1000;
  await lab.measure(
    `three rounds of the RLOC prober`,
    0,
    () => {},
    () => --ends < 0,
  );
  await lab.measure("replace", some, (i) => void element.cache.insert(mapping(i, TTL)));
  let zeros = Math.ceil(count / 128);
  const reset = lab.router.handler("cache.reset_counts");
  await lab.measure(
    "packet counts to zero",
    1,
    () => void reset.write!(""),
    () => --zeros < 0,
  );
  const evicted = (i: number): void => void element.cache.insert(mapping(count + i, TTL));
  await lab.measure("evict one for another", some, evicted);
  const removed = (i: number): void => void element.cache.delete(0, mapping(count + i, TTL).eid);
  await lab.measure("remove", some, removed);
  lab.skip(2 * TTL * 1000);
  await lab.measure(
    "all expire",
    0,
    () => {},
    () => element.cache.size === 0,
  );
  await fill("insert again");
  const clear = lab.router.handler("cache.clear");
  const work = (): boolean => !element.cache.busy;
  await lab.measure("clear", 1, () => void clear.write!(""), work);
  await fill("insert once more");
  const used = lab.router.memory.heapUsed;
  await lab.router.swap("Idle -> other :: LISPMapCache -> Discard");
  await lab.measure(
    "gone in a hot swap",
    0,
    () => {},
    () => lab.router.memory.heapUsed < used / 10,
  );
  lab.close();
  return { runs: lab.runs, bytes };
}

/** A map-cache of many instances with a mapping each. */
export async function instanceStalls(
  count: number,
  progress: (text: string) => void,
): Promise<readonly Run[]> {
  const lab = await StallLab.start({
    table: "instances",
    entries: count,
    configuration: `Idle -> cache :: LISPMapCache(CAPACITY ${count}) -> Discard;`,
    bytes: Math.min(count * 2400 + 64 * 2 ** 20, 3.9 * 2 ** 30),
    progress,
  });
  const element = lab.find<LISPMapCache>("cache");
  const of = (i: number): Mapping => mapping(i, TTL, (i * 7919) % 0x1000000);
  const fill = (operation: string): Promise<void> =>
    lab.measure(operation, count, (i) => void element.cache.insert(of(i)));
  await fill("insert");
  const some = Math.min(20_000, Math.floor(count / 4));
  await lab.measure("remove", some, (i) => void element.cache.delete(of(i).iid, of(i).eid));
  lab.skip(2 * TTL * 1000);
  await lab.measure(
    "all expire",
    0,
    () => {},
    () => element.cache.size === 0,
  );
  await fill("insert again");
  const clear = lab.router.handler("cache.clear");
  const work = (): boolean => !element.cache.busy;
  await lab.measure("clear", 1, () => void clear.write!(""), work);
  lab.close();
  return lab.runs;
}

/** A resolver that refreshes mappings in use, when all of them end at once; nothing uses them. */
export async function refreshStalls(
  count: number,
  progress: (text: string) => void,
): Promise<readonly Run[]> {
  const lab = await StallLab.start({
    table: "refreshes",
    entries: count,
    configuration: `Idle -> cache :: LISPMapCache(CAPACITY ${count}) -> Discard;
      cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.254, MAP_RESOLVER 192.0.2.253) -> Discard;
      Idle -> [1] resolver; resolver[1] -> cache;`,
    bytes: Math.ceil(count * 400 + 64 * 2 ** 20),
    progress,
  });
  const element = lab.find<LISPMapCache>("cache");
  await lab.measure("insert", count, (i) => void element.cache.insert(mapping(i, TTL)));
  lab.skip((TTL - 31) * 1000);
  let rounds = 31_000;
  await lab.measure(
    "look round as all near their end",
    0,
    () => {},
    () => --rounds < 0,
  );
  lab.close();
  return lab.runs;
}
