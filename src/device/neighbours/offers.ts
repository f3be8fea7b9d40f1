// What elements that know neighbours offer to others.

import type { ARPCache } from "./arp-cache.js";

/** Has a table of IPv4 neighbours. */
export interface ArpTableOffer {
  readonly cache: ARPCache;
}

/** Knows neighbours of one address family. */
export interface NeighboursOffer {
  /** Bytes of its neighbours' addresses: 4 or 16. */
  readonly addressBytes: 4 | 16;
  /**
   * Takes it that the neighbour at an IP address has hardware address `mac`, as if it had answered just now: what waits
   * for it leaves. Where there is no room for it, it is asked for as others are.
   */
  learn(address: Uint8Array, mac: Uint8Array): void;
}

declare module "../../router/offers.js" {
  interface Offers {
    ARPTable: ArpTableOffer;
    Neighbours: NeighboursOffer;
  }
}
