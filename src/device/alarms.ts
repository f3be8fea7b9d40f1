// Waiting for parts of a millisecond without spinning: Node's timers have whole ones. A timerfd of the kernel wakes
// Node's event loop on time.

import type { Alarms } from "../router/clock.js";
import { DeviceError } from "../router/device.js";
import { Syscalls, type Waiter } from "./syscalls.js";

/** Milliseconds without an alarm after which the timer is given back. */
const IDLE_MS = 1000;
/** So much earlier than asked for, since being woken takes time, too; who was woken goes round the event loop for the rest. */
const EARLY_NS = 50_000;
/** Waits that are shorter go round the event loop at once. */
const LEAST_NS = 2 * EARLY_NS;

interface Pending {
  /** Milliseconds of `performance.now()`. */
  readonly at: number;
  readonly run: () => void;
}

/**
 * Alarms of one process or thread: one timer of the kernel, set for the next of them. Where there is no such timer they
 * go round the event loop, which takes a processor for itself. The process lives while one is set; there is nothing to close.
 */
export class KernelAlarms implements Alarms {
  /** The next first. There are a few: one for each link and router that waits. */
  readonly #pending: Pending[] = [];
  #timer: KernelTimer | null = null;
  #unsupported = false;
  #syscalls: Syscalls | null = null;
  #idle: NodeJS.Timeout | null = null;
  /** What the timer is set for; Infinity: nothing. */
  #setFor = Number.POSITIVE_INFINITY;

  after(ns: number, run: () => void): void {
    if (ns < LEAST_NS || !this.#open()) {
      setImmediate(run);
      return;
    }
    const at = performance.now() + (ns - EARLY_NS) / 1e6;
    let place = this.#pending.length;
    while (place > 0 && this.#pending[place - 1].at > at) place--;
    this.#pending.splice(place, 0, { at, run });
    if (at < this.#setFor) this.#set();
  }

  #open(): boolean {
    if (this.#timer !== null) return true;
    if (this.#unsupported) return false;
    try {
      this.#syscalls ??= new Syscalls();
      this.#timer = new KernelTimer(this.#syscalls, () => this.#fire());
      this.#idle = setTimeout(() => this.#rest(), IDLE_MS).unref();
      return true;
    } catch (e) {
      if (!(e instanceof DeviceError)) throw e;
      this.#unsupported = true;
      return false;
    }
  }

  #rest(): void {
    if (this.#pending.length > 0) {
      this.#idle!.refresh();
      return;
    }
    this.#timer!.close();
    this.#timer = null;
  }

  #set(): void {
    const [next] = this.#pending;
    this.#setFor = next?.at ?? Number.POSITIVE_INFINITY;
    if (next === undefined) return;
    this.#idle!.refresh();
    this.#timer!.set(Math.max(1, (next.at - performance.now()) * 1e6));
  }

  #fire(): void {
    this.#setFor = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let due = 0;
    while (due < this.#pending.length && this.#pending[due].at <= now) due++;
    // Who is called sets new ones.
    for (const { run } of this.#pending.splice(0, due)) run();
    if (this.#pending.length > 0 && this.#pending[0].at < this.#setFor) this.#set();
  }
}

/** A timerfd, and the wait for it in Node's event loop. */
class KernelTimer {
  readonly #syscalls: Syscalls;
  readonly #fd: number;
  readonly #waiter: Waiter;
  readonly #fire: () => void;
  /** struct itimerspec: interval, then value, as seconds and nanoseconds of 64 bits each. */
  readonly #spec = new Uint8Array(32);
  readonly #view = new DataView(this.#spec.buffer);

  /** Throws DeviceError. */
  constructor(syscalls: Syscalls, fire: () => void) {
    this.#fire = fire;
    this.#syscalls = syscalls;
    this.#fd = syscalls.timer();
    if (this.#fd < 0) throw new DeviceError("UNSUPPORTED", "the kernel gives no timer");
    this.#waiter = syscalls.waiter(this.#fd, "read");
  }

  /** Goes off `ns` from now, in place of what it was set for. That it went off before is forgotten. */
  set(ns: number): void {
    this.#view.setUint32(16, Math.floor(ns / 1e9), true);
    this.#view.setUint32(24, ns % 1e9, true);
    this.#syscalls.timerSet(this.#fd, 0, this.#spec, 0);
    this.#waiter.wait(this.#fire);
  }

  close(): void {
    this.#waiter.close();
    this.#syscalls.close(this.#fd);
  }
}
