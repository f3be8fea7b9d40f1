import { LargeMap } from "../../../src/collections/large-map.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { inReplyOrder } from "../../../src/lisp/control/control-records.js";
import type { HeaderEvent } from "../../../src/lisp/data-plane/header-verifier.js";
import type { SiteChange } from "../../../src/lisp/etr/site-mappings.js";
import { Pacer } from "../../../src/lisp/limits/pacer.js";
import { type Mapping, MappingError, parseRloc } from "../../../src/lisp/mapping.js";
import type {
  DecapOffer,
  EncapOffer,
  MapCacheOffer,
  ResolverOffer,
  RlocProberOffer,
  SiteOffer,
} from "../../../src/lisp/offers/lisp-offers.js";
import type { CachedLocator } from "../../../src/lisp/tables/mapping-records.js";
import { addressText, sameAddress } from "../../../src/net/address.js";
import { eidName } from "../../../src/net/eid.js";
import { prefixText } from "../../../src/net/prefix.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode, HandlerError } from "../../../src/router/handler.js";
import { offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";
import { TimerGroup } from "../../../src/router/timer-group.js";

const args = {
  SITE: { type: "element", positional: true, required: true, doc: "the LISPSite whose locators they are" },
  ENCAP: { type: "element", doc: "the LISPEncap that sends the bits" },
  DECAP: { type: "element", doc: "the LISPDecap that sees those of others" },
  CACHE: { type: "element", doc: "the LISPMapCache whose locators they are about" },
  RESOLVER: {
    type: "element",
    doc: "the LISPResolver through which mappings are asked for when bits change",
  },
  PROBER: { type: "element", doc: "the LISPRLOCProber that verifies what bits say" },
  ACTIVE: {
    type: "bool",
    default: "false",
    doc: "send and look at Locator-Status-Bits; only where all peers are trusted",
  },
  TRUST: {
    type: "bool",
    default: "false",
    doc: "a locator whose bit is clear is not used; false: bits are hints, to be verified",
  },
  DOWN: { type: "address", many: true, doc: "a locator of ours that is down from the start" },
  WATCH: {
    type: "element",
    doc: "a LISPMapCache with a mapping to our site's locators, and a LISPRLOCProber of its own: those that it finds down are",
  },
  USE_LSB: {
    type: "seconds",
    default: "300",
    doc: "how long no bits are sent for an EID-prefix after its set of locators has changed",
  },
  INTERVAL: { type: "seconds", default: "3", doc: "least time between two Map-Requests for one EID-prefix" },
  RATE: { type: "unsigned", default: "100", min: 1, doc: "most Map-Requests a second because of bits" },
} as const;

/** EID-prefixes that wait to be asked for. */
const WAITING = 16384;
/** Nanoseconds between two looks at WATCH. */
const LOOK = 1e9;

/**
 * Locator-Status-Bits (RFC 9300, sections 10 and 13.1): data packets say which locators of their site are up.
 *
 * With ACTIVE, ENCAP sets the bits (L bit) that hold for the longest EID-prefix of ours that a packet's source is in:
 * bit i for the i-th locator of the Map-Reply, which has them in ascending order, IPv4 first; 32, with an instance ID 8.
 * A bit is clear when the mapping says that the locator is not reachable, when the `down` handler has, or when WATCH
 * finds it so: another tunnel router of ours. After a locator was added or removed no bits are sent for USE_LSB, so that
 * nobody takes them for those of other locators (section 13.1).
 *
 * When DECAP sees other bits than before, from an RLOC of the very mapping, they are acted upon: with TRUST the locators
 * whose bit is clear are not used until it is set; without, PROBER probes them at once and finds them down or not. In
 * either case RESOLVER asks for the mapping anew, once in INTERVAL. Bits under Map-Versions other than those of the
 * mapping we have say nothing.
 *
 * Anybody who can send us packets can forge bits: for trusted networks only (section 16).
 *
 * @example
 * site :: LISPSite(192.168.1.0/24 192.0.2.1 192.0.2.2);
 * Idle -> cache :: LISPMapCache -> encap :: LISPEncap(192.0.2.1) -> Discard;
 * Idle -> decap :: LISPDecap(PEERS 16) -> Discard;
 * LISPLocatorStatus(site, ENCAP encap, DECAP decap, CACHE cache, ACTIVE true)
 * @see LISPSite, LISPEncap, LISPDecap, LISPMapVersion, LISPRLOCProber
 */
export class LISPLocatorStatus extends Element {
  static readonly spec = {
    ports: "0/0",
    args,
    counters: {
      changes: "changed bits that were acted upon",
      probes: "locators that were probed because of their bits",
      refreshes: "Map-Requests that bits have led to",
      limited: "bits that changed too soon after the last Map-Request, or above RATE: one follows later",
      busy: "changed bits while the resolver cannot ask: it does so later",
    },
    drops: {
      stranger: "bits from an RLOC that is none of the mapping's",
      no_resolver: "changed bits while there is no Map-Resolver to ask",
      full: "changed bits of a mapping that is not asked for, as too many wait to be",
    },
    handlers: {
      down: { write: true, doc: "an RLOC of ours is down from now on" },
      up: { write: true, doc: "an RLOC of ours is up again" },
      locators: { read: true, doc: "every RLOC of ours: address, up or down" },
      bits: {
        read: true,
        doc: "every EID-prefix of ours: instance ID, EID-prefix, the bits sent (hexadecimal); - for none",
      },
    },
  } as const satisfies ElementSpec;

  readonly #timers = new TimerGroup(this);
  readonly #look: Timer = this.newTimer(() => this.#watch());
  /** RLOCs that were said to be down, and those that WATCH finds down. */
  readonly #down = new Set<string>();
  #unseen: ReadonlySet<string> = new Set();
  /** By EID-prefix: until then no bits are sent for it. */
  readonly #silence = new LargeMap<string, Timer>();
  #pacer: Pacer | null = null;
  #site: SiteOffer | null = null;
  #encap: EncapOffer | null = null;
  #decap: DecapOffer | null = null;
  #cache: MapCacheOffer | null = null;
  #resolver: ResolverOffer | null = null;
  #prober: RlocProberOffer | null = null;
  #watched: MapCacheOffer | null = null;
  #active = false;
  #trust = false;
  #useLsb = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#site = offerOf(values.SITE, "LISPSite", "SITE", errors);
    this.#encap = offerOf(values.ENCAP, "LISPEncap", "ENCAP", errors);
    this.#decap = offerOf(values.DECAP, "LISPDecap", "DECAP", errors);
    this.#cache = offerOf(values.CACHE, "LISPMapCache", "CACHE", errors);
    this.#resolver = offerOf(values.RESOLVER, "LISPResolver", "RESOLVER", errors);
    this.#prober = offerOf(values.PROBER, "LISPRLOCProber", "PROBER", errors);
    this.#watched = offerOf(values.WATCH, "LISPMapCache", "WATCH", errors);
    this.#active = values.ACTIVE;
    this.#trust = values.TRUST;
    this.#useLsb = values.USE_LSB * 1e9;
    for (const rloc of values.DOWN) this.#down.add(addressText(rloc));
    this.#pacer = new Pacer({
      clock: this.router.clock,
      timers: this.#timers,
      interval: values.INTERVAL * 1e9,
      rate: values.RATE,
      capacity: WAITING,
    });
  }

  override initialize(): void {
    if (!this.#active) return;
    const site = this.#site!;
    this.#encap?.signSources(site.records.root);
    site.mappings.onChange((change) => this.#changed(change));
    this.#announce();
    if (this.#watched !== null) this.#look.scheduleAfter(LOOK);
    if (this.#decap === null || this.#cache === null) return;
    const { verifier } = this.#decap;
    verifier.setCache(this.#cache.state);
    verifier.verifyStatusBits();
    verifier.onEvent((event) => {
      if (event.kind === "status-bits") this.#heard(event);
    });
  }

  /** What handlers have said stays said. */
  override takeState(old: Element): void {
    if (!(old instanceof LISPLocatorStatus)) return;
    for (const rloc of old.#down) this.#down.add(rloc);
    this.#unseen = old.#unseen;
    for (const [name, timer] of old.#silence) this.#keepSilent(name, timer.expiry);
    this.#announce();
  }

  // ---- Our locators --------------------------------------------------------------

  #changed({ before, after }: SiteChange): void {
    const { iid, eid } = (after ?? before)!;
    const name = eidName({ iid, eid });
    if (after === null) {
      this.#silence.get(name)?.unschedule();
      this.#silence.delete(name);
    }
    // What holds for its packets now, and what held before, be it that of a shorter prefix.
    const shorter = { address: eid.address, length: Math.max(0, eid.length - 1) };
    const around = this.#site!.mappings.lookup(iid, shorter);
    const now = after ?? around;
    const former = before ?? around;
    if (now === null) return;
    if (former !== null && rlocs(former) !== rlocs(now) && this.#useLsb > 0)
      this.#keepSilent(eidName({ iid, eid: now.eid }), this.router.clock.now() + this.#useLsb);
    this.#say(now);
  }

  /** No bits for the EID-prefix until then. */
  #keepSilent(name: string, until: number): void {
    const timer = this.#silence.get(name) ?? this.#timers.timer(() => this.#speakAgain(name));
    this.#silence.set(name, timer);
    timer.scheduleAt(until);
  }

  #speakAgain(name: string): void {
    this.#silence.delete(name);
    this.#announce();
  }

  #watch(): void {
    this.#look.rescheduleAfter(LOOK);
    const { cache } = this.#watched!;
    const unseen = new Set<string>();
    for (const r of cache.rlocs()) if (r.down) unseen.add(addressText(r.rloc));
    if (unseen.size === this.#unseen.size && [...unseen].every((r) => this.#unseen.has(r))) return;
    this.#unseen = unseen;
    this.#announce();
  }

  #announce(): void {
    if (!this.#active) return;
    for (const mapping of this.#site!.mappings.entries()) this.#say(mapping);
  }

  /** Has packets from the EID-prefix say what holds for its locators now. */
  #say(mapping: Mapping): void {
    const { iid, eid } = mapping;
    const silent = mapping.locators.length === 0 || this.#silence.has(eidName({ iid, eid }));
    this.#site!.records.setStatusBits(iid, eid, silent ? null : this.#bits(mapping));
  }

  #bits(mapping: Mapping): number {
    let bits = 0;
    for (const [i, l] of inReplyOrder(mapping.locators).slice(0, 32).entries())
      if (l.reachable && this.#isUp(addressText(l.rloc))) bits |= 1 << i;
    return bits >>> 0;
  }

  #isUp(rloc: string): boolean {
    return !this.#down.has(rloc) && !this.#unseen.has(rloc);
  }

  // ---- Others' bits ----------------------------------------------------------------

  #heard({ iid, eid, rloc, bits, width }: HeaderEvent): void {
    const { cache } = this.#cache!;
    const mapping = cache.lookup(iid, eid);
    if (mapping === null) return;
    if (!mapping.locators.some((l) => sameAddress(l.rloc, rloc))) {
      this.#count("stranger");
      return;
    }
    const differs = (l: CachedLocator, i: number): boolean =>
      i < width && l.reachable && l.priority < 255 && l.usable !== (((bits >>> i) & 1) === 1);
    const changed = mapping.locators.filter(differs);
    if (this.#trust) cache.setStatusBits(iid, mapping.eid, bits, width);
    if (changed.length === 0) return;
    this.#count("changes");
    for (const l of changed)
      if (!this.#trust && l.usable && this.#prober?.verify(l.rloc)) this.#count("probes");
    if (this.#resolver === null) return;
    if (this.#resolver.canAsk) this.#refresh(this.#resolver, iid, mapping.eid);
    else this.#count("no_resolver");
  }

  /** Bits are told once: what cannot be asked for now is later. */
  #refresh(resolver: ResolverOffer, iid: number, eid: Mapping["eid"]): void {
    let busy = false;
    const ask = (): boolean => {
      const asked = resolver.ask(iid, eid);
      if (asked) this.#count("refreshes");
      busy = !asked;
      return asked;
    };
    const became = this.#pacer!.request(eidName({ iid, eid }), ask);
    if (became === "full") this.#count("full");
    else if (became === "waits") this.#count(busy ? "busy" : "limited");
  }

  #count(
    name: keyof typeof LISPLocatorStatus.spec.counters | keyof typeof LISPLocatorStatus.spec.drops,
  ): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers --------------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    const mappings = (): Mapping[] => [...this.#site!.mappings.entries()];
    return {
      down: { write: (text) => this.#set(text, false) },
      up: { write: (text) => this.#set(text, true) },
      locators: {
        read: () => {
          const all = inReplyOrder(mappings().flatMap((m) => m.locators)).map((l) => addressText(l.rloc));
          return [...new Set(all)].map((r) => `${r} ${this.#isUp(r) ? "up" : "down"}\n`).join("");
        },
      },
      bits: {
        read: () =>
          mappings()
            .map((m) => this.#line(m))
            .join(""),
      },
    };
  }

  #line({ iid, eid }: Mapping): string {
    const bits = this.#active ? this.#site!.records.statusBits(iid, eid) : null;
    return `${iid} ${prefixText(eid)} ${bits === null ? "-" : `0x${bits.toString(16)}`}\n`;
  }

  #set(text: string, up: boolean): void {
    const rloc = addressText(asHandlerError(() => parseRloc(text.trim()), MappingError));
    const ours = [...this.#site!.mappings.entries()].flatMap((m) => m.locators);
    if (!ours.some((l) => addressText(l.rloc) === rloc))
      throw new HandlerError("FAILED", `${rloc} is no locator of this site`);
    if (up) this.#down.delete(rloc);
    else this.#down.add(rloc);
    this.#announce();
  }
}

/** The RLOCs of a mapping, in the order of the Map-Reply. */
function rlocs(mapping: Mapping): string {
  return inReplyOrder(mapping.locators)
    .map((l) => addressText(l.rloc))
    .join(" ");
}
