// What elements that know neighbours offer to others.

import type { ARPCache } from "./arp-cache.js";

/** Has a table of IPv4 neighbours. */
export interface ArpTableOffer {
  readonly cache: ARPCache;
}

declare module "../../router/offers.js" {
  interface Offers {
    ARPTable: ArpTableOffer;
  }
}
