// RLOC records: what an encapsulator needs to know of each RLOC, once in the
// router's memory however many mappings name it.

import { RLOC_SPARE } from "../../../assembly/layout.js";
import * as layout from "../../../assembly/lisp-layout.js";
import type { PacketMemory } from "../../packet/memory.js";
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
}

interface Rloc {
  readonly address: Uint8Array;
  /** Records by instance ID and Destination Map-Version (`variant`). */
  readonly records: Map<number, number>;
  readonly nonce: number;
  down: boolean;
  mtu: number;
  echo: { readonly nonce: number; readonly request: boolean } | null;
}

const N = 0x80000000;
const E = 0x20000000;

export class RlocTable {
  readonly #memory: PacketMemory;
  readonly #random: Random;
  readonly #rlocs = new Map<string, Rloc>();
  #records = 0;

  constructor(memory: PacketMemory, random: Random) {
    this.#memory = memory;
    this.#random = random;
  }

  /** Bytes of the router's memory that records in use take. */
  get bytes(): number {
    return this.#records * layout.RLOC_SIZE;
  }

  /** Number of RLOCs. */
  get size(): number {
    return this.#rlocs.size;
  }

  /** Address of the record of `address` (4 or 16 bytes) for an instance ID and Map-Version, with one more user. Throws MemoryError. */
  acquire(address: Uint8Array, iid: number, version: number): number {
    const name = key(address);
    const known = this.#rlocs.get(name);
    const record = known?.records.get(variant(iid, version));
    if (record !== undefined) {
      this.#memory.set32(record + layout.RLOC_USERS, this.#memory.get32(record + layout.RLOC_USERS) + 1);
      return record;
    }
    const made = this.#newRecord();
    const rloc = known ?? this.#newRloc(address);
    this.#rlocs.set(name, rloc);
    rloc.records.set(variant(iid, version), made);
    this.#memory.set32(made + layout.RLOC_IID, iid);
    this.#memory.view.setUint32(made + layout.RLOC_VERSION, version);
    this.#memory.set32(made + layout.RLOC_USERS, 1);
    this.#write(made, rloc);
    return made;
  }

  /** Gives one use back; the last one puts the record out of use. Packets that still point at it are dropped. */
  release(record: number): void {
    const users = this.#memory.get32(record + layout.RLOC_USERS) - 1;
    this.#memory.set32(record + layout.RLOC_USERS, users);
    if (users > 0) return;
    const name = key(this.addressOf(record));
    const rloc = this.#rlocs.get(name);
    const version = this.#memory.view.getUint32(record + layout.RLOC_VERSION);
    rloc?.records.delete(variant(this.#memory.get32(record + layout.RLOC_IID), version));
    if (rloc?.records.size === 0) this.#rlocs.delete(name);
    this.#retire(record);
  }

  /** The RLOC of a record: 4 or 16 bytes. */
  addressOf(record: number): Uint8Array {
    const { u8, u16 } = this.#memory;
    const size = u16[(record + layout.RLOC_FAMILY) >>> 1] === 4 ? 4 : 16;
    return Uint8Array.from(u8.subarray(record + layout.RLOC_ADDRESS, record + layout.RLOC_ADDRESS + size));
  }

  /** Whether the record's RLOC was found unreachable. */
  isDown(record: number): boolean {
    return this.#memory.u8[record + layout.RLOC_STATE] === layout.RLOC_DOWN;
  }

  get(address: Uint8Array): RlocState | null {
    const rloc = this.#rlocs.get(key(address));
    return rloc === undefined ? null : this.#state(rloc);
  }

  *states(): IterableIterator<RlocState> {
    for (const rloc of this.#rlocs.values()) yield this.#state(rloc);
  }

  /** Changes what is known of an RLOC. Returns false when no mapping names it. */
  update(address: Uint8Array, change: Partial<Pick<RlocState, "down" | "mtu" | "echo">>): boolean {
    const rloc = this.#rlocs.get(key(address));
    if (rloc === undefined) return false;
    Object.assign(rloc, change);
    for (const record of rloc.records.values()) this.#write(record, rloc);
    return true;
  }

  /** Takes a record out of use, of this table or of one before, or makes one. Throws MemoryError. */
  #newRecord(): number {
    let record = this.#memory.get32(RLOC_SPARE);
    if (record === 0) {
      record = this.#memory.alloc(layout.RLOC_SIZE);
      this.#memory.set32(record + layout.RLOC_TAG, layout.RLOC_FIRST);
    } else {
      this.#memory.set32(RLOC_SPARE, this.#memory.get32(record + layout.RLOC_USERS));
    }
    this.#records++;
    return record;
  }

  /** Puts a record out of use. Its memory stays a record's for good: packets that wait may point at it. */
  #retire(record: number): void {
    const tag = this.#memory.get32(record + layout.RLOC_TAG);
    this.#memory.set32(record + layout.RLOC_TAG, (tag + 1) >>> 0 || 1);
    this.#memory.set32(record + layout.RLOC_USERS, this.#memory.get32(RLOC_SPARE));
    this.#memory.set32(RLOC_SPARE, record);
    this.#records--;
  }

  #newRloc(address: Uint8Array): Rloc {
    const nonce = this.#random.u32() & 0xffffff;
    return {
      address: Uint8Array.from(address),
      records: new Map(),
      nonce,
      down: false,
      mtu: 0,
      echo: null,
    };
  }

  #state(rloc: Rloc): RlocState {
    let users = 0;
    for (const record of rloc.records.values()) users += this.#memory.get32(record + layout.RLOC_USERS);
    const { address, down, mtu, nonce, echo } = rloc;
    return { rloc: address, down, mtu, nonce, echo, users };
  }

  #write(record: number, rloc: Rloc): void {
    const { u8, u16, view } = this.#memory;
    const four = rloc.address.length === 4;
    u16[(record + layout.RLOC_FAMILY) >>> 1] = four ? 4 : 6;
    u8[record + layout.RLOC_STATE] = rloc.down ? layout.RLOC_DOWN : 0;
    this.#memory.set32(record + layout.RLOC_MTU, rloc.mtu === 0 ? 0xffffffff : rloc.mtu);
    u8.set(rloc.address, record + layout.RLOC_ADDRESS);
    const { echo } = rloc;
    const word = echo === null ? 0 : N + (echo.request ? E : 0) + (echo.nonce & 0xffffff);
    view.setUint32(record + layout.RLOC_WORD, word);
    view.setUint32(record + layout.RLOC_NONCE, N + rloc.nonce);
    // Whatever headers an encapsulator keeps there are old now.
    this.#memory.set32(record + layout.RLOC_KEY, 0);
  }
}

function key(address: Uint8Array): string {
  return address.join(".");
}

function variant(iid: number, version: number): number {
  return iid * 4096 + version;
}
