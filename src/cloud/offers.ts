// What the elements of a Follow-Me Cloud controller offer to one another.

import type { EidPrefix } from "../net/eid.js";
import type { Catalogue } from "./catalogue/catalogue.js";
import type { CatalogueChange } from "./catalogue/model.js";
import type { Decision, Outcome } from "./decision/decision.js";
import type { UserMove, UserState, VmClaim } from "./users/tracker.js";
import type { Whereabouts } from "./users/whereabouts.js";

// All but `offers` itself is asked for once the graph is configured.
declare module "../router/offers.js" {
  interface Offers {
    FMCCatalogue: CatalogueOffer;
    FMCMobilityTracker: MobilityTrackerOffer;
    FMCDecision: DecisionOffer;
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
  /** The next number of a row (`decision`), from 1 on: none comes twice, over restarts either where there is a store. */
  nextNumber(row: string): number;
}

/** Knows where users are, and which site has a virtual machine's EID. */
export interface MobilityTrackerOffer {
  /** null: the user is not in the catalogue, or was never seen. */
  user(name: string): UserState | null;
  /** What holds for an EID of a user or a virtual machine; null: it is nobody's, or nothing is registered. */
  where(eid: EidPrefix): Whereabouts | null;
  /** Calls `listener` whenever a user is in another place, until the function it returns is called. */
  onMove(listener: (move: UserMove) => void): () => void;
  /**
   * Calls `listener` with a user whose network is another one only by the catalogue, as locators are another network's now,
   * until the function it returns is called.
   */
  onRelabel(listener: (user: string) => void): () => void;
  /** Calls `listener` whenever what an EID of a virtual machine is registered with changes, until the function it returns is called. */
  onClaim(listener: (claim: VmClaim) => void): () => void;
}

/** Decides which virtual machines go where. */
export interface DecisionOffer {
  /**
   * Calls `listener` with every decision, those that all stay as well, until the function it returns is called. A
   * transfer to where the virtual machine is takes an earlier one back. Of what becomes of each transfer `finished` is to
   * be told; a virtual machine that has arrived is `placed` in the catalogue.
   */
  onDecision(listener: (decision: Decision) => void): () => void;
  /** What has become of one transfer; `why`: for people, "" where there is nothing to say. */
  finished(number: number, vm: string, outcome: Exclude<Outcome, "decided">, why?: string): void;
}
