// What a service runs in: real time, or simulated time that all of its routers share.

import { createHash } from "node:crypto";
import { KernelAlarms } from "../device/alarms.js";
import { having, type Kind } from "../options.js";
import { type Clock, RealClock, SimulatedClockView } from "../router/clock.js";
import { Simulation } from "../router/simulation.js";

/** A clock whose wall time can be made to jump. */
export interface FunctionClock extends Clock {
  jump(seconds: number): void;
}

export interface World {
  /** Null in real time. */
  readonly simulation: Simulation | null;
  /** Seconds since the world began. */
  now(): number;
  /** Calls `run` after `seconds`; not when the function it returns was called before. */
  after(seconds: number, run: () => void): () => void;
  /** Lets what takes Node's turns happen without simulated time passing. */
  hold(work: Promise<unknown>): void;
  /** A clock for a function. */
  clock(): FunctionClock;
  /** Uniform in [0, 1). */
  random(): number;
  /** A seed for random numbers that are those of `name` alone: whatever else is drawn, in the same world it is the same. */
  seed(name: string): number;
}

/** For checks of options. */
export const WORLD: Kind = having("a world", "now", "after", "hold", "clock", "random", "seed");

/** Waits so many seconds of the world's time; in simulated time whoever waited goes on before more of it passes. */
export function sleep(world: World, seconds: number): Promise<void> {
  return new Promise((done) => {
    world.after(seconds, () => {
      done();
      world.hold(Promise.resolve());
    });
  });
}

/** Lets others have their turn; none of the world's time passes on purpose. */
export function turn(world: World): Promise<void> {
  return world.simulation === null ? new Promise((done) => setImmediate(done)) : sleep(world, 0);
}

/** `work`, which takes Node's turns but none of the world's time. */
export function held<T>(world: World, work: Promise<T>): Promise<T> {
  world.hold(work.catch(() => {}));
  return work;
}

/** Milliseconds that Node's timers wait at most; they end at once when asked for more. */
const LONGEST_MS = 2 ** 31 - 1;

export class RealWorld implements World {
  readonly simulation = null;
  readonly #alarms = new KernelAlarms();
  readonly #clock = new RealClock(this.#alarms);

  now(): number {
    return this.#clock.now() / 1e9;
  }

  after(seconds: number, run: () => void): () => void {
    let timer: NodeJS.Timeout;
    const wait = (ms: number): void => {
      timer = ms > LONGEST_MS ? setTimeout(() => wait(ms - LONGEST_MS), LONGEST_MS) : setTimeout(run, ms);
    };
    wait(seconds * 1000);
    return () => clearTimeout(timer);
  }

  hold(work: Promise<unknown>): void {
    work.catch(() => {});
  }

  clock(): FunctionClock {
    return new RealClock(this.#alarms);
  }

  random(): number {
    return Math.random();
  }

  seed(): number {
    return Math.floor(Math.random() * 2 ** 32);
  }
}

export class SimulatedWorld implements World {
  readonly simulation: Simulation;
  readonly #seed: number;

  constructor(seed: number, epoch?: number) {
    this.simulation = new Simulation(seed, epoch);
    this.#seed = seed;
  }

  now(): number {
    return this.simulation.clock.now() / 1e9;
  }

  after(seconds: number, run: () => void): () => void {
    let wanted = true;
    const at = this.simulation.clock.now() + Math.round(seconds * 1e9);
    this.simulation.schedule(at, () => {
      if (wanted) run();
    });
    return () => {
      wanted = false;
    };
  }

  hold(work: Promise<unknown>): void {
    this.simulation.hold(work);
  }

  clock(): FunctionClock {
    return new SimulatedClockView(this.simulation.clock);
  }

  random(): number {
    return this.simulation.random.real();
  }

  seed(name: string): number {
    return createHash("sha256").update(`${this.#seed} ${name}`).digest().readUInt32LE(0);
  }
}
