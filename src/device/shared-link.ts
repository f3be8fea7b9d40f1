// A link between two threads of a process: rings in shared memory, and a word in it on which a sleeping end waits.

import { type Clock, RealClock, type WallTime } from "../router/clock.js";
import { KernelAlarms } from "./alarms.js";
import { type FarEnd, LinkDevice, type LinkOptions } from "./link.js";
import { makeSharedRing, type SharedRing, SharedWireReceiver, SharedWireSender } from "./shared-wire.js";

/** Words of an end's state: whether it sleeps, whether it is there, and how often it was woken. */
const SLEEPS = 0;
const PRESENCE = 1;
const BELL = 2;
const WORDS = 3;
const GONE = 1;
const CLOSED = 2;

/** One end of a link, as it is handed to the thread that shall have it; to another one when that has ended. */
export interface SharedEnd {
  readonly end: 0 | 1;
  readonly name: string;
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly out: SharedRing;
  readonly into: SharedRing;
  /** State of this end, and of the other. */
  readonly own: SharedArrayBuffer;
  readonly far: SharedArrayBuffer;
}

export interface SharedLinkOptions {
  readonly mtu: number;
  readonly flight: { readonly packets: number; readonly bytes: number };
  readonly names: readonly [string, string];
  readonly macs: readonly [Uint8Array, Uint8Array];
}

/** Makes a link between threads. */
export function makeSharedLink(options: SharedLinkOptions): readonly [SharedEnd, SharedEnd] {
  const { mtu, flight, names, macs } = options;
  const rings = [0, 1].map(() => makeSharedRing(flight.packets, flight.bytes));
  const states = [0, 1].map(() => new SharedArrayBuffer(WORDS * 4));
  const end = (i: 0 | 1): SharedEnd => ({
    end: i,
    name: names[i],
    mac: macs[i],
    mtu,
    out: rings[i],
    into: rings[1 - i],
    own: states[i],
    far: states[1 - i],
  });
  return [end(0), end(1)];
}

/** The thread that had `end` was ended: what is sent to it is lost until another has it. */
export function markGone(end: SharedEnd): void {
  Atomics.store(new Int32Array(end.own), PRESENCE, GONE);
}

/** Time that all threads of the process agree on: steady time is the system's monotonic clock. */
class ProcessClock extends RealClock {
  readonly #offset: number;
  override readonly start: WallTime;

  constructor() {
    super(new KernelAlarms());
    const [seconds, nanoseconds] = process.hrtime();
    const now = super.now();
    this.#offset = seconds * 1e9 + nanoseconds - now;
    const wall = (performance.timeOrigin + performance.now()) * 1e6 - (this.#offset + now);
    const whole = Math.floor(wall / 1e9);
    this.start = { seconds: whole, nanoseconds: Math.round(wall - whole * 1e9) };
  }

  override now(): number {
    return super.now() + this.#offset;
  }
}

/** The device of an end, in the thread that has it. */
export class SharedLinkDevice extends LinkDevice {
  readonly #state: Int32Array;
  readonly #into: SharedWireReceiver;
  readonly #abandoned: number;
  #waiting = false;

  constructor(end: SharedEnd, options: LinkOptions) {
    const clock: Clock = new ProcessClock();
    const given: LinkOptions = {
      ...options,
      clock,
      mtu: end.mtu,
      names: [end.name, end.name],
      macs: [end.mac, end.mac],
    };
    const into = new SharedWireReceiver(end.into);
    const out = new SharedWireSender(end.out);
    super(end.end, clock, given, out, into);
    this.#into = into;
    this.#abandoned = out.abandoned;
    this.#state = new Int32Array(end.own);
    this.join(farEnd(new Int32Array(end.far)));
    Atomics.store(this.#state, PRESENCE, 0);
  }

  override arm(wake: () => void): void {
    Atomics.store(this.#state, PRESENCE, 0);
    this.#sleep();
    super.arm(wake);
  }

  /** Before the look at the ring: what is written after that finds the end asleep, and rings. */
  #sleep(): void {
    Atomics.store(this.#state, SLEEPS, 1);
    if (this.#waiting) return;
    for (;;) {
      const { value, async } = Atomics.waitAsync(this.#state, BELL, Atomics.load(this.#state, BELL));
      if (async) {
        this.#waiting = true;
        void value.then(() => this.#rung());
        return;
      }
      // It was rung between the two.
      Atomics.store(this.#state, SLEEPS, 1);
    }
  }

  #rung(): void {
    this.#waiting = false;
    if (this.closed) return;
    // The next bell needs a listener if the end went to sleep again before this turn; and if there is nothing to wake
    // for: a sender rings after its packets can be seen, so they may have been taken already.
    if (Atomics.load(this.#state, SLEEPS) === 1 || this.#into.packets === 0) this.#sleep();
    this.expect();
  }

  /** `tx_abandoned`: what the thread that had this end before was writing when it was ended. */
  override counters(): Readonly<Record<string, number>> {
    return { ...super.counters(), tx_abandoned: this.#abandoned };
  }

  override release(): void {
    Atomics.store(this.#state, PRESENCE, GONE);
    super.release();
  }

  override close(): void {
    Atomics.store(this.#state, PRESENCE, GONE | CLOSED);
    super.close();
    ring(this.#state);
  }
}

function farEnd(state: Int32Array): FarEnd {
  return {
    get closed() {
      return (Atomics.load(state, PRESENCE) & CLOSED) !== 0;
    },
    get gone() {
      return Atomics.load(state, PRESENCE) !== 0;
    },
    expect() {
      if (Atomics.load(state, SLEEPS) === 1 && Atomics.exchange(state, SLEEPS, 0) === 1) ring(state);
    },
  };
}

function ring(state: Int32Array): void {
  Atomics.add(state, BELL, 1);
  Atomics.notify(state, BELL);
}
