// Packets that come from the core for hosts that are not here, and of which nothing is known: who sends them has an old
// mapping, and nobody else may remember to say so.

import { addressText } from "../../net/address.js";
import type { Clock } from "../../router/clock.js";
import { IntervalLimit } from "../limits/interval-limit.js";
import type { LoggedPeer } from "../tables/peer-log.js";

export interface StraysOptions {
  readonly clock: Clock;
  /** Hosts a second whose senders are looked for, and at once; hosts that are remembered. */
  readonly rate: number;
  readonly burst: number;
  readonly capacity: number;
  readonly peers: (eid: Uint8Array) => Iterable<LoggedPeer>;
  /** Sends an SMR for an EID to an RLOC. */
  readonly solicit: (rloc: Uint8Array, eid: Uint8Array) => void;
}

/** As often as SMRs to one RLOC (RFC 9301, section 6.1), nanoseconds. */
const INTERVAL = 3e9;

export class Strays {
  readonly #options: StraysOptions;
  readonly #limit: IntervalLimit;

  constructor(options: StraysOptions) {
    this.#options = options;
    const { clock, rate, burst, capacity } = options;
    this.#limit = new IntervalLimit({ clock, rate, burst, capacity, interval: INTERVAL });
  }

  /** A packet has come for a host: solicits those that sent for it just now, not too often. */
  take(eid: Uint8Array): void {
    const { clock, peers, solicit } = this.#options;
    if (!this.#limit.allow(addressText(eid))) return;
    for (const peer of peers(eid))
      if (peer.from > 0 && clock.now() - peer.seen < INTERVAL) solicit(peer.rloc, eid);
  }
}
