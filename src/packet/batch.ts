// Batches: the unit in which packets move.

import { inspect } from "node:util";
import { BATCH_MAX } from "../../assembly/layout.js";
import type { PacketMemory } from "./memory.js";

export { BATCH_MAX };

/** Bytes of an array of BATCH_MAX handles. */
export const SIDE_BYTES: number = BATCH_MAX * 4;

/**
 * Up to BATCH_MAX slot handles, as an array in the router's memory. Whoever
 * holds the batch owns its packets; pushing it on hands them over, after which
 * the pusher may only refill or release the batch.
 */
export class Batch {
  /** Packets in the batch. */
  count = 0;

  readonly memory: PacketMemory;
  /** Address of the array of u32 slot handles. */
  readonly address: number;

  constructor(memory: PacketMemory, address: number) {
    this.memory = memory;
    this.address = address;
  }

  /** The slot handle of packet `i`. */
  at(i: number): number {
    return this.memory.u32[(this.address >>> 2) + i];
  }

  /** Appends a packet. The caller sees to it that `count` stays below BATCH_MAX. */
  add(slot: number): void {
    this.memory.u32[(this.address >>> 2) + this.count++] = slot;
  }

  /** Replaces packet `i`. */
  set(i: number, slot: number): void {
    this.memory.u32[(this.address >>> 2) + i] = slot;
  }

  [inspect.custom](): string {
    return `Batch { ${this.count} packets }`;
  }

  /** Gives every packet back to the pool and empties the batch. */
  kill(): void {
    if (this.count > 0) this.memory.kernels.poolGiveBatch(this.address, this.count);
    this.count = 0;
  }
}

/** Spare batches of one router. Acquire and release nest like calls, so loops in the graph are safe. */
export class BatchPool {
  /**
   * Address of the side arrays, two of BATCH_MAX handles one after the other: where kernels put packets that they take
   * out of a batch. What is there must be collected before anything else runs.
   */
  readonly side: number;
  readonly #spare: Batch[] = [];
  readonly #memory: PacketMemory;

  constructor(memory: PacketMemory) {
    this.#memory = memory;
    this.side = memory.alloc(2 * SIDE_BYTES);
  }

  /** A batch of the first `count` packets of side array `which` (0 or 1); to be released like any other. */
  collect(count: number, which: 0 | 1 = 0): Batch {
    const batch = this.acquire();
    const from = (this.side + which * SIDE_BYTES) >>> 2;
    this.#memory.u32.copyWithin(batch.address >>> 2, from, from + count);
    batch.count = count;
    return batch;
  }

  /** An empty batch. */
  acquire(): Batch {
    const batch = this.#spare.pop();
    if (batch !== undefined) {
      batch.count = 0;
      return batch;
    }
    return new Batch(this.#memory, this.#memory.alloc(BATCH_MAX * 4));
  }

  /** Takes a batch back; packets still in it are given to the pool. */
  release(batch: Batch): void {
    batch.kill();
    this.#spare.push(batch);
  }
}
