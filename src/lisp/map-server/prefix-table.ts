// Values by EID-prefix, for what is configured: found by the longest prefix that
// covers another one, and by what lies free between them.

import { LargeMap } from "../../collections/large-map.js";
import { SortedList } from "../../collections/sorted-list.js";
import { commonBits, type IpAddress } from "../../net/address.js";
import { canonicalEid, compareEids, type EidPrefix, eidName, familyName, prefixName } from "../../net/eid.js";

export class PrefixTable<T> {
  /** By \`eidName\`. */
  readonly #values = new LargeMap<string, T>();
  readonly #ordered = new SortedList<EidPrefix>(compareEids);
  /** Lengths that there are of an instance and family, longest first. */
  readonly #lengths = new LargeMap<string, readonly number[]>();

  get size(): number {
    return this.#values.size;
  }

  /** Returns false, and changes nothing, when the prefix is there already. */
  add(prefix: EidPrefix, value: T): boolean {
    const name = eidName(prefix);
    if (this.#values.has(name)) return false;
    this.#values.set(name, value);
    this.#ordered.add(canonicalEid(prefix));
    const { length } = prefix.eid;
    const family = familyName(prefix);
    const lengths = this.#lengths.get(family) ?? [];
    if (!lengths.includes(length))
      this.#lengths.set(
        family,
        [...lengths, length].sort((a, b) => b - a),
      );
    return true;
  }

  get(prefix: EidPrefix): T | null {
    return this.#values.get(eidName(prefix)) ?? null;
  }

  /** The value of the longest prefix that covers all of \`prefix\`, and that prefix's length. */
  covering(prefix: EidPrefix): { readonly value: T; readonly length: number } | null {
    const { iid, eid } = prefix;
    for (const length of this.#lengths.get(familyName(prefix)) ?? []) {
      if (length > eid.length) continue;
      const value = this.#values.get(prefixName(iid, eid.address, length));
      if (value !== undefined) return { value, length };
    }
    return null;
  }

  /** Length of the shortest prefix that holds the address and overlaps with none here. Only for an address that none covers. */
  holeLength(iid: number, address: IpAddress): number {
    // Of all prefixes, one next to the address in their order shares the most leading bits with it.
    const here = { iid, eid: { address, length: 0 } };
    const [behind] = this.#ordered.from(here);
    let common = -1;
    for (const other of [this.#ordered.before(here), behind])
      if (other?.iid === iid && other.eid.address.length === address.length)
        common = Math.max(common, commonBits(other.eid.address, address));
    return common + 1;
  }
}
