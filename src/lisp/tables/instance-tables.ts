// Prefixes of any number of instances and both families, where kernels find them: instance ID, then longest match.

import { LargeMap } from "../../collections/large-map.js";
import type { Prefix } from "../../net/prefix.js";
import type { PacketMemory } from "../../packet/memory.js";
import { PrefixTable, tableAddress } from "../../packet/prefix-table.js";
import { type InstanceRemains, Instances } from "./instances.js";

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
  #tables = new LargeMap<number, Tables>();
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
    for (const iid of this.#instances.keys(from?.iid)) {
      const here = from !== undefined && from.iid === iid ? from.eid : undefined;
      for (const side of ["four", "six"] as const) {
        if (side === "four" && here?.address.length === 16) continue;
        const table = this.#tables.get(iid)?.[side];
        const inside = here !== undefined && here.address.length === (side === "four" ? 4 : 16);
        const start = inside ? { address: tableAddress(here.address), length: here.length } : undefined;
        if (table) for (const entry of table.entries(start)) yield entry.value;
      }
    }
  }

  /** Takes all tables away, as if each of their values had been removed: they are the caller's. */
  detach(): DetachedTables {
    const detached = new DetachedTables(this.#tables.values(), this.#tableBytes, this.#instances.clear());
    this.#tables = new LargeMap();
    this.#tableBytes = 0;
    return detached;
  }

  /** Gives all memory of the tables back; what the values stand for is the caller's. */
  destroy(): void {
    for (const tables of this.#tables.values()) {
      tables.four?.destroy();
      tables.six?.destroy();
    }
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

/** Tables that were taken away, to be emptied and given back one after the other. */
export class DetachedTables {
  readonly #tables: Iterator<Tables>;
  readonly #instances: InstanceRemains;
  /** Those of the instance that is gone through. */
  readonly #here: PrefixTable[] = [];
  /** Bytes of the tables still in use. */
  #tableBytes: number;

  constructor(tables: Iterator<Tables>, bytes: number, instances: InstanceRemains) {
    this.#tables = tables;
    this.#tableBytes = bytes;
    this.#instances = instances;
  }

  /** Bytes of the router's memory still in use. */
  get bytes(): number {
    return this.#tableBytes + this.#instances.bytes;
  }

  /** Takes up to `most` values out and gives `free` each, and empty tables back; returns whether there is more. */
  step(most: number, free: (value: number) => void): boolean {
    for (let left = most; left > 0; left--) {
      const table = this.#next();
      if (table === null) {
        if (!this.#instances.free()) return false;
        continue;
      }
      const before = table.bytes;
      for (const { address, length, value } of table.entries()) {
        if (left === 0) break;
        left--;
        table.remove(address, length);
        free(value);
      }
      const isEmpty = table.size === 0;
      this.#tableBytes -= before - (isEmpty ? 0 : table.bytes);
      if (!isEmpty) return true;
      table.destroy();
      this.#here.shift();
    }
    return true;
  }

  #next(): PrefixTable | null {
    while (this.#here.length === 0) {
      const { done, value } = this.#tables.next();
      if (done) return null;
      for (const table of [value.four, value.six]) if (table !== null) this.#here.push(table);
    }
    return this.#here[0];
  }
}
