// The connections of one host, found by the packets that come for them. Bounded by whoever adds; the hash has a secret
// in it, so that strangers cannot make all of theirs fall together.

import type { IpAddress } from "../../net/address.js";
import type { TcpConnection } from "./connection.js";

export class ConnectionTable {
  readonly #buckets = new Map<number, TcpConnection[]>();
  readonly #secret: number;
  #size = 0;

  constructor(secret: number) {
    this.#secret = secret | 0;
  }

  get size(): number {
    return this.#size;
  }

  *[Symbol.iterator](): Generator<TcpConnection> {
    for (const bucket of this.#buckets.values()) yield* bucket;
  }

  add(connection: TcpConnection): void {
    const { remote, remotePort, localPort } = connection.ends;
    const hash = this.#hash(remote, 0, remote.length, remotePort, localPort);
    const bucket = this.#buckets.get(hash);
    if (bucket === undefined) this.#buckets.set(hash, [connection]);
    else bucket.push(connection);
    this.#size++;
  }

  remove(connection: TcpConnection): void {
    const { remote, remotePort, localPort } = connection.ends;
    const hash = this.#hash(remote, 0, remote.length, remotePort, localPort);
    const bucket = this.#buckets.get(hash);
    const i = bucket?.indexOf(connection) ?? -1;
    if (bucket === undefined || i < 0) return;
    bucket.splice(i, 1);
    if (bucket.length === 0) this.#buckets.delete(hash);
    this.#size--;
  }

  /** The connection with the address of `size` bytes at `at`; null when there is none. */
  find(
    bytes: Uint8Array,
    at: number,
    size: number,
    remotePort: number,
    localPort: number,
  ): TcpConnection | null {
    const bucket = this.#buckets.get(this.#hash(bytes, at, size, remotePort, localPort));
    if (bucket === undefined) return null;
    for (const connection of bucket) {
      const { ends } = connection;
      if (ends.remotePort !== remotePort || ends.localPort !== localPort || ends.remote.length !== size)
        continue;
      if (same(ends.remote, bytes, at)) return connection;
    }
    return null;
  }

  #hash(bytes: Uint8Array, at: number, size: number, remotePort: number, localPort: number): number {
    let hash = this.#secret ^ ((remotePort << 16) | localPort);
    for (let i = 0; i < size; i++) hash = Math.imul(hash ^ bytes[at + i], 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return (hash ^ (hash >>> 13)) >>> 0;
  }
}

function same(address: IpAddress, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < address.length; i++) if (address[i] !== bytes[at + i]) return false;
  return true;
}
