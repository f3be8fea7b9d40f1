// How two talk by Change-Priority messages, over datagrams that may be lost or forged: tunnel routers, hypervisors' agents
// and controllers alike.

import { LargeMap } from "../../collections/large-map.js";
import { addressText, sameAddress } from "../../net/address.js";
import { type EidPrefix, eidName } from "../../net/eid.js";
import type { Element } from "../../router/element.js";
import type { Timer } from "../../router/timer.js";
import { TimerGroup } from "../../router/timer-group.js";
import { eidPrefix } from "../../wire/lisp-control/address.js";
import {
  CHANGE_STATUSES,
  type ChangeEvent,
  type ChangePriority,
  type ChangeRole,
  type ChangeStatus,
  changePriority,
  statusName,
} from "../../wire/lisp-control/change-priority.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import {
  type AuthenticationKey,
  type AuthenticationVerdict,
  authenticate,
  type Ends,
  verifyAuthentication,
} from "../control/authentication.js";
import type { OutgoingMessage } from "../control/control-channel.js";
import { idsOf, keyAlgorithm, refusalText } from "../control/keys.js";
import { NonceFileError } from "../control/nonce-file.js";
import { RefusalLog } from "../control/refusal-log.js";
import { ClockNonces } from "./clock-nonces.js";
import { HeardMessages } from "./heard-messages.js";
import { maySay, type Trust, type Trusted } from "./trust.js";

/** Nanoseconds from each time that a message is sent to the next one, or to giving it up. */
const WAITS = [0.1e9, 0.2e9, 0.4e9] as const;
/** Messages made in one go: each takes some 30 µs. */
const AT_ONCE = 8;

/** A message to say. `about`: whatever the caller wants to find again in the outcome. */
export interface Saying<T> {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly role: ChangeRole;
  readonly event: ChangeEvent;
  readonly records: readonly EidRecord[];
  readonly about: T;
}

/**
 * `status`: what the other one answered, a name of CHANGE_STATUSES or `status N`. `silent`: nothing, three times.
 * `unsent`: there is no key for it (`no-key`), too many wait (`full`), or no nonce is to be had (`no-nonce`).
 */
export type Outcome =
  | { readonly kind: "status"; readonly status: string }
  | { readonly kind: "silent" }
  | { readonly kind: "unsent"; readonly why: "no-key" | "full" | "no-nonce" };

/** `done`, another status, `silent`, `unsent: no-key`. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case "status":
      return outcome.status;
    case "silent":
      return "silent";
    case "unsent":
      return `unsent: ${outcome.why}`;
  }
}

/** What happens to messages, as counters and drop reasons have it. */
export type TalkCount =
  | "sent"
  | "resent"
  | "acknowledged"
  | "silent"
  | "unsent"
  | "heard"
  | "repeated"
  | "off"
  | "bad_auth"
  | "replay"
  | "senders"
  | "unauthorized"
  | "refused"
  | "late"
  | "no_slot";

export interface TalkOptions<T> {
  /** On whose log refusals are, and whose clock and timers are used. */
  readonly element: Element;
  readonly trusted: Trusted;
  /** Where nonces are kept over a restart; null: nowhere. */
  readonly file: string | null;
  /** Seconds for which a message is taken after it was made: the clocks of all have to agree as well, either way. */
  readonly age: number;
  /** Messages that wait to be said, or for their acknowledgement. */
  readonly capacity: number;
  /** Puts a datagram on its way; false: there is no room for it. */
  readonly send: (message: OutgoingMessage) => boolean;
  /** Does what a message asks for, that is authentic, new, and by one who may say so. */
  readonly act: (message: ChangePriority, datagram: UdpPacket) => ChangeStatus;
  /** What has become of a message: called once for each, perhaps before `say` returns. */
  readonly outcome: (saying: Saying<T>, outcome: Outcome) => void;
  readonly count: (what: TalkCount) => void;
}

interface Pending<T> {
  readonly saying: Saying<T>;
  readonly trust: Trust;
  readonly nonce: bigint;
  readonly payload: Uint8Array;
  readonly timer: Timer;
  /** How often it was sent. */
  tries: number;
}

