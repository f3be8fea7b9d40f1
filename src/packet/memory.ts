// A router's block of WebAssembly memory: the heap, the packet pool, and the
// views through which TypeScript reads and writes it.

import { inspect } from "node:util";
import * as layout from "../../assembly/layout.js";
import { SluiceError } from "../sluice-error.js";
import { instantiateKernels, type Kernels, makeMemory, type WasmMemory } from "./kernels.js";
import { instantiatePlugin } from "./plugin-kernels.js";

export interface MemoryOptions {
  /**
   * Bytes of address space for everything the router holds, at most MEMORY_MOST; rounded up to what `slots` need. Only
   * touched pages cost memory. Default: MEMORY_MOST, or as much of it as the system gives.
   */
  readonly bytes?: number;
  /** Packets held at most; there is room for as many, whatever tables take. Default: as many as there is room for. */
  readonly slots?: number;
  /** Bytes of headroom, data and tailroom of a usual packet; a multiple of 64 from 256 on. Default 2,048. */
  readonly bufferSize?: number;
  /** Bytes before the data of a fresh packet; it leaves 128 bytes at least. Default 128. */
  readonly headroom?: number;
}

/** Bytes of a memory's staging area. */
export const STAGE_BYTES = 131072;
/** Behind it, so that kernels may copy whole vectors. */
const STAGE_SPARE = 16;

const PAGE = 65536;
/** MiB of the largest memory: above 2 GiB addresses would reach TypeScript negative. */
export const MEMORY_MIB = 2047;
/** Its bytes. */
export const MEMORY_MOST: number = MEMORY_MIB * 2 ** 20;
/** The default memory's least size, where the system gives no more. */
const MEMORY_LEAST = 2 ** 28;
/** Slots that any memory has room for. */
const SLOTS_LEAST = 16;
/** The share of a memory, one in so many bytes, that packets leave to tables, and tables to packets. */
const SHARE = 8;

/** The memory would not hold what was asked of it. */
export class MemoryError extends SluiceError {
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
  /** Packets that it can hold. */
  readonly slots: number;
  /** Bytes of a usual packet's buffer. */
  readonly bufferSize: number;
  readonly headroom: number;
  /** Bytes of the longest packet. */
  readonly longest: number;
  #stage = 0;

  /** Throws MemoryError. */
  constructor(options: MemoryOptions = {}) {
    this.bufferSize = options.bufferSize ?? layout.BUFFER_SIZE;
    this.headroom = options.headroom ?? layout.HEADROOM;
    check(options, this.bufferSize, this.headroom);
    this.longest = Math.max(this.bufferSize, layout.LARGEST_BUFFER);
    const stride = layout.SLOT_META + this.bufferSize;
    // A slot takes its place on the stack of free ones, too.
    const needed = (slots: number): number => layout.HEADER_SIZE + slots * (stride + 4) + 2 * PAGE;
    const least = needed(options.slots ?? SLOTS_LEAST);
    if (least > MEMORY_MOST) {
      throw new MemoryError(
        `${options.slots} slots do not fit: packets have ${MEMORY_MIB} MiB at most, which is room for ${Math.floor((MEMORY_MOST - needed(0)) / (stride + 4))}`,
      );
    }
    this.memory = makeLargest(options.bytes, least);
    const { buffer } = this.memory;
    // Kernels read whole vectors, and headers where they may be: what is behind the last packet belongs to nobody.
    const end = buffer.byteLength - PAGE;
    const given = options.slots !== undefined;
    this.slots = options.slots ?? Math.floor(((end - needed(0)) * (1 - 1 / SHARE)) / (stride + 4));
    const heap = align(layout.HEADER_SIZE + this.slots * 4, 4096);
    const slots = this.slots * stride;
    const heapEnd = end - (given ? slots : Math.floor((end - heap) / SHARE));
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.set32(layout.POOL_STACK, layout.HEADER_SIZE);
    this.set32(layout.POOL_FRESH, end);
    this.set32(layout.POOL_FLOOR, given ? heap + Math.floor((heapEnd - heap) / SHARE) : end - slots);
    this.set32(layout.POOL_MOST, this.slots);
    this.set32(layout.POOL_STRIDE, stride);
    this.set32(layout.POOL_HEADROOM, this.headroom);
    this.set32(layout.HEAP_NEXT, heap);
    this.set32(layout.HEAP_END, heapEnd);
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
    return this.get32(layout.POOL_MADE) - this.get32(layout.POOL_TOP);
  }

  /** How often there was no room for a packet. */
  get exhausted(): number {
    return this.get64(layout.POOL_EXHAUSTED);
  }
}

function check(options: MemoryOptions, bufferSize: number, headroom: number): void {
  const whole = (n: number | undefined, least: number): boolean =>
    n === undefined || (Number.isInteger(n) && n >= least);
  const { bytes, slots } = options;
  if (!whole(bytes, 1) || (bytes ?? 0) > MEMORY_MOST)
    throw new MemoryError(`a memory has 1 to ${MEMORY_MOST} bytes (${MEMORY_MIB} MiB), not ${bytes}`);
  if (!whole(slots, 1)) throw new MemoryError(`a memory has a whole number of slots from 1 on, not ${slots}`);
  if (!whole(bufferSize, 256) || bufferSize % 64 !== 0)
    throw new MemoryError(`a packet's buffer has a multiple of 64 bytes from 256 on, not ${bufferSize}`);
  if (!whole(headroom, 0) || headroom > bufferSize - 128)
    throw new MemoryError(
      `the headroom is 0 to ${bufferSize - 128} bytes of a buffer of ${bufferSize}, not ${headroom}`,
    );
}

/** A memory of `bytes` bytes, not fewer than `least`; where it may choose, the largest that the system gives. */
function makeLargest(bytes: number | undefined, least: number): WasmMemory {
  for (let size = bytes ?? MEMORY_MOST; ; size /= 2) {
    const pages = Math.ceil(Math.max(size, least) / PAGE);
    try {
      return makeMemory(pages);
    } catch (error) {
      if (bytes === undefined && size / 2 >= Math.max(MEMORY_LEAST, least)) continue;
      throw new MemoryError(
        `the system gives no ${pages / 16} MiB of address space for a router's memory (${(error as Error).message}): make it with a smaller one`,
      );
    }
  }
}

function align(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}
