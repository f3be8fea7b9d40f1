// What happened in a service: kept for `logs`, told to those who watch.

import { Listeners } from "../../router/listeners.js";

export interface ServiceEvent {
  /** Number of the event, from 1. */
  readonly number: number;
  /** Seconds since the service's world began. */
  readonly at: number;
  /** The function or link it is about; `service` for all. */
  readonly about: string;
  /** `state`: what became of it; `log`: a line that an element wrote; `fault`: one that was injected. */
  readonly kind: "state" | "log" | "fault";
  readonly message: string;
}

/** Events kept. */
const KEPT = 10_000;
/** Characters kept of one. */
const LONGEST = 4096;

export class EventLog {
  readonly #now: () => number;
  readonly #events: ServiceEvent[] = [];
  readonly #listeners = new Listeners<[event: ServiceEvent]>("events of the service", (line) =>
    process.stderr.write(`${line}\n`),
  );
  #number = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(about: string, kind: ServiceEvent["kind"], message: string): void {
    const event = {
      number: ++this.#number,
      at: this.#now(),
      about,
      kind,
      message: message.slice(0, LONGEST),
    };
    this.#events.push(event);
    // Seldom, so that it costs nothing.
    if (this.#events.length >= 2 * KEPT) this.#events.splice(0, KEPT);
    this.#listeners.tell(event);
  }

  /** The latest events, at most `most`, about `about` if that is given, after number `after`. */
  latest(most: number, about?: string, after = 0): ServiceEvent[] {
    const found: ServiceEvent[] = [];
    for (let i = this.#events.length - 1; i >= 0 && found.length < most; i--) {
      const event = this.#events[i];
      if (event.number <= after) break;
      if (about === undefined || event.about === about) found.push(event);
    }
    return found.reverse();
  }

  /** Calls `listener` with every event from now on, until the function it returns is called. */
  watch(listener: (event: ServiceEvent) => void): () => void {
    return this.#listeners.add(listener);
  }
}
