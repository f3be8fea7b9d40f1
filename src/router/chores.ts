// Work that nobody waits for and that outlives the graph it came from: giving back large tables of an element that a
// hot swap has taken away.

import { Timer, type Timers } from "./timer.js";

/** Nanoseconds of rest between two slices. */
const REST = 1e6;

export class Chores {
  readonly #list: (() => boolean)[] = [];
  #timer: Timer | null = null;

  /** Does `step` time and again between packets, as long as it returns true; each time it takes below a millisecond. */
  add(step: () => boolean): void {
    this.#list.push(step);
    this.#schedule();
  }

  /** Goes on by these timers: the graph that runs is another one. */
  use(timers: Timers): void {
    this.#timer?.unschedule();
    this.#timer = new Timer(timers, () => this.#run());
    this.#schedule();
  }

  /** Does all that is left: the router closes, and no packet waits. */
  finish(): void {
    this.#timer?.unschedule();
    for (const step of this.#list.splice(0)) while (step());
  }

  #schedule(): void {
    if (this.#list.length > 0 && this.#timer?.scheduled === false) this.#timer.scheduleAfter(REST);
  }

  #run(): void {
    if (!this.#list[0]()) this.#list.shift();
    this.#schedule();
  }
}
