// Asking for echoes (RFC 9300, section 10.1): which locators are asked, and what becomes of those that do not answer.
//
// Time goes in rounds. At the beginning of one, locators with traffic both ways are asked: every packet there carries a
// nonce and the E bit. A locator is taken for unreachable when packets went there in the first half of the time-out,
// others came from there in the second, and none of all had the nonce: so much traffic must there be, and so long may
// the way there and back take.
//
// Where both ends ask at once, each would wait for the other: the one with the greater nonce goes on, the other one
// rests and echoes. Whoever hears a request and does not know of this rests in any case.

import { LargeMap } from "../../collections/large-map.js";
import { addressText } from "../../net/address.js";
import type { Clock } from "../../router/clock.js";
import type { Random } from "../../router/random.js";
import type { Mapping } from "../mapping.js";
import { SLICE, SLICE_REST } from "../slice.js";
import type { Peer } from "../tables/peer-table.js";
import type { EchoWorld } from "./echo-answers.js";

export interface EchoPolicy {
  /** Nanoseconds of a round, of the wait for an echo in it, and until a locator that is down is tried again. */
  readonly interval: number;
  readonly timeout: number;
  readonly retry: number;
}

export interface EchoEvents {
  /** Whether this RLOC may be asked. */
  mayAsk(name: string): boolean;
  /** The nonce that it wants echoed; null: none. */
  othersNonce(name: string): number | null;
  /** Our request is over: its packets are free for an echo. */
  finished(rloc: Uint8Array): void;
  requested(): void;
  /** No echo came. True: somebody else finds out whether it is reachable. */
  missing(rloc: Uint8Array): boolean;
  down(): void;
}

interface Asked {
  readonly rloc: Uint8Array;
  readonly nonce: number;
  /** What the map-cache said of packets there (`traffic`) when it was asked. */
  readonly sent: number;
  /** Packets from there at half time; null: it is not half time yet, or nothing was sent. */
  received: number | null;
  /** It was down, and is tried again. */
  readonly trial: boolean;
  /** Its packets carry something else meanwhile: no echo proves nothing. */
  suspended: boolean;
}

/** Traffic with an RLOC from which packets have come. */
interface Traffic {
  readonly rloc: Uint8Array;
  /** What the map-cache said of packets there (`traffic`) when it was last looked at. */
  sent: number;
  received: number;
  /** The instance IDs of the packets from there. */
  readonly iids: number[];
}

interface Down {
  readonly rloc: Uint8Array;
  /** Steady nanoseconds at which it is tried again. */
  readonly until: number;
}

/** Places of the peers' table that are looked at in one go, and RLOCs that are worked on. */
const PLACES = 1024;

export class EchoRequests {
  readonly #world: () => EchoWorld;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #policy: EchoPolicy;
  readonly #events: EchoEvents;
  #phase: "begin" | "half" | "end" = "begin";
  /** What the phase has still to do. */
  #work: Iterator<void> | null = null;
  #traffic = new LargeMap<string, Traffic>();
  readonly #asked = new LargeMap<string, Asked>();
  readonly #down = new LargeMap<string, Down>();

  constructor(
    world: () => EchoWorld,
    sources: { readonly clock: Clock; readonly random: Random },
    policy: EchoPolicy,
    events: EchoEvents,
  ) {
    this.#world = world;
    this.#clock = sources.clock;
    this.#random = sources.random;
    this.#policy = policy;
    this.#events = events;
  }

  /** What is known of an RLOC; null: nothing. */
  state(name: string): "asking" | "down" | null {
    return this.#asked.has(name) ? "asking" : this.#down.has(name) ? "down" : null;
  }

