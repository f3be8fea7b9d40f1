import { isDeepStrictEqual } from "node:util";
import { LargeMap } from "../../../src/collections/large-map.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel } from "../../../src/lisp/control/control-channel.js";
import { randomNonce } from "../../../src/lisp/control/control-records.js";
import { type Solicitation, Solicitations } from "../../../src/lisp/etr/solicitations.js";
import { MappingError, parseEidAndInstance } from "../../../src/lisp/mapping.js";
import type {
  DecapOffer,
  MapCacheOffer,
  MapReplierOffer,
  RegistrarOffer,
  SiteOffer,
} from "../../../src/lisp/offers/lisp-offers.js";
import { SLICE } from "../../../src/lisp/slice.js";
import { addressText, isRoutable, sameAddress } from "../../../src/net/address.js";
import { type EidPrefix, eidName } from "../../../src/net/eid.js";
import { isHost } from "../../../src/net/prefix.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode } from "../../../src/router/handler.js";
import { type Offers, offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import { eidAddress, eidFields, eidPrefix, ipAddress } from "../../../src/wire/lisp-control/address.js";
import { mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { encodeLispControl } from "../../../src/wire/lisp-control/message.js";

const args = {
  SITE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPSite whose changes are told",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, from which SMRs go; one of each address family",
  },
  REGISTRAR: {
    type: "element",
    doc: "the LISPRegistrar of SITE: others are told when the Map-Servers have acknowledged a change, as they ask there",
  },
  REPLIER: {
    type: "element",
    doc: "the LISPMapReplier of SITE: who asks it because of an SMR is not told again",
  },
  CACHE: { type: "element", doc: "a LISPMapCache: sites that we send to are told" },
  DECAP: { type: "element", doc: "a LISPDecap that remembers its PEERS: those who send to us are told" },
  INTERVAL: { type: "seconds", default: "3", doc: "least time between two SMRs to one RLOC" },
  TIMES: {
    type: "unsigned",
    default: "6",
    min: 1,
    max: 16,
    doc: "SMRs to one RLOC about a change, as they may get lost, unless it is known to have heard: after INTERVAL, three times, then after twice as long each time",
  },
  PATIENCE: {
    type: "seconds",
    default: "1",
    doc: "time after which others are told of what the Map-Servers have not acknowledged: then, and when they have",
  },
  QUEUE: { type: "unsigned", default: "4096", min: 1, doc: "most SMRs that wait" },
} as const;

/** Mappings of the map-cache, times changes, that are looked at in one go: some 0.3 ms. */
const PAGE = 64;
/** Changes that a walk tells of: of more, the others have another. */
const CHANGES = 64;
/** Nanoseconds until a walk that found no room goes on. */
const PAUSE = 0.1e9;
/** Longest time between two looks whether a change is acknowledged at last, nanoseconds. */
const LATE = 64e9;

/** A change that the Map-Servers have not acknowledged. */
interface Unacknowledged {
  readonly changed: EidPrefix;
  /** Nanoseconds until the next look, and whether others were told nevertheless. */
  wait: number;
  told: boolean;
  readonly timer: Timer;
}

/** Tells of changes all whom the map-cache and LISPDecap know, in slices. */
interface Walk {
  readonly changes: EidPrefix[];
  /** RLOCs that were told, with what. */
  readonly told: LargeMap<string, true>;
  /** What is to be done next; then what comes after this mapping; "peers" and "end" when the map-cache has no more. */
  readonly todo: { readonly rloc: Uint8Array; readonly changed: EidPrefix; readonly other: EidPrefix }[];
  after: EidPrefix | null | "peers" | "end";
  /** Nothing was looked at yet. */
  isFresh: boolean;
}

/**
 * Tells other sites that a mapping of this site has changed (RFC 9301, section 6.1).
 *
 * When a mapping of the LISPSite comes, changes or goes, a Solicit-Map-Request goes to every locator in CACHE and every
 * sender that DECAP remembers of the same instance, its Source EID our EID-prefix; its record is the other site's
 * EID-prefix where we know that, else our own. Where the site has longer prefixes in ours, a second record has ours with
 * its length: others may have its parts. An SMR may get lost, and so may what it leads to: each is sent TIMES times with
 * growing pauses, but for those who ask REPLIER because of it. One RLOC gets an SMR once in INTERVAL: further changes wait. As the others
 * ask the Map-Servers, these must know first: REGISTRAR says when they do. It also says what other tunnel routers of the
 * site have changed of a shared EID-prefix (RFC 9301, section 5.7): each tells its own peers.
 *
 * @output 0 Solicit-Map-Requests, as IP packets with the destination annotation set
 * @example
 * site :: LISPSite(192.168.1.0/24 192.0.2.1);
 * cache :: LISPMapCache(192.168.2.0/24 192.0.2.2); Idle -> cache -> Discard;
 * LISPSMRSender(site, RLOC 192.0.2.1, CACHE cache) -> Discard
 * @see LISPSite, LISPSMRReceiver, LISPMapCache, LISPDecap
 */
export class LISPSMRSender extends Element {
  static readonly spec = {
    ports: "0/1",
    processing: "h/h",
    args,
    counters: { sent: "SMRs sent" },
    drops: {
      full: "an SMR that somebody else wants sent while too many wait",
      no_slot: "no free packet for an SMR",
    },
    handlers: {
      waiting: { read: true, doc: "SMRs that wait, those that are sent again left out" },
      solicit: { write: true, doc: "tells everybody of an EID-prefix: `EID-PREFIX [iid N]`" },
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #timers = new TimerGroup(this);
  /** Changes of just now, those of them that the Map-Servers know now, and those that wait for them. */
  readonly #changes = new LargeMap<string, EidPrefix>();
  readonly #known: EidPrefix[] = [];
  readonly #unacknowledged = new LargeMap<string, Unacknowledged>();
  /** By `eidName`: mappings of the site whose peers others tell. */
  readonly #othersTell = new LargeMap<string, true>();
  readonly #walks: Walk[] = [];
  readonly #news: Timer = this.newTimer(() => this.#tellNews());
  readonly #step: Timer = this.newTimer(() => this.#walk());
  #solicitations: Solicitations | null = null;
  #registrar: RegistrarOffer | null = null;
  #replier: MapReplierOffer | null = null;
  #site: SiteOffer | null = null;
  #cache: MapCacheOffer | null = null;
  #decap: DecapOffer | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #times = 0;
  #patience = 0;

  override offers(): Partial<Offers> {
    return { LISPSMRSender: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#site = offerOf(values.SITE, "LISPSite", "SITE", errors);
    this.#cache = offerOf(values.CACHE, "LISPMapCache", "CACHE", errors);
    this.#decap = offerOf(values.DECAP, "LISPDecap", "DECAP", errors);
    this.#registrar = offerOf(values.REGISTRAR, "LISPRegistrar", "REGISTRAR", errors);
    this.#replier = offerOf(values.REPLIER, "LISPMapReplier", "REPLIER", errors);
    if (values.RLOC.length === 0) errors.error("no RLOC given");
    this.#rlocs = values.RLOC;
    this.#times = values.TIMES;
    this.#patience = values.PATIENCE * 1e9;
    this.#solicitations = new Solicitations({
      clock: this.router.clock,
      timers: this.#timers,
      interval: values.INTERVAL * 1e9,
      capacity: values.QUEUE,
      send: (rloc, changed, other) => this.#send(rloc, changed, other),
    });
  }

  override initialize(): void {
    this.#site!.mappings.onChange(({ before, after, told }) => {
      const { iid, eid } = (after ?? before)!;
      const name = eidName({ iid, eid });
      if (after === null || told === "all") this.#othersTell.delete(name);
      else this.#othersTell.set(name, true);
      if (told !== "all" || isDeepStrictEqual(before, after)) return;
      this.#changes.set(name, { iid, eid });
      // All that changes at once is registered at once: whoever asks shall hear of all of it.
      this.#tellSoon();
    });
    this.#registrar?.onAcknowledge((eid) => this.#acknowledged(eid));
    this.#registrar?.onNotify((records) => {
      for (const record of records) {
        const eid = eidPrefix(record);
        if (eid !== null && this.#isShared(eid)) this.#known.push(eid);
      }
      if (this.#known.length > 0) this.#tellSoon();
    });
    this.#replier?.onSolicited((rlocs, asked) => {
      for (const rloc of rlocs) for (const eid of asked) this.#solicitations!.heard(rloc, eid);
    });
  }

  /** Whether what another xTR has changed of an EID-prefix is of this site: its peers ask that one's, ours ask us. */
  #isShared({ iid, eid }: EidPrefix): boolean {
    const { mappings } = this.#site!;
    if (mappings.get(iid, eid) !== null) return !this.#othersTell.has(eidName({ iid, eid }));
    // A host out of a prefix has moved: LISPMobility tells those who send to it.
    return !isHost(eid) && mappings.lookup(iid, eid) !== null;
  }

  // ---- When to tell ----------------------------------------------------------------

  #tellSoon(): void {
    if (!this.#news.scheduled) this.#news.scheduleAfter(0);
  }

  #tellNews(): void {
    let left = SLICE;
    for (const [name, changed] of this.#changes) {
      if (left-- === 0) break;
      this.#changes.delete(name);
      this.#unacknowledged.get(name)?.timer.unschedule();
      this.#unacknowledged.delete(name);
      if (this.#isAcknowledged(changed)) this.#known.push(changed);
      else {
        const timer = this.#timers.timer(() => this.#late(name));
        this.#unacknowledged.set(name, { changed, wait: this.#patience, told: false, timer });
        timer.scheduleAfter(this.#patience);
      }
    }
    this.#begin(this.#known.splice(0));
    if (this.#changes.size > 0) this.#news.scheduleAfter(0);
  }

  #isAcknowledged({ iid, eid }: EidPrefix): boolean {
    return this.#registrar?.acknowledged(iid, eid) ?? true;
  }

  #acknowledged({ iid, eid }: EidPrefix): void {
    const name = eidName({ iid, eid });
    const found = this.#unacknowledged.get(name);
    if (found === undefined || !this.#isAcknowledged(found.changed)) return;
    found.timer.unschedule();
    this.#unacknowledged.delete(name);
    this.#known.push(found.changed);
    this.#tellSoon();
  }

  #late(name: string): void {
    const found = this.#unacknowledged.get(name)!;
    const acknowledged = this.#isAcknowledged(found.changed);
    if (acknowledged || !found.told) {
      this.#known.push(found.changed);
      this.#tellSoon();
    }
    if (acknowledged) {
      this.#unacknowledged.delete(name);
      return;
    }
    found.told = true;
    found.wait = Math.min(2 * found.wait, LATE);
    found.timer.scheduleAfter(found.wait);
  }

  // ---- Whom to tell ----------------------------------------------------------------

  /** Tells everybody who may have the mapping of `eid` that it has changed. */
  solicit(eid: EidPrefix): void {
    this.#begin([eid]);
  }

  #begin(changes: readonly EidPrefix[]): void {
    for (const changed of changes) {
      const last = this.#walks.at(-1);
      // One that has not begun takes it along.
      if (last?.isFresh && last.changes.length < CHANGES) last.changes.push(changed);
      else
        this.#walks.push({ changes: [changed], told: new LargeMap(), todo: [], after: null, isFresh: true });
    }
    if (this.#walks.length === 0) return;
    if (!this.#step.scheduled) this.#step.scheduleAfter(0);
  }

  /** Goes on with the first walk, as far as there is room. */
  #walk(): void {
    const [walk] = this.#walks;
    if (walk === undefined) return;
    if (walk.todo.length === 0) this.#look(walk);
    while (walk.todo.length > 0 && !this.#solicitations!.full) {
      const { rloc, changed, other } = walk.todo.pop()!;
      this.#add(rloc, { changed, other, times: this.#times });
    }
    if (walk.todo.length === 0 && walk.after === "end") this.#walks.shift();
    if (this.#walks.length > 0) this.#step.scheduleAfter(walk.todo.length > 0 ? PAUSE : 0);
  }

  /** Finds whom to tell next. */
  #look(walk: Walk): void {
    const { after } = walk;
    walk.isFresh = false;
    if (after === "end") return;
    if (after === "peers") {
      for (const { iid, rloc } of this.#decap?.peers?.peers() ?? []) this.#find(walk, iid, rloc, null);
      walk.after = "end";
    } else {
      const most = Math.max(1, Math.floor(PAGE / walk.changes.length));
      const page = this.#cache?.cache.page(after, most) ?? [];
      for (const m of page) for (const { rloc } of m.locators) this.#find(walk, m.iid, rloc, m);
      const last = page.at(-1);
      walk.after = page.length < most || last === undefined ? "peers" : { iid: last.iid, eid: last.eid };
    }
    walk.todo.reverse();
  }

  #find({ changes, told, todo }: Walk, iid: number, rloc: Uint8Array, other: EidPrefix | null): void {
    for (const changed of changes) {
      if (changed.iid !== iid) continue;
      const name = `${addressText(rloc)} ${eidName({ iid, eid: changed.eid })}`;
      if (told.has(name)) continue;
      told.set(name, true);
      todo.push({ rloc, changed, other: other ?? changed });
    }
  }

  /** Tells one RLOC that the mapping of `eid` has changed: once, as whoever wants it does so again if need be. */
  solicitFrom(rloc: Uint8Array, eid: EidPrefix): void {
    if (this.#solicitations!.full) this.#count("full");
    else this.#add(rloc, { changed: eid, other: eid, times: 1 });
  }

  #add(rloc: Uint8Array, solicitation: Solicitation): void {
    // What data packets say of where they are from may be anything.
    if (!isRoutable(rloc) || this.#source(rloc) === undefined) return;
    if (this.#rlocs.some((own) => sameAddress(own, rloc))) return;
    this.#solicitations!.add(rloc, solicitation);
  }

  #source(rloc: Uint8Array): Uint8Array | undefined {
    return this.#rlocs.find((r) => r.length === rloc.length);
  }

  #send(destination: Uint8Array, eid: EidPrefix, other: EidPrefix): void {
    const message = mapRequest({
      nonce: randomNonce(this.router.random),
      smr: true,
      sourceEid: eidAddress(eid.iid, eid.eid.address),
      itrRlocs: this.#rlocs.map(ipAddress),
      records: this.#named(eid, other).map((e) => ({ ...eidFields(e), subscribe: false })),
    });
    const source = this.#source(destination)!;
    this.#count("sent");
    if (!this.#channel.send({ source, destination, payload: encodeLispControl(message) }, 0))
      this.#count("no_slot");
  }

  /** What an SMR's records name. */
  #named(changed: EidPrefix, other: EidPrefix): readonly EidPrefix[] {
    const parts = this.#site!.mappings.within(changed.iid, changed.eid, 1).length > 0;
    return parts && other !== changed ? [other, changed] : [other];
  }

  #count(name: keyof typeof LISPSMRSender.spec.counters | keyof typeof LISPSMRSender.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers -----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      waiting: { read: () => this.#solicitations!.waiting },
      solicit: { write: (text) => this.#solicitText(text) },
    };
  }

  #solicitText(text: string): void {
    this.solicit(asHandlerError(() => parseEidAndInstance(text), MappingError));
  }
}
