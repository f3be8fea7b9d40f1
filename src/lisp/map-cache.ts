// The EID-to-RLOC map-cache (RFC 9300, section 6): what the control plane puts
// in, and what the data path finds. Mappings live in the router's memory; this
// class makes, changes, lists and frees them.

import type { Prefix } from "../lang/args/spec.js";
import type { PacketMemory } from "../packet/memory.js";
import { type Address, PrefixTable } from "../packet/prefix-table.js";
import type { Clock } from "../router/clock.js";
import type { Random } from "../router/random.js";
import { ExpiryQueue } from "./expiry-queue.js";
import { Instances } from "./instances.js";
import { checkMapping, type Mapping } from "./mapping.js";
import { type CachedMapping, MappingRecords } from "./mapping-records.js";
import { type RlocState, RlocTable } from "./rloc-table.js";

/** The cache holds as many mappings as it may, and none of them ever expires. */
export class MapCacheFullError extends Error {
  readonly code = "MAP_CACHE_FULL";
}

interface Tables {
  four: PrefixTable | null;
  six: PrefixTable | null;
}

export class MapCache {
  /** Most mappings it holds. */
  capacity: number;
  /** Mappings removed because others needed their place, and because their time was over. */
  evicted = 0;
  expired = 0;
  /** Called with every mapping that was put in: the next expiry may have moved closer. */
  onInsert: (mapping: Mapping) => void = () => {};
  readonly #memory: PacketMemory;
  readonly #clock: Clock;
  readonly #instances: Instances;
  readonly #tables = new Map<number, Tables>();
  readonly #rlocs: RlocTable;
  readonly #queue: ExpiryQueue;
  readonly #mappings: MappingRecords;
  #size = 0;

  constructor(memory: PacketMemory, clock: Clock, random: Random, capacity: number) {
    this.#memory = memory;
    this.#clock = clock;
    this.capacity = capacity;
    this.#instances = new Instances(memory);
    this.#rlocs = new RlocTable(memory, random);
    this.#mappings = new MappingRecords(memory, this.#rlocs);
    this.#queue = new ExpiryQueue(memory);
  }

  /** Address of the instances' root, for the lookup kernel. */
  get root(): number {
    return this.#instances.root;
  }

