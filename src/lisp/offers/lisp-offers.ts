// What LISP elements offer to one another. An element of somebody else's that offers the same stands in for ours.

import type { PathsOffer } from "../../measure/path-offer.js";
import type { EidPrefix } from "../../net/eid.js";
import type { Prefix } from "../../net/prefix.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import type { RecordFields } from "../control/control-records.js";
import type { HeaderVerifier } from "../data-plane/header-verifier.js";
import type { SiteMappings } from "../etr/site-mappings.js";
import type { EncapsulatedRequest } from "../map-server/requests.js";
import type { Locator, Mapping } from "../mapping.js";
import type { HostTable } from "../mobility/host-table.js";
import type { MapCache } from "../tables/map-cache.js";
import type { LoggedPeer } from "../tables/peer-log.js";
import type { PeerNews, PeerTable } from "../tables/peer-table.js";
import type { SiteRecords } from "../tables/site-records.js";

// All but `offers` itself is asked for once the graph is configured.
declare module "../../router/offers.js" {
  interface Offers {
    LISPSite: SiteOffer;
    LISPMapReplier: MapReplierOffer;
    LISPRegistrar: RegistrarOffer;
    LISPSMRSender: SmrSenderOffer;
    LISPMapCache: MapCacheOffer;
    LISPResolver: ResolverOffer;
    LISPRLOCProber: RlocProberOffer;
    LISPEncap: EncapOffer;
    LISPDecap: DecapOffer;
    LISPMobility: MobilityOffer;
    LISPPeerLog: PeerLogOffer;
    LISPMapServer: MapServerOffer;
  }
}

/** Has the mappings of the own site. */
export interface SiteOffer {
  /** What others read, and may change. */
  readonly mappings: SiteMappings;
  /** The mappings in the router's memory, for LISPEncap and LISPDecap, from the first time they are asked for. Throws MemoryError. */
  readonly records: SiteRecords;
  /** Minutes for which others may keep a mapping of ours. */
  minutes(mapping: Mapping): number;
  /** What others are told of a mapping; with its own TTL where `fields` have none. */
  record(mapping: Mapping, fields: Omit<RecordFields, "ttl"> & { readonly ttl?: number }): EidRecord;
}

/** Answers Map-Requests for the own site. */
export interface MapReplierOffer {
  /** Calls `listener` with the ITR-RLOCs of those who are answered because an SMR had them ask, and what they ask for. */
  onSolicited(listener: (rlocs: readonly Uint8Array[], asked: readonly EidPrefix[]) => void): void;
}

/** Registers the own site. */
export interface RegistrarOffer {
  /**
   * Whether every Map-Server, or the one at address `server` if given, has acknowledged what is registered for this
   * EID-prefix now.
   */
  acknowledged(iid: number, eid: Prefix, server?: Uint8Array): boolean;
  /** Calls `listener` with each EID-prefix of which a Map-Server acknowledges what is registered for it now. */
  onAcknowledge(listener: (eid: EidPrefix) => void): void;
  /** Calls `listener` with the records of every unsolicited Map-Notify, and the address of the Map-Server whose key it bears. */
  onNotify(listener: (records: readonly EidRecord[], server: Uint8Array) => void): void;
}

/** Tells others that a mapping of the own site has changed. */
export interface SmrSenderOffer {
  /** Tells one RLOC that the mapping of `eid` has changed. */
  solicitFrom(rloc: Uint8Array, eid: EidPrefix): void;
}

/** Has a map-cache. */
export interface MapCacheOffer {
  /** Another one after a hot swap: not to be kept. */
  readonly cache: MapCache;
  /** Address of what the kernels know of it, laid out as `CACHE_*` of assembly/lisp-layout.ts say. */
  readonly state: number;
  /** Whether the configuration has a mapping for just this EID-prefix. */
  isConfigured(iid: number, eid: Prefix): boolean;
  /** Calls `listener` with every mapping that was put in. */
  onInsert(listener: (mapping: Mapping) => void): void;
}

/** Asks the mapping system. */
export interface ResolverOffer {
  /** The map-cache that it fills. */
  readonly cache: MapCacheOffer;
  /** Whether there is somebody to ask. */
  readonly canAsk: boolean;
  /** Asks for a mapping although no packet needs it, as an SMR wants; false where that is impossible now. */
  ask(iid: number, eid: Prefix, smrInvoked?: boolean): boolean;
  /** Calls `listener` with every mapping that an answer has brought into the map-cache, and whether its site says that it echoes nonces (E bit). */
  onInstall(listener: (mapping: Mapping, echoes: boolean) => void): void;
  /** Sends on the packets that the mappings just put into the map-cache are for, before any that come later. */
  sendCovered(): void;
}

