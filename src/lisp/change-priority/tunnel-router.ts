// What a tunnel router does when a Change-Priority message says where an EID is, and whom it tells of it.

import { LargeMap } from "../../collections/large-map.js";
import { sameAddress } from "../../net/address.js";
import { type EidPrefix, eidName } from "../../net/eid.js";
import { isHost, type Prefix } from "../../net/prefix.js";
import { MemoryError } from "../../packet/memory.js";
import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { ChangeEvent, ChangePriority, ChangeStatus } from "../../wire/lisp-control/change-priority.js";
import { type EidRecord, TTL_OWN_CHOICE } from "../../wire/lisp-control/record.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import type { Ends } from "../control/authentication.js";
import { mappingOfRecord, recordOfMapping, tableEid } from "../control/control-records.js";
import type { Locator, Mapping } from "../mapping.js";
import { type MapCache, MapCacheFullError } from "../tables/map-cache.js";
import { Notes } from "./notes.js";
import type { Outcome, Saying } from "./talk.js";

/** What the tunnel router of a site does with the EIDs of an instance (MobilityOffer, of which this is a part). */
export interface HostedEids {
  expect(eid: Uint8Array, patience: number): boolean;
  claim(eid: Uint8Array, mac: Uint8Array | null): boolean;
  arm(eid: Uint8Array, locators: readonly Locator[], patience: number): boolean;
  release(eid: Uint8Array, locators: readonly Locator[] | null): boolean;
  cancel(eid: Uint8Array): void;
  peersOf(eid: Uint8Array): Uint8Array[];
  hosts(eid: Uint8Array): boolean;
}

/** Why something is said. */
export type About =
  /** A peer is told where an EID is: an SMR is what is left where it does not take that. */
  | { readonly kind: "peer"; readonly eid: EidPrefix }
  | { readonly kind: "former" }
  | { readonly kind: "reply" }
  | { readonly kind: "hand" };

export type ChangeSaying = Saying<About>;

export interface TunnelRouterOptions {
  readonly clock: Clock;
  /** Instance ID of the EIDs. */
  readonly iid: number;
  /** Our own, one of each address family. */
  readonly rlocs: readonly Uint8Array[];
  /** What becomes of EIDs here; null: this is a proxy, which has none. */
  readonly hosted: () => HostedEids | null;
  /** Our mapping of an EID, as others are told of it; null: there is none. */
  readonly own: (eid: EidPrefix) => { readonly mapping: Mapping; readonly record: EidRecord } | null;
  readonly cache: () => MapCache;
  /** Whether the configuration says where this EID-prefix is. */
  readonly isConfigured: (iid: number, eid: Prefix) => boolean;
  /** The map-cache has something new: what waits for it goes on. */
  readonly cached: () => void;
  readonly say: (saying: ChangeSaying) => void;
  /** Messages that can be said now. */
  readonly room: () => number;
  /** Sends an SMR; false where there is nobody to do it. */
  readonly solicit: (rloc: Uint8Array, eid: EidPrefix) => boolean;
  readonly timer: (fire: () => void) => Timer;
  readonly count: (what: "updates" | "smrs") => void;
  /** Whether tunnel routers that had an EID, as who speaks for its hypervisor names them, are told. */
  readonly tellsFormer: boolean;
  /** Peers are told by SMRs alone. */
  readonly bySmr: boolean;
  /**
   * Seconds for which what is told beforehand holds, where its record does not say for how long; and for which peers may keep
   * a mapping, where we say it for others.
   */
  readonly patience: number;
  readonly ttl: number;
}

/** EIDs in one message. */
const EIDS_MAX = 16;
/** Peers in one reply: within 1,200 bytes, of either family. */
const PEERS_MAX = 40;
/** Formers that one message names. */
const FORMERS_MAX = 8;
/** EIDs of which it is known when they were told of last. */
const LATEST_MAX = 65536;
/** Nanoseconds for which replies are taken. */
const REPLIES = 10e9;
/** Nanoseconds to the second SMR: at the first one the Map-Server may not know yet. Most that wait for it. */
const SMR_AGAIN = 1e9;
const SMRS_MAX = 4096;
/** Seconds that a mapping may be kept for, and that something told beforehand may hold, at most. */
const TTL_MAX = 86400;
const PATIENCE_MAX = 3600;
/** Peers that are told in one go, some 0.1 ms; and nanoseconds of rest where messages wait already for lack of answers. */
const PEERS_AT_ONCE = 32;
const PEERS_REST = 10e6;

