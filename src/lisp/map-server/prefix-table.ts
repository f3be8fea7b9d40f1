// Values by EID-prefix, for what is configured: found by the longest prefix that
// covers another one, and by what lies free between them.

import { commonBits, compareAddresses, type IpAddress } from "../../net/address.js";
import { type EidPrefix, eidName, familyName, prefixName } from "../../net/eid.js";
import { masked } from "../../net/prefix.js";

/** The prefixes of one instance and family. */
interface Family<T> {
  /** By `eidName`. */
  readonly values: Map<string, T>;
  /** Lengths there are, longest first. */
  lengths: readonly number[];
  /** Addresses, bits beyond their lengths cleared; in order once that is asked for. */
  readonly addresses: IpAddress[];
  sorted: boolean;
}

export class PrefixTable<T> {
  readonly #families = new Map<string, Family<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Returns false, and changes nothing, when the prefix is there already. */
  add(prefix: EidPrefix, value: T): boolean {
    const { address, length } = prefix.eid;
    const whole = familyName(prefix);
    const family = this.#families.get(whole) ?? emptyFamily<T>();
    this.#families.set(whole, family);
    const name = eidName(prefix);
    if (family.values.has(name)) return false;
    family.values.set(name, value);
    family.lengths = [...new Set([...family.lengths, length])].sort((a, b) => b - a);
    family.addresses.push(masked(address, length));
    family.sorted = false;
    this.#size++;
    return true;
  }

  get(prefix: EidPrefix): T | null {
    const family = this.#families.get(familyName(prefix));
    return family?.values.get(eidName(prefix)) ?? null;
  }

  /** The value of the longest prefix that covers all of `prefix`, and that prefix's length. */
  covering(prefix: EidPrefix): { readonly value: T; readonly length: number } | null {
    const { iid, eid } = prefix;
    const family = this.#families.get(familyName(prefix));
    for (const length of family?.lengths ?? []) {
      if (length > eid.length) continue;
      const value = family!.values.get(prefixName(iid, eid.address, length));
      if (value !== undefined) return { value, length };
    }
    return null;
  }

  /** Length of the shortest prefix that holds the address and overlaps with none here. Only for an address that none covers. */
  holeLength(iid: number, address: IpAddress): number {
    const family = this.#families.get(prefixName(iid, address, 0));
    if (family === undefined) return 0;
    const { addresses } = family;
    if (!family.sorted) addresses.sort(compareAddresses);
    family.sorted = true;
    // Of all prefixes, one next to the address in their order shares the most leading bits with it.
    let low = 0;
    let high = addresses.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareAddresses(addresses[middle], address) < 0) low = middle + 1;
      else high = middle;
    }
    let common = -1;
    for (const i of [low - 1, low])
      if (i >= 0 && i < addresses.length) common = Math.max(common, commonBits(addresses[i], address));
    return common + 1;
  }
}

function emptyFamily<T>(): Family<T> {
  return { values: new Map(), lengths: [], addresses: [], sorted: true };
}
