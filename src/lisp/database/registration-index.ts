// The database's index: entries as bytes in a block of WebAssembly memory,
// found through prefix tables. A million entries take a hundred bytes each and no
// objects; an entry becomes an object when somebody asks for it.

import { LargeMap } from "../../collections/large-map.js";
import { SortedList } from "../../collections/sorted-list.js";
import type { EidPrefix } from "../../net/eid.js";
import { covers, masked, type Prefix } from "../../net/prefix.js";
import type { PacketMemory } from "../../packet/memory.js";
import { addressBytes, PrefixTable, tableAddress } from "../../packet/prefix-table.js";
import { ExpiryQueue } from "../expiry-queue.js";
import { contentStart, decodeEntry, firstExpiry } from "./codec.js";
import type { Entry } from "./registration.js";

// A record: a header and the entry's bytes. Its address is the value in the prefix table.
const EXPIRY = 0; // f64: first expiry of its registrations, steady nanoseconds; Infinity: never
const QUEUE = 8; // u32: place in the expiry queue
const IID = 12; // u32
const EID = 16; // 16 bytes, network order; IPv4: the first 4
const FAMILY = 32; // u8: bytes of the address, 4 or 16
const LENGTH = 33; // u8: prefix length
const ROOM = 36; // u32: bytes that fit
const SIZE = 40; // u32: bytes of the entry
const HEADER = 48;

interface Tables {
  4: PrefixTable | null;
  16: PrefixTable | null;
}

export class RegistrationIndex {
  readonly #memory: PacketMemory;
  readonly #tables = new LargeMap<number, Tables>();
  readonly #iids = new SortedList<number>((a, b) => a - b);
  #tableBytes = 0;
  readonly #queue: ExpiryQueue;
  #records = 0;
  /** Number of entries. */
  size = 0;

  constructor(memory: PacketMemory) {
    this.#memory = memory;
    this.#queue = new ExpiryQueue(memory, EXPIRY, QUEUE);
  }

  /** Bytes of the memory in use. */
  get bytes(): number {
    return this.#records + this.#tableBytes;
  }

  /** Steady nanoseconds of the first expiry; Infinity when nothing expires. */
  get nextExpiry(): number {
    return this.#queue.next;
  }

  /** The record that expires first, 0 when none does. */
  get firstToExpire(): number {
    return this.#queue.first;
  }

  /** The record of exactly this EID-prefix, 0 when there is none. */
  exact({ iid, eid }: EidPrefix): number {
    const table = this.#tables.get(iid)?.[eid.address.length as 4 | 16];
    return table?.exact(tableAddress(eid.address), eid.length) ?? 0;
  }

  /** The record of the longest prefix that holds the address (4 or 16 bytes), 0 when there is none. */
  lookup(iid: number, address: Uint8Array): number {
    return this.#tables.get(iid)?.[address.length as 4 | 16]?.lookup(tableAddress(address)) ?? 0;
  }

  /**
   * The records of this prefix and all more specific ones, in order of address, then length, from `start` on, one of
   * them or not. The index may change meanwhile.
   */
  *within({ iid, eid }: EidPrefix, start: Prefix = eid): IterableIterator<number> {
    const size = eid.address.length as 4 | 16;
    let from = { address: tableAddress(masked(start.address, start.length)), length: start.length };
    for (;;) {
      const table = this.#tables.get(iid)?.[size];
      if (!table) return;
      let gone = false;
      for (const { address, length } of table.entries(from)) {
        if (!covers(eid, addressBytes(address))) return;
        // Listed some entries ahead: it may have been replaced or taken out since.
        const record = table.exact(address, length);
        if (record === 0) continue;
        yield record;
        from = { address, length: length + 1 };
        gone = this.#tables.get(iid)?.[size] !== table;
        if (gone) break;
      }
      if (!gone) return;
    }
  }

  /** All records, by instance ID, family, address, length, from `start` on. The index may change meanwhile. */
  *all(start?: EidPrefix): IterableIterator<number> {
    for (let iid = this.#iidFrom(start?.iid ?? 0); iid !== undefined; iid = this.#iidFrom(iid + 1)) {
      const first = iid === start?.iid ? start.eid : null;
      for (const size of [4, 16] as const) {
        if (first !== null && first.address.length > size) continue;
        const inside = first?.address.length === size ? first : undefined;
        yield* this.within({ iid, eid: { address: new Uint8Array(size), length: 0 } }, inside);
      }
    }
  }

