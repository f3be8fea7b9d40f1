// The driver: the loop that runs a router's tasks and timers, and waits when there is nothing to do.

import { RealClock, type SimulatedClock } from "./clock.js";
import type { Router } from "./router.js";
import { RouterError } from "./router-error.js";

/** Tasks in one round, before timers and devices get their turn (Click's 128). */
const TASKS_PER_ROUND = 128;
const TIMERS_PER_ROUND = 64;
/** Real milliseconds after which a busy router lets the event loop (sockets, signals) run. */
const BUSY_SLICE = 2;
/** Milliseconds of the longest wait: Node's timers end at once when asked for more than 24 days. */
const LONGEST_WAIT = 60_000;
/**
 * Simulated nanoseconds that a round takes after which there are tasks still: without it a polling task would
 * stop time. (Click's simulated clock moves by a microsecond each time somebody looks at it.)
 */
const BUSY_ROUND_NS = 1000;
/** Rounds in which `runFor` lets tasks finish at the very end of its time. */
const LAST_ROUNDS = 1000;

export class Driver {
  readonly #router: Router;
  #stopped = false;
  #running = false;
  #paused = false;
  /** It has been said that there was no room for a packet. */
  #full = false;
  #wake: (() => void) | null = null;
  /** The earliest steady nanosecond for which an alarm of the clock is set. */
  #alarm = Number.POSITIVE_INFINITY;
  readonly #ring = (): void => {
    this.#alarm = Number.POSITIVE_INFINITY;
    this.wake();
  };

  constructor(router: Router) {
    this.#router = router;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /**
   * Lets the router stand still, as a virtual machine that is paused: no task or timer runs and devices take no packets,
   * until `resume`. Its clock goes on: timers that were due meanwhile are late.
   */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  /** Stops at once, whatever a DriverManager would still do: the user asked. */
  interrupt(): void {
    this.#stopped = true;
    this.wake();
  }

  /** Ends a wait: something happened outside (a device is ready, a handler was written). */
  wake(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  /** One round: requests to stop, tasks, then timers. Returns whether something ran. */
  #round(): boolean {
    if (this.#paused) return false;
    if (this.#router.graph.stops()) {
      this.#stopped = true;
      return false;
    }
    // A hot swap replaces them, so they are looked up each time.
    const { tasks, timers, graph } = this.#router;
    const ran = tasks.size > 0;
    this.#router.enter();
    try {
      tasks.run(TASKS_PER_ROUND);
      const fired = timers.run(TIMERS_PER_ROUND) > 0;
      if (!this.#full && this.#router.memory.exhausted > 0) this.#tellFull();
      return ran || fired || graph.stopRequested;
    } finally {
      this.#router.leave();
    }
  }

  #tellFull(): void {
    this.#full = true;
    const { memory } = this.#router;
    this.#router.log(
      `no room for more packets: ${memory.slotsUsed} are held, in a memory of ${memory.u8.length / 2 ** 20} MiB; what comes meanwhile is lost. Sources and devices count it as no_slot and rx_no_slot; a larger memory holds more`,
    );
  }

  /** Whether there is something to run at this very moment. */
  #due(): boolean {
    const { tasks, timers, clock, graph } = this.#router;
    return tasks.size > 0 || graph.stopRequested || timers.next <= clock.now();
  }

  /** Runs up to `rounds` rounds; returns whether there was something to do in the last. */
  step(rounds: number): boolean {
    for (let i = 0; i < rounds; i++) if (this.#stopped || !this.#round()) return false;
    return true;
  }

  /**
   * Under a simulated clock: runs until `seconds` have passed or the router stops. Tasks that are busy at the very
   * end get LAST_ROUNDS rounds to finish.
   */
  runFor(seconds: number): void {
    if (!this.#router.clock.simulated)
      throw new RouterError("NO_CLOCK", "runFor: the router was made without a simulated clock");
    const clock = this.#router.clock as SimulatedClock;
    const end = clock.now() + Math.round(seconds * 1e9);
    for (let last = 0; last < LAST_ROUNDS && !this.#stopped && !this.#paused; ) {
      this.#round();
      if (this.#stopped) return;
      if (clock.now() >= end) last++;
      if (this.#router.tasks.size > 0) clock.advance(Math.min(end, clock.now() + BUSY_ROUND_NS));
      else if (!this.#due()) {
        if (this.#router.timers.next > end) break;
        clock.advance(this.#router.timers.next);
      }
    }
    if (!this.#stopped) clock.advance(end);
  }

  async run(signal?: AbortSignal): Promise<void> {
    if (this.#running) throw new RouterError("RUNNING", "run: the router runs already");
    const abort = (): void => this.interrupt();
    if (signal?.aborted) return;
    signal?.addEventListener("abort", abort, { once: true });
    this.#stopped = false;
    this.#running = true;
    const { clock } = this.#router;
    try {
      let slice = performance.now();
      let turned = false;
      while (!this.#stopped) {
        if (this.#round()) turned = false;
        if (this.#stopped) break;
        if (this.#paused) {
          await this.#wait(Number.POSITIVE_INFINITY);
          continue;
        }
        const { next } = this.#router.timers;
        if (this.#due()) {
          if (clock.simulated && this.#router.tasks.size > 0)
            (clock as SimulatedClock).advance(clock.now() + BUSY_ROUND_NS);
          if (performance.now() - slice < BUSY_SLICE) continue;
          await immediate();
        } else if (clock.simulated && next !== Number.POSITIVE_INFINITY) {
          // What waits for promises goes on before time passes.
          turned = this.#router.usesTurns && !turned;
          if (turned) {
            await immediate();
            continue;
          }
          (clock as SimulatedClock).advance(next);
          if (performance.now() - slice < BUSY_SLICE) continue;
          await immediate();
        } else {
          if (clock instanceof RealClock && clock.nowait && next !== Number.POSITIVE_INFINITY)
            clock.skipTo(next);
          await this.#wait(next);
        }
        slice = performance.now();
      }
    } finally {
      this.#running = false;
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Waits until steady nanosecond `at`, or a little less, or until `wake` is called. */
  #wait(at: number): Promise<void> {
    const { clock } = this.#router;
    if (!(clock instanceof RealClock)) return immediate();
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      const ns = clock.delay(at);
      if (ns < RealClock.SHORT) {
        if (at >= this.#alarm) return;
        this.#alarm = at;
        clock.wakeNear(at, this.#ring);
      } else {
        // Without a timer due the wait still holds the process: a router runs until it is stopped.
        timer = setTimeout(() => this.wake(), Math.min(ns / 1e6 - 1, LONGEST_WAIT));
      }
    });
  }
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
