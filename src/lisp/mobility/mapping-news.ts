// What the mapping system says of hosts that are, or were, at this site: whether it is news, and what becomes of it.
//
// Neither a Map-Notify nor a Map-Reply says when it was true. What a Map-Server says before it has acknowledged that a
// host is here is older than that host's coming: it takes in and sends one after the other. And what is told of a host's
// leaving is newer than what the mapping system says, until that has heard of it, or should have.

import { sameAddress } from "../../net/address.js";
import type { EidPrefix } from "../../net/eid.js";
import { covers, isHost, type Prefix } from "../../net/prefix.js";
import type { Clock } from "../../router/clock.js";
import { eidPrefix } from "../../wire/lisp-control/address.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import { mappingOfRecord } from "../control/control-records.js";
import type { SiteMappings } from "../etr/site-mappings.js";
import { sameRlocs } from "../map-version.js";
import type { Mapping } from "../mapping.js";
import type { MapCache } from "../tables/map-cache.js";
import type { MobileHosts } from "./hosts.js";
import type { MobileHost } from "./mobile-host.js";
import type { DynamicRange } from "./ranges.js";

export interface MappingNewsOptions {
  readonly clock: Clock;
  readonly iid: number;
  /** Seconds for which a mapping that says nothing else is kept. */
  readonly ttl: number;
  readonly ranges: readonly DynamicRange[];
  /** Of the hosts that come. */
  readonly locators: Mapping["locators"];
  readonly mappings: () => SiteMappings;
  readonly hosts: () => MobileHosts;
  /** The map-cache of the site's packets; undefined: there is none. */
  readonly cache: () => MapCache | undefined;
  /** Whether a Map-Server has acknowledged what is registered for an EID-prefix. */
  readonly acknowledged: (eid: EidPrefix, server: Uint8Array) => boolean;
}

export class MappingNews {
  readonly #options: MappingNewsOptions;

  constructor(options: MappingNewsOptions) {
    this.#options = options;
  }

  /** A Map-Server says what the locators of an EID-prefix are now. */
  notified(record: EidRecord, server: Uint8Array): void {
    const { hosts, iid, acknowledged } = this.#options;
    const eid = this.#prefix(record);
    if (eid === null || !isHost(eid)) return;
    const host = hosts().get(eid.address);
    if (host !== null && host.state !== "away" && !acknowledged({ iid, eid }, server)) return;
    if (record.ttl === 0) {
      // Whoever had it gave it up: if it is of this site, the site's prefix holds again.
      if (host?.state === "away" && !this.#isUnconfirmed(host)) hosts().remove(eid.address);
      return;
    }
    const mapping = this.#elsewhere(record);
    if (mapping === null) return;
    if (host?.state === "away") this.#again(host, mapping);
    else hosts().moved(eid.address, mapping);
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
      // One that is here has proven it, and is registered.
      if (host === null) hosts.moved(eid.address, mapping);
      else if (host.state === "away" && host.since < asked) this.#again(host, mapping);
    }
    const over = [...hosts.entries()].filter(
      (host) =>
        host.state === "away" &&
        host.since < asked &&
        !this.#isUnconfirmed(host) &&
        covers(part, host.eid) &&
        !named.some((n) => covers(n, host.eid)),
    );
    for (const { eid } of over) hosts.remove(eid);
  }

  /** The mapping system says where a host is that is known to be away. */
  #again(host: MobileHost, mapping: Mapping): void {
    const { hosts } = this.#options;
    if (sameRlocs(host.mapping!, mapping)) {
      hosts().confirmed(host.eid, mapping);
      this.#renew(mapping);
    } else if (!this.#isUnconfirmed(host)) hosts().moved(host.eid, mapping);
  }

  #isUnconfirmed({ unconfirmed }: MobileHost): boolean {
    return unconfirmed > this.#options.clock.now();
  }

  /** A host is where it was: were its mapping to expire, the map-cache would have the site's own prefix for it. */
  #renew(mapping: Mapping): void {
    const cache = this.#options.cache();
    const cached = cache?.get(mapping.iid, mapping.eid) ?? null;
    // Others in the map-cache were asked for since.
    if (cached === null || sameRlocs(cached, mapping)) cache?.insert(mapping);
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
}
