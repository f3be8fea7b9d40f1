import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel } from "../../../src/lisp/control/control-channel.js";
import { randomNonce } from "../../../src/lisp/control/control-records.js";
import { key } from "../../../src/lisp/etr/site-mappings.js";
import { type Mapping, MappingError, parseEidAndInstance } from "../../../src/lisp/mapping.js";
import { TimerGroup } from "../../../src/lisp/timer-group.js";
import { addressText, sameAddress } from "../../../src/net/address.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode } from "../../../src/router/handler.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";
import { eidAddress, ipAddress } from "../../../src/wire/lisp-control/address.js";
import { mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { encodeLispControl } from "../../../src/wire/lisp-control/message.js";
import { LISPDecap } from "../data-plane/lisp-decap.js";
import { LISPMapCache } from "../itr/lisp-map-cache.js";
import { LISPSite } from "./lisp-site.js";

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
  CACHE: { type: "element", doc: "a LISPMapCache: sites that we send to are told" },
  DECAP: { type: "element", doc: "a LISPDecap that remembers its PEERS: those who send to us are told" },
  INTERVAL: { type: "seconds", default: "3", doc: "least time between two SMRs to one RLOC" },
  QUEUE: { type: "unsigned", default: "4096", doc: "most SMRs that wait" },
} as const;

type Eid = Pick<Mapping, "iid" | "eid">;

/** An RLOC that is being told. */
interface Target {
  readonly rloc: Uint8Array;
  /** Steady nanoseconds of the last SMR. */
  last: number;
  /** What it is to be told: our EID-prefixes, with what of its own we know, in order. */
  readonly waiting: Map<string, readonly [Eid, Eid]>;
  readonly timer: Timer;
}

/**
 * Tells other sites that a mapping of this site has changed (RFC 9301, section 6.1).
 *
 * When the LISPSite's mappings change or go, a Solicit-Map-Request goes to every locator in CACHE and every sender that
 * DECAP remembers of the same instance, its Source EID our EID-prefix; its record is the other site's EID-prefix where
 * we know that, else our own. One RLOC gets an SMR once in INTERVAL: further changes wait.
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
      full: "an SMR while too many wait",
      no_slot: "no free packet for an SMR",
    },
    handlers: {
      waiting: { read: true, doc: "SMRs that wait" },
      solicit: { write: true, doc: "tells everybody of an EID-prefix: `EID-PREFIX [iid N]`" },
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #timers = new TimerGroup(this);
  readonly #targets = new Map<string, Target>();
  #site: LISPSite | null = null;
  #cache: LISPMapCache | null = null;
  #decap: LISPDecap | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #interval = 0;
  #queue = 0;
  #waiting = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const { SITE, CACHE, DECAP } = values;
    if (SITE instanceof LISPSite) this.#site = SITE;
    else errors.error("SITE is not a LISPSite");
    if (CACHE instanceof LISPMapCache) this.#cache = CACHE;
    else if (CACHE !== undefined) errors.error("CACHE is not a LISPMapCache");
    if (DECAP instanceof LISPDecap) this.#decap = DECAP;
    else if (DECAP !== undefined) errors.error("DECAP is not a LISPDecap");
    if (values.RLOC.length === 0) errors.error("no RLOC given");
    this.#rlocs = values.RLOC;
    this.#interval = values.INTERVAL * 1e9;
    this.#queue = values.QUEUE;
  }

  override initialize(): void {
    this.#site!.mappings.onChange(({ before, after, told }) => {
      // Nobody can have a mapping that was not there.
      if (before !== null && told === "all") this.solicit(after ?? before);
    });
  }

  /** Tells everybody who may have the mapping of `eid` that it has changed. */
  solicit(eid: Eid): void {
    const told = new Set<string>();
    const tell = (rloc: Uint8Array, other: Eid): void => {
      const name = addressText(rloc);
      if (told.has(name)) return;
      told.add(name);
      this.solicitFrom(rloc, eid, other);
    };
    for (const mapping of this.#cache?.cache.entries() ?? [])
      if (mapping.iid === eid.iid) for (const l of mapping.locators) tell(l.rloc, mapping);
    for (const peer of this.#decap?.peers?.peers() ?? []) if (peer.iid === eid.iid) tell(peer.rloc, eid);
  }

  /** Tells one RLOC that the mapping of `eid` has changed; `other`: an EID-prefix of its own. */
  solicitFrom(rloc: Uint8Array, eid: Eid, other: Eid = eid): void {
    if (this.#source(rloc) === undefined || this.#rlocs.some((own) => sameAddress(own, rloc))) return;
    if (this.#waiting >= this.#queue) {
      this.#count("full");
      return;
    }
    const target = this.#target(rloc);
    const name = key(eid.iid, eid.eid);
    if (!target.waiting.has(name)) this.#waiting++;
    target.waiting.set(name, [eid, other]);
    if (target.timer.scheduled && target.timer.expiry <= target.last + this.#interval) return;
    target.timer.scheduleAt(Math.max(this.router.clock.now(), target.last + this.#interval));
  }

  #source(rloc: Uint8Array): Uint8Array | undefined {
    return this.#rlocs.find((r) => r.length === rloc.length);
  }

  #target(rloc: Uint8Array): Target {
    const name = addressText(rloc);
    const found = this.#targets.get(name);
    if (found !== undefined) return found;
    const timer = this.#timers.timer(() => this.#due(name));
    const target: Target = { rloc, last: Number.NEGATIVE_INFINITY, waiting: new Map(), timer };
    this.#targets.set(name, target);
    return target;
  }

  #due(name: string): void {
    const target = this.#targets.get(name)!;
    const next = target.waiting.entries().next().value;
    // An interval after its last SMR nothing need be remembered of it.
    if (next === undefined) {
      this.#targets.delete(name);
      return;
    }
    target.waiting.delete(next[0]);
    this.#waiting--;
    target.last = this.router.clock.now();
    target.timer.scheduleAt(target.last + this.#interval);
    this.#send(target.rloc, ...next[1]);
  }

  #send(destination: Uint8Array, eid: Eid, other: Eid): void {
    const message = mapRequest({
      nonce: randomNonce(this.router.random),
      smr: true,
      sourceEid: eidAddress(eid.iid, eid.eid.address),
      itrRlocs: this.#rlocs.map(ipAddress),
      records: [
        { eid: eidAddress(other.iid, other.eid.address), maskLength: other.eid.length, subscribe: false },
      ],
    });
    const source = this.#source(destination)!;
    this.#count("sent");
    if (!this.#channel.send({ source, destination, payload: encodeLispControl(message) }, 0))
      this.#count("no_slot");
  }

  #count(name: keyof typeof LISPSMRSender.spec.counters | keyof typeof LISPSMRSender.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers -----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return { waiting: { read: () => this.#waiting }, solicit: { write: (text) => this.#solicitText(text) } };
  }

  #solicitText(text: string): void {
    this.solicit(asHandlerError(() => parseEidAndInstance(text), MappingError));
  }
}
