// Several routers under one simulated clock: a network that runs the same way every time.

import { inspect } from "node:util";
import { checkArgument, having, real } from "../options.js";
import { SluiceError } from "../sluice-error.js";
import { SimulatedClock, SimulatedClockView } from "./clock.js";
import { type Random, SeededRandom } from "./random.js";
import type { Router } from "./router.js";
import { Timer, Timers } from "./timer.js";

/** Rounds that routers may run at one moment of simulated time before that counts as a loop without end. */
const ROUNDS_AT_ONCE = 1_000_000;

/** Real milliseconds after which `runFor` lets the event loop run. */
const SLICE_MS = 20;

const NUMBER = real(-Number.MAX_VALUE);
const SECONDS = real(0);
const ROUTER = having("a router", "step", "run");

/** A simulation that does not get on: some router has work for ever without time passing. */
export class SimulationError extends SluiceError {
  readonly code = "SIMULATION";
}

export class Simulation {
  readonly clock: SimulatedClock;
  /** Random numbers of what lies between the routers (links). */
  readonly random: Random;
  readonly #timers: Timers;
  readonly #routers = new Map<Router, ((error: unknown) => void) | null>();
  readonly #held = new Set<Promise<unknown>>();
  /** A router ran that goes on in Node's turns. */
  #turnDue = false;

  /** `seed` gives the links' random numbers; `epoch` is the wall-clock second at the start. */
  constructor(seed = 0, epoch?: number) {
    checkArgument("Simulation", "the seed", seed, NUMBER);
    if (epoch !== undefined) checkArgument("Simulation", "the epoch", epoch, NUMBER);
    this.clock = new SimulatedClock(epoch);
    this.random = new SeededRandom(seed);
    this.#timers = new Timers(this.clock);
  }

  /**
   * Adds a router, which must have been made with this simulation's clock or a view of it. `ended` is told when its
   * graph stops it or it is closed (null), or it throws (the error), and it is removed then; without, it stays until it
   * is closed, and errors are thrown by `run`.
   */
  add(router: Router, ended: ((error: unknown) => void) | null = null): void {
    checkArgument("Simulation.add", "the router", router, ROUTER);
    const { clock } = router;
    if (clock !== this.clock && !(clock instanceof SimulatedClockView && clock.base === this.clock))
      throw new SimulationError("the router has another clock");
    this.#routers.set(router, ended);
  }

  [inspect.custom](): string {
    return `Simulation { at ${this.clock.now() / 1e9} s, ${this.#routers.size} routers }`;
  }

  /** Takes a router out: it runs no more. */
  remove(router: Router): void {
    this.#routers.delete(router);
  }

  /** Time stands still, in `runFor`, until `work` has settled: something that happens at this moment but takes Node's turns. */
  hold(work: Promise<unknown>): void {
    this.#held.add(work);
    const release = (): void => {
      this.#held.delete(work);
    };
    work.then(release, release);
  }

  /** Calls `run` when the clock shows steady nanosecond `at`: what links schedule their deliveries with. */
  readonly schedule = (at: number, run: () => void): void => {
    new Timer(this.#timers, run).scheduleAt(at);
  };

  /**
   * Lets `seconds` pass, at once: for routers that need none of Node's turns meanwhile. Throws SimulationError when
   * routers keep each other busy without time passing.
   */
  run(seconds: number): void {
    checkArgument("Simulation.run", "the time", seconds, SECONDS);
    const end = this.clock.now() + Math.round(seconds * 1e9);
    do this.#settle();
    while (this.#advance(end));
    this.clock.advance(end);
  }

  /** The same, waiting for whatever is held; until `signal` says otherwise. Lets Node's event loop run now and then. */
  async runFor(seconds: number, signal?: AbortSignal): Promise<void> {
    checkArgument("Simulation.runFor", "the time", seconds, SECONDS);
    const end = this.clock.now() + Math.round(seconds * 1e9);
    let slice = performance.now();
    for (;;) {
      this.#settle();
      while (this.#held.size > 0 || this.#turnDue) {
        this.#turnDue = false;
        await Promise.allSettled(this.#held);
        // What waited for it has its turn before time passes.
        await turn();
        this.#settle();
      }
      if (signal?.aborted) return;
      if (!this.#advance(end)) break;
      if (performance.now() - slice < SLICE_MS) continue;
      await turn();
      slice = performance.now();
    }
    this.clock.advance(end);
  }

  /** Moves time to the next thing due; false when that comes after `end`. */
  #advance(end: number): boolean {
    let next = this.#timers.next;
    for (const router of this.#routers.keys())
      if (!router.driver.stopped && !router.driver.paused) next = Math.min(next, router.timers.next);
    if (next > end) return false;
    this.clock.advance(next);
    return true;
  }

  /** Runs everything that is due now. */
  #settle(): void {
    for (let round = 0; ; round++) {
      if (round === ROUNDS_AT_ONCE)
        throw new SimulationError(`routers are still busy after ${round} rounds without time passing`);
      let ran = this.#timers.run(64) > 0;
      for (const [router, ended] of this.#routers) ran = this.#step(router, ended) || ran;
      if (!ran) return;
    }
  }

  #step(router: Router, ended: ((error: unknown) => void) | null): boolean {
    const ran = this.#run(router, ended);
    if (ran && router.usesTurns) this.#turnDue = true;
    return ran;
  }

  #run(router: Router, ended: ((error: unknown) => void) | null): boolean {
    if (router.closed) {
      this.remove(router);
      ended?.(null);
      return false;
    }
    if (ended === null) return router.step();
    try {
      if (router.step()) return true;
    } catch (e) {
      this.remove(router);
      ended(e);
      return true;
    }
    if (router.driver.stopped) {
      this.remove(router);
      ended(null);
    }
    return false;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
