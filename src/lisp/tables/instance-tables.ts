// Prefixes of any number of instances and both families, where kernels find them: instance ID, then longest match.

import type { Prefix } from "../../net/prefix.js";
import type { PacketMemory } from "../../packet/memory.js";
import { PrefixTable, tableAddress } from "../../packet/prefix-table.js";
import { Instances } from "./instances.js";

/** An EID-prefix of an instance, in the order of listings; its length may be one more than can be: behind all with its address. */
export interface Place {
  readonly iid: number;
  readonly eid: Prefix;
}

interface Tables {
  four: PrefixTable | null;
  six: PrefixTable | null;
}

/** Values (addresses of records, not 0) by instance ID and prefix. */
export class InstanceTables {
  readonly #memory: PacketMemory;
  readonly #instances: Instances;
  #tables = new Map<number, Tables>();
  #tableBytes = 0;

  constructor(memory: PacketMemory) {
    this.#memory = memory;
    this.#instances = new Instances(memory);
  }

  /** Address of the instances' root, for the kernels; it stays. */
  get root(): number {
    return this.#instances.root;
  }

  /** Bytes of the router's memory in use. */
  get bytes(): number {
    return this.#tableBytes + this.#instances.bytes;
  }

  /** Instance IDs that have prefixes, ascending. */
  get iids(): readonly number[] {
    return this.#instances.keys();
  }

  /** Puts a value in, in place of one for exactly this prefix. Throws MemoryError, with all as it was. */
  insert(iid: number, eid: Prefix, value: number): void {
    const table = this.#table(iid, eid.address.length);
    const before = table.bytes;
    try {
      table.insert(tableAddress(eid.address), eid.length, value);
    } finally {
      this.#tableBytes += table.bytes - before;
      if (table.size === 0) this.#drop(iid, eid.address.length);
    }
  }

  /** Removes the value of exactly this prefix, which must be there. */
  remove(iid: number, eid: Prefix): void {
    const table = this.#table(iid, eid.address.length);
    const before = table.bytes;
    table.remove(tableAddress(eid.address), eid.length);
    this.#tableBytes += table.bytes - before;
    if (table.size === 0) this.#drop(iid, eid.address.length);
  }

  /** The value of exactly this prefix, 0 where there is none. */
  exact(iid: number, eid: Prefix): number {
    const tables = this.#tables.get(iid);
    const table = eid.address.length === 4 ? tables?.four : tables?.six;
    return table?.exact(tableAddress(eid.address), eid.length) ?? 0;
  }

  /** The value of the longest prefix that holds `address` (4 or 16 bytes), 0 where there is none. */
  lookup(iid: number, address: Uint8Array): number {
    const tables = this.#tables.get(iid);
    const table = address.length === 4 ? tables?.four : tables?.six;
    return table?.lookup(tableAddress(address)) ?? 0;
  }

  /** All values, by instance ID, family, address, length, from `from` on. Nothing may change meanwhile but the values. */
  *values(from?: Place): IterableIterator<number> {
    const ids = this.#instances.keys();
    for (let i = from === undefined ? 0 : firstFrom(ids, from.iid); i < ids.length; i++) {
      const here = from !== undefined && from.iid === ids[i] ? from.eid : undefined;
      for (const side of ["four", "six"] as const) {
        if (side === "four" && here?.address.length === 16) continue;
        const table = this.#tables.get(ids[i])?.[side];
        const inside = here !== undefined && here.address.length === (side === "four" ? 4 : 16);
        const start = inside ? { address: tableAddress(here.address), length: here.length } : undefined;
        if (table) for (const entry of table.entries(start)) yield entry.value;
      }
    }
  }

  /** Takes all tables away, as if each of their values had been removed: they are the caller's. */
  detach(): PrefixTable[] {
    const tables: PrefixTable[] = [];
    for (const t of this.#tables.values())
      for (const table of [t.four, t.six]) if (table !== null) tables.push(table);
    this.#tables = new Map();
    this.#tableBytes = 0;
    this.#instances.clear();
    return tables;
  }

  /** Gives all memory of the tables back; what the values stand for is the caller's. */
  destroy(): void {
    for (const table of this.detach()) table.destroy();
    this.#instances.destroy();
  }

  /** The table of an instance and family, made if need be. Throws MemoryError. */
  #table(iid: number, size: number): PrefixTable {
    const tables = this.#tables.get(iid) ?? { four: null, six: null };
    const side = size === 4 ? "four" : "six";
    const there = tables[side];
    if (there !== null) return there;
    const made = new PrefixTable(this.#memory, size === 4 ? 4 : 6);
    try {
      const [four, six] = side === "four" ? [made, tables.six] : [tables.four, made];
      this.#instances.set(iid, four?.address ?? 0, six?.address ?? 0);
    } catch (e) {
      made.destroy();
      throw e;
    }
    tables[side] = made;
    this.#tables.set(iid, tables);
    this.#tableBytes += made.bytes;
    return made;
  }

  #drop(iid: number, size: number): void {
    const tables = this.#tables.get(iid)!;
    const side = size === 4 ? "four" : "six";
    this.#tableBytes -= tables[side]!.bytes;
    tables[side]!.destroy();
    tables[side] = null;
    if (tables.four !== null || tables.six !== null) {
      this.#instances.set(iid, tables.four?.address ?? 0, tables.six?.address ?? 0);
      return;
    }
    this.#tables.delete(iid);
    this.#instances.delete(iid);
  }
}

/** Where in ascending `ids` the first stands that is at least `id`. */
function firstFrom(ids: readonly number[], id: number): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle] < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
