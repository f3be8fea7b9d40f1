// What LISPDecap verifies headers by: our own EID-prefixes and the map-cache, against the Map-Versions and
// Locator-Status-Bits that packets bring. What is news about them comes out as events.

import * as layout from "../../../assembly/lisp-layout.js";
import type { PacketMemory } from "../../packet/memory.js";
import { Listeners } from "../../router/listeners.js";

const KINDS = {
  [layout.EVENT_OLDER_DESTINATION]: "older-destination",
  [layout.EVENT_NEWER_SOURCE]: "newer-source",
  [layout.EVENT_STATUS_BITS]: "status-bits",
} as const;

/**
 * older-destination: the sender has an old mapping of ours. newer-source: we have an old mapping of its. status-bits:
 * its site says something else of its locators than the last time.
 */
export interface HeaderEvent {
  readonly kind: (typeof KINDS)[keyof typeof KINDS];
  readonly iid: number;
  /** 4 or 16 bytes: the destination (older-destination) or source address of the inner packet. */
  readonly eid: Uint8Array;
  /** Source RLOC of the outer packet. */
  readonly rloc: Uint8Array;
  /** Locator-Status-Bits as a number, and how many of them count. */
  readonly bits: number;
  readonly width: number;
}

export class HeaderVerifier {
  /** Its address, for the kernel. */
  readonly address: number;
  readonly #memory: PacketMemory;
  readonly #listeners: Listeners<[event: HeaderEvent]>;

  /** `log`: for listeners that fail. Throws MemoryError. */
  constructor(memory: PacketMemory, log: (line: string) => void) {
    this.#listeners = new Listeners("what headers say", log);
    this.#memory = memory;
    this.address = memory.alloc(layout.VERIFY_SIZE);
  }

  /** Our own EID-prefixes, by the root of their SiteRecords. */
  setSite(root: number): void {
    this.#memory.set32(this.address + layout.VERIFY_SITE, root);
  }

  /** The map-cache, by the address of the state of its element, which stays when a hot swap puts another cache there. */
  setCache(state: number): void {
    this.#memory.set32(this.address + layout.VERIFY_CACHE, state);
  }

  /** Looks at Map-Versions from now on; with `refuseSource` packets with an older Source Map-Version are dropped. */
  verifyVersions(refuseSource: boolean): void {
    this.#enable(layout.VERIFY_VERSIONS | (refuseSource ? layout.VERIFY_REFUSE_SOURCE : 0));
  }

  /** Looks at Locator-Status-Bits from now on. */
  verifyStatusBits(): void {
    this.#enable(layout.VERIFY_STATUS);
  }

  /**
   * Drops packets from these senders that have an older mapping of our EID-prefixes: each sender (4 or 16 bytes) with
   * the address of the prefix's SiteRecord. Replaces those named before; only the last 64 count.
   */
  refuse(senders: readonly { readonly rloc: Uint8Array; readonly record: number }[]): void {
    const { u8 } = this.#memory;
    const last = senders.slice(-layout.VERIFY_REFUSED_MAX);
    for (const [i, { rloc, record }] of last.entries()) {
      const at = this.address + layout.VERIFY_REFUSED + i * layout.REFUSED_SIZE;
      u8.fill(0, at, at + 16).set(rloc, at + layout.REFUSED_RLOC);
      this.#memory.set32(at + layout.REFUSED_RECORD, record);
      this.#memory.set32(at + layout.REFUSED_FAMILY, rloc.length === 4 ? 4 : 6);
    }
    this.#memory.set32(this.address + layout.VERIFY_REFUSED_COUNT, last.length);
  }

  /** Calls `listener` with every event, after the batch that brought it. */
  onEvent(listener: (event: HeaderEvent) => void): void {
    this.#listeners.add(listener);
  }

  /** Tells the listeners of the events of the kernel's last call. */
  deliver(): void {
    const count = this.#memory.get32(this.address + layout.VERIFY_COUNT);
    if (count === 0) return;
    // All are read first: what a listener does may bring the next ones.
    const events = Array.from({ length: count }, (_, i) => this.#event(i));
    this.#memory.set32(this.address + layout.VERIFY_COUNT, 0);
    for (const event of events) this.#listeners.tell(event);
  }

  destroy(): void {
    this.#memory.free(this.address, layout.VERIFY_SIZE);
  }

  #enable(flags: number): void {
    const at = this.address + layout.VERIFY_FLAGS;
    this.#memory.set32(at, this.#memory.get32(at) | flags);
  }

  #event(i: number): HeaderEvent {
    const at = this.address + layout.VERIFY_EVENTS + i * layout.EVENT_SIZE;
    const { u8 } = this.#memory;
    const get = (offset: number): number => this.#memory.get32(at + offset);
    const address = (offset: number, family: number): Uint8Array =>
      u8.slice(at + offset, at + offset + (get(family) === 4 ? 4 : 16));
    return {
      kind: KINDS[get(layout.EVENT_KIND) as keyof typeof KINDS],
      iid: get(layout.EVENT_IID),
      eid: address(layout.EVENT_EID, layout.EVENT_FAMILY),
      rloc: address(layout.EVENT_RLOC, layout.EVENT_RLOC_FAMILY),
      bits: get(layout.EVENT_LSB),
      width: get(layout.EVENT_WIDTH),
    };
  }
}
