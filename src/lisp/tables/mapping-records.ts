// Mappings as records in the router's memory: making, reading and freeing
// them, and writing down in each what its packets get.

import * as layout from "../../../assembly/lisp-layout.js";
import { masked, type Prefix } from "../../net/prefix.js";
import type { PacketMemory } from "../../packet/memory.js";
import { ACTIONS, type Locator, type Mapping } from "../mapping.js";
import type { RlocTable } from "./rloc-table.js";

/** A locator in the cache, and what became of it. */
export interface CachedLocator extends Locator {
  /** Packets sent there for this mapping. */
  readonly packets: number;
  /** Whether traffic of this mapping may go there now. */
  readonly usable: boolean;
}

/** A mapping in the cache: a copy, taken when it was asked for. */
export interface CachedMapping extends Mapping {
  readonly locators: readonly CachedLocator[];
  /** Packets that matched it. */
  readonly packets: number;
  /** Steady nanoseconds of its expiry; null: never. */
  readonly expiry: number | null;
}

const DROP_OF_ACTION = { "no-action": 0, drop: 1, "drop-policy-denied": 2, "drop-auth-failure": 3 } as const;
const DROP_UNREACHABLE = 4;
const HOST_BITS = { 4: 32, 16: 128 } as const;

/** Bytes of a mapping with `count` locators. */
function mappingSize(count: number): number {
  return layout.MAPPING_LINKS + count * (layout.LOCATOR_SIZE + layout.LINK_SIZE);
}

/** The records of one map-cache; a record is known by its address. */
export class MappingRecords {
  /** Bytes of the router's memory that records take. */
  bytes = 0;
  readonly #memory: PacketMemory;
  readonly #rlocs: RlocTable;
  readonly #root: number;

  /** `root`: that of the instances, where ROOT_EPOCH stands. */
  constructor(memory: PacketMemory, rlocs: RlocTable, root: number) {
    this.#memory = memory;
    this.#rlocs = rlocs;
    this.#root = root;
  }

  /** Number of locators. */
  count(record: number): number {
    return this.#memory.u8[record + layout.MAPPING_COUNT];
  }

  /** Seconds for which it was given, 0: for good. */
  ttl(record: number): number {
    return this.#memory.get32(record + layout.MAPPING_TTL);
  }

  iid(record: number): number {
    return this.#memory.get32(record + layout.MAPPING_IID);
  }

  eid(record: number): Prefix {
    const { u8 } = this.#memory;
    const size = u8[record + layout.MAPPING_FAMILY] === 4 ? 4 : 16;
    const at = record + layout.MAPPING_EID;
    return {
      address: Uint8Array.from(u8.subarray(at, at + size)),
      length: u8[record + layout.MAPPING_LENGTH],
    };
  }

