// Asking for echoes (RFC 9300, section 10.1): which locators are asked, and what becomes of those that do not answer.
//
// Time goes in rounds. At the beginning of one, locators with traffic both ways are asked: every packet there carries a
// nonce and the E bit. A locator is taken for unreachable when packets went there in the first half of the time-out,
// others came from there in the second, and none of all had the nonce: so much traffic must there be, and so long may
// the way there and back take.
//
// Where both ends ask at once, each would wait for the other: the one with the greater nonce goes on, the other one
// rests and echoes. Whoever hears a request and does not know of this rests in any case.

import { addressText } from "../../net/address.js";
import type { Clock } from "../../router/clock.js";
import type { Random } from "../../router/random.js";
import type { Mapping } from "../mapping.js";
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
  /** Packets sent there at the beginning. */
  readonly sent: number;
  /** Packets from there at half time; null: it is not half time yet, or nothing was sent. */
  received: number | null;
  /** It was down, and is tried again. */
  readonly trial: boolean;
  /** Its packets carry something else meanwhile: no echo proves nothing. */
  suspended: boolean;
}

interface Traffic {
  readonly rloc: Uint8Array;
  sent: number;
  received: number;
}

export class EchoRequests {
  readonly #world: () => EchoWorld;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #policy: EchoPolicy;
  readonly #events: EchoEvents;
  #phase: "begin" | "half" | "end" = "begin";
  #traffic = new Map<string, Traffic>();
  readonly #asked = new Map<string, Asked>();
  /** Steady nanoseconds at which what is down is tried again. */
  readonly #down = new Map<string, number>();

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
  get names(): readonly string[] {
    return [...new Set([...this.#asked.keys(), ...this.#down.keys()])];
  }

  /** Does what is due; returns nanoseconds until something is again. */
  step(): number {
    const { interval, timeout } = this.#policy;
    if (this.#phase === "begin") {
      this.#begin();
      if (this.#asked.size === 0) return interval;
      this.#phase = "half";
      return timeout / 2;
    }
    if (this.#phase === "half") {
      this.#half();
      this.#phase = "end";
      return timeout / 2;
    }
    this.#end();
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
    for (const [name, until] of former.#down) this.#down.set(name, until);
  }

  #begin(): void {
    const { cache } = this.#world();
    const now = this.#clock.now();
    const traffic = this.#measure();
    for (const name of this.#down.keys()) if (!traffic.has(name)) this.#down.delete(name);
    for (const [name, t] of traffic) {
      const retry = this.#down.get(name) ?? 0;
      if (retry > now) continue;
      if (retry > 0) {
        this.#down.delete(name);
        cache.updateRloc(t.rloc, { down: false });
      }
      const before = this.#traffic.get(name);
      const twoWay = t.sent > (before?.sent ?? 0) && t.received > (before?.received ?? 0);
      if (this.#events.mayAsk(name) && (twoWay || retry > 0)) this.#ask(name, t, retry > 0);
    }
    this.#traffic = traffic;
  }

  /** Packets to every locator of the map-cache, and from it. */
  #measure(): Map<string, Traffic> {
    const { cache, peers } = this.#world();
    const traffic = new Map<string, Traffic>();
    for (const mapping of cache.entries()) {
      for (const l of mapping.locators) {
        const name = addressText(l.rloc);
        const found = traffic.get(name);
        if (found === undefined) traffic.set(name, { rloc: l.rloc, sent: l.packets, received: 0 });
        else found.sent += l.packets;
      }
    }
    for (const peer of peers.peers()) {
      const found = traffic.get(addressText(peer.rloc));
      if (found !== undefined) found.received += peer.packets;
    }
    return traffic;
  }

  #ask(name: string, { rloc, sent }: Traffic, trial: boolean): void {
    const { cache } = this.#world();
    const nonce = this.#random.u32() & 0xffffff;
    const others = this.#events.othersNonce(name);
    if (others !== null && nonce <= others) return;
    this.#asked.set(name, { rloc, nonce, sent, received: null, trial, suspended: false });
    cache.updateRloc(rloc, { echo: { nonce, request: true } });
    this.#await(rloc, nonce);
    this.#events.requested();
  }

  /** Waits for a nonce in packets of any instance. */
  #await(rloc: Uint8Array, nonce: number | null): void {
    const { peers } = this.#world();
    const name = addressText(rloc);
    for (const peer of peers.peers())
      if (addressText(peer.rloc) === name) peers.awaitEcho(peer.rloc, peer.iid, nonce);
  }

  #half(): void {
    if (this.#asked.size === 0) return;
    const traffic = this.#measure();
    for (const [name, asked] of this.#asked) {
      const t = traffic.get(name);
      if (t !== undefined && t.sent > asked.sent) asked.received = t.received;
    }
  }

  #end(): void {
    if (this.#asked.size === 0) return;
    const traffic = this.#measure();
    for (const [name, asked] of this.#asked) {
      this.#finish(name, asked);
      const received = traffic.get(name)?.received ?? 0;
      if (asked.suspended || asked.received === null || received <= asked.received) continue;
      if (this.#events.missing(asked.rloc)) continue;
      this.#down.set(name, this.#clock.now() + this.#policy.retry);
      this.#world().cache.updateRloc(asked.rloc, { down: true });
      if (!asked.trial) this.#events.down();
    }
  }

  #finish(name: string, asked: Asked): void {
    this.#asked.delete(name);
    this.#await(asked.rloc, null);
    this.#events.finished(asked.rloc);
  }
}
