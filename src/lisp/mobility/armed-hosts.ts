// Where EIDs of this site will go, said before they have left.

import { LargeMap } from "../../collections/large-map.js";
import { addressText } from "../../net/address.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";
import type { Locator } from "../mapping.js";

export interface Armed {
  readonly eid: Uint8Array;
  readonly locators: readonly Locator[];
  /** Steady nanoseconds at which it is forgotten. */
  readonly until: number;
}

export class ArmedHosts {
  readonly #timers: TimerGroup;
  readonly #capacity: number;
  readonly #hosts = new LargeMap<string, Armed & { readonly timer: Timer }>();

  constructor(timers: TimerGroup, capacity: number) {
    this.#timers = timers;
    this.#capacity = capacity;
  }

  entries(): IterableIterator<Armed> {
    return this.#hosts.values();
  }

  get size(): number {
    return this.#hosts.size;
  }

  get(eid: Uint8Array): Armed | null {
    return this.#hosts.get(addressText(eid)) ?? null;
  }

  /** Remembers the locators of an EID in place of others; false where there is no room. */
  set(armed: Armed): boolean {
    const name = addressText(armed.eid);
    const former = this.#hosts.get(name);
    if (former === undefined && this.#hosts.size >= this.#capacity) return false;
    former?.timer.unschedule();
    const timer = this.#timers.timer(() => void this.#hosts.delete(name));
    timer.scheduleAt(armed.until);
    this.#hosts.set(name, { ...armed, timer });
    return true;
  }

  delete(eid: Uint8Array): void {
    const name = addressText(eid);
    this.#hosts.get(name)?.timer.unschedule();
    this.#hosts.delete(name);
  }
}