  /** The first instance ID from `iid` on that has entries. */
  #iidFrom(iid: number): number | undefined {
    return this.#iids.from(iid).next().value;
  }

  /** What a record is of. */
  key(record: number): EidPrefix {
    const { u8 } = this.#memory;
    const address = u8.slice(record + EID, record + EID + u8[record + FAMILY]);
    return { iid: this.#memory.get32(record + IID), eid: { address, length: u8[record + LENGTH] } };
  }

  /** A copy of the entry's bytes, its expiries steady. */
  value(record: number): Uint8Array {
    const start = record + HEADER;
    return Buffer.from(this.#memory.u8.subarray(start, start + this.#memory.get32(record + SIZE)));
  }

  /** The entry; with `eid`, known already to be its prefix, the result holds that one. */
  entry(record: number, key: EidPrefix = this.key(record)): Entry {
    const { u8, view } = this.#memory;
    return decodeEntry(key, u8, view, record + HEADER, this.#memory.get32(record + SIZE));
  }

  /** Whether these bytes differ from the record's in nothing but what a refresh changes. */
  refreshes(record: number, bytes: Uint8Array): boolean {
    const { u8 } = this.#memory;
    const at = record + HEADER;
    const start = contentStart(bytes);
    if (this.#memory.get32(record + SIZE) !== bytes.length || contentStart(u8, at) !== start) return false;
    for (let i = start; i < bytes.length; i++) if (u8[at + i] !== bytes[i]) return false;
    return true;
  }

  /**
   * Puts an entry's bytes in, in place of what is there for this EID-prefix, which has no bits beyond its length.
   * Throws MemoryError, with the index as it was.
   */
  put(key: EidPrefix, bytes: Uint8Array): void {
    const old = this.exact(key);
    if (old !== 0 && fits(this.#memory.get32(old + ROOM), bytes.length)) {
      this.rewrite(old, bytes);
      return;
    }
    const record = this.#make(key, bytes);
    const size = key.eid.address.length as 4 | 16;
    let table: PrefixTable | null = null;
    try {
      table = this.#table(key.iid, size);
      this.#tableBytes -= table.bytes;
      try {
        table.insert(tableAddress(key.eid.address), key.eid.length, record);
      } finally {
        this.#tableBytes += table.bytes;
      }
    } catch (e) {
      this.#free(record);
      if (table?.size === 0) this.#dropTable(key.iid, size);
      throw e;
    }
    if (old !== 0) this.#free(old);
    else this.size++;
    if (this.#expiry(record) !== Number.POSITIVE_INFINITY) this.#queue.add(record);
  }

  /** Puts other bytes into a record, no longer than what was there when it was made. */
  rewrite(record: number, bytes: Uint8Array): void {
    this.#queue.remove(record);
    this.#write(record, bytes);
    if (this.#expiry(record) !== Number.POSITIVE_INFINITY) this.#queue.add(record);
  }

  remove(record: number): void {
    const { iid, eid } = this.key(record);
    const size = eid.address.length as 4 | 16;
    const table = this.#tables.get(iid)![size]!;
    const before = table.bytes;
    table.remove(tableAddress(eid.address), eid.length);
    this.#tableBytes += table.bytes - before;
    this.#free(record);
    this.size--;
    if (table.size === 0) this.#dropTable(iid, size);
  }

  /** Gives all its memory back. */
  destroy(): void {
    for (const record of [...this.all()]) this.remove(record);
  }

  #expiry(record: number): number {
    return this.#memory.view.getFloat64(record + EXPIRY, true);
  }

  #make({ iid, eid }: EidPrefix, bytes: Uint8Array): number {
    const room = Math.ceil(bytes.length / 16) * 16;
    const record = this.#memory.alloc(HEADER + room);
    this.#records += HEADER + room;
    const { u8 } = this.#memory;
    this.#memory.set32(record + IID, iid);
    u8.set(eid.address, record + EID);
    u8[record + FAMILY] = eid.address.length;
    u8[record + LENGTH] = eid.length;
    this.#memory.set32(record + ROOM, room);
    this.#write(record, bytes);
    return record;
  }

  #write(record: number, bytes: Uint8Array): void {
    this.#memory.u8.set(bytes, record + HEADER);
    this.#memory.set32(record + SIZE, bytes.length);
    this.#memory.view.setFloat64(record + EXPIRY, firstExpiry(bytes), true);
  }

  #free(record: number): void {
    this.#queue.remove(record);
    const size = HEADER + this.#memory.get32(record + ROOM);
    this.#memory.free(record, size);
    this.#records -= size;
  }

  /** The table of an instance and family, made if need be. Throws MemoryError. */
  #table(iid: number, size: 4 | 16): PrefixTable {
    const tables = this.#tables.get(iid) ?? { 4: null, 16: null };
    const there = tables[size];
    if (there !== null) return there;
    const table = new PrefixTable(this.#memory, size === 4 ? 4 : 6);
    tables[size] = table;
    this.#tableBytes += table.bytes;
    this.#tables.set(iid, tables);
    this.#iids.add(iid);
    return table;
  }

  #dropTable(iid: number, size: 4 | 16): void {
    const tables = this.#tables.get(iid)!;
    this.#tableBytes -= tables[size]!.bytes;
    tables[size]!.destroy();
    tables[size] = null;
    if (tables[4] !== null || tables[16] !== null) return;
    this.#tables.delete(iid);
    this.#iids.remove(iid);
  }
}

/** Whether a record with this room is kept for bytes of this size: not when most of it would lie idle. */
function fits(room: number, size: number): boolean {
  return size <= room && room <= 2 * size + 64;
}
