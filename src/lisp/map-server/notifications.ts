// Map-Notifies that nobody asked for just now: sent again until they are
// acknowledged, or until it is no use (RFC 9301, section 5.7).

import { LargeMap } from "../../collections/large-map.js";
import type { Element } from "../../router/element.js";
import type { Timer } from "../../router/timer.js";
import { TimerGroup } from "../../router/timer-group.js";
import type { EidRecord, XtrIds } from "../../wire/lisp-control/record.js";
import { type MapNotify, mapNotify } from "../../wire/lisp-control/registration.js";
import {
  type AuthenticationKey,
  type AuthenticationScope,
  authenticate,
  verifyAuthentication,
} from "../control/authentication.js";
import { keyAlgorithm, refusalText } from "../control/keys.js";
import { SLICE_REST } from "../slice.js";

/** Seconds after each sending: three times 3, then doubled three times, and after the last one as long again. */
export const NOTIFY_INTERVALS = [3, 3, 3, 6, 12, 24, 48] as const;

export interface Notification {
  /** 4 or 16 bytes. */
  readonly to: Uint8Array;
  readonly nonce: bigint;
  readonly records: readonly EidRecord[];
  readonly ids: XtrIds | null;
  readonly key: AuthenticationKey;
  /** Keys that may authenticate its Map-Notify-Ack; by default only that one. */
  readonly ackKeys?: readonly AuthenticationKey[];
  readonly scope?: AuthenticationScope;
  /** Of two notifications to one receiver with one name, the later one takes the earlier one's place. */
  readonly name: string;
  /** Called when it is over: acknowledged, or given up. Not when another takes its place. */
  readonly done?: (acknowledged: boolean) => void;
}

/** What a receiver is still to be told: kept by whoever owes it, as what has changed, and made a message when its turn comes. */
export interface Source {
  /** The next message; `later`: it is still looking for it; null: there is nothing more. */
  next(): Notification | "later" | null;
  /** The receiver is not there: nothing more is sent to it. */
  abandoned(): void;
}

interface Receiver {
  readonly name: string;
  /** By the notification's name. */
  readonly open: Map<string, Pending>;
  /** Those that have more to tell, by turns. */
  readonly waiting: Set<Source>;
  readonly later: Timer;
  /** Steady nanoseconds of its last Map-Notify-Ack. */
  heard: number;
}

interface Pending {
  readonly receiver: Receiver;
  readonly notification: Notification;
  readonly bytes: Uint8Array;
  readonly timer: Timer;
  readonly begun: number;
  sent: number;
}

export interface NotificationsOptions {
  readonly element: Element;
  readonly send: (to: Uint8Array, bytes: Uint8Array) => void;
  /** Runs what may come to more than a message holds. */
  readonly sending: (run: () => void) => void;
  /** Of those from sources, how many to one receiver may wait for their Map-Notify-Ack. */
  readonly window: number;
}

/** A limit delays what a receiver is told, and never drops it: of all that changes meanwhile it hears the latest state. */
export class Notifications {
  readonly #timers: TimerGroup;
  readonly #options: NotificationsOptions;
  readonly #receivers = new LargeMap<string, Receiver>();
  readonly #byNonce = new LargeMap<bigint, Set<Pending>>();
  #size = 0;
  /** Sent again, and given up. */
  retransmitted = 0;
  abandoned = 0;

  constructor(options: NotificationsOptions) {
    this.#options = options;
    this.#timers = new TimerGroup(options.element);
  }

  /** Not acknowledged yet. */
  get size(): number {
    return this.#size;
  }

  /** Sends it at once: one that answers a message. */
  notify(receiver: string, notification: Notification): void {
    this.#begin(this.#receiver(receiver), notification);
  }

  /** Has `source` asked for what to tell a receiver: now (`soon`: in the next round), or when others are acknowledged. */
  offer(receiver: string, source: Source, when: "now" | "soon" = "now"): void {
    const to = this.#receiver(receiver);
    to.waiting.add(source);
    if (when === "now") this.#goOn(to);
    else to.later.scheduleAfter(0);
  }

  /** A receiver need not be told any more: nothing is sent again, and its Map-Notify-Ack is not waited for. */
  cancel(receiver: string, name: string): void {
    const to = this.#receivers.get(receiver);
    const pending = to?.open.get(name);
    if (to === undefined || pending === undefined) return;
    this.#remove(pending);
    this.#goOn(to);
  }

