import { LargeMap } from "../../../src/collections/large-map.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel, replyOf } from "../../../src/lisp/control/control-channel.js";
import { randomNonce, rlocAddress } from "../../../src/lisp/control/control-records.js";
import { updateOf } from "../../../src/lisp/itr/probe-updates.js";
import { keepShortest, type Probe, ProbedPair } from "../../../src/lisp/itr/probed-pair.js";
import { type Mapping, MappingError, parseEidAndInstance, parseRloc } from "../../../src/lisp/mapping.js";
import type { MapCacheOffer, ResolverOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { SLICE_REST } from "../../../src/lisp/slice.js";
import type { Measurement, MeasurementListener } from "../../../src/measure/measurements.js";
import "../../../src/measure/path-offer.js";
import { PATH_ARGS, PATH_HANDLERS, PathReports } from "../../../src/measure/path-reports.js";
import { type PathTable, pathName } from "../../../src/measure/path-table.js";
import { ProbeBudget } from "../../../src/measure/probe-budget.js";
import { addressText, findAddress, sameAddress } from "../../../src/net/address.js";
import { type EidPrefix, sameEid } from "../../../src/net/eid.js";
import type { Batch } from "../../../src/packet/batch.js";
import { MemoryError } from "../../../src/packet/memory.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { type HandlerCode, HandlerError } from "../../../src/router/handler.js";
import { type Offers, offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import type { WireError } from "../../../src/wire/error.js";
import { eidFields, ipAddress } from "../../../src/wire/lisp-control/address.js";
import type { MapReply } from "../../../src/wire/lisp-control/map-reply.js";
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
    doc: "an RLOC of ours, from which probes go; of several of a family the first is the one that data leave from",
  },
  PEER: {
    type: "string",
    many: true,
    doc: "`RLOC EID-PREFIX`: an RLOC that is probed for this EID-prefix of its, whether a mapping names it or not",
  },
  ALL: {
    type: "bool",
    default: "true",
    doc: "probe also locators that packets may not be sent to: of priority 255, or with a clear R bit",
  },
  RESOLVER: {
    type: "element",
    doc: "the LISPResolver that asks for mappings anew none of whose locators are up",
  },
  PITR: { type: "bool", default: "false", doc: "probe as a proxy ITR does: with the p bit" },
  INTERVAL: {
    type: "seconds",
    default: "30",
    doc: "longest time from a probe that was answered until the next one has had its TIMEOUT; 0: no probes",
  },
  TIMEOUT: { type: "seconds", default: "1", doc: "wait for an answer" },
  RETRIES: {
    type: "unsigned",
    default: "2",
    max: 100,
    doc: "probes after the first before an RLOC is taken for down",
  },
  RATE: {
    type: "unsigned",
    default: "1000",
    min: 1,
    doc: "most probes a second; where INTERVAL and TIMEOUT would want more they are longer",
  },
  CAPACITY: { type: "unsigned", default: "4096", min: 1, doc: "most pairs of RLOCs that are probed" },
  ...PATH_ARGS,
} as const;

/** Mappings of an RLOC among which those are chosen that it is probed for. */
const LOOKED_AT = 64;
/** RLOCs that are looked at before packets get their turn. */
const AT_ONCE = 4;
/** Part of INTERVAL that a probe may wait for the budget before it is worth a line on the log. */
const LATE = 1 / 10;

