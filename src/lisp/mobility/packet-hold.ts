// Takes packets for and from expected EIDs, and does what can be done while they are held.

import { isRoutable } from "../../net/address.js";
import type { PacketMemory } from "../../packet/memory.js";
import type { ExpectedHosts, HeldPackets } from "./expected-hosts.js";
import type { MobileHosts } from "./hosts.js";
import { type EidPlace, eidAt, findEid, isAt } from "./packets.js";

export interface PacketHoldOptions {
  readonly memory: PacketMemory;
  readonly expected: ExpectedHosts;
  readonly hosts: MobileHosts;
  /** Whoever sends to an expected EID: its mapping is to be there when it is answered. */
  readonly sender: (eid: Uint8Array) => void;
  readonly count: (what: "held" | "hold_full" | "unexpected" | "malformed") => void;
}

export class PacketHold {
  readonly #options: PacketHoldOptions;
  readonly #place: EidPlace = { u8: new Uint8Array(0), at: 0, bytes: 0 };
  /** Who sent the packet that was held last. */
  #sender: Uint8Array = new Uint8Array(0);

  constructor(options: PacketHoldOptions) {
    this.#options = options;
  }

  /** Takes a packet for (`to`) an expected EID, or from one. */
  take(which: keyof HeldPackets, slot: number): void {
    const { memory, expected, hosts, count } = this.#options;
    const place = this.#place;
    const found = findEid(memory, slot, which === "to" ? "destination" : "source", place);
    const held = found ? expected.hold(which, place, slot) : "malformed";
    count(held);
    if (held !== "held") memory.kernels.poolGive(slot);
    else if (which === "to") this.#tellSender(slot);
    // It may be here, and who is to say so may be dead.
    else if (hosts.open) hosts.suspect(eidAt(place));
  }

  #tellSender(slot: number): void {
    const { memory, sender } = this.#options;
    const place = this.#place;
    if (!findEid(memory, slot, "source", place) || isAt(this.#sender, place)) return;
    this.#sender = eidAt(place);
    if (isRoutable(this.#sender)) sender(this.#sender);
  }
}
