// Map-Requests on their way: which EIDs are being resolved, with what nonces, when to ask again, and the packets that
// wait for the answer (RFC 9301, section 5.3).

import { LargeMap } from "../../collections/large-map.js";
import { addressText } from "../../net/address.js";
import { type EidPrefix, eidName } from "../../net/eid.js";
import type { Prefix } from "../../net/prefix.js";
import type { Clock } from "../../router/clock.js";
import type { Random } from "../../router/random.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";
import { randomNonce } from "../control/control-records.js";
import { PrefixSet } from "../prefix-set.js";
import type { ResolutionHistory, ResolutionTrace } from "./resolution-history.js";

/** Times in steady nanoseconds. */
export interface ResolutionPolicy {
  /** First wait for a Map-Reply, doubled with every further Map-Request up to `longest`. */
  readonly timeout: number;
  readonly longest: number;
  /** Map-Requests after the first one. */
  readonly retries: number;
  /** How long an EID rests after all of them stayed unanswered. */
  readonly pause: number;
  /** Least time between two Map-Requests for one EID-prefix. */
  readonly interval: number;
  /** Most EID-prefixes at once, packets that wait for one, and in all. */
  readonly capacity: number;
  readonly hold: number;
  readonly queue: number;
}

/** asking: a Map-Request is out. resting: none was answered. settled: there is a mapping, but it is too early to ask again. */
export type ResolutionState = "asking" | "resting" | "settled";

export interface Resolution extends EidPrefix {
  /** The address that the first packet came from; null where no packet asks. */
  source: Uint8Array | null;
  /** Sent because of an SMR (s bit). */
  smrInvoked: boolean;
  /** Not only packets want the answer: it is asked for though they have a mapping. */
  wanted: boolean;
  /** A Map-Request that is out may be answered with what was before somebody asked: it is asked for once more then. */
  again: "smr" | "request" | null;
  state: ResolutionState;
  /** Map-Requests sent in this attempt; attempts since the last SMR or answer. */
  sent: number;
  rounds: number;
  /** Steady nanoseconds of the beginning and of the last Map-Request. */
  began: number;
  last: number;
  /** Index of the Map-Resolver asked last; -1: none yet. */
  resolver: number;
  readonly nonces: bigint[];
  /** Slots of the packets that wait, first come first. */
  held: number[];
  readonly timer: Timer;
  /** What became of it so far: of the last attempt; null before the first, and where that is not kept. */
  trace: ResolutionTrace | null;
}

/** Times that an EID-prefix which was asked for because of an SMR is asked for anew, as nobody has answered. */
const SMR_ROUNDS = 3;

export interface ResolutionEvents {
  /** Sends a Map-Request with this nonce; says which Map-Resolver it went to, -1: it could not be sent. */
  send(resolution: Resolution, nonce: bigint): number;
  /** Its last Map-Request, to the Map-Resolver `resolution.resolver`, was not answered in time. */
  unanswered(resolution: Resolution): void;
  /** Gives packets up that waited in vain. */
  giveUp(slots: readonly number[]): void;
  /** Whether there is a mapping that packets to its EID can follow. */
  mapped(resolution: Resolution): boolean;
  /** Sends packets on that waited, as there is one. */
  sendOn(slots: readonly number[], trace: ResolutionTrace | null): void;
}

/** What became of a packet that needs a mapping. */
export type Held = "held" | "queue-full" | "table-full" | "resting";

export class Resolutions {
  readonly #policy: ResolutionPolicy;
  readonly #events: ResolutionEvents;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #timers: TimerGroup;
  readonly #history: ResolutionHistory;
  readonly #table = new LargeMap<string, Resolution>();
  readonly #nonces = new LargeMap<bigint, { readonly resolution: Resolution; readonly resolver: number }>();
  /** Those for whose EID packets wait; and of these, those within prefixes whose mapping has come. */
  readonly #holding = new PrefixSet<Resolution>();
  readonly #covered = new Set<Resolution>();
  readonly #release: Timer;
  /** Packets that wait. */
  waiting = 0;

  constructor(
    world: { readonly clock: Clock; readonly random: Random },
    timers: TimerGroup,
    policy: ResolutionPolicy,
    events: ResolutionEvents,
    history: ResolutionHistory,
  ) {
    this.#clock = world.clock;
    this.#random = world.random;
    this.#timers = timers;
    this.#policy = policy;
    this.#events = events;
    this.#history = history;
    this.#release = timers.timer(() => this.sendCovered());
  }

  get size(): number {
    return this.#table.size;
  }

  entries(): IterableIterator<Resolution> {
    return this.#table.values();
  }

