// The streams of a sink: a table that kernels fill as packets of new ones come.

import * as layout from "../../../assembly/traffic-layout.js";
import { addressText } from "../../net/address.js";
import type { PacketMemory } from "../../packet/memory.js";

/** Places of the table for each stream it may hold: half of them stay free. */
const PLACES = 2;

/** A table of at most `capacity` streams of `blockSize` bytes each. Whoever makes one destroys it. */
export class StreamTable {
  readonly memory: PacketMemory;
  readonly capacity: number;
  readonly blockSize: number;
  readonly #places: number;
  readonly #table: number;
  readonly #list: number;
  #area = 0;

  /** Throws MemoryError. */
  constructor(memory: PacketMemory, capacity: number, blockSize: number) {
    this.memory = memory;
    this.capacity = capacity;
    this.blockSize = blockSize;
    this.#places = 2 ** Math.ceil(Math.log2(capacity * PLACES));
    this.#table = memory.alloc(this.#places * 4);
    this.#list = memory.alloc(capacity * 4);
  }

  /** Has the kernels of the element whose area begins at `area` (STREAMS_*) use this table. `seed` is a random number. */
  attach(area: number, seed: number): void {
    const { memory } = this;
    // The streams of another element keep the places that its seed gave them.
    const kept = this.#area === 0 ? seed : memory.get32(this.#area + layout.STREAMS_SEED);
    const count = this.#area === 0 ? 0 : this.count;
    memory.set32(area + layout.STREAMS_TABLE, this.#table);
    memory.set32(area + layout.STREAMS_MASK, this.#places - 1);
    memory.set32(area + layout.STREAMS_LIST, this.#list);
    memory.set32(area + layout.STREAMS_COUNT, count);
    memory.set32(area + layout.STREAMS_CAPACITY, this.capacity);
    memory.set32(area + layout.STREAMS_SEED, kept);
    this.#area = area;
  }

  get count(): number {
    return this.memory.get32(this.#area + layout.STREAMS_COUNT);
  }

  /** Addresses of the streams' blocks, in the order in which they came. */
  blocks(): number[] {
    return Array.from({ length: this.count }, (_, i) => this.memory.get32(this.#list + i * 4));
  }

  /** Where the stream at `block` comes from. */
  source(block: number): string {
    const { memory } = this;
    const size = memory.get32(block + layout.STREAM_FAMILY) === 4 ? 4 : 16;
    const at = block + layout.STREAM_ADDRESS;
    return addressText(memory.u8.slice(at, at + size));
  }

  destroy(): void {
    const { memory } = this;
    for (const block of this.blocks()) memory.free(block, this.blockSize);
    memory.set32(this.#area + layout.STREAMS_COUNT, 0);
    memory.free(this.#table, this.#places * 4);
    memory.free(this.#list, this.capacity * 4);
  }
}
