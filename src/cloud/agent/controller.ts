// What an agent knows of one controller: which requests it has answered, and which events the controller has.

import type { AuthenticationKey } from "../../lisp/control/authentication.js";
import { addressText } from "../../net/address.js";
import { pauseAfter } from "./agent-host.js";
import type { Ends } from "./agent-message.js";
import { AnswerMemory } from "./answer-memory.js";

/** Events that are on the way at once. */
const WINDOW = 16;

/** A key that controllers speak with. */
export interface AgentKey {
  readonly key: AuthenticationKey;
  /** Whether they may order, not only look. */
  readonly mayOrder: boolean;
}

export class Controller {
  readonly answers = new AnswerMemory();
  /** Its requests are of this session, as long as it is remembered: those of another one may be anybody's who has kept them. */
  readonly session: bigint;
  readonly key: AgentKey;
  /** By which it names its key. */
  keyId: number;
  /** How datagrams go to it. */
  ends: Ends;
  /** Steady nanosecond at which it was heard last. */
  heard = 0;
  /** Numbers of the last event that it has acknowledged, and that was sent. */
  acknowledged: number;
  #sent: number;
  #tries = 0;
  #again = Number.POSITIVE_INFINITY;

  /** `last`: number of the last event before it came. */
  constructor(session: bigint, key: AgentKey, keyId: number, ends: Ends, last: number) {
    this.session = session;
    this.key = key;
    this.keyId = keyId;
    this.ends = ends;
    this.acknowledged = last;
    this.#sent = last;
  }

  /** Steady nanosecond at which `due` has to be asked again. */
  get again(): number {
    return this.#again;
  }

  /** Numbers of the events to be sent at `now`, of those before `next`: new ones, and the first that is not acknowledged again. */
  due(next: number, now: number): number[] {
    const due: number[] = [];
    if (this.#sent > this.acknowledged && this.#again <= now) {
      due.push(this.acknowledged + 1);
      this.#tries++;
      this.#again = now + pauseAfter(this.#tries);
    }
    const end = Math.min(next - 1, this.acknowledged + WINDOW);
    for (let number = this.#sent + 1; number <= end; number++) due.push(number);
    if (end > this.#sent) {
      if (this.#sent === this.acknowledged) this.#restart(now);
      this.#sent = end;
    }
    return due;
  }

  #restart(now: number): void {
    this.#tries = 1;
    this.#again = now + pauseAfter(1);
  }

  /** It has all events up to `number`; those before are the only ones it can have. */
  acknowledge(number: number, now: number): void {
    if (number <= this.acknowledged || number > this.#sent) return;
    this.acknowledged = number;
    if (this.#sent > number) this.#restart(now);
    else this.#again = Number.POSITIVE_INFINITY;
  }

  /** Events up to `number` are lost. */
  skip(number: number): void {
    this.acknowledged = Math.max(this.acknowledged, number);
    this.#sent = Math.max(this.#sent, number);
  }

  /** It has said hello: what it has not acknowledged is sent anew. */
  rewind(): void {
    this.#sent = this.acknowledged;
    this.#again = Number.POSITIVE_INFINITY;
  }

  /** A line: address, key ID, `orders` or `looks`, number of the last event acknowledged, seconds since it was heard. */
  text(now: number): string {
    const { key, keyId, ends, heard } = this;
    const may = key.mayOrder ? "orders" : "looks";
    const silent = ((now - heard) / 1e9).toFixed(3);
    return `${addressText(ends.destination)} ${keyId} ${may} ${this.acknowledged} ${silent}\n`;
  }
}
