// A cursor over one packet, for slow paths and prototypes. It is bound to a
// slot with `at` and reads and writes the router's memory in place: one cursor
// serves any number of packets and nothing is allocated per packet.

import { inspect } from "node:util";
import * as layout from "../../assembly/layout.js";
import { checkArgument, having } from "../options.js";
import type { PacketMemory } from "./memory.js";

const MEMORY = having("a router's memory", "get32", "set32");

export class Packet {
  /** The slot this cursor is on. */
  slot = 0;
  readonly memory: PacketMemory;

  constructor(memory: PacketMemory, slot = 0) {
    checkArgument("Packet", "the memory", memory, MEMORY);
    this.memory = memory;
    this.slot = slot;
  }

  /** Moves the cursor to `slot`. */
  at(slot: number): this {
    this.slot = slot;
    return this;
  }

  [inspect.custom](): string {
    return this.slot === 0 ? "Packet { no slot }" : `Packet { slot ${this.slot}, ${this.length} bytes }`;
  }

  /** Address of the first data byte. */
  get data(): number {
    return this.memory.u32[(this.slot + layout.SLOT_DATA) >>> 2];
  }

  /** Bytes of data. */
  get length(): number {
    return this.memory.u32[(this.slot + layout.SLOT_LENGTH) >>> 2];
  }

  /** Bytes before the data. */
  get headroom(): number {
    return this.data - this.memory.u32[(this.slot + layout.SLOT_BUFFER) >>> 2];
  }

  /** Bytes after the data. */
  get tailroom(): number {
    return this.memory.u32[(this.slot + layout.SLOT_END) >>> 2] - this.data - this.length;
  }

  /** Address of the MAC header, 0 when unset. */
  get macHeader(): number {
    return this.memory.u32[(this.slot + layout.SLOT_MAC) >>> 2];
  }
  set macHeader(address: number) {
    this.memory.u32[(this.slot + layout.SLOT_MAC) >>> 2] = address;
  }

  /** Address of the network header, 0 when unset. */
  get networkHeader(): number {
    return this.memory.u32[(this.slot + layout.SLOT_NETWORK) >>> 2];
  }
  set networkHeader(address: number) {
    this.memory.u32[(this.slot + layout.SLOT_NETWORK) >>> 2] = address;
  }

  /** Address of the transport header, 0 when unset. */
  get transportHeader(): number {
    return this.memory.u32[(this.slot + layout.SLOT_TRANSPORT) >>> 2];
  }
  set transportHeader(address: number) {
    this.memory.u32[(this.slot + layout.SLOT_TRANSPORT) >>> 2] = address;
  }

  /** One of PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST, PACKET_OUTGOING. */
  get packetType(): number {
    return this.memory.u8[this.slot + layout.SLOT_PACKET_TYPE];
  }
  set packetType(type: number) {
    this.memory.u8[this.slot + layout.SLOT_PACKET_TYPE] = type;
  }

  /** Nanoseconds since the epoch; 0n = unset. A BigInt: for slow paths only. */
  get timestamp(): bigint {
    return this.memory.view.getBigUint64(this.slot + layout.SLOT_TIMESTAMP, true);
  }
  set timestamp(ns: bigint) {
    this.memory.view.setBigUint64(this.slot + layout.SLOT_TIMESTAMP, ns, true);
  }

  /** Address of annotation byte `offset` (0..47). */
  anno(offset: number): number {
    return this.slot + layout.SLOT_ANNO + offset;
  }

  /** Byte `i` of the data. */
  u8(i: number): number {
    return this.memory.u8[this.data + i];
  }

  /** Big-endian 16 bits at byte `i` of the data. */
  u16(i: number): number {
    return this.memory.view.getUint16(this.data + i);
  }

  /** Big-endian 32 bits at byte `i` of the data. */
  u32(i: number): number {
    return this.memory.view.getUint32(this.data + i);
  }

  /** The data as a view into the router's memory. Allocates the view: slow paths only. */
  bytes(): Uint8Array {
    return this.memory.u8.subarray(this.data, this.data + this.length);
  }

  /**
   * Replaces the data, keeping the headroom as far as the bytes fit. Returns false (and changes nothing) when there is no
   * room for a packet that long.
   */
  setBytes(bytes: Uint8Array): boolean {
    const { u8, u32, kernels } = this.memory;
    const start = u32[(this.slot + layout.SLOT_BUFFER) >>> 2];
    const end = u32[(this.slot + layout.SLOT_END) >>> 2];
    let { data } = this;
    if (bytes.length <= end - start) data = Math.min(data, end - bytes.length);
    else if (kernels.poolEnlarge(this.slot, 0, bytes.length)) data = this.data;
    else return false;
    u8.set(bytes, data);
    this.#range(data, bytes.length);
    return true;
  }

  /** Prepends `n` bytes (contents undefined); data may move. Returns false (and changes nothing) when there is no room. */
  pushFront(n: number): boolean {
    if (n > this.headroom && this.memory.kernels.makeHeadroom(this.slot, n) === 0) return false;
    this.#range(this.data - n, this.length + n);
    return true;
  }

  /** Removes `n` bytes from the front; at most all of them. */
  pullFront(n: number): void {
    const take = Math.min(n, this.length);
    this.#range(this.data + take, this.length - take);
  }

  /** Appends `n` bytes (contents undefined); data may move. Returns false (and changes nothing) when there is no room. */
  pushBack(n: number): boolean {
    if (n > this.tailroom && !this.memory.kernels.poolEnlarge(this.slot, 0, this.length + n)) return false;
    this.#range(this.data, this.length + n);
    return true;
  }

  /** Removes `n` bytes from the end; at most all of them. */
  pullBack(n: number): void {
    this.#range(this.data, Math.max(0, this.length - n));
  }

  #range(data: number, length: number): void {
    this.memory.u32[(this.slot + layout.SLOT_DATA) >>> 2] = data;
    this.memory.u32[(this.slot + layout.SLOT_LENGTH) >>> 2] = length;
  }
}
