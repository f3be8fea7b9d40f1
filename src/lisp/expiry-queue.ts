// Mappings that expire, soonest first: a binary heap of their addresses. Each
// mapping knows its place, so that it can be taken out from anywhere.

import { MAPPING_EXPIRY, MAPPING_QUEUE } from "../../assembly/lisp-layout.js";
import type { PacketMemory } from "../packet/memory.js";

export class ExpiryQueue {
  readonly #memory: PacketMemory;
  #heap = new Uint32Array(64);
  #size = 0;

  constructor(memory: PacketMemory) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#size;
  }

  /** The mapping that expires first, 0 when none does. */
  get first(): number {
    return this.#size > 0 ? this.#heap[0] : 0;
  }

  /** Steady nanoseconds of the first expiry; Infinity when there is none. */
  get next(): number {
    return this.#size > 0 ? this.#expiry(this.#heap[0]) : Number.POSITIVE_INFINITY;
  }

  add(mapping: number): void {
    if (this.#size === this.#heap.length) {
      const grown = new Uint32Array(this.#size * 2);
      grown.set(this.#heap);
      this.#heap = grown;
    }
    this.#up(this.#size++, mapping);
  }

  /** Takes the mapping out, if it is there. */
  remove(mapping: number): void {
    const i = this.#memory.get32(mapping + MAPPING_QUEUE) - 1;
    if (i < 0) return;
    this.#memory.set32(mapping + MAPPING_QUEUE, 0);
    const last = this.#heap[--this.#size];
    if (last === mapping) return;
    if (i > 0 && this.#expiry(last) < this.#expiry(this.#heap[(i - 1) >> 1])) this.#up(i, last);
    else this.#down(i, last);
  }

  #expiry(mapping: number): number {
    return this.#memory.view.getFloat64(mapping + MAPPING_EXPIRY, true);
  }

  #place(i: number, mapping: number): void {
    this.#heap[i] = mapping;
    this.#memory.set32(mapping + MAPPING_QUEUE, i + 1);
  }

  #up(i: number, mapping: number): void {
    const expiry = this.#expiry(mapping);
    while (i > 0) {
      const parent = this.#heap[(i - 1) >> 1];
      if (this.#expiry(parent) <= expiry) break;
      this.#place(i, parent);
      i = (i - 1) >> 1;
    }
    this.#place(i, mapping);
  }

  #down(i: number, mapping: number): void {
    const expiry = this.#expiry(mapping);
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#expiry(this.#heap[child + 1]) < this.#expiry(this.#heap[child]))
        child++;
      if (this.#expiry(this.#heap[child]) >= expiry) break;
      this.#place(i, this.#heap[child]);
      i = child;
    }
    this.#place(i, mapping);
  }
}
