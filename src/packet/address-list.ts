// Lists of addresses in the router's memory, for kernels that search them.

import type { PacketMemory } from "./memory.js";

/** Addresses of `width` bytes each, in network order, one after another. */
export class AddressList {
  readonly memory: PacketMemory;
  readonly width: 4 | 16;
  /** Where they stand; 0 while there are none. */
  address = 0;
  count = 0;

  constructor(memory: PacketMemory, width: 4 | 16) {
    this.memory = memory;
    this.width = width;
  }

  /** Replaces the addresses: numbers in host order, or bytes. Throws MemoryError when the router's memory is exhausted. */
  set(addresses: readonly (number | Uint8Array)[]): void {
    const size = addresses.length * this.width;
    const block = size === 0 ? 0 : this.memory.alloc(size);
    this.free();
    this.address = block;
    this.count = addresses.length;
    for (const [i, address] of addresses.entries()) {
      if (typeof address === "number") this.memory.view.setUint32(block + i * 4, address);
      else this.memory.u8.set(address, block + i * this.width);
    }
  }

  free(): void {
    if (this.address !== 0) this.memory.free(this.address, this.count * this.width);
    this.address = 0;
    this.count = 0;
  }
}