/** Senders whose messages are remembered, and how many of each. */
const SENDERS = 4096;
const MESSAGES = 256;

/**
 * One end of Change-Priority talks. What is said gets a nonce greater than all before, is authenticated, and sent again
 * after 0.1 and 0.2 s until it is acknowledged; 0.4 s later it is given up. What is heard counts once: if its key is
 * one for its sender, its nonce new, and the key may speak for its EIDs. It is acknowledged with a status, each time
 * that it comes, unless it is not authentic or too old.
 */
export class ChangePriorityTalk<T> {
  readonly #options: TalkOptions<T>;
  readonly #timers: TimerGroup;
  readonly #refusals: RefusalLog;
  readonly #heard: HeardMessages;
  readonly #next: Timer;
  /** To be said, first come first; and said, by nonce. */
  readonly #queue: { readonly saying: Saying<T>; readonly trust: Trust }[] = [];
  readonly #pending = new LargeMap<bigint, Pending<T>>();
  #nonces: ClockNonces | null = null;

  constructor(options: TalkOptions<T>) {
    const { element, age } = options;
    this.#options = options;
    this.#timers = new TimerGroup(element);
    this.#refusals = new RefusalLog(element);
    this.#next = this.#timers.timer(() => this.#sayNext());
    const { clock } = element.router;
    this.#heard = new HeardMessages({ clock, age, senders: SENDERS, messages: MESSAGES });
  }

  /** Reserves nonces: before the first message. Throws NonceFileError. */
  start(): void {
    this.#nonces = new ClockNonces(this.#options.element.router.clock, this.#options.file);
  }

  /** Messages that wait to be said, or for their acknowledgement. */
  get waiting(): number {
    return this.#queue.length + this.#pending.size;
  }

  /** Goes on with what another one was in the midst of, before a hot swap. */
  takeOver(former: ChangePriorityTalk<T>): void {
    this.#heard.takeOver(former.#heard);
    // A file has kept how far they have come.
    if (this.#options.file === null && former.#nonces !== null) this.#nonces = former.#nonces;
    for (const pending of former.#pending.values()) {
      const { saying, nonce, tries, payload } = pending;
      const trust = this.#trustFor(saying);
      // Whoever has the new key alone does not take what the old one signed.
      if (trust === null || !sameKey(trust.keys[0], pending.trust.keys[0])) {
        this.say(saying);
        continue;
      }
      const timer = this.#timers.timer(() => this.#again(nonce));
      this.#pending.set(nonce, { saying, trust, nonce, payload, timer, tries });
      timer.scheduleAfter(WAITS[tries - 1]);
    }
    for (const { saying } of former.#queue) this.say(saying);
  }

  // ---- Saying ------------------------------------------------------------------------

  say(saying: Saying<T>): void {
    const trust = this.#trustFor(saying);
    if (trust === null) this.#unsent(saying, "no-key");
    else if (this.waiting >= this.#options.capacity) this.#unsent(saying, "full");
    else {
      this.#queue.push({ saying, trust });
      if (!this.#next.scheduled) this.#next.scheduleAfter(0);
    }
  }

  #trustFor({ destination, role, records }: Saying<T>): Trust | null {
    const eids = records.map(eidPrefix);
    if (!eids.every((eid) => eid !== null)) return null;
    return this.#options.trusted.to(destination, role, eids);
  }

  #unsent(saying: Saying<T>, why: "no-key" | "full" | "no-nonce"): void {
    this.#options.count("unsent");
    this.#options.outcome(saying, { kind: "unsent", why });
  }

  #sayNext(): void {
    for (const { saying, trust } of this.#queue.splice(0, AT_ONCE)) this.#sayNow(saying, trust);
    if (this.#queue.length > 0) this.#next.scheduleAfter(0);
  }

  #sayNow(saying: Saying<T>, trust: Trust): void {
    let nonce: bigint;
    try {
      nonce = this.#nonces!.next();
    } catch (e) {
      if (!(e instanceof NonceFileError || e instanceof RangeError)) throw e;
      this.#refusals.tell("", "no-nonce", `no nonce for a message: ${e.message}`);
      this.#unsent(saying, "no-nonce");
      return;
    }
    const { role, event, records } = saying;
    const [key] = trust.keys;
    const message = changePriority({ role, event, nonce, records });
    const payload = authenticate(message, key, keyAlgorithm(key), "all", saying);
    const timer = this.#timers.timer(() => this.#again(nonce));
    const pending: Pending<T> = { saying, trust, nonce, payload, timer, tries: 0 };
    this.#pending.set(nonce, pending);
    this.#options.count("sent");
    this.#send(pending);
  }

  #send(pending: Pending<T>): void {
    const { saying, payload, timer } = pending;
    timer.scheduleAfter(WAITS[pending.tries]);
    pending.tries++;
    this.#put({ source: saying.source, destination: saying.destination, payload });
  }

  #put(message: OutgoingMessage): void {
    if (!this.#options.send(message)) this.#options.count("no_slot");
  }

  #again(nonce: bigint): void {
    const pending = this.#pending.get(nonce)!;
    if (pending.tries < WAITS.length) {
      this.#options.count("resent");
      this.#send(pending);
      return;
    }
    this.#pending.delete(nonce);
    this.#options.count("silent");
    const { saying } = pending;
    const to = addressText(saying.destination);
    this.#refusals.tell(to, "silent", `${to} does not answer to ${saying.role} ${saying.event}`);
    this.#options.outcome(saying, { kind: "silent" });
  }