/** Peers that are to be told where an EID is, or that another one is to hear of. */
interface Telling {
  readonly eid: EidPrefix;
  readonly peers: readonly Uint8Array[];
  /** What they are told; or the ends of the reply that names them. */
  readonly to: { readonly event: ChangeEvent; readonly record: EidRecord } | Ends;
  /** Where the EID is: those hear of it otherwise. */
  readonly locators: readonly Locator[];
  /** How many of them are done with. */
  done: number;
}

export class TunnelRouter {
  readonly #options: TunnelRouterOptions;
  readonly #tellings: Telling[] = [];
  readonly #tell: Timer;
  readonly #notes: Notes;
  /** By EID, the nonce of the last message that moved it: these are by the clock, and compare among senders. */
  readonly #latest = new LargeMap<string, bigint>();
  #smrs = 0;

  constructor(options: TunnelRouterOptions) {
    this.#options = options;
    this.#tell = options.timer(() => this.#tellSome());
    this.#notes = new Notes(options.clock);
  }

  /** What was told beforehand, and what is waited for, a line for each. */
  get text(): string {
    return this.#notes.text();
  }

  /** Takes over what was known before a hot swap. */
  takeOver(former: TunnelRouter): void {
    this.#notes.takeOver(former.#notes);
    for (const [name, nonce] of former.#latest) this.#latest.set(name, nonce);
    this.#tellings.push(...former.#tellings);
    if (this.#tellings.length > 0) this.#tell.scheduleAfter(0);
  }

  /** Does what a message asks for: of the first EID for which that cannot be done, why. */
  act(message: ChangePriority, datagram: UdpPacket): ChangeStatus {
    const eids: EidPrefix[] = [];
    for (const record of message.records) {
      const eid = tableEid(record);
      if (eid === null || eid.iid !== this.#options.iid || !isHost(eid.eid)) return "unusable";
      eids.push(eid);
    }
    if (eids.length > EIDS_MAX) return "unusable";
    let result: ChangeStatus = "done";
    for (const [i, eid] of eids.entries()) {
      const status = this.#actOn(message, message.records[i], eid, datagram);
      if (result === "done") result = status;
    }
    return result;
  }

  #actOn(message: ChangePriority, record: EidRecord, eid: EidPrefix, datagram: UdpPacket): ChangeStatus {
    const { role, event, nonce } = message;
    switch (`${role} ${event}`) {
      case "hypervisor expect":
        return this.#expect(eid, this.#patienceOf(record));
      case "hypervisor leaving":
        return this.#arm(eid, locatorsOf(record), this.#patienceOf(record));
      case "hypervisor cancel":
        this.#forget(eid);
        this.#options.hosted()?.cancel(eid.eid.address);
        return "done";
      case "hypervisor arrived":
        return this.#arrived(eid, locatorsOf(record), nonce);
      case "hypervisor left":
        return this.#left(eid, locatorsOf(record), nonce);
      case "new arrived":
        return this.#gone(eid, record, nonce, datagram);
      case "reply peers":
        return this.#tellThose(eid, locatorsOf(record), datagram.source);
      case "cache arrived":
      case "cache left":
        return this.#update(eid, record, nonce);
      default:
        return "unknown-event";
    }
  }

  // ---- What speaks for a hypervisor ----------------------------------------------------

  #patienceOf({ ttl }: EidRecord): number {
    if (ttl === 0 || ttl === TTL_OWN_CHOICE) return this.#options.patience;
    return Math.min(ttl * 60, PATIENCE_MAX);
  }

  #expect(eid: EidPrefix, patience: number): ChangeStatus {
    const offer = this.#options.hosted();
    if (offer === null || !offer.expect(eid.eid.address, patience)) return "no-room";
    this.#notes.set("expected", eid, [], patience * 1e9);
    return "done";
  }