  /** Makes a record at steady time `now`. Throws MemoryError. */
  make(m: Mapping, now: number): number {
    const { u8, u16, view } = this.#memory;
    const size = mappingSize(m.locators.length);
    const block = this.#memory.alloc(size);
    const record = block + m.locators.length * layout.LOCATOR_SIZE;
    this.bytes += size;
    u8.set(masked(m.eid.address, m.eid.length), record + layout.MAPPING_EID);
    u8[record + layout.MAPPING_FAMILY] = m.eid.address.length === 4 ? 4 : 6;
    u8[record + layout.MAPPING_LENGTH] = m.eid.length;
    u8[record + layout.MAPPING_ACTION] = ACTIONS.indexOf(m.action);
    u8[record + layout.MAPPING_VERDICT] = verdict(m);
    u16[(record + layout.MAPPING_VERSION) >>> 1] = m.version;
    this.#memory.set32(record + layout.MAPPING_IID, m.iid);
    if (m.partial) u8[record + layout.MAPPING_STATUS] = layout.STATUS_NEVER;
    if (m.ttl !== null) {
      view.setFloat64(record + layout.MAPPING_EXPIRY, now + m.ttl * 1e9, true);
      this.#memory.set32(record + layout.MAPPING_TTL, Math.max(1, Math.ceil(m.ttl)));
    }
    const host = m.eid.length === HOST_BITS[m.eid.address.length as 4 | 16];
    for (const [i, l] of m.locators.entries()) {
      const at = locatorAt(record, i);
      try {
        const rloc = this.#rlocs.acquire(l.rloc, m.iid, m.version);
        this.#memory.set32(at + layout.LOCATOR_RLOC, rloc);
        this.#memory.set32(at + layout.LOCATOR_TAG, this.#memory.get32(rloc + layout.RLOC_TAG));
      } catch (e) {
        this.#release(record);
        this.#free(block, size);
        throw e;
      }
      // Counted one by one, so that a failure half-way frees what was there.
      u8[record + layout.MAPPING_COUNT] = i + 1;
      u8[at + layout.LOCATOR_INDEX] = i;
      u8[at + layout.LOCATOR_PRIORITY] = l.priority;
      u8[at + layout.LOCATOR_WEIGHT] = l.weight;
      u8[at + layout.LOCATOR_MPRIORITY] = l.mpriority;
      u8[at + layout.LOCATOR_MWEIGHT] = l.mweight;
      u8[at + layout.LOCATOR_FLAGS] =
        (l.local ? layout.LOCATOR_LOCAL : 0) |
        (l.probed ? layout.LOCATOR_PROBED : 0) |
        (l.reachable ? layout.LOCATOR_REACHABLE : 0);
      if (this.#listed(at)) this.#rlocs.list(at, host);
      else this.#rlocs.setAside(at);
    }
    this.settle(record);
    return record;
  }

  /** Frees a mapping's memory and its uses of RLOCs. */
  destroy(record: number): void {
    const count = this.count(record);
    this.#release(record);
    this.#free(record - count * layout.LOCATOR_SIZE, mappingSize(count));
  }

  #release(record: number): void {
    for (let i = 0; i < this.count(record); i++) {
      const at = locatorAt(record, i);
      if (this.#listed(at)) this.#rlocs.unlist(at);
      else this.#rlocs.takeFromAside(at);
      this.#rlocs.release(this.#memory.get32(at + layout.LOCATOR_RLOC));
    }
  }

  #free(block: number, size: number): void {
    this.#memory.free(block, size);
    this.bytes -= size;
  }

  /**
   * What one record hands on to the one that replaces it: packet counts, where the RLOCs are the same; and, where the
   * locators are the same in the same order, what Locator-Status-Bits said of them.
   */
  carryOver(from: number, to: number): void {
    this.#memory.set64(to + layout.MAPPING_PACKETS, this.#memory.get64(from + layout.MAPPING_PACKETS));
    const counts = new Map<string, number>();
    const before = this.#names(from);
    for (const [i, name] of before.entries())
      counts.set(name, this.#memory.get64(locatorAt(from, i) + layout.LOCATOR_PACKETS));
    const after = this.#names(to);
    for (const [i, name] of after.entries()) {
      this.#memory.set64(locatorAt(to, i) + layout.LOCATOR_PACKETS, counts.get(name) ?? 0);
      counts.delete(name);
    }
    if (before.length !== after.length || before.some((name, i) => name !== after[i])) return;
    const { u8 } = this.#memory;
    if ([from, to].some((record) => u8[record + layout.MAPPING_STATUS] === layout.STATUS_NEVER)) return;
    u8[to + layout.MAPPING_STATUS] = u8[from + layout.MAPPING_STATUS];
    this.#memory.set32(to + layout.MAPPING_LSB, this.#memory.get32(from + layout.MAPPING_LSB));
    for (let i = 0; i < after.length; i++)
      this.#mark(
        locatorAt(to, i),
        (u8[locatorAt(from, i) + layout.LOCATOR_FLAGS] & layout.LOCATOR_DOWN) !== 0,
      );
    this.settle(to);
  }

