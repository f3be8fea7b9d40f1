// Routes: prefixes with an output port and perhaps a gateway, as routing elements hold them.
//
// The prefix table yields a record's number; the records stand in one array, which the kernels of
// assembly/route.ts read. A removed record's place is taken by the next route added, so that routes are listed
// in Click's order.

import * as layout from "../../assembly/forward-layout.js";
import type { PacketMemory } from "./memory.js";
import { type Address, PrefixTable } from "./prefix-table.js";

export interface Route {
  readonly address: Address;
  /** Prefix length in bits. */
  readonly length: number;
  /** The next hop; null when it is the destination itself. */
  readonly gateway: Address | null;
  readonly output: number;
}

const FIRST_CAPACITY = 16;

/** Routes of one address family in the router's memory. */
export class RouteTable {
  readonly family: 4 | 6;
  readonly memory: PacketMemory;
  readonly prefixes: PrefixTable;
  /** Address of the records, for the kernels; it changes when the table grows. */
  records = 0;
  readonly #recordSize: number;
  #capacity = 0;
  /** Records ever used, and the number of the first free one among them (0: none). */
  #used = 0;
  #free = 0;

  /** An empty table. Throws MemoryError when the router's memory is exhausted. */
  constructor(memory: PacketMemory, family: 4 | 6) {
    this.memory = memory;
    this.family = family;
    this.#recordSize = family === 4 ? layout.ROUTE_SIZE_4 : layout.ROUTE_SIZE_6;
    this.prefixes = new PrefixTable(memory, family);
  }

  /** Gives all its memory back. The table must not be used afterwards. */
  destroy(): void {
    this.prefixes.destroy();
    if (this.records !== 0) this.memory.free(this.records, this.#capacity * this.#recordSize);
    this.records = 0;
  }

  /** Number of routes. */
  get size(): number {
    return this.prefixes.size;
  }

  /** The route of exactly this prefix. */
  exact(address: Address, length: number): Route | null {
    const number = this.prefixes.exact(address, length);
    return number === 0 ? null : this.#read(number);
  }

  /** The route of the longest prefix that holds `address`. */
  lookup(address: Address): Route | null {
    const number = this.prefixes.lookup(address);
    return number === 0 ? null : this.#read(number);
  }

  /**
   * Adds a route; one with the same prefix is replaced. Returns that one, or null. Throws MemoryError (the table is
   * then as it was) and PrefixTableError.
   */
  set(route: Route): Route | null {
    const number = this.#take();
    let old: number;
    try {
      old = this.prefixes.insert(route.address, route.length, number);
    } catch (e) {
      this.#release(number);
      throw e;
    }
    const replaced = old === 0 ? null : this.#read(old);
    this.#write(number, route);
    if (old !== 0) this.#release(old);
    return replaced;
  }

  /** Removes the route of exactly this prefix and returns it; null when there is none. */
  remove(address: Address, length: number): Route | null {
    const number = this.prefixes.remove(address, length);
    if (number === 0) return null;
    const route = this.#read(number);
    this.#release(number);
    return route;
  }

  /** All routes, in the order of their records. */
  *routes(): IterableIterator<Route> {
    for (let number = 1; number <= this.#used; number++) {
      const free = this.memory.u8[this.#at(number) + layout.ROUTE_LENGTH] === layout.ROUTE_FREE;
      if (!free) yield this.#read(number);
    }
  }

  #at(number: number): number {
    return this.records + (number - 1) * this.#recordSize;
  }

  /** A free record's number. */
  #take(): number {
    if (this.#free !== 0) {
      const number = this.#free;
      this.#free = this.memory.view.getUint32(this.#at(number) + layout.ROUTE_ADDRESS, true);
      return number;
    }
    if (this.#used === this.#capacity) this.#grow();
    return ++this.#used;
  }

  #release(number: number): void {
    const at = this.#at(number);
    this.memory.u8[at + layout.ROUTE_LENGTH] = layout.ROUTE_FREE;
    this.memory.view.setUint32(at + layout.ROUTE_ADDRESS, this.#free, true);
    this.#free = number;
  }

  #grow(): void {
    const capacity = Math.max(FIRST_CAPACITY, this.#capacity * 2);
    const block = this.memory.alloc(capacity * this.#recordSize);
    const size = this.#capacity * this.#recordSize;
    if (size > 0) {
      this.memory.u8.copyWithin(block, this.records, this.records + size);
      this.memory.free(this.records, size);
    }
    this.records = block;
    this.#capacity = capacity;
  }

  #write(number: number, { address, length, gateway, output }: Route): void {
    const at = this.#at(number);
    const { memory } = this;
    memory.u8.fill(0, at, at + this.#recordSize);
    memory.u16[(at + layout.ROUTE_OUTPUT) >>> 1] = output;
    memory.u8[at + layout.ROUTE_LENGTH] = length;
    this.#writeAddress(at + layout.ROUTE_ADDRESS, address);
    if (gateway !== null) this.#writeAddress(at + this.#gateway, gateway);
  }

  get #gateway(): number {
    return this.family === 4 ? layout.ROUTE_GATEWAY_4 : layout.ROUTE_GATEWAY_6;
  }

  #writeAddress(at: number, address: Address): void {
    if (typeof address === "number") this.memory.view.setUint32(at, address);
    else this.memory.u8.set(address, at);
  }

  #readAddress(at: number): Address {
    if (this.family === 4) return this.memory.view.getUint32(at);
    return new Uint8Array(this.memory.u8.slice(at, at + 16));
  }

  #read(number: number): Route {
    const at = this.#at(number);
    const gateway = this.#readAddress(at + this.#gateway);
    const none = typeof gateway === "number" ? gateway === 0 : gateway.every((byte) => byte === 0);
    return {
      address: this.#readAddress(at + layout.ROUTE_ADDRESS),
      length: this.memory.u8[at + layout.ROUTE_LENGTH],
      gateway: none ? null : gateway,
      output: this.memory.u16[(at + layout.ROUTE_OUTPUT) >>> 1],
    };
  }
}
