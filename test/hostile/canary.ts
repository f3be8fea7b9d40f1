// A router's memory in which every other slot, and the room around every
// block of the heap, is a canary: what writes beyond its own is found out.

import * as layout from "../../assembly/layout.js";
import type { PacketMemory } from "../../src/packet/memory.js";
import type { Random } from "../../src/router/random.js";

const CANARY = 0xa5;
/** Per size class: blocks kept as canaries, with as many free ones between them. */
const SMALL_BLOCKS = 6;
const LARGE_BLOCKS = 4;

interface Block {
  readonly address: number;
  readonly size: number;
}

export class Canaries {
  readonly memory: PacketMemory;
  /** Slots that packets may use: the even ones. */
  readonly usable: number;
  readonly #bytes: Buffer;
  readonly #pattern: Buffer;
  readonly #slots: number[] = [];
  readonly #blocks: Block[] = [];
  readonly #seen: Uint8Array;

  /** Takes every other slot of `memory`, which must be fresh, and lays blocks through its heap. */
  constructor(memory: PacketMemory) {
    this.memory = memory;
    this.#bytes = Buffer.from(memory.memory.buffer);
    this.#pattern = Buffer.alloc(Math.max(memory.stride, 65536), CANARY);
    this.#seen = new Uint8Array(memory.slots);
    const free: number[] = [];
    for (let i = 0; i < memory.slots; i++) (i % 2 === 0 ? free : this.#slots).push(memory.kernels.poolTake());
    for (const slot of free.reverse()) memory.kernels.poolGive(slot);
    this.usable = free.length;
    for (const slot of this.#slots) this.#fill(slot, memory.stride);
    for (let size = 16; size <= 512; size += 16) this.#checker(size, SMALL_BLOCKS);
    for (let size = 1024; size <= 16384; size *= 2) this.#checker(size, LARGE_BLOCKS);
    this.guard(4096);
  }

  /** Allocates a canary block, so that what is allocated next has it for a neighbour. */
  guard(size: number): void {
    const address = this.memory.alloc(size);
    this.#blocks.push({ address, size });
    this.#fill(address, size);
  }

  /** Makes the next allocations of this size class come from between canaries. */
  #checker(size: number, count: number): void {
    const free: number[] = [];
    for (let i = 0; i < count; i++) {
      free.push(this.memory.alloc(size));
      this.guard(size);
    }
    for (const address of free) this.memory.free(address, size);
  }

  #fill(address: number, size: number): void {
    this.memory.u8.fill(CANARY, address, address + size);
  }