  // ---- Hearing -----------------------------------------------------------------------

  /** Takes a message that a datagram brought. */
  hear(message: ChangePriority, datagram: UdpPacket): void {
    if (this.#options.trusted.none) this.#options.count("off");
    else if (message.acknowledges) this.#hearAnswer(message, datagram);
    else this.#hearMessage(message, datagram);
  }

  #hearAnswer(answer: ChangePriority, datagram: UdpPacket): void {
    const pending = this.#pending.get(answer.nonce);
    if (pending === undefined || !answers(answer, datagram, pending.saying)) {
      this.#options.count("late");
      return;
    }
    const { verdict } = verifyAuthentication(datagram.payload, answer, pending.trust.keys, datagram);
    if (verdict !== "valid") {
      this.#refuse(answer, datagram, verdict, pending.trust.keys);
      return;
    }
    pending.timer.unschedule();
    this.#pending.delete(answer.nonce);
    this.#options.count("acknowledged");
    const status = statusName(answer.status);
    if (answer.status !== 0) {
      const { destination, role, event } = pending.saying;
      const to = addressText(destination);
      this.#refusals.tell(to, status, `${to} answers to ${role} ${event}: ${status}`);
    }
    this.#options.outcome(pending.saying, { kind: "status", status });
  }

  #hearMessage(message: ChangePriority, datagram: UdpPacket): void {
    const { count } = this.#options;
    const verified = this.#verified(message, datagram);
    if (verified === null) return;
    const { trust, key } = verified;
    const sender = senderName(datagram.source, key);
    const { nonce, authentication } = message;
    const heard = this.#heard.check(sender, nonce, authentication.data);
    if (heard.kind === "repeated") {
      count("repeated");
      this.#answer(message, datagram, key, heard.status);
    } else if (heard.kind === "fresh") {
      const eids = message.records.map(eidPrefix);
      const names = eids.filter((eid) => eid !== null).map(eidName);
      const status = CHANGE_STATUSES.indexOf(this.#judge(message, datagram, trust, eids, sender));
      count(status === 0 ? "heard" : status === 1 ? "unauthorized" : "refused");
      this.#heard.remember(sender, { nonce, mac: authentication.data, status, eids: names });
      this.#answer(message, datagram, key, status);
    } else {
      count(heard.kind === "full" ? "senders" : "replay");
      const from = addressText(datagram.source);
      const why =
        heard.kind === "full"
          ? `${SENDERS} senders are remembered already`
          : `its nonce was used before, or is not of the last ${this.#options.age} s, or of before the start: do the clocks agree?`;
      this.#refusals.tell(from, heard.kind, `${message.role} ${message.event} from ${from} refused: ${why}`);
    }
  }