  /** Takes a packet that needs the mapping of `eid`, and asks for that where nobody does. Anything but "held": the packet is still the caller's. */
  hold(iid: number, eid: Prefix, source: Uint8Array, slot: number): Held {
    let found = this.#table.get(eidName({ iid, eid }));
    if (found === undefined) {
      if (this.#table.size >= this.#policy.capacity) return "table-full";
      if (this.waiting >= this.#policy.queue) return "queue-full";
      found = this.#add(iid, eid);
    }
    if (found.state === "resting") return "resting";
    if (found.held.length >= this.#policy.hold || this.waiting >= this.#policy.queue) return "queue-full";
    found.source ??= source;
    this.#keep(found, [slot]);
    if (found.state === "settled") {
      this.#askWhenAllowed(found);
      const destination = addressText(eid.address);
      found.trace?.add({ event: "miss", source: addressText(source), destination });
    }
    return "held";
  }

  /**
   * Asks for a mapping without a packet that needs it; false when the table is full. What is being asked for already is
   * asked for once more when that is over, but for a refresh: only an answer to what is asked from now on tells of a
   * change.
   */
  ask(iid: number, eid: Prefix, because: "smr" | "refresh" | "request"): boolean {
    let found = this.#table.get(eidName({ iid, eid }));
    if (found === undefined) {
      if (this.#table.size >= this.#policy.capacity) return false;
      found = this.#add(iid, eid);
    }
    if (because === "smr") found.rounds = 0;
    if (found.state === "settled") this.#askFor(found, because);
    else if (found.sent > 0) {
      if (because !== "refresh" && found.again !== "smr") found.again = because;
    } else {
      found.smrInvoked ||= because === "smr";
      found.wanted = true;
    }
    return true;
  }

  #askFor(resolution: Resolution, because: "smr" | "refresh" | "request"): void {
    resolution.again = null;
    resolution.smrInvoked ||= because === "smr";
    resolution.wanted = true;
    this.#askWhenAllowed(resolution);
    resolution.trace?.add({ event: "asked", because });
  }

  /** Whose Map-Request had this nonce; null: nobody's. */
  of(nonce: bigint): { readonly resolution: Resolution; readonly resolver: number } | null {
    return this.#nonces.get(nonce) ?? null;
  }

  /** It is answered: its nonces are void, the slots that waited are the caller's. */
  settle(resolution: Resolution): number[] {
    this.#forgetNonces(resolution);
    const slots = this.#takeHeld(resolution);
    this.#settled(resolution);
    resolution.timer.scheduleAt(resolution.last + this.#policy.interval);
    this.#askAgain(resolution);
    return slots;
  }

  #settled(resolution: Resolution): void {
    resolution.state = "settled";
    resolution.smrInvoked = false;
    resolution.rounds = 0;
    resolution.wanted = false;
    resolution.source = null;
  }

  /** Begins anew where somebody has asked meanwhile. Returns whether it does. */
  #askAgain(resolution: Resolution): boolean {
    const { again } = resolution;
    if (again === null) return false;
    this.#askFor(resolution, again);
    return true;
  }

  /**
   * A mapping of this prefix has come, whoever was asked for it: the packets that wait for EIDs in it leave as soon as
   * whoever put it in has put in what belongs to it, at the latest when the next timers fire.
   */
  cover(iid: number, eid: Prefix): void {
    if (this.waiting === 0) return;
    for (const resolution of this.#holding.within(iid, eid)) this.#covered.add(resolution);
    if (this.#covered.size > 0 && !this.#release.scheduled) this.#release.scheduleAfter(0);
  }

  /** Sends on the packets whose mapping has come, now. */
  sendCovered(): void {
    if (this.#covered.size === 0) return;
    const covered = [...this.#covered];
    this.#covered.clear();
    this.#release.unschedule();
    for (const resolution of covered)
      if (resolution.held.length > 0 && this.#events.mapped(resolution)) this.#sendOn(resolution);
  }

  /** Its packets leave. Its Map-Request, if one is out, may still be answered; it is not repeated for packets' sake. */
  #sendOn(resolution: Resolution): void {
    const slots = this.#takeHeld(resolution);
    const { trace } = resolution;
    if (!resolution.wanted) {
      this.#settled(resolution);
      if (resolution.sent === 0 || !resolution.timer.scheduled) resolution.timer.scheduleAfter(0);
    }
    this.#events.sendOn(slots, trace);
  }

  /**
   * Takes over what another one asks for, with the packets that wait, as far as there is room; `resolverOf` gives its
   * Map-Resolvers' indices here. Returns the packets that found no room: they are the caller's. The other one is empty
   * then.
   */
  adopt(old: Resolutions, resolverOf: (index: number) => number): number[] {
    const left: number[] = [];
    for (const former of old.#table.values()) {
      former.timer.unschedule();
      const slots = old.#takeHeld(former);
      const full = this.#table.size >= this.#policy.capacity;
      const room = full ? 0 : Math.min(this.#policy.hold, this.#policy.queue - this.waiting);
      left.push(...slots.slice(room));
      if (!full) this.#adoptOne(old, former, slots.slice(0, room), resolverOf);
    }
    old.#table.clear();
    old.#nonces.clear();
    return left;
  }

  #adoptOne(
    old: Resolutions,
    former: Resolution,
    held: number[],
    resolverOf: (index: number) => number,
  ): void {
    const resolution = this.#add(former.iid, former.eid);
    const { source, smrInvoked, wanted, again, state, sent, rounds, began, last, nonces, trace } = former;
    Object.assign(resolution, { source, smrInvoked, wanted, again, state, sent, rounds, began, last, trace });
    resolution.resolver = resolverOf(former.resolver);
    this.#keep(resolution, held);
    // The swap may have brought mappings.
    if (held.length > 0) this.cover(resolution.iid, resolution.eid);
    for (const nonce of nonces) {
      resolution.nonces.push(nonce);
      this.#nonces.set(nonce, { resolution, resolver: resolverOf(old.#nonces.get(nonce)?.resolver ?? -1) });
    }
    resolution.timer.scheduleAt(former.timer.expiry);
  }

  /** Forgets everything, and gives the packets up. */
  clear(): void {
    for (const resolution of this.#table.values()) {
      resolution.timer.unschedule();
      this.#giveUp(resolution, "cleared");
    }
    this.#table.clear();
    this.#nonces.clear();
  }

  #add(iid: number, eid: Prefix): Resolution {
    const resolution: Resolution = {
      iid,
      eid,
      source: null,
      smrInvoked: false,
      wanted: false,
      again: null,
      state: "settled",
      sent: 0,
      rounds: 0,
      began: 0,
      last: Number.NEGATIVE_INFINITY,
      resolver: -1,
      nonces: [],
      held: [],
      timer: this.#timers.timer(() => this.#due(resolution)),
      trace: null,
    };
    this.#table.set(eidName({ iid, eid }), resolution);
    return resolution;
  }

  /** The first Map-Request: now, or once the last one is long enough ago. */
  #askWhenAllowed(resolution: Resolution): void {
    const now = this.#clock.now();
    resolution.state = "asking";
    resolution.sent = 0;
    resolution.began = now;
    resolution.trace = this.#history.begin(resolution.iid, resolution.eid);
    // Never at once: who holds a packet has not finished with it, and others of its batch may join it.
    resolution.timer.scheduleAt(Math.max(now, resolution.last + this.#policy.interval));
  }

  #due(resolution: Resolution): void {
    if (resolution.state !== "asking") {
      this.#forgetNonces(resolution);
      if (!this.#askAgain(resolution)) this.#table.delete(eidName(resolution));
      return;
    }
    if (resolution.sent > 0 && resolution.resolver >= 0) this.#events.unanswered(resolution);
    if (resolution.sent > this.#policy.retries) this.#rest(resolution);
    else this.#send(resolution);
  }

  #send(resolution: Resolution): void {
    // A packet may have been on its way here while the mapping came.
    if (resolution.held.length > 0 && this.#events.mapped(resolution)) {
      this.#sendOn(resolution);
      if (resolution.state !== "asking") return;
    }
    const { timeout, longest, interval } = this.#policy;
    const wait = Math.max(interval, Math.min(timeout * 2 ** resolution.sent, longest));
    const nonce = randomNonce(this.#random);
    const now = this.#clock.now();
    resolution.sent++;
    resolution.last = now;
    resolution.nonces.push(nonce);
    resolution.timer.scheduleAt(now + wait);
    // Before it is sent: in one process the answer may come before `send` returns.
    this.#nonces.set(nonce, { resolution, resolver: -1 });
    const resolver = this.#events.send(resolution, nonce);
    resolution.resolver = resolver;
    if (this.#nonces.has(nonce)) this.#nonces.set(nonce, { resolution, resolver });
  }

  #rest(resolution: Resolution): void {
    this.#forgetNonces(resolution);
    // Whoever has solicited it may have done so for the last time.
    if (resolution.smrInvoked && ++resolution.rounds < SMR_ROUNDS) resolution.again = "smr";
    resolution.state = "resting";
    resolution.timer.scheduleAfter(this.#policy.pause);
    this.#giveUp(resolution, "unanswered");
    resolution.trace?.add({ event: "resting", seconds: this.#policy.pause / 1e9 });
  }

  #giveUp(resolution: Resolution, because: "unanswered" | "cleared"): void {
    const slots = this.#takeHeld(resolution);
    if (slots.length > 0) resolution.trace?.add({ event: "dropped", packets: slots.length, because });
    this.#events.giveUp(slots);
  }

  #forgetNonces(resolution: Resolution): void {
    for (const nonce of resolution.nonces) this.#nonces.delete(nonce);
    resolution.nonces.length = 0;
  }

  #keep(resolution: Resolution, slots: readonly number[]): void {
    if (slots.length === 0) return;
    if (resolution.held.length === 0) this.#holding.add(resolution);
    resolution.held.push(...slots);
    this.waiting += slots.length;
  }

  #takeHeld(resolution: Resolution): number[] {
    const slots = resolution.held;
    if (slots.length > 0) this.#holding.remove(resolution);
    resolution.held = [];
    this.waiting -= slots.length;
    return slots;
  }
}
