// Which EIDs packets wait for, found by the prefix around them.

import { covers, masked, type Prefix } from "../../net/prefix.js";

/** An EID that packets wait for: all bits of `eid.address` count. */
export interface WaitingEid {
  readonly iid: number;
  readonly eid: Prefix;
}

/**
 * EIDs, in buckets for each prefix around them whose length is a whole number of bytes. Adding and removing one costs
 * the bytes of its address, finding those within a prefix what lies within the same bytes.
 */
export class WaitingEids<T extends WaitingEid> {
  readonly #buckets = new Map<string, Set<T>>();

  add(value: T): void {
    for (let bytes = 0; bytes <= value.eid.address.length; bytes++) {
      const name = nameOf(value.iid, value.eid.address, bytes);
      const bucket = this.#buckets.get(name);
      if (bucket === undefined) this.#buckets.set(name, new Set([value]));
      else bucket.add(value);
    }
  }

  remove(value: T): void {
    for (let bytes = 0; bytes <= value.eid.address.length; bytes++) {
      const name = nameOf(value.iid, value.eid.address, bytes);
      const bucket = this.#buckets.get(name);
      bucket?.delete(value);
      if (bucket?.size === 0) this.#buckets.delete(name);
    }
  }

  /** Those within a prefix, the longest there first. */
  *within(iid: number, prefix: Prefix): IterableIterator<T> {
    const bucket = this.#buckets.get(nameOf(iid, prefix.address, prefix.length >> 3));
    for (const value of bucket ?? []) if (covers(prefix, value.eid.address)) yield value;
  }
}

function nameOf(iid: number, address: Uint8Array, bytes: number): string {
  return `${iid} ${address.length} ${Buffer.from(masked(address, 8 * bytes).subarray(0, bytes)).toString("latin1")}`;
}
