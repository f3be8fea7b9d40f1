// A time of four-sites.yaml under random faults, and whether it kept to the protocol.

import { createHash } from "node:crypto";
import { type Bound, boundOf, type Cause } from "./bounds.js";
import { FAMILIES, FourSites, HOSTS, PING_INTERVAL } from "./four-sites.js";
import { Oracle } from "./oracle.js";
import { crashOf, type Mishap, RandomFaults } from "./random-faults.js";

/** Seconds between two looks at what must always be true. */
const LOOK = 5;
/** Seconds for which no packet may go astray, and pings must be answered, once everything is right again. */
const WATCHED = 30;
/** Seconds that are none: simulated time has whole nanoseconds. */
const MOMENT = 1e-6;
/** Seconds in which all must have come to rest: the longest fault and bound, and the longest wait before a restart some times. */
const REST = 900;

export interface Hour {
  readonly seed: number;
  /** How often each kind of mishap came. */
  readonly kinds: ReadonlyMap<string, number>;
  /** Times that everything was found right again, packets from the core to hosts by family, and those of them that went astray before. */
  readonly settled: number;
  readonly arrived: readonly [number, number];
  readonly strayed: number;
  /** Acknowledged registrations that were looked for, and found. */
  readonly looked: number;
  /** Hash of all events, and of all counters at the end. */
  readonly digest: string;
}

/** What went wrong, and how it comes back. */
export class FaultFailure extends Error {}

/** Runs `seconds` with the faults of `seed`. Rejects with FaultFailure. */
export async function runHour(seed: number, seconds = 3600): Promise<Hour> {
  const sites = await FourSites.up(seed);
  const hash = createHash("sha256");
  sites.service.events.watch((e) => hash.update(`${e.at} ${e.about} ${e.kind} ${e.message}\n`));
  const run = new Run(sites, seed);
  try {
    await run.go(seconds);
    for (const f of sites.service.functions.values())
      hash.update(JSON.stringify([f.name, f.restarts, await f.request("stats", {})]));
  } finally {
    await sites.service.terminate();
  }
  const strayed = sites.astray.flat().reduce((sum, n) => sum + n, 0);
  const { kinds, settled, oracle } = run;
  return {
    seed,
    kinds,
    settled,
    arrived: sites.arrived,
    strayed,
    looked: oracle.looked,
    digest: hash.digest("hex"),
  };
}

/** Something that went wrong, from when to when, seconds. */
interface Event {
  readonly cause: Cause;
  readonly from: number;
  readonly to: number;
}

class Run {
  readonly #sites: FourSites;
  readonly #seed: number;
  readonly #faults: RandomFaults;
  readonly oracle: Oracle;
  readonly kinds = new Map<string, number>();
  settled = 0;
  /** What went wrong since everything was right. */
  #trouble: Event[] = [];

  constructor(sites: FourSites, seed: number) {
    this.#sites = sites;
    this.#seed = seed;
    this.#faults = new RandomFaults(seed);
    this.oracle = new Oracle(sites);
    for (const name of sites.service.functions.keys()) this.#record(crashOf(name), 0);
    sites.service.events.watch((e) => {
      // A crash is over when the function runs again.
      if (e.kind === "state" && e.message === "started") this.#record(crashOf(e.about), 0);
    });
  }

  async go(seconds: number): Promise<void> {
    const sites = this.#sites;
    await this.#rest();
    while (sites.now < seconds) {
      for (const mishap of this.#faults.next()) {
        await this.#until(sites.now + mishap.after);
        await this.#befall(mishap);
      }
      await this.#rest();
    }
  }

  async #befall(mishap: Mishap): Promise<void> {
    this.kinds.set(mishap.kind, (this.kinds.get(mishap.kind) ?? 0) + 1);
    // It stops and starts the host, so it comes last.
    if (!("fault" in mishap)) await this.#sites.move(mishap.host, mishap.site);
    else this.#sites.service.inject(mishap.fault, mishap.duration);
    const lasts = "fault" in mishap && ["crash", "clock"].includes(mishap.fault.kind) ? 0 : mishap.duration;
    this.#record(mishap.cause, lasts);
  }

  #record(cause: Cause, lasts: number): void {
    const { now } = this.#sites;
    this.#trouble.push({ cause, from: now, to: now + lasts });
  }

  /** When the mappings, or everything, must be right, as far as is known now. */
  #due(what: keyof Bound): number {
    const from = Math.min(...this.#trouble.map((e) => e.from));
    const over = Math.max(...this.#trouble.map((e) => e.to));
    const trouble = { outage: over - from, causes: new Set(this.#trouble.map((e) => e.cause)) };
    return Math.max(...this.#trouble.map(({ cause, to }) => to + boundOf(cause, trouble)[what]));
  }

  /** Until everything is right again, within the bounds, and for a while after. */
  async #rest(): Promise<void> {
    const sites = this.#sites;
    const latest = sites.now + REST;
    const wait = async (what: keyof Bound): Promise<void> => {
      while (this.#due(what) - sites.now > MOMENT) {
        await this.#until(Math.min(sites.now + LOOK, this.#due(what)));
        if (sites.now > latest) this.#fail("functions do not come to rest");
      }
    };
    await wait("mappings");
    this.#expect(await this.oracle.mappings());
    await wait("caches");
    this.#expect(await this.oracle.mappings());
    this.#expect(await this.oracle.caches());
    this.#trouble = [];
    const from = sites.now;
    const before = await this.#answers();
    const astray = sites.astray.map((counts) => [...counts]);
    await this.#until(from + WATCHED);
    const after = await this.#answers();
    for (const [f, family] of FAMILIES.entries())
      for (const [i, host] of HOSTS.entries()) {
        const late = sites.astray[f][i] - astray[f][i];
        if (late > 0)
          this.#fail(`${late} ${family} packets for ${host} came to other sites, after the bound`);
        const answers = after[f][i] - before[f][i];
        if (answers < WATCHED / PING_INTERVAL / 2)
          this.#fail(`${host} had ${answers} answers by ${family} in ${WATCHED} s, after the bound`);
      }
    this.settled++;
  }

  /** Pings of each host that were answered, by family. */
  async #answers(): Promise<number[][]> {
    const read = async (handler: string): Promise<number[]> =>
      Promise.all(HOSTS.map(async (host) => Number(await this.#sites.read(host, handler))));
    return [await read("answers.count"), await read("answers6.count")];
  }

  async #until(at: number): Promise<void> {
    const sites = this.#sites;
    while (at - sites.now > MOMENT) {
      await sites.run(Math.min(LOOK, at - sites.now));
      this.#expect(await this.oracle.always());
    }
  }

  #expect(wrong: string | null): void {
    if (wrong !== null) this.#fail(wrong);
  }

  #fail(what: string): never {
    const { service, now } = this.#sites;
    const last = service.events
      .latest(60)
      .filter((e) => e.kind !== "log")
      .slice(-25)
      .map((e) => `  ${e.at.toFixed(3)} ${e.about}: ${e.message}`);
    throw new FaultFailure(
      `seed ${this.#seed}, ${now.toFixed(3)} s: ${what}\n${last.join("\n")}\nagain with: npm run soak -- --only faults --seed ${this.#seed} --count 1`,
    );
  }
}

/** `5 crash, 2 move`, most often first. */
export function kindsText(kinds: ReadonlyMap<string, number>): string {
  return [...kinds]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
}
