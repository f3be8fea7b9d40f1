// PubSub inside the Map-Server (RFC 9437): subscriptions by Map-Request, publications by Map-Notify.

import { addressText } from "../../net/address.js";
import type { EidPrefix } from "../../net/eid.js";
import { prefixText } from "../../net/prefix.js";
import type { Timer } from "../../router/timer.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { AuthenticationKey } from "../control/authentication.js";
import type { Change } from "../database/history.js";
import type { RegistrationDatabase } from "../database/registration-database.js";
import { subscribedRecords } from "./answers.js";
import { entryRecord, proxied, sameAnswer } from "./entries.js";
import type { Notification, Notifications, Source } from "./notifications.js";
import { withdrawnRecord } from "./records.js";
import { type EncapsulatedRequest, type OwnAddresses, replyAddress } from "./requests.js";
import type { Sites } from "./sites.js";
import { idsName, type Subscription, type Subscriptions } from "./subscriptions.js";

/** What became of a Map-Request that subscribes, or wants to. */
export type SubscribeOutcome =
  | "subscribed"
  | "unsubscribed"
  /** Its nonce is not newer than the subscription's. */
  | "replayed"
  /** Answered like any other Map-Request: there are as many subscriptions as may be. */
  | "refused"
  | "no_route";

export interface PublisherOptions {
  readonly notifications: Notifications;
  readonly own: OwnAddresses;
  /** Shared with the subscribers. */
  readonly key: AuthenticationKey;
  readonly subscriptions: Subscriptions;
  readonly database: RegistrationDatabase;
  readonly sites: Sites;
  /** For what is not told at once. */
  readonly timer: (fire: () => void) => Timer;
  /** Counts one of the Map-Server's counters or drops. */
  readonly count: (name: "published") => void;
}