  /** Who has made a message; of those with the same secret rather one who may say what it says. Null: nobody, which is counted. */
  #verified(
    message: ChangePriority,
    datagram: UdpPacket,
  ): { readonly trust: Trust; readonly key: AuthenticationKey } | null {
    const { keyId } = message.authentication;
    const possible = this.#options.trusted.from(datagram.source, keyId);
    const eids = message.records.map(eidPrefix).filter((eid) => eid !== null);
    let first: { readonly trust: Trust; readonly key: AuthenticationKey } | null = null;
    let refused: Exclude<AuthenticationVerdict, "valid"> = "unknown-key-id";
    for (const trust of possible) {
      const { verdict, key } = verifyAuthentication(datagram.payload, message, trust.keys, datagram);
      if (verdict !== "valid") refused = verdict;
      else if (maySay(trust, message.role, eids)) return { trust, key: key! };
      else first ??= { trust, key: key! };
    }
    if (first === null)
      this.#refuse(
        message,
        datagram,
        refused,
        possible.flatMap(({ keys }) => keys),
      );
    return first;
  }

  #judge(
    message: ChangePriority,
    datagram: UdpPacket,
    trust: Trust,
    eids: readonly (EidPrefix | null)[],
    sender: string,
  ): ChangeStatus {
    const known = eids.filter((eid) => eid !== null);
    if (!maySay(trust, message.role, known)) {
      const from = addressText(datagram.source);
      const what = `${message.role} ${message.event} from ${from}`;
      this.#refusals.tell(from, "unauthorized", `${what} refused: its key may not say that of its EIDs`);
      return "unauthorized";
    }
    if (known.length === 0 || known.length < eids.length) return "unusable";
    if (this.#heard.isSuperseded(sender, message.nonce, known.map(eidName))) return "superseded";
    return this.#options.act(message, datagram);
  }

  #answer(message: ChangePriority, datagram: UdpPacket, key: AuthenticationKey, status: number): void {
    const { role, event, nonce, authentication } = message;
    const { source, destination, sourcePort, destinationPort } = datagram;
    const ends: Ends = { source: destination, destination: source };
    const answer = changePriority({ role, event, nonce, acknowledges: true, status, records: [] });
    const payload = authenticate(answer, key, authentication.algorithm, "all", ends);
    this.#put({ ...ends, sourcePort: destinationPort, destinationPort: sourcePort, payload });
  }

  #refuse(
    message: ChangePriority,
    datagram: UdpPacket,
    verdict: Exclude<AuthenticationVerdict, "valid">,
    keys: readonly AuthenticationKey[],
  ): void {
    this.#options.count("bad_auth");
    const from = addressText(datagram.source);
    const why =
      keys.length === 0
        ? `key ID ${message.authentication.keyId}, which nobody at this address has`
        : refusalText(verdict, message.authentication, keys);
    this.#refusals.tell(from, "bad_auth", `Change-Priority message from ${from} refused: ${why}`);
  }
}

/** Whether an acknowledgement is one of what was said, from whom it was said to. */
function answers(answer: ChangePriority, datagram: UdpPacket, saying: Saying<unknown>): boolean {
  const ends =
    sameAddress(datagram.source, saying.destination) && sameAddress(datagram.destination, saying.source);
  return ends && answer.role === saying.role && answer.event === saying.event;
}

function sameKey(a: AuthenticationKey, b: AuthenticationKey): boolean {
  return a.id === b.id && keyAlgorithm(a) === keyAlgorithm(b) && Buffer.compare(a.secret, b.secret) === 0;
}

/** Nonces are kept of each address and key ID: who shares a key has another address, and the MAC covers that. */
function senderName(source: Uint8Array, key: AuthenticationKey): string {
  return `${addressText(source)} ${idsOf(key).join(" ")}`;
}
