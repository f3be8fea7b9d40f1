// Instance IDs in the router's memory, where kernels find them: with their
// prefix tables, or as a plain set.

import * as layout from "../../../assembly/lisp-layout.js";
import type { PacketMemory } from "../../packet/memory.js";

/** Instance ID -> addresses of its prefix tables (0 = none). */
export class Instances {
  /** Address of the root: it stays while instances come and go. */
  readonly root: number;
  readonly #memory: PacketMemory;
  readonly #tables = new Map<number, readonly [number, number]>();
  #places = 8;
  /** The keys, ascending; null: to be sorted anew. */
  #keys: readonly number[] | null = null;

  constructor(memory: PacketMemory) {
    this.#memory = memory;
    this.root = memory.alloc(layout.ROOT_SIZE);
    this.#build(this.#places);
  }

  /** Bytes of the router's memory in use. */
  get bytes(): number {
    return layout.ROOT_SIZE + this.#places * layout.INSTANCE_SIZE;
  }

  get size(): number {
    return this.#tables.size;
  }

  has(iid: number): boolean {
    return this.#tables.has(iid);
  }

  /** Instance IDs, ascending. */
  keys(): readonly number[] {
    this.#keys ??= [...this.#tables.keys()].sort((a, b) => a - b);
    return this.#keys;
  }

  /** Adds an instance or changes its tables. Throws MemoryError, and is then as it was. */
  set(iid: number, table4 = 0, table6 = 0): void {
    const places = this.#tables.size >= this.#places / 2 && !this.#tables.has(iid) ? this.#places * 2 : 0;
    if (places > 0) this.#build(places);
    if (!this.#tables.has(iid)) this.#keys = null;
    this.#tables.set(iid, [table4, table6]);
    this.#write(this.#find(iid), iid);
  }

  delete(iid: number): void {
    if (!this.#tables.delete(iid)) return;
    this.#keys = null;
    // Whatever was put behind its place, because that was taken, moves up.
    let hole = this.#find(iid);
    for (let at = this.#after(hole); ; at = this.#after(at)) {
      const there = this.#memory.get32(at + layout.INSTANCE_IID);
      if (there === 0) break;
      if (this.#distance(this.#home(there - 1), at) < this.#distance(hole, at)) continue;
      this.#memory.u8.copyWithin(hole, at, at + layout.INSTANCE_SIZE);
      hole = at;
    }
    this.#memory.u8.fill(0, hole, hole + layout.INSTANCE_SIZE);
  }

  /** Removes all. */
  clear(): void {
    this.#tables.clear();
    this.#keys = null;
    const index = this.#index;
    this.#memory.u8.fill(0, index, index + this.#places * layout.INSTANCE_SIZE);
  }

  destroy(): void {
    this.#free();
    this.#memory.free(this.root, layout.ROOT_SIZE);
  }

  #build(places: number): void {
    const made = this.#memory.alloc(places * layout.INSTANCE_SIZE);
    this.#free();
    this.#places = places;
    this.#memory.set32(this.root + layout.ROOT_INDEX, made);
    this.#memory.set32(this.root + layout.ROOT_MASK, places - 1);
    for (const iid of this.#tables.keys()) this.#write(this.#find(iid), iid);
  }

  get #index(): number {
    return this.#memory.get32(this.root + layout.ROOT_INDEX);
  }

  #free(): void {
    this.#memory.free(this.#index, this.#places * layout.INSTANCE_SIZE);
    this.#memory.set32(this.root + layout.ROOT_INDEX, 0);
  }

  /** Where it stands, or would stand: from its own place on, the first that is not another's. */
  #find(iid: number): number {
    let at = this.#home(iid);
    for (;;) {
      const there = this.#memory.get32(at + layout.INSTANCE_IID);
      if (there === 0 || there === iid + 1) return at;
      at = this.#after(at);
    }
  }

  #home(iid: number): number {
    const place = Math.imul(iid, 0x9e3779b1) >>> 8;
    return this.#index + (place & (this.#places - 1)) * layout.INSTANCE_SIZE;
  }

  #after(at: number): number {
    const index = this.#index;
    const next = at + layout.INSTANCE_SIZE;
    return next === index + this.#places * layout.INSTANCE_SIZE ? index : next;
  }

  /** Bytes from one place on to another, around the end. */
  #distance(from: number, to: number): number {
    return to >= from ? to - from : to - from + this.#places * layout.INSTANCE_SIZE;
  }

  #write(at: number, iid: number): void {
    const [table4, table6] = this.#tables.get(iid)!;
    this.#memory.set32(at + layout.INSTANCE_IID, iid + 1);
    this.#memory.set32(at + layout.INSTANCE_TABLE_4, table4);
    this.#memory.set32(at + layout.INSTANCE_TABLE_6, table6);
  }
}
