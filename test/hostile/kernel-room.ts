// Where a kernel is run on hostile packets: a memory full of canaries, and a
// round that is played twice, with other garbage around the packets.

import * as layout from "../../assembly/layout.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { type Random, SeededRandom } from "../../src/router/random.js";
import { bufferOf } from "../slot-canary.js";
import {
  Canaries,
  drawPlacement,
  garbage,
  LARGE_SIZES,
  newPlacement,
  type Placement,
  place,
  takeSlot,
} from "./canary.js";
import type { HostilePackets } from "./generator.js";

/** Packets of a round that may be in large buffers. */
export const LARGE = 3;

/** Packets in a round, at most. */
export const ROUND = layout.BATCH_MAX;

/** What a kernel's driver says of the batch it was given. */
export interface Outcome {
  /** Packets still in the batch, and those in the second one. */
  readonly kept: number;
  readonly moved: number;
  /** Packets it took from the pool beyond those it was given (they are in the batches). */
  readonly made?: number;
  /** Packets it gave back to the pool. */
  readonly given?: number;
  /** Whatever else it returned. */
  readonly values?: readonly number[];
}

/** One of the two memories. Both go through the same calls, so their addresses agree. */
export class Room {
  readonly memory: PacketMemory;
  readonly canaries: Canaries;
  readonly noise: Uint8Array;
  /** Two arrays of handles: the batch, and where a kernel puts what leaves it. */
  readonly batch: number;
  readonly out: number;
  readonly states: { address: number; size: number }[] = [];
  /** Draws the same in both rooms. */
  random: Random = new SeededRandom(0);

  constructor(bufferSize: number, noise: Uint8Array) {
    this.memory = new PacketMemory({ bytes: 24 * 2 ** 20, slots: 4 * ROUND, bufferSize, headroom: 128 });
    this.canaries = new Canaries(this.memory);
    this.noise = noise;
    this.batch = this.memory.alloc(ROUND * 4);
    this.canaries.guard(ROUND * 4);
    this.out = this.memory.alloc(ROUND * 4);
    this.canaries.guard(ROUND * 4);
  }

  get kernels(): PacketMemory["kernels"] {
    return this.memory.kernels;
  }

  /** Zeroed state of a kernel, compared between the rooms and freed after the round. */
  state(size: number): number {
    const address = this.memory.alloc(size);
    this.states.push({ address, size });
    return address;
  }

  at(i: number): number {
    return this.memory.get32(this.batch + i * 4);
  }

  clear(): void {
    for (const { address, size } of this.states) this.memory.free(address, size);
    this.states.length = 0;
  }
}

export type Driver = (room: Room, count: number) => Outcome;

interface Drawn {
  readonly bytes: Uint8Array;
  readonly placement: Placement;
}

/** Runs one kernel round after round in two rooms. Every problem is thrown, with the seed that brings it back. */
export class KernelTrial {
  readonly #rooms: readonly Room[];
  readonly #packets: HostilePackets;
  readonly #random: Random;
  readonly #drawn: readonly Drawn[];
  readonly #size: number;
  packets = 0;

