// A router's memory in which every other slot, every other large buffer, and
// the room around every block of the heap, is a canary: what writes beyond its
// own is found out.

import * as layout from "../../assembly/layout.js";
import type { PacketMemory } from "../../src/packet/memory.js";
import type { Random } from "../../src/router/random.js";
import { bufferOf, fillSlot } from "../slot-canary.js";

const CANARY = 0xa5;
/** Per size class: blocks kept as canaries, with as many free ones between them. */
const SMALL_BLOCKS = 6;
const LARGE_BLOCKS = 4;
/** Likewise of each class of large buffers. */
const LARGE_BUFFERS = 2;
export const LARGE_SIZES: readonly number[] = [
  layout.LARGE_1,
  layout.LARGE_2,
  layout.LARGE_3,
  layout.LARGE_4,
  layout.LARGE_5,
];

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
  readonly #free: ReadonlySet<number>;

  /** Takes every other slot of `memory`, which must be fresh, and lays blocks through its heap. */
  constructor(memory: PacketMemory) {
    this.memory = memory;
    this.#bytes = Buffer.from(memory.memory.buffer);
    this.#pattern = Buffer.alloc(Math.max(memory.longest, 65536), CANARY);
    const free: number[] = [];
    for (let i = 0; i < memory.slots; i++) (i % 2 === 0 ? free : this.#slots).push(memory.kernels.poolTake());
    for (const slot of free.reverse()) memory.kernels.poolGive(slot);
    this.usable = free.length;
    this.#free = new Set(free);
    for (const slot of this.#slots) fillSlot(memory, slot, CANARY);
    for (const size of LARGE_SIZES) this.#checkerBuffers(size);
    for (let size = 16; size <= 512; size += 16) this.#checker(size, SMALL_BLOCKS);
    for (let power = 512; power < 16384; power *= 2)
      for (let quarter = 5; quarter <= 8; quarter++) this.#checker((power * quarter) / 4, LARGE_BLOCKS);
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

  /** Makes the next large buffers of this size come from between canaries. */
  #checkerBuffers(size: number): void {
    if (size <= this.memory.bufferSize) return;
    const { memory } = this;
    const slots = Array.from({ length: 2 * LARGE_BUFFERS }, () => memory.kernels.poolTakeRoom(0, size));
    for (const [i, slot] of slots.entries()) {
      if (i % 2 === 1) {
        // The slot keeps its own buffer only: this one is nobody's.
        const address = memory.get32(slot + layout.SLOT_BUFFER);
        this.#blocks.push({ address, size });
        this.#fill(address, size);
        memory.set32(slot + layout.SLOT_BUFFER, slot + layout.SLOT_META);
        memory.set32(slot + layout.SLOT_END, slot + layout.SLOT_META + memory.bufferSize);
        memory.set32(slot + layout.SLOT_OWNER, layout.OWNER_SLOT);
      }
      memory.kernels.poolGive(slot);
    }
  }

  #fill(address: number, size: number): void {
    this.memory.u8.fill(CANARY, address, address + size);
  }

  /** Throws when a canary was written to. */
  check(): void {
    for (const slot of this.#slots) this.#slotIntact(slot);
    for (const { address, size } of this.#blocks)
      this.#intact(address, size, "a block of the heap, or a buffer, not its own");
    for (let i = 0; i < 64; i++)
      if (this.memory.u8[i] !== 0) throw new Error(`wrote to address ${i}, where nothing may be`);
  }

  #slotIntact(slot: number): void {
    const { memory } = this;
    const what = "the neighbouring slot";
    this.#intact(slot, layout.SLOT_COPIED, what);
    const buffer = slot + layout.SLOT_META;
    if (
      memory.get32(slot + layout.SLOT_BUFFER) !== buffer ||
      memory.get32(slot + layout.SLOT_END) !== buffer + memory.bufferSize ||
      memory.get32(slot + layout.SLOT_OWNER) !== layout.OWNER_SLOT
    )
      throw new Error(`wrote into ${what}: where its buffer is`);
    this.#intact(buffer, memory.bufferSize, what);
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
    if (top > this.usable) throw new Error(`${top} free slots of ${this.usable}: one was given back twice`);
    const seen = new Set<number>();
    for (let i = 0; i < top; i++) {
      const slot = memory.get32(stack + i * 4);
      if (!this.#free.has(slot)) throw new Error(`slot ${slot}, which was never given out, was given back`);
      if (seen.has(slot)) throw new Error(`slot ${slot} was given back twice`);
      if (memory.get32(slot + layout.SLOT_OWNER) !== layout.OWNER_SLOT)
        throw new Error(`slot ${slot} was given back with a buffer that is not its own`);
      seen.add(slot);
    }
    this.#checkBuffers();
  }

  /** Throws when a list of free large buffers holds one twice. */
  #checkBuffers(): void {
    const seen = new Set<number>();
    for (let i = 0; i < layout.LARGE_CLASSES; i++) {
      for (let at = this.memory.get32(layout.POOL_LARGE + i * 4); at !== 0; at = this.memory.get32(at)) {
        if (seen.has(at)) throw new Error(`buffer ${at} was given back twice`);
        seen.add(at);
      }
    }
  }
}

/** How a packet lies in its slot, and what its metadata claims: everything the packet's sender or earlier elements decide. */
export interface Placement {
  /** Bytes of its buffer. */
  size: number;
  length: number;
  data: number;
  mac: number;
  network: number;
  transport: number;
  readonly meta: Uint8Array;
}

export function newPlacement(): Placement {
  return {
    size: 0,
    length: 0,
    data: 0,
    mac: 0,
    network: 0,
    transport: 0,
    meta: new Uint8Array(layout.SLOT_META),
  };
}

/** Draws a place for `length` bytes in a buffer of `size`: at its very start, its very end, in the usual place, or anywhere. Offsets are from SLOT_META bytes before the buffer; 0 = unset. */
export function drawPlacement(
  into: Placement,
  random: Random,
  length: number,
  size: number,
  headroom: number,
): void {
  const spare = size - length;
  const where = [0, spare, Math.min(headroom, spare), random.below(spare + 1)][random.below(4)];
  into.size = size;
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

/** Bytes of garbage laid at a time. */
const PIECE = 4096;

/** Bytes that stand where no packet's data is: different in the two worlds that must come to the same result. */
export function garbage(random: Random): Uint8Array {
  return Uint8Array.from({ length: 16384 }, () => random.below(256));
}

/** Takes a slot with a buffer of the size that the packet's has; 0 without room. */
export function takeSlot(memory: PacketMemory, { size }: Placement): number {
  const { kernels } = memory;
  return size > memory.bufferSize ? kernels.poolTakeRoom(0, size) : kernels.poolTake();
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
  const [start, end] = bufferOf(memory, slot);
  const from = start - layout.SLOT_META;
  u8.set(p.meta.subarray(0, layout.SLOT_COPIED), slot);
  for (let at = start; at < end; at += PIECE)
    u8.set(noise.subarray(shift, shift + Math.min(PIECE, end - at)), at);
  u8.set(packet.subarray(0, p.length), from + p.data);
  memory.set32(slot + layout.SLOT_DATA, from + p.data);
  memory.set32(slot + layout.SLOT_LENGTH, p.length);
  memory.set32(slot + layout.SLOT_MAC, p.mac === 0 ? 0 : from + p.mac);
  memory.set32(slot + layout.SLOT_NETWORK, p.network === 0 ? 0 : from + p.network);
  memory.set32(slot + layout.SLOT_TRANSPORT, p.transport === 0 ? 0 : from + p.transport);
}
