// A site's own EID-prefixes in the router's memory: what LISPEncap says of them in data headers, and what LISPDecap
// compares headers with. They follow the site's mappings.

import * as layout from "../../../assembly/lisp-layout.js";
import type { Prefix } from "../../net/prefix.js";
import type { PacketMemory } from "../../packet/memory.js";
import type { SiteMappings } from "../etr/site-mappings.js";
import type { Mapping } from "../mapping.js";
import { InstanceTables } from "./instance-tables.js";

export class SiteRecords {
  readonly #memory: PacketMemory;
  readonly #tables: InstanceTables;
  #gone = false;

  /** Follows `mappings` from now on. Throws MemoryError. */
  constructor(memory: PacketMemory, mappings: SiteMappings) {
    this.#memory = memory;
    this.#tables = new InstanceTables(memory);
    for (const mapping of mappings.entries()) this.#set(mapping);
    mappings.onChange(({ before, after }) => {
      if (after !== null) this.#set(after);
      else if (before !== null) this.#remove(before);
    });
  }

  /** Address of their root, for the kernels. */
  get root(): number {
    return this.#tables.root;
  }

  /** Address of the record of exactly this EID-prefix, 0 where there is none. */
  find(iid: number, eid: Prefix): number {
    return this.#tables.exact(iid, eid);
  }

  /** Locator-Status-Bits that packets from this EID-prefix carry; null: none. */
  setStatusBits(iid: number, eid: Prefix, bits: number | null): void {
    const record = this.find(iid, eid);
    if (record === 0) return;
    this.#memory.set32(record + layout.SITE_LSB, bits ?? 0);
    this.#flag(record, layout.SITE_HAS_LSB, bits !== null);
  }

  /** The Locator-Status-Bits that packets from this EID-prefix carry. */
  statusBits(iid: number, eid: Prefix): number | null {
    const record = this.find(iid, eid);
    if (record === 0 || (this.#memory.get32(record + layout.SITE_FLAGS) & layout.SITE_HAS_LSB) === 0)
      return null;
    return this.#memory.get32(record + layout.SITE_LSB);
  }

  /** Whether packets with an older Destination Map-Version are dropped: nobody can have an older mapping any more. */
  refuseOld(iid: number, eid: Prefix, refuse: boolean): void {
    const record = this.find(iid, eid);
    if (record !== 0) this.#flag(record, layout.SITE_REFUSE_OLD, refuse);
  }

  destroy(): void {
    this.#gone = true;
    for (const record of this.#tables.values()) this.#memory.free(record, layout.SITE_SIZE);
    this.#tables.destroy();
  }

  #flag(record: number, flag: number, on: boolean): void {
    const flags = this.#memory.get32(record + layout.SITE_FLAGS);
    this.#memory.set32(record + layout.SITE_FLAGS, on ? flags | flag : flags & ~flag);
  }

  #set(mapping: Mapping): void {
    if (this.#gone) return;
    const { iid, eid } = mapping;
    const found = this.find(iid, eid);
    const record = found === 0 ? this.#memory.alloc(layout.SITE_SIZE) : found;
    this.#memory.set32(record + layout.SITE_VERSION, mapping.version);
    if (found !== 0) return;
    try {
      this.#tables.insert(iid, eid, record);
    } catch (e) {
      this.#memory.free(record, layout.SITE_SIZE);
      throw e;
    }
  }

  #remove(mapping: Mapping): void {
    const record = this.find(mapping.iid, mapping.eid);
    if (record === 0) return;
    this.#tables.remove(mapping.iid, mapping.eid);
    this.#memory.free(record, layout.SITE_SIZE);
  }
}
