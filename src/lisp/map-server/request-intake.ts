// What a Map-Server does with a Map-Request: answers it, sends it on to an ETR, takes it as a subscription (RFC 9301,
// section 8.3; RFC 9437).

import type { EidPrefix } from "../../net/eid.js";
import type { OutgoingMessage } from "../control/control-channel.js";
import { tableEid } from "../control/control-records.js";
import { nonceText } from "../control/nonce-policy.js";
import type { RegistrationDatabase } from "../database/registration-database.js";
import type { KeyedBuckets } from "../limits/keyed-buckets.js";
import { askerName } from "../limits/reply-limit.js";
import { answer, subscribedRecords } from "./answers.js";
import { etrAddresses } from "./entries.js";
import type { Publisher } from "./publisher.js";
import { type EncapsulatedRequest, forwarded, isOther, type OwnAddresses, replyTo } from "./requests.js";
import type { Sites } from "./sites.js";

/** Records of one Map-Request that are answered. */
const RECORDS_MAX = 16;

export interface RequestIntakeOptions {
  readonly database: RegistrationDatabase;
  readonly sites: Sites;
  readonly own: OwnAddresses;
  /** How many Map-Replies each asker gets (RFC 9301, section 5.4). */
  readonly replies: KeyedBuckets;
  /** Null: nobody can subscribe. */
  readonly publisher: Publisher | null;
  /** Says on the log why a subscription is refused. */
  readonly refuse: (source: Uint8Array, why: string) => void;
  /** Whether there was a packet for it. */
  readonly send: (message: OutgoingMessage) => boolean;
  /** Counts one of the Map-Server's counters or drops. */
  readonly count: (name: string) => void;
}

export class RequestIntake {
  readonly #options: RequestIntakeOptions;
  /** Map-Requests that went on to one of several ETRs. */
  #turn = 0;

  constructor(options: RequestIntakeOptions) {
    this.#options = options;
  }

  /** `sender`: who has sent it here. Throws LispControlError or WireError where what is to be sent is more than a message holds. */
  take(request: EncapsulatedRequest, sender: Uint8Array): void {
    const { count } = this.#options;
    const { message } = request;
    count("requests");
    if (message.probe || message.smr) {
      count("probe");
      return;
    }
    for (const record of message.records.slice(0, RECORDS_MAX))
      this.#takeOne({ ...request, message: { ...message, records: [record] } }, sender);
  }

  #takeOne(request: EncapsulatedRequest, sender: Uint8Array): void {
    const { database, sites, own, count } = this.#options;
    const asked = tableEid(request.message.records[0]);
    if (asked === null) {
      count("unsupported_eid");
      return;
    }
    if (this.#subscribes(request, asked)) return;
    const found = answer(database, sites, asked);
    if (found.kind === "forward") {
      const etrs = etrAddresses(found.entry, (address) => isOther(own, address));
      // By turns: one may be dead, and the ITR that hears nothing asks again.
      const etr = etrs.length > 1 ? etrs[this.#turn++ % etrs.length] : (etrs[0] ?? null);
      this.#send(etr === null ? null : forwarded(request, own, etr), "forwarded", sender);
    } else if (found.kind === "negative")
      this.#send(replyTo(request, own, [found.record]), "negative_replies", sender);
    else this.#send(replyTo(request, own, found.records), "replies", sender);
  }

  /** Whether the Map-Request is dealt with: it asks for more than an answer (RFC 9437). */
  #subscribes(request: EncapsulatedRequest, asked: EidPrefix): boolean {
    const { publisher, count, refuse, database, sites } = this.#options;
    const { ids, records, nonce } = request.message;
    if (publisher === null || ids === null || !records[0].subscribe) return false;
    const became = publisher.subscribe(request, asked, subscribedRecords(database, sites, asked));
    if (became !== "refused") count(became);
    if (became === "replayed")
      refuse(
        request.ip.source,
        `nonce ${nonceText(nonce)} is not greater than that of the subscription there is`,
      );
    return became !== "refused";
  }

  #send(
    message: OutgoingMessage | "no_hops" | null,
    counter: "forwarded" | "negative_replies" | "replies",
    sender: Uint8Array,
  ): void {
    const { replies, send, count } = this.#options;
    if (message === null) count("no_route");
    else if (message === "no_hops") count("no_hops");
    else if (counter !== "forwarded" && !replies.take(askerName({ rloc: message.destination, sender })))
      count("reply_rate");
    else count(send(message) ? counter : "not_sent");
  }
}
