// What etcd's JSON gateway answers, read with checks: zeros, empty texts and lists
// are left out there, and 64-bit numbers are texts.

import { StoreError } from "../router/store.js";
import type { SharedChange, SharedResult, SharedTransaction } from "./shared-store.js";

/** An answer that is not what etcd answers. */
function strange(what: string): StoreError {
  return new StoreError(`etcd's answer has ${what}`);
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null) throw strange(`no ${what}`);
  return value as Fields;
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw strange("something else in place of a list");
  return value;
}

function number(value: unknown, what: string): number {
  const n = value === undefined ? 0 : Number(value);
  if (!Number.isSafeInteger(n) || n < 0) throw strange(`the ${what} '${value}'`);
  return n;
}

function bytes(value: unknown): Buffer {
  if (value === undefined) return Buffer.alloc(0);
  if (typeof value !== "string") throw strange("bytes that are no text");
  return Buffer.from(value, "base64");
}

export interface Position {
  readonly revision: number;
  readonly cluster: string;
}

function position(answer: Fields): Position {
  const header = fields(answer.header, "header");
  return { revision: number(header.revision, "revision"), cluster: String(header.cluster_id ?? "") };
}

export interface RangeReply extends Position {
  readonly records: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
  readonly more: boolean;
}

export interface WatchReply extends Position {
  /** The watch is there: from now on all changes are told. */
  readonly begun: boolean;
  /** Why it ended; null: it goes on. */
  readonly ended: string | null;
  /** It ended because the changes asked for are not kept any more. */
  readonly compacted: boolean;
  readonly changes: readonly SharedChange[];
}

/** Bytes of the mark behind each value: who put it, and in which of its transactions. */
const WRITER = 8;
export const MARK = WRITER + 4;

export class EtcdReplies {
  readonly #prefix: number;
  readonly #writer: Uint8Array;
  /** Changes of a revision that goes on in the next message. */
  #part: SharedChange[] = [];

  /** `prefix`: bytes before each key that are not told; `writer`: 8 bytes, those that our own marks begin with. */
  constructor(prefix: number, writer: Uint8Array) {
    this.#prefix = prefix;
    this.#writer = writer;
  }

  /** Of a range. Throws StoreError. */
  range(answer: unknown): RangeReply {
    const reply = fields(answer, "content");
    const records = list(reply.kvs).map((kv) => {
      const { key, value } = fields(kv, "record");
      return { key: this.#key(key), value: unmarked(bytes(value)) };
    });
    const more = reply.more === true;
    if (more && records.length === 0) throw strange("more of nothing");
    return { ...position(reply), records, more };
  }

  /** Of a transaction with one within it for each of `transactions`, which bear `marks`. Throws StoreError. */
  results(
    answer: unknown,
    transactions: readonly SharedTransaction[],
    marks: readonly Uint8Array[],
  ): SharedResult[] {
    const reply = fields(answer, "content");
    const { revision } = position(reply);
    const responses = list(reply.responses);
    if (responses.length !== transactions.length) throw strange(`${responses.length} results`);
    return transactions.map(({ operations }, i) => {
      const inner = fields(fields(responses[i], "result").response_txn, "result of a transaction");
      if (inner.succeeded === true) return { kind: "done", revision };
      // Nothing was asked of keys that were not put before.
      if (list(inner.responses).length === 0) return { kind: "conflict" };
      const present = list(inner.responses).map((r) => {
        const kv = list(fields(fields(r, "result").response_range, "range").kvs)[0];
        return kv === undefined ? null : bytes(fields(kv, "record").value);
      });
      if (present.length !== operations.length) throw strange(`${present.length} ranges`);
      const same = operations.every(({ value }, n) => {
        const is = present[n];
        if (value === null || is === null) return value === is;
        return is.equals(Buffer.concat([value, marks[i]]));
      });
      return same ? { kind: "done", revision } : { kind: "conflict" };
    });
  }

  /** Of a watch, one message. Throws StoreError. */
  watch(message: unknown): WatchReply {
    const reply = fields(message, "content");
    const begun = reply.created === true;
    if (begun) this.#part = [];
    for (const event of list(reply.events)) {
      const { type, kv } = fields(event, "event");
      const { key, value, mod_revision } = fields(kv, "record");
      const put = type === "DELETE" ? null : bytes(value);
      this.#part.push({
        key: this.#key(key),
        value: put === null ? null : unmarked(put),
        own: put?.subarray(-MARK).subarray(0, WRITER).equals(this.#writer) ?? false,
        revision: number(mod_revision, "revision"),
      });
    }
    const changes = reply.fragment === true ? [] : this.#part;
    if (changes === this.#part) this.#part = [];
    const compacted = number(reply.compact_revision, "revision") > 0;
    const ended =
      reply.canceled !== true
        ? null
        : compacted
          ? "the changes since are not kept any more"
          : String(reply.cancel_reason ?? "no reason given");
    return { ...position(reply), begun, ended, compacted, changes };
  }

  #key(value: unknown): Uint8Array {
    const key = bytes(value);
    if (key.length <= this.#prefix) throw strange("a key without our prefix");
    return key.subarray(this.#prefix);
  }
}

/** What is behind a value that somebody else has put, unmarked, is missed where it is read. */
function unmarked(value: Buffer): Buffer {
  return value.subarray(0, Math.max(0, value.length - MARK));
}
