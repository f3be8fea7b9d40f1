// How long the forwarding thread stands still at most, while something is done beside packets.

import { type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { Loader } from "../src/loader.js";
import { RealClock } from "../src/router/clock.js";
import type { Element } from "../src/router/element.js";
import { Router } from "../src/router/router.js";

/** What may be done beside packets takes no longer at once, milliseconds. */
export const LIMIT = 1;

export interface Stall {
  /** The table that it is done to. */
  readonly table: string;
  /** How much that holds. */
  readonly entries: number;
  readonly operation: string;
  /** How often packets got their turn meanwhile: calls, and slices of what goes on after them. */
  readonly turns: number;
  /** Milliseconds between two turns. */
  readonly mean: number;
  /** What came at the same place in every run: what the work takes. */
  readonly longest: number;
  /** What came in any run: with what others did to the caches, and V8, which compiles. */
  readonly once: number;
  /** The longest run of V8's collector; in neither. */
  readonly collector: number;
}

/** One run of an operation. */
export interface Run extends Pick<Stall, "table" | "entries" | "operation" | "collector"> {
  /** Milliseconds from one turn of the packets to the next, runs of V8's collector left out. */
  readonly turns: Float32Array;
}

/** Turns near each other count as the same place: time does not pass in just the same way in each run. */
const PLACES = 512;

/** The longest of each of PLACES parts. */
function places({ turns }: Run): Float32Array {
  const longest = new Float32Array(PLACES);
  for (const [i, ms] of turns.entries()) {
    const place = Math.floor((i * PLACES) / turns.length);
    longest[place] = Math.max(longest[place], ms);
  }
  return longest;
}

/** What several runs of one operation say together. */
export function stallOf(runs: readonly Run[]): Stall {
  const { table, entries, operation, turns } = runs[0];
  const all = runs.map(places);
  const everywhere = Array.from({ length: PLACES }, (_, i) => Math.min(...all.map((p) => p[i])));
  const mean = (run: Run): number =>
    run.turns.reduce((sum, ms) => sum + ms, 0) / Math.max(1, run.turns.length);
  return {
    ...{ table, entries, operation, turns: turns.length },
    mean: Math.min(...runs.map(mean)),
    longest: Math.max(...everywhere),
    once: Math.max(...all.flatMap((p) => [...p])),
    collector: Math.max(...runs.map((run) => run.collector)),
  };
}

/** The time between one turn of the packets and the next: where it is long, what the processor worked in it. */
class Turns {
  readonly #starts: number[] = [];
  readonly #times: number[] = [];

  add(work: () => void): void {
    const before = process.cpuUsage();
    const start = performance.now();
    work();
    let passed = performance.now() - start;
    if (passed > LIMIT) {
      // What is longer than the processor worked for us was somebody else's.
      const { user, system } = process.cpuUsage(before);
      passed = Math.min(passed, (user + system) / 1000);
    }
    this.#times.push(passed);
    this.#starts.push(start);
  }

  /** `collections`: when V8's collector ran, and how long, in their order. */
  of(about: Pick<Run, "table" | "entries" | "operation">, collections: readonly PerformanceEntry[]): Run {
    const turns = Float32Array.from(this.#times);
    let turn = 0;
    for (const { startTime, duration } of collections) {
      while (turn < turns.length && this.#starts[turn] + this.#times[turn] <= startTime) turn++;
      if (turn < turns.length && this.#starts[turn] <= startTime)
        turns[turn] = Math.max(0, turns[turn] - duration);
    }
    return { ...about, turns, collector: Math.max(0, ...collections.map((c) => c.duration)) };
  }
}

export interface LabOptions {
  readonly table: string;
  readonly entries: number;
  readonly configuration: string;
  /** Bytes of the router's memory. */
  readonly bytes: number;
  readonly progress: (text: string) => void;
}

/** A router with a large table, and what is done to it. */
export class StallLab {
  readonly router: Router;
  readonly #clock = new RealClock();
  readonly #options: LabOptions;
  readonly runs: Run[] = [];
  #collections: PerformanceEntry[] = [];
  readonly #observer = new PerformanceObserver((list) => void this.#collections.push(...list.getEntries()));

  private constructor(options: LabOptions) {
    this.#options = options;
    this.router = new Router({
      loader: new Loader(),
      clock: this.#clock,
      memory: { bytes: options.bytes },
      log: () => {},
    });
  }

  static async start(options: LabOptions): Promise<StallLab> {
    const lab = new StallLab(options);
    lab.#observer.observe({ entryTypes: ["gc"] });
    await lab.router.start(options.configuration, "stalls");
    return lab;
  }

  find<E extends Element>(name: string): E {
    return this.router.find(name) as unknown as E;
  }

  /** Does something for each of `calls` numbers, and then lets the router work until it is `done`. */
  async measure(
    operation: string,
    calls: number,
    call: (i: number) => void,
    done: () => boolean = () => true,
  ): Promise<void> {
    const { table, entries, progress } = this.#options;
    progress(`${table}: ${operation}`);
    // What others have left is not collected in the middle of this.
    await this.#settle();
    this.#collections = [];
    const turns = new Turns();
    for (let i = 0; i < calls; i++) {
      turns.add(() => call(i));
      if (i % 4096 === 4095) await breathe();
    }
    for (let rounds = 0; !done(); ) {
      turns.add(() => void this.router.step(1));
      // Where work rests between two slices nothing is gained by waiting for it.
      this.skip(1);
      if (++rounds % 64 === 0) await breathe();
    }
    await this.#settle();
    this.runs.push(turns.of({ table, entries, operation }, this.#collections));
  }

  /** What the collector did is told a little later. */
  #settle(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Lets time pass, milliseconds. */
  skip(ms: number): void {
    this.#clock.skipTo(this.#clock.now() + ms * 1e6);
  }

  close(): void {
    this.#observer.disconnect();
    this.router.close();
  }
}

function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
