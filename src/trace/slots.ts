// The slots of packets that are followed: the mark of its trace stands in each one's metadata, which a copy takes along,
// and which the pool removes when the slot is given back.

import { SLOT_DATA, SLOT_LENGTH, SLOT_OWNER, SLOT_TRACE, SLOT_WATCHED } from "../../assembly/layout.js";
import type { PacketMemory } from "../packet/memory.js";
import { networkOffset } from "./filter.js";

export class TraceSlots {
  readonly #memory: PacketMemory;

  constructor(memory: PacketMemory) {
    this.#memory = memory;
  }

  markOf(slot: number): number {
    return this.#memory.u32[(slot + SLOT_TRACE) >>> 2];
  }

  mark(slot: number, mark: number): void {
    this.#memory.set32(slot + SLOT_TRACE, mark);
    this.#memory.set32(slot + SLOT_OWNER, this.#memory.get32(slot + SLOT_OWNER) | SLOT_WATCHED);
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

  /** Whether the slot is given back, or another packet's by now. */
  gone(slot: number, mark: number): boolean {
    return this.markOf(slot) !== mark;
  }
}
