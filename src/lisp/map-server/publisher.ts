// PubSub inside the Map-Server (RFC 9437): subscriptions by Map-Request, publications by Map-Notify.

import { addressText } from "../../net/address.js";
import type { EidPrefix } from "../../net/eid.js";
import { type Prefix, prefixText } from "../../net/prefix.js";
import type { Timer } from "../../router/timer.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { AuthenticationKey } from "../control/authentication.js";
import type { Change } from "../database/history.js";
import type { RegistrationDatabase } from "../database/registration-database.js";
import { answer, recordsOf } from "./answers.js";
import { entryRecord, proxied, sameAnswer } from "./entries.js";
import type { Notifications } from "./notifications.js";
import { withdrawnRecord } from "./records.js";
import { type EncapsulatedRequest, type OwnAddresses, replyAddress } from "./requests.js";
import type { Sites } from "./sites.js";
import type { Publication, Subscription, Subscriptions } from "./subscriptions.js";

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
  /** Runs what may come to more than a message holds. */
  readonly sending: (run: () => void) => void;
  /** Counts one of the Map-Server's counters or drops. */
  readonly count: (name: "published" | "pending_full") => void;
}

/** Subscribers that are told in one turn: each costs some 20 µs, most of it for the authentication data. */
const AT_ONCE = 16;
/** Changes that may wait to be told. */
const WAITING = 65_536;

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
      this.#notify({ ...former, nonce: message.nonce }, records, null);
      return "unsubscribed";
    }
    const to = replyAddress(message, this.#options.own);
    if (to === null) return "no_route";
    const subscription: Subscription = { ids, prefix, to, nonce: message.nonce };
    if (!this.subscriptions.add(subscription)) return "refused";
    if (this.#notify(subscription, records, subscription)) return "subscribed";
    this.subscriptions.remove(subscription);
    return "refused";
  }

  /** Tells all whom it concerns, when those who ask would get another answer now: some at once, the others by and by. */
  publish(change: Change): void {
    const { before, after } = change;
    if (before !== null && after !== null && sameAnswer(before, after)) return;
    const { publications } = this.subscriptions;
    if (publications.length >= WAITING) this.#options.count("pending_full");
    else
      this.subscriptions.publish(change, [
        after === null ? withdrawnRecord(change) : proxied(entryRecord(after)),
      ]);
    this.#work();
  }

  /** Tells of one change after the other, so that each subscriber hears of them in their order. */
  #work(): void {
    const { publications } = this.subscriptions;
    while (this.#left > 0 && publications.length > 0) {
      const [publication] = publications;
      const [concerned, after] = this.subscriptions.touched(publication, this.#left);
      publication.after = after;
      if (after === null) publications.shift();
      // Also one that concerns nobody costs something.
      this.#left -= Math.max(1, concerned.length);
      for (const subscription of concerned)
        this.#options.sending(() => this.#tell(subscription, publication));
    }
    // A turn in which something was told is over before there is more.
    if (this.#left < AT_ONCE && !this.#turn.scheduled) this.#turn.scheduleAfter(0);
  }

  #tell(subscription: Subscription, { change, records }: Publication): void {
    const { eid } = change;
    const longer = subscription.prefix.eid.length > eid.length;
    const told = longer ? this.#part(subscription, records, eid) : records;
    if (told === null) return;
    subscription.nonce = BigInt.asUintN(64, subscription.nonce + 1n);
    const sent = this.#notify(subscription, told, subscription, prefixText(eid));
    this.#options.count(sent ? "published" : "pending_full");
  }

  /**
   * What a change around a subscription's prefix is to it: nothing (null) where another mapping within that one holds
   * for it; else the answer that it would get now, with all within what that is for.
   */
  #part(
    { prefix }: Subscription,
    records: readonly EidRecord[],
    changed: Prefix,
  ): readonly EidRecord[] | null {
    const { database, sites } = this.#options;
    const { iid, eid } = prefix;
    const { address } = eid;
    for (let length = eid.length; length >= 0; length--)
      if (database.get({ iid, eid: { address, length } }) !== null)
        return length > changed.length ? null : recordsOf(answer(database, sites, prefix));
    return [...records, withdrawnRecord(prefix)];
  }

  /** `lost`: the subscription that ends when nobody acknowledges. */
  #notify(s: Subscription, records: readonly EidRecord[], lost: Subscription | null, what = ""): boolean {
    const xtr = Buffer.from(s.ids.xtrId).toString("hex");
    return this.#options.notifications.notify({
      to: s.to,
      nonce: s.nonce,
      records,
      ids: s.ids,
      key: this.#options.key,
      scope: "ids",
      name: `${addressText(s.to)} ${xtr} ${s.prefix.iid} ${prefixText(s.prefix.eid)} ${what}`,
      done: (acknowledged) => {
        if (!acknowledged && lost !== null) this.subscriptions.remove(lost);
      },
    });
  }
}
