// What a map-cache held that was cleared or went: its memory goes back a slice at a time, beside packets that do not
// find it any more.

import type { DetachedTables } from "./instance-tables.js";
import type { MappingRecords } from "./mapping-records.js";
import type { RlocTable } from "./rloc-table.js";

/** Records that are disowned at once: so many take some 0.1 ms. */
const DISOWNED = 2048;

export class Remains {
  readonly #tables: DetachedTables;
  readonly #mappings: MappingRecords;
  readonly #rlocs: RlocTable;

  /** Of `tables` with mappings as values. Packets that wait and point at one of the first few thousand RLOC records find it gone at once. */
  constructor(tables: DetachedTables, mappings: MappingRecords, rlocs: RlocTable) {
    this.#tables = tables;
    this.#mappings = mappings;
    this.#rlocs = rlocs;
    rlocs.disown(DISOWNED);
  }

  /** Bytes of the router's memory still in use. */
  get bytes(): number {
    return this.#tables.bytes + this.#mappings.bytes + this.#rlocs.bytes;
  }

  /** Gives the memory of up to `most` mappings back; returns whether there are more. */
  step(most: number): boolean {
    return this.#tables.step(most, (record) => this.#mappings.destroy(record));
  }
}
