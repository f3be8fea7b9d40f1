// What an ETR has registered with one Map-Server, and when it does so again (RFC 9301, sections 5.6, 5.7 and 8.2).

import { isDeepStrictEqual } from "node:util";
import { type EidPrefix, eidName } from "../../net/eid.js";
import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import { eidPrefix } from "../../wire/lisp-control/address.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { Mapping } from "../mapping.js";
import type { TimerGroup } from "../timer-group.js";

/** Times in steady nanoseconds. */
export interface RegistrationPolicy {
  /** Between registrations; and in the first `quick` after the start or a change. */
  readonly interval: number;
  readonly quickInterval: number;
  readonly quick: number;
  /** First wait for a Map-Notify, doubled with every further Map-Register up to `longest`. */
  readonly timeout: number;
  readonly longest: number;
  /** Most records in a message, and bytes that they take. */
  readonly records: number;
  readonly bytes: number;
}

export type RegistrationState =
  /** A Map-Register is out, and no Map-Notify came yet. */
  | "registering"
  | "registered"
  /** Registered without a Map-Notify being wanted. */
  | "sent"
  /** A Map-Register with TTL 0 is out. */
  | "withdrawing";

export interface OwnRegistration extends EidPrefix {
  /** Null: it is to be withdrawn. */
  mapping: Mapping | null;
  /** The last mapping it had. */
  latest: Mapping;
  state: RegistrationState;
  /** Map-Registers since the last change or Map-Notify. */
  tries: number;
  /** Steady nanoseconds: when to send again, when the quick period ends, when the last Map-Notify came (null: never). */
  due: number;
  quickUntil: number;
  notified: number | null;
  /** Whether its latest content was acknowledged. */
  acknowledged: boolean;
  /** Counts changes, so that a Map-Notify for what was before is known. */
  generation: number;
}

/** Withdrawals are given up after so many Map-Registers: the Map-Server forgets by itself within three minutes. */
const WITHDRAWALS = 6;
/** Messages whose Map-Notify is waited for; more are forgotten, oldest first. */
const OUTSTANDING = 2048;

export interface RegistrationTransport {
  /** The nonce of the next Map-Register; null: there is none, and nothing can be sent. */
  nonce(): bigint | null;
  /** Sends one Map-Register. */
  send(nonce: bigint, registrations: readonly OwnRegistration[]): void;
  /** The Map-Server has acknowledged the latest content of one, or that it was withdrawn. */
  acknowledged(registration: OwnRegistration): void;
}

interface Outstanding {
  readonly registration: OwnRegistration;
  readonly generation: number;
}

export class OwnRegistrations {
  readonly #clock: Clock;
  readonly #policy: RegistrationPolicy;
  readonly #wantNotify: boolean;
  readonly #transport: RegistrationTransport;
  readonly #table = new Map<string, OwnRegistration>();
  readonly #outstanding = new Map<bigint, readonly Outstanding[]>();
  readonly #timer: Timer;

  constructor(
    clock: Clock,
    timers: TimerGroup,
    policy: RegistrationPolicy,
    wantNotify: boolean,
    transport: RegistrationTransport,
  ) {
    this.#clock = clock;
    this.#policy = policy;
    this.#wantNotify = wantNotify;
    this.#transport = transport;
    this.#timer = timers.timer(() => this.#run());
  }

  get size(): number {
    return this.#table.size;
  }

  entries(): IterableIterator<OwnRegistration> {
    return this.#table.values();
  }

  /** Whether nothing is waited for that would acknowledge what is registered for this EID-prefix now. */
  acknowledged(iid: number, eid: Mapping["eid"]): boolean {
    const found = this.#table.get(eidName({ iid, eid }));
    return found === undefined || found.acknowledged || !this.#wantNotify;
  }

  /** Registers a mapping that is new or has changed, now. */
  set(mapping: Mapping): void {
    const k = eidName(mapping);
    const found = this.#table.get(k);
    const now = this.#clock.now();
    const registration: OwnRegistration = found ?? {
      mapping,
      latest: mapping,
      iid: mapping.iid,
      eid: mapping.eid,
      state: "registering",
      tries: 0,
      due: now,
      quickUntil: 0,
      notified: null,
      acknowledged: false,
      generation: 0,
    };
    registration.mapping = mapping;
    registration.latest = mapping;
    registration.acknowledged = false;
    this.#begin(registration, "registering");
    registration.quickUntil = now + this.#policy.quick;
    this.#table.set(k, registration);
  }

  /** Withdraws a registration: a Map-Register with TTL 0. */
  withdraw(mapping: Mapping): void {
    const found = this.#table.get(eidName(mapping));
    if (found === undefined) return;
    found.mapping = null;
    found.acknowledged = false;
    this.#begin(found, "withdrawing");
  }

  /** Stops registering a mapping without a word: the Map-Server knows that it is another's now. */
  forget(mapping: Mapping): void {
    this.#table.delete(eidName(mapping));
  }

