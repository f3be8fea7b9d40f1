// Nonces that others want echoed (RFC 9300, section 10.1): what an xTR sends back in its data packets, and for how long.

import { LargeMap } from "../../collections/large-map.js";
import { addressText } from "../../net/address.js";
import type { TimerGroup } from "../../router/timer-group.js";
import type { Mapping } from "../mapping.js";
import type { MapCache } from "../tables/map-cache.js";
import type { Peer, PeerTable } from "../tables/peer-table.js";

const N_AND_E = 0xa0;

interface Answer {
  readonly rloc: Uint8Array;
  readonly iid: number;
  readonly nonce: number;
  /** Packets that the asker had sent when this was looked at last. */
  packets: number;
}

/** Where nonces come from and go to. Both may be others after a hot swap. */
export interface EchoWorld {
  readonly cache: MapCache;
  readonly peers: PeerTable;
}

export class EchoAnswers {
  readonly #world: () => EchoWorld;
  readonly #timers: TimerGroup;
  readonly #hold: number;
  readonly #capacity: number;
  readonly #isAsking: (rloc: string) => boolean;
  readonly #answers = new LargeMap<string, Answer>();

  /**
   * A nonce is echoed while it is asked for, and up to `hold` nanoseconds longer; `capacity` at once. It waits while
   * `isAsking`: packets there carry a request of our own.
   */
  constructor(
    world: () => EchoWorld,
    timers: TimerGroup,
    hold: number,
    capacity: number,
    isAsking: (rloc: string) => boolean,
  ) {
    this.#isAsking = isAsking;
    this.#world = world;
    this.#timers = timers;
    this.#hold = hold;
    this.#capacity = capacity;
  }

  /** RLOCs whose nonces are echoed. */
  *rlocs(): IterableIterator<Uint8Array> {
    for (const { rloc } of this.#answers.values()) yield rloc;
  }

  /** The nonce that is to be echoed to an RLOC; null: none. */
  nonce(rloc: string): number | null {
    return this.#answers.get(rloc)?.nonce ?? null;
  }

  /** Our own request is over: what waited is echoed now, if anything. */
  resume(rloc: Uint8Array): void {
    const answer = this.#answers.get(addressText(rloc));
    if (answer !== undefined) this.#say(answer);
    else this.#world().cache.updateRloc(rloc, { echo: null });
  }

  /** A peer asks to have its nonce echoed; false when too many do. */
  ask(peer: Peer): boolean {
    const name = addressText(peer.rloc);
    const known = this.#answers.has(name);
    if (!known && this.#answers.size >= this.#capacity) return false;
    const { rloc, iid, nonce, packets } = peer;
    const answer = { rloc, iid, nonce, packets };
    this.#answers.set(name, answer);
    this.#say(answer);
    if (!known) this.#wait(name);
    return true;
  }

  /** A mapping has come: what could not be echoed since there was none to the asker can be now. */
  mapped(mapping: Mapping): void {
    for (const l of mapping.locators) {
      const answer = this.#answers.get(addressText(l.rloc));
      if (answer !== undefined) this.#say(answer);
    }
  }

  #say({ rloc, nonce }: Answer): void {
    if (!this.#isAsking(addressText(rloc)))
      this.#world().cache.updateRloc(rloc, { echo: { nonce, request: false } });
  }

  #wait(name: string): void {
    this.#timers.timer(() => this.#due(name)).scheduleAfter(this.#hold);
  }

  #due(name: string): void {
    const answer = this.#answers.get(name)!;
    const { cache, peers } = this.#world();
    const peer = peers.get(answer.rloc, answer.iid);
    const asks =
      peer !== null &&
      (peer.flags & N_AND_E) === N_AND_E &&
      peer.nonce === answer.nonce &&
      peer.packets !== answer.packets;
    if (asks) {
      answer.packets = peer.packets;
      this.#wait(name);
      return;
    }
    this.#answers.delete(name);
    if (!this.#isAsking(name)) cache.updateRloc(answer.rloc, { echo: null });
  }
}
