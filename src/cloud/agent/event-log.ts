// The events of an agent, kept until all its controllers have them.

import type { HypervisorEvent } from "../hypervisor.js";

export class EventLog {
  readonly #most: number;
  /** The first of them has the number `#first`. */
  readonly #events: HypervisorEvent[] = [];
  #first = 1;

  /** `most`: events that are kept; of more, the first are lost. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Number of the first event that is kept, or will be. */
  get first(): number {
    return this.#first;
  }

  /** Number of the event that comes next. */
  get next(): number {
    return this.#first + this.#events.length;
  }

  get size(): number {
    return this.#events.length;
  }

  /** Event number `number`; undefined: it is not kept. */
  at(number: number): HypervisorEvent | undefined {
    return this.#events[number - this.#first];
  }

  /** Returns whether another one was lost for it. */
  add(event: HypervisorEvent): boolean {
    this.#events.push(event);
    if (this.#events.length <= this.#most) return false;
    this.#events.shift();
    this.#first++;
    return true;
  }

  /** Those up to `number` are not needed any more. */
  forget(number: number): void {
    const count = Math.min(number - this.#first + 1, this.#events.length);
    if (count <= 0) return;
    this.#events.splice(0, count);
    this.#first += count;
  }
}
