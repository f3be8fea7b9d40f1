// The EID-to-RLOC map-cache (RFC 9300, section 6): what the control plane puts
// in, and what the data path finds. Mappings live in the router's memory; this
// class makes, changes, lists and frees them.

import { ROOT_EPOCH } from "../../../assembly/lisp-layout.js";
import { LargeMap } from "../../collections/large-map.js";
import { type EidPrefix, eidName } from "../../net/eid.js";
import { canonical, covers, type Prefix } from "../../net/prefix.js";
import { MemoryError, type PacketMemory } from "../../packet/memory.js";
import type { Clock } from "../../router/clock.js";
import type { Random } from "../../router/random.js";
import { SluiceError } from "../../sluice-error.js";
import { ExpiryQueue } from "../expiry-queue.js";
import { checkMapping, type Mapping, type OtherLocator } from "../mapping.js";
import { SLICE } from "../slice.js";
import { InstanceTables, type Place } from "./instance-tables.js";
import { type CachedMapping, MappingRecords } from "./mapping-records.js";
import { Remains } from "./remains.js";
import { type RlocChange, type RlocState, RlocTable } from "./rloc-table.js";

/** Mappings whose locators of other kinds than IP addresses are kept. */
const OTHERS_MAX = 4096;

/** The cache holds as many mappings as it may, and none of them ever expires. */
export class MapCacheFullError extends SluiceError {
  readonly code = "MAP_CACHE_FULL";
}

/**
 * Whatever it holds, no call takes longer for it, but those that go through mappings: they take a number of mappings,
 * and go on from where they were.
 */
export class MapCache {
  /** Most mappings it holds. */
  capacity: number;
  /** Mappings removed because others needed their place, and because their time was over. */
  evicted = 0;
  expired = 0;
  /** Mappings that were not put in, as their EID-prefix is held. */
  refused = 0;
  /** Called with every mapping that was put in: the next expiry may have moved closer. */
  onInsert: (mapping: Mapping) => void = () => {};
  readonly #memory: PacketMemory;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tables: InstanceTables;
  #rlocs: RlocTable;
  #queue: ExpiryQueue;
  #mappings: MappingRecords;
  readonly #remains: Remains[] = [];
  readonly #held = new LargeMap<string, true>();
  /** By `eidName`: locators that packets are not sent to. */
  readonly #others = new LargeMap<string, readonly OtherLocator[]>();
  #size = 0;

  constructor(memory: PacketMemory, clock: Clock, random: Random, capacity: number) {
    this.#memory = memory;
    this.#clock = clock;
    this.#random = random;
    this.capacity = capacity;
    this.#tables = new InstanceTables(memory);
    this.#rlocs = new RlocTable(memory, random);
    this.#mappings = new MappingRecords(memory, this.#rlocs, this.root);
    this.#queue = new ExpiryQueue(memory);
  }

  /** Address of the instances' root, for the lookup kernel. */
  get root(): number {
    return this.#tables.root;
  }

  /** Number of mappings. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of the router's memory in use. */
  get bytes(): number {
    const remains = this.#remains.reduce((sum, r) => sum + r.bytes, 0);
    return this.#mappings.bytes + this.#tables.bytes + this.#rlocs.bytes + remains;
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
    if (this.#isHeld(mapping.iid, mapping.eid)) {
      this.refused++;
      return true;
    }
    let replaced: boolean;
    try {
      replaced = this.#put(mapping);
    } catch (e) {
      // What was cleared may not have been given back yet.
      if (!(e instanceof MemoryError) || this.#remains.length === 0) throw e;
      this.work();
      replaced = this.#put(mapping);
    }
    this.onInsert(mapping);
    return replaced;
  }

  #put(mapping: Mapping): boolean {
    const old = this.#tables.exact(mapping.iid, mapping.eid);
    if (old === 0 && this.#size >= this.capacity) this.#evict();
    const record = this.#mappings.make(mapping, this.#clock.now());
    try {
      this.#tables.insert(mapping.iid, mapping.eid, record);
    } catch (e) {
      this.#destroy(record);
      throw e;
    }
    if (old !== 0) {
      this.#mappings.carryOver(old, record);
      this.#destroy(old);
    } else {
      this.#size++;
    }
    if (mapping.ttl !== null) this.#queue.add(record);
    this.#keepOthers(mapping, mapping.others);
    return old !== 0;
  }

  /**
   * Puts a mapping in as `insert` does, and holds it: until `release` nothing that others insert or delete for its
   * EID-prefix changes it. For EIDs of which we know better.
   */
  hold(mapping: Mapping): void {
    const k = eidName(mapping);
    this.#held.delete(k);
    this.insert(mapping);
    this.#held.set(k, true);
  }

  /** Removes the mapping that was held for exactly this EID-prefix; returns whether there was one. */
  release(iid: number, eid: Prefix): boolean {
    return this.#held.delete(eidName({ iid, eid })) && this.delete(iid, eid);
  }

  /** `others` not given: it has none, or no more. */
  #keepOthers(eid: EidPrefix, others?: readonly OtherLocator[]): void {
    if (others === undefined) {
      if (this.#others.size > 0) this.#others.delete(eidName(eid));
    } else if (this.#others.size < OTHERS_MAX) this.#others.set(eidName(eid), others);
  }

  #read(record: number): CachedMapping {
    const mapping = this.#mappings.read(record);
    const others = this.#others.size === 0 ? undefined : this.#others.get(eidName(mapping));
    return others === undefined ? mapping : { ...mapping, others };
  }

  #isHeld(iid: number, eid: Prefix): boolean {
    return this.#held.size > 0 && this.#held.has(eidName({ iid, eid }));
  }

