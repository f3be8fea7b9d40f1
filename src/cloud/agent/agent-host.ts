// What the parts of an agent have of the element that they live in. A hot swap gives them another one: they go on there.

import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { OutgoingDatagram } from "../../transport/datagram-channel.js";

export interface AgentHost {
  readonly clock: Clock;
  /** Addresses that datagrams come to and go from, at most one of a family; and the UDP port. */
  readonly addresses: readonly Uint8Array[];
  readonly port: number;
  /** A timer that ends with the element. */
  timer(fire: () => void): Timer;
  /** Returns false when there was no room for it. */
  send(datagram: OutgoingDatagram): boolean;
  /** Nobody can guess it, outside of simulations; in these it is another one after a restart as well, though the seed is the same. */
  random64(): bigint;
  /** Writes a line to the log. */
  log(line: string): void;
}

/** The host's address of the family of `other`; undefined: it has none. */
export function ownAddress(host: AgentHost, other: Uint8Array): Uint8Array | undefined {
  return host.addresses.find(({ length }) => length === other.length);
}

/** One timer for many times: what is due at which is its user's to know. */
export class Alarm {
  readonly #run: (now: number) => number;
  #clock: Clock | null = null;
  #timer: Timer | null = null;

  /** `run` does what is due at `now` and returns the next time, both steady nanoseconds; Infinity: nothing is to come. */
  constructor(run: (now: number) => number) {
    this.#run = run;
  }

  /** From now on by this host's clock; what is due is done there. */
  attach(host: AgentHost): void {
    this.#timer?.unschedule();
    this.#clock = host.clock;
    this.#timer = host.timer(() => this.#fire());
    this.#timer.scheduleAt(host.clock.now());
  }

  #fire(): void {
    const next = this.#run(this.#clock!.now());
    if (next < Number.POSITIVE_INFINITY) this.by(next);
  }

  /** Runs no later than at steady nanosecond `at`. */
  by(at: number): void {
    const timer = this.#timer;
    if (timer === null || at === Number.POSITIVE_INFINITY) return;
    if (!timer.scheduled || timer.expiry > at) timer.scheduleAt(at);
  }

  stop(): void {
    this.#timer?.unschedule();
    this.#timer = null;
  }
}

/** Nanoseconds after which a message is sent again, try by try; the last one for all further tries. */
export const AGAIN: readonly number[] = [0.1e9, 0.2e9, 0.4e9, 1e9];

/** The pause after try `tries`, from 1. */
export function pauseAfter(tries: number): number {
  return AGAIN[Math.min(tries, AGAIN.length) - 1];
}
