// Things by EID-prefix that come and go: found by the longest prefix that covers another one, and by what lies within
// one, without looking at others, however many there are.

import { LargeMap } from "../collections/large-map.js";
import { SortedList } from "../collections/sorted-list.js";
import {
  canonicalEid,
  compareEids,
  coversEid,
  type EidPrefix,
  eidName,
  familyName,
  prefixName,
} from "../net/eid.js";

/** Its EID-prefix is without bits beyond its length. */
export interface Prefixed {
  readonly prefix: EidPrefix;
}

/** Some of what lies within a prefix; `next`: the first that does not belong to them any more, null at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: EidPrefix | null;
}

export class EidTable<T extends Prefixed> {
  readonly #exact = new LargeMap<string, T>();
  readonly #ordered = new SortedList<Prefixed>((a, b) => compareEids(a.prefix, b.prefix));
  /** How many of an instance and family have each length. */
  readonly #lengths = new Map<string, Map<number, number>>();

  get size(): number {
    return this.#exact.size;
  }

  get(prefix: EidPrefix): T | null {
    return this.#exact.get(eidName(prefix)) ?? null;
  }

  /** Puts a thing in, in place of one with the same prefix. */
  set(item: T): void {
    const { prefix } = item;
    const known = this.#exact.has(eidName(prefix));
    this.#exact.set(eidName(prefix), item);
    this.#ordered.add(item);
    if (known) return;
    const lengths = this.#lengths.get(familyName(prefix)) ?? new Map<number, number>();
    this.#lengths.set(familyName(prefix), lengths);
    lengths.set(prefix.eid.length, (lengths.get(prefix.eid.length) ?? 0) + 1);
  }

  delete(prefix: EidPrefix): boolean {
    if (!this.#exact.delete(eidName(prefix))) return false;
    this.#ordered.remove({ prefix: canonicalEid(prefix) });
    const lengths = this.#lengths.get(familyName(prefix))!;
    const left = lengths.get(prefix.eid.length)! - 1;
    if (left > 0) lengths.set(prefix.eid.length, left);
    else lengths.delete(prefix.eid.length);
    if (lengths.size === 0) this.#lengths.delete(familyName(prefix));
    return true;
  }

  /** That of the longest prefix that covers all of `prefix`; of those only that `accepts` takes. */
  covering({ iid, eid }: EidPrefix, accepts: (item: T) => boolean = () => true): T | null {
    let best: T | null = null;
    for (const length of this.#lengths.get(prefixName(iid, eid.address, 0))?.keys() ?? []) {
      if (length > eid.length || (best !== null && length < best.prefix.eid.length)) continue;
      const found = this.#exact.get(prefixName(iid, eid.address, length));
      if (found !== undefined && accepts(found)) best = found;
    }
    return best;
  }

  /** Up to `most` within `prefix`, in their order, from `from` on. */
  within(prefix: EidPrefix, from: EidPrefix | null, most: number): Page<T> {
    const outer = canonicalEid(prefix);
    const items: T[] = [];
    for (const item of this.#ordered.from({ prefix: from ?? outer })) {
      if (!coversEid(outer, item.prefix)) break;
      if (items.length === most) return { items, next: item.prefix };
      items.push(item as T);
    }
    return { items, next: null };
  }

  /** Up to `most` of all, in their order, from `from` on; null: from the first. */
  page(from: EidPrefix | null, most: number): Page<T> {
    const items: T[] = [];
    for (const item of this.#ordered.from(from === null ? undefined : { prefix: canonicalEid(from) })) {
      if (items.length === most) return { items, next: item.prefix };
      items.push(item as T);
    }
    return { items, next: null };
  }
}
