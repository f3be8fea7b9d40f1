// What changes when a host comes to a site or leaves it: the site's mappings, its map-cache, the way of its packets; and
// which peers are told.

import type { EidPrefix } from "../../net/eid.js";
import { hostPrefix } from "../../net/prefix.js";
import { MemoryError } from "../../packet/memory.js";
import type { Clock } from "../../router/clock.js";
import type { SiteMappings } from "../etr/site-mappings.js";
import { type Mapping, MappingError } from "../mapping.js";
import { type MapCache, MapCacheFullError } from "../tables/map-cache.js";
import type { LoggedPeer } from "../tables/peer-log.js";
import type { HostKind, HostTable } from "./host-table.js";
import type { HostRefusal, HostsOwner, MobileHosts } from "./hosts.js";
import type { MobileHost } from "./mobile-host.js";
import type { Neighbours } from "./neighbours.js";
import { type DynamicRange, rangeOf } from "./ranges.js";
import { ToldPeers } from "./told-peers.js";

export interface HostMovesOptions {
  readonly clock: Clock;
  readonly iid: number;
  /** Seconds for which others may keep the mapping of a host that came. */
  readonly ttl: number;
  readonly ranges: readonly DynamicRange[];
  /** Of the hosts that come. */
  readonly locators: Mapping["locators"];
  readonly mappings: () => SiteMappings;
  readonly table: HostTable;
  readonly hosts: () => MobileHosts;
  readonly neighbours: () => Neighbours;
  /** Whether a host that is not here is expected. */
  readonly expected: (eid: Uint8Array) => boolean;
  /** Tells whoever sends packets to the site which hardware address a host has. */
  readonly learn: (eid: Uint8Array, mac: Uint8Array) => void;
  /** A host is here, and packets go to it now. */
  readonly delivering: (eid: Uint8Array) => void;
  /** The map-cache of the site's packets; undefined: there is none. */
  readonly cache: () => MapCache | undefined;
  /** Who has sent packets for an EID. */
  readonly peers: (eid: Uint8Array) => Iterable<LoggedPeer>;
  /** Sends an SMR for an EID-prefix to an RLOC. */
  readonly solicit: (rloc: Uint8Array, eid: EidPrefix) => void;
  /** Whether every Map-Server has acknowledged what is registered for an EID-prefix. */
  readonly acknowledged: (eid: EidPrefix) => boolean;
  /** Asks the site for a host. */
  readonly ask: (eid: Uint8Array) => void;
  readonly count: (what: "arrivals" | "departures" | "losses" | HostRefusal) => void;
  /** A host has left: its peers are to be reminded while they go on sending. */
  readonly remind: () => void;
}

/** Hosts whose peers are reminded at once. */
const REMINDED_AT_ONCE = 32;
/**
 * For so long after a host is told to have left its peers are left to whoever tells them (nanoseconds): a message that
 * is sent three times, and answered.
 */
const QUIET = 2e9;

export class HostMoves implements HostsOwner {
  readonly #options: HostMovesOptions;
  readonly #told = new ToldPeers();
  /** The hosts whose peers are still to be reminded; null: that is over. */
  #reminding: Iterator<MobileHost> | null = null;
  /** Whether there is a host that has left. */
  #away = false;

  constructor(options: HostMovesOptions) {
    this.#options = options;
  }

  /** Says in the table of hosts which addresses may come, and which are of this site. */
  describe(): void {
    const { mappings, table, ranges, iid } = this.#options;
    const own = [...mappings().entries()].filter((m) => m.iid === iid).map((m) => m.eid);
    table.describe(ranges, own);
  }

  /** Takes over a host from before a hot swap, unless the new ranges have no place for it. */
  adopt(host: MobileHost): void {
    if (this.inRange(host.eid) || this.home(host.eid)) {
      this.#options.hosts().adopt(host);
      this.route(host.eid);
    } else if (host.state === "here") this.#withdraw(host);
  }

  /** Takes over what peers were told before a hot swap. */
  adoptTold(former: HostMoves): void {
    this.#told.adopt(former.#told);
  }

  /**
   * Solicits again those that still send packets for hosts that have left, of a few hosts; `more`: it is to be called
   * again for the others, soon. `away`: whether there is any such host.
   */
  remindPeers(): { readonly more: boolean; readonly away: boolean } {
    this.#reminding ??= this.#options.hosts().entries();
    for (let i = 0; i < REMINDED_AT_ONCE; i++) {
      const { done, value: host } = this.#reminding.next();
      if (done) {
        const away = this.#away;
        this.#reminding = null;
        this.#away = false;
        return { more: false, away };
      }
      if (host.state !== "away") continue;
      this.#away = true;
      this.#tellPeers(host);
    }
    return { more: true, away: true };
  }

  // ---- As the owner of the hosts ---------------------------------------------------

  home(eid: Uint8Array): boolean {
    const { mappings, iid } = this.#options;
    return mappings().lookup(iid, { address: eid, length: eid.length * 8 - 1 }) !== null;
  }

