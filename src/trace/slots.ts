// The slots of packets that are followed: the mark of its trace stands in each one's metadata, which a copy takes along
// and which the pool resets. So a slot that was given back and taken again is told from one that is still the packet's.

import {
  POOL_STACK,
  POOL_START,
  POOL_TOP,
  SLOT_DATA,
  SLOT_LENGTH,
  SLOT_TRACE,
} from "../../assembly/layout.js";
import type { PacketMemory } from "../packet/memory.js";
import { networkOffset } from "./filter.js";

export class TraceSlots {
  readonly #memory: PacketMemory;
  /** By the slot's number: 1 where it was in the pool at the last `lookAtPool`. */
  readonly #free: Uint8Array;

  constructor(memory: PacketMemory) {
    this.#memory = memory;
    this.#free = new Uint8Array(memory.slots);
  }

  markOf(slot: number): number {
    return this.#memory.u32[(slot + SLOT_TRACE) >>> 2];
  }

  mark(slot: number, mark: number): void {
    this.#memory.set32(slot + SLOT_TRACE, mark);
  }

  length(slot: number): number {
    return this.#memory.get32(slot + SLOT_LENGTH);
  }

  /** The packet's bytes, in place, and where its IP header begins there; -1: nowhere. */
  packet(slot: number): { readonly bytes: Uint8Array; readonly ip: number } {
    const data = this.#memory.get32(slot + SLOT_DATA);
    const bytes = this.#memory.u8.subarray(data, data + this.length(slot));
    return { bytes, ip: networkOffset(this.#memory, slot, bytes) ?? -1 };
  }

  /** Notes which slots are in the pool. */
  lookAtPool(): void {
    const { u32, stride } = this.#memory;
    const stack = this.#memory.get32(POOL_STACK) >>> 2;
    const start = this.#memory.get32(POOL_START);
    const count = this.#memory.get32(POOL_TOP);
    this.#free.fill(0);
    for (let i = 0; i < count; i++) this.#free[(u32[stack + i] - start) / stride] = 1;
  }

  /** After `lookAtPool`: whether the slot is given back, or another packet's by now. */
  gone(slot: number, mark: number): boolean {
    if (this.markOf(slot) !== mark) return true;
    return this.#free[(slot - this.#memory.get32(POOL_START)) / this.#memory.stride] === 1;
  }
}
