// What a source's packets are made from: bytes that wait in the router's memory and are copied by one kernel call
// a batch.

import type { Batch } from "./batch.js";
import { MemoryError, type PacketMemory } from "./memory.js";

/** Data of sources that are given none: Click's, so that what is printed of it is the same. */
export const DEFAULT_DATA = "Random bullshit in a packet, at least 64 bytes long. Well, now it is.";

/** Where a clock began, as kernels want it. */
interface ClockStart {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** A block of bytes in the router's memory. Whoever makes one releases it. */
export class Template {
  readonly #memory: PacketMemory;
  #address = 0;
  #length = 0;

  constructor(memory: PacketMemory) {
    this.#memory = memory;
  }

  get address(): number {
    return this.#address;
  }
  get length(): number {
    return this.#length;
  }

  /**
   * Takes the bytes of `text` (characters up to U+00FF), repeated or cut to `length` where that is not negative.
   * Throws MemoryError, and keeps what it had, when that is more than a packet holds.
   */
  assign(text: string, length = -1): void {
    const size = length < 0 ? text.length : text.length === 0 ? 0 : length;
    const { longest } = this.#memory;
    if (size > longest)
      throw new MemoryError(`${size} bytes of data do not fit into a packet, which holds ${longest}`);
    const address = size > 0 ? this.#memory.alloc(size) : 0;
    for (let i = 0; i < size; i++) this.#memory.u8[address + i] = text.charCodeAt(i % text.length);
    this.release();
    this.#address = address;
    this.#length = size;
  }

  /**
   * Fills the empty `batch` with `count` packets (at most BATCH_MAX) that have these bytes, stamped with steady time
   * `now` of the clock that began at `start`, or not at all where `now` is negative. Returns how many there was
   * room for.
   */
  make(batch: Batch, count: number, headroom: number, start: ClockStart, now: number): number {
    batch.count = this.#memory.kernels.makeBatch(
      batch.address,
      count,
      this.#address,
      this.#length,
      Math.min(headroom, this.#memory.longest),
      start.seconds,
      start.nanoseconds,
      now,
    );
    return batch.count;
  }

  /** Frees the bytes; it is empty afterwards. */
  release(): void {
    if (this.#length > 0) this.#memory.free(this.#address, this.#length);
    this.#address = 0;
    this.#length = 0;
  }
}
