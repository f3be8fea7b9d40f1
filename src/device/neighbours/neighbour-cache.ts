// What the caches of IPv4 and of IPv6 neighbours have in common.

import type { PacketMemory } from "../../packet/memory.js";
import { type Neighbour, NeighbourTable } from "../../packet/neighbour-table.js";
import type { Chores } from "../../router/chores.js";

const SECOND = 1e9;

/** Stands for a hardware address that is not known. */
export const UNKNOWN_MAC: Uint8Array = new Uint8Array(6).fill(0xff);

/** How much a cache holds; 0: any number, of TIMEOUT: never. */
export interface CacheLimits {
  /** Packets that may wait, and those that may wait for one neighbour. */
  readonly CAPACITY: number;
  readonly ENTRY_PACKET_CAPACITY: number;
  /** Neighbours. */
  readonly ENTRY_CAPACITY: number;
  /** Seconds after which a neighbour not heard of is forgotten. */
  readonly TIMEOUT: number;
}

/** Neighbours and the packets that wait for them; who is asked, and who is forgotten, is its protocol's to say. */
export abstract class NeighbourCache {
  readonly table: NeighbourTable;
  /** Nanoseconds after which a neighbour not heard of is forgotten; Infinity: never. */
  timeout = 300 * SECOND;

  /** `dropsAt`: address of the counter of waiting packets dropped. Throws MemoryError. */
  constructor(memory: PacketMemory, seed: number, dropsAt: number) {
    this.table = new NeighbourTable(memory, seed, dropsAt);
  }

  limit({ CAPACITY, ENTRY_PACKET_CAPACITY, ENTRY_CAPACITY, TIMEOUT }: CacheLimits): void {
    this.table.packetCapacity = CAPACITY;
    this.table.entryPacketCapacity = ENTRY_PACKET_CAPACITY;
    this.table.entryCapacity = ENTRY_CAPACITY;
    this.timeout = TIMEOUT === 0 ? Number.POSITIVE_INFINITY : TIMEOUT * SECOND;
  }

  /**
   * The neighbour whose address is at `key` (16 bytes), made, and not asked for yet, where it is not there at `now`; null
   * when the table is full or without memory for it.
   */
  ensure(key: number, now: number): Neighbour | null {
    const { table } = this;
    const found = table.find(key);
    if (found !== undefined) return found;
    const full = table.entryCapacity > 0 && table.size >= table.entryCapacity;
    if (full && !this.makeRoom(now)) return null;
    const made = table.add(key);
    if (made === null) return null;
    made.setMac(UNKNOWN_MAC);
    this.begin(made, now);
    return made;
  }

  /** Makes room for one in a table that is full; false when nobody is to go for it. */
  protected abstract makeRoom(now: number): boolean;

  /** Sets up what the protocol keeps of a neighbour just made. */
  protected abstract begin(neighbour: Neighbour, now: number): void;

  /** Drops everything: what there is much of by and by, among the router's chores. */
  clear(chores: Chores): void {
    this.table.clear();
    this.#leave(chores);
  }

  /** Drops what waits and gives the memory back, as `clear` does. Idempotent. */
  destroy(chores: Chores): void {
    this.table.destroy();
    this.#leave(chores);
  }

  #leave(chores: Chores): void {
    if (this.table.work()) chores.add(() => this.table.work());
  }
}
