// Messages between the sites of a test, in simulated time: they take their time, and may be lost, late or doubled.

import { SimulatedClock } from "../../../src/router/clock.js";
import { SeededRandom } from "../../../src/router/random.js";
import { Timer, Timers } from "../../../src/router/timer.js";

export type Place = "ctl" | "dc1" | "dc2" | "ms";

export interface Message {
  readonly from: Place;
  readonly to: Place;
  readonly what: string;
}

/** What becomes of a message: lost, or copies that are late by so many seconds each. */
export type Fate = "lost" | readonly number[];
/** null: nothing special. */
export type Weather = (message: Message) => Fate | null;

/** Seconds after which a request is sent again, and given up. */
const AGAIN = [0.1, 0.3, 0.7];
const GIVEN_UP = 1.5;

export class Network {
  readonly clock = new SimulatedClock();
  readonly timers = new Timers(this.clock);
  readonly random: SeededRandom;
  readonly weather = new Set<Weather>();
  /** What was sent, for traces. */
  readonly log: { readonly at: number; readonly message: Message }[] = [];
  /** Called before time passes. */
  watch: () => void = () => {};
  readonly #owd: (from: Place, to: Place) => number;

  constructor(seed: number, owd: (from: Place, to: Place) => number) {
    this.random = new SeededRandom(seed);
    this.#owd = owd;
  }

  get now(): number {
    return this.clock.now() / 1e9;
  }

  after(seconds: number, run: () => void): Timer {
    const timer = new Timer(this.timers, run);
    timer.scheduleAfter(Math.round(seconds * 1e9));
    return timer;
  }

  send(from: Place, to: Place, what: string, arrive: () => void): void {
    const message = { from, to, what };
    this.log.push({ at: this.now, message });
    let fate: Fate = [0];
    for (const weather of this.weather) fate = weather(message) ?? fate;
    if (fate === "lost") return;
    const owd = from === to ? 0.0001 : this.#owd(from, to);
    for (const late of fate) this.after(owd + late, arrive);
  }

  /**
   * Asks until it is answered. `serve` runs at `to` for each copy that arrives, and answers by calling what it is given; it may stay
   * silent. Rejects with `lost()`.
   */
  ask<T>(
    from: Place,
    to: Place,
    what: string,
    serve: (answer: (value: Promise<T>) => void) => void,
    lost: () => Error,
    tries: readonly number[] = AGAIN,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      let settled = false;
      const end = (settle: () => void): void => {
        if (settled) return;
        settled = true;
        for (const timer of timers) timer.unschedule();
        settle();
      };
      const send = (): void =>
        this.send(from, to, what, () =>
          serve((value) => {
            value.then(
              (v) => this.send(to, from, `${what} answer`, () => end(() => resolve(v))),
              (e) => this.send(to, from, `${what} answer`, () => end(() => reject(e))),
            );
          }),
        );
      const timers = tries.map((seconds) => this.after(seconds, send));
      timers.push(this.after(GIVEN_UP, () => end(() => reject(lost()))));
      send();
    });
  }

  /** Lets time pass until `over`, or `seconds` are over. */
  async run(seconds: number, over: () => boolean = () => false): Promise<void> {
    const end = this.clock.now() + seconds * 1e9;
    for (;;) {
      while (this.timers.run(64) > 0) await turn();
      await turn();
      if (this.timers.next <= this.clock.now()) continue;
      this.watch();
      if (over()) return;
      if (this.timers.next > end) break;
      this.clock.advance(this.timers.next);
    }
    this.clock.advance(end);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
