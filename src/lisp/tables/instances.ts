// Instance IDs in the router's memory, where kernels find them: with their
// prefix tables, or as a plain set.

import * as layout from "../../../assembly/lisp-layout.js";
import { SortedList } from "../../collections/sorted-list.js";
import type { PacketMemory } from "../../packet/memory.js";

const PAGE_SIZE = layout.INSTANCE_PAGE * layout.INSTANCE_SIZE;
/** ROOT_SHIFT of the smallest directory. */
const SHIFT_MOST = 31;
/** Instances of a page: with more it becomes two. */
const PAGE_MOST = (layout.INSTANCE_PAGE * 3) / 4;

/** Instance ID -> addresses of its prefix tables (0 = none). No call takes longer for what it holds (extendible hashing). */
export class Instances {
  /** Address of the root: it stays while instances come and go. */
  readonly root: number;
  readonly #memory: PacketMemory;
  #keys = new SortedList<number>((a, b) => a - b);
  #pages = 0;

  /** Throws MemoryError. */
  constructor(memory: PacketMemory) {
    this.#memory = memory;
    const page = memory.alloc(PAGE_SIZE);
    try {
      this.root = memory.alloc(layout.ROOT_SIZE);
    } catch (e) {
      memory.free(page, PAGE_SIZE);
      throw e;
    }
    this.#begin(page);
  }

  /** Bytes of the router's memory in use. */
  get bytes(): number {
    return layout.ROOT_SIZE + directoryBytes(this.#shift) + this.#pages * PAGE_SIZE;
  }

  get size(): number {
    return this.#keys.size;
  }

  has(iid: number): boolean {
    return this.#memory.get32(this.#find(iid) + layout.INSTANCE_IID) !== 0;
  }

  /** Instance IDs from `from` on, ascending. None may come or go meanwhile. */
  keys(from = 0): IterableIterator<number> {
    return this.#keys.from(from);
  }

  /** Adds an instance or changes its tables. Throws MemoryError, and is then as it was. */
  set(iid: number, table4 = 0, table6 = 0): void {
    let at = this.#find(iid);
    if (this.#memory.get32(at + layout.INSTANCE_IID) === 0) {
      while (this.#count(iid) >= PAGE_MOST) this.#split(iid);
      at = this.#find(iid);
      this.#keys.add(iid);
    }
    this.#memory.set32(at + layout.INSTANCE_IID, iid + 1);
    this.#memory.set32(at + layout.INSTANCE_TABLE_4, table4);
    this.#memory.set32(at + layout.INSTANCE_TABLE_6, table6);
  }

  delete(iid: number): void {
    if (!this.#keys.remove(iid)) return;
    const page = this.#page(iid);
    // Whatever was put behind its place, because that was taken, moves up.
    let hole = this.#find(iid);
    for (let at = after(page, hole); ; at = after(page, at)) {
      const there = this.#memory.get32(at + layout.INSTANCE_IID);
      if (there === 0) break;
      if (distance(home(page, there - 1), at) < distance(hole, at)) continue;
      this.#memory.u8.copyWithin(hole, at, at + layout.INSTANCE_SIZE);
      hole = at;
    }
    this.#memory.u8.fill(0, hole, hole + layout.INSTANCE_SIZE);
  }

  /** Removes all. The memory of many is given back by calls of `free` of the result. */
  clear(): InstanceRemains {
    const directory = this.#directory;
    const remains = new InstanceRemains(this.#memory, directory, this.#shift, this.#pages);
    // The first page is emptied: this needs no memory.
    this.#begin(this.#memory.get32(directory));
    return remains;
  }

  destroy(): void {
    const page = this.#memory.get32(this.#directory);
    const remains = this.clear();
    while (remains.free());
    this.#memory.free(page, PAGE_SIZE);
    this.#memory.free(this.root, layout.ROOT_SIZE);
  }

  /** All is one page, and the directory goes by a single bit, as kernels cannot shift by 32. */
  #begin(page: number): void {
    const directory = this.root + layout.ROOT_FIRST;
    this.#memory.u8.fill(0, page, page + PAGE_SIZE);
    this.#memory.set32(directory, page);
    this.#memory.set32(directory + 4, page);
    this.#memory.set32(this.root + layout.ROOT_DIRECTORY, directory);
    this.#memory.set32(this.root + layout.ROOT_SHIFT, SHIFT_MOST);
    this.#pages = 1;
    this.#keys = new SortedList<number>((a, b) => a - b);
  }

  get #directory(): number {
    return this.#memory.get32(this.root + layout.ROOT_DIRECTORY);
  }

  get #shift(): number {
    return this.#memory.get32(this.root + layout.ROOT_SHIFT);
  }

  #page(iid: number): number {
    return this.#memory.get32(this.#directory + (hashOf(iid) >>> this.#shift) * 4);
  }

  /** Instances of the page where `iid` is, or would be. */
  #count(iid: number): number {
    const page = this.#page(iid);
    let count = 0;
    for (let at = page; at < page + PAGE_SIZE; at += layout.INSTANCE_SIZE)
      if (this.#memory.get32(at + layout.INSTANCE_IID) !== 0) count++;
    return count;
  }

