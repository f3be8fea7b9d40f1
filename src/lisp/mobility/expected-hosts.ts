// EIDs that are expected at this site: somebody has said that they will come. Packets for them, and the first ones from
// them, are held until they have come, or until it is over.

import { LargeMap } from "../../collections/large-map.js";
import { addressText } from "../../net/address.js";
import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";
import { type EidPlace, isAt } from "./packets.js";

export interface ExpectedPolicy {
  /** Most EIDs; packets held for one, and in all. */
  readonly capacity: number;
  readonly hold: number;
  readonly queue: number;
  /** Longest patience, nanoseconds. */
  readonly longest: number;
}

/** Packets of an EID (slots), first come first: those for it, and those from it. */
export interface HeldPackets {
  readonly to: number[];
  readonly from: number[];
}

interface Expected extends HeldPackets {
  readonly eid: Uint8Array;
  readonly timer: Timer;
}

export class ExpectedHosts {
  readonly #clock: Clock;
  readonly #timers: TimerGroup;
  readonly #policy: ExpectedPolicy;
  readonly #over: (eid: Uint8Array) => void;
  readonly #hosts = new LargeMap<string, Expected>();
  /** By the last four bytes of the address: found without making anything for each packet. */
  readonly #byEnd = new Map<number, Expected[]>();
  #held = 0;

  /** `over`: the patience with an EID is over; it is to be ended. */
  constructor(clock: Clock, timers: TimerGroup, policy: ExpectedPolicy, over: (eid: Uint8Array) => void) {
    this.#clock = clock;
    this.#timers = timers;
    this.#policy = policy;
    this.#over = over;
  }

  get size(): number {
    return this.#hosts.size;
  }

  /** Packets held. */
  get held(): number {
    return this.#held;
  }

  entries(): IterableIterator<
    HeldPackets & { readonly eid: Uint8Array; readonly timer: { readonly expiry: number } }
  > {
    return this.#hosts.values();
  }

  has(eid: Uint8Array): boolean {
    return this.#hosts.has(addressText(eid));
  }

  /** Expects an EID for `patience` nanoseconds from now on, at most as long as may be; false where there is no room. */
  expect(eid: Uint8Array, patience: number): boolean {
    const name = addressText(eid);
    const found = this.#hosts.get(name) ?? this.#make(name, eid);
    if (found === null) return false;
    found.timer.scheduleAfter(Math.min(patience, this.#policy.longest));
    return true;
  }

  #make(name: string, eid: Uint8Array): Expected | null {
    if (this.#hosts.size >= this.#policy.capacity) return null;
    const made: Expected = { eid, to: [], from: [], timer: this.#timers.timer(() => this.#over(eid)) };
    this.#hosts.set(name, made);
    const end = endOf(eid, eid.length);
    const others = this.#byEnd.get(end);
    if (others === undefined) this.#byEnd.set(end, [made]);
    else others.push(made);
    return made;
  }

  /** Holds a packet for (`to`) or from an expected EID. All but `held`: it is still the caller's. */
  hold(which: "to" | "from", place: EidPlace, slot: number): "held" | "unexpected" | "hold_full" {
    const found = this.#at(place);
    if (found === null) return "unexpected";
    return this.#take(found, which, slot) ? "held" : "hold_full";
  }

  #at(place: EidPlace): Expected | null {
    const found = this.#byEnd.get(endOf(place.u8, place.at + place.bytes));
    if (found !== undefined) for (const expected of found) if (isAt(expected.eid, place)) return expected;
    return null;
  }

  #take(expected: Expected, which: "to" | "from", slot: number): boolean {
    const { hold, queue } = this.#policy;
    const { to, from } = expected;
    if (to.length + from.length >= hold || this.#held >= queue) return false;
    expected[which].push(slot);
    this.#held++;
    return true;
  }

  /** It is not expected any more: what was held is the caller's; null: it was not expected. */
  end(eid: Uint8Array): HeldPackets | null {
    const name = addressText(eid);
    const found = this.#hosts.get(name);
    if (found === undefined) return null;
    found.timer.unschedule();
    this.#hosts.delete(name);
    const end = endOf(eid, eid.length);
    const others = this.#byEnd.get(end)!.filter((other) => other !== found);
    if (others.length === 0) this.#byEnd.delete(end);
    else this.#byEnd.set(end, others);
    this.#held -= found.to.length + found.from.length;
    return found;
  }

  /**
   * Takes over what another one expects and holds, before a hot swap, as far as `wanted` says and there is room. Returns
   * the packets that have none: they are the caller's.
   */
  adopt(former: ExpectedHosts, wanted: (eid: Uint8Array) => boolean): number[] {
    const left: number[] = [];
    for (const { eid, timer } of [...former.#hosts.values()]) {
      const rest = timer.expiry - this.#clock.now();
      const { to, from } = former.end(eid)!;
      const kept = wanted(eid) && this.expect(eid, Math.max(rest, 0));
      const expected = kept ? this.#hosts.get(addressText(eid))! : null;
      for (const which of ["to", "from"] as const)
        for (const slot of which === "to" ? to : from)
          if (expected === null || !this.#take(expected, which, slot)) left.push(slot);
    }
    return left;
  }

  /** Ends all. Returns the packets that were held: they are the caller's. */
  clear(): number[] {
    return [...this.#hosts.values()].flatMap(({ eid }) => {
      const { to, from } = this.end(eid)!;
      return [...to, ...from];
    });
  }
}

/** The four bytes before `end`, as a number. */
function endOf(bytes: Uint8Array, end: number): number {
  return (bytes[end - 4] << 24) | (bytes[end - 3] << 16) | (bytes[end - 2] << 8) | bytes[end - 1];
}
