// What an element that measures paths offers to others, whatever it sends along them.

import type { PathTable } from "./path-table.js";

declare module "../router/offers.js" {
  interface Offers {
    Paths: PathsOffer;
  }
}

/** Measures paths. */
export interface PathsOffer {
  /** What it has measured; another one after a hot swap: not to be kept. */
  readonly paths: PathTable;
}
