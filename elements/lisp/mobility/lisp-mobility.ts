import type { ArgValues } from "../../../src/lang/args/spec.js";
import { splitSpaces, unquote } from "../../../src/lang/args/text.js";
import {
  type Locator,
  type Mapping,
  MappingError,
  parseMapping,
  parseRloc,
} from "../../../src/lisp/mapping.js";
import { ArmedHosts } from "../../../src/lisp/mobility/armed-hosts.js";
import { ExpectedHosts, type HeldPackets } from "../../../src/lisp/mobility/expected-hosts.js";
import { HostMoves } from "../../../src/lisp/mobility/host-moves.js";
import { HostTable } from "../../../src/lisp/mobility/host-table.js";
import { MobileHosts } from "../../../src/lisp/mobility/hosts.js";
import { MappingNews } from "../../../src/lisp/mobility/mapping-news.js";
import { Misdirected } from "../../../src/lisp/mobility/misdirected.js";
import { mobilityHandlers } from "../../../src/lisp/mobility/mobility-handlers.js";
import { Neighbours } from "../../../src/lisp/mobility/neighbours.js";
import { PacketHold } from "../../../src/lisp/mobility/packet-hold.js";
import { type EidPlace, eidAt, findEid } from "../../../src/lisp/mobility/packets.js";
import { type DynamicRange, parseRange } from "../../../src/lisp/mobility/ranges.js";
import { Strays } from "../../../src/lisp/mobility/strays.js";
import { ToldMoves } from "../../../src/lisp/mobility/told-moves.js";
import type {
  MapCacheOffer,
  PeerLogOffer,
  RegistrarOffer,
  SiteOffer,
  SmrSenderOffer,
} from "../../../src/lisp/offers/lisp-offers.js";
import { SLICE_REST } from "../../../src/lisp/slice.js";
import { IID_MAX } from "../../../src/net/eid.js";
import { hostPrefix, type Prefix } from "../../../src/net/prefix.js";
import { BATCH_MAX, type Batch } from "../../../src/packet/batch.js";
import { Packet } from "../../../src/packet/packet.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { HandlerCode } from "../../../src/router/handler.js";
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
  ETH: { type: "ether", positional: true, required: true, doc: "our hardware address in the site" },
  ROUTER: {
    type: "string",
    default: '""',
    doc: "our addresses in the site, separated by spaces: at home, hosts have no other default routers of us; without: they have all that their ranges name",
  },
  ANNOUNCE: {
    type: "unsigned",
    default: "3",
    doc: "how often the site is told where a host that has come or gone is, and that host where its default routers are, a second apart",
  },
  LOCATORS: {
    type: "string",
    default: '""',
    doc: "locators of the hosts that come, `RLOC[/PRIORITY[/WEIGHT]]...`",
  },
  CACHE: { type: "element", doc: "the LISPMapCache of this site's packets" },
  RESOLVER: {
    type: "element",
    doc: "the LISPResolver that is asked for whoever sends packets that are held, so that answers to them need not wait",
  },
  REGISTRAR: { type: "element", doc: "the LISPRegistrar, whose Map-Notifys say where a host is now" },
  SMR: { type: "element", doc: "the LISPSMRSender through which peers are told" },
  LOG: { type: "element", doc: "the LISPPeerLog that knows the peers of each host" },
  NEIGHBOURS: {
    type: "element",
    many: true,
    doc: "the ARPQuerier and the IP6NDSolicitor of the site, which learn hosts' hardware addresses from here",
  },
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
    doc: "questions before a host is taken as absent",
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
    doc: "most hosts, and most that are being asked for, expected, or armed",
  },
  HOLD: {
    type: "unsigned",
    default: "512",
    doc: "packets that are held for and from one expected EID; 512 take up to a millisecond when they go on",
  },
  QUEUE: {
    type: "unsigned",
    default: "2048",
    doc: "the same in all, at most an eighth of the router's slots",
  },
  PATIENCE: {
    type: "seconds",
    default: "60",
    doc: "longest time for which an EID is expected, whatever is said",
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
const HELD_TO = 3;
const HELD_FROM = 4;
const MISDIRECTED = 5;
/** Where packets that were held go on. */
const OUTPUTS = { to: 1, from: 2 } as const;
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
 * that LOG knows to send to it get SMRs, again every second while they go on. A LISPHostFinder finds those that left while
 * nobody heard. One that returns home is registered by itself for LINGER, so that who had it hears of it, and then
 * withdrawn: the prefix of the site holds for it again.
 *
 * The site is told ANNOUNCE times that a host which has left is reached through us, and where one is that has come; and
 * that host, that its default routers are at our hardware address. Our frames do not bear the host's, by which switches would
 * look for it at our port: its answers show where it is, and before one nobody is told of its address, which it may still
 * be probing for duplicates. Those who send to an address where nobody is (input 5) are told again.
 *
 * A packet that comes from the core for a host that is not here, and not known to be elsewhere (input 2), follows an old
 * mapping, which a tunnel router that has restarted could not withdraw: those that LOG knows to have sent it get an SMR,
 * once in 3 seconds for one host.
 *
 * Forged packets can make it ask for RATE addresses a second, and look for the senders to as many; the rest is dropped.
 * LISPHostSwitch does the work on packets.
 *
 * Instead of finding out it can be told, by a hypervisor or a controller (the handlers; LISPChangePriority).
 * An EID that is *expected* has not come yet: the packets for it from the core (input 3) are held, at most HOLD for one
 * EID and QUEUE in all, until it has, or PATIENCE is over; and so are its first ones, which may be faster than who tells of
 * it (input 4). One that is *claimed* is here: it is registered, and delivered to, at once, first what was held, in order;
 * it is believed for as long as one that has answered. One that is *armed* goes on to be here, and where it will go to is
 * remembered. One that is *released* has left there. Its peers are for others to tell, those that go on sending for it two
 * seconds later get SMRs; and for a minute the mapping system need not know. What a Map-Server says of a
 * host here before it has acknowledged its registration is older than that, and changes nothing.
 *
 * @input 0 IP packets from EIDs that may have come: outputs 2 and 3 of a LISPHostSwitch by source
 * @input 1 ARP and Neighbor Discovery messages of the site, with Ethernet header
 * @input 2 IP packets from the core to hosts that are not known: output 3 of a LISPHostSwitch by destination (optional)
 * @input 3 IP packets from the core to EIDs that are expected: output 4 of the same (optional)
 * @input 4 IP packets from EIDs that are expected: output 4 of a LISPHostSwitch by source (optional)
 * @input 5 IP packets in frames that are for no hardware address of ours, with Ethernet header: from hosts of the site that
 *   are here, outputs 0 and 1 of a LISPHostSwitch by source (optional)
 * @output 0 ARP and Neighbor Discovery messages to the site, with Ethernet header
 * @output 1 packets of input 3 that were held: back to their LISPHostSwitch (optional)
 * @output 2 packets of input 4 that were held: back to where the site's packets come from (optional)
 * @example
 * site :: LISPSite(192.168.2.0/24 192.0.2.2);
 * Idle -> m :: LISPMobility(site, 02:00:00:00:00:01, 192.168.1.0/24 192.168.1.1, LOCATORS 192.0.2.2) -> Discard;
 * Idle -> [1] m
 * @see LISPHostSwitch, LISPChangePriority, LISPHostFinder, LISPPeerLog, LISPSite, LISPRegistrar, LISPSMRSender
 */
export class LISPMobility extends Element {
  static readonly spec = {
    ports: "2-6/1-3",
    processing: "h/h",
    flow: "xyztfm/atf",
    args,
    counters: {
      asked: "questions sent to the site",
      answered: "questions of the site that were answered",
      arrivals: "hosts that have come or returned",
      departures: "hosts that were here, or of this site, and are elsewhere",
      losses: "hosts that were here and are nowhere known",
      corrected: "hosts that were told of our hardware address, as they sent to another one",
      held: "packets held for and from expected EIDs",
    },
    drops: {
      astray: "a packet from the core for a host that is not known: its senders are told",
      misdirected: "a packet in a frame for another hardware address: its sender is told",
      unproven: "a packet of a host that has not answered yet",
      malformed: "no message of ARP or Neighbor Discovery, or no IP packet",
      outside: "an address in none of the ranges",
      rate: "an address that was not asked for: too many new ones",
      full: "a host more than CAPACITY, or than the site or the map-cache has room for",
      unanswered: "an address that nobody answered for",
      hold_full: "a packet for or from an expected EID more than HOLD or QUEUE",
      unexpected: "a packet to be held for or from an EID that is not expected",
      no_slot: "no free packet for a message",
    },
    handlers: {
      table: {
        read: true,
        doc: "every host: EID, `here`, `returned` or `away`, hardware address or -, seconds in this state, its mapping when away",
      },
      asking: { read: true, doc: "addresses that are being asked for" },
      add: { write: true, doc: "takes a host up before it has answered: `EID`" },
      remove: { write: true, doc: "lets a host go, or forgets that it is away: `EID`" },
      away: { write: true, doc: "says where a host is: `EID RLOC[/PRIORITY[/WEIGHT]]...`" },
      expected: {
        read: true,
        doc: "every expected EID: seconds for which it still is, packets held for it and from it",
      },
      armed: {
        read: true,
        doc: "every EID that is to leave: seconds for which that is remembered, where it will go to",
      },
      expect: { write: true, doc: "holds packets for an EID that is to come: `EID SECONDS`" },
      claim: { write: true, doc: "an EID has come, say those who know: `EID [ETH]`" },
      arm: { write: true, doc: "an EID will leave: `EID SECONDS RLOC[/PRIORITY[/WEIGHT]]...`" },
      release: {
        write: true,
        doc: "an EID has left, by default to where it was armed for: `EID [RLOC[/PRIORITY[/WEIGHT]]...]`",
      },
      cancel: { write: true, doc: "an EID will neither come nor leave: `EID`" },
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
  #news: MappingNews | null = null;
  #strays: Strays | null = null;
  #misdirected: Misdirected | null = null;
  #expected: ExpectedHosts | null = null;
  #hold: PacketHold | null = null;
  #armed: ArmedHosts | null = null;
  #told: ToldMoves | null = null;
  readonly #place: EidPlace = { u8: this.memory.u8, at: 0, bytes: 0 };

  override offers(): Partial<Offers> {
    return { LISPMobility: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#site = offerOf(values.SITE, "LISPSite", "SITE", errors);
    this.#cache = offerOf(values.CACHE, "LISPMapCache", "CACHE", errors);
    const resolver = offerOf(values.RESOLVER, "LISPResolver", "RESOLVER", errors);
    this.#registrar = offerOf(values.REGISTRAR, "LISPRegistrar", "REGISTRAR", errors);
    this.#smr = offerOf(values.SMR, "LISPSMRSender", "SMR", errors);
    this.#log = offerOf(values.LOG, "LISPPeerLog", "LOG", errors);
    const tables = values.NEIGHBOURS.map((e) => offerOf(e, "Neighbours", "NEIGHBOURS", errors));
    this.#iid = values.IID;
    this.#ttl = values.TTL;
    let locators: Mapping["locators"] = [];
    let own: readonly Uint8Array[] = [];
    try {
      own = splitSpaces(unquote(values.ROUTER.trim())).map(parseRloc);
      const texts = values.RANGES.map((text) => unquote(text.trim())).filter((text) => text !== "");
      this.#ranges = texts.map(parseRange);
      if (values.LOCATORS.trim() !== "") locators = parseMapping(`::/0 ${values.LOCATORS}`).locators;
    } catch (e) {
      if (!(e instanceof MappingError)) throw e;
      errors.error(e.message);
    }
    if (this.#ranges.length > 0 && locators.length === 0) errors.error("LOCATORS: expected an RLOC");
    this.#table = new HostTable(this.memory);
    const { clock } = this.router;
    const limits = { clock, rate: values.RATE, burst: values.BURST, capacity: values.CAPACITY };
    const policy = {
      ...limits,
      tries: values.TRIES,
      timeout: values.TIMEOUT * 1e9,
      idle: values.IDLE * 1e9,
      hold: values.TTL * 1e9,
      linger: values.LINGER * 1e9,
    };
    const timers = new TimerGroup(this);
    this.#neighbours = new Neighbours({
      ranges: this.#ranges,
      ether: values.ETH,
      own,
      times: values.ANNOUNCE,
      timers,
      ask: (eid) => this.#ask(eid),
      hosts: () => this.#hosts!,
      home: (eid) => this.#moves!.home(eid),
      send: (frame) => this.#sendFrame(frame),
    });
    this.#moves = new HostMoves({
      clock,
      iid: values.IID,
      ttl: values.TTL,
      ranges: this.#ranges,
      locators,
      mappings: () => this.#site!.mappings,
      table: this.#table,
      hosts: () => this.#hosts!,
      neighbours: () => this.#neighbours!,
      expected: (eid) => this.#expected!.has(eid),
      learn: (eid, mac) => {
        for (const table of tables) if (table?.addressBytes === eid.length) table.learn(eid, mac);
      },
      delivering: (eid) => this.#told!.end(eid),
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
    this.#news = new MappingNews({
      clock,
      iid: values.IID,
      ttl: values.TTL,
      ranges: this.#ranges,
      locators,
      mappings: () => this.#site!.mappings,
      hosts: () => this.#hosts!,
      cache: () => this.#cache?.cache,
      acknowledged: ({ iid, eid }, server) => this.#registrar?.acknowledged(iid, eid, server) ?? true,
    });
    this.#misdirected = new Misdirected({
      ...limits,
      correct: (packet, may) => this.#count("corrected", this.#neighbours!.correct(packet, may) ? 1 : 0),
    });
    this.#strays = new Strays({
      ...limits,
      peers: (eid) => this.#log?.peers(this.#iid, eid) ?? [],
      solicit: (rloc, eid) => this.#smr?.solicitFrom(rloc, { iid: this.#iid, eid: hostPrefix(eid) }),
    });
    this.#hosts = new MobileHosts(clock, timers, policy, this.#moves);
    const holding = {
      capacity: values.CAPACITY,
      hold: values.HOLD,
      // Answers need slots, too.
      queue: Math.min(values.QUEUE, this.memory.slots >>> 3),
      longest: values.PATIENCE * 1e9,
    };
    this.#expected = new ExpectedHosts(clock, timers, holding, (eid) => this.#told!.end(eid));
    this.#hold = new PacketHold({
      memory: this.memory,
      expected: this.#expected,
      hosts: this.#hosts,
      sender: (eid) => {
        const known = resolver?.cache.cache.lookup(values.IID, eid) !== null;
        if (!known) resolver?.ask(values.IID, hostPrefix(eid));
      },
      count: (what) => this.#count(what),
    });
    this.#armed = new ArmedHosts(timers, values.CAPACITY);
    this.#told = new ToldMoves({
      clock,
      iid: values.IID,
      ttl: values.TTL,
      locators,
      hosts: this.#hosts,
      moves: this.#moves,
      expected: this.#expected,
      armed: this.#armed,
      canHold: () => this.#canHold,
      sendOn: (held) => this.#sendOn(held),
    });
  }

  override initialize(): void {
    if (this.#ranges.length === 0) return;
    this.#moves!.describe();
    this.#site!.mappings.onChange(({ told }) => {
      if (told === "all") this.#moves!.describe();
    });
    this.#registrar?.onNotify((records, server) => {
      for (const record of records) this.#news!.notified(record, server);
    });
    this.#log?.start();
  }

  /** Hosts stay known, unless the new ranges have no place for them; so does what was told of them, and what is held. */
  override takeState(old: Element): void {
    if (!(old instanceof LISPMobility)) return;
    const [moves, expected] = [this.#moves!, this.#expected!];
    for (const host of old.#hosts!.entries()) moves.adopt(host);
    moves.adoptTold(old.#moves!);
    if (old.#remind.scheduled) this.#remind.scheduleAfter(REMIND);
    for (const armed of old.#armed!.entries()) if (moves.inRange(armed.eid)) this.#armed!.set(armed);
    const left = expected.adopt(old.#expected!, (eid) => this.#canHold && moves.inRange(eid));
    for (const { eid } of expected.entries()) moves.route(eid);
    this.#count("hold_full", left.length);
    for (const slot of left) this.memory.kernels.poolGive(slot);
  }

  override cleanup(): void {
    for (const slot of this.#expected?.clear() ?? []) this.memory.kernels.poolGive(slot);
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
    listener(this.#news!.homes());
    this.#site!.mappings.onChange(({ before, after, told }) => {
      // Most of a large site's prefixes have no hosts that move.
      if (told === "all" && this.#news!.isHome((after ?? before)!)) listener(this.#news!.homes());
    });
  }

  /** What the mapping system has registered of `part` of these prefixes, asked for at `asked`, steady nanoseconds. */
  reported(part: Prefix, records: readonly EidRecord[], asked: number): void {
    this.#news!.reported(part, records, asked);
  }

  // ---- What is told ------------------------------------------------------------------

  expect(eid: Uint8Array, patience: number): boolean {
    return this.#told!.expect(eid, patience);
  }

  claim(eid: Uint8Array, mac: Uint8Array | null): boolean {
    return this.#told!.claim(eid, mac);
  }

  arm(eid: Uint8Array, locators: readonly Locator[], patience: number): boolean {
    return this.#told!.arm(eid, locators, patience);
  }

  release(eid: Uint8Array, locators: readonly Locator[] | null): boolean {
    return this.#told!.release(eid, locators);
  }

  cancel(eid: Uint8Array): void {
    this.#told!.cancel(eid);
  }

  peersOf(eid: Uint8Array): Uint8Array[] {
    return [...(this.#log?.peers(this.#iid, eid) ?? [])].map((peer) => peer.rloc);
  }

  hosts(eid: Uint8Array): boolean {
    return this.#told!.hosts(eid);
  }

  get #canHold(): boolean {
    return this.ninputs > HELD_TO && this.noutputs > OUTPUTS.to;
  }

  /** Sends packets that were held the usual way: before all that come later, as nothing comes in between. */
  #sendOn(held: HeldPackets): void {
    const batch = this.router.batches.acquire();
    for (const which of ["to", "from"] as const)
      for (const [i, slot] of held[which].entries()) {
        batch.add(slot);
        if (batch.count < BATCH_MAX && i < held[which].length - 1) continue;
        this.outputs[OUTPUTS[which]].push(batch);
        batch.count = 0;
      }
    this.router.batches.release(batch);
  }

  // ---- What comes from the site ------------------------------------------------------

  override push(port: number, batch: Batch): void {
    const { count } = batch;
    if (port === MISDIRECTED) this.#count("misdirected", count);
    if (port === HELD_TO || (port === HELD_FROM && this.noutputs > OUTPUTS.from)) {
      for (let i = 0; i < count; i++) this.#hold!.take(port === HELD_TO ? "to" : "from", batch.at(i));
      batch.count = 0;
    } else if (this.#ranges.length > 0)
      for (let i = 0; i < count; i++) {
        if (port === SUSPECTS || port === HELD_FROM) this.#suspect(batch.at(i));
        else if (port === STRAYS) this.#stray(batch.at(i));
        else if (port === MISDIRECTED) this.#misdirected!.take(this.#packet.at(batch.at(i)).bytes());
        else this.#hear(batch.at(i));
      }
    else if (port === SUSPECTS || port === HELD_FROM) this.#count("outside", count);
    else if (port === STRAYS) this.#count("astray", count);
    batch.kill();
  }

  #suspect(slot: number): void {
    if (!this.#hosts!.open) {
      this.#count("rate");
      return;
    }
    const found = findEid(this.memory, slot, "source", this.#place);
    this.#count(found ? "unproven" : "malformed");
    if (found) this.#hosts!.suspect(eidAt(this.#place));
  }

  #stray(slot: number): void {
    this.#count("astray");
    if (findEid(this.memory, slot, "destination", this.#place)) this.#strays!.take(eidAt(this.#place));
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
    return mobilityHandlers({
      clock: this.router.clock,
      iid: this.#iid,
      ttl: this.#ttl,
      ranges: this.#ranges,
      hosts: this.#hosts!,
      moves: this.#moves!,
      expected: this.#expected!,
      armed: this.#armed!,
      told: this.#told!,
    });
  }
}
