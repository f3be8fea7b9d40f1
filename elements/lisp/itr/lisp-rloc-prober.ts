import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel, replyOf } from "../../../src/lisp/control/control-channel.js";
import { randomNonce, sameAddress } from "../../../src/lisp/control/control-records.js";
import { updateOf } from "../../../src/lisp/itr/probe-updates.js";
import { addressText, type Mapping, MappingError } from "../../../src/lisp/mapping.js";
import { TimerGroup } from "../../../src/lisp/timer-group.js";
import type { Batch } from "../../../src/packet/batch.js";
import { MemoryError } from "../../../src/packet/memory.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { HandlerCode } from "../../../src/router/handler.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";
import type { WireError } from "../../../src/wire/error.js";
import { eidAddress, ipAddress } from "../../../src/wire/lisp-control/address.js";
import { mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { encodeLispControl } from "../../../src/wire/lisp-control/message.js";
import type { EidRecord } from "../../../src/wire/lisp-control/record.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";
import { LISPMapCache } from "./lisp-map-cache.js";

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

type Eid = Pick<Mapping, "iid" | "eid">;

/** EID-prefixes of an RLOC that probes ask for in turn. */
const EIDS = 4;

interface Probed {
  readonly rloc: Uint8Array;
  /** Some mappings that have it, and which of them is the next to be asked for. */
  eids: Eid[];
  turn: number;
  readonly timer: Timer;
  /** Probes that are out: the steady nanoseconds at which they left, and what they asked for. */
  readonly out: Map<bigint, { readonly at: number; readonly eid: Eid }>;
  /** Whether the map-cache was told that it is down. */
  down: boolean;
  /** Smoothed round-trip time and its mean deviation, nanoseconds; -1: not known. */
  rtt: number;
  jitter: number;
  /** Steady nanoseconds of the last answer; -1: none yet. */
  answered: number;
}

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
 * An answer that comes from a locator of the mapping that was probed may change that mapping: priorities, weights, R bits
 * and Map-Version of its locators, and further ones. It never takes a locator away (of several ETRs that register
 * together each may know its own only), nor makes a mapping live longer, nor changes a configured one.
 *
 * Once in INTERVAL it goes through the whole map-cache for RLOCs that are gone.
 *
 * @element LISPRLOCProber
 * @category lisp
 * @input 0 answers to probes: output 7 of LISPControlClassifier
 * @output 0 probes, as IP packets with the destination annotation set
 * @handler probes probes sent
 * @handler answers answers that came in time
 * @handler downs times that an RLOC went down
 * @handler updates mappings that an answer has changed
 * @handler table every RLOC: address, up or down, smoothed round-trip time and jitter in ms, seconds since the last answer; - for what is not known
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
      updates: "mappings that an answer has changed",
    },
    drops: {
      malformed: "no Map-Reply with a record in a UDP packet",
      unsolicited: "no answer to a probe that is out, or without the A bit",
      full: "an RLOC that is not probed, as CAPACITY others are",
      no_slot: "no free packet for a probe",
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
  readonly #probed = new Map<string, Probed>();
  #cache: LISPMapCache | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #proxy = false;
  #interval = 0;
  #timeout = 0;
  #retries = 0;
  #capacity = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.CACHE instanceof LISPMapCache) this.#cache = values.CACHE;
    else errors.error("CACHE is not a LISPMapCache");
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

  /** Takes up RLOCs that are new, and forgets those that are gone. */
  #look(): void {
    const seen = new Map<string, { readonly rloc: Uint8Array; readonly eids: Eid[] }>();
    for (const mapping of this.#cache!.cache.entries())
      for (const rloc of this.#usable(mapping)) {
        const name = addressText(rloc);
        const found = seen.get(name);
        if (found === undefined) seen.set(name, { rloc, eids: [mapping] });
        else keepShortest(found.eids, mapping);
      }
    for (const [name, p] of this.#probed) {
      if (seen.has(name)) continue;
      p.timer.unschedule();
      this.#probed.delete(name);
    }
    for (const [name, { rloc, eids }] of seen) this.#see(name, rloc, eids);
    this.#scan.scheduleAfter(this.#interval);
  }

  /** A mapping has come: it is newer than what else is known of its RLOCs. */
  #inserted(mapping: Mapping): void {
    for (const rloc of this.#usable(mapping)) {
      const name = addressText(rloc);
      const others = this.#probed.get(name)?.eids ?? [];
      this.#see(name, rloc, [mapping, ...others.filter((e) => !sameEid(e, mapping))].slice(0, EIDS));
    }
  }

  /** The RLOCs of a mapping that may be probed. */
  #usable(mapping: Mapping): Uint8Array[] {
    return mapping.locators
      .filter((l) => l.priority !== 255 && l.reachable && this.#source(l.rloc) !== undefined)
      .map((l) => l.rloc);
  }

  #see(name: string, rloc: Uint8Array, eids: Eid[]): void {
    const found = this.#probed.get(name);
    if (found === undefined) {
      if (this.#probed.size < this.#capacity) this.#add(name, rloc, eids);
      else this.#count("full");
      return;
    }
    found.eids = eids;
    // A mapping that went and came again has forgotten it.
    if (found.down) this.#cache!.cache.updateRloc(found.rloc, { down: true });
  }

  #add(name: string, rloc: Uint8Array, eids: Eid[]): void {
    const timer = this.#timers.timer(() => this.#due(name));
    this.#probed.set(name, {
      rloc,
      eids,
      turn: 0,
      timer,
      out: new Map(),
      down: false,
      rtt: -1,
      jitter: -1,
      answered: -1,
    });
    // Spread, so that those of one Map-Reply are not probed at once.
    timer.scheduleAfter(Math.floor((this.router.random.real() * this.#period()) / 10));
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

  #due(name: string): void {
    const p = this.#probed.get(name)!;
    if (p.out.size > 0) p.turn++;
    if (p.out.size > this.#retries) {
      p.out.clear();
      if (!p.down) this.#count("downs");
      p.down = true;
      this.#cache!.cache.updateRloc(p.rloc, { down: true });
      this.#rest(p);
    } else {
      this.#probe(p);
    }
  }

  #probe(p: Probed): void {
    const nonce = randomNonce(this.router.random);
    const asked = p.eids[p.turn % p.eids.length];
    const { iid, eid } = asked;
    const message = mapRequest({
      nonce,
      probe: true,
      proxyItr: this.#proxy,
      itrRlocs: this.#rlocs.map(ipAddress),
      records: [{ eid: eidAddress(iid, eid.address), maskLength: eid.length, subscribe: false }],
    });
    p.out.set(nonce, { at: this.router.clock.now(), eid: asked });
    p.timer.scheduleAfter(this.#timeout);
    this.#count("probes");
    const payload = encodeLispControl(message);
    if (!this.#channel.send({ source: this.#source(p.rloc)!, destination: p.rloc, payload }, 0))
      this.#count("no_slot");
  }

  #rest(p: Probed): void {
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
    const p = proper ? this.#asker(reply.nonce) : null;
    if (p === null) {
      this.#count("unsolicited");
      return;
    }
    this.#count("answers");
    const now = this.router.clock.now();
    const { at, eid } = p.out.get(reply.nonce)!;
    this.#measure(p, now - at);
    p.out.clear();
    p.answered = now;
    p.down = false;
    this.#cache!.cache.updateRloc(p.rloc, { down: false });
    this.#rest(p);
    this.#update(eid, reply.records, (datagram as UdpPacket).source);
  }

  #update({ iid, eid }: Eid, records: readonly EidRecord[], source: Uint8Array): void {
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

  #asker(nonce: bigint): Probed | null {
    for (const p of this.#probed.values()) if (p.out.has(nonce)) return p;
    return null;
  }

  /** RFC 6298, section 2. */
  #measure(p: Probed, sample: number): void {
    p.jitter = p.rtt < 0 ? sample / 2 : p.jitter * 0.75 + Math.abs(p.rtt - sample) * 0.25;
    p.rtt = p.rtt < 0 ? sample : p.rtt * 0.875 + sample * 0.125;
  }

  #count(name: keyof typeof LISPRLOCProber.spec.counters | keyof typeof LISPRLOCProber.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers -----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return { table: { read: () => [...this.#probed.values()].map((p) => this.#line(p)).join("") } };
  }

  #line(p: Probed): string {
    const ms = (ns: number): string => (ns < 0 ? "-" : (ns / 1e6).toFixed(3));
    const ago = p.answered < 0 ? "-" : ((this.router.clock.now() - p.answered) / 1e9).toFixed(3);
    return `${addressText(p.rloc)} ${p.down ? "down" : "up"} ${ms(p.rtt)} ${ms(p.jitter)} ${ago}\n`;
  }
}

/** Puts `eid` among at most EIDS ones, in place of the longest: short prefixes are sites', hosts move. */
function keepShortest(eids: Eid[], eid: Eid): void {
  const at = eids.findIndex((other) => other.eid.length > eid.eid.length);
  eids.splice(at < 0 ? eids.length : at, 0, eid);
  if (eids.length > EIDS) eids.pop();
}

function sameEid(a: Eid, b: Eid): boolean {
  return a.iid === b.iid && a.eid.length === b.eid.length && sameAddress(a.eid.address, b.eid.address);
}