/** Finds out which RLOCs can be reached, and measures the ways there. */
export interface RlocProberOffer extends PathsOffer {
  /** Probes an RLOC now, to see whether another's word about it is true; false where that is not probed at all. */
  verify(rloc: Uint8Array): boolean;
}

/** Puts LISP headers on packets. */
export interface EncapOffer {
  /** From now on the header of each packet says what the record of its source EID does, `root` being that of the site's SiteRecords. */
  signSources(root: number): void;
  /** Sends Map-Versions from now on, where the destination's mapping has one; false where it sends nonces in their place. */
  sendVersions(): boolean;
}

/** Takes LISP headers off packets. */
export interface DecapOffer {
  /** The senders that it remembers; null where it does not remember any. */
  readonly peers: PeerTable | null;
  /** What Map-Versions and Locator-Status-Bits are verified by, from the first time it is asked for. Throws MemoryError. */
  readonly verifier: HeaderVerifier;
  /** Calls `listener` with what is news about a peer, after the batch that brought it. Peers must be remembered. */
  onPeer(listener: (news: PeerNews) => void): void;
}

/**
 * Knows the mobile hosts of an instance: finds out that they come and leave, or is told by somebody who knows, such as
 * their hypervisor. EIDs have 4 or 16 bytes. What is said a second time changes nothing.
 */
export interface MobilityOffer {
  readonly table: HostTable;
  readonly iid: number;
  /** Calls `listener` with the own site's prefixes out of which hosts may leave: now, and whenever they change. */
  watchHomes(listener: (homes: readonly Prefix[]) => void): void;
  /** What the mapping system has registered of `part` of these prefixes, asked for at `asked`, steady nanoseconds. */
  reported(part: Prefix, records: readonly EidRecord[], asked: number): void;
  /**
   * Holds packets that come for an EID which is to arrive, instead of sending them back: until `claim`, `cancel`, or
   * `patience` seconds are over. True, and nothing to hold, for one that is here. False: no room, nobody to hold
   * packets, or in no dynamic-EID range.
   */
  expect(eid: Uint8Array, patience: number): boolean;
  /**
   * The EID is here, at hardware address `mac` where that is known: it is registered and delivered to at once, and what
   * was held goes to it, in order, before anything else. False: no room, or in no dynamic-EID range.
   */
  claim(eid: Uint8Array, mac: Uint8Array | null): boolean;
  /**
   * The EID will leave to these locators when `release` is called without any, within `patience` seconds. False: no
   * room, no locator of others that may be used, or in no dynamic-EID range.
   */
  arm(eid: Uint8Array, locators: readonly Locator[], patience: number): boolean;
  /**
   * The EID has left: it is no longer registered nor delivered to; what comes for it is encapsulated to the locators,
   * or those armed where null. Said again, it goes elsewhere, as long as the mapping system has not confirmed where it is.
   * Tells no peers; those that go on sending are solicited after some seconds. False: it is neither here nor armed, or no locators of others are known, or there is no room for what is to be known of it.
   */
  release(eid: Uint8Array, locators: readonly Locator[] | null): boolean;
  /** Undoes `expect` and `arm`. Packets that were held go the usual way. */
  cancel(eid: Uint8Array): void;
  /** RLOCs of the peers that exchange packets with the EID. */
  peersOf(eid: Uint8Array): Uint8Array[];
  /** Whether this site hosts the EID now. */
  hosts(eid: Uint8Array): boolean;
}

/** Knows the peers of each EID of the own site. */
export interface PeerLogOffer {
  /** Begins to keep peers; no effect when it does already. */
  start(): void;
  /** The peers of an EID. */
  peers(iid: number, eid: Uint8Array): Iterable<LoggedPeer>;
}

/** Answers for the sites that register with it. */
export interface MapServerOffer {
  /** Length of the longest EID-prefix of a site around `eid`; null: it is of none. */
  authority(eid: EidPrefix): number | null;
  /** Length of the least specific prefix around an address of no site in which no site is, and nothing is registered. */
  unknownLength(iid: number, address: Uint8Array): number;
  /** Takes a Map-Request, as it was inside its ECM, which came from `sender`. */
  request(request: EncapsulatedRequest, sender: Uint8Array): void;
}
