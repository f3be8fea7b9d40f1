// Any number of timers behind one timer of an element: for tables whose entries come and go.

import type { Element } from "./element.js";
import { Timer, Timers } from "./timer.js";

/** Entries that one firing serves, so that a table full of them does not hold everything else up. */
const AT_ONCE = 16;

export class TimerGroup {
  readonly #timers: Timers;
  readonly #timer: Timer;

  constructor(element: Element) {
    this.#timers = new Timers(element.router.clock);
    this.#timer = element.newTimer(() => {
      this.#timers.run(AT_ONCE);
      this.#schedule();
    });
    this.#timers.wake = () => this.#schedule();
  }

  /** A timer that fires with the element's others, and that may be thrown away once it is not scheduled. */
  timer(fire: () => void): Timer {
    return new Timer(this.#timers, fire);
  }

  #schedule(): void {
    const { next } = this.#timers;
    if (next === Number.POSITIVE_INFINITY) this.#timer.unschedule();
    // What is due still is served when packets have had their turn.
    else this.#timer.scheduleAt(Math.max(next, this.#timers.clock.now()));
  }
}
