// Which peers exchange packets with which EIDs (Follow-Me-Cloud: each xTR keeps the xTRs involved in a communication).

import * as layout from "../../../assembly/lisp-layout.js";
import type { PacketMemory } from "../../packet/memory.js";

export interface LoggedPeer {
  /** 4 or 16 bytes. */
  readonly eid: Uint8Array;
  readonly rloc: Uint8Array;
  readonly iid: number;
  /** Packets from the peer to the EID, and from the EID to the peer. */
  readonly from: number;
  readonly to: number;
  /** Steady nanoseconds of the last one. */
  readonly seen: number;
}

export class PeerLog {
  readonly #memory: PacketMemory;
  readonly places: number;
  /** Address of the records. */
  readonly address: number;
  readonly #scratch: number;

  /** Keeps up to `capacity` pairs, rounded up to a power of two of at least 8. Throws MemoryError. */
  constructor(memory: PacketMemory, capacity: number) {
    this.#memory = memory;
    let places = 8;
    while (places < capacity) places *= 2;
    this.places = places;
    this.address = memory.alloc(places * layout.LOG_PLACE_SIZE);
    this.#scratch = memory.alloc(16);
  }

  /** All pairs, in no order. */
  *entries(): IterableIterator<LoggedPeer> {
    for (let i = 0; i < this.places; i++) {
      const at = this.address + i * layout.LOG_SIZE;
      const families = this.#memory.get32(at + layout.LOG_FAMILIES);
      if (families !== 0) yield this.#read(at, families);
    }
  }

  /** The pairs of one EID, in no order. No packet may be noted meanwhile. */
  *of(iid: number, eid: Uint8Array): IterableIterator<LoggedPeer> {
    const { u8, kernels } = this.#memory;
    const family = eid.length === 4 ? 4 : 6;
    for (let at = 0; ; ) {
      u8.fill(0, this.#scratch, this.#scratch + 16).set(eid, this.#scratch);
      at = kernels.lispLogOf(this.address, this.places - 1, this.#scratch, family, iid, at) >>> 0;
      if (at === 0) return;
      yield this.#read(at, this.#memory.get32(at + layout.LOG_FAMILIES));
    }
  }

  clear(): void {
    this.#memory.u8.fill(0, this.address, this.address + this.places * layout.LOG_PLACE_SIZE);
  }

  destroy(): void {
    this.#memory.free(this.address, this.places * layout.LOG_PLACE_SIZE);
    this.#memory.free(this.#scratch, 16);
  }

  #read(at: number, families: number): LoggedPeer {
    const copy = (from: number, size: number): Uint8Array =>
      Uint8Array.from(this.#memory.u8.subarray(at + from, at + from + size));
    return {
      eid: copy(layout.LOG_EID, bytesOf(families)),
      rloc: copy(layout.LOG_RLOC, bytesOf(families >>> 8)),
      iid: this.#memory.get32(at + layout.LOG_IID),
      from: this.#memory.get64(at + layout.LOG_FROM),
      to: this.#memory.get64(at + layout.LOG_TO),
      seen: this.#memory.view.getFloat64(at + layout.LOG_SEEN, true),
    };
  }
}

function bytesOf(family: number): 4 | 16 {
  return (family & 0xff) === 4 ? 4 : 16;
}
