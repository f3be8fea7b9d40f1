// RLOCs in the router's memory: for each the state of the path to it, once however many mappings name it; records of
// it, one for each instance ID and Map-Version, which is what packets and encapsulators use; and which locators name it.
// Everything takes the same time however many there are.

import { RLOC_CHANGES, RLOC_SPARE } from "../../../assembly/layout.js";
import * as layout from "../../../assembly/lisp-layout.js";
import type { PacketMemory } from "../../packet/memory.js";
import { PrefixTable, tableAddress } from "../../packet/prefix-table.js";
import type { Random } from "../../router/random.js";

/** What is known of an RLOC, whatever mapping names it. */
export interface RlocState {
  readonly rloc: Uint8Array;
  /** Found unreachable: no mapping's traffic goes there. */
  readonly down: boolean;
  /** Effective MTU of the path, bytes (RFC 9300, section 7.2); 0 = not known. */
  readonly mtu: number;
  /** Its own nonce, 24 bits. */
  readonly nonce: number;
  /** The nonce packets carry to it at present, and whether they ask to have it echoed; null: nothing special. */
  readonly echo: { readonly nonce: number; readonly request: boolean } | null;
  /** Locators that name it. */
  readonly users: number;
  /** Those of them that traffic may use: their priority is below 255 and their R bit set. */
  readonly listed: number;
}

/** What may change of it. */
export type RlocChange = Partial<Pick<RlocState, "down" | "mtu" | "echo">>;

const N = 0x80000000;
const E = 0x20000000;
const LISP_PORT = 4341;
/** With more records than that an RLOC has encapsulators prepare all headers anew rather than its own. */
const RECORDS_AT_ONCE = 512;

export class RlocTable {
  readonly #memory: PacketMemory;
  readonly #random: Random;
  /** Paths by address. */
  #four: PrefixTable | null = null;
  #six: PrefixTable | null = null;
  /** Records by path, instance ID and Map-Version. */
  #records: PrefixTable | null = null;
  readonly #key = new Uint8Array(16);
  readonly #keyView = new DataView(this.#key.buffer);
  #size = 0;
  #recordCount = 0;

  constructor(memory: PacketMemory, random: Random) {
    this.#memory = memory;
    this.#random = random;
  }

