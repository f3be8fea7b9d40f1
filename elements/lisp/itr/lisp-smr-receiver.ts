import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel, messageOf } from "../../../src/lisp/control/control-channel.js";
import { KeyedBuckets } from "../../../src/lisp/limits/keyed-buckets.js";
import { Pacer } from "../../../src/lisp/limits/pacer.js";
import type { ResolverOffer } from "../../../src/lisp/offers/lisp-offers.js";
import type { IpAddress } from "../../../src/net/address.js";
import { type EidPrefix, eidName } from "../../../src/net/eid.js";
import { covers } from "../../../src/net/prefix.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import type { WireError } from "../../../src/wire/error.js";
import { eidPrefix } from "../../../src/wire/lisp-control/address.js";
import type { MapRequest } from "../../../src/wire/lisp-control/map-request.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";

const args = {
  RESOLVER: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPResolver through which it asks",
  },
  INTERVAL: {
    type: "seconds",
    default: "3",
    doc: "least time between two SMR-invoked Map-Requests for one EID-prefix",
  },
} as const;

/** EID-prefixes that wait to be asked for, and mappings whose rates are kept. */
const WAITING = 16384;
/** Mappings within a prefix that an SMR is about, and longer prefixes in one mapping: at once, and a second. */
const WITHIN = 64;
const LONGER = 64;
const LONGER_RATE = 16;

/**
 * Asks anew for the mappings whose site says that they have changed (RFC 9301, section 6.1).
 *
 * A Solicit-Map-Request names the EID that has changed as its Source EID. If the map-cache has mappings that hold it, the
 * resolver asks the Map-Resolvers for their EID-prefixes, with the SMR-invoked bit: never the sender itself, so that a
 * forged SMR can only make us ask. Where one of the SMR's records is a prefix around its Source EID, that has changed:
 * the mappings in it are asked for, too; or, where it is longer than all that hold it, as of a host that has moved out
 * of its subnet, that prefix itself (of many in one mapping, that mapping's). What others name in its records is looked
 * up too. One EID-prefix is asked for once in INTERVAL: what changes meanwhile is asked about then.
 *
 * @input 0 Solicit-Map-Requests: output 6 of LISPControlClassifier
 * @example
 * cache :: LISPMapCache; Idle -> cache -> Discard;
 * cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9) -> Discard;
 * Idle -> [1] resolver; resolver[1] -> cache;
 * Idle -> LISPSMRReceiver(resolver)
 * @see LISPResolver, LISPSMRSender, LISPControlClassifier
 */
export class LISPSMRReceiver extends Element {
  static readonly spec = {
    ports: "1/0",
    processing: "h/h",
    args,
    counters: {
      invoked: "Map-Requests that SMRs have led to",
      limited: "SMRs about what was asked for too short a time ago: it will be asked for again",
      busy: "SMRs about what cannot be asked for now, as too much is: it will be",
    },
    drops: {
      malformed: "no SMR in a UDP packet",
      unknown: "an SMR about nothing that the map-cache has",
      no_resolver: "an SMR while there is no Map-Resolver to ask",
      full: "an SMR about what would wait, while as many wait as may",
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #longer = new KeyedBuckets(this.router.clock, LONGER_RATE, LONGER, WAITING);
  #pacer: Pacer | null = null;
  #resolver: ResolverOffer | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#resolver = offerOf(values.RESOLVER, "LISPResolver", "RESOLVER", errors);
    const { clock } = this.router;
    const timers = new TimerGroup(this);
    this.#pacer = new Pacer({ clock, timers, interval: values.INTERVAL * 1e9, capacity: WAITING });
  }

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => this.#receive(datagram));
  }

  #receive(datagram: UdpPacket | WireError): void {
    const smr = smrOf(datagram);
    if (smr === null) {
      this.#count("malformed");
      return;
    }
    const changed = this.#changed(smr);
    if (changed.length === 0) this.#count("unknown");
    else if (!this.#resolver!.canAsk) this.#count("no_resolver");
    else for (const eid of changed) this.#ask(eid);
  }

  #ask({ iid, eid }: EidPrefix): void {
    let busy = false;
    const ask = (): boolean => {
      const asked = this.#resolver!.ask(iid, eid, true);
      if (asked) this.#count("invoked");
      busy = !asked;
      return asked;
    };
    const became = this.#pacer!.request(eidName({ iid, eid }), ask);
    if (became === "full") this.#count("full");
    else if (became === "waits") this.#count(busy ? "busy" : "limited");
  }

  /** The EID-prefixes that it is about: of mappings of ours, or a longer one in one of them. */
  #changed(smr: MapRequest): EidPrefix[] {
    const { cache } = this.#resolver!.cache;
    const named = smr.records.map(eidPrefix).filter((p) => p !== null);
    const source = eidPrefix({ eid: smr.sourceEid, maskLength: 0 });
    const found = source === null ? [] : this.#touched(source.iid, source.eid.address, named);
    if (found.length > 0 || named.length === 0) return found;
    const other = cache.lookup(named[0].iid, named[0].eid.address);
    return other === null ? [] : [other];
  }

  /** What the change of an EID touches; `named`: prefixes, of which one around it is the changed one. */
  #touched(iid: number, source: IpAddress, named: readonly EidPrefix[]): EidPrefix[] {
    const { cache } = this.#resolver!.cache;
    const [longest, ...others] = cache.around(iid, source);
    // Shorter ones that are there for good were never asked for.
    const around = longest === undefined ? [] : [longest, ...others.filter((m) => m.expiry !== null)];
    const changed = named.find((p) => p.iid === iid && covers(p.eid, source));
    if (changed === undefined) return around;
    const { eid } = changed;
    if (longest !== undefined && eid.length > longest.eid.length)
      return this.#longer.take(eidName(longest)) ? [changed] : around;
    const within = cache.within(iid, eid, WITHIN);
    return [...around.filter((m) => m.eid.length < eid.length), ...within];
  }

  #count(name: keyof typeof LISPSMRReceiver.spec.counters | keyof typeof LISPSMRReceiver.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }
}

function smrOf(datagram: UdpPacket | WireError): MapRequest | null {
  const message = messageOf(datagram);
  return message?.type === "map-request" && message.smr ? message : null;
}
