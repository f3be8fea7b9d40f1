// Values by EID-prefix in order, so that those within a prefix stand together.

import { SortedList } from "../collections/sorted-list.js";
import { compareEids, type EidPrefix } from "../net/eid.js";
import { canonical, covers, type Prefix } from "../net/prefix.js";

interface Item<T> extends EidPrefix {
  /** null: only to look for others. */
  readonly value: T | null;
}

/** At most one value for each EID-prefix. */
export class PrefixSet<T extends EidPrefix> {
  /** By instance ID, family, address, then length. */
  readonly #items = new SortedList<Item<T>>(compareEids);

  get size(): number {
    return this.#items.size;
  }

  /** Puts a value in, in place of the one for the same EID-prefix. */
  add(value: T): void {
    this.#items.add(itemOf(value, value));
  }

  /** Takes the value of an EID-prefix out, if there is one. */
  remove(prefix: EidPrefix): void {
    this.#items.remove(itemOf<T>(prefix, null));
  }

  /** The value of exactly this EID-prefix. */
  get(prefix: EidPrefix): T | null {
    return this.#items.get(itemOf<T>(prefix, null))?.value ?? null;
  }

  /** All values by instance ID, family, address, then length, from an EID-prefix on. Nothing may change meanwhile. */
  *from(prefix?: EidPrefix): IterableIterator<T> {
    for (const { value } of this.#items.from(prefix && itemOf<T>(prefix, null))) yield value!;
  }

  /** The values of a prefix and those within it, by address, then length. Nothing may change meanwhile. */
  *within(iid: number, eid: Prefix): IterableIterator<T> {
    for (const item of this.#items.from(itemOf<T>({ iid, eid }, null))) {
      if (item.iid !== iid || item.eid.address.length !== eid.address.length) return;
      if (!covers(eid, item.eid.address)) return;
      yield item.value!;
    }
  }
}

function itemOf<T>({ iid, eid }: EidPrefix, value: T | null): Item<T> {
  return { iid, eid: canonical(eid), value };
}
