// PubSub inside the Map-Server (RFC 9437): subscriptions by Map-Request, publications by Map-Notify.

import { addressText } from "../../net/address.js";
import { type EidPrefix, eidText } from "../../net/eid.js";
import { type Prefix, prefixText } from "../../net/prefix.js";
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
import type { Subscription, Subscriptions } from "./subscriptions.js";

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
  /** Counts one of the Map-Server's counters or drops. */
  readonly count: (name: "published" | "pending_full") => void;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly subscriptions: Subscriptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.subscriptions = options.subscriptions;
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

  /** Tells all whom it concerns, when those who ask would get another answer now. */
  publish(change: Change): void {
    const { eid, before, after } = change;
    if (before !== null && after !== null && sameAnswer(before, after)) return;
    const records = [after === null ? withdrawnRecord(change) : proxied(entryRecord(after))];
    for (const subscription of this.subscriptions.touched(change)) {
      const longer = subscription.prefix.eid.length > eid.length;
      const told = longer ? this.#part(subscription, records, eid) : records;
      if (told === null) continue;
      subscription.nonce = BigInt.asUintN(64, subscription.nonce + 1n);
      const sent = this.#notify(subscription, told, subscription, prefixText(eid));
      this.#options.count(sent ? "published" : "pending_full");
    }
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

/** Subscriptions as text: subscriber, where it is, prefix and the nonce of what it was last told. */
export function subscriptionsText(subscriptions: Subscriptions): string {
  let text = "";
  for (const s of subscriptions.all())
    text += `${eidText(s.prefix)} ${addressText(s.to)} xtr ${Buffer.from(s.ids.xtrId).toString("hex")} nonce ${s.nonce.toString(16)}\n`;
  return text;
}
