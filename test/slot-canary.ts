// A slot that stands guard: filled with one byte, so that a write to it is seen.

import * as layout from "../assembly/layout.js";
import type { PacketMemory } from "../src/packet/memory.js";

/** What may be filled of a slot: its metadata but for where its buffer is, and that buffer. */
function parts(memory: PacketMemory, slot: number): readonly (readonly [from: number, to: number])[] {
  return [
    [slot, slot + layout.SLOT_COPIED],
    [memory.get32(slot + layout.SLOT_BUFFER), memory.get32(slot + layout.SLOT_END)],
  ];
}

/** Fills the slot with `value`. It can be given back to the pool later on. */
export function fillSlot(memory: PacketMemory, slot: number, value: number): void {
  for (const [from, to] of parts(memory, slot)) memory.u8.fill(value, from, to);
}

/** Address of the first byte of the slot that is not `value`; null: there is none. */
export function touched(memory: PacketMemory, slot: number, value: number): number | null {
  for (const [from, to] of parts(memory, slot)) {
    const at = memory.u8.subarray(from, to).findIndex((byte) => byte !== value);
    if (at >= 0) return from + at;
  }
  return null;
}

/** Addresses of the slot's buffer: its first byte, and the one after its last. */
export function bufferOf(memory: PacketMemory, slot: number): readonly [start: number, end: number] {
  return [memory.get32(slot + layout.SLOT_BUFFER), memory.get32(slot + layout.SLOT_END)];
}

/** From now on there is room for no slot and no large buffer but those that there are. */
export function noMoreRoom(memory: PacketMemory): void {
  memory.set32(layout.POOL_FLOOR, memory.get32(layout.POOL_FRESH));
}
