// The slow path's side of the neighbour table: entries, their age, and the packets that wait for them.

import * as layout from "../../assembly/layout.js";
import { LargeMap } from "../collections/large-map.js";
import { MemoryError, type PacketMemory } from "./memory.js";

/** Neighbours that are given back at once: some 0.1 ms. */
const FREED_AT_ONCE = 128;

interface Remains {
  readonly address: number;
  readonly neighbours: Iterator<Neighbour>;
}

/** What the slow path knows of one neighbour beyond the entry in the router's memory, which its fields mirror. */
export class Neighbour {
  /** Address of the entry. */
  readonly entry: number;
  readonly #table: NeighbourTable;
  /** Packets (slots) that wait for the hardware address, the oldest first. */
  readonly waiting: number[] = [];
  /** Queries since it was last heard of. */
  queries = 0;
  /** What the protocol keeps for it (Neighbor Discovery's state). */
  state = 0;
  /** When the protocol acts on it by itself; stopped when it is removed. */
  timer: { unschedule(): void } | null = null;
  /** It said that it is a router. */
  router = false;

  constructor(table: NeighbourTable, entry: number) {
    this.#table = table;
    this.entry = entry;
  }

  /** Address of its 16-byte key. */
  get key(): number {
    return this.entry + layout.NEIGHBOUR_KEY;
  }

  /** Address of its hardware address. */
  get mac(): number {
    return this.entry + layout.NEIGHBOUR_MAC;
  }

  /** Whether its hardware address is known. */
  get known(): boolean {
    return this.#table.memory.get32(this.entry + layout.NEIGHBOUR_KNOWN) === 1;
  }
  set known(known: boolean) {
    this.#table.memory.set32(this.entry + layout.NEIGHBOUR_KNOWN, known ? 1 : 0);
  }

  /** When it was last confirmed, steady nanoseconds. */
  get live(): number {
    return this.#table.memory.view.getFloat64(this.entry + layout.NEIGHBOUR_LIVE, true);
  }
  set live(at: number) {
    this.#table.memory.view.setFloat64(this.entry + layout.NEIGHBOUR_LIVE, at, true);
  }

  /** Until when packets to it need not come to the slow path, though it was not confirmed for a while. */
  get quiet(): number {
    return this.#table.memory.view.getFloat64(this.entry + layout.NEIGHBOUR_QUIET, true);
  }
  set quiet(at: number) {
    this.#table.memory.view.setFloat64(this.entry + layout.NEIGHBOUR_QUIET, at, true);
  }

  /** Whether it is (still) in the table. */
  get present(): boolean {
    return this.#table.has(this);
  }

  /** Whether `mac` (6 bytes) is its hardware address. */
  hasMac(mac: Uint8Array): boolean {
    const { u8 } = this.#table.memory;
    for (let i = 0; i < 6; i++) if (u8[this.mac + i] !== mac[i]) return false;
    return true;
  }

  setMac(mac: Uint8Array): void {
    this.#table.memory.u8.set(mac, this.mac);
  }

