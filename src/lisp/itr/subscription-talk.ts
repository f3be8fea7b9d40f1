// What one who subscribes to mappings says to Map-Servers, and hears from them (RFC 9437): Map-Requests with the N bit,
// Map-Notifies that count only with authentication data and a newer nonce, Map-Notify-Acks.

import { sameAddress } from "../../net/address.js";
import type { Prefix } from "../../net/prefix.js";
import type { Batch } from "../../packet/batch.js";
import type { Element } from "../../router/element.js";
import type { TimerGroup } from "../../router/timer-group.js";
import { WireError } from "../../wire/error.js";
import { encodeLispControl } from "../../wire/lisp-control/message.js";
import type { EidRecord, XtrIds } from "../../wire/lisp-control/record.js";
import { type MapNotify, mapNotify } from "../../wire/lisp-control/registration.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import { type AuthenticationKey, authenticate, verifyAuthentication } from "../control/authentication.js";
import { ControlChannel, messageOf } from "../control/control-channel.js";
import { keyAlgorithm } from "../control/keys.js";
import { encapsulatedRequest } from "../control/map-requests.js";
import { type OwnSubscription, OwnSubscriptions, type SubscriptionPolicy } from "./own-subscriptions.js";
import type { ServerList } from "./server-list.js";

/** Counters and drops that its element has. */
export type TalkCount =
  | "requests"
  | "answers"
  | "publications"
  | "acks"
  | "malformed"
  | "replay"
  | "repeat"
  | "declined"
  | "unanswered"
  | "no_resolver"
  | "full"
  | "no_slot";

export interface TalkOptions {
  readonly element: Element;
  readonly timers: TimerGroup;
  /** RLOCs of ours, to which Map-Notifies may come. */
  readonly rlocs: readonly Uint8Array[];
  readonly servers: ServerList;
  readonly ids: XtrIds;
  /** Shared with the Map-Servers; null: nothing is subscribed to. */
  readonly key: AuthenticationKey | null;
  readonly policy: SubscriptionPolicy;
  /** Output for messages. */
  readonly output: number;
}

export interface TalkEvents {
  count(name: TalkCount): void;
  /** Packets that have used the mappings of a subscription so far. */
  packets(subscription: OwnSubscription): number;
  /** Whether there is still something to be told of. */
  wanted(subscription: OwnSubscription): boolean;
  /** What an authentic Map-Notify says that is news: `whole`, as the answer to a Map-Request, or of what has changed. */
  told(subscription: OwnSubscription, records: readonly EidRecord[], whole: boolean): void;
}

export class SubscriptionTalk {
  readonly #options: TalkOptions;
  readonly #events: TalkEvents;
  readonly #channel: ControlChannel;
  readonly subscriptions: OwnSubscriptions;

  constructor(options: TalkOptions, events: TalkEvents) {
    this.#options = options;
    this.#events = events;
    this.#channel = new ControlChannel(options.element);
    this.subscriptions = new OwnSubscriptions(options.element.router, options.timers, options.policy, {
      request: (s) => this.#request(s),
      packets: (s) => events.packets(s),
      wanted: (s) => events.wanted(s),
      unanswered: () => events.count("unanswered"),
    });
  }

  /** Subscribes, where there is no subscription yet; false, and counted, where it cannot. */
  subscribe(iid: number, eid: Prefix): boolean {
    const why = this.#options.servers.none ? "no_resolver" : this.subscriptions.add(iid, eid) ? null : "full";
    if (why !== null) this.#events.count(why);
    return why === null;
  }

  // ---- Map-Requests ------------------------------------------------------------

  #request(s: OwnSubscription): void {
    const { servers, ids, rlocs } = this.#options;
    const index = servers.choose(s.sent === 1 ? -1 : s.sent - 2);
    if (index < 0) {
      this.#events.count("no_resolver");
      return;
    }
    const { address, source } = servers.at(index);
    const subscriber = { ids, end: s.state === "ending" };
    const question = { iid: s.iid, eid: s.eid, source: null, smrInvoked: false, subscriber };
    const message = encapsulatedRequest(question, s.base, rlocs, source, address);
    servers.asked(index);
    this.#events.count("requests");
    this.#send(source, address, encodeLispControl(message));
  }

  #send(source: Uint8Array, destination: Uint8Array, payload: Uint8Array): boolean {
    const sent = this.#channel.send({ source, destination, payload }, this.#options.output);
    if (!sent) this.#events.count("no_slot");
    return sent;
  }

  // ---- Map-Notifies and Map-Replies ----------------------------------------------

  /** Takes what of a batch is for its subscriptions, Map-Notifies only where `notifies` is true; the rest stays in the batch. */
  take(batch: Batch, notifies: boolean): void {
    const { subscriptions } = this;
    this.#channel.takeAnswers(
      batch,
      ({ type, nonce }) =>
        type === "map-reply"
          ? subscriptions.awaitsReply(nonce)
          : notifies && subscriptions.awaitsNotify(nonce),
      (datagram) => this.#take(datagram),
    );
  }

  /** Whether it is for one of the subscriptions, as its nonce says, and dealt with. */
  #take(datagram: UdpPacket | WireError): boolean {
    const message = messageOf(datagram);
    if (message?.type === "map-notify" && !(datagram instanceof WireError))
      return this.#notified(message, datagram);
    if (message?.type === "map-reply") {
      this.subscriptions.declined(message.nonce);
      this.#events.count("declined");
    } else this.#events.count("malformed");
    return true;
  }

  /** Whether it is for one of the subscriptions, and dealt with. */
  #notified(notify: MapNotify, datagram: UdpPacket): boolean {
    const { key: own, ids } = this.#options;
    if (own === null) return false;
    // Another xTR's with the same key: its nonces are not ours.
    if (notify.ids !== null && !sameAddress(notify.ids.xtrId, ids.xtrId)) return false;
    const { key } = verifyAuthentication(datagram.payload, notify, [own]);
    if (key === null) return false;
    const found = this.subscriptions.notified(notify.nonce);
    if (found === null) return false;
    const { subscription, as } = found;
    if (as === "replay") {
      this.#events.count("replay");
      return true;
    }
    if (as === "repeat") this.#events.count("repeat");
    else {
      this.#events.count(as === "answer" ? "answers" : "publications");
      this.#events.told(subscription, notify.records, as === "answer");
    }
    this.#acknowledge(notify, datagram, key);
    return true;
  }

  /** With the key ID that it came with: the Map-Server may know the key by no other. */
  #acknowledge(
    { nonce, records, ids }: MapNotify,
    { source, destination }: UdpPacket,
    used: AuthenticationKey,
  ): void {
    const ack = mapNotify({ type: "map-notify-ack", nonce, records, ids });
    const from = this.#options.rlocs.find((r) => r.length === source.length) ?? destination;
    if (this.#send(from, source, authenticate(ack, used, keyAlgorithm(used), "ids")))
      this.#events.count("acks");
  }
}