  /** Number of mappings. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of the router's memory in use. */
  get bytes(): number {
    let tables = 0;
    for (const t of this.#tables.values()) tables += (t.four?.bytes ?? 0) + (t.six?.bytes ?? 0);
    return this.#mappings.bytes + tables + this.#rlocs.bytes + this.#instances.bytes;
  }

  /** Instance IDs that have mappings, ascending. */
  get iids(): readonly number[] {
    return this.#instances.keys();
  }

  /** Steady nanoseconds of the next expiry; Infinity when nothing expires. */
  get nextExpiry(): number {
    return this.#queue.next;
  }

  /**
   * Puts a mapping in, its TTL counting from now, in place of one for exactly this EID-prefix (whose locators' packet
   * counts live on where the RLOC stays). At capacity the mapping that would expire first goes. Returns whether it
   * replaced one. Throws MappingError, MapCacheFullError or MemoryError, with the cache as it was
   * (at capacity: short of the one that went).
   */
  insert(mapping: Mapping): boolean {
    checkMapping(mapping);
    const old = this.#find(mapping.iid, mapping.eid);
    if (old === 0 && this.#size >= this.capacity) this.#evict();
    const record = this.#mappings.make(mapping, this.#clock.now());
    let table: PrefixTable | null = null;
    try {
      table = this.#table(mapping.iid, mapping.eid.address.length);
      table.insert(tableAddress(mapping.eid.address), mapping.eid.length, record);
    } catch (e) {
      this.#destroy(record);
      if (table?.size === 0) this.#dropTable(mapping.iid, mapping.eid.address.length);
      throw e;
    }
    if (old !== 0) {
      this.#mappings.carryCounts(old, record);
      this.#destroy(old);
    } else {
      this.#size++;
    }
    if (mapping.ttl !== null) this.#queue.add(record);
    this.onInsert(mapping);
    return old !== 0;
  }

  /** Removes the mapping of exactly this EID-prefix; returns whether there was one. */
  delete(iid: number, eid: Prefix): boolean {
    const record = this.#find(iid, eid);
    if (record === 0) return false;
    this.#remove(record);
    return true;
  }

  /** The mapping of exactly this EID-prefix. */
  get(iid: number, eid: Prefix): CachedMapping | null {
    const record = this.#find(iid, eid);
    return record === 0 ? null : this.#mappings.read(record);
  }

  /** The mapping that packets to `address` (4 or 16 bytes) get. */
  lookup(iid: number, address: Uint8Array): CachedMapping | null {
    const tables = this.#tables.get(iid);
    const table = address.length === 4 ? tables?.four : tables?.six;
    const record = table?.lookup(tableAddress(address)) ?? 0;
    return record === 0 ? null : this.#mappings.read(record);
  }

  /** All mappings, by instance ID, family, address, length. The cache may change meanwhile, short of losing an instance. */
  *entries(): IterableIterator<CachedMapping> {
    for (const record of this.#records()) yield this.#mappings.read(record);
  }

  /** Removes what has expired; tells `each` of every one. */
  expire(each?: (mapping: CachedMapping) => void): void {
    const now = this.#clock.now();
    while (this.#queue.next <= now) {
      const record = this.#queue.first;
      const mapping = each === undefined ? null : this.#mappings.read(record);
      this.#remove(record);
      this.expired++;
      if (mapping !== null) each?.(mapping);
    }
  }

  /** Removes all mappings, or those of one instance. */
  clear(iid?: number): void {
    const records = [...this.#records(iid)];
    for (const record of records) this.#remove(record);
  }

  /**
   * Takes Locator-Status-Bits for a mapping (RFC 9300, section 10): locator `i` may be used if bit `i` is set.
   * Ordinals from `width` (8 or 32) on keep what they have. Returns false when there is no such mapping.
   */
  setStatusBits(iid: number, eid: Prefix, bits: number, width: 8 | 32): boolean {
    const record = this.#find(iid, eid);
    if (record === 0) return false;
    this.#mappings.setStatusBits(record, bits, width);
    return true;
  }

  /** What is known of an RLOC; null when no mapping names it. */
  rloc(address: Uint8Array): RlocState | null {
    return this.#rlocs.get(address);
  }

  /** What is known of every RLOC that a mapping names. */
  rlocs(): IterableIterator<RlocState> {
    return this.#rlocs.states();
  }

  /**
   * Changes what is known of an RLOC: whether it is down (all mappings choose anew), the MTU of the path to it, the
   * nonce that packets carry to it. Forgotten when no mapping names the RLOC any more. Returns false when none does.
   */
  updateRloc(address: Uint8Array, change: Partial<Pick<RlocState, "down" | "mtu" | "echo">>): boolean {
    const before = this.#rlocs.get(address);
    if (!this.#rlocs.update(address, change)) return false;
    if (change.down === undefined || change.down === before?.down) return true;
    // Rare beside packets, so nobody keeps lists of who names whom.
    for (const record of this.#records())
      if (this.#mappings.names(record, address)) this.#mappings.settle(record);
    return true;
  }

  /** Sets every packet count to zero. */
  resetCounts(): void {
    for (const record of this.#records()) this.#mappings.resetCounts(record);
  }

  /** Gives all its memory back. */
  destroy(): void {
    this.clear();
    this.#rlocs.destroy();
    this.#instances.destroy();
  }

  // ---- Tables ---------------------------------------------------------------

  #find(iid: number, eid: Prefix): number {
    const tables = this.#tables.get(iid);
    const table = eid.address.length === 4 ? tables?.four : tables?.six;
    return table?.exact(tableAddress(eid.address), eid.length) ?? 0;
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

  #dropTable(iid: number, size: number): void {
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

  *#records(iid?: number): IterableIterator<number> {
    for (const id of iid === undefined ? this.#instances.keys() : [iid]) {
      for (const side of ["four", "six"] as const) {
        const table = this.#tables.get(id)?.[side];
        if (table) for (const entry of table.entries()) yield entry.value;
      }
    }
  }

  #remove(record: number): void {
    const eid = this.#mappings.eid(record);
    const iid = this.#mappings.iid(record);
    const table = this.#table(iid, eid.address.length);
    table.remove(tableAddress(eid.address), eid.length);
    this.#destroy(record);
    this.#size--;
    if (table.size === 0) this.#dropTable(iid, eid.address.length);
  }

  #evict(): void {
    const first = this.#queue.first;
    if (first === 0)
      throw new MapCacheFullError(`the map-cache is full: ${this.#size} mappings, none of which expires`);
    this.#remove(first);
    this.evicted++;
  }

  #destroy(record: number): void {
    this.#queue.remove(record);
    this.#mappings.destroy(record);
  }
}

function tableAddress(address: Uint8Array): Address {
  if (address.length === 16) return address;
  return ((address[0] << 24) | (address[1] << 16) | (address[2] << 8) | address[3]) >>> 0;
}
