// What ARPTable keeps and several ARPQueriers may share: IPv4 neighbours, with Click's rules for their age.

import { ipBytes } from "../../net/address.js";
import type { PacketMemory } from "../../packet/memory.js";
import { type Neighbour, NeighbourTable } from "../../packet/neighbour-table.js";

const SECOND = 1e9;
/** No neighbour is asked for more often than this; once `PATIENT` questions stayed unanswered, `SLOW_GAP`. */
const FAST_GAP = SECOND / 10;
const SLOW_GAP = 2 * SECOND;
const PATIENT = 10;

/** Stands for a hardware address that is not known. */
export const UNKNOWN_MAC: Uint8Array = new Uint8Array(6).fill(0xff);

/** IPv4 neighbours that expire `timeout` after they were last heard of. */
export class ARPCache {
  readonly table: NeighbourTable;
  /** Nanoseconds; Infinity: never. */
  timeout = 300 * SECOND;

  /** `dropsAt`: address of the counter of waiting packets dropped. Throws MemoryError. */
  constructor(memory: PacketMemory, seed: number, dropsAt: number) {
    this.table = new NeighbourTable(memory, seed, dropsAt);
  }

  /** Whether its hardware address is known and has not expired. */
  known(neighbour: Neighbour, now: number): boolean {
    return neighbour.known && now - neighbour.live <= this.timeout;
  }

  /** Whether it may be asked for now; then it counts as asked. */
  mayAsk(neighbour: Neighbour, now: number): boolean {
    if (now < neighbour.quiet) return false;
    neighbour.queries++;
    neighbour.quiet = now + (neighbour.queries >= PATIENT ? SLOW_GAP : FAST_GAP);
    return true;
  }

  /** The neighbour whose IPv4 address lies at `address`, made where it is not known yet; null without memory for it. */
  ensure(address: number, now: number): Neighbour | null {
    const key = this.table.key4(address);
    const found = this.table.find(key);
    if (found !== undefined) return found;
    const { entryCapacity } = this.table;
    if (entryCapacity > 0 && this.table.size >= entryCapacity) this.slim(now, entryCapacity - 1);
    const made = this.table.add(this.table.key4(address));
    if (made === null) return null;
    made.setMac(UNKNOWN_MAC);
    made.live = now;
    made.quiet = now;
    return made;
  }

  /** Removes the expired, and the oldest above `limit`. */
  slim(
    now: number,
    limit = this.table.entryCapacity === 0 ? Number.POSITIVE_INFINITY : this.table.entryCapacity,
  ): void {
    for (;;) {
      const { oldest } = this.table;
      if (oldest === undefined) return;
      if (now - oldest.live <= this.timeout && this.table.size <= limit) return;
      this.table.remove(oldest);
    }
  }

  /**
   * Notes that the IPv4 address at `address` has the hardware address `mac` (6 bytes; the broadcast address:
   * that it is not known). Null without memory for it.
   */
  insert(address: number, mac: Uint8Array, now: number): Neighbour | null {
    const neighbour = this.ensure(address, now);
    if (neighbour === null) return null;
    neighbour.setMac(mac);
    neighbour.known = mac.some((byte) => byte !== 0xff);
    neighbour.live = now;
    neighbour.queries = 0;
    neighbour.quiet = now;
    this.table.touch(neighbour);
    return neighbour;
  }

  /** Drops everything. */
  clear(): void {
    this.table.clear();
  }

  destroy(): void {
    this.table.destroy();
  }

  /** Puts the 4 bytes of an IPv4 address (host order) where `ensure` and `insert` can read them. */
  place(address: number): number {
    return this.table.keyOf(ipBytes(address));
  }

  /** Seconds since `neighbour` was last heard of, to the millisecond, as Click prints them. */
  age(neighbour: Neighbour, now: number): string {
    const ms = Math.floor(now / 1e6) - Math.floor(neighbour.live / 1e6);
    return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}000`;
  }
}
