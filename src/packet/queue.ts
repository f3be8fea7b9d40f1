// A first-in first-out queue of packets, in the router's memory.

import {
  QUEUE_CAPACITY,
  QUEUE_HEAD,
  QUEUE_HIGHWATER,
  QUEUE_MASK,
  QUEUE_RING,
  QUEUE_SIZE,
  QUEUE_TAIL,
} from "../../assembly/layout.js";
import { BATCH_MAX, type Batch } from "./batch.js";
import type { PacketMemory } from "./memory.js";

/** Owns the packets in it. Appending and taking cross into WebAssembly once a batch. */
export class PacketQueue {
  readonly #memory: PacketMemory;
  #block: number;

  /** `capacity`: packets it may hold. Its ring has room for as many as there are slots at most. */
  constructor(memory: PacketMemory, capacity: number) {
    this.#memory = memory;
    this.#block = memory.alloc(QUEUE_SIZE);
    this.#makeRing(capacity);
  }

  get length(): number {
    return (this.#get(QUEUE_TAIL) - this.#get(QUEUE_HEAD)) >>> 0;
  }

  get capacity(): number {
    return this.#get(QUEUE_CAPACITY);
  }

  get full(): boolean {
    return this.length >= this.capacity;
  }

  /** The most packets it has held at once since it was made or `resetHighwater`. */
  get highwater(): number {
    return this.#get(QUEUE_HIGHWATER);
  }

  resetHighwater(): void {
    this.#set(QUEUE_HIGHWATER, this.length);
  }

  /** Takes packets from the front of `batch` as far as there is room; the others stay in it. Returns how many it took. */
  append(batch: Batch): number {
    const taken = this.#memory.kernels.queueAppend(this.#block, batch.address, batch.count);
    batch.count -= taken;
    return taken;
  }

  /** Fills the empty `batch` with up to `max` packets (never more than BATCH_MAX); returns how many. */
  take(batch: Batch, max: number): number {
    batch.count = this.#memory.kernels.queueTake(this.#block, batch.address, Math.min(max, BATCH_MAX));
    return batch.count;
  }

  /** Changes the capacity. Packets beyond it, the last ones, are given to the pool; returns how many. */
  resize(capacity: number, spare: Batch): number {
    if (this.#fits(capacity)) {
      this.#set(QUEUE_CAPACITY, capacity);
      const over = Math.max(0, this.length - capacity);
      for (let i = 0; i < over; i++) this.#memory.kernels.poolGive(this.#popLast());
      return over;
    }
    const next = new PacketQueue(this.#memory, capacity);
    const highwater = this.highwater;
    const lost = next.absorb(this, spare);
    const block = this.#block;
    this.#block = next.#block;
    next.#block = block;
    next.release(spare);
    this.#set(QUEUE_HIGHWATER, highwater);
    return lost;
  }

  /**
   * Takes over all packets of `other`, which is empty afterwards, in order; those without room are given to the
   * pool. Where this queue is empty and the rings are alike, nothing is copied. Returns how many were lost.
   */
  absorb(other: PacketQueue, spare: Batch): number {
    if (
      this.length === 0 &&
      this.#get(QUEUE_MASK) === other.#get(QUEUE_MASK) &&
      other.length <= this.capacity
    ) {
      for (const word of [QUEUE_RING, QUEUE_HEAD, QUEUE_TAIL]) {
        const mine = this.#get(word);
        this.#set(word, other.#get(word));
        other.#set(word, mine);
      }
    }
    let lost = 0;
    while (other.take(spare, BATCH_MAX) > 0) {
      this.append(spare);
      lost += spare.count;
      spare.kill();
    }
    this.resetHighwater();
    return lost;
  }

  /** Gives the packets to the pool and frees its memory. */
  release(spare: Batch): void {
    while (this.take(spare, BATCH_MAX) > 0) spare.kill();
    this.#memory.free(this.#get(QUEUE_RING), (this.#get(QUEUE_MASK) + 1) * 4);
    this.#memory.free(this.#block, QUEUE_SIZE);
    this.#block = 0;
  }

  #popLast(): number {
    const tail = (this.#get(QUEUE_TAIL) - 1) >>> 0;
    this.#set(QUEUE_TAIL, tail);
    return this.#memory.get32(this.#get(QUEUE_RING) + (tail & this.#get(QUEUE_MASK)) * 4);
  }

  #entries(capacity: number): number {
    const needed = Math.max(1, Math.min(capacity, this.#memory.slots));
    return 2 ** Math.ceil(Math.log2(needed));
  }

  #fits(capacity: number): boolean {
    return this.#entries(capacity) <= this.#get(QUEUE_MASK) + 1;
  }

  #makeRing(capacity: number): void {
    const entries = this.#entries(capacity);
    this.#set(QUEUE_RING, this.#memory.alloc(entries * 4));
    this.#set(QUEUE_MASK, entries - 1);
    this.#set(QUEUE_CAPACITY, capacity);
  }

  #get(word: number): number {
    return this.#memory.get32(this.#block + word);
  }

  #set(word: number, value: number): void {
    this.#memory.set32(this.#block + word, value);
  }
}
