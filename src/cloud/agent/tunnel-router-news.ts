// An agent tells the tunnel routers of its site where a virtual machine is, by Change-Priority messages of role H.

import {
  ChangePriorityTalk,
  type Outcome,
  outcomeText,
  type Saying,
  type TalkCount,
} from "../../lisp/change-priority/talk.js";
import type { Trusted } from "../../lisp/change-priority/trust.js";
import { CONTROL_PORT, messageOf } from "../../lisp/control/control-channel.js";
import { recordOfMapping } from "../../lisp/control/control-records.js";
import type { Locator } from "../../lisp/mapping.js";
import { addressText } from "../../net/address.js";
import { eidText } from "../../net/eid.js";
import type { Element } from "../../router/element.js";
import type { OutgoingDatagram } from "../../transport/datagram-channel.js";
import { eidPrefix } from "../../wire/lisp-control/address.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import type { Announcement } from "../hypervisor.js";
import type { SiteNews } from "./announcements.js";

/** What happens to messages, by the agent's counters and drop reasons. */
export type NewsCount =
  | "told"
  | "told_again"
  | "told_done"
  | "told_silent"
  | "untold"
  | "bad_auth"
  | "late"
  | "stray"
  | "malformed"
  | "no_slot";

export interface TunnelRouterNewsOptions {
  readonly element: Element;
  /** Tunnel routers of the site, 4 or 16 bytes each. */
  readonly routers: readonly Uint8Array[];
  /** Our own addresses, at most one of a family: one for each of `routers`. */
  readonly addresses: readonly Uint8Array[];
  /** Keys of the tunnel routers. */
  readonly trusted: Trusted;
  /** Where nonces are kept over a restart; null: nowhere. */
  readonly file: string | null;
  readonly send: (datagram: OutgoingDatagram) => boolean;
  readonly count: (what: NewsCount) => void;
}

/** Minutes of the records' TTL: tunnel routers have their own for what they tell others. */
const TTL = 5;
/** Messages that wait, and whose outcomes are remembered. */
const WAITING_MOST = 1024;
const OUTCOMES_MOST = 64;
/** Seconds for which a message that comes counts: none but acknowledgements do. */
const AGE = 30;

/** Those of the talk's counts that whoever only speaks can have. */
const COUNTS: Partial<Record<TalkCount, NewsCount>> = {
  sent: "told",
  resent: "told_again",
  acknowledged: "told_done",
  silent: "told_silent",
  unsent: "untold",
  bad_auth: "bad_auth",
  off: "stray",
  late: "late",
  no_slot: "no_slot",
};

export class TunnelRouterNews implements SiteNews {
  readonly #options: TunnelRouterNewsOptions;
  readonly #talk: ChangePriorityTalk<null>;
  readonly #outcomes: string[] = [];

  constructor(options: TunnelRouterNewsOptions) {
    this.#options = options;
    const { element, trusted, file } = options;
    this.#talk = new ChangePriorityTalk({
      element,
      trusted,
      file,
      age: AGE,
      capacity: WAITING_MOST,
      send: (message) =>
        options.send({ sourcePort: CONTROL_PORT, destinationPort: CONTROL_PORT, ...message }),
      act: () => "switched-off",
      outcome: (saying, outcome) => this.#became(saying, outcome),
      count: (what) => {
        const name = COUNTS[what];
        if (name !== undefined) options.count(name);
      },
    });
  }

  /** Before the first message. Throws NonceFileError. */
  start(): void {
    if (this.#options.routers.length > 0) this.#talk.start();
  }

  /** Goes on with what another one was in the midst of, before a hot swap. */
  takeOver(former: TunnelRouterNews): void {
    this.#outcomes.push(...former.#outcomes);
    if (this.#options.routers.length > 0) this.#talk.takeOver(former.#talk);
  }

  /** The last messages, a line for each: to whom, event, EIDs, what was answered. */
  get outcomes(): string {
    return this.#outcomes.join("");
  }

  left(addresses: readonly Uint8Array[], announcement: Announcement): void {
    this.#tell("left", addresses, announcement);
  }

  arrived(addresses: readonly Uint8Array[], announcement: Announcement): void {
    this.#tell("arrived", addresses, announcement);
  }

  #tell(event: "left" | "arrived", eids: readonly Uint8Array[], announcement: Announcement): void {
    if (eids.length === 0) return;
    const records = eids.map((eid) => recordFor(eid, announcement));
    for (const destination of this.#options.routers) {
      const source = this.#options.addresses.find(({ length }) => length === destination.length)!;
      this.#talk.say({ source, destination, role: "hypervisor", event, records, about: null });
    }
  }

  /** Takes the acknowledgement of a tunnel router: nothing else comes from there. */
  hear(datagram: UdpPacket): void {
    const message = messageOf(datagram);
    if (message?.type !== "change-priority") this.#options.count("malformed");
    else if (!message.acknowledges) this.#options.count("stray");
    else this.#talk.hear(message, datagram);
  }

  #became({ destination, event, records }: Saying<null>, outcome: Outcome): void {
    const eids = records.map((record) => eidText(eidPrefix(record)!)).join(", ");
    this.#outcomes.push(`${addressText(destination)} ${event} ${eids}: ${outcomeText(outcome)}\n`);
    if (this.#outcomes.length > OUTCOMES_MOST) this.#outcomes.shift();
  }
}

function recordFor(eid: Uint8Array, { iid, locators }: Announcement): EidRecord {
  const mapping = {
    iid,
    eid: { address: eid, length: eid.length * 8 },
    ttl: TTL * 60,
    action: "no-action",
    locators: locators.map(locatorOf),
    version: 0,
  } as const;
  return recordOfMapping(mapping, { ttl: TTL, authoritative: false, local: () => false });
}

function locatorOf(locator: Announcement["locators"][number]): Locator {
  return { ...locator, mpriority: 255, mweight: 0, reachable: true };
}
