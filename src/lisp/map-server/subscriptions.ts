// Who wants to be told when a mapping changes (PubSub, RFC 9437: xTR-ID and
// Site-ID in the Map-Request, and the N bit in its record).

import { coversEid, type EidPrefix, eidName, prefixName } from "../../net/eid.js";
import type { XtrIds } from "../../wire/lisp-control/record.js";

export interface Subscription {
  readonly ids: XtrIds;
  readonly prefix: EidPrefix;
  /** Where to publish: the subscriber's RLOC. */
  readonly to: Uint8Array;
  /** Of the Map-Request, then of each publication one more. */
  nonce: bigint;
}

export class Subscriptions {
  readonly #max: number;
  readonly #byName = new Map<string, Subscription>();
  /** Those of exactly a prefix, and those within one whose length is a whole number of bytes. */
  readonly #exact = new Map<string, Set<Subscription>>();
  readonly #within = new Map<string, Set<Subscription>>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#byName.size;
  }

  all(): Iterable<Subscription> {
    return this.#byName.values();
  }

  find(ids: XtrIds, prefix: EidPrefix): Subscription | null {
    return this.#byName.get(nameOf(ids, prefix)) ?? null;
  }

  /** Takes the place of one of the same xTR for the same prefix. Returns false when there are as many as may be. */
  add(subscription: Subscription): boolean {
    const { ids, prefix } = subscription;
    const former = this.find(ids, prefix);
    if (former !== null) this.remove(former);
    else if (this.#byName.size >= this.#max) return false;
    this.#byName.set(nameOf(ids, prefix), subscription);
    put(this.#exact, eidName(prefix), subscription);
    for (const around of wholeBytes(prefix)) put(this.#within, around, subscription);
    return true;
  }

  remove(subscription: Subscription): void {
    const { ids, prefix } = subscription;
    const name = nameOf(ids, prefix);
    if (this.#byName.get(name) !== subscription) return;
    this.#byName.delete(name);
    take(this.#exact, eidName(prefix), subscription);
    for (const around of wholeBytes(prefix)) take(this.#within, around, subscription);
  }

  /** Those whose prefix overlaps with this one. */
  touched(prefix: EidPrefix): Subscription[] {
    const { address, length } = prefix.eid;
    const found = new Set<Subscription>();
    for (let shorter = 0; shorter < length; shorter++)
      for (const s of this.#exact.get(prefixName(prefix.iid, address, shorter)) ?? []) found.add(s);
    for (const s of this.#within.get(prefixName(prefix.iid, address, length & ~7)) ?? [])
      if (coversEid(prefix, s.prefix)) found.add(s);
    return [...found];
  }
}

/** The names of the prefixes around this one, which may be it, whose length is a whole number of bytes. */
function* wholeBytes({ iid, eid }: EidPrefix): IterableIterator<string> {
  for (let length = 0; length <= eid.length; length += 8) yield prefixName(iid, eid.address, length);
}

function nameOf(ids: XtrIds, prefix: EidPrefix): string {
  const hex = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString("hex");
  return `${hex(ids.xtrId)}.${hex(ids.siteId)} ${eidName(prefix)}`;
}

function put(index: Map<string, Set<Subscription>>, key: string, subscription: Subscription): void {
  const set = index.get(key);
  if (set === undefined) index.set(key, new Set([subscription]));
  else set.add(subscription);
}

function take(index: Map<string, Set<Subscription>>, key: string, subscription: Subscription): void {
  const set = index.get(key);
  set?.delete(subscription);
  if (set?.size === 0) index.delete(key);
}
