// Records in memory that expire, soonest first: a binary heap of their addresses.
// Each record knows its place, so that it can be taken out from anywhere.

import { MAPPING_EXPIRY, MAPPING_QUEUE } from "../../assembly/lisp-layout.js";
import type { PacketMemory } from "../packet/memory.js";

export class ExpiryQueue {
  readonly #memory: PacketMemory;
  readonly #expiryAt: number;
  readonly #placeAt: number;
  #heap = new Uint32Array(64);
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
    return this.#size > 0 ? this.#heap[0] : 0;
  }

  /** Steady nanoseconds of the first expiry; Infinity when there is none. */
  get next(): number {
    return this.#size > 0 ? this.#expiry(this.#heap[0]) : Number.POSITIVE_INFINITY;
  }

  /** Tells `each` of every record that expires by `until`, in no order. It must not change the queue. */
  until(until: number, each: (record: number, expiry: number) => void, i = 0): void {
    // Children expire no earlier than their parent, so nothing else is looked at.
    if (i >= this.#size) return;
    const record = this.#heap[i];
    const expiry = this.#expiry(record);
    if (expiry > until) return;
    each(record, expiry);
    this.until(until, each, 2 * i + 1);
    this.until(until, each, 2 * i + 2);
  }

  add(record: number): void {
    if (this.#size === this.#heap.length) {
      const grown = new Uint32Array(this.#size * 2);
      grown.set(this.#heap);
      this.#heap = grown;
    }
    this.#up(this.#size++, record);
  }

  /** Takes the record out, if it is there. */
  remove(record: number): void {
    const i = this.#memory.get32(record + this.#placeAt) - 1;
    if (i < 0) return;
    this.#memory.set32(record + this.#placeAt, 0);
    const last = this.#heap[--this.#size];
    if (last === record) return;
    if (i > 0 && this.#expiry(last) < this.#expiry(this.#heap[(i - 1) >> 1])) this.#up(i, last);
    else this.#down(i, last);
  }

  #expiry(record: number): number {
    return this.#memory.view.getFloat64(record + this.#expiryAt, true);
  }

  #place(i: number, record: number): void {
    this.#heap[i] = record;
    this.#memory.set32(record + this.#placeAt, i + 1);
  }

  #up(i: number, record: number): void {
    const expiry = this.#expiry(record);
    while (i > 0) {
      const parent = this.#heap[(i - 1) >> 1];
      if (this.#expiry(parent) <= expiry) break;
      this.#place(i, parent);
      i = (i - 1) >> 1;
    }
    this.#place(i, record);
  }

  #down(i: number, record: number): void {
    const expiry = this.#expiry(record);
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#expiry(this.#heap[child + 1]) < this.#expiry(this.#heap[child]))
        child++;
      if (this.#expiry(this.#heap[child]) >= expiry) break;
      this.#place(i, this.#heap[child]);
      i = child;
    }
    this.#place(i, record);
  }
}
