// The controller's side of an agent's events: in order, and each once.

import type { HypervisorEvent } from "../hypervisor.js";
import type { EventBody } from "./events.js";

/** Events that are kept for one that has not come yet. */
const AHEAD = 64;

export class EventIntake {
  readonly #deliver: (event: HypervisorEvent) => void;
  readonly #early = new Map<number, HypervisorEvent>();
  #session = 0n;
  #expected = 1;

  constructor(deliver: (event: HypervisorEvent) => void) {
    this.#deliver = deliver;
  }

  /** Session whose events are taken; 0: none yet. */
  get session(): bigint {
    return this.#session;
  }

  /** Number of the last event delivered. */
  get last(): number {
    return this.#expected - 1;
  }

  /** This session has begun or goes on, and `next` is the first event that it has for us. `at`: steady nanoseconds, for `lost`. */
  begin(session: bigint, next: number, at: number): void {
    if (session === this.#session) {
      this.#skip(next, at);
      return;
    }
    const first = this.#session === 0n;
    this.#session = session;
    this.#expected = next;
    this.#early.clear();
    if (!first) this.#deliver(lostEvent(at));
  }

  /** Event number `number` of our session: it is delivered, with those that waited for it, or waits. */
  take(number: number, { first, event }: EventBody, at: number): void {
    this.#skip(first, at);
    if (number < this.#expected || number >= this.#expected + AHEAD) return;
    this.#early.set(number, event);
    this.#row();
  }

  /** Events before `first` will not come: where that is news, some are lost. */
  #skip(first: number, at: number): void {
    if (first <= this.#expected) return;
    this.#expected = first;
    for (const number of this.#early.keys()) if (number < first) this.#early.delete(number);
    this.#deliver(lostEvent(at));
    this.#row();
  }

  #row(): void {
    for (let event = this.#early.get(this.#expected); event !== undefined; ) {
      this.#early.delete(this.#expected);
      this.#expected++;
      this.#deliver(event);
      event = this.#early.get(this.#expected);
    }
  }
}

function lostEvent(at: number): HypervisorEvent {
  return { kind: "lost", guest: "", migration: "", at, bytes: 0, rounds: 0, reason: "" };
}