  /** A copy of its hardware address. */
  macBytes(): Uint8Array {
    return new Uint8Array(this.#table.memory.u8.slice(this.mac, this.mac + 6));
  }

  /** A copy of the first `length` bytes of its address. */
  address(length: 4 | 16): Uint8Array {
    return new Uint8Array(this.#table.memory.u8.slice(this.key, this.key + length));
  }
}

/**
 * Neighbours by address, in the order in which they were made or confirmed. The kernels `neighbourEncap4` and
 * `neighbourEncap6` read the same entries. Counts what is dropped at `dropsAt`, which its owner sets.
 */
export class NeighbourTable {
  readonly memory: PacketMemory;
  /** Address of the table: the kernels' first argument. Another one after `clear`. */
  address: number;
  /** Address of the 64-bit counter of waiting packets dropped. */
  dropsAt: number;
  /** Packets that may wait for one neighbour, 0 = any number. */
  entryPacketCapacity = 0;
  /** Neighbours, 0 = any number. */
  entryCapacity = 0;
  /** Of a full `packetCapacity`, one packet in this many goes to make room. */
  slimFactor = 2;
  #neighbours = new LargeMap<number, Neighbour>();
  /** Those for which packets wait, in the same order. */
  readonly #holding = new LargeMap<number, Neighbour>();
  /** What was cleared, and is still to be given back. */
  readonly #remains: Remains[] = [];
  readonly #seed: number;
  readonly #scratch: number;
  /** Packets that may ever wait: the answers need slots, too, and without one nothing that waits would ever leave. */
  readonly #most: number;
  #packetCapacity: number;
  #waiting = 0;
  #destroyed = false;

  /** An empty table. `seed` keeps strangers from guessing which addresses share a chain. Throws MemoryError. */
  constructor(memory: PacketMemory, seed: number, dropsAt: number) {
    this.memory = memory;
    this.dropsAt = dropsAt;
    this.#seed = seed;
    this.#most = Math.max(1, memory.slots >>> 3);
    this.#packetCapacity = this.#most;
    this.#scratch = memory.alloc(16);
    this.address = memory.kernels.neighbourCreate(seed) >>> 0;
    if (this.address === 0) {
      memory.free(this.#scratch, 16);
      throw new MemoryError("the router's memory is exhausted: no room for a neighbour table");
    }
  }

  /** Lets all go. The memory is given back by `work`, which is all that may still be called. Idempotent. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#remains.push({ address: this.address, neighbours: this.#neighbours.values() });
    this.#neighbours = new LargeMap();
    this.memory.free(this.#scratch, 16);
    this.work();
  }

  /** Gives back a slice of what was cleared or destroyed, and drops what waited for it; returns whether there is more. */
  work(): boolean {
    const [remains] = this.#remains;
    if (remains === undefined) return false;
    for (let i = 0; i < FREED_AT_ONCE; i++) {
      const { done, value } = remains.neighbours.next();
      if (done) {
        this.memory.kernels.neighbourDestroy(remains.address);
        this.#remains.shift();
        break;
      }
      value.timer?.unschedule();
      this.#dropWaiting(value, value.waiting.length);
      this.memory.kernels.neighbourFree(value.entry);
    }
    return this.#remains.length > 0;
  }

  /** Neighbours in the table. */
  get size(): number {
    return this.#neighbours.size;
  }

  /** Packets that may wait in all: at most an eighth of the router's slots. Setting 0 is asking for as many as that. */
  get packetCapacity(): number {
    return this.#packetCapacity;
  }
  set packetCapacity(packets: number) {
    this.#packetCapacity = packets === 0 ? this.#most : Math.min(packets, this.#most);
  }

  /** Packets that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Oldest first. */
  values(): IterableIterator<Neighbour> {
    return this.#neighbours.values();
  }

  /** The one made or confirmed the longest ago. */
  get oldest(): Neighbour | undefined {
    return this.#neighbours.first?.[1];
  }

  /** The 16-byte key of an IPv4 address that lies at `from`, in the table's scratch room: good until the next call. */
  key4(from: number): number {
    this.memory.u8.copyWithin(this.#scratch, from, from + 4);
    this.memory.u8.fill(0, this.#scratch + 4, this.#scratch + 16);
    return this.#scratch;
  }

  /** The 16-byte key of an address of 4 or 16 bytes, in the table's scratch room: good until the next call. */
  keyOf(address: Uint8Array): number {
    this.memory.u8.fill(0, this.#scratch, this.#scratch + 16);
    this.memory.u8.set(address, this.#scratch);
    return this.#scratch;
  }

  /** The neighbour whose 16-byte key is at `key`. */
  find(key: number): Neighbour | undefined {
    const entry = this.memory.kernels.neighbourFind(this.address, key) >>> 0;
    return entry === 0 ? undefined : this.#neighbours.get(entry);
  }

  /** Makes the neighbour whose 16-byte key is at `key`, which is not in the table yet; null when the memory is exhausted. */
  add(key: number): Neighbour | null {
    const entry = this.memory.kernels.neighbourInsert(this.address, key) >>> 0;
    if (entry === 0) return null;
    const neighbour = new Neighbour(this, entry);
    this.#neighbours.set(entry, neighbour);
    return neighbour;
  }

  has(neighbour: Neighbour): boolean {
    return this.#neighbours.get(neighbour.entry) === neighbour;
  }

  /** Makes it the newest. */
  touch(neighbour: Neighbour): void {
    this.#neighbours.delete(neighbour.entry);
    this.#neighbours.set(neighbour.entry, neighbour);
    if (this.#holding.delete(neighbour.entry)) this.#holding.set(neighbour.entry, neighbour);
  }

  /** Removes it; what waits for it is dropped. */
  remove(neighbour: Neighbour): void {
    neighbour.timer?.unschedule();
    this.#dropWaiting(neighbour, neighbour.waiting.length);
    this.#neighbours.delete(neighbour.entry);
    this.memory.kernels.neighbourRemove(this.address, neighbour.entry);
  }

  /** Removes all. What waits is dropped, and the memory of many given back, by `work`. */
  clear(): void {
    const fresh = this.memory.kernels.neighbourCreate(this.#seed) >>> 0;
    if (fresh === 0) {
      for (const neighbour of this.#neighbours.values()) this.remove(neighbour);
      return;
    }
    this.#remains.push({ address: this.address, neighbours: this.#neighbours.values() });
    this.#neighbours = new LargeMap();
    this.address = fresh;
    this.work();
  }

  /** Whether another packet may wait for it, by `entryPacketCapacity`. */
  hasRoom(neighbour: Neighbour): boolean {
    return this.entryPacketCapacity === 0 || neighbour.waiting.length < this.entryPacketCapacity;
  }

  /** Makes the packet in `slot` wait; where too many wait then, the oldest of the oldest neighbours are dropped. */
  wait(neighbour: Neighbour, slot: number): void {
    if (neighbour.waiting.length === 0) this.#holding.set(neighbour.entry, neighbour);
    neighbour.waiting.push(slot);
    this.#waiting++;
    if (this.#waiting > this.#packetCapacity) this.#slimPackets();
  }

  /** Takes out what waits for it, oldest first. */
  release(neighbour: Neighbour): number[] {
    const packets = neighbour.waiting.splice(0);
    if (packets.length > 0) this.#holding.delete(neighbour.entry);
    this.#waiting -= packets.length;
    return packets;
  }

  /** Drops the oldest packet that waits for it. */
  dropOldest(neighbour: Neighbour): void {
    this.#dropWaiting(neighbour, 1);
  }

  #slimPackets(): void {
    // The packet that is over the limit has come already, and stays.
    const capacity = this.#packetCapacity;
    const target = Math.max(1, capacity - Math.floor(capacity / this.slimFactor));
    for (const neighbour of this.#holding.values()) {
      if (this.#waiting <= target) return;
      this.#dropWaiting(neighbour, Math.min(neighbour.waiting.length, this.#waiting - target));
    }
  }

  #dropWaiting(neighbour: Neighbour, n: number): void {
    if (n === 0) return;
    for (const slot of neighbour.waiting.splice(0, n)) this.memory.kernels.poolGive(slot);
    if (neighbour.waiting.length === 0) this.#holding.delete(neighbour.entry);
    this.#waiting -= n;
    // Whoever counts has gone with the table.
    if (!this.#destroyed) this.memory.add64(this.dropsAt, n);
  }
}