  constructor(packets: HostilePackets, random: Random, bufferSize: number) {
    this.#packets = packets;
    this.#random = random;
    this.#size = bufferSize;
    this.#rooms = [garbage(random), garbage(random)].map((noise) => new Room(bufferSize, noise));
    this.#drawn = Array.from({ length: ROUND }, (_, i) => ({
      bytes: new Uint8Array(i < LARGE ? layout.LARGEST_BUFFER : bufferSize),
      placement: newPlacement(),
    }));
  }

  /** One round of `drive`. */
  round(drive: Driver): void {
    const random = this.#random;
    const count = [0, 1, ROUND, random.below(ROUND + 1)][random.below(4)] || random.below(64);
    const large = random.below(4) === 0 ? LARGE : 0;
    for (let i = 0; i < count; i++) this.#draw(this.#drawn[i], i < large);
    const seed = random.u32();
    const shift = random.below(8192);
    const results = this.#rooms.map((room) => this.#play(room, drive, count, seed, shift));
    for (const [i, slots] of results[0].slots.entries()) this.#same(slots, i);
    for (const { address, size } of this.#rooms[0].states) this.#sameBytes(address, size, "its state");
    const [a, b] = results.map((r) => JSON.stringify(r.outcome));
    if (a !== b) throw new Error(`returned ${a}, but ${b} with other bytes around the packets`);
    for (const room of this.#rooms) this.#finish(room, results[0].outcome, count);
    this.packets += count;
  }

  #draw({ bytes, placement }: Drawn, large: boolean): void {
    const random = this.#random;
    let length = this.#packets.next(this.#size);
    bytes.set(this.#packets.bytes.subarray(0, length));
    let size = this.#size;
    if (large) {
      size = Math.max(size, LARGE_SIZES[random.below(LARGE_SIZES.length)]);
      length = stretched(bytes, length, size, random);
    }
    drawPlacement(placement, random, length, size, 128);
  }

  #play(
    room: Room,
    drive: Driver,
    count: number,
    seed: number,
    shift: number,
  ): { outcome: Outcome; slots: number[] } {
    const { memory } = room;
    room.random = new SeededRandom(seed);
    memory.u32.fill(0, room.batch >>> 2, (room.batch >>> 2) + ROUND);
    memory.u32.fill(0, room.out >>> 2, (room.out >>> 2) + ROUND);
    const given: number[] = [];
    for (let i = 0; i < count; i++) {
      const { bytes, placement } = this.#drawn[i];
      const slot = takeSlot(memory, placement);
      place(memory, slot, bytes, placement, room.noise, shift + i);
      memory.set32(room.batch + i * 4, slot);
      given.push(slot);
    }
    const outcome = drive(room, count);
    const { kept, moved, made = 0, given: back = 0 } = outcome;
    if (kept + moved + back !== count + made)
      throw new Error(
        `${count} packets in and ${made} made, but ${kept} + ${moved} out and ${back} given back`,
      );
    const list = (address: number, n: number): number[] =>
      Array.from({ length: n }, (_, i) => memory.get32(address + i * 4));
    const slots = [...list(room.batch, kept), ...list(room.out, moved)];
    if (new Set(slots).size !== slots.length) throw new Error("a packet is in the batches twice");
    if (made === 0 && back === 0 && slots.some((slot) => !given.includes(slot)))
      throw new Error("a packet in the batches is not one of those given");
    for (const slot of slots) inBounds(memory, slot);
    // Both ways out keep the order.
    if (made === 0 && back === 0) {
      const places = new Map(given.map((slot, i) => [slot, i]));
      for (const part of [slots.slice(0, kept), slots.slice(kept)])
        if (part.some((slot, i) => i > 0 && places.get(part[i - 1])! > places.get(slot)!))
          throw new Error("the packets' order changed");
    }
    return { outcome, slots };
  }

  #same(slot: number, i: number): void {
    const [a, b] = this.#rooms;
    this.#sameBytes(slot, layout.SLOT_META, `packet ${i}'s metadata`);
    const data = a.memory.get32(slot + layout.SLOT_DATA);
    const length = a.memory.get32(slot + layout.SLOT_LENGTH);
    if (b.memory.get32(slot + layout.SLOT_LENGTH) === length)
      this.#sameBytes(data, length, `packet ${i}'s data`);
  }

  #sameBytes(address: number, size: number, what: string): void {
    const [a, b] = this.#rooms.map((room) => Buffer.from(room.memory.memory.buffer, address, size));
    if (a.equals(b)) return;
    const at = a.findIndex((byte, i) => byte !== b[i]);
    throw new Error(
      `read outside the packets: byte ${at} of ${what} is ${a[at]}, or ${b[at]} with other bytes around them`,
    );
  }

  #finish(room: Room, outcome: Outcome, count: number): void {
    const { memory, canaries } = room;
    const { kept, moved, made = 0, given = 0 } = outcome;
    canaries.check();
    if (canaries.inUse !== count + made - given)
      throw new Error(`${canaries.inUse} slots in use, not ${count + made - given}`);
    memory.kernels.poolGiveBatch(room.out, moved);
    memory.kernels.poolGiveBatch(room.batch, kept);
    canaries.checkPool();
    room.clear();
  }
}

/** Throws unless the packet's data lies within its buffer. */
export function inBounds(memory: PacketMemory, slot: number): void {
  const data = memory.get32(slot + layout.SLOT_DATA);
  const end = data + memory.get32(slot + layout.SLOT_LENGTH);
  const [start, after] = bufferOf(memory, slot);
  if (data < start || end > after)
    throw new Error(`data from ${data - start} to ${end - start} of a buffer of ${after - start}`);
}

/** Makes the packet of `length` bytes longer, up to `most`, mostly with the length in its IP header. */
export function stretched(bytes: Uint8Array, length: number, most: number, random: Random): number {
  const to = Math.max(length, [most, Math.min(most, 9000), random.below(most + 1)][random.below(3)]);
  bytes.fill(random.below(256), length, to);
  if (random.below(4) > 0 && length >= 40) {
    const six = bytes[0] >> 4 === 6;
    new DataView(bytes.buffer).setUint16(six ? 4 : 2, Math.min(to, 65535) - (six ? 40 : 0));
  }
  return to;
}