/** Subscribers that are told in one turn: each costs some 30 µs, most of it for the authentication data. */
const AT_ONCE = 16;
/** Changes for which those whom they concern are still to be found; with more, all are told all. */
const WAITING = 16_384;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly subscriptions: Subscriptions;
  readonly #turn: Timer;
  /** Subscribers that may still be told in this turn. */
  #left = AT_ONCE;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.subscriptions = options.subscriptions;
    this.#turn = options.timer(() => {
      this.#left = AT_ONCE;
      this.#work();
    });
  }

  /** Goes on with what another one had still to tell. */
  start(): void {
    if (this.subscriptions.publications.length > 0) this.#turn.scheduleAfter(0);
    for (const subscription of this.subscriptions.owing()) this.#offer(subscription, "soon");
  }

  stop(): void {
    this.#turn.unschedule();
  }

  /** Takes a Map-Request with the I bit whose only record has the N bit; `records` is the answer to it. */
  subscribe(
    request: EncapsulatedRequest,
    prefix: EidPrefix,
    records: readonly EidRecord[],
  ): SubscribeOutcome {
    const { message } = request;
    const ids = message.ids!;
    const former = this.subscriptions.find(ids, prefix);
    if (former !== null && message.nonce <= former.nonce) return "replayed";
    if (message.itrRlocs.every((rloc) => rloc.kind === "none")) {
      // Acknowledged where it was: what unsubscribes has no RLOC to send to.
      if (former === null) return "unsubscribed";
      this.subscriptions.remove(former);
      this.#answer({ ...former, nonce: message.nonce }, records, null);
      return "unsubscribed";
    }
    const to = replyAddress(message, this.#options.own);
    if (to === null) return "no_route";
    const subscription: Subscription = { ids, prefix, to, nonce: message.nonce };
    if (!this.subscriptions.add(subscription)) return "refused";
    this.#answer(subscription, records, subscription);
    return "subscribed";
  }

  #answer(s: Subscription, records: readonly EidRecord[], lost: Subscription | null): void {
    this.#options.notifications.notify(receiverOf(s), this.#notification(s, records, lost, ""));
  }

  /** Tells all whom it concerns, when those who ask would get another answer now: some at once, the others by and by. */
  publish(change: Change): void {
    const { before, after } = change;
    if (before !== null && after !== null && sameAnswer(before, after)) return;
    const { publications } = this.subscriptions;
    if (publications.length < WAITING) this.subscriptions.publish({ iid: change.iid, eid: change.eid });
    else {
      // What each has subscribed to is told as a whole: that needs no memory of the changes.
      publications.length = 0;
      this.subscriptions.publish(null);
    }
    this.#work();
  }

  /** Finds whom one change after the other concerns. */
  #work(): void {
    const { publications } = this.subscriptions;
    while (this.#left > 0 && publications.length > 0) {
      const [publication] = publications;
      const [concerned, after] = this.subscriptions.touched(publication, this.#left);
      publication.after = after;
      if (after === null) publications.shift();
      // Also one that concerns nobody costs something.
      this.#left -= Math.max(1, concerned.length);
      for (const subscription of concerned) {
        this.subscriptions.owe(subscription, publication.changed);
        this.#offer(subscription);
      }
    }
    // A turn in which something was told is over before there is more.
    if (this.#left < AT_ONCE && !this.#turn.scheduled) this.#turn.scheduleAfter(0);
  }

  #offer(subscription: Subscription, when: "now" | "soon" = "now"): void {
    this.#options.notifications.offer(receiverOf(subscription), this.#source(subscription), when);
  }

  /** The same one for a subscription each time. */
  #source(subscription: Subscription): Source {
    if (subscription.source?.by === this) return subscription.source.source;
    const source: Source = {
      next: () => this.#next(subscription),
      abandoned: () => this.subscriptions.remove(subscription),
    };
    subscription.source = { by: this, source };
    return source;
  }

  /** The next publication for a subscription. */
  #next(subscription: Subscription): Notification | null {
    for (;;) {
      const owed = this.subscriptions.owed(subscription);
      if (owed === null) return null;
      const records = owed === "all" ? this.#whole(subscription.prefix) : this.#told(subscription, owed);
      if (records === null) continue;
      // After a gap in the nonces a subscriber asks anew, and forgets what the answer does not name.
      const step = owed === "all" ? 2n : 1n;
      subscription.nonce = BigInt.asUintN(64, subscription.nonce + step);
      this.#options.count("published");
      const what = owed === "all" ? "all" : prefixText(owed.eid);
      return this.#notification(subscription, records, subscription, what);
    }
  }

  #whole(prefix: EidPrefix): readonly EidRecord[] {
    const { database, sites } = this.#options;
    return subscribedRecords(database, sites, prefix);
  }

  /**
   * What a changed prefix is to a subscription: of one around the subscription's, nothing (null) where another mapping
   * within it holds for that; else the answer that it would get now, with all within what that is for.
   */
  #told({ prefix }: Subscription, changed: EidPrefix): readonly EidRecord[] | null {
    const { database } = this.#options;
    const entry = database.get(changed);
    const record = entry === null ? withdrawnRecord(changed) : proxied(entryRecord(entry));
    if (prefix.eid.length <= changed.eid.length) return [record];
    const around = database.around(prefix);
    if (around === null) return [record, withdrawnRecord(prefix)];
    return around.eid.length > changed.eid.length ? null : this.#whole(prefix);
  }

  /** `lost`: the subscription that ends when nobody acknowledges. */
  #notification(
    s: Subscription,
    records: readonly EidRecord[],
    lost: Subscription | null,
    what: string,
  ): Notification {
    return {
      to: s.to,
      nonce: s.nonce,
      records,
      ids: s.ids,
      key: this.#options.key,
      scope: "ids",
      name: `${s.prefix.iid} ${prefixText(s.prefix.eid)} ${what}`,
      done: (acknowledged) => {
        if (!acknowledged && lost !== null) this.subscriptions.remove(lost);
      },
    };
  }
}

/** Who has subscribed, and where it is told of changes. */
function receiverOf({ to, ids }: Subscription): string {
  return `subscriber ${addressText(to)} ${idsName(ids)}`;
}
