// How many Map-Replies leave for each asker (RFC 9301, section 5.4).

import { addressText, sameAddress } from "../../net/address.js";
import type { Clock } from "../../router/clock.js";
import { KeyedBuckets } from "./keyed-buckets.js";

/** Askers whose rates are kept, and questions of theirs. */
const ASKERS = 65536;

/** Who gets a Map-Reply: 4 or 16 bytes each. */
export interface Asker {
  /** Where the Map-Reply goes: an ITR-RLOC. */
  readonly rloc: Uint8Array;
  /** Where the Map-Request came from. */
  readonly sender: Uint8Array;
}

/**
 * Anybody can ask in another's name, so that the answers flood it: they are counted by where they go. Those that an
 * RLOC has asked for itself are counted apart from those that others asked for in its name, or these could use up what
 * it may have.
 */
export function askerName({ rloc, sender }: Asker): string {
  return sameAddress(rloc, sender) ? addressText(rloc) : `${addressText(rloc)} by others`;
}

export interface ReplyLimitOptions {
  readonly clock: Clock;
  /** Most Map-Replies a second, and at once, to one asker. */
  readonly rate: number;
  /** How often in a row one asker gets the answer for one EID, and the seconds after which it may have it once more. */
  readonly repeats: number;
  readonly interval: number;
}

/** Limits that leave room for questions that come again because an answer was lost. */
export class ReplyLimit {
  readonly #askers: KeyedBuckets;
  readonly #questions: KeyedBuckets | null;

  constructor({ clock, rate, repeats, interval }: ReplyLimitOptions) {
    this.#askers = new KeyedBuckets(clock, rate, rate, ASKERS);
    this.#questions = interval > 0 ? new KeyedBuckets(clock, 1 / interval, repeats, ASKERS) : null;
  }

  /** Whether a question may be answered now; `eid`: what it is about, as text. If so, it counts. */
  take(asker: Asker, eid: string): boolean {
    const name = askerName(asker);
    return this.#questions?.take(`${name} ${eid}`) !== false && this.#askers.take(name);
  }
}