  /** RLOCs that are asked or down. */
  *rlocs(): IterableIterator<Uint8Array> {
    for (const { rloc } of this.#asked.values()) yield rloc;
    for (const [name, { rloc }] of this.#down) if (!this.#asked.has(name)) yield rloc;
  }

  /** Does some of what is due; returns nanoseconds until something is again. */
  step(): number {
    const { interval, timeout } = this.#policy;
    this.#work ??=
      this.#phase === "begin" ? this.#begin() : this.#phase === "half" ? this.#half() : this.#end();
    if (this.#work.next().done !== true) return SLICE_REST;
    this.#work = null;
    if (this.#phase === "begin") {
      if (this.#asked.size === 0) return interval;
      this.#phase = "half";
      return timeout / 2;
    }
    if (this.#phase === "half") {
      this.#phase = "end";
      return timeout / 2;
    }
    this.#phase = "begin";
    return interval - timeout;
  }

  /** A peer sent our nonce back; returns whether that is news. */
  echoed(peer: Peer): boolean {
    const name = addressText(peer.rloc);
    const asked = this.#asked.get(name);
    if (asked === undefined) return false;
    this.#finish(name, asked);
    return true;
  }

  /** A peer that is new, or was forgotten, may have been asked already. */
  appeared(peer: Peer): void {
    const asked = this.#asked.get(addressText(peer.rloc));
    if (asked !== undefined) this.#world().peers.awaitEcho(peer.rloc, peer.iid, asked.nonce);
  }

  /** The other end asks too, with this nonce: the lesser one gives way. */
  giveWay(name: string, nonce: number): void {
    const asked = this.#asked.get(name);
    if (asked !== undefined && asked.nonce <= nonce) asked.suspended = true;
  }

  /** Whether packets to an RLOC carry a request now. */
  isAsking(name: string): boolean {
    return this.#asked.get(name)?.suspended === false;
  }

  /** A mapping has come: its locators may be down. */
  mapped(mapping: Mapping): void {
    for (const l of mapping.locators)
      if (this.#down.has(addressText(l.rloc))) this.#world().cache.updateRloc(l.rloc, { down: true });
  }

  /** Takes over what another one found down, and had measured. */
  adopt(former: EchoRequests): void {
    this.#traffic = former.#traffic;
    for (const [name, down] of former.#down) this.#down.set(name, down);
  }

  *#begin(): Generator<void> {
    yield* this.#retry();
    const traffic = yield* this.#measure();
    let done = 0;
    for (const [name, t] of traffic) {
      const { cache } = this.#world();
      const before = this.#traffic.get(name);
      const sent = cache.traffic(t.rloc) ?? 0;
      const twoWay = sent !== (before?.sent ?? 0) && t.received > (before?.received ?? 0);
      const isIdle = !this.#asked.has(name) && !this.#down.has(name);
      if (twoWay && isIdle && this.#events.mayAsk(name)) yield* this.#ask(name, t.rloc, t.iids, false);
      cache.watchTraffic(t.rloc);
      t.sent = cache.traffic(t.rloc) ?? 0;
      if (++done % SLICE === 0) yield;
    }
    this.#traffic = traffic;
  }

  /** What has been down for long enough is used again, and asked. */
  *#retry(): Generator<void> {
    let done = 0;
    for (const [name, { rloc, until }] of this.#down) {
      const { cache } = this.#world();
      if (cache.traffic(rloc) === null) this.#down.delete(name);
      else if (until <= this.#clock.now()) {
        this.#down.delete(name);
        cache.updateRloc(rloc, { down: false });
        if (this.#events.mayAsk(name))
          yield* this.#ask(name, rloc, this.#traffic.get(name)?.iids ?? [], true);
      }
      if (++done % SLICE === 0) yield;
    }
  }

  /** Packets from every RLOC that the map-cache has. */
  *#measure(): Generator<void, LargeMap<string, Traffic>> {
    const traffic = new LargeMap<string, Traffic>();
    for (let place = 0; place < this.#world().peers.places; place += PLACES) {
      if (place > 0) yield;
      const { cache, peers } = this.#world();
      for (const { rloc, iid, packets } of peers.peers(place, PLACES)) {
        const name = addressText(rloc);
        const found = traffic.get(name);
        if (found !== undefined) {
          found.received += packets;
          found.iids.push(iid);
        } else if (cache.traffic(rloc) !== null)
          traffic.set(name, { rloc, sent: 0, received: packets, iids: [iid] });
      }
    }
    return traffic;
  }

  /** `iids`: those in which packets come from there. */
  *#ask(name: string, rloc: Uint8Array, iids: readonly number[], trial: boolean): Generator<void> {
    const { cache } = this.#world();
    const nonce = this.#random.u32() & 0xffffff;
    const others = this.#events.othersNonce(name);
    if (others !== null && nonce <= others) return;
    cache.updateRloc(rloc, { echo: { nonce, request: true } });
    const sent = cache.traffic(rloc) ?? 0;
    this.#asked.set(name, { rloc, nonce, sent, received: null, trial, suspended: false });
    this.#events.requested();
    // What is awaited still when the request is over does no harm.
    for (const [i, iid] of iids.entries()) {
      this.#world().peers.awaitEcho(rloc, iid, nonce);
      if (i % SLICE === SLICE - 1) yield;
    }
  }

  *#half(): Generator<void> {
    if (this.#asked.size === 0) return;
    const traffic = yield* this.#measure();
    let done = 0;
    for (const [name, asked] of this.#asked) {
      const sent = this.#world().cache.traffic(asked.rloc) ?? asked.sent;
      if (sent !== asked.sent) asked.received = traffic.get(name)?.received ?? 0;
      if (++done % SLICE === 0) yield;
    }
  }

  *#end(): Generator<void> {
    if (this.#asked.size === 0) return;
    const traffic = yield* this.#measure();
    let done = 0;
    for (const [name, asked] of this.#asked) {
      this.#finish(name, asked);
      if (++done % SLICE === 0) yield;
      const received = traffic.get(name)?.received ?? 0;
      if (asked.suspended || asked.received === null || received <= asked.received) continue;
      if (this.#events.missing(asked.rloc)) continue;
      this.#down.set(name, { rloc: asked.rloc, until: this.#clock.now() + this.#policy.retry });
      this.#world().cache.updateRloc(asked.rloc, { down: true });
      if (!asked.trial) this.#events.down();
    }
  }

  #finish(name: string, asked: Asked): void {
    this.#asked.delete(name);
    this.#events.finished(asked.rloc);
  }
}
