// Who wants to be told when a mapping changes (PubSub, RFC 9437: xTR-ID and
// Site-ID in the Map-Request, and the N bit in its record).

import { masked, prefixText } from "../../net/prefix.js";
import type { EidPrefix } from "../../wire/lisp-control/address.js";
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
    put(this.#exact, keyOf(prefix, prefix.length), subscription);
    for (let length = 0; length <= prefix.length; length += 8)
      put(this.#within, keyOf(prefix, length), subscription);
    return true;
  }

  remove(subscription: Subscription): void {
    const { ids, prefix } = subscription;
    const name = nameOf(ids, prefix);
    if (this.#byName.get(name) !== subscription) return;
    this.#byName.delete(name);
    take(this.#exact, keyOf(prefix, prefix.length), subscription);
    for (let length = 0; length <= prefix.length; length += 8)
      take(this.#within, keyOf(prefix, length), subscription);
  }

  /** Those whose prefix overlaps with this one. */
  touched(prefix: EidPrefix): Subscription[] {
    const found = new Set<Subscription>();
    for (let length = 0; length < prefix.length; length++)
      for (const s of this.#exact.get(keyOf(prefix, length)) ?? []) found.add(s);
    const whole = prefix.length & ~7;
    const key = keyOf(prefix, prefix.length);
    for (const s of this.#within.get(keyOf(prefix, whole)) ?? [])
      if (s.prefix.length >= prefix.length && keyOf(s.prefix, prefix.length) === key) found.add(s);
    return [...found];
  }
}

function keyOf({ iid, address }: EidPrefix, length: number): string {
  return `${iid} ${length} ${Buffer.from(masked(address, length)).toString("latin1")}`;
}

function nameOf(ids: XtrIds, prefix: EidPrefix): string {
  const hex = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString("hex");
  return `${hex(ids.xtrId)}.${hex(ids.siteId)} ${prefix.iid} ${prefixText(prefix)}`;
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
