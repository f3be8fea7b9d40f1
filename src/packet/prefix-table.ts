// Longest-prefix match from TypeScript's side: a table in the router's memory,
// changed and listed here, searched a batch at a time by the kernels.

import { type IpAddress, ipBytes, ipNumber } from "../net/address.js";
import { SluiceError } from "../sluice-error.js";
import { MemoryError, type PacketMemory } from "./memory.js";

/** An IPv4 address as a number (host order, 0 to 2^32-1), or an IPv6 address as 16 bytes in network order. */
export type Address = number | Uint8Array;

export interface PrefixEntry {
  readonly address: Address;
  /** Prefix length in bits. */
  readonly length: number;
  readonly value: number;
}

/** An argument that no prefix table can hold: an address of the other family, a length or a value out of range. */
export class PrefixTableError extends SluiceError {
  readonly code = "PREFIX_TABLE";
}

/** The largest value; 0 stands for "no match". */
export const VALUE_MAX = 0xfffffffe;

/** The form in which tables take an address of 4 or 16 bytes. */
export function tableAddress(address: IpAddress): Address {
  return address.length === 4 ? ipNumber(address) : address;
}

/** An address out of a table as 4 or 16 bytes. */
export function addressBytes(address: Address): IpAddress {
  return typeof address === "number" ? ipBytes(address) : address;
}

const NO_MEMORY = 0xffffffff;
const LISTED = 16; // entries listed at once
const ENTRY = [12, 24] as const; // bytes of a listed entry, by family
const SCRATCH = 16 + LISTED * ENTRY[1];

/**
 * Prefixes of one address family with u32 values, in the router's memory. Inserting and removing take time
 * in proportion to the prefix length, whatever the table holds.
 */
export class PrefixTable {
  readonly family: 4 | 6;
  readonly memory: PacketMemory;
  /** Address of the table: the first argument of the lookup kernels (`lpm4LookupAnno` and so on). */
  readonly address: number;
  readonly #scratch: number;

  /** An empty table. Throws MemoryError when the router's memory is exhausted. */
  constructor(memory: PacketMemory, family: 4 | 6) {
    this.memory = memory;
    this.family = family;
    const { kernels } = memory;
    this.#scratch = memory.alloc(SCRATCH);
    this.address = (family === 4 ? kernels.lpm4Create() : kernels.lpm6Create()) >>> 0;
    if (this.address === 0) {
      memory.free(this.#scratch, SCRATCH);
      throw new MemoryError("the router's memory is exhausted: no room for a prefix table");
    }
  }

  /** Gives all its memory back. The table must not be used afterwards, nor destroyed again. */
  destroy(): void {
    if (this.family === 4) this.memory.kernels.lpm4Destroy(this.address);
    else this.memory.kernels.lpm6Destroy(this.address);
    this.memory.free(this.#scratch, SCRATCH);
  }

  /** Number of prefixes. */
  get size(): number {
    return this.memory.kernels.lpmCount(this.address) >>> 0;
  }

  /** Bytes of the router's memory that the table occupies, as the allocator rounds them. */
  get bytes(): number {
    return (this.memory.kernels.lpmBytes(this.address) >>> 0) + SCRATCH;
  }

  /**
   * Inserts a prefix or replaces its value; address bits beyond `length` are ignored. Returns the value it
   * had, 0 when it is new. Throws PrefixTableError for arguments out of range, and MemoryError when the
   * router's memory is exhausted; the table is then as it was.
   */
  insert(address: Address, length: number, value: number): number {
    const at = this.#check(address, length);
    if (!Number.isInteger(value) || value < 1 || value > VALUE_MAX)
      throw new PrefixTableError(`value ${value} is not between 1 and ${VALUE_MAX}`);
    const { kernels } = this.memory;
    const insert = this.family === 4 ? kernels.lpm4Insert : kernels.lpm6Insert;
    const old = insert(this.address, at, length, value) >>> 0;
    if (old === NO_MEMORY) {
      throw new MemoryError(
        `the router's memory is exhausted (a prefix table of ${this.size} entries cannot grow, ${this.memory.heapUsed} bytes in use): make it with a larger memory`,
      );
    }
    return old;
  }

  /** Removes a prefix. Returns the value it had, 0 when it was not in the table. */
  remove(address: Address, length: number): number {
    const at = this.#check(address, length);
    const { kernels } = this.memory;
    return (this.family === 4 ? kernels.lpm4Remove : kernels.lpm6Remove)(this.address, at, length) >>> 0;
  }

  /** Value of exactly this prefix, 0 when it is not in the table. */
  exact(address: Address, length: number): number {
    const at = this.#check(address, length);
    const { kernels } = this.memory;
    return (this.family === 4 ? kernels.lpm4Exact : kernels.lpm6Exact)(this.address, at, length) >>> 0;
  }

  /** Value of the longest prefix that holds the address, 0 when there is none. */
  lookup(address: Address): number {
    const at = this.#check(address, 0);
    const { kernels } = this.memory;
    return (this.family === 4 ? kernels.lpm4Lookup : kernels.lpm6Lookup)(this.address, at) >>> 0;
  }

  /**
   * The prefixes in order of address, then length, those at or after `from` (in the table or not). The table may
   * change meanwhile: what is inserted or removed more than 16 entries ahead is seen.
   */
  *entries(from?: Pick<PrefixEntry, "address" | "length">): IterableIterator<PrefixEntry> {
    let address: Address = from?.address ?? (this.family === 4 ? 0 : new Uint8Array(16));
    let length = from?.length ?? 0;
    while (true) {
      const listed = this.#list(address, length);
      yield* listed;
      if (listed.length < LISTED) return;
      const last = listed[LISTED - 1];
      address = last.address;
      length = last.length + 1;
    }
  }

  #list(address: Address, length: number): PrefixEntry[] {
    const { kernels, view, u8 } = this.memory;
    const out = this.#scratch + 16;
    const at = this.#place(address);
    if (this.family === 4) {
      const n = kernels.lpm4List(this.address, at, length, out, LISTED);
      return Array.from({ length: n }, (_, i) => {
        const entry = out + i * ENTRY[0];
        return {
          address: view.getUint32(entry, true),
          length: view.getUint32(entry + 4, true),
          value: view.getUint32(entry + 8, true),
        };
      });
    }
    const n = kernels.lpm6List(this.address, at, length, out, LISTED);
    return Array.from({ length: n }, (_, i) => {
      const entry = out + i * ENTRY[1];
      return {
        address: new Uint8Array(u8.slice(entry, entry + 16)),
        length: view.getUint32(entry + 16, true),
        value: view.getUint32(entry + 20, true),
      };
    });
  }

  /** What a kernel takes for the address: the number itself, or where its 16 bytes stand. */
  #place(address: Address): number {
    if (typeof address === "number") return address;
    this.memory.u8.set(address, this.#scratch);
    return this.#scratch;
  }

  #check(address: Address, length: number): number {
    const bits = this.family === 4 ? 32 : 128;
    if (!Number.isInteger(length) || length < 0 || length > bits)
      throw new PrefixTableError(`prefix length ${length} is not between 0 and ${bits}`);
    const fits =
      this.family === 4
        ? typeof address === "number" && address >>> 0 === address
        : typeof address === "object" && address.length === 16;
    if (!fits) throw new PrefixTableError(`not an IPv${this.family} address: ${address}`);
    return this.#place(address);
  }
}
