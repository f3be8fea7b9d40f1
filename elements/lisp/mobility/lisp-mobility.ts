import type { ArgValues } from "../../../src/lang/args/spec.js";
import { splitSpaces, unquote } from "../../../src/lang/args/text.js";
import {
  type Locator,
  type Mapping,
  MappingError,
  parseMapping,
  parseRloc,
} from "../../../src/lisp/mapping.js";
import { HostMoves } from "../../../src/lisp/mobility/host-moves.js";
import { HostTable } from "../../../src/lisp/mobility/host-table.js";
import { MobileHosts } from "../../../src/lisp/mobility/hosts.js";
import { hostText } from "../../../src/lisp/mobility/mobile-host.js";
import { Neighbours } from "../../../src/lisp/mobility/neighbours.js";
import { destinationOf, sourceOf } from "../../../src/lisp/mobility/packets.js";
import { type DynamicRange, parseRange } from "../../../src/lisp/mobility/ranges.js";
import { Strays } from "../../../src/lisp/mobility/strays.js";
import type {
  MapCacheOffer,
  PeerLogOffer,
  RegistrarOffer,
  SiteOffer,
  SmrSenderOffer,
} from "../../../src/lisp/offers/lisp-offers.js";
import { SLICE_REST } from "../../../src/lisp/slice.js";
import { IID_MAX } from "../../../src/net/eid.js";
import type { Prefix } from "../../../src/net/prefix.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Packet } from "../../../src/packet/packet.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode, HandlerError } from "../../../src/router/handler.js";
import { type Offers, offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import type { EidRecord } from "../../../src/wire/lisp-control/record.js";

const args = {
  SITE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPSite: hosts that come are put in, its EID-prefixes are this site's own",
  },
  ETH: {
    type: "ether",
    positional: true,
    required: true,
    doc: "our hardware address in the site",
  },
  LOCATORS: {
    type: "string",
    default: '""',
    doc: "locators of the hosts that come, `RLOC[/PRIORITY[/WEIGHT]]...`",
  },
  CACHE: { type: "element", doc: "the LISPMapCache of this site's packets" },
  REGISTRAR: { type: "element", doc: "the LISPRegistrar, whose Map-Notifys say where a host is now" },
  SMR: { type: "element", doc: "the LISPSMRSender through which peers are told" },
  LOG: { type: "element", doc: "the LISPPeerLog that knows the peers of each host" },
  IID: { type: "unsigned", default: "0", max: IID_MAX, doc: "instance ID of the site" },
  TTL: {
    type: "seconds",
    default: "300",
    min: 60,
    doc: "for which others may keep the mapping of a host that came; for as long its packets are redirected when it has left",
  },
  TRIES: {
    type: "unsigned",
    default: "3",
    min: 1,
    max: 100,
    doc: "questions before a host is taken for absent",
  },
  TIMEOUT: { type: "seconds", default: "1", doc: "wait for the answer to each" },
  IDLE: {
    type: "seconds",
    default: "60",
    doc: "silence after which a host is asked whether it is still there",
  },
  LINGER: {
    type: "seconds",
    default: "10",
    doc: "time for which a host that has returned is registered by itself, so that all hear of it; longer while a Map-Server has not acknowledged it",
  },
  RATE: {
    type: "real",
    default: "10",
    min: 0,
    doc: "new hosts a second that are asked for; unknown ones whose senders are told",
  },
  BURST: { type: "unsigned", default: "20", min: 1, doc: "the same at once" },
  CAPACITY: {
    type: "unsigned",
    default: "1024",
    min: 1,
    doc: "most hosts, and most that are being asked for",
  },
  RANGES: {
    type: "any",
    positional: true,
    rest: true,
    doc: "a dynamic-EID range each, `EID-PREFIX ROUTER...`, with its hosts' default routers; without any nothing is done",
  },
} as const;
const SUSPECTS = 0;
const STRAYS = 2;
/** Between looks at whether peers still send packets for hosts that are elsewhere, nanoseconds. */
const REMIND = 1e9;