  /** The RLOCs of a record's locators. */
  #names(record: number): string[] {
    return Array.from({ length: this.count(record) }, (_, i) =>
      this.#rlocs.addressOf(this.#memory.get32(locatorAt(record, i) + layout.LOCATOR_RLOC)).join("."),
    );
  }

  /** The mapping of a locator on an RLOC's list. */
  mappingOf(locator: number): number {
    const index = this.#memory.u8[locator + layout.LOCATOR_INDEX];
    return locator + (index + 1) * layout.LOCATOR_SIZE;
  }

  /** Whether traffic may use the locator, where it is reachable: it is on the list of its RLOC then. */
  #listed(locator: number): boolean {
    const { u8 } = this.#memory;
    return (
      u8[locator + layout.LOCATOR_PRIORITY] !== 255 &&
      (u8[locator + layout.LOCATOR_FLAGS] & layout.LOCATOR_REACHABLE) !== 0
    );
  }

  #usable(locator: number): boolean {
    const { u8 } = this.#memory;
    return (
      this.#listed(locator) &&
      (u8[locator + layout.LOCATOR_FLAGS] & layout.LOCATOR_DOWN) === 0 &&
      !this.#rlocs.isDown(this.#memory.get32(locator + layout.LOCATOR_RLOC))
    );
  }

  /** Makes the choice among the mapping's locators ready, where something of this mapping has changed. */
  settle(record: number): void {
    this.#memory.kernels.lispSettle(record, this.#memory.get32(this.#root + layout.ROOT_EPOCH));
  }

  /** Packets that matched the mapping, whatever locator they got. */
  packets(record: number): number {
    let packets = this.#memory.get64(record + layout.MAPPING_PACKETS);
    for (let i = 0; i < this.count(record); i++)
      packets += this.#memory.get64(locatorAt(record, i) + layout.LOCATOR_PACKETS);
    return packets;
  }

  read(record: number): CachedMapping {
    const { u8, u16, view } = this.#memory;
    const ttl = this.#memory.get32(record + layout.MAPPING_TTL);
    const locators: CachedLocator[] = [];
    for (let i = 0; i < this.count(record); i++) {
      const at = locatorAt(record, i);
      const flags = u8[at + layout.LOCATOR_FLAGS];
      locators.push({
        rloc: this.#rlocs.addressOf(this.#memory.get32(at + layout.LOCATOR_RLOC)),
        priority: u8[at + layout.LOCATOR_PRIORITY],
        weight: u8[at + layout.LOCATOR_WEIGHT],
        mpriority: u8[at + layout.LOCATOR_MPRIORITY],
        mweight: u8[at + layout.LOCATOR_MWEIGHT],
        reachable: (flags & layout.LOCATOR_REACHABLE) !== 0,
        local: (flags & layout.LOCATOR_LOCAL) !== 0,
        probed: (flags & layout.LOCATOR_PROBED) !== 0,
        packets: this.#memory.get64(at + layout.LOCATOR_PACKETS),
        usable: this.#usable(at),
      });
    }
    return {
      iid: this.#memory.get32(record + layout.MAPPING_IID),
      eid: this.eid(record),
      ttl: ttl === 0 ? null : ttl,
      action: ACTIONS[u8[record + layout.MAPPING_ACTION]],
      locators,
      version: u16[(record + layout.MAPPING_VERSION) >>> 1],
      packets: this.packets(record),
      expiry: ttl === 0 ? null : view.getFloat64(record + layout.MAPPING_EXPIRY, true),
    };
  }

  /** Marks each of the first `width` locators up or down by its bit, and chooses anew. */
  setStatusBits(record: number, bits: number, width: number): void {
    const count = Math.min(width, this.count(record));
    for (let i = 0; i < count; i++) this.#mark(locatorAt(record, i), ((bits >>> i) & 1) === 0);
    this.settle(record);
  }

  #mark(locator: number, down: boolean): void {
    const { u8 } = this.#memory;
    const flags = u8[locator + layout.LOCATOR_FLAGS];
    u8[locator + layout.LOCATOR_FLAGS] = down ? flags | layout.LOCATOR_DOWN : flags & ~layout.LOCATOR_DOWN;
  }

  resetCounts(record: number): void {
    this.#memory.set64(record + layout.MAPPING_PACKETS, 0);
    for (let i = 0; i < this.count(record); i++)
      this.#memory.set64(locatorAt(record, i) + layout.LOCATOR_PACKETS, 0);
  }
}

/** What packets of a mapping get where none of its locators can be used. */
function verdict({ locators, action }: Mapping): number {
  if (locators.length > 0) return layout.VERDICT_DROP + DROP_UNREACHABLE;
  if (action === "natively-forward") return layout.VERDICT_NATIVE;
  if (action === "send-map-request") return layout.VERDICT_MAP_REQUEST;
  return layout.VERDICT_DROP + DROP_OF_ACTION[action];
}

function locatorAt(record: number, i: number): number {
  return record - (i + 1) * layout.LOCATOR_SIZE;
}
