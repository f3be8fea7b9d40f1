// Mobile hosts in the router's memory: what kernels look packets' EIDs up in.

import {
  HOST_AWAY,
  HOST_EXPECTED,
  HOST_HERE,
  HOST_KIND,
  HOST_NONE,
  HOST_PACKETS,
  HOST_RANGE,
  HOST_SIZE,
} from "../../../assembly/lisp-layout.js";
import { LargeMap } from "../../collections/large-map.js";
import { addressText } from "../../net/address.js";
import type { Prefix } from "../../net/prefix.js";
import type { PacketMemory } from "../../packet/memory.js";
import { PrefixTable, tableAddress } from "../../packet/prefix-table.js";

const KINDS = { here: HOST_HERE, away: HOST_AWAY, expected: HOST_EXPECTED } as const;

/** Which way packets from and to a host go. */
export type HostKind = keyof typeof KINDS;

/** Hosts, dynamic-EID ranges and the site's own prefixes of one instance, in a prefix table of each family. */
export class HostTable {
  readonly four: PrefixTable;
  readonly six: PrefixTable;
  readonly #memory: PacketMemory;
  readonly #none: number;
  readonly #range: number;
  /** Records by the text of their address. */
  readonly #hosts = new LargeMap<string, number>();
  #own: readonly Prefix[] = [];
  #ranges: readonly Prefix[] = [];

  /** Throws MemoryError. */
  constructor(memory: PacketMemory) {
    this.#memory = memory;
    this.four = new PrefixTable(memory, 4);
    this.six = new PrefixTable(memory, 6);
    this.#none = this.#make(HOST_NONE);
    this.#range = this.#make(HOST_RANGE);
  }

  /** Hosts in the table. */
  get size(): number {
    return this.#hosts.size;
  }

  get hasRanges(): boolean {
    return this.#ranges.length > 0;
  }

  /** Says what the dynamic-EID ranges are, and the site's own prefixes, whose hosts are none of them. */
  describe(ranges: readonly Prefix[], own: readonly Prefix[]): void {
    for (const p of [...this.#ranges, ...this.#own])
      this.#table(p.address).remove(tableAddress(p.address), p.length);
    this.#ranges = ranges;
    this.#own = own;
    for (const p of ranges) this.#table(p.address).insert(tableAddress(p.address), p.length, this.#range);
    for (const p of own)
      if (p.length < p.address.length * 8)
        this.#table(p.address).insert(tableAddress(p.address), p.length, this.#none);
  }

  /** Puts a host in, or changes what is said of it. Throws MemoryError. */
  set(eid: Uint8Array, kind: HostKind): void {
    const name = addressText(eid);
    let record = this.#hosts.get(name);
    if (record === undefined) {
      record = this.#make(KINDS[kind]);
      this.#table(eid).insert(tableAddress(eid), eid.length * 8, record);
      this.#hosts.set(name, record);
    }
    this.#memory.set32(record + HOST_KIND, KINDS[kind]);
  }

  delete(eid: Uint8Array): void {
    const name = addressText(eid);
    const record = this.#hosts.get(name);
    if (record === undefined) return;
    this.#table(eid).remove(tableAddress(eid), eid.length * 8);
    this.#memory.free(record, HOST_SIZE);
    this.#hosts.delete(name);
  }

  /** Packets from or to the host that were looked up. */
  packets(eid: Uint8Array): number {
    const record = this.#hosts.get(addressText(eid));
    return record === undefined ? 0 : this.#memory.get64(record + HOST_PACKETS);
  }

  destroy(): void {
    for (const record of [...this.#hosts.values(), this.#none, this.#range])
      this.#memory.free(record, HOST_SIZE);
    this.#hosts.clear();
    this.four.destroy();
    this.six.destroy();
  }

  #make(kind: number): number {
    const record = this.#memory.alloc(HOST_SIZE);
    this.#memory.u8.fill(0, record, record + HOST_SIZE);
    this.#memory.set32(record + HOST_KIND, kind);
    return record;
  }

  #table(of: Uint8Array): PrefixTable {
    return of.length === 4 ? this.four : this.six;
  }
}
