// What an ETR has registered with one Map-Server, and when it does so again (RFC 9301, sections 5.6, 5.7 and 8.2).

import { isDeepStrictEqual } from "node:util";
import { LargeMap } from "../../collections/large-map.js";
import { SortedList } from "../../collections/sorted-list.js";
import { type EidPrefix, eidName } from "../../net/eid.js";
import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";
import { eidPrefix } from "../../wire/lisp-control/address.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { Mapping } from "../mapping.js";
import { PrefixSet } from "../prefix-set.js";
import { SLICE, SLICE_REST } from "../slice.js";

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
  /** Those due at the same time go in the order in which they came. */
  readonly number: number;
}

/** Withdrawals are given up after so many Map-Registers: the Map-Server forgets by itself within three minutes. */
const WITHDRAWALS = 6;
/** Messages whose Map-Notify is waited for; more are forgotten, oldest first. */
const OUTSTANDING = 2048;
/** EID-prefixes after which packets get their turn before more are sent: some 0.5 ms. */
const SENT_AT_ONCE = 64;
/** Map-Registers after which a Map-Server that has not answered has a problem, or we have: a lost message is none. */
export const UNCONFIRMED_TRIES = 4;

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
  readonly #table = new PrefixSet<OwnRegistration>();
  readonly #outstanding = new LargeMap<bigint, readonly Outstanding[]>();
  /** All of the table, the next to be sent first. */
  readonly #due = new SortedList<OwnRegistration>((a, b) => a.due - b.due || a.number - b.number);
  readonly #unconfirmed = new LargeMap<number, OwnRegistration>();
  readonly #timer: Timer;
  readonly #refresher: Timer;
  /** Behind which one registering everything anew is to go on; null: it is not going on. */
  #refreshed: EidPrefix | null = null;
  #number = 0;
  #acknowledged = 0;

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
    this.#refresher = timers.timer(() => this.#goOn());
  }

  get size(): number {
    return this.#table.size;
  }

  /** By instance ID, family, address, then length, from an EID-prefix on. Nothing may change meanwhile. */
  entries(from?: EidPrefix): IterableIterator<OwnRegistration> {
    return this.#table.from(from);
  }

  /** Those whose latest content the Map-Server has acknowledged; a refresh under way does not count against it. */
  get acknowledgedCount(): number {
    return this.#acknowledged;
  }

  /** How many were sent UNCONFIRMED_TRIES times or more without a Map-Notify, and how often the first of them. */
  get unconfirmed(): { readonly count: number; readonly tries: number } {
    return { count: this.#unconfirmed.size, tries: this.#unconfirmed.first?.[1].tries ?? 0 };
  }

  /** Whether nothing is waited for that would acknowledge what is registered for this EID-prefix now. */
  acknowledged(iid: number, eid: Mapping["eid"]): boolean {
    const found = this.#table.get({ iid, eid });
    return found === null || found.acknowledged || !this.#wantNotify;
  }

  /** Registers a mapping that is new or has changed, now. */
  set(mapping: Mapping): void {
    const now = this.#clock.now();
    const registration: OwnRegistration = this.#table.get(mapping) ?? {
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
      number: this.#number++,
    };
    registration.mapping = mapping;
    registration.latest = mapping;
    this.#setAcknowledged(registration, false);
    registration.quickUntil = now + this.#policy.quick;
    this.#table.add(registration);
    this.#begin(registration, "registering");
  }

  /** Withdraws a registration: a Map-Register with TTL 0. */
  withdraw(mapping: Mapping): void {
    const found = this.#table.get(mapping);
    if (found === null) return;
    found.mapping = null;
    this.#setAcknowledged(found, false);
    this.#begin(found, "withdrawing");
  }

  /** Stops registering a mapping without a word: the Map-Server knows that it is another's now. */
  forget(mapping: Mapping): void {
    const found = this.#table.get(mapping);
    if (found !== null) this.#drop(found);
  }

  /** Registers everything anew, from now on. */
  refresh(): void {
    this.#refreshed = { iid: 0, eid: { address: new Uint8Array(4), length: 0 } };
    this.#goOn();
  }

  /** Has the next few registered anew. */
  #goOn(): void {
    let left = SLICE;
    const some: OwnRegistration[] = [];
    for (const r of this.#table.from(this.#refreshed!)) if (some.push(r) > left) break;
    this.#refreshed = null;
    for (const r of some) {
      if (left-- === 0) {
        this.#refreshed = { iid: r.iid, eid: r.eid };
        this.#refresher.scheduleAfter(SLICE_REST);
      } else if (r.mapping !== null) this.#begin(r, "registering");
    }
  }

  /** Goes on with what `former` has registered and is the same here, as if it had been registered from here. */
  takeOver(former: OwnRegistrations): void {
    for (const was of former.#table.from()) {
      const r = this.#table.get(was);
      if (r === null) {
        // It is no more of the site, and the Map-Server does not know yet.
        const gone = { ...was, mapping: null, acknowledged: false, number: this.#number++ };
        this.#table.add(gone);
        this.#begin(gone, "withdrawing");
        continue;
      }
      if (!(was.acknowledged || was.state === "sent")) continue;
      if (was.mapping === null || !isDeepStrictEqual(r.mapping, was.mapping)) continue;
      // The Map-Notify of one that is out would come to a nonce that is not known here: it is sent again.
      if (was.state !== "registering") this.#setDue(r, was.due);
      r.state = was.state === "sent" ? "sent" : "registered";
      [r.quickUntil, r.notified] = [was.quickUntil, was.notified];
      this.#setAcknowledged(r, was.acknowledged);
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
    this.#setAcknowledged(r, true);
    if (r.mapping === null) this.#drop(r);
    else {
      r.state = "registered";
      this.#setTries(r, 0);
      this.#setDue(r, now + this.#intervalAt(r, now));
    }
    this.#transport.acknowledged(r);
  }

  #begin(r: OwnRegistration, state: RegistrationState): void {
    r.state = state;
    this.#setTries(r, 0);
    r.generation++;
    this.#setDue(r, this.#clock.now());
    if (!this.#timer.scheduled || this.#timer.expiry > r.due) this.#timer.scheduleAt(r.due);
  }

  #intervalAt(r: OwnRegistration, now: number): number {
    return now < r.quickUntil ? this.#policy.quickInterval : this.#policy.interval;
  }

  #setDue(r: OwnRegistration, due: number): void {
    this.#due.remove(r);
    r.due = due;
    this.#due.add(r);
  }

  #setAcknowledged(r: OwnRegistration, acknowledged: boolean): void {
    this.#acknowledged += Number(acknowledged) - Number(r.acknowledged);
    r.acknowledged = acknowledged;
  }

  #setTries(r: OwnRegistration, tries: number): void {
    r.tries = tries;
    if (tries < UNCONFIRMED_TRIES) this.#unconfirmed.delete(r.number);
    else if (r.mapping !== null) this.#unconfirmed.set(r.number, r);
  }

  #drop(r: OwnRegistration): void {
    if (this.#table.get(r) !== r) return;
    // A Map-Notify that still comes for it is for nothing.
    r.generation++;
    this.#table.remove(r);
    this.#due.remove(r);
    this.#unconfirmed.delete(r.number);
    this.#setAcknowledged(r, false);
  }

  /** Sends what is due, as much as there may be at once. */
  #run(): void {
    const now = this.#clock.now();
    const due: OwnRegistration[] = [];
    for (const r of this.#due.from()) if (r.due > now || due.push(r) === SENT_AT_ONCE) break;
    let message: OwnRegistration[] = [];
    let bytes = 0;
    for (const r of due) {
      // A message that has just left may have been answered, and the answer changed more.
      if (r.due > now || this.#table.get(r) !== r) continue;
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
    this.#schedule(now + SLICE_REST);
  }

  /** Everything is as it is to be once the message is out before it goes: its Map-Notify may be back before `send` returns. */
  #sendOne(message: readonly OwnRegistration[], now: number): void {
    const { timeout, longest } = this.#policy;
    const nonce = this.#transport.nonce();
    for (const r of message) {
      if (r.state === "registered" || r.state === "sent") this.#setTries(r, 0);
      // Never less often than without a Map-Notify being waited for: it may be that alone which got lost.
      const wait = Math.min(timeout * 2 ** Math.min(r.tries, 30), longest, this.#intervalAt(r, now));
      this.#setTries(r, r.tries + 1);
      if (r.mapping === null && (r.tries >= WITHDRAWALS || !this.#wantNotify)) {
        this.#drop(r);
        continue;
      }
      if (r.mapping !== null) r.state = this.#wantNotify ? "registering" : "sent";
      this.#setDue(r, now + (this.#wantNotify ? wait : this.#intervalAt(r, now)));
    }
    if (nonce === null) return;
    if (this.#wantNotify) {
      this.#outstanding.set(
        nonce,
        message.map((registration) => ({ registration, generation: registration.generation })),
      );
      if (this.#outstanding.size > OUTSTANDING) this.#outstanding.delete(this.#outstanding.first![0]);
    }
    this.#transport.send(nonce, message);
  }

  /** `earliest`: what is due still waits so long that packets have their turn, and the Map-Server can answer. */
  #schedule(earliest = this.#clock.now()): void {
    const [next] = this.#due.from();
    if (next === undefined) this.#timer.unschedule();
    else this.#timer.scheduleAt(Math.max(next.due, earliest));
  }
}

/** Bytes of an EID-Record (section 5.4). */
function recordBytes(r: OwnRegistration): number {
  const eid = 12 + (r.iid === 0 ? 0 : 12) + r.eid.address.length;
  return (r.mapping?.locators ?? []).reduce((sum, l) => sum + 8 + l.rloc.length, eid);
}
