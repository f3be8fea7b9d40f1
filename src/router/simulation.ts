// Several routers under one simulated clock: a network that runs the same way every time.

import { SimulatedClock } from "./clock.js";
import { type Random, SeededRandom } from "./random.js";
import type { Router } from "./router.js";
import { Timer, Timers } from "./timer.js";

/** Rounds that routers may run at one moment of simulated time before that counts as a loop without end. */
const ROUNDS_AT_ONCE = 1_000_000;

/** A simulation that does not get on: some router has work for ever without time passing. */
export class SimulationError extends Error {
  readonly code = "SIMULATION";
}

export class Simulation {
  readonly clock: SimulatedClock;
  /** Random numbers of what lies between the routers (links). */
  readonly random: Random;
  readonly #timers: Timers;
  readonly #routers: Router[] = [];

  /** `seed` gives the links' random numbers; `epoch` is the wall-clock second at the start. */
  constructor(seed = 0, epoch?: number) {
    this.clock = new SimulatedClock(epoch);
    this.random = new SeededRandom(seed);
    this.#timers = new Timers(this.clock);
  }

  /** Adds a router, which must have been made with this simulation's clock. */
  add(router: Router): void {
    if (router.clock !== this.clock) throw new SimulationError("the router has another clock");
    this.#routers.push(router);
  }

  /** Calls `run` when the clock shows steady nanosecond `at`: what links schedule their deliveries with. */
  readonly schedule = (at: number, run: () => void): void => {
    new Timer(this.#timers, run).scheduleAt(at);
  };

  /** Lets `seconds` pass. Throws SimulationError when routers keep each other busy without time passing. */
  run(seconds: number): void {
    const end = this.clock.now() + Math.round(seconds * 1e9);
    for (;;) {
      this.#settle();
      const running = this.#routers.filter((r) => !r.driver.stopped);
      const next = running.reduce((least, r) => Math.min(least, r.timers.next), this.#timers.next);
      if (next > end) break;
      this.clock.advance(next);
    }
    this.clock.advance(end);
  }

  /** Runs everything that is due now. */
  #settle(): void {
    for (let round = 0; ; round++) {
      if (round === ROUNDS_AT_ONCE)
        throw new SimulationError(`routers are still busy after ${round} rounds without time passing`);
      let ran = this.#timers.run(64) > 0;
      for (const router of this.#routers) ran = router.step() || ran;
      if (!ran) return;
    }
  }
}
