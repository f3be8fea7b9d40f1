import { LargeMap } from "../../../src/collections/large-map.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import type { HeaderEvent } from "../../../src/lisp/data-plane/header-verifier.js";
import type { SiteChange } from "../../../src/lisp/etr/site-mappings.js";
import { IntervalLimit } from "../../../src/lisp/limits/interval-limit.js";
import type { Mapping } from "../../../src/lisp/mapping.js";
import type {
  DecapOffer,
  EncapOffer,
  ResolverOffer,
  SiteOffer,
  SmrSenderOffer,
} from "../../../src/lisp/offers/lisp-offers.js";
import { addressText } from "../../../src/net/address.js";
import { eidName } from "../../../src/net/eid.js";
import { prefixText } from "../../../src/net/prefix.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { HandlerCode } from "../../../src/router/handler.js";
import { offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";
import { TimerGroup } from "../../../src/router/timer-group.js";

const args = {
  SITE: { type: "element", positional: true, required: true, doc: "the LISPSite whose versions are sent" },
  ENCAP: { type: "element", doc: "the LISPEncap that sends Map-Versions" },
  DECAP: { type: "element", doc: "the LISPDecap that verifies them" },
  RESOLVER: { type: "element", doc: "the LISPResolver through which newer mappings are asked for" },
  SMR: { type: "element", doc: "the LISPSMRSender that tells those who have an old mapping of ours" },
  ACTIVE: {
    type: "bool",
    default: "false",
    doc: "send and verify Map-Versions; only where all peers are trusted",
  },
  REFUSE_SOURCE: {
    type: "bool",
    default: "true",
    doc: "drop packets whose Source Map-Version is older than that of the mapping we have of their sender",
  },
  INTERVAL: {
    type: "seconds",
    default: "3",
    doc: "least time between two messages about the same EID-prefix (and to the same sender)",
  },
  RETRIES: {
    type: "unsigned",
    default: "10",
    min: 1,
    doc: "times that a sender with an old mapping of ours is told before its packets are dropped",
  },
  REFUSE_INTERVAL: { type: "seconds", default: "30", doc: "how often it is told from then on" },
  RATE: { type: "unsigned", default: "100", min: 1, doc: "most messages a second because of Map-Versions" },
} as const;

/** Senders with an old mapping of ours that are remembered. */
const SENDERS = 1024;
/** EID-prefixes and senders whose last message is remembered. */
const REMEMBERED = 16384;

/** A sender that has an old mapping of ours. */
interface Stale {
  readonly rloc: Uint8Array;
  readonly iid: number;
  readonly eid: Mapping["eid"];
  /** Times that it was told. */
  told: number;
  refused: boolean;
}

/**
 * Map-Versioning (RFC 9302): data packets say which version of the mappings they were sent by.
 *
 * The site's mappings have their versions in SITE (`version N`), which Map-Replies and Map-Registers carry, and which
 * counts on with every change. With ACTIVE, ENCAP sends them in the headers of packets to mappings that have a version
 * (V bit): as source that of the longest EID-prefix of ours that holds the packet's source, 0 where there is none. DECAP
 * verifies what comes. A Source Map-Version newer than that of the mapping in RESOLVER's map-cache leads to a
 * Map-Request; a packet with an older one is dropped unless REFUSE_SOURCE is false (section 7.2). A Destination
 * Map-Version older than ours leads to an SMR to the sender; once it was told RETRIES times, or nobody can have that
 * mapping any more since its TTL is over, its packets are dropped. So are, at once, those with a newer one, and those
 * with versions to an EID-prefix of ours that has none (sections 6.1 and 7.1). A packet whose header has a nonce has no
 * room for versions: LISPEchoNonce goes before.
 *
 * Anybody who can send us packets can forge versions, so that this is for trusted networks (section 8); INTERVAL and
 * RATE bound what a forger can make us send.
 *
 * @example
 * site :: LISPSite(192.168.1.0/24 192.0.2.1 version 1);
 * Idle -> cache :: LISPMapCache -> encap :: LISPEncap(192.0.2.1) -> Discard;
 * cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9) -> Discard;
 * Idle -> [1] resolver; resolver[1] -> cache;
 * Idle -> decap :: LISPDecap(PEERS 16) -> Discard;
 * smr :: LISPSMRSender(site, RLOC 192.0.2.1, CACHE cache) -> Discard;
 * LISPMapVersion(site, ENCAP encap, DECAP decap, RESOLVER resolver, SMR smr, ACTIVE true)
 * @see LISPSite, LISPEncap, LISPDecap, LISPLocatorStatus, LISPSMRSender
 */
export class LISPMapVersion extends Element {
  static readonly spec = {
    ports: "0/0",
    args,
    counters: {
      refreshes: "Map-Requests that newer Source Map-Versions have led to",
      solicits: "SMRs that older Destination Map-Versions have led to",
    },
    drops: {
      limited: "an old version too soon after the last message about it, or above RATE",
      busy: "a newer Source Map-Version while the resolver cannot ask",
    },
    handlers: {
      versions: {
        read: true,
        doc: "every EID-prefix of ours: instance ID, EID-prefix, Map-Version (0: none)",
      },
      stale: {
        read: true,
        doc: "every sender with an old mapping of ours: RLOC, instance ID, EID-prefix, times that it was told, accepted or refused",
      },
    },
  } as const satisfies ElementSpec;

  readonly #timers = new TimerGroup(this);
  /** By EID-prefix: when nobody can have its former mapping any more. */
  readonly #expiries = new LargeMap<string, Timer>();
  readonly #stale = new Map<string, Stale>();
  /** Of messages that headers cause (RFC 9301, section 6.1; RFC 9302, section 8). */
  #limit: IntervalLimit | null = null;
  #site: SiteOffer | null = null;
  #encap: EncapOffer | null = null;
  #decap: DecapOffer | null = null;
  #resolver: ResolverOffer | null = null;
  #smr: SmrSenderOffer | null = null;
  #active = false;
  #refuseSource = true;
  #retries = 0;
  #interval = 0;
  #refuseInterval = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#site = offerOf(values.SITE, "LISPSite", "SITE", errors);
    this.#encap = offerOf(values.ENCAP, "LISPEncap", "ENCAP", errors);
    this.#decap = offerOf(values.DECAP, "LISPDecap", "DECAP", errors);
    this.#resolver = offerOf(values.RESOLVER, "LISPResolver", "RESOLVER", errors);
    this.#smr = offerOf(values.SMR, "LISPSMRSender", "SMR", errors);
    this.#active = values.ACTIVE;
    this.#refuseSource = values.REFUSE_SOURCE;
    this.#retries = values.RETRIES;
    this.#interval = values.INTERVAL * 1e9;
    this.#refuseInterval = values.REFUSE_INTERVAL * 1e9;
    this.#limit = new IntervalLimit({
      clock: this.router.clock,
      interval: this.#interval,
      rate: values.RATE,
      capacity: REMEMBERED,
    });
  }

  override initialize(errors: ErrorSink): void {
    if (!this.#active) return;
    const site = this.#site!;
    const { root } = site.records;
    if (this.#encap?.sendVersions() === false)
      errors.error("ENCAP sends nonces, which have the place of Map-Versions");
    this.#encap?.signSources(root);
    for (const mapping of site.mappings.entries()) this.#watch(mapping, mapping);
    site.mappings.onChange((change) => this.#changed(change));
    const verifier = this.#decap?.verifier;
    if (verifier === undefined) return;
    verifier.setSite(root);
    if (this.#resolver !== null) verifier.setCache(this.#resolver.cache.state);
    verifier.verifyVersions(this.#refuseSource);
    verifier.onEvent((event) => {
      if (event.kind === "older-destination") this.#tell(event);
      else if (event.kind === "newer-source") this.#refresh(event);
    });
  }

  // ---- Our mappings --------------------------------------------------------------

  #changed({ before, after }: SiteChange): void {
    const mapping = (after ?? before)!;
    for (const [name, s] of this.#stale) {
      if (eidName(s) === eidName(mapping)) this.#stale.delete(name);
    }
    this.#refuse();
    if (after !== null) this.#watch(before ?? after, after);
    else this.#forget(mapping);
  }

  /** Once the TTL of `former` is over nobody can have it any more (section 7.1). */
  #watch(former: Mapping, mapping: Mapping): void {
    const name = eidName(mapping);
    const { records } = this.#site!;
    records.refuseOld(mapping.iid, mapping.eid, false);
    const timer =
      this.#expiries.get(name) ?? this.#timers.timer(() => records.refuseOld(mapping.iid, mapping.eid, true));
    this.#expiries.set(name, timer);
    timer.scheduleAfter(this.#site!.minutes(former) * 60e9);
  }

  #forget(mapping: Mapping): void {
    const name = eidName(mapping);
    this.#expiries.get(name)?.unschedule();
    this.#expiries.delete(name);
  }

  // ---- What packets say -----------------------------------------------------------

  /** The sender has an old mapping of ours. */
  #tell({ iid, eid, rloc }: HeaderEvent): void {
    const mapping = this.#site!.mappings.lookup(iid, { address: eid, length: eid.length * 8 });
    if (mapping === null) return;
    const name = `${addressText(rloc)} ${eidName({ iid, eid: mapping.eid })}`;
    const found = this.#stale.get(name);
    if (!this.#limit!.allow(name, found?.refused ? this.#refuseInterval : this.#interval)) {
      this.#count("limited");
      return;
    }
    const stale = found ?? { rloc, iid, eid: mapping.eid, told: 0, refused: false };
    stale.told++;
    this.#stale.delete(name);
    this.#stale.set(name, stale);
    if (this.#stale.size > SENDERS) this.#stale.delete(this.#stale.keys().next().value as string);
    if (stale.told >= this.#retries && !stale.refused) {
      stale.refused = true;
      this.#refuse();
    }
    if (this.#smr === null) return;
    this.#count("solicits");
    this.#smr.solicitFrom(rloc, mapping);
  }

  #refuse(): void {
    const { records } = this.#site!;
    const refused = [...this.#stale.values()].filter((s) => s.refused);
    this.#decap?.verifier.refuse(refused.map((s) => ({ rloc: s.rloc, record: records.find(s.iid, s.eid) })));
  }

  /** We have an old mapping of the sender's. */
  #refresh({ iid, eid }: HeaderEvent): void {
    const mapping = this.#resolver?.cache.cache.lookup(iid, eid) ?? null;
    if (mapping === null) return;
    if (!this.#limit!.allow(eidName({ iid, eid: mapping.eid }))) this.#count("limited");
    else if (this.#resolver!.ask(iid, mapping.eid)) this.#count("refreshes");
    else this.#count("busy");
  }

  #count(name: keyof typeof LISPMapVersion.spec.counters | keyof typeof LISPMapVersion.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers --------------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      versions: {
        read: () =>
          [...this.#site!.mappings.entries()]
            .map((m) => `${m.iid} ${prefixText(m.eid)} ${m.version}\n`)
            .join(""),
      },
      stale: { read: () => [...this.#stale.values()].map(staleLine).join("") },
    };
  }
}

function staleLine(s: Stale): string {
  return `${addressText(s.rloc)} ${s.iid} ${prefixText(s.eid)} ${s.told} ${s.refused ? "refused" : "accepted"}\n`;
}
