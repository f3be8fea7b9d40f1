// Prefixes of any number of instances and both families, where kernels find them: instance ID, then longest match.

import type { Prefix } from "../../net/prefix.js";
import type { PacketMemory } from "../../packet/memory.js";
import { PrefixTable, tableAddress } from "../../packet/prefix-table.js";
import { Instances } from "./instances.js";

interface Tables {
  four: PrefixTable | null;
  six: PrefixTable | null;
}

/** Values (addresses of records, not 0) by instance ID and prefix. */
export class InstanceTables {
  readonly #memory: PacketMemory;
  readonly #instances: Instances;
  readonly #tables = new Map<number, Tables>();

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
    let tables = 0;
    for (const t of this.#tables.values()) tables += (t.four?.bytes ?? 0) + (t.six?.bytes ?? 0);
    return tables + this.#instances.bytes;
  }

  /** Instance IDs that have prefixes, ascending. */
  get iids(): readonly number[] {
    return this.#instances.keys();
  }

  /** Puts a value in, in place of one for exactly this prefix. Throws MemoryError, with all as it was. */
  insert(iid: number, eid: Prefix, value: number): void {
    const table = this.#table(iid, eid.address.length);
    try {
      table.insert(tableAddress(eid.address), eid.length, value);
    } finally {
      if (table.size === 0) this.#drop(iid, eid.address.length);
    }
  }

  /** Removes the value of exactly this prefix, which must be there. */
  remove(iid: number, eid: Prefix): void {
    const table = this.#table(iid, eid.address.length);
    table.remove(tableAddress(eid.address), eid.length);
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

  /** All values, by instance ID (or those of one), family, address, length. Others may change meanwhile, short of an instance's last. */
  *values(iid?: number): IterableIterator<number> {
    for (const id of iid === undefined ? this.#instances.keys() : [iid]) {
      for (const side of ["four", "six"] as const) {
        const table = this.#tables.get(id)?.[side];
        if (table) for (const entry of table.entries()) yield entry.value;
      }
    }
  }

  /** Gives all memory of the tables back; what the values stand for is the caller's. */
  destroy(): void {
    for (const t of this.#tables.values()) for (const table of [t.four, t.six]) table?.destroy();
    this.#tables.clear();
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
    return made;
  }

  #drop(iid: number, size: number): void {
    const tables = this.#tables.get(iid)!;
    const side = size === 4 ? "four" : "six";
    tables[side]?.destroy();
    tables[side] = null;
    if (tables.four !== null || tables.six !== null) {
      this.#instances.set(iid, tables.four?.address ?? 0, tables.six?.address ?? 0);
      return;
    }
    this.#tables.delete(iid);
    this.#instances.delete(iid);
  }
}
