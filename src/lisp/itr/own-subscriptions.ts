// An ITR's subscriptions to mappings (RFC 9437): when each is asked for, renewed and given up, and which Map-Notifys
// count.
//
// Every Map-Request begins a range of nonces that no other one shares: the Map-Server counts on from its nonce with
// each publication, and says nowhere which subscription a publication is for. So the range says it, and what was
// published for one subscription cannot be replayed for another, nor for the same one after its renewal.

import { LargeMap } from "../../collections/large-map.js";
import { type EidPrefix, eidName } from "../../net/eid.js";
import type { Prefix } from "../../net/prefix.js";
import { type Clock, wallTime } from "../../router/clock.js";
import type { Random } from "../../router/random.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";

/** Times in steady nanoseconds. */
export interface SubscriptionPolicy {
  /** First wait for a Map-Notify, doubled with every further Map-Request up to `longest`. */
  readonly timeout: number;
  readonly longest: number;
  /** Map-Requests after the first one. */
  readonly retries: number;
  /** How long it rests when nobody answers, or the Map-Server does not take it. */
  readonly pause: number;
  /** How long a subscription is good for before it is asked for anew. */
  readonly renew: number;
  /** After so long without a packet it is given up; 0: never. */
  readonly idle: number;
  readonly capacity: number;
}

export type OwnSubscriptionState =
  /** A Map-Request is out. */
  | "asking"
  | "subscribed"
  /** Nobody answered, or the Map-Server does not take it. */
  | "resting"
  /** A Map-Request that unsubscribes is out. */
  | "ending";

export interface OwnSubscription extends EidPrefix {
  state: OwnSubscriptionState;
  /** Map-Requests sent in this attempt. */
  sent: number;
  /** The nonce of the last Map-Request, and of the Map-Notify that counted last: one less until there was one. */
  base: bigint;
  last: bigint;
  /** Of the Map-Request before: what its Map-Server still sends is only acknowledged. */
  former: bigint | null;
  /** Steady nanoseconds of the last Map-Request. */
  asked: number;
  /** A publication was missed: what is not in the next answer is not to be trusted. */
  missed: boolean;
  /** Packets counted when it was last looked whether it is idle. */
  packets: number;
  readonly timer: Timer;
  readonly idle: Timer;
}

export interface SubscriptionEvents {
  /** Sends the Map-Request of a subscription that is `asking` or `ending`, with its nonce `base`. */
  request(subscription: OwnSubscription): void;
  /** Packets that have used its mappings so far. */
  packets(subscription: OwnSubscription): number;
  /** Whether there is still a mapping to be told of. */
  wanted(subscription: OwnSubscription): boolean;
  /** All Map-Requests of one stayed unanswered. */
  unanswered(subscription: OwnSubscription): void;
}

/** What a Map-Notify is to a subscription. */
export type Notified =
  /** What it says counts. */
  | "answer"
  | "publication"
  /** It is sent again, or it belongs to what has been renewed meanwhile: to be acknowledged, and nothing more. */
  | "repeat"
  /** Its nonce is older than one that has counted. */
  | "replay";

/** Nonces of one Map-Request: its own is among the lower half, publications count on. */
const RANGE_BITS = 20n;
const HALF = 1 << 19;

export class OwnSubscriptions {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #timers: TimerGroup;
  readonly #policy: SubscriptionPolicy;
  readonly #events: SubscriptionEvents;
  readonly #table = new LargeMap<string, OwnSubscription>();
  readonly #ranges = new LargeMap<bigint, OwnSubscription>();
  #lastRange = 0n;

  constructor(
    world: { readonly clock: Clock; readonly random: Random },
    timers: TimerGroup,
    policy: SubscriptionPolicy,
    events: SubscriptionEvents,
  ) {
    this.#clock = world.clock;
    this.#random = world.random;
    this.#timers = timers;
    this.#policy = policy;
    this.#events = events;
  }

  get size(): number {
    return this.#table.size;
  }

  entries(): IterableIterator<OwnSubscription> {
    return this.#table.values();
  }