  /** Removes the mapping of exactly this EID-prefix; returns whether there was one. */
  delete(iid: number, eid: Prefix): boolean {
    if (this.#isHeld(iid, eid)) return false;
    const record = this.#tables.exact(iid, eid);
    if (record === 0) return false;
    this.#remove(record);
    return true;
  }

  /** The mapping of exactly this EID-prefix. */
  get(iid: number, eid: Prefix): CachedMapping | null {
    const record = this.#tables.exact(iid, eid);
    return record === 0 ? null : this.#read(record);
  }

  /** The mapping that packets to `address` (4 or 16 bytes) get. */
  lookup(iid: number, address: Uint8Array): CachedMapping | null {
    const record = this.#tables.lookup(iid, address);
    return record === 0 ? null : this.#read(record);
  }

  /** All mappings, by instance ID, family, address, length, from `from` on. The cache must not change meanwhile. */
  *entries(from?: Place): IterableIterator<CachedMapping> {
    for (const record of this.#tables.values(from)) yield this.#read(record);
  }

  /** At most `limit` mappings in the order of `entries`, those after a prefix; null: the first. For walks in slices. */
  page(after: Place | null, limit: number): CachedMapping[] {
    const from =
      after === null
        ? undefined
        : { iid: after.iid, eid: { address: after.eid.address, length: after.eid.length + 1 } };
    const found: CachedMapping[] = [];
    for (const mapping of this.entries(from)) {
      found.push(mapping);
      if (found.length === limit) break;
    }
    return found;
  }

  /** The mappings of a prefix and of those within it, in the order of `entries`, those after a prefix; null: the first; at most `limit`. */
  within(iid: number, eid: Prefix, limit: number, after: Prefix | null = null): CachedMapping[] {
    const found: CachedMapping[] = [];
    const from = after === null ? canonical(eid) : { ...after, length: after.length + 1 };
    for (const mapping of this.entries({ iid, eid: from })) {
      if (mapping.iid !== iid || !covers(eid, mapping.eid.address) || found.length === limit) break;
      found.push(mapping);
    }
    return found;
  }

  /** The mappings of all prefixes that hold an address (4 or 16 bytes), the longest first. */
  around(iid: number, address: Uint8Array): CachedMapping[] {
    const found: CachedMapping[] = [];
    const longest = this.lookup(iid, address);
    if (longest === null) return found;
    for (let length = longest.eid.length; length >= 0; length--) {
      const record = this.#tables.exact(iid, { address, length });
      if (record !== 0) found.push(this.#read(record));
    }
    return found;
  }

  /**
   * Tells `each`, which must not change the cache, of mappings that expire by steady time `until`: when, and a number
   * that stands for it until it is replaced or removed. Of up to `most`, from a place on, 0 the first; returns where to go
   * on, -1 at the end. Of what comes or goes in between, another one may be left out this time.
   */
  expiring(from: number, until: number, most: number, each: (id: number, expiry: number) => void): number {
    return this.#queue.scan(from, until, most, each);
  }

  /** The mapping that `expiring` has told of. */
  at(id: number): CachedMapping {
    return this.#read(id);
  }

  /** Packets that matched it. */
  packets(id: number): number {
    return this.#mappings.packets(id);
  }

  /** Its TTL in seconds. */
  ttl(id: number): number {
    return this.#mappings.ttl(id);
  }

  /** How many locators it has. */
  locatorCount(id: number): number {
    return this.#mappings.count(id);
  }

  /** Removes up to `most` of what has expired, the first first; tells `each` of every one. */
  expire(each?: (mapping: CachedMapping) => void, most = Number.POSITIVE_INFINITY): void {
    const now = this.#clock.now();
    for (let left = most; left > 0 && this.#queue.next <= now; left--) {
      const record = this.#queue.first;
      const mapping = each === undefined ? null : this.#read(record);
      this.#remove(record);
      this.expired++;
      if (mapping !== null) each?.(mapping);
    }
  }

  /** Removes all mappings. The memory of many is given back by `work`. */
  clear(): void {
    this.#held.clear();
    this.#others.clear();
    this.#remains.push(new Remains(this.#tables.detach(), this.#mappings, this.#rlocs));
    this.#rlocs = new RlocTable(this.#memory, this.#random);
    this.#mappings = new MappingRecords(this.#memory, this.#rlocs, this.root);
    this.#queue = new ExpiryQueue(this.#memory);
    this.#size = 0;
    this.work();
  }

  /** Whether `work` has something to do. */
  get busy(): boolean {
    return this.#remains.length > 0;
  }

  /** Gives back a slice of what was cleared; returns whether there is more, also after `destroy`. */
  work(): boolean {
    if (this.#remains.length > 0 && !this.#remains[0].step(SLICE)) this.#remains.shift();
    return this.#remains.length > 0;
  }

  /**
   * Takes Locator-Status-Bits for a mapping (RFC 9300, section 10): locator `i` may be used if bit `i` is set.
   * Ordinals from `width` (at most 32) on keep what they have. Returns false when there is no such mapping.
   */
  setStatusBits(iid: number, eid: Prefix, bits: number, width: number): boolean {
    const record = this.#tables.exact(iid, eid);
    if (record === 0) return false;
    this.#mappings.setStatusBits(record, bits, width);
    return true;
  }

  /** What is known of an RLOC; null when no mapping names it. */
  rloc(address: Uint8Array): RlocState | null {
    return this.#rlocs.get(address);
  }

  /** What is known of up to `most` RLOCs that mappings name, by family and address, after `after`; null: from the first. */
  rlocs(after: Uint8Array | null = null, most = Number.POSITIVE_INFINITY): readonly RlocState[] {
    return this.#rlocs.states(after, most);
  }

  /**
   * Up to `most` mappings whose packets may go to an RLOC, where it is up: those of networks first, the newest first,
   * then those of single hosts; then (`all`) those that name it, and whose packets may not.
   */
  mappingsOf(rloc: Uint8Array, most: number, all = false): EidPrefix[] {
    return this.#rlocs.listed(rloc, most, all).map((locator) => {
      const record = this.#mappings.mappingOf(locator);
      return { iid: this.#mappings.iid(record), eid: this.#mappings.eid(record) };
    });
  }

  /** A number that is another one once a packet has left for an RLOC since `watchTraffic`; null when no mapping names it. */
  traffic(address: Uint8Array): number | null {
    return this.#rlocs.traffic(address);
  }

  /** The next packet to an RLOC changes what `traffic` says. */
  watchTraffic(address: Uint8Array): void {
    this.#rlocs.watch(address);
  }

  /** Changes what is known of an RLOC, for all mappings that name it at once. Returns false when none does. */
  updateRloc(address: Uint8Array, change: RlocChange): boolean {
    const before = this.#rlocs.get(address);
    if (before === null) return false;
    this.#rlocs.update(address, change);
    if (change.down === undefined || change.down === before.down) return true;
    const epoch = this.root + ROOT_EPOCH;
    this.#memory.set32(epoch, this.#memory.get32(epoch) + 1);
    return true;
  }

  /** Sets the packet counts of up to `most` mappings to zero, from `from` on; returns where it is to go on, null at the end. */
  resetCounts(from?: Place, most = Number.POSITIVE_INFINITY): Place | null {
    let left = most;
    for (const record of this.#tables.values(from)) {
      if (left-- === 0) return { iid: this.#mappings.iid(record), eid: this.#mappings.eid(record) };
      this.#mappings.resetCounts(record);
    }
    return null;
  }

  /** Lets all go. The memory of many mappings is given back by `work`, which is all that may still be called. */
  destroy(): void {
    this.clear();
    this.#tables.destroy();
  }

  #remove(record: number): void {
    const [iid, eid] = [this.#mappings.iid(record), this.#mappings.eid(record)];
    this.#tables.remove(iid, eid);
    this.#keepOthers({ iid, eid });
    this.#destroy(record);
    this.#size--;
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
