// What a tunnel router does when a Change-Priority message says where an EID is, and whom it tells of it.

import { LargeMap } from "../../collections/large-map.js";
import { sameAddress } from "../../net/address.js";
import { type EidPrefix, eidName } from "../../net/eid.js";
import { isHost, type Prefix } from "../../net/prefix.js";
import { MemoryError } from "../../packet/memory.js";
import type { Clock } from "../../router/clock.js";
import type { ChangePriority, ChangeStatus } from "../../wire/lisp-control/change-priority.js";
import { type EidRecord, TTL_OWN_CHOICE } from "../../wire/lisp-control/record.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import { mappingOfRecord, tableEid } from "../control/control-records.js";
import type { Locator, Mapping } from "../mapping.js";
import { type MapCache, MapCacheFullError } from "../tables/map-cache.js";
import { Notes } from "./notes.js";
import { type ChangeSaying, PeerNews, type PeerNewsOptions } from "./peer-news.js";
import type { Outcome } from "./talk.js";

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

export interface TunnelRouterOptions extends Omit<PeerNewsOptions, "count"> {
  readonly clock: Clock;
  /** Instance ID of the EIDs. */
  readonly iid: number;
  /** What becomes of EIDs here; null: this is a proxy, which has none. */
  readonly hosted: () => HostedEids | null;
  /** Our mapping of an EID, as others are told of it; null: there is none. */
  readonly own: (eid: EidPrefix) => { readonly mapping: Mapping; readonly record: EidRecord } | null;
  readonly cache: () => MapCache;
  /** Whether the configuration says where this EID-prefix is. */
  readonly isConfigured: (iid: number, eid: Prefix) => boolean;
  /** The map-cache has something new: what waits for it goes on. */
  readonly cached: () => void;
  readonly count: (what: "updates" | "smrs") => void;
  /** Whether tunnel routers that had an EID, as who speaks for its hypervisor names them, are told. */
  readonly tellsFormer: boolean;
  /** Seconds for which what is told beforehand holds, where its record does not say for how long. */
  readonly patience: number;
}

/** EIDs in one message. */
const EIDS_MAX = 16;
/** Formers that one message names. */
const FORMERS_MAX = 8;
/** EIDs of which it is known when they were told of last. */
const LATEST_MAX = 65536;
/** Nanoseconds for which replies are taken. */
const REPLIES = 10e9;
/** Seconds that a mapping may be kept for, and that something told beforehand may hold, at most. */
const TTL_MAX = 86400;
const PATIENCE_MAX = 3600;

export class TunnelRouter {
  readonly #options: TunnelRouterOptions;
  readonly #notes: Notes;
  readonly #news: PeerNews;
  /** By EID, the nonce of the last message that moved it: these are by the clock, and compare among senders. */
  #latest = new LargeMap<string, bigint>();

  constructor(options: TunnelRouterOptions) {
    this.#options = options;
    this.#notes = new Notes(options.clock);
    this.#news = new PeerNews(options);
  }

  /** What was told beforehand, and what is waited for, a line for each. */
  get text(): string {
    return this.#notes.text();
  }

  /** Takes over what was known before a hot swap. */
  takeOver(former: TunnelRouter): void {
    this.#notes.takeOver(former.#notes);
    this.#latest = former.#latest;
    this.#news.takeOver(former.#news);
  }

  /** What has become of something that was said. */
  outcome(saying: ChangeSaying, outcome: Outcome): void {
    this.#news.outcome(saying, outcome);
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
    this.#news.stop(eid);
    if (this.#options.tellsFormer) this.#tellFormer(eid, former);
    return "done";
  }

  /** Those who had it are told that it is here, and asked for its peers. */
  #tellFormer(eid: EidPrefix, locators: readonly Locator[]): void {
    const { own, say } = this.#options;
    const mapping = own(eid);
    const former = locators.filter(({ rloc }) => !this.#news.isOwn(rloc)).slice(0, FORMERS_MAX);
    if (mapping === null || former.length === 0) return;
    this.#notes.set("asked", eid, former, REPLIES);
    for (const { rloc } of former) {
      const source = this.#news.source(rloc);
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
    if (locators.length > 0) this.#news.tell(eid, peers, "left", this.#news.record(eid, locators), locators);
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
      const ends = { source: datagram.destination, destination: datagram.source };
      this.#news.reply(eid, peers, ends, locators);
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
    this.#news.tell(eid, rlocs, "arrived", own.record, own.mapping.locators);
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

  // ---- What is known -------------------------------------------------------------------

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