/**
 * Takes up hosts that come to this site with an EID of another one, and lets go those that leave (EID mobility).
 *
 * Each of RANGES names addresses that hosts may bring along, and their default routers. A packet (input 0) or a message
 * of ARP or Neighbor Discovery (input 1) from such an address proves nothing: the host is asked for in the site, TRIES
 * times, and only its answer counts. Then its EID goes into SITE, with LOCATORS and a TTL, as a prefix of its own: it is
 * registered, and longer than its home's prefix. Who asks for its default routers, or for others of its subnet, is
 * answered in their stead. A host that is silent for IDLE is asked for, and given up when it does not answer.
 *
 * A Map-Notify that an EID of this site, or of a host that is here, has other locators now means that the host has
 * left. It is not registered any more; CACHE gets the new locators, so that packets for it are redirected; those peers
 * that LOG knows to send to it get SMRs, again every second while they go on. In its home's subnet others are told that
 * it is reached through us. A LISPHostFinder finds those that left while nobody heard. One that returns home is registered by itself for LINGER, so that who had it hears of it,
 * and then withdrawn: the prefix of the site holds for it again.
 *
 * A packet that comes from the core for a host that is not here, and not known to be elsewhere (input 2), follows an old
 * mapping, which a tunnel router that has restarted could not withdraw: those that LOG knows to have sent it get an SMR,
 * once in 3 seconds for one host.
 *
 * Forged packets can make it ask for RATE addresses a second, and look for the senders to as many; the rest is dropped.
 * LISPHostSwitch does the work on packets.
 *
 * @input 0 IP packets from EIDs that may have come: outputs 2 and 3 of a LISPHostSwitch by source
 * @input 1 ARP and Neighbor Discovery messages of the site, with Ethernet header
 * @input 2 IP packets from the core to hosts that are not known: output 3 of a LISPHostSwitch by destination (optional)
 * @output 0 ARP and Neighbor Discovery messages to the site, with Ethernet header
 * @example
 * site :: LISPSite(192.168.2.0/24 192.0.2.2);
 * Idle -> m :: LISPMobility(site, 02:00:00:00:00:01, 192.168.1.0/24 192.168.1.1, LOCATORS 192.0.2.2) -> Discard;
 * Idle -> [1] m
 * @see LISPHostSwitch, LISPHostFinder, LISPPeerLog, LISPSite, LISPRegistrar, LISPSMRSender
 */
export class LISPMobility extends Element {
  static readonly spec = {
    ports: "2-3/1",
    processing: "h/h",
    flow: "xy/z",
    args,
    counters: {
      asked: "questions sent to the site",
      answered: "questions of the site that were answered",
      arrivals: "hosts that have come or returned",
      departures: "hosts that were here, or of this site, and are elsewhere",
      losses: "hosts that were here and are nowhere known",
    },
    drops: {
      astray: "a packet from the core for a host that is not known: its senders are told",
      unproven: "a packet of a host that has not answered yet",
      malformed: "no message of ARP or Neighbor Discovery, or no IP packet",
      outside: "an address in none of the ranges",
      rate: "an address that was not asked for: too many new ones",
      full: "a host more than CAPACITY, or than the site or the map-cache has room for",
      unanswered: "an address that nobody answered for",
      no_slot: "no free packet for a message",
    },
    handlers: {
      table: {
        read: true,
        doc: "every host: EID, `here`, `returned` or `away`, hardware address or -, seconds in this state, its mapping when away",
      },
      asking: { read: true, doc: "addresses that are being asked for" },
      add: { write: true, doc: "takes a host up without asking for it: `EID`" },
      remove: { write: true, doc: "lets a host go, or forgets that it is away: `EID`" },
      away: { write: true, doc: "says where a host is: `EID RLOC[/PRIORITY[/WEIGHT]]...`" },
    },
  } as const satisfies ElementSpec;

  readonly #packet = new Packet(this.memory);
  readonly #remind: Timer = this.newTimer(() => this.#remindPeers());
  #table: HostTable | null = null;
  #hosts: MobileHosts | null = null;
  #ranges: readonly DynamicRange[] = [];
  #site: SiteOffer | null = null;
  #cache: MapCacheOffer | null = null;
  #registrar: RegistrarOffer | null = null;
  #smr: SmrSenderOffer | null = null;
  #log: PeerLogOffer | null = null;
  #iid = 0;
  #ttl = 0;
  #neighbours: Neighbours | null = null;
  #moves: HostMoves | null = null;
  #strays: Strays | null = null;

