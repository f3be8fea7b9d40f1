// What the elements of a Follow-Me Cloud controller offer to one another.

import type { Catalogue } from "./catalogue/catalogue.js";
import type { CatalogueChange } from "./catalogue/model.js";

// All but `offers` itself is asked for once the graph is configured.
declare module "../router/offers.js" {
  interface Offers {
    FMCCatalogue: CatalogueOffer;
  }
}

/** Knows data centres, access networks, services, virtual machines and users. */
export interface CatalogueOffer {
  /** Another one after a hot swap: not to be kept. */
  readonly catalogue: Catalogue;
  /** Calls `listener` with every change, once it is in the catalogue, until the function it returns is called. */
  onChange(listener: (change: CatalogueChange) => void): () => void;
  /** Resolves when all changes so far outlive the process. Rejects with StoreError; they are written later then. */
  flush(): Promise<void>;
}