  /** Whether a host that is known is here. */
  isHere(eid: Uint8Array): boolean {
    const host = this.#options.hosts().get(eid);
    return host !== null && host.state !== "away";
  }

  inRange(eid: Uint8Array): boolean {
    return rangeOf(this.#options.ranges, eid) !== null;
  }

  packets(eid: Uint8Array): number {
    return this.#options.table.packets(eid);
  }

  ask(eid: Uint8Array): void {
    this.#options.ask(eid);
  }

  refused(why: HostRefusal): void {
    this.#options.count(why);
  }

  arrived(host: MobileHost): void {
    this.#options.count("arrivals");
    this.#guarded(host, () => {
      const { mappings, iid, ttl, locators, cache, neighbours } = this.#options;
      this.#told.forget(host);
      const eid = hostPrefix(host.eid);
      this.route(host.eid);
      const entry = { iid, eid, ttl: null, version: 0 };
      if (host.state === "here") cache()?.hold({ ...entry, action: "natively-forward", locators: [] });
      else cache()?.delete(iid, eid);
      mappings().set({ ...entry, ttl, action: "no-action", locators }, "map-servers");
      if (host.mac !== null) this.#options.learn(host.eid, host.mac);
      // It may know its default router by another hardware address, its neighbours that are here have sent to us.
      neighbours().tell(host.eid);
    });
    if (this.isHere(host.eid)) this.#options.delivering(host.eid);
  }

  /** A host that is here is at this hardware address. */
  locate(eid: Uint8Array, mac: Uint8Array): void {
    this.#options.learn(eid, mac);
  }

  located(host: MobileHost): void {
    this.#options.neighbours().tell(host.eid);
  }

  left(host: MobileHost): void {
    this.#options.count("departures");
    this.#guarded(host, () => {
      const { mappings, iid, cache, neighbours, remind } = this.#options;
      const eid = hostPrefix(host.eid);
      mappings().delete(iid, eid, "nobody");
      this.route(host.eid);
      cache()?.release(iid, eid);
      cache()?.insert(host.mapping!);
      this.#told.begin(host, host.unconfirmed === 0 ? null : host.since + QUIET);
      this.#tellPeers(host);
      this.#away = true;
      remind();
      // Who was its neighbour here reaches it through us from now on, wherever its home is.
      neighbours().tell(host.eid);
    });
  }

  lost(host: MobileHost): void {
    this.#options.count("losses");
    this.#withdraw(host);
    this.route(host.eid);
    this.#options.neighbours().tell(host.eid);
  }

  acknowledged(host: MobileHost): boolean {
    return this.#options.acknowledged({ iid: this.#options.iid, eid: hostPrefix(host.eid) });
  }

  settled(host: MobileHost): void {
    const { mappings, iid } = this.#options;
    const eid = hostPrefix(host.eid);
    // What the map-cache has of one that is away ends by its own TTL: it may have been asked for anew meanwhile.
    if (host.state === "returned") mappings().delete(iid, eid, "map-servers");
    this.#told.forget(host);
    this.route(host.eid);
  }

  gone(host: MobileHost): void {
    const { iid, cache } = this.#options;
    cache()?.delete(iid, hostPrefix(host.eid));
    this.settled(host);
  }

  #withdraw(host: MobileHost): void {
    const { mappings, iid, cache } = this.#options;
    mappings().delete(iid, hostPrefix(host.eid), "map-servers");
    cache()?.release(iid, hostPrefix(host.eid));
  }

  /** Says which way packets from and to an EID go, by default as is known of it now. Throws MemoryError. */
  route(eid: Uint8Array, kind: HostKind | null = this.#kindOf(eid)): void {
    const { table } = this.#options;
    if (kind === null) table.delete(eid);
    else table.set(eid, kind);
  }

  /** Null: as those that nothing is known of. */
  #kindOf(eid: Uint8Array): HostKind | null {
    const state = this.#options.hosts().get(eid)?.state;
    // Those of its neighbours that do not know yet that it is back still send to us.
    if (state === "here" || state === "returned") return "here";
    if (state === undefined && this.home(eid)) return null;
    if (this.#options.expected(eid)) return "expected";
    return state === "away" ? "away" : null;
  }

  /** What there is no room for is undone. */
  #guarded(host: MobileHost, run: () => void): void {
    try {
      run();
    } catch (e) {
      if (!(e instanceof MappingError || e instanceof MapCacheFullError || e instanceof MemoryError)) throw e;
      this.#options.count("full");
      this.#options.hosts().remove(host.eid);
    }
  }

  /** Solicits those that have sent packets for a host since they were last told that it has left. */
  #tellPeers(host: MobileHost): void {
    const { iid, clock, cache, peers, solicit } = this.#options;
    const eid = { iid, eid: hostPrefix(host.eid) };
    // Of a host that moves on only those hear that had it: the map-cache has it newer than the message of its leaving.
    const { locators } = cache()?.get(iid, eid.eid) ?? host.mapping!;
    const packets = this.packets(host.eid);
    for (const rloc of this.#told.due(clock.now(), host, locators, packets, () => peers(host.eid)))
      solicit(rloc, eid);
  }
}
