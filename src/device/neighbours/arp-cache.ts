// What ARPTable keeps and several ARPQueriers may share: IPv4 neighbours, with Click's rules for their age.

import { ipBytes } from "../../net/address.js";
import type { Neighbour } from "../../packet/neighbour-table.js";
import { NeighbourCache } from "./neighbour-cache.js";

const SECOND = 1e9;
/** No neighbour is asked for more often than this; once `PATIENT` questions stayed unanswered, `SLOW_GAP`. */
const FAST_GAP = SECOND / 10;
const SLOW_GAP = 2 * SECOND;
const PATIENT = 10;
/** Neighbours that are forgotten at once: some 0.1 ms. */
const SLIMMED_AT_ONCE = 128;
/** Nanoseconds of rest before the next ones. */
export const SLIM_REST = 1e6;

/** IPv4 neighbours that expire `timeout` after they were last heard of. */
export class ARPCache extends NeighbourCache {
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

  protected override makeRoom(now: number): boolean {
    this.slim(now, this.table.entryCapacity - 1);
    return true;
  }

  protected override begin(neighbour: Neighbour, now: number): void {
    neighbour.live = now;
    neighbour.quiet = now;
  }

  /** Removes the expired, and the oldest above `limit`: as many as may go at once. Returns whether there are more. */
  slim(
    now: number,
    limit = this.table.entryCapacity === 0 ? Number.POSITIVE_INFINITY : this.table.entryCapacity,
  ): boolean {
    for (let left = SLIMMED_AT_ONCE; ; left--) {
      const { oldest } = this.table;
      if (oldest === undefined) return false;
      if (now - oldest.live <= this.timeout && this.table.size <= limit) return false;
      if (left === 0) return true;
      this.table.remove(oldest);
    }
  }

  /** The key of an IPv4 address (host order) in the table: good until the next call. */
  keyOf(address: number): number {
    return this.table.keyOf(ipBytes(address));
  }

  /**
   * Notes that an IPv4 address (host order) has the hardware address `mac` (6 bytes; UNKNOWN_MAC: that it is not known).
   * Null without memory for it.
   */
  insert(address: number, mac: Uint8Array, now: number): Neighbour | null {
    const neighbour = this.ensure(this.keyOf(address), now);
    if (neighbour === null) return null;
    neighbour.setMac(mac);
    neighbour.known = mac.some((byte) => byte !== 0xff);
    neighbour.live = now;
    neighbour.queries = 0;
    neighbour.quiet = now;
    this.table.touch(neighbour);
    return neighbour;
  }

  /** Seconds since `neighbour` was last heard of, to the millisecond, as Click prints them. */
  age(neighbour: Neighbour, now: number): string {
    const ms = Math.floor(now / 1e6) - Math.floor(neighbour.live / 1e6);
    return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}000`;
  }
}