  /** Throws when a canary was written to. */
  check(): void {
    const { stride } = this.memory;
    for (const slot of this.#slots) this.#intact(slot, stride, "the neighbouring slot");
    for (const { address, size } of this.#blocks)
      this.#intact(address, size, "a block of the heap not its own");
    for (let i = 0; i < 64; i++)
      if (this.memory.u8[i] !== 0) throw new Error(`wrote to address ${i}, where nothing may be`);
  }

  #intact(address: number, size: number, what: string): void {
    const bytes = this.#bytes;
    if (bytes.compare(this.#pattern, 0, size, address, address + size) === 0) return;
    let at = 0;
    while (bytes[address + at] === CANARY) at++;
    throw new Error(`wrote into ${what}: byte ${at} of ${size} is ${bytes[address + at]}`);
  }

  /** Slots in use, without the canaries. */
  get inUse(): number {
    return this.memory.slotsUsed - this.#slots.length;
  }

  /** Throws when the free stack holds a slot twice, a canary's, or what is no slot. */
  checkPool(): void {
    const { memory } = this;
    const top = memory.get32(layout.POOL_TOP);
    const stack = memory.get32(layout.POOL_STACK);
    const start = memory.get32(layout.POOL_START);
    if (top > this.usable) throw new Error(`${top} free slots of ${this.usable}: one was given back twice`);
    this.#seen.fill(0);
    for (let i = 0; i < top; i++) {
      const slot = memory.get32(stack + i * 4);
      const n = (slot - start) / memory.stride;
      if (!Number.isInteger(n) || n < 0 || n >= memory.slots)
        throw new Error(`${slot} on the free stack is no slot`);
      if (n % 2 === 1) throw new Error(`slot ${n}, which was never given out, was given back`);
      if (this.#seen[n] === 1) throw new Error(`slot ${n} was given back twice`);
      this.#seen[n] = 1;
    }
  }
}

/** How a packet lies in its slot, and what its metadata claims: everything the packet's sender or earlier elements decide. */
export interface Placement {
  length: number;
  data: number;
  mac: number;
  network: number;
  transport: number;
  readonly meta: Uint8Array;
}

export function newPlacement(): Placement {
  return { length: 0, data: 0, mac: 0, network: 0, transport: 0, meta: new Uint8Array(layout.SLOT_META) };
}

/** Draws a place for `length` bytes in a buffer of `size`: at its very start, its very end, in the usual place, or anywhere. Offsets are from the slot's start; 0 = unset. */
export function drawPlacement(
  into: Placement,
  random: Random,
  length: number,
  size: number,
  headroom: number,
): void {
  const spare = size - length;
  const where = [0, spare, Math.min(headroom, spare), random.below(spare + 1)][random.below(4)];
  into.length = length;
  into.data = layout.SLOT_META + where;
  const end = into.data + length;
  // What an earlier element left: nothing, the truth, or something that no longer lies within the data.
  const pointer = (truth: number): number => {
    const kind = random.below(8);
    if (kind < 2) return 0;
    if (kind < 6) return Math.min(truth, end);
    return layout.SLOT_META + random.below(size + 1);
  };
  const version = random.below(3);
  const network = into.data + (random.below(3) === 0 ? 14 : 0);
  into.mac = pointer(into.data);
  into.network = pointer(network);
  into.transport = pointer(network + [20, 40, 24][version]);
  const { meta } = into;
  meta.fill(0);
  if (random.below(4) === 0) {
    for (let i = layout.SLOT_ANNO; i < layout.SLOT_ANNO + layout.ANNO_SIZE; i++) meta[i] = random.below(256);
    meta[layout.SLOT_PACKET_TYPE] = random.below(5);
  }
  if (random.below(8) === 0) {
    // What a virtio header may claim.
    meta[layout.SLOT_FLAGS] = random.below(4);
    const view = new DataView(meta.buffer);
    view.setUint16(
      layout.SLOT_CSUM_START,
      [20, 34, 0, length, 0xffff, random.below(length + 2)][random.below(6)],
      true,
    );
    view.setUint16(layout.SLOT_CSUM_OFFSET, [16, 6, 0, 0xfffe, random.below(64)][random.below(5)], true);
    view.setUint16(layout.SLOT_GSO_SIZE, random.below(3) === 0 ? random.below(65536) : 0, true);
  }
  meta[layout.SLOT_IID] = random.below(3);
}

/** Bytes that stand where no packet's data is: different in the two worlds that must come to the same result. */
export function garbage(random: Random): Uint8Array {
  return Uint8Array.from({ length: 16384 }, () => random.below(256));
}

/** Writes the packet into `slot`, with garbage from `noise` at `shift` around its data. */
export function place(
  memory: PacketMemory,
  slot: number,
  packet: Uint8Array,
  p: Placement,
  noise: Uint8Array,
  shift: number,
): void {
  const { u8 } = memory;
  u8.set(p.meta, slot);
  u8.set(noise.subarray(shift, shift + memory.bufferSize), slot + layout.SLOT_META);
  u8.set(packet.subarray(0, p.length), slot + p.data);
  memory.set32(slot + layout.SLOT_DATA, slot + p.data);
  memory.set32(slot + layout.SLOT_LENGTH, p.length);
  memory.set32(slot + layout.SLOT_MAC, p.mac === 0 ? 0 : slot + p.mac);
  memory.set32(slot + layout.SLOT_NETWORK, p.network === 0 ? 0 : slot + p.network);
  memory.set32(slot + layout.SLOT_TRANSPORT, p.transport === 0 ? 0 : slot + p.transport);
}
