// What is asked of etcd's JSON gateway.

import type { SharedTransaction } from "./shared-store.js";

export class EtcdRequests {
  readonly #prefix: Buffer;
  readonly #first: string;
  readonly #end: string;

  /** `prefix`: before each key. */
  constructor(prefix: Buffer) {
    this.#prefix = prefix;
    this.#first = prefix.toString("base64");
    this.#end = base64(rangeEnd(prefix));
  }

  /** `limit` records after the key `after` (null: from the first one on), as they were at a revision; 0: as they are. */
  page(after: Uint8Array | null, limit: number, revision: number): object {
    const key = after === null ? this.#first : this.#key(Buffer.concat([after, Uint8Array.of(0)]));
    return {
      key,
      range_end: this.#end,
      limit: String(limit),
      revision: String(revision),
      sort_order: "ASCEND",
    };
  }

  /** What needs a leader to be answered, and is answered with nothing. */
  heartbeat(): object {
    return { key: this.#first, keys_only: true };
  }

  /** All changes after a revision. */
  watch(after: number): object {
    const start_revision = String(after + 1);
    return { create_request: { key: this.#first, range_end: this.#end, start_revision, fragment: true } };
  }

  /**
   * A transaction with one within it for each of these. `marks`: behind each one's values; `leases`: one an operation
   * that puts; `again`: what the keys of one that does not hold are is asked for, too.
   */
  transactions(
    transactions: readonly SharedTransaction[],
    marks: readonly Buffer[],
    leases: readonly string[],
    again: boolean,
  ): object {
    let lease = 0;
    const success = transactions.map(({ revision, operations }, t) => {
      const compare: object[] = [];
      const steps: object[] = [];
      const failure: object[] = [];
      for (const { key: bytes, value, builds } of operations) {
        const key = this.#key(bytes);
        compare.push({ key, target: "MOD", result: "LESS", mod_revision: String(revision + 1) });
        if (builds) compare.push({ key, target: "VERSION", result: "GREATER", version: "0" });
        if (value === null) steps.push({ request_delete_range: { key } });
        else {
          const put = { key, value: base64(Buffer.concat([value, marks[t]])), lease: leases[lease++] };
          steps.push({ request_put: put });
        }
        if (again) failure.push({ request_range: { key } });
      }
      return { request_txn: { compare, success: steps, failure } };
    });
    return { success };
  }

  #key(key: Uint8Array): string {
    return Buffer.concat([this.#prefix, key]).toString("base64");
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

/** What ends the keys that begin with `prefix`: the first one after them. */
export function rangeEnd(prefix: Uint8Array): Uint8Array {
  const end = Uint8Array.from(prefix);
  for (let i = end.length - 1; i >= 0; i--)
    if (end[i] < 255) {
      end[i]++;
      return end.subarray(0, i + 1);
    }
  // All keys there are.
  return Uint8Array.of(0);
}
