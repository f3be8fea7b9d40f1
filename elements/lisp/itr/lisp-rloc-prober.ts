import { LargeMap } from "../../../src/collections/large-map.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel, replyOf } from "../../../src/lisp/control/control-channel.js";
import { randomNonce } from "../../../src/lisp/control/control-records.js";
import type { MeasurementListener, ProbeMeasurement } from "../../../src/lisp/itr/probe-measurements.js";
import { updateOf } from "../../../src/lisp/itr/probe-updates.js";
import { keepShortest, type Probe, ProbedRloc } from "../../../src/lisp/itr/probed-rloc.js";
import { type Mapping, MappingError } from "../../../src/lisp/mapping.js";
import type { MapCacheOffer, ResolverOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { SLICE_REST } from "../../../src/lisp/slice.js";
import { addressText, sameAddress } from "../../../src/net/address.js";
import type { EidPrefix } from "../../../src/net/eid.js";
import type { Batch } from "../../../src/packet/batch.js";
import { MemoryError } from "../../../src/packet/memory.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { HandlerCode } from "../../../src/router/handler.js";
import { listenersOf } from "../../../src/router/listeners.js";
import { type Offers, offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import type { WireError } from "../../../src/wire/error.js";
import { eidFields, ipAddress } from "../../../src/wire/lisp-control/address.js";
import { mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { encodeLispControl } from "../../../src/wire/lisp-control/message.js";
import type { EidRecord } from "../../../src/wire/lisp-control/record.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";

const args = {
  CACHE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPMapCache whose locators are probed",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, from which probes go; one of each address family",
  },
  RESOLVER: {
    type: "element",
    doc: "the LISPResolver that asks for mappings anew none of whose locators are up",
  },
  PITR: { type: "bool", default: "false", doc: "probe as a proxy ITR does: with the p bit" },
  INTERVAL: {
    type: "seconds",
    default: "30",
    doc: "longest time after an answer until the next probe has had its TIMEOUT; 0: no probes",
  },
  TIMEOUT: { type: "seconds", default: "1", doc: "wait for an answer" },
  RETRIES: {
    type: "unsigned",
    default: "2",
    max: 100,
    doc: "probes after the first before an RLOC is taken for down",
  },
  CAPACITY: { type: "unsigned", default: "4096", min: 1, doc: "most RLOCs that are probed" },
} as const;

/** Mappings of an RLOC among which those are chosen that it is probed for. */
const LOOKED_AT = 64;
/** RLOCs that are looked at before packets get their turn. */
const AT_ONCE = 4;

/**
 * Finds out which locators of a map-cache can be reached (RFC 9301, section 7.1).
 *
 * Every RLOC that packets may be sent to is probed with a Map-Request (P bit) straight to it for an EID-prefix of its:
 * when a mapping names it first, and from then on INTERVAL less TIMEOUT after each answer, or up to a tenth earlier. When
 * no answer comes within TIMEOUT the probe is sent again, with a new nonce and for another EID-prefix where there is one:
 * an ETR does not answer for a host that has left it, and is there nevertheless. After RETRIES more the RLOC is down and the
 * map-cache's flows move to other locators: at the latest INTERVAL + RETRIES * TIMEOUT after it stopped answering, where
 * TIMEOUT is no more than nine tenths of INTERVAL. It goes on being probed, and is up again with the first answer. An
 * answer is a Map-Reply with the P bit, the nonce of a probe that is out, and the A bit in each record. Round-trip times
 * are smoothed as RFC 6298 does.
 *
 * A mapping none of whose locators are up is of no use, and may be an old one: its host is elsewhere, whose ETR answers for
 * it. RESOLVER asks for up to four such mappings of an RLOC each time that this is found down, the shortest EID-prefixes
 * first.
 *
 * An answer that comes from a locator of the mapping that was probed may change that mapping: priorities, weights, R bits
 * and Map-Version of its locators, and further ones. It never takes a locator away (of several ETRs that register
 * together each may know its own only), nor makes a mapping live longer, nor changes a configured one.
 *
 * An RLOC that no mapping names any more is forgotten when it is to be probed next. Once in INTERVAL those are looked
 * for that are not probed yet, as there was no room.
 *
 * @input 0 answers to probes: output 7 of LISPControlClassifier
 * @output 0 probes, as IP packets with the destination annotation set
 * @example
 * cache :: LISPMapCache(192.168.2.0/24 192.0.2.2); Idle -> cache -> Discard;
 * Idle -> LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL 10) -> Discard
 * @see LISPMapCache, LISPMapReplier, LISPControlClassifier
 */
export class LISPRLOCProber extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "h/h",
    flow: "x/y",
    args,
    counters: {
      probes: "probes sent",
      answers: "answers that came in time",
      downs: "times that an RLOC went down",
      refreshes: "mappings asked for anew, as none of their locators were up",
      updates: "mappings that an answer has changed",
    },
    drops: {
      malformed: "no Map-Reply with a record in a UDP packet",
      unsolicited: "no answer to a probe that is out, or without the A bit",
      full: "an RLOC that is not probed, as CAPACITY others are",
      no_slot: "no free packet for a probe",
      busy: "a mapping that the resolver has no room to ask for, or no Map-Resolver",
    },
    handlers: {
      table: {
        read: true,
        doc: "every RLOC: address, up or down, smoothed round-trip time and jitter in ms, seconds since the last answer; - for what is not known",
      },
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #timers = new TimerGroup(this);
  readonly #scan: Timer = this.newTimer(() => this.#look());
  readonly #probed = new LargeMap<string, ProbedRloc>();
  /** By the nonces of probes that are out. */
  readonly #out = new LargeMap<bigint, ProbedRloc>();
  readonly #measurements = listenersOf<[measurement: ProbeMeasurement]>(this, "its measurements");
  /** The RLOC that was looked at last, while all are gone through. */
  #looked: Uint8Array | null = null;
  #cache: MapCacheOffer | null = null;
  #resolver: ResolverOffer | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #proxy = false;
  #interval = 0;
  #timeout = 0;
  #retries = 0;
  #capacity = 0;

  override offers(): Partial<Offers> {
    return { LISPRLOCProber: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#cache = offerOf(values.CACHE, "LISPMapCache", "CACHE", errors);
    this.#resolver = offerOf(values.RESOLVER, "LISPResolver", "RESOLVER", errors);
    if (values.RLOC.length === 0) errors.error("no RLOC given");
    this.#rlocs = values.RLOC;
    this.#proxy = values.PITR;
    this.#interval = values.INTERVAL * 1e9;
    this.#timeout = values.TIMEOUT * 1e9;
    this.#retries = values.RETRIES;
    this.#capacity = values.CAPACITY;
  }

  override initialize(): void {
    if (this.#interval === 0) return;
    this.#scan.scheduleAfter(0);
    this.#cache!.onInsert((mapping) => this.#inserted(mapping));
  }

  override cleanup(): void {
    this.#measurements.clear();
  }

  /**
   * Calls `listener` with each probe that is over, answered or lost, until the function it returns is called or this
   * element is closed. Probes that could not be sent are none, nor is one that was out for less than TIMEOUT when an
   * older one was answered.
   */
  onMeasurement(listener: MeasurementListener): () => void {
    return this.#measurements.add(listener);
  }

  /** Takes up RLOCs that are not probed yet: a slice of all that the map-cache has. */
  #look(): void {
    const some = this.#cache!.cache.rlocs(this.#looked, AT_ONCE);
    for (const { rloc, listed } of some)
      if (listed > 0 && this.#source(rloc) !== undefined)
        this.#see(rloc, (p) => {
          if (p.eids.length < listed) p.know(this.#eidsOf(rloc));
        });
    this.#looked = some.length < AT_ONCE ? null : some[AT_ONCE - 1].rloc;
    this.#scan.scheduleAfter(this.#looked === null ? this.#interval : SLICE_REST);
  }

  /** What an RLOC is probed for: the shortest of some EID-prefixes that have it; none where it is gone. */
  #eidsOf(rloc: Uint8Array): readonly EidPrefix[] {
    const shortest: EidPrefix[] = [];
    for (const eid of this.#cache!.cache.mappingsOf(rloc, LOOKED_AT)) keepShortest(shortest, eid);
    return shortest;
  }

  /** A mapping has come: it is newer than what else is known of its RLOCs. */
  #inserted(mapping: Mapping): void {
    for (const rloc of this.#usable(mapping)) this.#see(rloc, (p) => p.prefer(mapping));
  }

  /** The RLOCs of a mapping that may be probed. */
  #usable(mapping: Mapping): Uint8Array[] {
    return mapping.locators
      .filter((l) => l.priority !== 255 && l.reachable && this.#source(l.rloc) !== undefined)
      .map((l) => l.rloc);
  }

  /** `learn` tells the RLOC of mappings that have it. */
  #see(rloc: Uint8Array, learn: (p: ProbedRloc) => void): void {
    const name = addressText(rloc);
    const found = this.#probed.get(name);
    if (found !== undefined) {
      learn(found);
      // A mapping that went and came again has forgotten it.
      if (found.down) this.#cache!.cache.updateRloc(rloc, { down: true });
    } else if (this.#probed.size < this.#capacity) {
      const p = new ProbedRloc(
        rloc,
        this.#timers.timer(() => this.#due(p)),
      );
      learn(p);
      this.#probed.set(name, p);
      // Spread, so that those of one Map-Reply are not probed at once.
      p.timer.scheduleAfter(Math.floor((this.router.random.real() * this.#period()) / 10));
    } else this.#count("full");
  }

  /** Probes an RLOC now, to see whether another's word about it is true; false where that is not probed at all. */
  verify(rloc: Uint8Array): boolean {
    const p = this.#probed.get(addressText(rloc));
    if (p === undefined) return false;
    if (p.out.size === 0) this.#probe(p);
    return true;
  }

  #source(rloc: Uint8Array): Uint8Array | undefined {
    return this.#rlocs.find((r) => r.length === rloc.length);
  }

  #due(p: ProbedRloc): void {
    if (p.out.size > 0) p.unanswered();
    if (!this.#isNamed(p)) {
      this.#forget(p);
    } else if (p.out.size > this.#retries) {
      const measured = this.#settle(p);
      if (!p.down) this.#count("downs");
      p.down = true;
      this.#cache!.cache.updateRloc(p.rloc, { down: true });
      for (const eid of p.eids) this.#askAnew(eid);
      this.#rest(p);
      for (const measurement of measured) this.#measurements.tell(measurement);
    } else {
      this.#probe(p);
    }
  }

  /** Whether mappings name the RLOC still; what it is to be probed for next is one of them then. */
  #isNamed(p: ProbedRloc): boolean {
    const mapping = p.next === null ? null : this.#cache!.cache.get(p.next.iid, p.next.eid);
    if (mapping === null || !this.#usable(mapping).some((rloc) => sameAddress(rloc, p.rloc)))
      p.know(this.#eidsOf(p.rloc));
    return p.eids.length > 0;
  }

  #forget(p: ProbedRloc): void {
    const measured = this.#settle(p);
    p.timer.unschedule();
    this.#probed.delete(addressText(p.rloc));
    for (const measurement of measured) this.#measurements.tell(measurement);
  }

  /** No probe to the RLOC is out any more, the one with nonce `answered` (null: none) as it has its answer. */
  #settle(
    p: ProbedRloc,
    answered: bigint | null = null,
    now: number = this.router.clock.now(),
  ): ProbeMeasurement[] {
    for (const nonce of p.out.keys()) this.#out.delete(nonce);
    return p.settle(this.#source(p.rloc)!, answered, now, this.#timeout);
  }

  #probe(p: ProbedRloc): void {
    const nonce = randomNonce(this.router.random);
    const asked = p.next!;
    const message = mapRequest({
      nonce,
      probe: true,
      proxyItr: this.#proxy,
      itrRlocs: this.#rlocs.map(ipAddress),
      records: [{ ...eidFields(asked), subscribe: false }],
    });
    const probe: Probe = { at: this.router.clock.now(), eid: asked, sent: true };
    p.out.set(nonce, probe);
    this.#out.set(nonce, p);
    p.timer.scheduleAfter(this.#timeout);
    this.#count("probes");
    const payload = encodeLispControl(message);
    if (!this.#channel.send({ source: this.#source(p.rloc)!, destination: p.rloc, payload }, 0)) {
      probe.sent = false;
      this.#count("no_slot");
    }
  }

  /** For a mapping that no packet can follow, unless somebody has configured it so. */
  #askAnew({ iid, eid }: EidPrefix): void {
    const { cache } = this.#cache!;
    const mapping = this.#resolver === null ? null : cache.get(iid, eid);
    if (mapping === null || mapping.locators.some((l) => l.usable)) return;
    if (this.#cache!.isConfigured(iid, eid)) return;
    this.#count(this.#resolver!.ask(iid, eid) ? "refreshes" : "busy");
  }

  #rest(p: ProbedRloc): void {
    // A mapping that comes from now on is asked for first.
    p.know(this.#eidsOf(p.rloc));
    p.timer.scheduleAfter(Math.floor(this.#period() * (0.9 + this.router.random.real() / 10)));
  }

  /** Longest time until the next probe, nanoseconds. */
  #period(): number {
    return Math.max(this.#interval - this.#timeout, this.#interval / 10);
  }

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => this.#receive(datagram));
  }

  #receive(datagram: UdpPacket | WireError): void {
    const reply = replyOf(datagram);
    if (reply === null) {
      this.#count("malformed");
      return;
    }
    const proper = reply.probe && reply.records.every((r) => r.authoritative);
    const p = proper ? this.#out.get(reply.nonce) : undefined;
    if (p === undefined) {
      this.#count("unsolicited");
      return;
    }
    this.#count("answers");
    const now = this.router.clock.now();
    const eid = p.answer(reply.nonce, now);
    const measured = this.#settle(p, reply.nonce, now);
    this.#cache!.cache.updateRloc(p.rloc, { down: false });
    this.#rest(p);
    this.#update(eid, reply.records, (datagram as UdpPacket).source);
    for (const measurement of measured) this.#measurements.tell(measurement);
  }

  #update({ iid, eid }: EidPrefix, records: readonly EidRecord[], source: Uint8Array): void {
    const { cache } = this.#cache!;
    const cached = this.#cache!.isConfigured(iid, eid) ? null : cache.get(iid, eid);
    if (cached === null) return;
    const usable = (bytes: number): boolean => this.#rlocs.some((r) => r.length === bytes);
    const mapping = updateOf(cached, records, source, this.router.clock.now(), usable);
    if (mapping === null) return;
    try {
      cache.insert(mapping);
      this.#count("updates");
    } catch (e) {
      // No room beside the one that it replaces, which stays.
      if (!(e instanceof MemoryError || e instanceof MappingError)) throw e;
    }
  }

  #count(name: keyof typeof LISPRLOCProber.spec.counters | keyof typeof LISPRLOCProber.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers -----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    const lines = (): string[] =>
      [...this.#probed.values()].map((p) => `${p.text(this.router.clock.now())}\n`);
    return { table: { read: () => lines().join("") } };
  }
}
