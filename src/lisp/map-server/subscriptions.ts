// Who wants to be told when a mapping changes (PubSub, RFC 9437: xTR-ID and
// Site-ID in the Map-Request, and the N bit in its record).

import { LargeMap } from "../../collections/large-map.js";
import { SortedList } from "../../collections/sorted-list.js";
import { canonicalEid, compareEids, coversEid, type EidPrefix, eidName, sameEid } from "../../net/eid.js";
import { masked } from "../../net/prefix.js";
import type { XtrIds } from "../../wire/lisp-control/record.js";
import type { Source } from "./notifications.js";

export interface Subscription {
  readonly ids: XtrIds;
  readonly prefix: EidPrefix;
  /** Where to publish: the subscriber's RLOC. */
  readonly to: Uint8Array;
  /** Of the Map-Request, then of each publication one more. */
  nonce: bigint;
  /** What tells the subscriber, and whose that is: here, as a WeakMap of all would rehash at once. */
  source?: { readonly by: object; readonly source: Source };
}

/** A change of which not all that it concerns have heard yet. */
export interface Publication {
  /** null: all may have. */
  readonly changed: EidPrefix | null;
  /** Who has subscribed from this number on knows it already. */
  readonly number: number;
  /** Whom to go on behind; null: from the first. */
  after: Place | null;
}

/** Where a subscription stands among the others. */
export interface Place {
  /** Without bits beyond its length. */
  readonly prefix: EidPrefix;
  /** `idsName` of the subscriber. */
  readonly name: string;
  /** null: only to look for others. */
  readonly subscription: Subscription | null;
  /** How many changes had been published when it came. */
  readonly number: number;
}

/** Changed prefixes that are kept for one subscription; with more, it is told all that it has subscribed to. */
const OWED_MAX = 16;

export class Subscriptions {
  readonly #max: number;
  readonly #byName = new LargeMap<string, Place>();
  /** By prefix, then name. */
  readonly #ordered = new SortedList<Place>(comparePlaces);
  /** How many have each prefix length, by the bytes of an address. */
  readonly #lengths = { 4: new Uint32Array(33), 16: new Uint32Array(129) };
  /** Changes published so far, and those of them that are still to be told, the first first. */
  #number = 0;
  readonly publications: Publication[] = [];
  /** By `nameOf`: what subscriptions are still to be told, the first first. */
  readonly #owed = new LargeMap<string, { readonly subscription: Subscription; what: EidPrefix[] | "all" }>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#byName.size;
  }

  find(ids: XtrIds, prefix: EidPrefix): Subscription | null {
    return this.#byName.get(nameOf(ids, prefix))?.subscription ?? null;
  }

  /** Takes the place of one of the same xTR for the same prefix. Returns false when there are as many as may be. */
  add(subscription: Subscription): boolean {
    const { ids, prefix } = subscription;
    const former = this.find(ids, prefix);
    if (former !== null) this.remove(former);
    else if (this.#byName.size >= this.#max) return false;
    const place = { prefix: canonicalEid(prefix), name: idsName(ids), subscription, number: this.#number };
    this.#byName.set(nameOf(ids, prefix), place);
    this.#ordered.add(place);
    this.#count(prefix, 1);
    return true;
  }

  remove(subscription: Subscription): void {
    const { ids, prefix } = subscription;
    const name = nameOf(ids, prefix);
    const place = this.#byName.get(name);
    if (place === undefined || place.subscription !== subscription) return;
    this.#byName.delete(name);
    this.#owed.delete(name);
    this.#ordered.remove(place);
    this.#count(prefix, -1);
  }

  #count({ eid }: EidPrefix, n: number): void {
    this.#lengths[eid.address.length as 4 | 16][eid.length] += n;
  }

  /** Begins to find whom a changed prefix concerns, of all who have subscribed by now; null: whatever has changed, all of them. */
  publish(changed: EidPrefix | null): void {
    if (this.size > 0) this.publications.push({ changed, number: ++this.#number, after: null });
  }

  /** A changed prefix that a subscription is to be told of; null: whatever has changed. */
  owe(subscription: Subscription, changed: EidPrefix | null): void {
    const name = nameOf(subscription.ids, subscription.prefix);
    const owed = this.#owed.get(name);
    if (owed === undefined)
      this.#owed.set(name, { subscription, what: changed === null ? "all" : [changed] });
    else if (owed.what === "all" || changed === null) owed.what = "all";
    else if (owed.what.some((eid) => sameEid(eid, changed))) return;
    else if (owed.what.length < OWED_MAX) owed.what.push(changed);
    else owed.what = "all";
  }

  /** What a subscription is to be told next: a changed prefix or all; then it is told. null: nothing more. */
  owed(subscription: Subscription): EidPrefix | "all" | null {
    const name = nameOf(subscription.ids, subscription.prefix);
    const owed = this.#owed.get(name);
    if (owed === undefined || owed.subscription !== subscription) return null;
    const next = owed.what === "all" ? "all" : owed.what.shift()!;
    if (owed.what === "all" || owed.what.length === 0) this.#owed.delete(name);
    return next;
  }

  /** Those that are to be told something. */
  *owing(): IterableIterator<Subscription> {
    for (const [, { subscription }] of this.#owed) yield subscription;
  }

  /** Up to `most` of those who are to hear of a publication yet, and where to go on, null at the end. */
  touched({ changed, number, after }: Publication, most: number): [Subscription[], Place | null] {
    if (changed === null) {
      const page = this.page(after, most);
      const all = page.filter((place) => place.number < number).map(({ subscription }) => subscription!);
      return [all, page.length < most ? null : page.at(-1)!];
    }
    const { iid, eid } = changed;
    const lengths = this.#lengths[eid.address.length as 4 | 16];
    const found: Subscription[] = [];
    let looked = 0;
    // Those of the prefixes around it, the shortest first; then of it and of those within it.
    for (let length = Math.min(after?.prefix.eid.length ?? 0, eid.length); length <= eid.length; length++) {
      const inner = length === eid.length;
      if (!inner && lengths[length] === 0) continue;
      const prefix = { iid, eid: { address: masked(eid.address, length), length } };
      const here =
        after !== null && (inner ? coversEid(prefix, after.prefix) : sameEid(prefix, after.prefix));
      const from = here ? after : { prefix, name: "", subscription: null, number: 0 };
      for (const place of this.#ordered.from(from)) {
        if (!(inner ? coversEid(prefix, place.prefix) : sameEid(prefix, place.prefix))) break;
        if (here && comparePlaces(place, after) === 0) continue;
        if (place.number < number) found.push(place.subscription!);
        if (++looked === most) return [found, place];
      }
    }
    return [found, null];
  }

  /** Up to `most` in order of their prefixes, those behind `after`; null: the first. */
  page(after: Place | null, most: number): Place[] {
    const found: Place[] = [];
    for (const place of this.#ordered.from(after ?? undefined)) {
      if (after !== null && comparePlaces(place, after) === 0) continue;
      if (found.length === most) break;
      found.push(place);
    }
    return found;
  }
}

function comparePlaces(a: Place, b: Place): number {
  return compareEids(a.prefix, b.prefix) || (a.name < b.name ? -1 : Number(a.name > b.name));
}

function nameOf(ids: XtrIds, prefix: EidPrefix): string {
  return `${idsName(ids)} ${eidName(prefix)}`;
}

/** xTR-ID and Site-ID as one word, hexadecimal. */
export function idsName({ xtrId, siteId }: XtrIds): string {
  const hex = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString("hex");
  return `${hex(xtrId)}.${hex(siteId)}`;
}
