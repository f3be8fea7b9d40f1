// A router's block of WebAssembly memory: the heap, the packet pool, and the
// views through which TypeScript reads and writes it.

import { inspect } from "node:util";
import * as layout from "../../assembly/layout.js";
import { instantiateKernels, type Kernels, makeMemory, type WasmMemory } from "./kernels.js";
import { instantiatePlugin } from "./plugin-kernels.js";

export interface MemoryOptions {
  /** Bytes of address space for everything the router holds; only touched pages cost memory. Default 256 MiB. */
  readonly bytes?: number;
  /** Packet slots. Default 16,384. */
  readonly slots?: number;
  /** Bytes of headroom, data and tailroom in a slot; a multiple of 64. Default 2,048. */
  readonly bufferSize?: number;
  /** Bytes before the data of a fresh packet. Default 128. */
  readonly headroom?: number;
}

/** Bytes of a memory's staging area. */
export const STAGE_BYTES = 131072;
/** Behind it, so that kernels may copy whole vectors. */
const STAGE_SPARE = 16;

const PAGE = 65536;
const GIB = 2 ** 30;

/** The memory would not hold what was asked of it. */
export class MemoryError extends Error {
  readonly code = "MEMORY";
}

/**
 * One router's memory. Shared, declared at its full size and never grown, so
 * addresses stay and no view detaches. All addresses are byte offsets into it.
 */
export class PacketMemory {
  readonly memory: WasmMemory;
  readonly kernels: Kernels;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly view: DataView;
  readonly slots: number;
  readonly bufferSize: number;
  readonly headroom: number;
  /** Bytes from one slot to the next. */
  readonly stride: number;
  #stage = 0;

  constructor(options: MemoryOptions = {}) {
    const bytes = options.bytes ?? 256 * 2 ** 20;
    this.slots = options.slots ?? 16384;
    this.bufferSize = options.bufferSize ?? layout.BUFFER_SIZE;
    this.headroom = options.headroom ?? layout.HEADROOM;
    this.stride = layout.SLOT_META + this.bufferSize;
    if (this.bufferSize % 64 !== 0 || this.bufferSize < 256)
      throw new MemoryError(`slot size ${this.bufferSize} is not a multiple of 64 of at least 256`);
    if (this.headroom < 0 || this.headroom > this.bufferSize - 128)
      throw new MemoryError(`headroom ${this.headroom} leaves no room for data in ${this.bufferSize} bytes`);
    const stack = layout.HEADER_SIZE;
    const start = align(stack + this.slots * 4, 4096);
    const heap = align(start + this.slots * this.stride, 4096);
    const pages = Math.ceil(Math.max(bytes, heap + PAGE) / PAGE);
    // Above 2 GiB addresses would reach TypeScript negative.
    if (pages * PAGE >= 2 * GIB)
      throw new MemoryError(`memory must stay below 2 GiB, asked for ${pages * PAGE} bytes`);
    this.memory = makeMemory(pages);
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.set32(layout.POOL_STACK, stack);
    this.set32(layout.POOL_START, start);
    this.set32(layout.POOL_FRESH, start);
    this.set32(layout.POOL_END, start + this.slots * this.stride);
    this.set32(layout.POOL_STRIDE, this.stride);
    this.set32(layout.POOL_HEADROOM, this.headroom);
    this.set32(layout.HEAP_NEXT, heap);
    this.set32(layout.HEAP_END, pages * PAGE);
    this.kernels = instantiateKernels(this.memory);
  }

  /** Reads an aligned u32. */
  get32(address: number): number {
    return this.u32[address >>> 2];
  }

  /** Writes an aligned u32. */
  set32(address: number, value: number): void {
    this.u32[address >>> 2] = value;
  }

  /** Reads an aligned 64-bit counter; exact up to 2^53. */
  get64(address: number): number {
    return this.u32[address >>> 2] + this.u32[(address >>> 2) + 1] * 4294967296;
  }

  /** Writes an aligned 64-bit counter. */
  set64(address: number, value: number): void {
    this.u32[address >>> 2] = value >>> 0;
    this.u32[(address >>> 2) + 1] = Math.floor(value / 4294967296);
  }

  /** Adds to an aligned 64-bit counter. */
  add64(address: number, n: number): void {
    const i = address >>> 2;
    const low = this.u32[i] + n;
    // Once in 2^32 there is a carry.
    if (n >= 0 && low <= 0xffffffff) this.u32[i] = low;
    else this.set64(address, this.get64(address) + n);
  }

  /** Allocates zeroed, 16-byte aligned heap memory. Throws MemoryError when the heap is exhausted. */
  alloc(size: number): number {
    const block = this.kernels.heapAlloc(size) >>> 0;
    if (block === 0) {
      throw new MemoryError(
        `the router's memory is exhausted (${size} bytes asked, ${this.get32(layout.HEAP_USED)} in use): make it with a larger memory`,
      );
    }
    return block;
  }

  /** Frees a block; `size` is the size it was allocated with. */
  free(block: number, size: number): void {
    this.kernels.heapFree(block, size);
  }

  /**
   * Where devices lay packets' bytes one after the other, to move them in or out at once: STAGE_BYTES that are anybody's
   * until the call returns. `reserveStage` was called before.
   */
  get stage(): number {
    return this.#stage;
  }

  /** Throws MemoryError. */
  reserveStage(): void {
    if (this.#stage === 0) this.#stage = this.alloc(STAGE_BYTES + STAGE_SPARE);
  }

  /**
   * Loads a plug-in's kernel module over this memory, so that it runs as fast as the router's own. Its state comes from
   * `alloc`. `K` is the type of its exports. Throws KernelError when the module may not share the memory.
   */
  loadKernels<K>(bytes: Uint8Array): K {
    return instantiatePlugin<K>(this.memory, bytes);
  }

  /** Bytes of heap in use. */
  get heapUsed(): number {
    return this.get32(layout.HEAP_USED);
  }

  /** One line: its views are as large as it is. */
  [inspect.custom](): string {
    return `PacketMemory { ${this.slotsUsed} of ${this.slots} slots in use, ${this.u8.length} bytes }`;
  }

  /** Slots in use: taken from the pool and not given back. */
  get slotsUsed(): number {
    const touched = (this.get32(layout.POOL_FRESH) - this.get32(layout.POOL_START)) / this.stride;
    return touched - this.get32(layout.POOL_TOP);
  }
}

function align(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}