/**
 * Finds out which locators of a map-cache can be reached, and measures the way there (RFC 9301, section 7.1).
 *
 * Every RLOC that a mapping names is probed from every RLOC of ours of its family with a Map-Request (P bit) straight to
 * it for an EID-prefix of its: when a mapping names it first, and from then on INTERVAL less TIMEOUT after each probe, or
 * up to a tenth earlier. A pair of RLOCs is probed once, however many mappings there are. When
 * no answer comes within TIMEOUT the probe is sent again, with a new nonce and for another EID-prefix where there is one:
 * an ETR does not answer for a host that has left it, and is there nevertheless. After RETRIES more the pair is down. Where
 * data leave from its own RLOC, the first of the family, the
 * map-cache's flows move to other locators: at the latest INTERVAL + RETRIES * TIMEOUT after it stopped answering, where
 * TIMEOUT is no more than nine tenths of INTERVAL. It goes on being probed, and is up again with the first answer. An
 * answer is a Map-Reply with the P bit, the nonce of a probe that is out, and the A bit in each record, that comes back to
 * where the probe left from. Its p bit says of which RLOC it is; without one it comes from the RLOC that was probed or from
 * another locator of the mapping.
 *
 * No more than RATE probes leave in a second. Of more that are due those wait that became due last, `delayed` counts them,
 * and the log says it once.
 *
 * What is measured of each pair is in `paths`, in FILE, and in the metrics of a service. A round-trip time is that from the making of the probe
 * to the arrival of the packet that answers it, as the device has it; the peer's own time is in it, as nothing in an answer tells it. A probe is lost that has no answer
 * when a later one has it, or (RETRIES + 1) * TIMEOUT after the first of them. Lost repetitions are not counted: that is what
 * keeps availability from depending on them. A pair that was never probed is unknown.
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
      downs: "times that a pair of RLOCs went down",
      refreshes: "mappings asked for anew, as none of their locators were up",
      updates: "mappings that an answer has changed",
      delayed: "probes that had to wait, as RATE others had left",
    },
    drops: {
      malformed: "no Map-Reply with a record in a UDP packet",
      unsolicited: "no answer to a probe that is out, or without the A bit",
      stranger:
        "an answer of another RLOC than the one that was probed, or to another address than the probe left from",
      full: "a pair of RLOCs that is not probed, as CAPACITY others are",
      no_slot: "no free packet for a probe",
      busy: "a mapping that the resolver has no room to ask for, or no Map-Resolver",
    },
    handlers: {
      table: {
        read: true,
        doc: "every RLOC, from the own RLOC that data leave from: address, up or down, smoothed round-trip time and its mean deviation (RFC 6298) in ms, seconds since the last answer; - for what is not known",
      },
      add_peer: { write: true, doc: "another PEER" },
      remove_peer: { write: true, doc: "RLOC: it is no PEER any more" },
      ...PATH_HANDLERS,
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #timers = new TimerGroup(this);
  readonly #scan: Timer = this.newTimer(() => this.#look());
  /** By own RLOC and peer. */
  readonly #pairs = new LargeMap<string, ProbedPair>();
  /** By the nonces of probes that are out. */
  readonly #out = new LargeMap<bigint, ProbedPair>();
  /** EID-prefixes of the RLOCs that are probed whatever mappings say. */
  readonly #peers = new LargeMap<string, EidPrefix>();
  #reports: PathReports | null = null;
  #budget: ProbeBudget<ProbedPair> | null = null;
  /** What the element knew that this one replaces. */
  #before: PathTable | null = null;
  #toldLate = false;
  /** The PEERs still to be looked at, and the RLOC that was looked at last, while all are gone through. */
  #unseen: IterableIterator<string> | null = null;
  #looked: Uint8Array | null = null;
  #cache: MapCacheOffer | null = null;
  #resolver: ResolverOffer | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #all = true;
  #proxy = false;
  #interval = 0;
  #timeout = 0;
  #retries = 0;
  #capacity = 0;

  override offers(): Partial<Offers> {
    return { LISPRLOCProber: this, Paths: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#cache = offerOf(values.CACHE, "LISPMapCache", "CACHE", errors);
    this.#resolver = offerOf(values.RESOLVER, "LISPResolver", "RESOLVER", errors);
    if (values.RLOC.length === 0) errors.error("no RLOC given");
    this.#rlocs = values.RLOC.filter((a, i) => values.RLOC.findIndex((b) => sameAddress(a, b)) === i);
    for (const text of values.PEER) {
      const peer = this.#parsePeer(text);
      if (typeof peer === "string") errors.error(`PEER: ${peer}`);
      else this.#peers.set(addressText(peer.rloc), peer.eid);
    }
    this.#all = values.ALL;
    this.#proxy = values.PITR;
    this.#interval = values.INTERVAL * 1e9;
    this.#timeout = values.TIMEOUT * 1e9;
    this.#retries = values.RETRIES;
    this.#capacity = values.CAPACITY;
    this.#reports = new PathReports(this, values, errors);
    this.#budget = new ProbeBudget({
      clock: this.router.clock,
      rate: values.RATE,
      timer: (fire) => this.newTimer(fire),
      send: (pair) => this.#probe(pair),
    });
  }

  /** The RLOC and EID-prefix of a PEER; a string: what is wrong with it. */
  #parsePeer(text: string): { readonly rloc: Uint8Array; readonly eid: EidPrefix } | string {
    const [first, ...rest] = text.trim().split(/\s+/);
    try {
      const rloc = parseRloc(first);
      if (!this.#rlocs.some((own) => own.length === rloc.length))
        return `${first} is of another address family than every RLOC`;
      return { rloc, eid: parseEidAndInstance(rest.join(" ")) };
    } catch (e) {
      if (e instanceof MappingError) return `${e.message}: 'RLOC EID-PREFIX' is what is expected`;
      throw e;
    }
  }

  override initialize(): void {
    if (this.#interval > 0) {
      this.#scan.scheduleAfter(0);
      this.#cache!.onInsert((mapping) => this.#inserted(mapping));
    }
    this.#reports!.start(((this.#retries + 1) * this.#timeout) / 1e9);
  }

  override takeState(old: Element): void {
    if (!(old instanceof LISPRLOCProber) || old.#reports === null) return;
    this.#before = old.paths;
    // Of mappings that have come before this element had its turn.
    for (const p of this.#pairs.values()) {
      this.paths.inherit(p.path, old.paths);
      this.#tellDown(p);
    }
  }

  override cleanup(): void {
    this.#reports?.close();
  }

  get paths(): PathTable {
    return this.#reports!.table;
  }

  onMeasurement(listener: MeasurementListener): () => void {
    return this.paths.onMeasurement(listener);
  }

  /** Takes up RLOCs that are not probed yet: a slice of the PEERs, and of all that the map-cache has. */
  #look(): void {
    this.#unseen ??= this.#peers.keys();
    for (let i = 0; i < AT_ONCE; i++) {
      const { done, value } = this.#unseen.next();
      if (done) break;
      const rloc = parseRloc(value);
      this.#see(rloc, (p) => p.know(this.#eidsOf(rloc)));
      if (i === AT_ONCE - 1) {
        this.#scan.scheduleAfter(SLICE_REST);
        return;
      }
    }
    const some = this.#cache!.cache.rlocs(this.#looked, AT_ONCE);
    for (const { rloc, listed, users } of some) {
      const mappings = this.#all ? users : listed;
      if (mappings > 0)
        this.#see(rloc, (p) => {
          if (p.eids.length < mappings) p.know(this.#eidsOf(rloc));
        });
    }
    this.#looked = some.length < AT_ONCE ? null : some[AT_ONCE - 1].rloc;
    if (this.#looked === null) {
      this.#unseen = null;
      this.#before = null;
    }
    this.#scan.scheduleAfter(this.#looked === null ? this.#interval : SLICE_REST);
  }

  /** What an RLOC is probed for: that which is configured, and the shortest of some EID-prefixes that have it; none where it is gone. */
  #eidsOf(rloc: Uint8Array): readonly EidPrefix[] {
    const shortest: EidPrefix[] = [];
    for (const eid of this.#cache!.cache.mappingsOf(rloc, LOOKED_AT, this.#all)) keepShortest(shortest, eid);
    const configured = this.#peers.get(addressText(rloc));
    return configured === undefined
      ? shortest
      : [configured, ...shortest.filter((eid) => !sameEid(eid, configured))];
  }

  /** A mapping has come: it is newer than what else is known of its RLOCs. */
  #inserted(mapping: Mapping): void {
    for (const { rloc } of this.#probed(mapping)) this.#see(rloc, (p) => p.prefer(mapping));
  }

  /** The locators of a mapping that are to be probed. */
  #probed(mapping: Mapping): readonly Mapping["locators"][number][] {
    return this.#all ? mapping.locators : mapping.locators.filter(isOffered);
  }

  /** Every pair with this RLOC is probed from now on; `learn` tells each of mappings that have it. */
  #see(rloc: Uint8Array, learn: (p: ProbedPair) => void): void {
    let decides = true;
    for (const own of this.#rlocs) {
      if (own.length !== rloc.length) continue;
      this.#seePair(own, rloc, decides, learn);
      decides = false;
    }
  }

  #seePair(own: Uint8Array, rloc: Uint8Array, decides: boolean, learn: (p: ProbedPair) => void): void {
    const name = pathName(own, rloc);
    const found = this.#pairs.get(name);
    if (found !== undefined) {
      learn(found);
      // A mapping that went and came again has forgotten it.
      this.#tellDown(found);
    } else if (this.#pairs.size < this.#capacity) {
      const path = this.paths.path(own, rloc);
      if (this.#before !== null) this.paths.inherit(path, this.#before);
      const p = new ProbedPair(
        path,
        decides,
        this.#timers.timer(() => this.#due(p)),
      );
      learn(p);
      this.#pairs.set(name, p);
      this.#tellDown(p);
      // Spread, so that those of one Map-Reply are not probed at once.
      p.timer.scheduleAfter(Math.floor((this.router.random.real() * this.#period()) / 10));
    } else this.#count("full");
  }

  #tellDown(p: ProbedPair): void {
    if (p.decides && p.down) this.#cache!.cache.updateRloc(p.rloc, { down: true });
  }

  /** Probes an RLOC now, to see whether another's word about it is true; false where that is not probed at all. */
  verify(rloc: Uint8Array): boolean {
    const own = this.#rlocs.find((r) => r.length === rloc.length);
    const p = own === undefined ? undefined : this.#pairs.get(pathName(own, rloc));
    if (p === undefined || !this.#isNamed(p)) return false;
    if (p.out.size === 0) this.#request(p);
    return true;
  }

  #due(p: ProbedPair): void {
    if (p.out.size > 0) p.unanswered();
    if (!this.#isNamed(p)) {
      this.#forget(p);
    } else if (p.out.size > this.#retries) {
      const measured = this.#settle(p);
      if (!p.down) this.#count("downs");
      p.path.state = "down";
      this.#tellDown(p);
      if (p.decides) for (const eid of p.eids) this.#askAnew(eid, p.rloc);
      this.#rest(p);
      this.paths.take(measured);
    } else {
      this.#request(p);
    }
  }

  /** Whether the RLOC is to be probed still; what it is to be probed for next is of it then. */
  #isNamed(p: ProbedPair): boolean {
    const { next } = p;
    const configured = this.#peers.get(addressText(p.rloc));
    if (next !== null && configured !== undefined && sameEid(next, configured)) return true;
    const mapping = next === null ? null : this.#cache!.cache.get(next.iid, next.eid);
    if (mapping === null || !this.#probed(mapping).some(({ rloc }) => sameAddress(rloc, p.rloc)))
      p.know(this.#eidsOf(p.rloc));
    return p.eids.length > 0;
  }

  #forget(p: ProbedPair): void {
    const measured = this.#settle(p);
    p.timer.unschedule();
    this.#budget!.withdraw(p);
    this.#pairs.delete(p.path.name);
    this.paths.take(measured);
    this.paths.delete(p.path);
  }

  /** No probe of the pair is out any more, the one with nonce `answered` (null: none) as its answer came at `now`. */
  #settle(
    p: ProbedPair,
    answered: bigint | null = null,
    now: number = this.router.clock.now(),
  ): Measurement[] {
    for (const nonce of p.out.keys()) this.#out.delete(nonce);
    return p.settle(answered, now, this.#timeout);
  }

  #request(p: ProbedPair): void {
    if (this.#budget!.request(p)) return;
    this.#count("delayed");
  }

  #probe(p: ProbedPair): void {
    const now = this.router.clock.now();
    this.#sayLate(p, now);
    const nonce = randomNonce(this.router.random);
    const asked = p.next;
    if (asked === null) {
      // Its mappings have gone while it waited.
      this.#forget(p);
      return;
    }
    const message = mapRequest({
      nonce,
      probe: true,
      proxyItr: this.#proxy,
      // The one that the answer is to come to, and no other.
      itrRlocs: [ipAddress(p.own)],
      records: [{ ...eidFields(asked), subscribe: false }],
    });
    const repeated = now < p.dueAt || p.out.size > 0;
    if (!repeated) p.dueAt = now + Math.floor(this.#period() * (0.9 + this.router.random.real() / 10));
    const probe: Probe = { at: now, eid: asked, repeated, sent: true };
    p.sentAt = now;
    p.out.set(nonce, probe);
    this.#out.set(nonce, p);
    p.timer.scheduleAfter(this.#timeout);
    this.#count("probes");
    const payload = encodeLispControl(message);
    if (!this.#channel.send({ source: p.own, destination: p.rloc, payload }, 0)) {
      probe.sent = false;
      this.#count("no_slot");
    }
  }

  /** Says once that there is more to probe than RATE allows. */
  #sayLate(p: ProbedPair, now: number): void {
    if (this.#toldLate || p.waitsSince < 0 || now - p.waitsSince < this.#interval * LATE) return;
    this.#toldLate = true;
    this.router.log(
      `${this.declaration}: ${this.#pairs.size} pairs of RLOCs want more probes than RATE allows: each is probed less often`,
    );
  }

  /** For a mapping that no packet can follow, unless somebody has configured it so; `rloc` is down. */
  #askAnew({ iid, eid }: EidPrefix, rloc: Uint8Array): void {
    const { cache } = this.#cache!;
    const mapping = this.#resolver === null ? null : cache.get(iid, eid);
    if (mapping === null || mapping.locators.some((l) => l.usable)) return;
    if (!mapping.locators.some((l) => isOffered(l) && sameAddress(l.rloc, rloc))) return;
    if (this.#cache!.isConfigured(iid, eid)) return;
    this.#count(this.#resolver!.ask(iid, eid) ? "refreshes" : "busy");
  }

  #rest(p: ProbedPair): void {
    this.#budget!.withdraw(p);
    // A mapping that comes from now on is asked for first.
    p.know(this.#eidsOf(p.rloc));
    // Not right behind a repeated one: an ETR answers a probe for the same EID-prefix only so often.
    const rest = Math.min(this.#timeout, 0.9 * this.#period());
    p.timer.scheduleAt(Math.max(p.dueAt, p.sentAt + rest, this.router.clock.now()));
  }

  /** Longest time until the next probe, nanoseconds. */
  #period(): number {
    return Math.max(this.#interval - this.#timeout, this.#interval / 10);
  }

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram, at) => this.#receive(datagram, at));
  }

  #receive(datagram: UdpPacket | WireError, at: number): void {
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
    const { source, destination } = datagram as UdpPacket;
    const { at: sentAt, eid } = p.out.get(reply.nonce)!;
    if (!sameAddress(destination, p.own) || !this.#isOf(p, eid, reply, source)) {
      this.#count("stranger");
      return;
    }
    this.#count("answers");
    p.answer(reply.nonce, Math.max(at, sentAt));
    const measured = this.#settle(p, reply.nonce, Math.max(at, sentAt));
    if (p.decides) this.#cache!.cache.updateRloc(p.rloc, { down: false });
    this.#rest(p);
    this.#update(eid, reply.records, source);
    this.paths.take(measured);
  }

  /**
   * Whether an answer is one of the RLOC that was probed. An ETR may answer from another address, and says by the p bit
   * which RLOC it was asked at (RFC 9301, section 5.4); where it does not say so, that is one of its other RLOCs.
   */
  #isOf(p: ProbedPair, { iid, eid }: EidPrefix, reply: MapReply, source: Uint8Array): boolean {
    const marked = reply.records.flatMap((r) => r.locators).find((l) => l.probed);
    if (marked !== undefined) {
      const rloc = rlocAddress(marked.rloc);
      return rloc !== null && sameAddress(rloc, p.rloc);
    }
    if (sameAddress(source, p.rloc)) return true;
    const mapping = this.#cache!.cache.get(iid, eid);
    return mapping?.locators.some((l) => sameAddress(l.rloc, source)) === true;
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
    const now = (): number => this.router.clock.now();
    const peer = (text: string): { readonly rloc: Uint8Array; readonly eid: EidPrefix } => {
      const found = this.#parsePeer(text);
      if (typeof found === "string") throw new HandlerError("FAILED", found);
      return found;
    };
    return {
      table: {
        read: () =>
          [...this.#pairs.values()]
            .filter((p) => p.decides)
            .map((p) => `${p.text(now())}\n`)
            .join(""),
      },
      add_peer: {
        write: (text) => {
          const { rloc, eid } = peer(text);
          if (!this.#peers.has(addressText(rloc)) && this.#peers.size >= this.#capacity)
            throw new HandlerError("FAILED", `there are ${this.#capacity} already (CAPACITY)`);
          this.#peers.set(addressText(rloc), eid);
          if (this.#interval > 0) this.#see(rloc, (p) => p.know(this.#eidsOf(rloc)));
        },
      },
      remove_peer: {
        write: (text) => {
          const rloc = findAddress(text.trim());
          if (rloc === null || !this.#peers.delete(addressText(rloc)))
            throw new HandlerError("FAILED", `'${text.trim()}' is no PEER`);
        },
      },
      ...this.#reports!.handlers(),
    };
  }
}

/** Whether packets may be sent to a locator, where it can be reached. */
function isOffered({ priority, reachable }: Mapping["locators"][number]): boolean {
  return priority !== 255 && reachable;
}
