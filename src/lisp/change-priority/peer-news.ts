// Who is told where an EID is: its peers, and the tunnel router that asks for them.

import { sameAddress } from "../../net/address.js";
import { type EidPrefix, sameEid } from "../../net/eid.js";
import type { Timer } from "../../router/timer.js";
import type { ChangeEvent } from "../../wire/lisp-control/change-priority.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { Ends } from "../control/authentication.js";
import { recordOfMapping } from "../control/control-records.js";
import type { Locator } from "../mapping.js";
import type { Outcome, Saying } from "./talk.js";

/** Why something is said. */
export type About =
  /** A peer is told where an EID is: an SMR is what is left where it does not take that. */
  | { readonly kind: "peer"; readonly eid: EidPrefix }
  | { readonly kind: "former" }
  | { readonly kind: "reply" }
  | { readonly kind: "hand" };

export type ChangeSaying = Saying<About>;

export interface PeerNewsOptions {
  /** Our own, one of each address family. */
  readonly rlocs: readonly Uint8Array[];
  readonly say: (saying: ChangeSaying) => void;
  /** Messages that can be said now. */
  readonly room: () => number;
  /** Sends an SMR; false where there is nobody to do it. */
  readonly solicit: (rloc: Uint8Array, eid: EidPrefix) => boolean;
  readonly timer: (fire: () => void) => Timer;
  readonly count: (what: "smrs") => void;
  /** Peers are told by SMRs alone. */
  readonly bySmr: boolean;
  /** Seconds for which others may keep what is said of an EID that is not here. */
  readonly ttl: number;
}

/** Peers in one reply: within 1,200 bytes, of either family. */
const PEERS_MAX = 40;
/** Nanoseconds to the second SMR: at the first one the Map-Server may not know yet. Most that wait for it. */
const SMR_AGAIN = 1e9;
const SMRS_MAX = 4096;
/** Peers that are told in one go, some 0.1 ms; and nanoseconds of rest where messages wait already for lack of answers. */
const AT_ONCE = 32;
const REST = 10e6;

/** What peers are told. */
interface News {
  readonly event: ChangeEvent;
  readonly record: EidRecord;
}

/** Peers that are to be told where an EID is, or that another one is to hear of. */
interface Telling {
  readonly eid: EidPrefix;
  readonly peers: readonly Uint8Array[];
  /** What they are told; or the ends of the reply that names them. */
  readonly to: News | Ends;
  /** How many of them are done with. */
  done: number;
}

export class PeerNews {
  readonly #options: PeerNewsOptions;
  readonly #next: Timer;
  #tellings: Telling[] = [];
  #smrs = 0;

  constructor(options: PeerNewsOptions) {
    this.#options = options;
    this.#next = options.timer(() => this.#tellSome());
  }

  /** Goes on with what another one was in the midst of, before a hot swap. */
  takeOver(former: PeerNews): void {
    this.#tellings = former.#tellings;
    if (this.#tellings.length > 0) this.#next.scheduleAfter(0);
  }

  /** Tells these peers that an EID is at `locators`, as the record has it; not those that are these, nor us. */
  tell(
    eid: EidPrefix,
    peers: readonly Uint8Array[],
    event: ChangeEvent,
    record: EidRecord,
    locators: readonly Locator[],
  ): void {
    this.#begin({ eid, peers: this.#strangers(peers, locators), to: { event, record }, done: 0 });
  }

  /** Tells nobody any more where an EID was: of what is said later it would seem to be newer. */
  stop(eid: EidPrefix): void {
    this.#tellings = this.#tellings.filter(({ eid: other, to }) => "source" in to || !sameEid(eid, other));
  }

  /** Names these peers to one that has the EID now, at `locators`. */
  reply(eid: EidPrefix, peers: readonly Uint8Array[], ends: Ends, locators: readonly Locator[]): void {
    this.#begin({ eid, peers: this.#strangers(peers, locators), to: ends, done: 0 });
  }

  /** Our RLOC of the family of another's; null: there is none. */
  source(to: Uint8Array): Uint8Array | null {
    return this.#options.rlocs.find((rloc) => rloc.length === to.length) ?? null;
  }

  isOwn(rloc: Uint8Array): boolean {
    return this.#options.rlocs.some((own) => sameAddress(own, rloc));
  }

  /** What others are told of an EID that is at these locators. */
  record({ iid, eid }: EidPrefix, locators: readonly Locator[]): EidRecord {
    const mapping = { iid, eid, ttl: null, action: "no-action", locators, version: 0 } as const;
    const ttl = Math.max(1, Math.ceil(this.#options.ttl / 60));
    return recordOfMapping(mapping, { ttl, authoritative: false, local: () => false });
  }

  #strangers(peers: readonly Uint8Array[], locators: readonly Locator[]): Uint8Array[] {
    return peers.filter((peer) => !this.isOwn(peer) && !locators.some(({ rloc }) => sameAddress(rloc, peer)));
  }

  /** However many peers there are, packets get their turn; and none is left out because others do not answer yet. */
  #begin(telling: Telling): void {
    this.#tellings.push(telling);
    if (!this.#next.scheduled) this.#tellSome();
  }

  #tellSome(): void {
    let left = AT_ONCE;
    for (let [telling] = this.#tellings; telling !== undefined && left > 0; [telling] = this.#tellings) {
      if (this.#options.room() <= 0) {
        this.#next.scheduleAfter(REST);
        return;
      }
      const { peers, to } = telling;
      // A reply says that there are none, too.
      if ("source" in to) this.#reply(telling, to);
      else if (telling.done < peers.length) this.#tellPeer(telling.eid, peers[telling.done++], to);
      if (telling.done >= peers.length) this.#tellings.shift();
      left -= "source" in to ? PEERS_MAX : 1;
    }
    if (this.#tellings.length > 0) this.#next.scheduleAfter(0);
  }

  #reply(telling: Telling, { source, destination }: Ends): void {
    const { eid, peers, done } = telling;
    telling.done += PEERS_MAX;
    const records = [this.record(eid, peers.slice(done, done + PEERS_MAX).map(locatorAt))];
    const about: About = { kind: "reply" };
    this.#options.say({ source, destination, role: "reply", event: "peers", records, about });
  }

  #tellPeer(eid: EidPrefix, destination: Uint8Array, { event, record }: News): void {
    const source = this.source(destination);
    if (source === null) return;
    if (this.#options.bySmr) this.#solicit(destination, eid);
    else {
      const about: About = { kind: "peer", eid };
      this.#options.say({ source, destination, role: "cache", event, records: [record], about });
    }
  }

  /** What has become of something that was said. */
  outcome({ destination, about }: ChangeSaying, outcome: Outcome): void {
    if (about.kind !== "peer") return;
    // One that knows better need not ask.
    if (outcome.kind === "status" && (outcome.status === "done" || outcome.status === "contradicted")) return;
    this.#solicit(destination, about.eid);
  }

  #solicit(rloc: Uint8Array, eid: EidPrefix): void {
    const { solicit, timer, count } = this.#options;
    if (!solicit(rloc, eid)) return;
    count("smrs");
    if (this.#smrs >= SMRS_MAX) return;
    this.#smrs++;
    timer(() => {
      this.#smrs--;
      solicit(rloc, eid);
    }).scheduleAfter(SMR_AGAIN);
  }
}

function locatorAt(rloc: Uint8Array): Locator {
  return { rloc, priority: 1, weight: 100, mpriority: 255, mweight: 0, reachable: true };
}
