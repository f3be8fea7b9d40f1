// A site's own EID-to-RLOC mappings: what its ETRs register and answer for.

import { isDeepStrictEqual } from "node:util";
import { LargeMap } from "../../collections/large-map.js";
import { eidName } from "../../net/eid.js";
import { canonical, type Prefix } from "../../net/prefix.js";
import { Listeners } from "../../router/listeners.js";
import { isNewer, nextVersion, succeeding } from "../map-version.js";
import { checkMapping, type Mapping, MappingError } from "../mapping.js";
import { PrefixSet } from "../prefix-set.js";

/**
 * Who else is told of a change: Map-Servers and all peers; Map-Servers alone, where whoever made it knows which peers it
 * concerns; nobody, where the Map-Servers said it themselves.
 */
export type Told = "all" | "map-servers" | "nobody";

/** `before` null: it is new; `after` null: it is gone. */
export interface SiteChange {
  readonly before: Mapping | null;
  readonly after: Mapping | null;
  readonly told: Told;
}

export class SiteMappings {
  readonly #capacity: number;
  readonly #mappings = new LargeMap<string, Mapping>();
  readonly #ordered = new PrefixSet<Mapping>();
  /** How many mappings have each instance ID, family and length: what a longest match looks for, longest first. */
  readonly #lengths = new LargeMap<string, number[]>();
  readonly #listeners: Listeners<[change: SiteChange]>;

  /** `log`: for listeners that fail. */
  constructor(capacity: number, log: (line: string) => void) {
    this.#capacity = capacity;
    this.#listeners = new Listeners("changes of the site's mappings", log);
  }

  get size(): number {
    return this.#mappings.size;
  }

  entries(): IterableIterator<Mapping> {
    return this.#mappings.values();
  }

  /** Calls `listener` after every change. */
  onChange(listener: (change: SiteChange) => void): void {
    this.#listeners.add(listener);
  }

  /** Puts a mapping in as it is, before anybody has heard of one. Throws MappingError for one that cannot be, or too many. */
  begin(mapping: Mapping): void {
    checkMapping(mapping);
    this.#put(mapping);
  }

  /**
   * Puts a mapping in, in place of one for the same EID-prefix, whose Map-Version it counts on; or of the part of a
   * shorter one, whose Map-Version it follows then. Throws MappingError for one that cannot be, or too many.
   */
  set(given: Mapping, told: Told = "all"): void {
    checkMapping(given);
    const before = this.get(given.iid, given.eid);
    const mapping = before === null ? following(this.#around(given), given) : succeeding(before, given);
    this.#put(mapping);
    this.#tell({ before, after: mapping, told });
  }

  /** What stood here as `former` before a hot swap does so as `own`, which counts on its Map-Version; null: no more. */
  follow(former: Mapping, own: Mapping | null): void {
    if (own === null) {
      this.#tell({ before: former, after: null, told: "all" });
      return;
    }
    const mapping = succeeding(former, own);
    this.#put(mapping);
    if (own.version === mapping.version && isDeepStrictEqual(former, mapping)) return;
    this.#tell({ before: former, after: mapping, told: "all" });
  }

  /** Puts in what stood here before a hot swap, and nobody needs to hear of. Throws MappingError where there are too many. */
  keep(former: Mapping): void {
    this.#put(former);
    this.#tell({ before: former, after: former, told: "all" });
  }

  /** Removes the mapping of exactly this EID-prefix; returns whether there was one. */
  delete(iid: number, eid: Prefix, told: Told = "all"): boolean {
    const before = this.get(iid, eid);
    if (before === null) return false;
    this.#mappings.delete(eidName({ iid, eid }));
    this.#ordered.remove(before);
    this.#counts(before)[eid.length]--;
    this.#tell({ before, after: null, told });
    // Packets to the part that it was may have its Map-Version: what holds there now must have a later one.
    const around = this.#around(before);
    if (around === null || around.version === 0 || before.version === 0) return true;
    if (isNewer(before.version, around.version)) return true;
    const mapping = { ...around, version: nextVersion(before.version) };
    this.#put(mapping);
    this.#tell({ before: around, after: mapping, told });
    return true;
  }

  #put(mapping: Mapping): void {
    const k = eidName(mapping);
    const isNew = !this.#mappings.has(k);
    if (isNew && this.#mappings.size >= this.#capacity)
      throw new MappingError(`a site has at most ${this.#capacity} mappings`);
    this.#mappings.set(k, mapping);
    this.#ordered.add(mapping);
    if (isNew) this.#counts(mapping)[mapping.eid.length]++;
  }

  /** The mapping of the longest prefix around another's. */
  #around({ iid, eid }: Mapping): Mapping | null {
    return eid.length === 0 ? null : this.lookup(iid, { address: eid.address, length: eid.length - 1 });
  }

  /** The mapping of exactly this EID-prefix. */
  get(iid: number, eid: Prefix): Mapping | null {
    return this.#mappings.get(eidName({ iid, eid })) ?? null;
  }

  /** The mapping of the longest prefix that holds all of `eid`. */
  lookup(iid: number, eid: Prefix): Mapping | null {
    const counts = this.#lengths.get(`${iid} ${eid.address.length}`);
    if (counts === undefined) return null;
    for (let length = eid.length; length >= 0; length--) {
      if (counts[length] === 0) continue;
      const found = this.#mappings.get(eidName({ iid, eid: { address: eid.address, length } }));
      if (found !== undefined) return found;
    }
    return null;
  }

  /** Mappings of prefixes inside `eid`, longer ones only; at most `limit`. */
  within(iid: number, eid: Prefix, limit: number): Mapping[] {
    const found: Mapping[] = [];
    for (const m of this.#ordered.within(iid, eid)) {
      if (found.length === limit) break;
      if (m.eid.length > eid.length) found.push(m);
    }
    return found;
  }

  /** A mapping of ours that `address` gets, for the largest part of its EID-prefix around it that has no more specific ones. */
  narrowed(mapping: Mapping, address: Uint8Array): Mapping {
    let { length } = mapping.eid;
    while (this.within(mapping.iid, { address, length }, 1).length > 0) length++;
    return { ...mapping, eid: canonical({ address, length }) };
  }

  #counts(mapping: Mapping): number[] {
    const family = `${mapping.iid} ${mapping.eid.address.length}`;
    let counts = this.#lengths.get(family);
    if (counts === undefined) {
      counts = new Array<number>(mapping.eid.address.length * 8 + 1).fill(0);
      this.#lengths.set(family, counts);
    }
    return counts;
  }

  #tell(change: SiteChange): void {
    this.#listeners.tell(change);
  }
}

/** `given` with a Map-Version later than that of the mapping which held for its EID-prefix before. */
function following(around: Mapping | null, given: Mapping): Mapping {
  if (around === null || around.version === 0) return given;
  if (given.version !== 0 && isNewer(around.version, given.version)) return given;
  return { ...given, version: nextVersion(around.version) };
}