  /** Bytes of the router's memory in use. */
  get bytes(): number {
    const tables = [this.#four, this.#six, this.#records].reduce((sum, t) => sum + (t?.bytes ?? 0), 0);
    return tables + this.#size * layout.PATH_SIZE + this.#recordCount * layout.RLOC_SIZE;
  }

  /** Number of RLOCs. */
  get size(): number {
    return this.#size;
  }

  /** Address of the record of `address` (4 or 16 bytes) for an instance ID and Map-Version, with one more user. Throws MemoryError. */
  acquire(address: Uint8Array, iid: number, version: number): number {
    let path = this.#path(address);
    const found = path === 0 ? 0 : this.#record(path, iid, version);
    if (found !== 0) {
      this.#addUser(found, path, 1);
      return found;
    }
    const isNew = path === 0;
    if (isNew) path = this.#makePath(address);
    try {
      const record = this.#makeRecord(path, iid, version);
      this.#addUser(record, path, 1);
      return record;
    } catch (e) {
      if (isNew) this.#freePath(path);
      throw e;
    }
  }

  /** Gives one use back; the last one puts the record out of use. Packets that still point at it are dropped. */
  release(record: number): void {
    const path = this.pathOf(record);
    this.#addUser(record, path, -1);
    if (this.#memory.get32(record + layout.RLOC_USERS) > 0) return;
    this.#freeRecord(record, path);
    if (this.#memory.get32(path + layout.PATH_RECORDS) === 0) this.#freePath(path);
  }

  /** Puts a locator, which traffic may use, on the list of its RLOC; `host`: its mapping is of a single host. */
  list(locator: number, host: boolean): void {
    const path = this.#pathTo(locator);
    const first = this.#memory.get32(path + layout.PATH_FIRST);
    const last = this.#memory.get32(path + layout.PATH_LAST);
    this.#link(locator, host ? last : 0, host ? 0 : first);
    if (host || last === 0) this.#memory.set32(path + layout.PATH_LAST, locator);
    if (!host || first === 0) this.#memory.set32(path + layout.PATH_FIRST, locator);
    this.#memory.set32(path + layout.PATH_LISTED, this.#memory.get32(path + layout.PATH_LISTED) + 1);
  }

  /** Takes a locator off that list. */
  unlist(locator: number): void {
    const path = this.#pathTo(locator);
    const [previous, next] = this.#unlink(locator);
    if (previous === 0) this.#memory.set32(path + layout.PATH_FIRST, next);
    if (next === 0) this.#memory.set32(path + layout.PATH_LAST, previous);
    this.#memory.set32(path + layout.PATH_LISTED, this.#memory.get32(path + layout.PATH_LISTED) - 1);
  }

  /** Puts a locator, which traffic may not use, on the other list of its RLOC. */
  setAside(locator: number): void {
    const path = this.#pathTo(locator);
    this.#link(locator, 0, this.#memory.get32(path + layout.PATH_OTHERS));
    this.#memory.set32(path + layout.PATH_OTHERS, locator);
  }

  /** Takes a locator off that list. */
  takeFromAside(locator: number): void {
    const [previous, next] = this.#unlink(locator);
    if (previous === 0) this.#memory.set32(this.#pathTo(locator) + layout.PATH_OTHERS, next);
  }

  /** Up to `most` locators of an RLOC that traffic may use, in the order of their list; then (`all`) of the others. */
  listed(address: Uint8Array, most: number, all: boolean): number[] {
    const path = this.#path(address);
    const found: number[] = [];
    if (path === 0) return found;
    for (const list of all ? [layout.PATH_FIRST, layout.PATH_OTHERS] : [layout.PATH_FIRST]) {
      let at = this.#memory.get32(path + list);
      for (; at !== 0 && found.length < most; at = this.#memory.get32(this.#links(at) + layout.LINK_NEXT))
        found.push(at);
    }
    return found;
  }

  #pathTo(locator: number): number {
    return this.pathOf(this.#memory.get32(locator + layout.LOCATOR_RLOC));
  }

  /** Puts a locator between two that are next to each other; 0: none. */
  #link(locator: number, previous: number, next: number): void {
    const links = this.#links(locator);
    this.#memory.set32(links + layout.LINK_PREVIOUS, previous);
    this.#memory.set32(links + layout.LINK_NEXT, next);
    if (previous !== 0) this.#memory.set32(this.#links(previous) + layout.LINK_NEXT, locator);
    if (next !== 0) this.#memory.set32(this.#links(next) + layout.LINK_PREVIOUS, locator);
  }

  /** Joins a locator's neighbours, and gives them; 0: none. */
  #unlink(locator: number): [previous: number, next: number] {
    const links = this.#links(locator);
    const previous = this.#memory.get32(links + layout.LINK_PREVIOUS);
    const next = this.#memory.get32(links + layout.LINK_NEXT);
    if (previous !== 0) this.#memory.set32(this.#links(previous) + layout.LINK_NEXT, next);
    if (next !== 0) this.#memory.set32(this.#links(next) + layout.LINK_PREVIOUS, previous);
    return [previous, next];
  }

  /** Where a locator's neighbours in its list stand. */
  #links(locator: number): number {
    const index = this.#memory.u8[locator + layout.LOCATOR_INDEX];
    const mapping = locator + (index + 1) * layout.LOCATOR_SIZE;
    return mapping + layout.MAPPING_LINKS + index * layout.LINK_SIZE;
  }

  /**
   * The numbers of up to `most` records change: packets that point at them find them gone. For a table that goes as a
   * whole, before its records are released one after the other.
   */
  disown(most: number): void {
    for (const table of [this.#four, this.#six])
      for (const { value: path } of table?.entries() ?? []) {
        let record = this.#memory.get32(path + layout.PATH_RECORDS);
        for (; record !== 0; record = this.#memory.get32(record + layout.RLOC_NEXT)) {
          if (most-- === 0) return;
          this.#renumber(record);
        }
      }
  }

  /** The RLOC of a record: 4 or 16 bytes. */
  addressOf(record: number): Uint8Array {
    const { u8 } = this.#memory;
    const size = u8[record + layout.RLOC_FAMILY] === 4 ? 4 : 16;
    return Uint8Array.from(u8.subarray(record + layout.RLOC_ADDRESS, record + layout.RLOC_ADDRESS + size));
  }

  /** Address of what is known of the path to a record's RLOC. */
  pathOf(record: number): number {
    return this.#memory.get32(record + layout.RLOC_PATH);
  }

  /** Whether the record's RLOC was found unreachable. */
  isDown(record: number): boolean {
    return this.#memory.u8[this.pathOf(record) + layout.PATH_DOWN] !== 0;
  }

  get(address: Uint8Array): RlocState | null {
    const path = this.#path(address);
    return path === 0 ? null : this.#state(path);
  }

  /** Up to `most` RLOCs in order of family and address, those after `after`; null: from the first. */
  states(after: Uint8Array | null, most: number): RlocState[] {
    const found: RlocState[] = [];
    const take = (table: PrefixTable | null, from?: Uint8Array): void => {
      if (table === null || found.length >= most) return;
      const entry = from && { address: tableAddress(from), length: from.length * 8 + 1 };
      for (const { value } of table.entries(entry)) {
        found.push(this.#state(value));
        if (found.length >= most) return;
      }
    };
    if (after?.length !== 16) take(this.#four, after ?? undefined);
    take(this.#six, after?.length === 16 ? after : undefined);
    return found;
  }

  /** A number that is another one once a packet has left for an RLOC since `watch`; null where no mapping names it. */
  traffic(address: Uint8Array): number | null {
    const path = this.#path(address);
    return path === 0 ? null : this.#memory.get32(path + layout.PATH_PREPARED);
  }

  /** The next packet to an RLOC changes what `traffic` says. */
  watch(address: Uint8Array): void {
    // Headers are prepared when a packet needs them, and it is the first.
    const path = this.#path(address);
    if (path !== 0) this.#forgetHeaders(path);
  }

  /** Changes what is known of an RLOC. Returns false when no mapping names it. */
  update(address: Uint8Array, change: RlocChange): boolean {
    const path = this.#path(address);
    if (path === 0) return false;
    const { u8, view } = this.#memory;
    const { down, mtu, echo } = change;
    if (down !== undefined) u8[path + layout.PATH_DOWN] = down ? 1 : 0;
    if (mtu === undefined && echo === undefined) return true;
    if (mtu !== undefined) this.#memory.set32(path + layout.PATH_MTU, mtu === 0 ? 0xffffffff : mtu);
    if (echo !== undefined) {
      const word = echo === null ? 0 : N + (echo.request ? E : 0) + (echo.nonce & 0xffffff);
      view.setUint32(path + layout.PATH_WORD, word);
    }
    this.#forgetHeaders(path);
    return true;
  }

  /** Whatever headers encapsulators keep for the RLOC are old now. */
  #forgetHeaders(path: number): void {
    if (this.#memory.get32(path + layout.PATH_RECORD_COUNT) > RECORDS_AT_ONCE) {
      this.#memory.set32(RLOC_CHANGES, this.#memory.get32(RLOC_CHANGES) + 1);
      return;
    }
    let record = this.#memory.get32(path + layout.PATH_RECORDS);
    for (; record !== 0; record = this.#memory.get32(record + layout.RLOC_NEXT))
      this.#memory.set32(record + layout.RLOC_KEY, 0);
  }

  #state(path: number): RlocState {
    const { u8, view } = this.#memory;
    const size = u8[path + layout.PATH_FAMILY] === 4 ? 4 : 16;
    const mtu = this.#memory.get32(path + layout.PATH_MTU);
    const word = view.getUint32(path + layout.PATH_WORD);
    return {
      rloc: Uint8Array.from(u8.subarray(path + layout.PATH_ADDRESS, path + layout.PATH_ADDRESS + size)),
      down: u8[path + layout.PATH_DOWN] !== 0,
      mtu: mtu === 0xffffffff ? 0 : mtu,
      nonce: view.getUint32(path + layout.PATH_NONCE) & 0xffffff,
      echo: word === 0 ? null : { nonce: word & 0xffffff, request: (word & E) !== 0 },
      users: this.#memory.get32(path + layout.PATH_USERS),
      listed: this.#memory.get32(path + layout.PATH_LISTED),
    };
  }

  // ---- Paths and records -----------------------------------------------------------

  #path(address: Uint8Array): number {
    const table = address.length === 4 ? this.#four : this.#six;
    return table === null ? 0 : table.exact(tableAddress(address), address.length * 8);
  }

  #makePath(address: Uint8Array): number {
    const { u8, view } = this.#memory;
    const path = this.#memory.alloc(layout.PATH_SIZE);
    try {
      const table =
        address.length === 4
          ? (this.#four ??= new PrefixTable(this.#memory, 4))
          : (this.#six ??= new PrefixTable(this.#memory, 6));
      table.insert(tableAddress(address), address.length * 8, path);
    } catch (e) {
      this.#memory.free(path, layout.PATH_SIZE);
      this.#dropEmpty();
      throw e;
    }
    this.#size++;
    u8.set(address, path + layout.PATH_ADDRESS);
    u8[path + layout.PATH_FAMILY] = address.length === 4 ? 4 : 6;
    u8[path + layout.PATH_ENCAP] = layout.ENCAP_KIND_LISP;
    view.setUint16(path + layout.PATH_PORT, LISP_PORT);
    this.#memory.set32(path + layout.PATH_MTU, 0xffffffff);
    view.setUint32(path + layout.PATH_NONCE, N + (this.#random.u32() & 0xffffff));
    return path;
  }

  #freePath(path: number): void {
    const { rloc } = this.#state(path);
    const side = rloc.length === 4 ? this.#four! : this.#six!;
    side.remove(tableAddress(rloc), rloc.length * 8);
    this.#memory.free(path, layout.PATH_SIZE);
    this.#size--;
    this.#dropEmpty();
  }

  #record(path: number, iid: number, version: number): number {
    // Most RLOCs have but one record.
    const first = this.#memory.get32(path + layout.PATH_RECORDS);
    const { view } = this.#memory;
    if (
      first !== 0 &&
      this.#memory.get32(first + layout.RLOC_IID) === iid &&
      view.getUint32(first + layout.RLOC_VERSION) === version
    )
      return first;
    return this.#records?.exact(this.#recordKey(path, iid, version), 128) ?? 0;
  }

  #makeRecord(path: number, iid: number, version: number): number {
    this.#records ??= new PrefixTable(this.#memory, 6);
    const record = this.#takeRecord();
    try {
      this.#records.insert(this.#recordKey(path, iid, version), 128, record);
    } catch (e) {
      this.#putAside(record);
      this.#dropEmpty();
      throw e;
    }
    this.#recordCount++;
    const { u8, u16, view } = this.#memory;
    u8.copyWithin(record + layout.RLOC_ADDRESS, path + layout.PATH_ADDRESS, path + layout.PATH_ADDRESS + 16);
    u8[record + layout.RLOC_FAMILY] = u8[path + layout.PATH_FAMILY];
    u8[record + layout.RLOC_ENCAP] = u8[path + layout.PATH_ENCAP];
    u16[(record + layout.RLOC_PORT) >>> 1] = u16[(path + layout.PATH_PORT) >>> 1];
    this.#memory.set32(record + layout.RLOC_KEY, 0);
    this.#memory.set32(record + layout.RLOC_PATH, path);
    this.#memory.set32(record + layout.RLOC_IID, iid);
    view.setUint32(record + layout.RLOC_VERSION, version);
    this.#memory.set32(record + layout.RLOC_USERS, 0);
    const next = this.#memory.get32(path + layout.PATH_RECORDS);
    this.#memory.set32(record + layout.RLOC_NEXT, next);
    this.#memory.set32(record + layout.RLOC_PREVIOUS, 0);
    if (next !== 0) this.#memory.set32(next + layout.RLOC_PREVIOUS, record);
    this.#memory.set32(path + layout.PATH_RECORDS, record);
    this.#addRecords(path, 1);
    return record;
  }

  #freeRecord(record: number, path: number): void {
    const iid = this.#memory.get32(record + layout.RLOC_IID);
    const version = this.#memory.view.getUint32(record + layout.RLOC_VERSION);
    this.#records!.remove(this.#recordKey(path, iid, version), 128);
    const next = this.#memory.get32(record + layout.RLOC_NEXT);
    const previous = this.#memory.get32(record + layout.RLOC_PREVIOUS);
    this.#memory.set32(previous === 0 ? path + layout.PATH_RECORDS : previous + layout.RLOC_NEXT, next);
    if (next !== 0) this.#memory.set32(next + layout.RLOC_PREVIOUS, previous);
    this.#addRecords(path, -1);
    this.#putAside(record);
    this.#recordCount--;
    this.#dropEmpty();
  }

  /** Gives back tables that hold nothing. */
  #dropEmpty(): void {
    const kept = (table: PrefixTable | null): PrefixTable | null => {
      if (table === null || table.size > 0) return table;
      table.destroy();
      return null;
    };
    this.#four = kept(this.#four);
    this.#six = kept(this.#six);
    this.#records = kept(this.#records);
  }

  /** Takes a record out of use, of this table or of one before, or makes one. Throws MemoryError. */
  #takeRecord(): number {
    const spare = this.#memory.get32(RLOC_SPARE);
    if (spare !== 0) {
      this.#memory.set32(RLOC_SPARE, this.#memory.get32(spare + layout.RLOC_USERS));
      return spare;
    }
    const record = this.#memory.alloc(layout.RLOC_SIZE);
    this.#memory.set32(record + layout.RLOC_TAG, layout.RLOC_FIRST);
    return record;
  }

  /** Puts a record out of use. Its memory stays a record's for good: packets that wait may point at it. */
  #putAside(record: number): void {
    this.#renumber(record);
    this.#memory.set32(record + layout.RLOC_USERS, this.#memory.get32(RLOC_SPARE));
    this.#memory.set32(RLOC_SPARE, record);
  }

  #renumber(record: number): void {
    const tag = this.#memory.get32(record + layout.RLOC_TAG);
    this.#memory.set32(record + layout.RLOC_TAG, (tag + 1) >>> 0 || 1);
  }

  #addUser(record: number, path: number, n: number): void {
    this.#memory.set32(record + layout.RLOC_USERS, this.#memory.get32(record + layout.RLOC_USERS) + n);
    this.#memory.set32(path + layout.PATH_USERS, this.#memory.get32(path + layout.PATH_USERS) + n);
  }

  #addRecords(path: number, n: number): void {
    const at = path + layout.PATH_RECORD_COUNT;
    this.#memory.set32(at, this.#memory.get32(at) + n);
  }

  #recordKey(path: number, iid: number, version: number): Uint8Array {
    this.#keyView.setUint32(0, path);
    this.#keyView.setUint32(4, iid);
    this.#keyView.setUint32(8, version);
    return this.#key;
  }
}
