// The memory of a function as a virtual machine's: which of its pages are in use, and which have changed since they were
// copied last (pre-copy). It is what packets and tables are in; what elements keep in JavaScript's heap is not told of.

import { createHash, type Hash } from "node:crypto";
import { HEAP_NEXT, POOL_FRESH } from "../../../assembly/layout.js";
import type { PacketMemory } from "../../packet/memory.js";

/** Bytes of a page. */
export const PAGE_BYTES = 4096;
/** Pages that one call looks at: some 0.5 ms with their digest. */
const LOOKED_AT = 32;

/** Pages from `from` on, some at a time. */
export interface PagesRequest {
  /** Another one than before begins anew: every page has changed. */
  readonly session: string;
  readonly from: number;
  /** `count`: only how many have changed; `copy`: those; `last`: those, and the digest of all in use; `end`: forget the session. */
  readonly what: "count" | "copy" | "last" | "end";
}

export interface PagesReply {
  /** Pages in use that were looked at. */
  readonly looked: number;
  /** Pages that have changed: how many, and for copies their numbers and bytes, one after the other. */
  readonly changed: number;
  readonly numbers: readonly number[];
  readonly bytes: Uint8Array;
  /** Where to go on; null: this was the end. */
  readonly next: number | null;
  /** With the end of `last`: SHA-256 of all pages in use, each its number (4 bytes) and its bytes, in order. */
  readonly digest: Uint8Array | null;
}

export class MemoryPages {
  readonly #memory: PacketMemory;
  readonly #words: Uint32Array;
  #session: string | null = null;
  /** Two numbers a page, of what was copied last. */
  #hashes = new Uint32Array(0);
  #known = new Uint8Array(0);
  #digest: Hash | null = null;

  constructor(memory: PacketMemory) {
    this.#memory = memory;
    this.#words = memory.u32;
  }

  take({ session, from, what }: PagesRequest): PagesReply {
    const pages = Math.floor(this.#memory.u8.length / PAGE_BYTES);
    if (what === "end") {
      if (session === this.#session) this.#end();
      return { looked: 0, changed: 0, numbers: [], bytes: new Uint8Array(0), next: null, digest: null };
    }
    if (session !== this.#session) {
      this.#session = session;
      this.#hashes = new Uint32Array(2 * pages);
      this.#known = new Uint8Array(pages);
    }
    if (from === 0) this.#digest = what === "last" ? createHash("sha256") : null;
    const numbers: number[] = [];
    let page = Math.max(0, Math.trunc(from));
    let looked = 0;
    for (; page < pages && looked < LOOKED_AT; page++) {
      page = this.#inUse(page);
      if (page >= pages) break;
      looked++;
      if (this.#changed(page, what !== "count")) numbers.push(page);
      this.#digest?.update(numbered(page)).update(this.#page(page));
    }
    const next = page < pages ? page : null;
    const digest = next === null ? (this.#digest?.digest() ?? null) : null;
    if (next === null) this.#digest = null;
    return {
      looked,
      changed: numbers.length,
      numbers: what === "count" ? [] : numbers,
      bytes: what === "count" ? new Uint8Array(0) : this.#copy(numbers),
      next,
      digest,
    };
  }

  /** What it takes is given back. */
  #end(): void {
    this.#session = null;
    this.#hashes = new Uint32Array(0);
    this.#known = new Uint8Array(0);
    this.#digest = null;
  }

  /** The first page in use from `page` on: the heap grows from the start of the memory, the pool from its end. */
  #inUse(page: number): number {
    if (page * PAGE_BYTES < this.#memory.get32(HEAP_NEXT)) return page;
    return Math.max(page, Math.floor(this.#memory.get32(POOL_FRESH) / PAGE_BYTES));
  }

  #page(page: number): Uint8Array {
    return this.#memory.u8.slice(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
  }

  #copy(numbers: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(numbers.length * PAGE_BYTES);
    for (const [i, page] of numbers.entries()) {
      const at = page * PAGE_BYTES;
      bytes.set(this.#memory.u8.subarray(at, at + PAGE_BYTES), i * PAGE_BYTES);
    }
    return bytes;
  }

  /** Whether a page is another than the one copied last; with `note` it is the one from now on. */
  #changed(page: number, note: boolean): boolean {
    const words = this.#words;
    const hashes = this.#hashes;
    const end = ((page + 1) * PAGE_BYTES) >>> 2;
    let a = 0x9e3779b9;
    let b = 0x7f4a7c15;
    for (let i = (page * PAGE_BYTES) >>> 2; i < end; i++) {
      const word = words[i];
      a = Math.imul(a ^ word, 0x85ebca6b);
      a = (a << 13) | (a >>> 19);
      b = Math.imul(b + word, 0xc2b2ae35);
      b ^= b >>> 15;
    }
    a >>>= 0;
    b >>>= 0;
    const same = this.#known[page] === 1 && hashes[2 * page] === a && hashes[2 * page + 1] === b;
    if (note) {
      this.#known[page] = 1;
      hashes[2 * page] = a;
      hashes[2 * page + 1] = b;
    }
    return !same;
  }
}

function numbered(page: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(page);
  return bytes;
}
