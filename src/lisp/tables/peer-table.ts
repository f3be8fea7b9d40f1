// The senders of encapsulated packets: what their LISP headers said last, and
// what about it is news (RFC 9300, sections 10 and 13).

import { BATCH_MAX } from "../../../assembly/layout.js";
import * as layout from "../../../assembly/lisp-layout.js";
import type { PacketMemory } from "../../packet/memory.js";

/** A peer: an RLOC that packets came from, for one instance ID. */
export interface Peer {
  /** 4 or 16 bytes. */
  readonly rloc: Uint8Array;
  readonly iid: number;
  /** N, L, E, V, I bits of its last packet (0x80, 0x40, 0x20, 0x10, 0x08). */
  readonly flags: number;
  /** The last nonce, 24 bits. */
  readonly nonce: number;
  /** The last Source and Destination Map-Version Numbers. */
  readonly sourceVersion: number;
  readonly destinationVersion: number;
  /** The last Locator-Status-Bits: 8 with an instance ID, else 32. */
  readonly statusBits: number;
  readonly packets: number;
}

/** What is news about a peer. Several may hold at once. */
export interface PeerNews {
  readonly peer: Peer;
  /** First packet from there. */
  readonly fresh: boolean;
  /** It asks to have `peer.nonce` echoed. */
  readonly echoRequested: boolean;
  /** It echoed the nonce that was awaited. */
  readonly echoed: boolean;
  readonly statusBitsChanged: boolean;
  readonly versionChanged: boolean;
}

export class PeerTable {
  readonly #memory: PacketMemory;
  readonly #places: number;
  /** Addresses of the peers, and of the array of events, for the kernel. */
  readonly address: number;
  readonly events: number;
  readonly #scratch: number;

  /** Remembers up to `capacity` peers, rounded up to a power of two of at least 8. Throws MemoryError. */
  constructor(memory: PacketMemory, capacity: number) {
    this.#memory = memory;
    this.#places = 8;
    while (this.#places < capacity) this.#places *= 2;
    this.address = memory.alloc(this.#places * layout.PEER_SIZE);
    this.events = memory.alloc(BATCH_MAX * 4);
    this.#scratch = memory.alloc(16);
  }

  /** Places in the table. */
  get places(): number {
    return this.#places;
  }

  /** Peers known, in no order: all, or those in some of the places. */
  *peers(from = 0, count = this.#places): IterableIterator<Peer> {
    for (let i = from; i < Math.min(from + count, this.#places); i++) {
      const at = this.address + i * layout.PEER_SIZE;
      if (this.#memory.get32(at + layout.PEER_FAMILY) !== 0) yield this.#read(at);
    }
  }

  get(rloc: Uint8Array, iid: number): Peer | null {
    const at = this.#find(rloc, iid);
    return at === 0 ? null : this.#read(at);
  }

  /** Waits for `nonce` to come back from the peer; null: no longer. Returns false when the peer is not known. */
  awaitEcho(rloc: Uint8Array, iid: number, nonce: number | null): boolean {
    const at = this.#find(rloc, iid);
    if (at === 0) return false;
    const awaited = nonce === null ? 0 : (layout.PEER_AWAITS + (nonce & 0xffffff)) >>> 0;
    this.#memory.set32(at + layout.PEER_AWAITED, awaited);
    return true;
  }

  /** Gives the first `count` events to `listener`, each peer's news once. */
  deliver(count: number, listener: (news: PeerNews) => void): void {
    for (let i = 0; i < count; i++) {
      const at = this.#memory.get32(this.events + i * 4);
      const changes = this.#memory.get32(at + layout.PEER_CHANGES);
      // A peer that took over another's place has its news under the earlier event.
      if (changes === 0) continue;
      this.#memory.set32(at + layout.PEER_CHANGES, 0);
      listener({
        peer: this.#read(at),
        fresh: (changes & layout.PEER_NEW) !== 0,
        echoRequested: (changes & layout.PEER_ECHO_REQUESTED) !== 0,
        echoed: (changes & layout.PEER_ECHOED) !== 0,
        statusBitsChanged: (changes & layout.PEER_LSB_CHANGED) !== 0,
        versionChanged: (changes & layout.PEER_VERSION_CHANGED) !== 0,
      });
    }
  }

  destroy(): void {
    this.#memory.free(this.address, this.#places * layout.PEER_SIZE);
    this.#memory.free(this.events, BATCH_MAX * 4);
    this.#memory.free(this.#scratch, 16);
  }

  #find(rloc: Uint8Array, iid: number): number {
    const { u8, kernels } = this.#memory;
    u8.fill(0, this.#scratch, this.#scratch + 16).set(rloc, this.#scratch);
    const family = rloc.length === 4 ? 4 : 6;
    return kernels.lispPeer(this.address, this.#places - 1, this.#scratch, family, iid) >>> 0;
  }

  #read(at: number): Peer {
    const { u8 } = this.#memory;
    const size = this.#memory.get32(at + layout.PEER_FAMILY) === 4 ? 4 : 16;
    const versions = this.#memory.get32(at + layout.PEER_VERSIONS);
    return {
      rloc: Uint8Array.from(u8.subarray(at + layout.PEER_ADDRESS, at + layout.PEER_ADDRESS + size)),
      iid: this.#memory.get32(at + layout.PEER_IID),
      flags: this.#memory.get32(at + layout.PEER_FLAGS),
      nonce: this.#memory.get32(at + layout.PEER_NONCE),
      sourceVersion: versions >>> 12,
      destinationVersion: versions & 0xfff,
      statusBits: this.#memory.get32(at + layout.PEER_LSB),
      packets: this.#memory.get64(at + layout.PEER_PACKETS),
    };
  }
}