  override offers(): Partial<Offers> {
    return { LISPMobility: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#site = offerOf(values.SITE, "LISPSite", "SITE", errors);
    this.#cache = offerOf(values.CACHE, "LISPMapCache", "CACHE", errors);
    this.#registrar = offerOf(values.REGISTRAR, "LISPRegistrar", "REGISTRAR", errors);
    this.#smr = offerOf(values.SMR, "LISPSMRSender", "SMR", errors);
    this.#log = offerOf(values.LOG, "LISPPeerLog", "LOG", errors);
    this.#iid = values.IID;
    this.#ttl = values.TTL;
    let locators: Mapping["locators"] = [];
    try {
      const texts = values.RANGES.map((text) => unquote(text.trim())).filter((text) => text !== "");
      this.#ranges = texts.map(parseRange);
      if (values.LOCATORS.trim() !== "") locators = parseMapping(`::/0 ${values.LOCATORS}`).locators;
    } catch (e) {
      if (!(e instanceof MappingError)) throw e;
      errors.error(e.message);
    }
    if (this.#ranges.length > 0 && locators.length === 0) errors.error("LOCATORS: expected an RLOC");
    this.#table = new HostTable(this.memory);
    const policy = {
      tries: values.TRIES,
      timeout: values.TIMEOUT * 1e9,
      idle: values.IDLE * 1e9,
      hold: values.TTL * 1e9,
      linger: values.LINGER * 1e9,
      rate: values.RATE,
      burst: values.BURST,
      capacity: values.CAPACITY,
    };
    this.#neighbours = new Neighbours({
      ranges: this.#ranges,
      ether: values.ETH,
      hosts: () => this.#hosts!,
      home: (eid) => this.#moves!.home(eid),
      send: (frame) => this.#sendFrame(frame),
    });
    this.#moves = new HostMoves({
      iid: values.IID,
      ttl: values.TTL,
      ranges: this.#ranges,
      locators,
      mappings: () => this.#site!.mappings,
      table: this.#table,
      hosts: () => this.#hosts!,
      neighbours: () => this.#neighbours!,
      cache: () => this.#cache?.cache,
      peers: (eid) => this.#log?.peers(this.#iid, eid) ?? [],
      solicit: (rloc, eid) => this.#smr?.solicitFrom(rloc, eid),
      acknowledged: ({ iid, eid }) => this.#registrar?.acknowledged(iid, eid) ?? true,
      ask: (eid) => this.#ask(eid),
      count: (what) => this.#count(what),
      remind: () => {
        if (!this.#remind.scheduled) this.#remind.scheduleAfter(REMIND);
      },
    });
    this.#strays = new Strays({
      clock: this.router.clock,
      rate: values.RATE,
      burst: values.BURST,
      capacity: values.CAPACITY,
      peers: (eid) => this.#log?.peers(this.#iid, eid) ?? [],
      solicit: (rloc, address) =>
        this.#smr?.solicitFrom(rloc, { iid: this.#iid, eid: { address, length: address.length * 8 } }),
    });
    this.#hosts = new MobileHosts(this.router.clock, new TimerGroup(this), policy, this.#moves);
  }

  override initialize(): void {
    if (this.#ranges.length === 0) return;
    const moves = this.#moves!;
    moves.describe();
    this.#site!.mappings.onChange(({ told }) => {
      if (told === "all") moves.describe();
    });
    this.#registrar?.onNotify((records) => {
      for (const record of records) moves.notified(record);
    });
    this.#log?.start();
  }

  /** Hosts stay known, unless the new ranges have no place for them. */
  override takeState(old: Element): void {
    if (!(old instanceof LISPMobility)) return;
    for (const host of old.#hosts!.entries()) this.#moves!.adopt(host);
    this.#moves!.adoptTold(old.#moves!);
    if (old.#remind.scheduled) this.#remind.scheduleAfter(REMIND);
  }

  override cleanup(): void {
    this.#table?.destroy();
    this.#table = null;
  }

  /** What LISPHostSwitch looks EIDs up in. */
  get table(): HostTable {
    return this.#table!;
  }

  get iid(): number {
    return this.#iid;
  }

  /** Calls `listener` with this site's prefixes out of which hosts may leave: now, and whenever they change. */
  watchHomes(listener: (homes: readonly Prefix[]) => void): void {
    listener(this.#moves!.homes());
    this.#site!.mappings.onChange(({ before, after, told }) => {
      // Most of a large site's prefixes have no hosts that move.
      if (told === "all" && this.#moves!.isHome((after ?? before)!)) listener(this.#moves!.homes());
    });
  }

  /** What the mapping system has registered of `part` of these prefixes, asked for at `asked`, steady nanoseconds. */
  reported(part: Prefix, records: readonly EidRecord[], asked: number): void {
    this.#moves!.reported(part, records, asked);
  }

  // ---- What controllers and hypervisors say ------------------------------------------

  /** Holding packets is not supported yet, nor are moves that are told beforehand or by messages. */
  expect(_eid: Uint8Array, _patience: number): boolean {
    return false;
  }

  claim(_eid: Uint8Array, _mac: Uint8Array | null): boolean {
    return false;
  }

  arm(_eid: Uint8Array, _locators: readonly Locator[], _patience: number): boolean {
    return false;
  }

  release(_eid: Uint8Array, _locators: readonly Locator[] | null): boolean {
    return false;
  }

  cancel(_eid: Uint8Array): void {}

  /** RLOCs of the peers that exchange packets with the EID. */
  peersOf(eid: Uint8Array): Uint8Array[] {
    return [...(this.#log?.peers(this.#iid, eid) ?? [])].map((peer) => peer.rloc);
  }

  /** Whether this site hosts the EID now. */
  hosts(eid: Uint8Array): boolean {
    const host = this.#hosts!.get(eid);
    return host === null ? this.#moves!.home(eid) : host.state !== "away";
  }

  // ---- What comes from the site ------------------------------------------------------

  override push(port: number, batch: Batch): void {
    if (this.#ranges.length > 0)
      for (let i = 0; i < batch.count; i++) {
        if (port === SUSPECTS) this.#suspect(batch.at(i));
        else if (port === STRAYS) this.#stray(batch.at(i));
        else this.#hear(batch.at(i));
      }
    else if (port === SUSPECTS) this.#count("outside", batch.count);
    else if (port === STRAYS) this.#count("astray", batch.count);
    batch.kill();
  }

  #suspect(slot: number): void {
    if (!this.#hosts!.open) {
      this.#count("rate");
      return;
    }
    const source = sourceOf(this.memory, slot);
    this.#count(source === null ? "malformed" : "unproven");
    if (source !== null) this.#hosts!.suspect(source);
  }

  #stray(slot: number): void {
    this.#count("astray");
    const eid = destinationOf(this.memory, slot);
    if (eid !== null) this.#strays!.take(eid);
  }

  #hear(slot: number): void {
    const result = this.#neighbours!.take(this.#packet.at(slot).bytes());
    if (result !== "heard") this.#count(result);
  }

  #ask(eid: Uint8Array): void {
    if (this.#neighbours!.ask(eid)) this.#count("asked");
  }

  #sendFrame(frame: Uint8Array): void {
    const slot = this.memory.kernels.poolTake() >>> 0;
    if (slot === 0) {
      this.#count("no_slot");
      return;
    }
    const packet = this.#packet.at(slot);
    packet.setBytes(frame);
    packet.macHeader = packet.data;
    const batch = this.router.batches.acquire();
    batch.add(slot);
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
  }

  #remindPeers(): void {
    const { more, away } = this.#moves!.remindPeers();
    if (more) this.#remind.scheduleAfter(SLICE_REST);
    else if (away) this.#remind.scheduleAfter(REMIND);
  }

  #count(
    name: keyof typeof LISPMobility.spec.counters | keyof typeof LISPMobility.spec.drops,
    count = 1,
  ): void {
    this.memory.add64(this.counterAddress(name), count);
  }

  // ---- Handlers -----------------------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    const hosts = this.#hosts!;
    return {
      table: {
        read: () => [...hosts.entries()].map((host) => hostText(host, this.router.clock.now())).join(""),
      },
      asking: { read: () => hosts.asked },
      add: {
        write: (text) => {
          const eid = this.#host(text);
          if (!this.#moves!.inRange(eid))
            throw new HandlerError("FAILED", `${text.trim()} is in no dynamic-EID range`);
          if (this.#moves!.home(eid) && hosts.get(eid) === null) return;
          if (!hosts.arrive(eid, null)) throw new HandlerError("FAILED", "as many hosts are known as may be");
        },
      },
      remove: {
        write: (text) => {
          if (!hosts.remove(this.#host(text)))
            throw new HandlerError("FAILED", `${text.trim()} is no mobile host that is known`);
        },
      },
      away: { write: (text) => this.#away(text) },
    };
  }

  #away(text: string): void {
    const [address = ""] = splitSpaces(text);
    const eid = this.#host(address);
    const mapping = asHandlerError(() => parseMapping(text.trim(), this.#iid), MappingError);
    if (mapping.locators.length === 0) throw new HandlerError("FAILED", "expected an RLOC");
    if (!this.#hosts!.moved(eid, { ...mapping, ttl: this.#ttl }))
      throw new HandlerError("FAILED", `${address} is not of this site, and was not here`);
  }

  #host(text: string): Uint8Array {
    if (this.#ranges.length === 0) throw new HandlerError("FAILED", "there are no dynamic-EID ranges");
    return asHandlerError(() => parseRloc(text.trim()), MappingError);
  }
}
