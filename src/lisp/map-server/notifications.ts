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
  /** Of two notifications with one name, the later one takes the earlier one's place. */
  readonly name: string;
  /** Called when it is over: acknowledged, or given up. Not when another takes its place. */
  readonly done?: (acknowledged: boolean) => void;
}

interface Pending {
  readonly notification: Notification;
  readonly bytes: Uint8Array;
  readonly timer: Timer;
  sent: number;
}

export class Notifications {
  readonly #timers: TimerGroup;
  readonly #send: (to: Uint8Array, bytes: Uint8Array) => void;
  readonly #max: number;
  readonly #byName = new LargeMap<string, Pending>();
  readonly #byNonce = new LargeMap<bigint, Set<Pending>>();
  /** Sent again, and given up. */
  retransmitted = 0;
  abandoned = 0;

  constructor(element: Element, send: (to: Uint8Array, bytes: Uint8Array) => void, max: number) {
    this.#timers = new TimerGroup(element);
    this.#send = send;
    this.#max = max;
  }

  /** Not acknowledged yet. */
  get size(): number {
    return this.#byName.size;
  }

  /** Sends it. Returns false when as many as may be wait for their Map-Notify-Ack. */
  notify(notification: Notification): boolean {
    const { name, nonce, records, ids, key, scope } = notification;
    const former = this.#byName.get(name);
    if (former !== undefined) this.#remove(former);
    if (this.#byName.size >= this.#max) return false;
    const message = mapNotify({ type: "map-notify", nonce, records, ids });
    const pending: Pending = {
      notification,
      bytes: authenticate(message, key, keyAlgorithm(key), scope),
      timer: this.#timers.timer(() => this.#fire(pending)),
      sent: 0,
    };
    this.#byName.set(name, pending);
    const same = this.#byNonce.get(nonce);
    if (same === undefined) this.#byNonce.set(nonce, new Set([pending]));
    else same.add(pending);
    this.#transmit(pending);
    return true;
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
    this.#remove(pending);
    pending.notification.done?.(true);
    return "acknowledged";
  }

  #transmit(pending: Pending): void {
    pending.timer.scheduleAfter(NOTIFY_INTERVALS[pending.sent] * 1e9);
    pending.sent++;
    this.#send(pending.notification.to, pending.bytes);
  }

  #fire(pending: Pending): void {
    if (pending.sent === NOTIFY_INTERVALS.length) {
      this.#remove(pending);
      this.abandoned++;
      pending.notification.done?.(false);
      return;
    }
    this.retransmitted++;
    this.#transmit(pending);
  }

  #remove(pending: Pending): void {
    const { name, nonce } = pending.notification;
    pending.timer.unschedule();
    this.#byName.delete(name);
    const same = this.#byNonce.get(nonce);
    same?.delete(pending);
    if (same?.size === 0) this.#byNonce.delete(nonce);
  }
}
