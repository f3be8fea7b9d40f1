// A host that has come to a site or left it, and how it is told in text.

import { addressText } from "../../net/address.js";
import { etherText } from "../../net/mac.js";
import { type Mapping, mappingText } from "../mapping.js";

export type HostState =
  /** A host of another site that is here. */
  | "here"
  /** One of this site that was away, and is back. */
  | "returned"
  /** It was here, or is of this site, and is elsewhere. */
  | "away";

export interface MobileHost {
  /** 4 or 16 bytes. */
  readonly eid: Uint8Array;
  readonly state: HostState;
  /** Whether its address is out of the site's own prefixes. */
  readonly home: boolean;
  /** Whether it has said itself, since it is in this state, that it has the address; else it may still be about to make sure. */
  readonly answered: boolean;
  /** Its hardware address, where it or another has told. */
  readonly mac: Uint8Array | null;
  /** Where it is, when away. */
  readonly mapping: Mapping | null;
  /** Steady nanoseconds since when it is in this state, and when it was heard of last. */
  readonly since: number;
  readonly seen: number;
  /**
   * Until when, steady nanoseconds, what was told of its leaving holds though the mapping system does not say it; 0: the
   * mapping system does.
   */
  readonly unconfirmed: number;
}

/** A host as a line of text, at steady time `now`: EID, state, hardware address, seconds in this state, where it is. */
export function hostText(host: MobileHost, now: number): string {
  const mac = host.mac === null ? "-" : etherText(host.mac);
  const where = host.mapping === null ? "" : ` ${mappingText(host.mapping)}`;
  return `${addressText(host.eid)} ${host.state} ${mac} ${((now - host.since) / 1e9).toFixed(3)}${where}\n`;
}
