// Values by EID-prefix in order, so that those within a prefix stand together.

import { compareAddresses } from "../net/address.js";
import { type EidPrefix, familyName } from "../net/eid.js";
import { covers, masked, type Prefix } from "../net/prefix.js";

interface Item<T> {
  readonly address: Uint8Array;
  readonly length: number;
  readonly value: T;
}

/**
 * At most one value for each EID-prefix. Finding those within a prefix takes the logarithm of how many there are, putting
 * one in or out moves what stands behind it.
 */
export class PrefixSet<T extends EidPrefix> {
  /** Of each instance and family, by address, then length. */
  readonly #families = new Map<string, Item<T>[]>();

  /** Puts a value in, in place of the one for the same EID-prefix. */
  add(value: T): void {
    const { eid } = value;
    const name = familyName(value);
    const items = this.#families.get(name) ?? [];
    const at = placeOf(items, eid);
    const item = { address: masked(eid.address, eid.length), length: eid.length, value };
    items.splice(at, isAt(items, at, eid) ? 1 : 0, item);
    this.#families.set(name, items);
  }

  /** Takes the value of an EID-prefix out, if there is one. */
  remove(prefix: EidPrefix): void {
    const { eid } = prefix;
    const name = familyName(prefix);
    const items = this.#families.get(name) ?? [];
    const at = placeOf(items, eid);
    if (!isAt(items, at, eid)) return;
    items.splice(at, 1);
    if (items.length === 0) this.#families.delete(name);
  }

  /** The values of a prefix and those within it, by address, then length. Nothing may change meanwhile. */
  *within(iid: number, eid: Prefix): IterableIterator<T> {
    const items = this.#families.get(familyName({ iid, eid })) ?? [];
    for (let i = placeOf(items, eid); i < items.length && covers(eid, items[i].address); i++)
      yield items[i].value;
  }
}

/** Where a prefix stands, or would. */
function placeOf<T>(items: readonly Item<T>[], eid: Prefix): number {
  const address = masked(eid.address, eid.length);
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = items[middle];
    if ((compareAddresses(item.address, address) || item.length - eid.length) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isAt<T>(items: readonly Item<T>[], at: number, eid: Prefix): boolean {
  const item = items.at(at);
  return item?.length === eid.length && covers(eid, item.address);
}
