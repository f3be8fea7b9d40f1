import { SLOT_DATA, SLOT_IID, SLOT_LENGTH, SLOT_NETWORK } from "../../../assembly/layout.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel, replyOf } from "../../../src/lisp/control/control-channel.js";
import { explain } from "../../../src/lisp/itr/explanation.js";
import { MapRequestSender } from "../../../src/lisp/itr/map-request-sender.js";
import { Refresher } from "../../../src/lisp/itr/refresher.js";
import { ReplyIntake } from "../../../src/lisp/itr/reply-intake.js";
import type { ReplyPolicy } from "../../../src/lisp/itr/reply-policy.js";
import { ResolutionHistory, type ResolutionTrace } from "../../../src/lisp/itr/resolution-history.js";
import { type Resolution, type ResolutionEvents, Resolutions } from "../../../src/lisp/itr/resolutions.js";
import { resolverAddresses, ServerList } from "../../../src/lisp/itr/server-list.js";
import { type Mapping, MappingError, parseEidAndInstance } from "../../../src/lisp/mapping.js";
import type { MapCacheOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { addressText, isRoutable } from "../../../src/net/address.js";
import { prefixText } from "../../../src/net/prefix.js";
import { BATCH_MAX, type Batch } from "../../../src/packet/batch.js";
import { type CleanupStage, Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode, HandlerError } from "../../../src/router/handler.js";
import { listenersOf } from "../../../src/router/listeners.js";
import { type Offers, offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import type { WireError } from "../../../src/wire/error.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";

const args = {
  CACHE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPMapCache that it fills",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, to which Map-Replies may come; one of each address family",
  },
  MAP_RESOLVER: {
    type: "any",
    many: true,
    doc: "addresses of Map-Resolvers separated by spaces, the first to be asked first; may be repeated",
  },
  PITR: {
    type: "bool",
    default: "false",
    doc: "ask as a proxy ITR does: with the p bit, and without a Source EID",
  },
  TIMEOUT: {
    type: "seconds",
    default: "1",
    doc: "wait for a Map-Reply, doubled with every further Map-Request",
  },
  MAX_TIMEOUT: { type: "seconds", default: "4", doc: "longest wait for a Map-Reply" },
  RETRIES: { type: "unsigned", default: "10", max: 30, doc: "Map-Requests after the first" },
  PAUSE: { type: "seconds", default: "30", doc: "how long an EID rests after all of them stayed unanswered" },
  INTERVAL: { type: "seconds", default: "1", doc: "least time between Map-Requests for one EID-prefix" },
  RATE: { type: "unsigned", default: "1000", min: 1, doc: "most Map-Requests a second" },
  CAPACITY: { type: "unsigned", default: "4096", min: 1, doc: "most EID-prefixes being asked for" },
  HOLD: { type: "unsigned", default: "16", doc: "most packets that wait for one EID" },
  QUEUE: {
    type: "unsigned",
    default: "256",
    doc: "most packets that wait in all, at most an eighth of those that the router can hold",
  },
  HISTORY: {
    type: "unsigned",
    default: "128",
    max: 65536,
    doc: "resolutions of which it is remembered how they went",
  },
  REFRESH: {
    type: "seconds",
    default: "15",
    doc: "how long before its end a mapping in use is asked for again; 0: never",
  },
  MAX_TTL: { type: "seconds", default: "86400", doc: "longest time to keep a mapping with locators" },
  NEGATIVE_TTL: { type: "seconds", default: "900", doc: "longest time to keep a mapping without" },
  SILENT_TTL: {
    type: "seconds",
    default: "5",
    min: 1,
    doc: "longest time to keep the mapping of a site that has not registered: packets are to be forwarded natively for 1 minute",
  },
  NEGATIVE_LENGTH4: {
    type: "unsigned",
    default: "24",
    max: 32,
    doc: "shortest IPv4 prefix for which a mapping without locators is kept",
  },
  NEGATIVE_LENGTH6: {
    type: "unsigned",
    default: "48",
    max: 128,
    doc: "shortest IPv6 prefix for which a mapping without locators is kept",
  },
} as const;

const counters = {
  requests: "Map-Requests sent",
  replies: "Map-Replies that answered one",
  resolved: "packets that waited and were sent on",
  installed: "mappings put into the map-cache",
  narrowed: "negative mappings that took up less than the reply said",
  refreshes: "mappings in use that were asked for before their end",
} as const;

const drops = {
  bad_packet: "no IP packet from a map-cache",
  unroutable:
    "to an address that no mapping can be for: unspecified, loopback, link-local, multicast or broadcast",
  no_resolver: "there is no Map-Resolver of an address family that we have an RLOC of",
  queue_full: "as many packets wait as may, in all or for this EID",
  table_full: "as many EIDs are being asked for as may",
  resting: "nobody answered for this EID a short time ago",
  unanswered: "it waited, and nobody answered",
  unmapped: "it waited, and the answer has no mapping for it",
  rate: "a Map-Request above RATE was put off",
  malformed: "no Map-Reply with a record in a UDP packet",
  unsolicited: "a Map-Reply to nothing that we asked, or too late",
  foreign: "a record of a Map-Reply for what we did not ask",
  unusable: "a record of a Map-Reply that no packet can follow",
  cache_full: "a record that the map-cache has no room for",
  no_slot: "no free packet for a Map-Request, or none it fits",
} as const;
const MESSAGES = 0;
const RESOLVED = 1;

type Drop = keyof typeof drops;

/**
 * Asks Map-Resolvers for the mappings that a LISPMapCache has not.
 *
 * Packets that need a mapping (output 1 of the map-cache) wait here: at most HOLD for one EID and QUEUE in all. For
 * each EID a Map-Request goes to a Map-Resolver in an Encapsulated Control Message (RFC 9301, sections 5.3, 5.8 and
 * 8.1), with a nonce of its own. When no Map-Reply comes within TIMEOUT it is sent again, to the next Map-Resolver
 * where there are several, with the wait doubled up to MAX_TIMEOUT; after RETRIES more Map-Requests the packets are
 * dropped, and the EID rests for PAUSE. The Map-Resolver that answered last is asked first. No EID is asked for more
 * than once in INTERVAL.
 *
 * Only a Map-Reply whose nonce is that of a Map-Request that is out changes anything, and only for the EID that was
 * asked for: its mapping goes into the map-cache with its TTL (at most MAX_TTL; of negative ones NEGATIVE_TTL, or
 * SILENT_TTL for a site that has not registered yet, 1 s at first and then no longer than the resolver has run: sites
 * often start together), with more-specific ones within it, or within an
 * EID-prefix that was asked for (section 5.5); what the map-cache has around it that the reply does not name is registered no more, and forgotten; what it has within it is asked for. A negative mapping takes up no more than a prefix of NEGATIVE_LENGTH4 or
 * NEGATIVE_LENGTH6 bits around that EID, and the EID alone where the reply names a prefix that does not hold it. The
 * packets that waited then leave on output 1, back to the map-cache; so do those that wait for other EIDs which a new
 * mapping holds, wherever it comes from, and these are asked for no more. Locators of an address family without a source
 * RLOC are not used. With PITR it asks as a proxy ITR does (RFC 6832), whose packets come from no EID.
 *
 * A mapping with locators is asked for again REFRESH before its end (or a quarter of its TTL, where that is less), if
 * packets have matched it in as long a time before or do until its end, so that its flows need not wait then.
 *
 * It remembers how the last HISTORY resolutions went; `sluice lisp why` tells of one. A hot swap keeps that, what is
 * asked for, and the packets that wait, as far as they may with the new limits.
 *
 * @input 0 IP packets that need a mapping: output 1 of the map-cache
 * @input 1 Map-Replies
 * @output 0 Map-Requests, as IP packets with the destination annotation set
 * @output 1 packets whose mapping has come: back to the map-cache
 * @example
 * InfiniteSource(LIMIT 3, STOP true) -> UDPIPEncap(10.1.0.1, 1000, 10.2.0.1, 2000)
 *     -> cache :: LISPMapCache -> Discard;
 * cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9) -> Discard;
 * Idle -> [1] resolver; resolver[1] -> cache
 * @see LISPMapCache, LISPControlClassifier, LISPSMRReceiver
 */
export class LISPResolver extends Element {
  static readonly spec = {
    ports: "2/2",
    processing: "h/h",
    flow: "xy/zx",
    args,
    counters,
    drops,
    handlers: {
      table: {
        read: true,
        expensive: true,
        doc: "every EID-prefix being asked for: instance ID, EID-prefix, state, Map-Requests sent, seconds since the first, packets that wait, Map-Resolver asked last",
      },
      resolvers: {
        read: true,
        doc: "every Map-Resolver: address, `preferred` or `-`, Map-Requests sent, answered, not answered in time",
      },
      why: {
        read: true,
        params: true,
        doc: "for `EID-PREFIX [iid N]`: its mapping and how the last resolution about it went, as JSON",
      },
      history: {
        read: true,
        expensive: true,
        doc: "the last resolutions, the newest first: a JSON object a line",
      },
      waiting: { read: true, doc: "packets that wait" },
      pending: { read: true, doc: "EID-prefixes being asked for" },
      ask: { write: true, doc: "asks for a mapping now: `EID-PREFIX [iid N]`" },
      clear: { write: true, button: true, doc: "drops the packets that wait, and forgets what was asked" },
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #timers = new TimerGroup(this);
  readonly #listeners = listenersOf<[mapping: Mapping, echoes: boolean]>(this, "what it has resolved");
  #cache: MapCacheOffer | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #servers = new ServerList([], []);
  #table: Resolutions | null = null;
  #history: ResolutionHistory | null = null;
  #sender: MapRequestSender | null = null;
  #intake: ReplyIntake | null = null;
  /** Steady nanoseconds of its start; a hot swap is none. */
  #began = 0;
  #refresher: Refresher | null = null;

  override offers(): Partial<Offers> {
    return { LISPResolver: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#cache = offerOf(values.CACHE, "LISPMapCache", "CACHE", errors);
    if (values.RLOC.length === 0) errors.error("no RLOC given");
    this.#rlocs = values.RLOC;
    this.#servers = new ServerList(resolverAddresses(values.MAP_RESOLVER, errors), this.#rlocs);
    const { clock } = this.router;
    const replies: ReplyPolicy = {
      positive: values.MAX_TTL,
      negative: values.NEGATIVE_TTL,
      negative4: values.NEGATIVE_LENGTH4,
      negative6: values.NEGATIVE_LENGTH6,
      silent: () => this.#silentTime(values.SILENT_TTL),
      usable: (bytes) => this.#rlocs.some((r) => r.length === bytes),
    };
    this.#sender = new MapRequestSender({
      clock,
      channel: this.#channel,
      port: MESSAGES,
      servers: this.#servers,
      rlocs: this.#rlocs,
      proxy: values.PITR,
      rate: values.RATE,
      count: (what) => this.#count(what),
    });
    this.#intake = new ReplyIntake({
      policy: replies,
      cache: () => this.cache.cache,
      count: (what) => this.#count(what),
      later: (run) => this.#timers.timer(run).scheduleAfter(0),
      ask: (iid, eid) => this.#resolutions.ask(iid, eid, "refresh"),
      installed: (mapping, echoes) => this.#listeners.tell(mapping, echoes),
    });
    const policy = {
      timeout: values.TIMEOUT * 1e9,
      longest: values.MAX_TIMEOUT * 1e9,
      retries: values.RETRIES,
      pause: values.PAUSE * 1e9,
      interval: values.INTERVAL * 1e9,
      capacity: values.CAPACITY,
      hold: values.HOLD,
      // Answers need slots, too.
      queue: Math.min(values.QUEUE, this.memory.slots >>> 3),
    };
    const events: ResolutionEvents = {
      send: (resolution, nonce) => this.#sender!.send(resolution, nonce),
      unanswered: (resolution) => this.#unanswered(resolution),
      giveUp: (slots) => this.#giveUp(slots, "unanswered"),
      mapped: (resolution) => this.#isMapped(resolution),
      sendOn: (slots, trace) => this.#sendOn(slots, trace),
    };
    this.#history = new ResolutionHistory(clock, values.HISTORY);
    this.#table = new Resolutions(this.router, this.#timers, policy, events, this.#history);
    if (values.REFRESH > 0)
      this.#refresher = new Refresher({
        clock,
        timers: this.#timers,
        lead: values.REFRESH * 1e9,
        cache: () => this.cache.cache,
        ask: (mapping) => this.#refresh(mapping),
      });
  }

  override initialize(): void {
    this.#began = this.router.clock.now();
    // Those that were put in already are found, too.
    this.#refresher?.swapped();
    this.cache.onInsert((mapping) => {
      this.#refresher?.inserted(mapping);
      this.#resolutions.cover(mapping.iid, mapping.eid);
    });
  }

  override takeState(old: Element): void {
    if (!(old instanceof LISPResolver) || old.#table === null) return;
    this.#refresher?.swapped();
    this.#began = old.#began;
    if (old.#history !== null) this.#history?.adopt(old.#history);
    const { memory } = this;
    if (this.#servers.none) {
      // The former element gives them up.
      memory.add64(this.counterAddress("no_resolver"), old.#resolutions.waiting);
      return;
    }
    const left = this.#resolutions.adopt(old.#resolutions, (i) => this.#servers.indexIn(old.#servers, i));
    memory.add64(this.counterAddress("queue_full"), left.length);
    for (const slot of left) memory.kernels.poolGive(slot);
  }

  override cleanup(_stage: CleanupStage): void {
    this.#table?.clear();
  }

  override push(port: number, batch: Batch): void {
    if (port === 0) this.#hold(batch);
    else this.#channel.receive(batch, (datagram) => this.#receive(datagram));
  }

  // ---- Packets that need a mapping ---------------------------------------------

  #hold(batch: Batch): void {
    const { memory } = this;
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      const reason = this.#holdOne(slot);
      if (reason === null) continue;
      this.#count(reason);
      memory.kernels.poolGive(slot);
    }
    batch.count = 0;
  }

  /** Null: the packet waits. Else why it does not. */
  #holdOne(slot: number): Drop | null {
    const { memory } = this;
    const ip = memory.get32(slot + SLOT_NETWORK);
    const data = memory.get32(slot + SLOT_DATA);
    const end = data + memory.get32(slot + SLOT_LENGTH);
    if (ip < data || ip >= end) return "bad_packet";
    const version = memory.u8[ip] >> 4;
    if ((version !== 4 && version !== 6) || ip + (version === 4 ? 20 : 40) > end) return "bad_packet";
    if (this.#servers.none) return "no_resolver";
    const [source, bytes] = version === 4 ? [ip + 12, 4] : [ip + 8, 16];
    const eid = { address: memory.u8.slice(source + bytes, source + 2 * bytes), length: bytes * 8 };
    if (!isRoutable(eid.address)) return "unroutable";
    const from = memory.u8.slice(source, source + bytes);
    switch (this.#resolutions.hold(memory.get32(slot + SLOT_IID), eid, from, slot)) {
      case "held":
        return null;
      case "queue-full":
        return "queue_full";
      case "table-full":
        return "table_full";
      case "resting":
        return "resting";
    }
  }

  /** Whether there is a Map-Resolver to ask. */
  get canAsk(): boolean {
    return !this.#servers.none;
  }

  /** Asks for a mapping although no packet needs it, as an SMR wants; false where that is impossible now. */
  ask(
    iid: number,
    eid: { readonly address: Uint8Array; readonly length: number },
    smrInvoked = false,
  ): boolean {
    return !this.#servers.none && this.#resolutions.ask(iid, eid, smrInvoked ? "smr" : "request");
  }

  /**
   * Whole seconds to keep the mapping of a site that has not registered, `longest` at most. Sites often start together:
   * what was said in the first second is asked again in the next, then after as long a time as we have run.
   */
  #silentTime(longest: number): number {
    const seconds = (this.router.clock.now() - this.#began) / 1e9;
    return Math.min(longest, Math.max(1, Math.ceil(seconds)));
  }

  #refresh({ iid, eid }: Mapping): boolean {
    if (this.#servers.none || !this.#resolutions.ask(iid, eid, "refresh")) return false;
    this.#count("refreshes");
    return true;
  }

  /** Calls `listener` with every mapping that a Map-Reply has brought into the map-cache, and whether its site says that it echoes nonces (E bit). */
  onInstall(listener: (mapping: Mapping, echoes: boolean) => void): void {
    this.#listeners.add(listener);
  }

  /** The map-cache that it fills. */
  get cache(): MapCacheOffer {
    if (this.#cache === null) throw new Error(`${this.name} has no map-cache`);
    return this.#cache;
  }

  get #resolutions(): Resolutions {
    return this.#table!;
  }

  #unanswered(resolution: Resolution): void {
    const { resolver, trace } = resolution;
    trace?.add({ event: "unanswered", to: addressText(this.#servers.at(resolver).address) });
    this.#servers.unanswered(resolver);
  }

  // ---- Map-Replies ----------------------------------------------------------------

  #receive(datagram: UdpPacket | WireError): void {
    const reply = replyOf(datagram);
    if (reply === null) {
      this.#count("malformed");
      return;
    }
    const found = this.#resolutions.of(reply.nonce);
    if (found === null || reply.probe) {
      this.#count("unsolicited");
      return;
    }
    const { resolution, resolver } = found;
    // The next attempt, which may begin as soon as packets go on, has another one.
    const { trace } = resolution;
    if (!this.#intake!.take(resolution, reply, addressText((datagram as UdpPacket).source))) return;
    this.#count("replies");
    this.#servers.answered(resolver);
    const slots = this.#resolutions.settle(resolution);
    if (this.#isMapped(resolution)) this.#sendOn(slots, trace);
    else {
      if (slots.length > 0) trace?.add({ event: "dropped", packets: slots.length, because: "unmapped" });
      this.#giveUp(slots, "unmapped");
    }
    this.sendCovered();
  }

  /** Sends on the packets that the mappings just put into the map-cache are for, before any that come later. */
  sendCovered(): void {
    this.#resolutions.sendCovered();
  }

  /** Whether there is a mapping for its packets; one that wants a Map-Request would only bring them back. */
  #isMapped({ iid, eid }: Resolution): boolean {
    const found = this.cache.cache.lookup(iid, eid.address);
    return found !== null && (found.locators.length > 0 || found.action !== "send-map-request");
  }

  #sendOn(slots: readonly number[], trace: ResolutionTrace | null): void {
    if (slots.length > 0) trace?.add({ event: "sent", packets: slots.length });
    this.memory.add64(this.counterAddress("resolved"), slots.length);
    const batch = this.router.batches.acquire();
    for (let i = 0; i < slots.length; i += BATCH_MAX) {
      for (const slot of slots.slice(i, i + BATCH_MAX)) batch.add(slot);
      this.outputs[RESOLVED].push(batch);
      batch.count = 0;
    }
    this.router.batches.release(batch);
  }

  #giveUp(slots: readonly number[], reason: "unanswered" | "unmapped"): void {
    for (const slot of slots) this.memory.kernels.poolGive(slot);
    this.memory.add64(this.counterAddress(reason), slots.length);
  }

  #count(name: keyof typeof counters | Drop): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers -------------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      table: { read: () => [...this.#resolutions.entries()].map((r) => this.#line(r)).join("") },
      resolvers: { read: () => this.#servers.text() },
      why: {
        read: (text) =>
          JSON.stringify(
            asHandlerError(() => explain(text, this.cache, this.#history!, this.router.clock), MappingError),
          ),
      },
      history: { read: () => this.#history!.text() },
      waiting: { read: () => this.#resolutions.waiting },
      pending: { read: () => this.#resolutions.size },
      ask: { write: (text) => this.#askFor(text) },
      clear: { write: () => this.#resolutions.clear() },
    };
  }

  #askFor(text: string): void {
    const { iid, eid } = asHandlerError(() => parseEidAndInstance(text), MappingError);
    if (!this.ask(iid, eid))
      throw new HandlerError("FAILED", "no Map-Resolver, or as much is being asked for as may");
  }

  #line(r: Resolution): string {
    const age = ((this.router.clock.now() - r.began) / 1e9).toFixed(3);
    const resolver = r.resolver < 0 ? "-" : addressText(this.#servers.at(r.resolver).address);
    return `${r.iid} ${prefixText(r.eid)} ${r.state} ${r.sent} ${age} ${r.held.length} ${resolver}\n`;
  }
}
