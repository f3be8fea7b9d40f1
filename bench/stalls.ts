// How long the forwarding thread stands still at most, while a large map-cache is worked on beside packets.

import { type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import type { LISPMapCache } from "../elements/lisp/itr/lisp-map-cache.js";
import { table } from "../src/cli/measure.js";
import type { Mapping } from "../src/lisp/mapping.js";
import { Loader } from "../src/loader.js";
import { ipBytes } from "../src/net/address.js";
import { RealClock } from "../src/router/clock.js";
import { Router } from "../src/router/router.js";

/** What may be done beside packets takes no longer at once, milliseconds. */
const LIMIT = 1;
/** Mappings that name one of the RLOCs that not all of them name. */
const SHARERS = 10_000;
const TTL = 3600;
const INTERVAL = 30;
const EVERYBODYS = ipBytes(0xc6336401); // 198.51.100.1
const BASE = 0x0a000000; // 10.0.0.0: the first EID

export interface Stall {
  readonly operation: string;
  /** How often packets got their turn meanwhile: calls, and slices of what goes on after them. */
  readonly turns: number;
  /** Milliseconds between two turns. */
  readonly mean: number;
  readonly longest: number;
  /** The longest run of V8's collector meanwhile; not in `longest`. */
  readonly collector: number;
  /** Longer than the limit, while the machine gave the processor to somebody else. */
  readonly disturbed: number;
}

export interface StallsResult {
  readonly mappings: number;
  readonly limit: number;
  readonly bytes: number;
  readonly stalls: readonly Stall[];
  readonly text: string;
}

/** The time between one turn of the packets and the next. */
class Turns {
  #turns = 0;
  #sum = 0;
  #longest = 0;
  /** Those above the limit: start and end, and whether the processor was somebody else's meanwhile. */
  readonly #long: (readonly [number, number, boolean])[] = [];

  add(work: () => void): void {
    const switches = process.resourceUsage().involuntaryContextSwitches;
    const start = performance.now();
    work();
    const end = performance.now();
    this.#turns++;
    this.#sum += end - start;
    if (end - start <= LIMIT) this.#longest = Math.max(this.#longest, end - start);
    else this.#long.push([start, end, process.resourceUsage().involuntaryContextSwitches > switches]);
  }

  /** `collections`: when V8's collector ran, and how long. */
  of(operation: string, collections: readonly PerformanceEntry[]): Stall {
    let disturbed = 0;
    let longest = this.#longest;
    for (const [start, end, switched] of this.#long) {
      const collecting = collections
        .filter((c) => c.startTime >= start && c.startTime < end)
        .reduce((sum, c) => sum + c.duration, 0);
      const own = end - start - collecting;
      if (switched && own > LIMIT) disturbed++;
      else longest = Math.max(longest, own);
    }
    const collector = Math.max(0, ...collections.map((c) => c.duration));
    const mean = this.#turns === 0 ? 0 : this.#sum / this.#turns;
    return { operation, turns: this.#turns, mean, longest, collector, disturbed };
  }
}

/** The `i`-th mapping: two RLOCs, one of them everybody's. */
function mapping(i: number, ttl: number): Mapping {
  const rest = { weight: 50, mpriority: 255, mweight: 0, reachable: true };
  return {
    iid: 0,
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

const PROBER = `Idle -> LISPRLOCProber(cache, RLOC 192.0.2.254, INTERVAL ${INTERVAL}) -> Discard;`;

/** A router with a map-cache of `count` mappings, and what is done to it. */
class Subject {
  readonly router: Router;
  readonly #clock = new RealClock();
  readonly #count: number;
  readonly #progress: (text: string) => void;
  readonly stalls: Stall[] = [];
  #collections: PerformanceEntry[] = [];
  readonly #observer = new PerformanceObserver((list) => void this.#collections.push(...list.getEntries()));

  constructor(count: number, progress: (text: string) => void) {
    this.#count = count;
    this.#progress = progress;
    const bytes = Math.ceil(count * 400 + 64 * 2 ** 20);
    this.router = new Router({ loader: new Loader(), clock: this.#clock, memory: { bytes }, log: () => {} });
  }

  start(): Promise<void> {
    this.#observer.observe({ entryTypes: ["gc"] });
    const { router } = this;
    return router.start(
      `Idle -> cache :: LISPMapCache(CAPACITY ${this.#count}) -> Discard; ${PROBER}`,
      "stalls",
    );
  }

  get element(): LISPMapCache {
    return this.router.find("cache") as LISPMapCache;
  }

  /** Does something for each of `calls` numbers, and then lets the router work until it is `done`. */
  async measure(
    operation: string,
    calls: number,
    call: (i: number) => void,
    done: () => boolean = () => true,
  ): Promise<void> {
    this.#progress(operation);
    const turns = new Turns();
    for (let i = 0; i < calls; i++) turns.add(() => call(i));
    let rounds = 0;
    while (!done()) {
      turns.add(() => void this.router.step(1));
      // Where work rests between two slices nothing is gained by waiting for it.
      this.skip(1);
      if (++rounds % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    // What the collector did is told a little later.
    await new Promise((resolve) => setTimeout(resolve, 20));
    this.stalls.push(turns.of(operation, this.#collections));
    this.#collections = [];
  }

  close(): void {
    this.#observer.disconnect();
    this.router.close();
  }

  /** Lets time pass, milliseconds. */
  skip(ms: number): void {
    this.#clock.skipTo(this.#clock.now() + ms * 1e6);
  }
}

async function fill(s: Subject, operation: string, count: number): Promise<void> {
  await s.measure(operation, count, (i) => void s.element.cache.insert(mapping(i, TTL)));
}

/** Measures the longest stall at so many mappings. */
export async function benchStalls(mappings: number, progress: (text: string) => void): Promise<StallsResult> {
  const s = new Subject(mappings, progress);
  await s.start();
  const some = Math.min(20_000, Math.floor(mappings / 4));
  const updating = (rloc: Uint8Array, down: boolean): (() => void) => {
    return () => void s.element.cache.updateRloc(rloc, { down });
  };
  await fill(s, "insert", mappings);
  const { bytes } = s.element.cache;
  for (const [who, rloc] of [
    [`of ${Math.min(SHARERS, mappings)} mappings`, ipBytes(0xc0000201)],
    [`of all ${mappings}`, EVERYBODYS],
  ] as const) {
    await s.measure(`RLOC ${who} goes down`, 1, updating(rloc, true));
    await s.measure(`RLOC ${who} comes up`, 1, updating(rloc, false));
  }
  let ends = 3 * INTERVAL * 1000;
  await s.measure(
    `three rounds of the RLOC prober`,
    0,
    () => {},
    () => --ends < 0,
  );
  await s.measure("replace", some, (i) => void s.element.cache.insert(mapping(i, TTL)));
  let zeros = Math.ceil(mappings / 128);
  const reset = s.router.handler("cache.reset_counts");
  await s.measure(
    "packet counts to zero",
    1,
    () => void reset.write!(""),
    () => --zeros < 0,
  );
  const evicted = (i: number): void => void s.element.cache.insert(mapping(mappings + i, TTL));
  await s.measure("evict one for another", some, evicted);
  const removed = (i: number): void => void s.element.cache.delete(0, mapping(mappings + i, TTL).eid);
  await s.measure("remove", some, removed);
  s.skip(2 * TTL * 1000);
  await s.measure(
    "all expire",
    0,
    () => {},
    () => s.element.cache.size === 0,
  );
  await fill(s, "insert again", mappings);
  const clear = s.router.handler("cache.clear");
  const work = (): boolean => !s.element.cache.busy;
  await s.measure("clear", 1, () => void clear.write!(""), work);
  await fill(s, "insert once more", mappings);
  const used = s.router.memory.heapUsed;
  await s.router.swap("Idle -> other :: LISPMapCache -> Discard");
  await s.measure(
    "gone in a hot swap",
    0,
    () => {},
    () => s.router.memory.heapUsed < used / 10,
  );
  s.close();
  const rows = s.stalls.map((x) => [
    x.operation,
    String(x.turns),
    (x.mean * 1000).toFixed(1),
    x.longest.toFixed(3),
    x.longest > LIMIT ? "over" : "",
    x.collector.toFixed(1),
    String(x.disturbed),
  ]);
  const head = ["", "turns", "mean µs", "longest ms", `limit ${LIMIT} ms`, "collector ms", "disturbed"];
  return {
    mappings,
    limit: LIMIT,
    bytes,
    stalls: s.stalls,
    text:
      `\nLongest stall of the forwarding thread, ${mappings} mappings, ${(bytes / 2 ** 20).toFixed(0)} MiB\n` +
      `${table([head, ...rows])}` +
      `not in "longest": runs of V8's collector, and turns above the limit during which the processor was somebody else's (disturbed)\n`,
  };
}
