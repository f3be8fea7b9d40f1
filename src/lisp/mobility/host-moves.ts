// What changes when a host comes to a site or leaves it: the site's mappings, its map-cache, the way of its packets; and
// which peers are told.

import { sameAddress } from "../../net/address.js";
import type { EidPrefix } from "../../net/eid.js";
import { covers, hostPrefix, isHost, type Prefix } from "../../net/prefix.js";
import { MemoryError } from "../../packet/memory.js";
import { eidPrefix } from "../../wire/lisp-control/address.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import { mappingOfRecord } from "../control/control-records.js";
import type { SiteMappings } from "../etr/site-mappings.js";
import { sameLocators } from "../map-version.js";
import { type Mapping, MappingError } from "../mapping.js";
import { type MapCache, MapCacheFullError } from "../tables/map-cache.js";
import type { LoggedPeer } from "../tables/peer-log.js";
import type { HostTable } from "./host-table.js";
import type { HostRefusal, HostsOwner, MobileHosts } from "./hosts.js";
import type { MobileHost } from "./mobile-host.js";
import type { Neighbours } from "./neighbours.js";
import { type DynamicRange, rangeOf } from "./ranges.js";
import { ToldPeers } from "./told-peers.js";

export interface HostMovesOptions {
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
      if (host.state !== "returned") this.#route(host);
    } else if (host.state === "here") this.#withdraw(host);
  }

  /** Takes over what peers were told before a hot swap. */
  adoptTold(former: HostMoves): void {
    this.#told.adopt(former.#told);
  }

  /** A Map-Server says what the locators of an EID-prefix are now. */
  notified(record: EidRecord): void {
    const { hosts } = this.#options;
    const eid = this.#prefix(record);
    if (eid === null || !isHost(eid)) return;
    if (record.ttl === 0) {
      // Whoever had it gave it up: if it is of this site, the site's prefix holds again.
      if (hosts().get(eid.address)?.state === "away") hosts().remove(eid.address);
      return;
    }
    const mapping = this.#elsewhere(record);
    if (mapping !== null) hosts().moved(eid.address, mapping);
  }

  /**
   * The mapping system says what is registered of `part` of this site's prefixes: who is not known to be away is, and who
   * is not named is so no longer. It was asked at `asked`, steady nanoseconds: what is known since then is newer.
   */
  reported(part: Prefix, records: readonly EidRecord[], asked: number): void {
    const hosts = this.#options.hosts();
    const named: Prefix[] = [];
    for (const record of records) {
      const eid = this.#prefix(record);
      if (eid === null || record.ttl === 0 || !covers(part, eid.address)) continue;
      if (eid.length > part.length || isHost(eid)) named.push(eid);
      const mapping = isHost(eid) ? this.#elsewhere(record) : null;
      if (mapping === null) continue;
      const host = hosts.get(eid.address);
      const news = host?.state === "away" && host.since < asked && !sameLocators(host.mapping!, mapping);
      // One that is here has proven it, and is registered.
      if (host === null || news) hosts.moved(eid.address, mapping);
      else if (host.state === "away" && host.since < asked) this.#renew(mapping);
    }
    const over = [...hosts.entries()].filter(
      ({ eid, state, since }) =>
        state === "away" && since < asked && covers(part, eid) && !named.some((n) => covers(n, eid)),
    );
    for (const { eid } of over) hosts.remove(eid);
  }

  /** A host is where it was: were its mapping to expire, the map-cache would have the site's own prefix for it. */
  #renew(mapping: Mapping): void {
    const cache = this.#options.cache();
    const cached = cache?.get(mapping.iid, mapping.eid) ?? null;
    // Others in the map-cache were asked for since.
    if (cached === null || sameLocators(cached, mapping)) cache?.insert(mapping);
  }

  /** The prefixes of this site out of which hosts may leave. */
  homes(): Prefix[] {
    return [...this.#options.mappings().entries()].filter((m) => this.isHome(m)).map((m) => m.eid);
  }

  /** Whether hosts may leave a prefix of this site. */
  isHome({ iid, eid }: EidPrefix): boolean {
    if (iid !== this.#options.iid || isHost(eid)) return false;
    return this.#options.ranges.some((range) => covers(range, eid.address) || covers(eid, range.address));
  }

  #prefix(record: EidRecord): Prefix | null {
    const prefix = eidPrefix(record);
    return prefix?.iid === this.#options.iid ? prefix.eid : null;
  }

  /** The mapping of a record whose locators are others than ours. */
  #elsewhere(record: EidRecord): Mapping | null {
    const { ttl, locators } = this.#options;
    const mapping = mappingOfRecord(record, { positive: ttl, negative: ttl });
    const ours = mapping?.locators.some((l) => locators.some((own) => sameAddress(own.rloc, l.rloc)));
    return mapping !== null && mapping.locators.length > 0 && ours === false ? mapping : null;
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
      this.#route(host);
      const entry = { iid, eid, ttl: null, version: 0 };
      if (host.state === "here") cache()?.hold({ ...entry, action: "natively-forward", locators: [] });
      else cache()?.delete(iid, eid);
      mappings().set({ ...entry, ttl, action: "no-action", locators }, "map-servers");
      // Its neighbours at home sent to us meanwhile.
      if (host.home && host.mac !== null) neighbours().announce(host.eid, host.mac);
    });
  }

  left(host: MobileHost): void {
    this.#options.count("departures");
    this.#guarded(host, () => {
      const { mappings, iid, cache, neighbours, remind } = this.#options;
      const eid = hostPrefix(host.eid);
      mappings().delete(iid, eid, "nobody");
      this.#route(host);
      cache()?.release(iid, eid);
      cache()?.insert(host.mapping!);
      this.#told.begin(host);
      this.#tellPeers(host);
      this.#away = true;
      remind();
      if (host.home) neighbours().announce(host.eid, null);
    });
  }

  lost(host: MobileHost): void {
    this.#options.count("losses");
    this.#withdraw(host);
    this.#options.table.delete(host.eid);
  }

  acknowledged(host: MobileHost): boolean {
    return this.#options.acknowledged({ iid: this.#options.iid, eid: hostPrefix(host.eid) });
  }

  settled(host: MobileHost): void {
    const { mappings, iid, table } = this.#options;
    const eid = hostPrefix(host.eid);
    // What the map-cache has of one that is away ends by its own TTL: it may have been asked for anew meanwhile.
    if (host.state === "returned") mappings().delete(iid, eid, "map-servers");
    this.#told.forget(host);
    table.delete(host.eid);
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

  /** Says which way packets from and to the host go. */
  #route(host: MobileHost): void {
    const { table } = this.#options;
    if (host.state === "returned") table.delete(host.eid);
    else table.set(host.eid, host.state);
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
    const { iid, cache, peers, solicit } = this.#options;
    const eid = { iid, eid: hostPrefix(host.eid) };
    // Of a host that moves on only those hear that had it: the map-cache has it newer than the message of its leaving.
    const { locators } = cache()?.get(iid, eid.eid) ?? host.mapping!;
    for (const rloc of this.#told.due(host, locators, this.packets(host.eid), () => peers(host.eid)))
      solicit(rloc, eid);
  }
}
