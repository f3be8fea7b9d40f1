// Leases of etcd, shared by what expires at about the same time: a Map-Server with
// a million registrations holds a handful. None is ever renewed: a registration
// that is goes over to a later one, and what nobody renews is forgotten, whether or
// not the Map-Server that took it is still there.

import { StoreError } from "../router/store.js";
import type { EtcdClient } from "./etcd-client.js";

/** Registrations whose ends lie within an eighth of their lifetime share a lease, within 8 seconds at least. */
const PART = 8;
const SHORTEST = 8;
/** What etcd takes (`MaxLeaseTTL` in its source): 285 years. */
const LONGEST = 9_000_000_000;
const NONE = Promise.resolve("0");

interface Lease {
  /** Milliseconds of steady time. */
  readonly end: number;
  readonly id: Promise<string>;
}

export class EtcdLeases {
  readonly #client: EtcdClient;
  readonly #leases = new Map<string, Lease>();

  constructor(client: EtcdClient) {
    this.#client = client;
  }

  /** Leases held. */
  get size(): number {
    return this.#leases.size;
  }

  /** The ID of a lease that ends in `seconds` or somewhat later; "0" for none. Rejects with StoreError. */
  find(seconds: number): Promise<string> {
    if (seconds > LONGEST) return NONE;
    const now = performance.now();
    const width = 1000 * Math.max(SHORTEST, 2 ** Math.ceil(Math.log2(seconds / PART)));
    const end = Math.ceil((now + seconds * 1000) / width) * width;
    const name = `${width} ${end}`;
    let lease = this.#leases.get(name);
    if (lease === undefined) {
      for (const [old, { end: over }] of this.#leases) if (over <= now) this.#leases.delete(old);
      lease = { end, id: this.#grant(Math.ceil((end - now) / 1000)) };
      this.#leases.set(name, lease);
      // Whoever waits for it is told; the next one asks again.
      lease.id.catch(() => this.#leases.delete(name));
    }
    return lease.id;
  }

  /** The store has forgotten leases before their time. */
  forget(): void {
    this.#leases.clear();
  }

  async #grant(seconds: number): Promise<string> {
    // What an answer that was lost has granted ends by itself, unused.
    const answer = (await this.#client.call("/v3/lease/grant", { TTL: String(seconds) })) as {
      readonly ID?: unknown;
    };
    if (typeof answer.ID !== "string" || !/^\d+$/.test(answer.ID))
      throw new StoreError("etcd granted a lease without an ID");
    return answer.ID;
  }
}
