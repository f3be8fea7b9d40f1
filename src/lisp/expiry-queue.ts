// Records in memory that expire, soonest first: a heap of their addresses, in which each has four children.
// Each record knows its place, so that it can be taken out from anywhere.

import { MAPPING_EXPIRY, MAPPING_QUEUE } from "../../assembly/lisp-layout.js";
import type { PacketMemory } from "../packet/memory.js";

const CHUNK_BITS = 12;
const CHUNK = 1 << CHUNK_BITS;
/** Places that are looked at in one go: some 0.1 ms. */
const SCANNED = 1 << 15;

/** A piece of the heap: in pieces it never has to move as a whole. */
interface Chunk {
  readonly records: Uint32Array;
  /** Their expiries, steady nanoseconds: so that a way down the heap does not read every record. */
  readonly expiries: Float64Array;
}

export class ExpiryQueue {
  readonly #memory: PacketMemory;
  readonly #expiryAt: number;
  readonly #placeAt: number;
  readonly #chunks: Chunk[] = [];
  #size = 0;

  /** `expiryAt`: where in a record its expiry stands (f64); `placeAt`: where the queue keeps its place (u32, at first 0). */
  constructor(memory: PacketMemory, expiryAt = MAPPING_EXPIRY, placeAt = MAPPING_QUEUE) {
    this.#memory = memory;
    this.#expiryAt = expiryAt;
    this.#placeAt = placeAt;
  }

  get size(): number {
    return this.#size;
  }

  /** The record that expires first, 0 when none does. */
  get first(): number {
    return this.#size > 0 ? this.#record(0) : 0;
  }

  /** Steady nanoseconds of the first expiry; Infinity when there is none. */
  get next(): number {
    return this.#size > 0 ? this.#expiry(0) : Number.POSITIVE_INFINITY;
  }

  /**
   * Tells `each`, which must not change the queue, of records that expire by `until`, in no order: of up to `most`, from
   * the place `from` on (0: the first). Returns where to go on, -1 at the end. Where the queue has changed in between,
   * one that has moved may be left out, or come twice.
   */
  scan(from: number, until: number, most: number, each: (record: number, expiry: number) => void): number {
    const end = Math.min(this.#size, from + SCANNED);
    let left = most;
    let i = from;
    for (; i < end && left > 0; i++) {
      const expiry = this.#expiry(i);
      if (expiry > until) continue;
      each(this.#record(i), expiry);
      left--;
    }
    return i < this.#size ? i : -1;
  }

  add(record: number): void {
    if (this.#size === this.#chunks.length * CHUNK)
      this.#chunks.push({ records: new Uint32Array(CHUNK), expiries: new Float64Array(CHUNK) });
    this.#up(this.#size++, record, this.#memory.view.getFloat64(record + this.#expiryAt, true));
  }

  /** Takes the record out, if it is there. */
  remove(record: number): void {
    const i = this.#memory.get32(record + this.#placeAt) - 1;
    if (i < 0) return;
    this.#memory.set32(record + this.#placeAt, 0);
    const end = --this.#size;
    if (i === end) return;
    const last = this.#record(end);
    const expiry = this.#expiry(end);
    if (i > 0 && expiry < this.#expiry((i - 1) >> 2)) this.#up(i, last, expiry);
    else this.#down(i, last, expiry);
  }

  #record(i: number): number {
    return this.#chunks[i >> CHUNK_BITS].records[i & (CHUNK - 1)];
  }

  #expiry(i: number): number {
    return this.#chunks[i >> CHUNK_BITS].expiries[i & (CHUNK - 1)];
  }

  #place(i: number, record: number, expiry: number): void {
    const { records, expiries } = this.#chunks[i >> CHUNK_BITS];
    records[i & (CHUNK - 1)] = record;
    expiries[i & (CHUNK - 1)] = expiry;
    this.#memory.set32(record + this.#placeAt, i + 1);
  }

  #up(i: number, record: number, expiry: number): void {
    while (i > 0) {
      const parent = (i - 1) >> 2;
      const before = this.#expiry(parent);
      if (before <= expiry) break;
      this.#place(i, this.#record(parent), before);
      i = parent;
    }
    this.#place(i, record, expiry);
  }

  #down(i: number, record: number, expiry: number): void {
    for (;;) {
      const end = Math.min(4 * i + 5, this.#size);
      let child = -1;
      let soonest = expiry;
      for (let c = 4 * i + 1; c < end; c++) {
        const at = this.#expiry(c);
        if (at >= soonest) continue;
        soonest = at;
        child = c;
      }
      if (child < 0) break;
      this.#place(i, this.#record(child), soonest);
      i = child;
    }
    this.#place(i, record, expiry);
  }
}
