import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel, messageOf } from "../../../src/lisp/control/control-channel.js";
import { key } from "../../../src/lisp/etr/site-mappings.js";
import { IntervalLimit } from "../../../src/lisp/interval-limit.js";
import type { Mapping } from "../../../src/lisp/mapping.js";
import { covers } from "../../../src/net/prefix.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { WireError } from "../../../src/wire/error.js";
import { eidPrefix, type LispAddress } from "../../../src/wire/lisp-control/address.js";
import type { MapRequest } from "../../../src/wire/lisp-control/map-request.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";
import { LISPResolver } from "./lisp-resolver.js";

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

/** EID-prefixes whose last Map-Request is remembered. */
const REMEMBERED = 16384;

/**
 * Asks anew for the mappings whose site says that they have changed (RFC 9301, section 6.1).
 *
 * A Solicit-Map-Request names the EID that has changed as its Source EID. If the map-cache has a mapping for that, the
 * resolver asks the Map-Resolvers for its EID-prefix, with the SMR-invoked bit: never the sender itself, so that a
 * forged SMR can only make us ask. Where the SMR's record is a longer prefix around its Source EID, as of a host that
 * has moved out of its subnet, that one is asked for. What others name in its records is looked up too. One EID-prefix
 * is asked for once in INTERVAL.
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
    counters: { invoked: "Map-Requests that SMRs have led to" },
    drops: {
      malformed: "no SMR in a UDP packet",
      unknown: "an SMR about nothing that the map-cache has",
      limited: "an SMR too soon after the last one for its EID-prefix",
      busy: "the resolver has no Map-Resolver, or asks for as much as it may",
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #limit = new IntervalLimit(this.router.clock, REMEMBERED);
  #resolver: LISPResolver | null = null;
  #interval = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.RESOLVER instanceof LISPResolver) this.#resolver = values.RESOLVER;
    else errors.error("RESOLVER is not a LISPResolver");
    this.#interval = values.INTERVAL * 1e9;
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
    if (changed === null) this.#count("unknown");
    else if (!this.#limit.allow(key(changed.iid, changed.eid), this.#interval)) this.#count("limited");
    else if (this.#resolver!.ask(changed.iid, changed.eid, true)) this.#count("invoked");
    else this.#count("busy");
  }

  /** The EID-prefix that it is about: of a mapping of ours, or a longer one in it. */
  #changed(smr: MapRequest): Pick<Mapping, "iid" | "eid"> | null {
    const record = smr.records.at(0);
    for (const eid of record === undefined ? [smr.sourceEid] : [smr.sourceEid, record.eid]) {
      const found = this.#cached(eid);
      if (found === null) continue;
      const source = eidPrefix(smr.sourceEid, 0);
      const named = record === undefined ? null : eidPrefix(record.eid, record.maskLength);
      if (source === null || named === null || named.iid !== found.iid) return found;
      const longer = named.length > found.eid.length && covers(named, source.address);
      return longer ? { iid: named.iid, eid: { address: named.address, length: named.length } } : found;
    }
    return null;
  }

  #cached(eid: LispAddress): Mapping | null {
    const prefix = eidPrefix(eid, 0);
    return prefix === null ? null : this.#resolver!.cache.cache.lookup(prefix.iid, prefix.address);
  }

  #count(name: keyof typeof LISPSMRReceiver.spec.counters | keyof typeof LISPSMRReceiver.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }
}

function smrOf(datagram: UdpPacket | WireError): MapRequest | null {
  const message = messageOf(datagram);
  return message?.type === "map-request" && message.smr ? message : null;
}