  /** Makes two of the page where `iid` would be: by one bit of the hash more. */
  #split(iid: number): void {
    const made = this.#memory.alloc(PAGE_SIZE);
    const page = this.#page(iid);
    try {
      if (runOf(this.#memory, this.#directory, this.#shift, hashOf(iid) >>> this.#shift) === 1)
        this.#double();
    } catch (e) {
      this.#memory.free(made, PAGE_SIZE);
      throw e;
    }
    this.#pages++;
    const at = hashOf(iid) >>> this.#shift;
    const half = runOf(this.#memory, this.#directory, this.#shift, at) / 2;
    const second = (at & -(2 * half)) + half;
    for (let i = second; i < second + half; i++) this.#memory.set32(this.#directory + i * 4, made);
    // All are put in anew: what stood behind another one may have its own place now.
    const { u8 } = this.#memory;
    const all = u8.slice(page, page + PAGE_SIZE);
    u8.fill(0, page, page + PAGE_SIZE);
    const view = new DataView(all.buffer);
    for (let from = 0; from < PAGE_SIZE; from += layout.INSTANCE_SIZE) {
      const there = view.getUint32(from + layout.INSTANCE_IID, true);
      if (there !== 0) u8.set(all.subarray(from, from + layout.INSTANCE_SIZE), this.#find(there - 1));
    }
  }

  /** The directory goes by one bit more. */
  #double(): void {
    const { u32 } = this.#memory;
    const shift = this.#shift;
    const old = this.#directory;
    const directory = this.#memory.alloc(directoryBytes(shift - 1));
    const [from, to] = [old >>> 2, directory >>> 2];
    for (let i = 0; i < 2 ** (32 - shift); i++) {
      u32[to + 2 * i] = u32[from + i];
      u32[to + 2 * i + 1] = u32[from + i];
    }
    this.#memory.set32(this.root + layout.ROOT_DIRECTORY, directory);
    this.#memory.set32(this.root + layout.ROOT_SHIFT, shift - 1);
    if (shift < SHIFT_MOST) this.#memory.free(old, directoryBytes(shift));
  }

  /** Where it stands, or would stand: from its own place on, the first that is not another's. */
  #find(iid: number): number {
    const page = this.#page(iid);
    for (let at = home(page, iid); ; at = after(page, at)) {
      const there = this.#memory.get32(at + layout.INSTANCE_IID);
      if (there === 0 || there === iid + 1) return at;
    }
  }
}

/** What instances that were cleared took of the router's memory. */
export class InstanceRemains {
  readonly #memory: PacketMemory;
  readonly #directory: number;
  readonly #shift: number;
  #at: number;
  /** Bytes still in use. */
  bytes: number;

  /** Of a directory whose first page is in use. */
  constructor(memory: PacketMemory, directory: number, shift: number, pages: number) {
    this.#memory = memory;
    this.#directory = directory;
    this.#shift = shift;
    this.#at = runOf(memory, directory, shift, 0);
    this.bytes = directoryBytes(shift) + (pages - 1) * PAGE_SIZE;
  }

  /** Gives a page back, or at last the directory; returns whether there is more. */
  free(): boolean {
    if (this.bytes === 0) return false;
    if (this.#at === 2 ** (32 - this.#shift)) {
      this.#memory.free(this.#directory, directoryBytes(this.#shift));
      this.bytes = 0;
      return false;
    }
    const page = this.#memory.get32(this.#directory + this.#at * 4);
    this.#at += runOf(this.#memory, this.#directory, this.#shift, this.#at);
    this.#memory.free(page, PAGE_SIZE);
    this.bytes -= PAGE_SIZE;
    return true;
  }
}

/** Bytes besides the root's. */
function directoryBytes(shift: number): number {
  return shift === SHIFT_MOST ? 0 : 2 ** (32 - shift) * 4;
}

/** How many entries of a directory, the one at `at` among them, have its page: a power of two, from a multiple of it on. */
function runOf(memory: PacketMemory, directory: number, shift: number, at: number): number {
  const page = memory.get32(directory + at * 4);
  let run = 1;
  // The other half of a run twice as long has the same page, or others throughout.
  while (run < 2 ** (32 - shift) && memory.get32(directory + ((at & -run) ^ run) * 4) === page) run *= 2;
  return run;
}

function hashOf(iid: number): number {
  return Math.imul(iid, 0x9e3779b1) >>> 0;
}

function home(page: number, iid: number): number {
  return page + ((hashOf(iid) >>> 8) & (layout.INSTANCE_PAGE - 1)) * layout.INSTANCE_SIZE;
}

function after(page: number, at: number): number {
  const next = at + layout.INSTANCE_SIZE;
  return next === page + PAGE_SIZE ? page : next;
}

/** Bytes from one place of a page on to another, around its end. */
function distance(from: number, to: number): number {
  return to >= from ? to - from : to - from + PAGE_SIZE;
}
