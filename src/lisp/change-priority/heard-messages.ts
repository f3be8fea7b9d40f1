// What was heard of each sender: so that a message has its effect once, however often it comes, and none that is old.

import { LargeMap } from "../../collections/large-map.js";
import type { Clock } from "../../router/clock.js";
import { nonceAt } from "./clock-nonces.js";

/** What is to be said of a message. */
export type Heard =
  | { readonly kind: "fresh" }
  /** The same again: it is answered as it was, and changes nothing. */
  | { readonly kind: "repeated"; readonly status: number }
  /** Its nonce was used for another one, or is of a time for which that cannot be told. */
  | { readonly kind: "replay" }
  /** A sender more than are remembered. */
  | { readonly kind: "full" };

interface Message {
  readonly nonce: bigint;
  /** Its authentication data. */
  readonly mac: Uint8Array;
  readonly status: number;
  readonly eids: readonly string[];
}

interface Sender {
  /** Nonces up to here are not taken any more. */
  floor: bigint;
  /** By nonce, the greatest last. */
  readonly messages: Message[];
}

export interface HeardOptions {
  readonly clock: Clock;
  /** Seconds for which messages are taken after they were made, and before: clocks differ. */
  readonly age: number;
  /** Senders that are remembered, and messages of each. */
  readonly senders: number;
  readonly messages: number;
}

/**
 * Messages may overtake each other, above all those that are sent again, so nonces need not come in order: all of the
 * last `age` seconds are remembered. What is older counts no more, so that it may be forgotten; nor does what was made
 * before this began, as it may have been heard by a former run. What is of the future would hold for too long.
 */
export class HeardMessages {
  readonly #options: HeardOptions;
  readonly #senders = new LargeMap<string, Sender>();
  #start: bigint;

  constructor(options: HeardOptions) {
    this.#options = options;
    this.#start = nonceAt(options.clock);
  }

  /** Senders that are remembered. */
  get size(): number {
    return this.#senders.size;
  }

  /** What is to be said of an authenticated message; remembers nothing. */
  check(sender: string, nonce: bigint, mac: Uint8Array): Heard {
    const known = this.#senders.get(sender);
    const same = known?.messages.find((m) => m.nonce === nonce);
    if (same !== undefined)
      return Buffer.compare(same.mac, mac) === 0
        ? { kind: "repeated", status: same.status }
        : { kind: "replay" };
    const { clock, age } = this.#options;
    if (nonce < this.#start || nonce < nonceAt(clock, age) || nonce > nonceAt(clock, -age))
      return { kind: "replay" };
    if (known === undefined) return { kind: this.#hasRoom() ? "fresh" : "full" };
    return { kind: nonce > known.floor ? "fresh" : "replay" };
  }

  /** Whether a later message of this sender has been about one of the EIDs. */
  isSuperseded(sender: string, nonce: bigint, eids: readonly string[]): boolean {
    const messages = this.#senders.get(sender)?.messages ?? [];
    for (let i = messages.length - 1; i >= 0 && messages[i].nonce > nonce; i--)
      if (messages[i].eids.some((eid) => eids.includes(eid))) return true;
    return false;
  }

  /** Remembers a fresh message, how it was answered, and the names of its EIDs. */
  remember(sender: string, message: Message): void {
    const known = this.#senders.get(sender) ?? { floor: 0n, messages: [] };
    const { messages } = known;
    let at = messages.length;
    while (at > 0 && messages[at - 1].nonce > message.nonce) at--;
    messages.splice(at, 0, message);
    const oldest = nonceAt(this.#options.clock, this.#options.age);
    while (messages.length > this.#options.messages || messages[0]?.nonce < oldest)
      known.floor = messages.shift()!.nonce;
    // At the end stands who was heard last.
    this.#senders.delete(sender);
    this.#senders.set(sender, known);
  }

  /** Takes over what was heard before a hot swap. */
  takeOver(former: HeardMessages): void {
    this.#start = former.#start;
    for (const [name, sender] of former.#senders) this.#senders.set(name, sender);
  }

  /** Forgets a few senders all of whose messages are too old to come again. */
  #hasRoom(): boolean {
    const oldest = nonceAt(this.#options.clock, this.#options.age);
    for (let i = 0; i < 4; i++) {
      const first = this.#senders.first;
      const last = first?.[1].messages.at(-1);
      if (first === undefined || (last !== undefined && last.nonce >= oldest)) break;
      this.#senders.delete(first[0]);
    }
    return this.#senders.size < this.#options.senders;
  }
}
