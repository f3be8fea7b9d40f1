// Which hosts of an EID-prefix of ours are registered by themselves: asked of the mapping system, part by part.
//
// A Map-Reply names all more specific prefixes of the one that it is for (RFC 9301, section 5.5). Where these are too
// many for a message, it is for a part of what was asked; then the rest is asked for.

import { canonical, covers, isHost, masked, type Prefix } from "../../net/prefix.js";
import type { Clock } from "../../router/clock.js";
import type { Random } from "../../router/random.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";
import { eidPrefix } from "../../wire/lisp-control/address.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import { randomNonce } from "../control/control-records.js";
import { ACTIONS } from "../mapping.js";

/** Times in nanoseconds. */
export interface SearchPolicy {
  /** From the end of one search to the beginning of the next. */
  readonly interval: number;
  /** First wait for a Map-Reply, doubled with every further Map-Request up to `interval`. */
  readonly timeout: number;
  /** From an answer to the next question. */
  readonly gap: number;
}

export interface SearchEvents {
  /** Sends a Map-Request. */
  ask(eid: Prefix, nonce: bigint): void;
  /** The records of a Map-Reply that names all that is registered of `part`; asked for at `asked`, steady nanoseconds. */
  found(part: Prefix, records: readonly EidRecord[], asked: number): void;
}

/** Map-Requests for one question whose answer may still come. */
const NONCES = 8;
/** Map-Requests for a host whose ETR answers itself: where that is dead, the others are still to be found. */
const HOST_TRIES = 3;
const ASK_ETR = ACTIONS.indexOf("send-map-request");

export class HostSearch {
  readonly #home: Prefix;
  readonly #iid: number;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #policy: SearchPolicy;
  readonly #events: SearchEvents;
  readonly #timer: Timer;
  /** When each Map-Request for `#question` was sent. */
  readonly #nonces = new Map<bigint, number>();
  /** Hosts whose ETRs answer themselves, to be asked for before `#rest`. */
  readonly #hosts: Prefix[] = [];
  #question: Prefix;
  /** The part of `#home` that comes after the question; null: the question is the last one, or for a host. */
  #rest: Prefix | null = null;
  #host = false;
  #tries = 0;

  constructor(
    home: Prefix,
    iid: number,
    world: { readonly clock: Clock; readonly random: Random },
    timers: TimerGroup,
    policy: SearchPolicy,
    events: SearchEvents,
  ) {
    this.#home = home;
    this.#iid = iid;
    this.#clock = world.clock;
    this.#random = world.random;
    this.#policy = policy;
    this.#events = events;
    this.#question = home;
    this.#timer = timers.timer(() => this.#due());
  }

  /** Begins as soon as packets can be sent. */
  start(): void {
    this.#timer.scheduleAfter(0);
  }

  stop(): void {
    this.#timer.unschedule();
    this.#nonces.clear();
  }

  /** Whether one of its Map-Requests has this nonce, and is not answered yet. */
  awaits(nonce: bigint): boolean {
    return this.#nonces.has(nonce);
  }

  /** Takes the answer to a nonce that it awaits; returns whether it says anything. */
  take(nonce: bigint, records: readonly EidRecord[]): boolean {
    const asked = this.#nonces.get(nonce)!;
    const around = this.#around(records);
    if (around === null) return false;
    const { record, eid } = around;
    // An ETR knows its own part of the mapping system only; and that nothing is registered does not mean that nobody left.
    const unknown = record.locators.length === 0 && record.action !== ASK_ETR;
    if (!this.#host && (record.authoritative || unknown)) return false;
    this.#nonces.clear();
    if (this.#host) this.#events.found(this.#question, records, asked);
    else {
      const part = eid.length < this.#home.length ? this.#home : eid;
      this.#askEtrs(records);
      this.#rest = following(part, this.#home);
      this.#events.found(part, records, asked);
    }
    this.#go();
    return true;
  }

  /** The least specific record that holds the address that was asked for. */
  #around(records: readonly EidRecord[]): { readonly record: EidRecord; readonly eid: Prefix } | null {
    let found: { readonly record: EidRecord; readonly eid: Prefix } | null = null;
    for (const record of records) {
      const prefix = eidPrefix(record);
      if (prefix?.iid !== this.#iid || record.ttl === 0) continue;
      const { eid } = prefix;
      if (!covers(eid, this.#question.address)) continue;
      if (found === null || eid.length < found.eid.length) found = { record, eid: canonical(eid) };
    }
    return found;
  }

  #askEtrs(records: readonly EidRecord[]): void {
    for (const record of records) {
      const prefix = eidPrefix(record);
      if (prefix?.iid !== this.#iid || record.locators.length > 0 || record.action !== ASK_ETR) continue;
      const { eid } = prefix;
      if (isHost(eid) && covers(this.#home, eid.address)) this.#hosts.push(eid);
    }
  }

  /** The next question, or the next search. */
  #go(): void {
    const { interval, gap } = this.#policy;
    const host = this.#hosts.pop();
    this.#host = host !== undefined;
    const next = host ?? this.#rest;
    if (host === undefined) this.#rest = null;
    this.#question = next ?? this.#home;
    this.#tries = 0;
    this.#timer.scheduleAfter(next === null ? interval : gap);
  }

  #due(): void {
    if (this.#host && this.#tries === HOST_TRIES) {
      this.#nonces.clear();
      this.#go();
      return;
    }
    const { timeout, interval } = this.#policy;
    const nonce = randomNonce(this.#random);
    this.#nonces.set(nonce, this.#clock.now());
    if (this.#nonces.size > NONCES) this.#nonces.delete(this.#nonces.keys().next().value!);
    this.#timer.scheduleAfter(Math.min(timeout * 2 ** this.#tries, interval));
    this.#tries++;
    this.#events.ask(this.#question, nonce);
  }
}

/** The largest prefix within `whole` that begins where `part` ends; null: nothing comes after it. */
export function following(part: Prefix, whole: Prefix): Prefix | null {
  for (let length = part.length; length > whole.length; length--) {
    const byte = (length - 1) >> 3;
    const bit = 0x80 >> ((length - 1) & 7);
    if ((part.address[byte] & bit) !== 0) continue;
    const address = masked(part.address, length);
    address[byte] |= bit;
    return { address, length };
  }
  return null;
}
