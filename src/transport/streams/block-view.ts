// Reading the fields of a stream's block.

import type { PacketMemory } from "../../packet/memory.js";

/** A block of memory that a kernel keeps. Offsets are the layout's. */
export class BlockView {
  readonly memory: PacketMemory;
  readonly address: number;

  constructor(memory: PacketMemory, address: number) {
    this.memory = memory;
    this.address = address;
  }

  u32(offset: number): number {
    return this.memory.get32(this.address + offset);
  }
  u64(offset: number): number {
    return this.memory.get64(this.address + offset);
  }
  f64(offset: number): number {
    return this.memory.view.getFloat64(this.address + offset, true);
  }
  set64(offset: number, value: number): void {
    this.memory.set64(this.address + offset, value);
  }
  /** Zeroes the bytes from `offset` on, up to `end`. */
  clear(offset: number, end: number): void {
    this.memory.u8.fill(0, this.address + offset, this.address + end);
  }
}