  /** Goes on with what another one has not got acknowledged. */
  takeFrom(other: Notifications): void {
    for (const [name, { open }] of other.#receivers)
      for (const was of open.values()) {
        const pending = this.#add(this.#receiver(name), was.notification, was.bytes);
        pending.sent = was.sent;
        pending.timer.scheduleAt(was.timer.expiry);
      }
  }

  stop(): void {
    for (const [, receiver] of this.#receivers) {
      receiver.later.unschedule();
      for (const { timer } of receiver.open.values()) timer.unschedule();
    }
  }

  #receiver(name: string): Receiver {
    const found = this.#receivers.get(name);
    if (found !== undefined) return found;
    const receiver: Receiver = {
      name,
      open: new Map(),
      waiting: new Set(),
      later: this.#timers.timer(() => this.#goOn(receiver)),
      heard: Number.NEGATIVE_INFINITY,
    };
    this.#receivers.set(name, receiver);
    return receiver;
  }

  #goOn(receiver: Receiver): void {
    const { open, waiting, later } = receiver;
    while (open.size < this.#options.window) {
      const [source] = waiting;
      if (source === undefined) break;
      waiting.delete(source);
      this.#options.sending(() => {
        const next = source.next();
        if (next === null) return;
        waiting.add(source);
        if (next !== "later") this.#begin(receiver, next);
        else if (!later.scheduled) later.scheduleAfter(SLICE_REST);
      });
      if (later.scheduled) break;
    }
    if (open.size === 0 && waiting.size === 0) this.#receivers.delete(receiver.name);
  }

  #begin(receiver: Receiver, notification: Notification): void {
    const { nonce, records, ids, key, scope } = notification;
    const message = mapNotify({ type: "map-notify", nonce, records, ids });
    this.#transmit(this.#add(receiver, notification, authenticate(message, key, keyAlgorithm(key), scope)));
  }

  #add(receiver: Receiver, notification: Notification, bytes: Uint8Array): Pending {
    const { name, nonce } = notification;
    const former = receiver.open.get(name);
    if (former !== undefined) this.#remove(former);
    const pending: Pending = {
      receiver,
      notification,
      bytes,
      timer: this.#timers.timer(() => this.#fire(pending)),
      begun: this.#options.element.router.clock.now(),
      sent: 0,
    };
    receiver.open.set(name, pending);
    this.#size++;
    const same = this.#byNonce.get(nonce);
    if (same === undefined) this.#byNonce.set(nonce, new Set([pending]));
    else same.add(pending);
    return pending;
  }

  /** Takes a Map-Notify-Ack from an address. */
  acknowledge(
    message: MapNotify,
    bytes: Uint8Array,
    from: Uint8Array,
  ): "acknowledged" | "unknown" | { readonly why: string } {
    const candidates = [...(this.#byNonce.get(message.nonce) ?? [])];
    if (candidates.length === 0) return "unknown";
    const valid: Pending[] = [];
    let why = "";
    for (const candidate of candidates) {
      const { key, ackKeys = [key] } = candidate.notification;
      const { verdict } = verifyAuthentication(bytes, message, ackKeys);
      if (verdict === "valid") valid.push(candidate);
      else why = refusalText(verdict, message.authentication, ackKeys);
    }
    if (valid.length === 0) return { why };
    // Nonces are random: two with the same one differ in where they went.
    const pending = valid.find((p) => Buffer.compare(p.notification.to, from) === 0) ?? valid[0];
    const { receiver, notification } = pending;
    receiver.heard = this.#options.element.router.clock.now();
    this.#remove(pending);
    notification.done?.(true);
    this.#goOn(receiver);
    return "acknowledged";
  }

  #transmit(pending: Pending): void {
    pending.timer.scheduleAfter(NOTIFY_INTERVALS[pending.sent] * 1e9);
    pending.sent++;
    this.#options.send(pending.notification.to, pending.bytes);
  }

  #fire(pending: Pending): void {
    if (pending.sent < NOTIFY_INTERVALS.length) {
      this.retransmitted++;
      this.#transmit(pending);
      return;
    }
    const { receiver, notification, begun } = pending;
    this.#remove(pending);
    this.abandoned++;
    notification.done?.(false);
    if (receiver.heard < begun) {
      for (const source of receiver.waiting) source.abandoned();
      receiver.waiting.clear();
    }
    this.#goOn(receiver);
  }

  #remove(pending: Pending): void {
    const { name, nonce } = pending.notification;
    pending.timer.unschedule();
    pending.receiver.open.delete(name);
    this.#size--;
    const same = this.#byNonce.get(nonce);
    same?.delete(pending);
    if (same?.size === 0) this.#byNonce.delete(nonce);
  }
}
