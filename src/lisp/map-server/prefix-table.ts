// Values by EID-prefix, for what is configured: found by the longest prefix that
// covers another one, and by what lies free between them.

import { commonBits } from "../../net/address.js";
import { masked } from "../../net/prefix.js";
import type { EidPrefix } from "../../wire/lisp-control/address.js";

/** The prefixes of one instance and family. */
interface Family<T> {
  readonly values: Map<string, T>;
  /** Lengths there are, longest first. */
  lengths: readonly number[];
  /** Addresses in order; null until they are asked for. */
  sorted: Uint8Array[] | null;
}

export class PrefixTable<T> {
  readonly #families = new Map<string, Family<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Returns false, and changes nothing, when the prefix is there already. */
  add(prefix: EidPrefix, value: T): boolean {
    const name = familyName(prefix);
    const family = this.#families.get(name) ?? { values: new Map<string, T>(), lengths: [], sorted: null };
    this.#families.set(name, family);
    const key = keyOf(prefix.address, prefix.length);
    if (family.values.has(key)) return false;
    family.values.set(key, value);
    family.lengths = [...new Set([...family.lengths, prefix.length])].sort((a, b) => b - a);
    family.sorted = null;
    this.#size++;
    return true;
  }

  get(prefix: EidPrefix): T | null {
    return this.#families.get(familyName(prefix))?.values.get(keyOf(prefix.address, prefix.length)) ?? null;
  }

  /** The value of the longest prefix that covers all of `prefix`, and that prefix's length. */
  covering(prefix: EidPrefix): { readonly value: T; readonly length: number } | null {
    const family = this.#families.get(familyName(prefix));
    for (const length of family?.lengths ?? []) {
      if (length > prefix.length) continue;
      const value = family!.values.get(keyOf(prefix.address, length));
      if (value !== undefined) return { value, length };
    }
    return null;
  }

  /** Length of the shortest prefix that holds the address and overlaps with none here. Only for an address that none covers. */
  holeLength(iid: number, address: Uint8Array): number {
    const family = this.#families.get(familyName({ iid, address }));
    if (family === undefined) return 0;
    family.sorted ??= sortedAddresses(family.values.keys());
    // Of all prefixes, one next to the address in their order shares the most leading bits with it.
    let low = 0;
    let high = family.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(family.sorted[middle], address) < 0) low = middle + 1;
      else high = middle;
    }
    let common = -1;
    for (const i of [low - 1, low])
      if (i >= 0 && i < family.sorted.length)
        common = Math.max(common, commonBits(family.sorted[i], address));
    return common + 1;
  }
}

function familyName({ iid, address }: { readonly iid: number; readonly address: Uint8Array }): string {
  return `${iid} ${address.length}`;
}

function keyOf(address: Uint8Array, length: number): string {
  return `${Buffer.from(masked(address, length)).toString("latin1")}${String.fromCharCode(length)}`;
}

function sortedAddresses(keys: Iterable<string>): Uint8Array[] {
  return Array.from(keys, (key) => Buffer.from(key.slice(0, -1), "latin1")).sort(Buffer.compare);
}
