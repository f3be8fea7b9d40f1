// A site's own EID-to-RLOC mappings: what its ETRs register and answer for.

import { commonBits } from "../../net/address.js";
import { covers, masked, type Prefix } from "../../net/prefix.js";
import { succeeding } from "../map-version.js";
import { checkMapping, type Mapping, MappingError } from "../mapping.js";

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
  readonly #mappings = new Map<string, Mapping>();
  /** How many mappings have each instance ID, family and length: what a longest match looks for, longest first. */
  readonly #lengths = new Map<string, number[]>();
  readonly #listeners: ((change: SiteChange) => void)[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#mappings.size;
  }

  entries(): IterableIterator<Mapping> {
    return this.#mappings.values();
  }

  /** Calls `listener` after every change. */
  onChange(listener: (change: SiteChange) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Puts a mapping in, in place of one for the same EID-prefix, whose Map-Version it counts on. Throws MappingError for
   * one that cannot be, or too many.
   */
  set(given: Mapping, told: Told = "all"): void {
    checkMapping(given);
    const k = key(given.iid, given.eid);
    const before = this.#mappings.get(k) ?? null;
    const mapping = succeeding(before, given);
    if (before === null && this.#mappings.size >= this.#capacity)
      throw new MappingError(`a site has at most ${this.#capacity} mappings`);
    this.#mappings.set(k, mapping);
    if (before === null) this.#counts(mapping)[mapping.eid.length]++;
    this.#tell({ before, after: mapping, told });
  }

  /** `own`, which stands here, counts on the Map-Version that it had as `former`. */
  follow(former: Mapping, own: Mapping): void {
    const mapping = succeeding(former, own);
    if (mapping.version === own.version) return;
    this.#mappings.set(key(own.iid, own.eid), mapping);
    this.#tell({ before: own, after: mapping, told: "all" });
  }

  /** Removes the mapping of exactly this EID-prefix; returns whether there was one. */
  delete(iid: number, eid: Prefix, told: Told = "all"): boolean {
    const before = this.#mappings.get(key(iid, eid));
    if (before === undefined) return false;
    this.#mappings.delete(key(iid, eid));
    this.#counts(before)[eid.length]--;
    this.#tell({ before, after: null, told });
    return true;
  }

  /** The mapping of exactly this EID-prefix. */
  get(iid: number, eid: Prefix): Mapping | null {
    return this.#mappings.get(key(iid, eid)) ?? null;
  }

  /** The mapping of the longest prefix that holds all of `eid`. */
  lookup(iid: number, eid: Prefix): Mapping | null {
    const counts = this.#lengths.get(`${iid} ${eid.address.length}`);
    if (counts === undefined) return null;
    for (let length = eid.length; length >= 0; length--) {
      if (counts[length] === 0) continue;
      const found = this.#mappings.get(key(iid, { address: eid.address, length }));
      if (found !== undefined) return found;
    }
    return null;
  }

  /** Mappings of prefixes inside `eid`, longer ones only; at most `limit`. */
  within(iid: number, eid: Prefix, limit: number): Mapping[] {
    const found: Mapping[] = [];
    for (const m of this.#mappings.values()) {
      if (found.length === limit) break;
      if (m.iid === iid && m.eid.length > eid.length && covers(eid, m.eid.address)) found.push(m);
    }
    return found;
  }

  /** A mapping of ours that `address` gets, for the largest part of its EID-prefix around it that has no more specific ones. */
  narrowed(mapping: Mapping, address: Uint8Array): Mapping {
    let { length } = mapping.eid;
    for (const { iid, eid } of this.#mappings.values())
      if (iid === mapping.iid && eid.length > mapping.eid.length && covers(mapping.eid, eid.address))
        length = Math.max(length, commonBits(eid.address, address) + 1);
    return { ...mapping, eid: { address: masked(address, length), length } };
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
    for (const listener of this.#listeners) listener(change);
  }
}

/** Names an EID-prefix of an instance. */
export function key(iid: number, eid: Prefix): string {
  return `${iid} ${masked(eid.address, eid.length).join(".")}/${eid.length}`;
}
