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

  keys(): number[] {
    return [...this.#tables.keys()].sort((a, b) => a - b);
  }

  /** Adds an instance or changes its tables. Throws MemoryError, and is then as it was. */
  set(iid: number, table4 = 0, table6 = 0): void {
    const places = this.#tables.size >= this.#places / 2 && !this.#tables.has(iid) ? this.#places * 2 : 0;
    if (places > 0) this.#build(places);
    const known = this.#tables.has(iid);
    this.#tables.set(iid, [table4, table6]);
    if (known) this.#rewrite();
    else this.#place(iid);
  }

  delete(iid: number): void {
    if (this.#tables.delete(iid)) this.#rewrite();
  }

  destroy(): void {
    this.#free();
    this.#memory.free(this.root, layout.ROOT_SIZE);
  }

  #build(places: number): void {
    const index = this.#memory.alloc(places * layout.INSTANCE_SIZE);
    this.#free();
    this.#places = places;
    this.#memory.set32(this.root + layout.ROOT_INDEX, index);
    this.#memory.set32(this.root + layout.ROOT_MASK, places - 1);
    for (const iid of this.#tables.keys()) this.#place(iid);
  }

  #rewrite(): void {
    const index = this.#memory.get32(this.root + layout.ROOT_INDEX);
    this.#memory.u8.fill(0, index, index + this.#places * layout.INSTANCE_SIZE);
    for (const iid of this.#tables.keys()) this.#place(iid);
  }

  #free(): void {
    const index = this.#memory.get32(this.root + layout.ROOT_INDEX);
    this.#memory.free(index, this.#places * layout.INSTANCE_SIZE);
    this.#memory.set32(this.root + layout.ROOT_INDEX, 0);
  }

  #place(iid: number): void {
    const index = this.#memory.get32(this.root + layout.ROOT_INDEX);
    const mask = this.#places - 1;
    let place = Math.imul(iid, 0x9e3779b1) >>> 8;
    while (this.#memory.get32(index + (place & mask) * layout.INSTANCE_SIZE) !== 0) place++;
    const at = index + (place & mask) * layout.INSTANCE_SIZE;
    const [table4, table6] = this.#tables.get(iid)!;
    this.#memory.set32(at + layout.INSTANCE_IID, iid + 1);
    this.#memory.set32(at + layout.INSTANCE_TABLE_4, table4);
    this.#memory.set32(at + layout.INSTANCE_TABLE_6, table6);
  }
}
