// What a map-cache held that was cleared or went: its memory goes back a slice at a time, beside packets that do not
// find it any more.

import type { PrefixTable } from "../../packet/prefix-table.js";
import type { MappingRecords } from "./mapping-records.js";
import type { RlocTable } from "./rloc-table.js";

/** Records that are disowned at once: so many take some 0.1 ms. */
const DISOWNED = 2048;

export class Remains {
  readonly #tables: PrefixTable[];
  readonly #mappings: MappingRecords;
  readonly #rlocs: RlocTable;

  /** Of `tables` with mappings as values. Packets that wait and point at one of the first few thousand RLOC records find it gone at once. */
  constructor(tables: PrefixTable[], mappings: MappingRecords, rlocs: RlocTable) {
    this.#tables = tables;
    this.#mappings = mappings;
    this.#rlocs = rlocs;
    rlocs.disown(DISOWNED);
  }

  /** Bytes of the router's memory still in use. */
  get bytes(): number {
    return this.#tables.reduce((sum, t) => sum + t.bytes, 0) + this.#mappings.bytes + this.#rlocs.bytes;
  }

  /** Gives the memory of up to `most` mappings back; returns whether there are more. */
  step(most: number): boolean {
    for (let left = most; left > 0 && this.#tables.length > 0; ) {
      const table = this.#tables[this.#tables.length - 1];
      for (const { address, length, value } of table.entries()) {
        if (left-- === 0) return true;
        table.remove(address, length);
        this.#mappings.destroy(value);
      }
      table.destroy();
      this.#tables.pop();
    }
    return this.#tables.length > 0;
  }
}