  /** Subscribes, where there is no subscription yet. Returns false when there are as many as may be. */
  add(iid: number, eid: Prefix): boolean {
    const found = this.#table.get(eidName({ iid, eid }));
    if (found !== undefined) {
      if (found.state === "ending") this.#begin(found, "asking");
      return true;
    }
    if (this.#table.size >= this.#policy.capacity) return false;
    const subscription: OwnSubscription = {
      iid,
      eid,
      state: "asking",
      sent: 0,
      base: 0n,
      last: 0n,
      former: null,
      asked: 0,
      missed: false,
      packets: 0,
      timer: this.#timers.timer(() => this.#due(subscription)),
      idle: this.#timers.timer(() => this.#look(subscription)),
    };
    this.#table.set(eidName({ iid, eid }), subscription);
    subscription.packets = this.#events.packets(subscription);
    if (this.#policy.idle > 0) subscription.idle.scheduleAfter(this.#policy.idle);
    this.#begin(subscription, "asking");
    return true;
  }

  /** Unsubscribes; what nobody has subscribed to is forgotten at once. */
  end(subscription: OwnSubscription): void {
    if (subscription.state === "ending") return;
    if (subscription.state === "resting") this.#forget(subscription);
    else this.#begin(subscription, "ending");
  }

  /** Whether a Map-Notify with this nonce may be for one of these. */
  awaitsNotify(nonce: bigint): boolean {
    return this.#ranges.has(nonce >> RANGE_BITS);
  }

  /** A Map-Notify with this nonce, whose authenticity is proven; null: it is for none of these. */
  notified(nonce: bigint): { readonly subscription: OwnSubscription; readonly as: Notified } | null {
    const subscription = this.#ranges.get(nonce >> RANGE_BITS);
    if (subscription === undefined) return null;
    return { subscription, as: this.#judge(subscription, nonce) };
  }

  #judge(s: OwnSubscription, nonce: bigint): Notified {
    if (nonce >> RANGE_BITS !== s.base >> RANGE_BITS) return "repeat";
    if (nonce === s.last && s.last >= s.base) return "repeat";
    if (nonce <= s.last) return "replay";
    const expected = nonce === s.last + 1n;
    const answer = nonce === s.base;
    s.last = nonce;
    if (s.state === "ending") {
      this.#forget(s);
      return "repeat";
    }
    s.state = "subscribed";
    s.sent = 0;
    if (expected && nonce - s.base < HALF) s.timer.scheduleAt(s.asked + this.#policy.renew);
    else {
      // Something was published that has not come, or comes too late to be told from a replay: the answer has it.
      s.missed ||= !expected;
      s.timer.scheduleAt(Math.max(this.#clock.now(), s.asked + this.#policy.timeout));
    }
    return answer ? "answer" : "publication";
  }

  /** Whether a Map-Reply with this nonce answers one of the Map-Requests. */
  awaitsReply(nonce: bigint): boolean {
    const found = this.#ranges.get(nonce >> RANGE_BITS);
    return found?.base === nonce && (found.state === "asking" || found.state === "ending");
  }

  /** A Map-Reply came with a nonce that is awaited: the Map-Server does not take the subscription. */
  declined(nonce: bigint): void {
    const subscription = this.#ranges.get(nonce >> RANGE_BITS)!;
    if (subscription.state === "ending") this.#forget(subscription);
    else this.#rest(subscription);
  }

  /** It is to be renewed within `nanoseconds`, as its mapping will not be good for longer. */
  renewWithin(subscription: OwnSubscription, nanoseconds: number): void {
    const at = this.#clock.now() + nanoseconds;
    if (subscription.state === "subscribed" && subscription.timer.expiry > at)
      subscription.timer.scheduleAt(at);
  }

  /** Forgets everything. */
  clear(): void {
    for (const subscription of [...this.#table.values()]) this.#forget(subscription);
  }

  find(iid: number, eid: Prefix): OwnSubscription | null {
    return this.#table.get(eidName({ iid, eid })) ?? null;
  }

  /** It is to be asked for anew at once. */
  renew(subscription: OwnSubscription): void {
    if (subscription.state === "subscribed" || subscription.state === "resting")
      this.#begin(subscription, "asking");
  }

  /** After a hot swap nonces go on from those of another table. */
  goOnFrom(other: OwnSubscriptions): void {
    this.#lastRange = other.#lastRange;
  }

  /** After a hot swap, what another table has is asked for anew, with newer nonces. */
  takeFrom(other: OwnSubscriptions): void {
    this.goOnFrom(other);
    for (const { iid, eid, state } of other.#table.values()) if (state !== "ending") this.add(iid, eid);
  }

  #begin(s: OwnSubscription, state: "asking" | "ending"): void {
    s.state = state;
    s.sent = 0;
    // Never at once: who has just put a mapping in may hold packets that wait for it.
    s.timer.scheduleAt(this.#clock.now());
  }

  #due(s: OwnSubscription): void {
    if (s.state === "resting" || s.state === "subscribed") {
      if (!this.#events.wanted(s) && s.state === "resting") {
        this.#forget(s);
        return;
      }
      s.state = "asking";
      s.sent = 0;
    } else if (s.sent > this.#policy.retries) {
      this.#events.unanswered(s);
      if (s.state === "ending") this.#forget(s);
      else this.#rest(s);
      return;
    }
    this.#request(s);
  }

  #request(s: OwnSubscription): void {
    const { timeout, longest } = this.#policy;
    if (s.former !== null) this.#ranges.delete(s.former >> RANGE_BITS);
    s.former = s.base === 0n ? null : s.base;
    s.base = this.#nextBase();
    s.last = s.base - 1n;
    this.#ranges.set(s.base >> RANGE_BITS, s);
    s.asked = this.#clock.now();
    s.timer.scheduleAfter(Math.min(timeout * 2 ** s.sent, longest));
    s.sent++;
    // Last: in one process the answer may be back before this returns.
    this.#events.request(s);
  }

  /** The wall clock keeps ranges increasing over a restart; where in its range a nonce lies nobody can guess. */
  #nextBase(): bigint {
    const { seconds, nanoseconds } = wallTime(this.#clock, this.#clock.now());
    const byClock = ((BigInt(seconds) << 32n) | (BigInt(nanoseconds) << 2n)) >> RANGE_BITS;
    this.#lastRange = byClock > this.#lastRange ? byClock : this.#lastRange + 1n;
    return (this.#lastRange << RANGE_BITS) | BigInt(1 + this.#random.below(HALF - 1));
  }

  #rest(s: OwnSubscription): void {
    s.state = "resting";
    s.timer.scheduleAfter(this.#policy.pause);
  }

  #look(s: OwnSubscription): void {
    const packets = this.#events.packets(s);
    const idle = packets === s.packets;
    s.packets = packets;
    s.idle.scheduleAfter(this.#policy.idle);
    if (idle) this.end(s);
  }

  #forget(s: OwnSubscription): void {
    s.timer.unschedule();
    s.idle.unschedule();
    this.#table.delete(eidName(s));
    this.#ranges.delete(s.base >> RANGE_BITS);
    if (s.former !== null) this.#ranges.delete(s.former >> RANGE_BITS);
  }
}
