// The driver: the loop that runs a router's tasks and timers, and waits when there is nothing to do.

import type { SimulatedClock } from "./clock.js";
import type { Router } from "./router.js";

/** Tasks in one round, before timers and devices get their turn (Click's 128). */
const TASKS_PER_ROUND = 128;
const TIMERS_PER_ROUND = 64;
/** Real milliseconds after which a busy router lets the event loop (sockets, signals) run. */
const BUSY_SLICE = 2;
/** Waits shorter than this spin through the event loop: Node's timers have whole milliseconds. */
const SPIN_NS = 1_500_000;

/** Decides what a request to stop means; DriverManager installs one. Returns true when the router goes on. */
export type StopHook = () => boolean;

export class Driver {
  readonly #router: Router;
  #stopRequested = false;
  #stopped = false;
  #wake: (() => void) | null = null;
  /** Called when a stop is requested, before it takes effect. */
  onStop: StopHook | null = null;

  constructor(router: Router) {
    this.#router = router;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Asks to stop: the driver stops after the current round unless `onStop` says otherwise. */
  requestStop(): void {
    this.#stopRequested = true;
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

  /** One round: tasks, then timers. Returns whether something ran. */
  #round(): boolean {
    const { tasks, timers } = this.#router;
    const ran = tasks.size > 0;
    tasks.run(TASKS_PER_ROUND);
    const fired = timers.run(TIMERS_PER_ROUND) > 0;
    if (this.#stopRequested) {
      this.#stopRequested = false;
      if (this.onStop === null || !this.onStop()) this.#stopped = true;
    }
    return ran || fired;
  }

  /** Runs up to `rounds` rounds; returns whether there was something to do in the last. */
  step(rounds: number): boolean {
    for (let i = 0; i < rounds; i++) if (this.#stopped || !this.#round()) return false;
    return true;
  }

  /** Runs all that is due now and, under a simulated clock, all that falls due within `seconds`. */
  runFor(seconds: number): void {
    const { clock, timers } = this.#router;
    if (!clock.simulated) throw new Error("runFor needs a simulated clock");
    const end = clock.now() + Math.round(seconds * 1e9);
    for (;;) {
      while (!this.#stopped && this.#round()) {
        // until nothing is due
      }
      if (this.#stopped || timers.next > end) break;
      (clock as SimulatedClock).advance(timers.next);
    }
    if (!this.#stopped) (clock as SimulatedClock).advance(end);
  }

  async run(signal?: AbortSignal): Promise<void> {
    const abort = (): void => this.interrupt();
    if (signal?.aborted) return;
    signal?.addEventListener("abort", abort, { once: true });
    this.#stopped = false;
    const { clock, tasks, timers } = this.#router;
    try {
      let slice = performance.now();
      while (!this.#stopped) {
        this.#round();
        if (this.#stopped) break;
        if (tasks.size > 0 || timers.next <= clock.now()) {
          if (performance.now() - slice < BUSY_SLICE) continue;
          await immediate();
        } else if (clock.simulated && timers.next !== Number.POSITIVE_INFINITY) {
          (clock as SimulatedClock).advance(timers.next);
          if (performance.now() - slice < BUSY_SLICE) continue;
          await immediate();
        } else {
          await this.#wait(clock.delay(timers.next));
        }
        slice = performance.now();
      }
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Waits until `ns` have passed or `wake` is called. */
  #wait(ns: number): Promise<void> {
    if (ns < SPIN_NS) return immediate();
    return new Promise((resolve) => {
      // Without a timer due the wait still holds the process: a router runs until it is stopped.
      const ms = Math.min(ns / 1e6 - 1, 60_000);
      const timer = setTimeout(() => this.wake(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