  /** Registers everything anew, now. */
  refresh(): void {
    for (const r of this.#table.values()) if (r.mapping !== null) this.#begin(r, "registering");
  }

  /** Goes on with what `former` has registered and is the same here, as if it had been registered from here. */
  takeOver(former: OwnRegistrations): void {
    for (const [k, was] of former.#table) {
      const r = this.#table.get(k);
      if (r === undefined) {
        // It is no more of the site, and the Map-Server does not know yet.
        const gone = { ...was, mapping: null, acknowledged: false };
        this.#table.set(k, gone);
        this.#begin(gone, "withdrawing");
        continue;
      }
      if (!(was.acknowledged || was.state === "sent")) continue;
      if (was.mapping === null || !isDeepStrictEqual(r.mapping, was.mapping)) continue;
      // The Map-Notify of one that is out would come to a nonce that is not known here: it is sent again.
      if (was.state !== "registering") r.due = was.due;
      r.state = was.state === "sent" ? "sent" : "registered";
      [r.quickUntil, r.notified, r.acknowledged] = [was.quickUntil, was.notified, was.acknowledged];
    }
    this.#schedule();
  }

  /** A Map-Notify with this nonce came, whose authenticity is proven; returns whether it answers a Map-Register. */
  notified(nonce: bigint, records: readonly EidRecord[]): boolean {
    const found = this.#outstanding.get(nonce);
    if (found === undefined) return false;
    const named = new Set<string>();
    for (const r of records) {
      const eid = eidPrefix(r);
      if (eid !== null) named.add(eidName(eid));
    }
    // What is not named was not accepted, or is in another Map-Notify: merged records may take several.
    const left = found.filter(({ registration: r }) => !named.has(eidName(r)));
    if (left.length === 0) this.#outstanding.delete(nonce);
    else this.#outstanding.set(nonce, left);
    for (const { registration, generation } of found) {
      // What has changed since must be acknowledged anew.
      if (generation === registration.generation && named.has(eidName(registration)))
        this.#acknowledge(registration);
    }
    return true;
  }

  #acknowledge(r: OwnRegistration): void {
    const now = this.#clock.now();
    r.notified = now;
    r.acknowledged = true;
    if (r.mapping === null) this.#table.delete(eidName(r));
    else {
      r.state = "registered";
      r.tries = 0;
      r.due = now + this.#intervalAt(r, now);
    }
    this.#transport.acknowledged(r);
  }

  #begin(r: OwnRegistration, state: RegistrationState): void {
    r.state = state;
    r.tries = 0;
    r.generation++;
    r.due = this.#clock.now();
    if (!this.#timer.scheduled || this.#timer.expiry > r.due) this.#timer.scheduleAt(r.due);
  }

  #intervalAt(r: OwnRegistration, now: number): number {
    return now < r.quickUntil ? this.#policy.quickInterval : this.#policy.interval;
  }

  #run(): void {
    const now = this.#clock.now();
    let message: OwnRegistration[] = [];
    let bytes = 0;
    for (const r of this.#table.values()) {
      if (r.due > now) continue;
      const size = recordBytes(r);
      if (
        message.length === this.#policy.records ||
        (message.length > 0 && bytes + size > this.#policy.bytes)
      ) {
        this.#sendOne(message, now);
        message = [];
        bytes = 0;
      }
      message.push(r);
      bytes += size;
    }
    if (message.length > 0) this.#sendOne(message, now);
    this.#schedule();
  }

  /** Everything is as it is to be once the message is out before it goes: its Map-Notify may be back before `send` returns. */
  #sendOne(message: readonly OwnRegistration[], now: number): void {
    const { timeout, longest } = this.#policy;
    const nonce = this.#transport.nonce();
    for (const r of message) {
      if (r.state === "registered" || r.state === "sent") r.tries = 0;
      const wait = Math.min(timeout * 2 ** Math.min(r.tries, 30), longest);
      r.tries++;
      if (r.mapping === null && (r.tries >= WITHDRAWALS || !this.#wantNotify)) {
        this.#table.delete(eidName(r));
        continue;
      }
      if (r.mapping !== null) r.state = this.#wantNotify ? "registering" : "sent";
      r.due = now + (this.#wantNotify ? wait : this.#intervalAt(r, now));
    }
    if (nonce === null) return;
    if (this.#wantNotify) {
      this.#outstanding.set(
        nonce,
        message.map((registration) => ({ registration, generation: registration.generation })),
      );
      if (this.#outstanding.size > OUTSTANDING)
        this.#outstanding.delete(this.#outstanding.keys().next().value as bigint);
    }
    this.#transport.send(nonce, message);
  }

  #schedule(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const r of this.#table.values()) next = Math.min(next, r.due);
    if (next === Number.POSITIVE_INFINITY) this.#timer.unschedule();
    else this.#timer.scheduleAt(next);
  }
}

/** Bytes of an EID-Record (section 5.4). */
function recordBytes(r: OwnRegistration): number {
  const eid = 12 + (r.iid === 0 ? 0 : 12) + r.eid.address.length;
  return (r.mapping?.locators ?? []).reduce((sum, l) => sum + 8 + l.rloc.length, eid);
}