  #arm(eid: EidPrefix, locators: readonly Locator[], patience: number): ChangeStatus {
    const offer = this.#options.hosted();
    if (locators.length === 0) return "unusable";
    if (offer === null || !offer.hosts(eid.eid.address)) return "not-hosted";
    if (!offer.arm(eid.eid.address, locators, patience)) return "no-room";
    return this.#notes.set("armed", eid, locators, patience * 1e9) ? "done" : "no-room";
  }

  #arrived(eid: EidPrefix, former: readonly Locator[], nonce: bigint): ChangeStatus {
    const offer = this.#options.hosted();
    if (offer === null || !offer.claim(eid.eid.address, null)) return "no-room";
    this.#forget(eid);
    this.#moved(eid, nonce);
    if (this.#options.tellsFormer) this.#tellFormer(eid, former);
    return "done";
  }

  /** Those who had it are told that it is here, and asked for its peers. */
  #tellFormer(eid: EidPrefix, locators: readonly Locator[]): void {
    const { own, say } = this.#options;
    const mapping = own(eid);
    const former = this.#others(locators).slice(0, FORMERS_MAX);
    if (mapping === null || former.length === 0) return;
    this.#notes.set("asked", eid, former, REPLIES);
    for (const { rloc } of former) {
      const source = this.#source(rloc);
      if (source === null) continue;
      const records = [mapping.record];
      say({ source, destination: rloc, role: "new", event: "arrived", records, about: { kind: "former" } });
    }
  }

  #left(eid: EidPrefix, given: readonly Locator[], nonce: bigint): ChangeStatus {
    const offer = this.#options.hosted();
    const locators = given.length > 0 ? given : (this.#notes.get("armed", eid)?.locators ?? []);
    if (offer === null) return "not-hosted";
    const { address } = eid.eid;
    const peers = offer.peersOf(address);
    // Where it goes was told with `arm`, too. One that has left already may be told so again.
    if (!offer.release(address, given.length > 0 ? given : null)) return "not-hosted";
    this.#forget(eid);
    this.#moved(eid, nonce);
    if (locators.length > 0) {
      const to = { event: "left", record: this.#recordFor(eid, locators) } as const;
      this.#begin({ eid, peers, to, locators, done: 0 });
    }
    return "done";
  }

  // ---- What other tunnel routers say ----------------------------------------------------

  /** Another one has it: it is let go here, and that one hears who its peers are. */
  #gone(eid: EidPrefix, record: EidRecord, nonce: bigint, datagram: UdpPacket): ChangeStatus {
    const locators = locatorsOf(record);
    if (locators.length === 0) return "unusable";
    if (this.#isOld(eid, nonce)) return "superseded";
    const offer = this.#options.hosted();
    const { address } = eid.eid;
    const peers = offer?.peersOf(address) ?? [];
    const hosted = offer?.hosts(address) === true;
    if (!hosted) {
      const status = this.#put(eid, record);
      if (status !== "done") return status;
    } else if (!offer.release(address, locators)) return "not-hosted";
    this.#forget(eid);
    this.#moved(eid, nonce);
    // One that a Map-Notify told first has the peers still.
    if (hosted || peers.length > 0) {
      const to = { source: datagram.destination, destination: datagram.source };
      this.#begin({ eid, peers: this.#strangers(peers, locators), to, locators, done: 0 });
    }
    return "done";
  }

  /** One that had it says who its peers are. */
  #tellThose(eid: EidPrefix, peers: readonly Locator[], from: Uint8Array): ChangeStatus {
    const asked = this.#notes.get("asked", eid);
    const offer = this.#options.hosted();
    const own = this.#options.own(eid);
    if (asked === null || own === null || offer?.hosts(eid.eid.address) !== true) return "unexpected";
    if (!asked.locators.some(({ rloc }) => sameAddress(rloc, from))) return "unexpected";
    const rlocs = peers.map(({ rloc }) => rloc).filter((rloc) => !sameAddress(rloc, from));
    const to = { event: "arrived", record: own.record } as const;
    this.#begin({ eid, peers: rlocs, to, locators: own.mapping.locators, done: 0 });
    return "done";
  }

  #update(eid: EidPrefix, record: EidRecord, nonce: bigint): ChangeStatus {
    if (this.#isOld(eid, nonce)) return "superseded";
    if (this.#options.hosted()?.hosts(eid.eid.address) === true) return "contradicted";
    const status = this.#put(eid, record);
    if (status === "done") this.#moved(eid, nonce);
    return status;
  }

  #put(eid: EidPrefix, record: EidRecord): ChangeStatus {
    const { cache, isConfigured, cached, count } = this.#options;
    const mapping = mappingOfRecord(record, { positive: TTL_MAX, negative: TTL_MAX });
    if (mapping === null || mapping.locators.length === 0) return "unusable";
    if (isConfigured(eid.iid, eid.eid)) return "contradicted";
    try {
      cache().insert(mapping);
    } catch (e) {
      if (e instanceof MapCacheFullError || e instanceof MemoryError) return "no-room";
      throw e;
    }
    count("updates");
    cached();
    return "done";
  }

  // ---- Peers ---------------------------------------------------------------------------

  /** However many peers there are, packets get their turn; and none is left out because others do not answer yet. */
  #begin(telling: Telling): void {
    this.#tellings.push(telling);
    if (!this.#tell.scheduled) this.#tellSome();
  }

  #tellSome(): void {
    let left = PEERS_AT_ONCE;
    for (let [telling] = this.#tellings; telling !== undefined && left > 0; [telling] = this.#tellings) {
      if (this.#options.room() <= 0) {
        this.#tell.scheduleAfter(PEERS_REST);
        return;
      }
      const { peers, to } = telling;
      // A reply says that there are none, too.
      if ("source" in to) this.#reply(telling, to);
      else if (telling.done < peers.length) this.#tellPeer(telling, peers[telling.done++], to);
      if (telling.done >= peers.length) this.#tellings.shift();
      left -= "source" in to ? PEERS_MAX : 1;
    }
    if (this.#tellings.length > 0) this.#tell.scheduleAfter(0);
  }

  #reply(telling: Telling, { source, destination }: Ends): void {
    const { eid, peers, done } = telling;
    telling.done += PEERS_MAX;
    const records = [this.#recordFor(eid, peers.slice(done, done + PEERS_MAX).map(locator))];
    this.#options.say({
      source,
      destination,
      role: "reply",
      event: "peers",
      records,
      about: { kind: "reply" },
    });
  }

  #tellPeer(
    { eid, locators }: Telling,
    destination: Uint8Array,
    { event, record }: { readonly event: ChangeEvent; readonly record: EidRecord },
  ): void {
    const source = this.#source(destination);
    if (source === null || this.#strangers([destination], locators).length === 0) return;
    if (this.#options.bySmr) this.#solicit(destination, eid);
    else {
      const about: About = { kind: "peer", eid };
      this.#options.say({ source, destination, role: "cache", event, records: [record], about });
    }
  }

  /** What has become of something that was said. */
  outcome({ destination, about }: ChangeSaying, outcome: Outcome): void {
    if (about.kind !== "peer") return;
    // One that knows better need not ask.
    if (outcome.kind === "status" && (outcome.status === "done" || outcome.status === "contradicted")) return;
    this.#solicit(destination, about.eid);
  }

  #solicit(rloc: Uint8Array, eid: EidPrefix): void {
    const { solicit, timer, count } = this.#options;
    if (!solicit(rloc, eid)) return;
    count("smrs");
    if (this.#smrs >= SMRS_MAX) return;
    this.#smrs++;
    timer(() => {
      this.#smrs--;
      solicit(rloc, eid);
    }).scheduleAfter(SMR_AGAIN);
  }

  /** Those that are neither where the EID is now, nor we. */
  #strangers(peers: readonly Uint8Array[], locators: readonly Locator[]): Uint8Array[] {
    return this.#others(peers.map(locator))
      .map(({ rloc }) => rloc)
      .filter((peer) => !locators.some(({ rloc }) => sameAddress(rloc, peer)));
  }

  #others(locators: readonly Locator[]): Locator[] {
    return locators.filter(({ rloc }) => !this.#options.rlocs.some((own) => sameAddress(own, rloc)));
  }

  #source(to: Uint8Array): Uint8Array | null {
    return this.#options.rlocs.find((rloc) => rloc.length === to.length) ?? null;
  }

  // ---- What is known -------------------------------------------------------------------

  #recordFor({ iid, eid }: EidPrefix, locators: readonly Locator[]): EidRecord {
    const mapping = { iid, eid, ttl: null, action: "no-action", locators, version: 0 } as const;
    const ttl = Math.max(1, Math.ceil(this.#options.ttl / 60));
    return recordOfMapping(mapping, { ttl, authoritative: false, local: () => false });
  }

  #forget(eid: EidPrefix): void {
    this.#notes.delete("expected", eid);
    this.#notes.delete("armed", eid);
  }

  #isOld(eid: EidPrefix, nonce: bigint): boolean {
    const latest = this.#latest.get(eidName(eid));
    return latest !== undefined && nonce < latest;
  }

  #moved(eid: EidPrefix, nonce: bigint): void {
    const name = eidName(eid);
    this.#latest.delete(name);
    this.#latest.set(name, nonce);
    if (this.#latest.size > LATEST_MAX) this.#latest.delete(this.#latest.first![0]);
  }
}

/** Those of a record that packets can be sent to; what its TTL says does not matter. */
function locatorsOf(record: EidRecord): readonly Locator[] {
  return mappingOfRecord({ ...record, ttl: 1 }, { positive: TTL_MAX, negative: TTL_MAX })?.locators ?? [];
}

function locator(rloc: Uint8Array): Locator {
  return { rloc, priority: 1, weight: 100, mpriority: 255, mweight: 0, reachable: true };
}
