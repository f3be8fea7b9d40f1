// Whose EIDs are whose: of users and of virtual machines. Found without looking at others, however many there are.

import { LargeMap } from "../../collections/large-map.js";
import { SortedList } from "../../collections/sorted-list.js";
import {
  canonicalEid,
  compareEids,
  coversEid,
  type EidPrefix,
  eidName,
  familyName,
  prefixName,
} from "../../net/eid.js";

export interface Owner {
  readonly kind: "vm" | "user";
  readonly name: string;
  /** Without bits beyond its length. */
  readonly prefix: EidPrefix;
}

export class OwnerIndex {
  readonly #exact = new LargeMap<string, Owner>();
  readonly #ordered = new SortedList<{ readonly prefix: EidPrefix }>((a, b) =>
    compareEids(a.prefix, b.prefix),
  );
  /** How many of an instance and family have each length. */
  readonly #lengths = new Map<string, Map<number, number>>();

  get(prefix: EidPrefix): Owner | null {
    return this.#exact.get(eidName(prefix)) ?? null;
  }

  add(owner: Owner): void {
    const { prefix } = owner;
    this.#exact.set(eidName(prefix), owner);
    this.#ordered.add(owner);
    const lengths = this.#lengths.get(familyName(prefix)) ?? new Map<number, number>();
    this.#lengths.set(familyName(prefix), lengths);
    lengths.set(prefix.eid.length, (lengths.get(prefix.eid.length) ?? 0) + 1);
  }

  remove(prefix: EidPrefix): void {
    if (!this.#exact.delete(eidName(prefix))) return;
    this.#ordered.remove({ prefix: canonicalEid(prefix) });
    const lengths = this.#lengths.get(familyName(prefix))!;
    const left = lengths.get(prefix.eid.length)! - 1;
    if (left > 0) lengths.set(prefix.eid.length, left);
    else lengths.delete(prefix.eid.length);
    if (lengths.size === 0) this.#lengths.delete(familyName(prefix));
  }

  /** The owner of the longest prefix that covers all of `prefix`. */
  covering(prefix: EidPrefix): Owner | null {
    let best: Owner | null = null;
    for (const length of this.#lengths.get(familyName(prefix))?.keys() ?? []) {
      if (length > prefix.eid.length || (best !== null && length < best.prefix.eid.length)) continue;
      best = this.#exact.get(prefixName(prefix.iid, prefix.eid.address, length)) ?? best;
    }
    return best;
  }

  /** Up to `most` owners of EID-prefixes within `prefix`, in their order, from `from` on; and the one to go on from. */
  within(
    prefix: EidPrefix,
    from: EidPrefix | null,
    most: number,
  ): { readonly owners: Owner[]; readonly next: EidPrefix | null } {
    const outer = canonicalEid(prefix);
    const owners: Owner[] = [];
    for (const item of this.#ordered.from({ prefix: from ?? outer })) {
      if (!coversEid(outer, item.prefix)) break;
      if (owners.length === most) return { owners, next: item.prefix };
      owners.push(item as Owner);
    }
    return { owners, next: null };
  }
}
