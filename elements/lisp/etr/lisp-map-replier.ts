import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel, messageOf } from "../../../src/lisp/control/control-channel.js";
import { rlocAddress } from "../../../src/lisp/control/control-records.js";
import { RECORDS_BYTES, recordBytes } from "../../../src/lisp/control/record-groups.js";
import { key } from "../../../src/lisp/etr/site-mappings.js";
import { IntervalLimit } from "../../../src/lisp/interval-limit.js";
import type { Mapping } from "../../../src/lisp/mapping.js";
import { addressText, sameAddress } from "../../../src/net/address.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { TokenBucket } from "../../../src/router/token-bucket.js";
import { WireError } from "../../../src/wire/error.js";
import { eidPrefix } from "../../../src/wire/lisp-control/address.js";
import { mapReply } from "../../../src/wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { encodeLispControl } from "../../../src/wire/lisp-control/message.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";
import { LISPSite } from "./lisp-site.js";

const args = {
  SITE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPSite whose EID-prefixes it answers for",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, from which Map-Replies go; one of each address family",
  },
  INTERVAL: {
    type: "seconds",
    default: "3",
    doc: "least time between two Map-Replies to one RLOC for the same EID-prefix",
  },
  PROBE_INTERVAL: {
    type: "seconds",
    default: "0.5",
    doc: "the same for answers to RLOC probes",
  },
  RATE: { type: "unsigned", default: "1000", min: 1, doc: "most Map-Replies a second" },
  RECORDS: { type: "unsigned", default: "16", min: 1, max: 255, doc: "most EID-prefixes in a Map-Reply" },
  ECHO_NONCE: { type: "bool", default: "false", doc: "say that this site echoes nonces (E bit)" },
} as const;

/** RLOCs and EID-prefixes whose last Map-Reply is remembered. */
const REMEMBERED = 16384;

/** What a Map-Reply has so far. */
interface Found {
  readonly mappings: Map<string, Mapping>;
  bytes: number;
}

/** For the size of a record, which does not depend on them. */
const PLAIN = { authoritative: true, local: (): boolean => false } as const;

/** A Map-Request, and where its Map-Reply goes. */
interface Request {
  readonly message: MapRequest;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly port: number;
}

/**
 * Answers Map-Requests for the EID-prefixes of a LISPSite: what an ETR does (RFC 9301, sections 5.5 and 7.1).
 *
 * Map-Requests come bare on input 0, or on input 1 in the Encapsulated Control Messages that a Map-Server sends. The
 * Map-Reply has the mapping of the longest prefix that holds what was asked for, with all more specific ones in it, A
 * bit set; where these are more than RECORDS or a packet takes, it is for the part around the address that has none. It
 * goes to the first ITR-RLOC of an address family that we have an RLOC of, and to the UDP port that the
 * Map-Request came from. An RLOC probe is answered to where it came from, from the RLOC it went to, with that locator's
 * p bit set. What is not ours gets no answer. One RLOC gets a Map-Reply for the same EID-prefix once in INTERVAL (RFC
 * 9301, section 5.4: 3 seconds), answers to probes once in PROBE_INTERVAL, and all together RATE a second.
 *
 * @element LISPMapReplier
 * @category lisp
 * @input 0 Map-Requests
 * @input 1 Encapsulated Control Messages
 * @output 0 Map-Replies, as IP packets with the destination annotation set
 * @handler replies Map-Replies sent, answers to probes among them
 * @handler probes answers to RLOC probes
 * @example
 * site :: LISPSite(192.168.1.0/24 192.0.2.1);
 * Idle -> replier :: LISPMapReplier(site, RLOC 192.0.2.1) -> Discard; Idle -> [1] replier
 * @see LISPSite, LISPControlClassifier, LISPRegistrar
 */
export class LISPMapReplier extends Element {
  static readonly spec = {
    ports: "2/1",
    processing: "h/h",
    flow: "xx/y",
    args,
    counters: {
      replies: "Map-Replies sent, answers to probes among them",
      probes: "answers to RLOC probes",
    },
    drops: {
      malformed: "no Map-Request in a UDP packet, or in an ECM",
      smr: "a Map-Request that solicits one: for LISPSMRReceiver",
      probe_in_ecm: "an RLOC probe in an ECM, which must not pass the mapping system",
      silent: "a Map-Request that wants no Map-Reply (D bit)",
      not_ours: "a Map-Request for nothing of this site",
      no_rloc: "no ITR-RLOC of an address family that we have an RLOC of",
      limited: "a Map-Reply too soon after the last one, or above RATE",
      no_slot: "no free packet for a Map-Reply, or none it fits",
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #limit = new IntervalLimit(this.router.clock, REMEMBERED);
  readonly #bucket = new TokenBucket();
  #site: LISPSite | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #interval = 0;
  #probeInterval = 0;
  #records = 0;
  #echoNonce = false;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.SITE instanceof LISPSite) this.#site = values.SITE;
    else errors.error("SITE is not a LISPSite");
    if (values.RLOC.length === 0) errors.error("no RLOC given");
    this.#rlocs = values.RLOC;
    this.#interval = values.INTERVAL * 1e9;
    this.#probeInterval = values.PROBE_INTERVAL * 1e9;
    this.#records = values.RECORDS;
    this.#echoNonce = values.ECHO_NONCE;
    this.#bucket.assign(values.RATE, values.RATE);
    this.#bucket.set(values.RATE, this.router.clock.now());
  }

  override push(port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => {
      const request = datagram instanceof WireError ? null : this.#read(datagram, port === 1);
      if (request === null) this.#count("malformed");
      else if (typeof request === "string") this.#count(request);
      else this.#answer(request);
    });
  }

  /** The Map-Request of a datagram, bare or in an ECM; a drop reason where it gets no answer; null: there is none. */
  #read(
    datagram: UdpPacket,
    encapsulated: boolean,
  ): Request | "smr" | "probe_in_ecm" | "silent" | "no_rloc" | null {
    const found = requestOf(datagram, encapsulated);
    if (found === null) return null;
    const { message, port } = found;
    if (message.smr) return "smr";
    if (message.probe && encapsulated) return "probe_in_ecm";
    if (message.dontReply) return "silent";
    if (message.probe) return { message, port, source: datagram.destination, destination: datagram.source };
    for (const rloc of message.itrRlocs) {
      const destination = rlocAddress(rloc);
      const source = destination === null ? undefined : this.#own(destination.length);
      if (destination !== null && source !== undefined) return { message, port, source, destination };
    }
    return "no_rloc";
  }

  #own(bytes: number): Uint8Array | undefined {
    return this.#rlocs.find((r) => r.length === bytes);
  }

  #answer({ message, source, destination, port }: Request): void {
    const mappings = this.#mappings(message);
    if (mappings.length === 0) {
      this.#count("not_ours");
      return;
    }
    const { probe } = message;
    const name = `${probe ? "probe" : "reply"} ${addressText(destination)} ${key(mappings[0].iid, mappings[0].eid)}`;
    const wait = this.#limit.wait(name, probe ? this.#probeInterval : this.#interval);
    if (wait > 0 || this.#bucket.take(1, this.router.clock.now()) === 0) {
      this.#count("limited");
      return;
    }
    this.#limit.allow(name, 0);
    // All go together when their time is over (section 5.5).
    const ttl = Math.min(...mappings.map((m) => this.#site!.minutes(m)));
    const local = (rloc: Uint8Array): boolean => this.#rlocs.some((own) => sameAddress(own, rloc));
    const fields = { ttl, authoritative: true, local, ...(probe ? { probed: source } : {}) };
    const reply = mapReply({
      nonce: message.nonce,
      probe,
      echoNonce: this.#echoNonce,
      records: mappings.map((m) => this.#site!.record(m, fields)),
    });
    this.#count("replies");
    if (probe) this.#count("probes");
    const payload = encodeLispControl(reply);
    if (!this.#channel.send({ source, destination, destinationPort: port, payload }, 0))
      this.#count("no_slot");
  }

  /** Our mappings for what is asked for: each the best match, then the more specific ones in it. */
  #mappings(message: MapRequest): Mapping[] {
    const { mappings } = this.#site!;
    const found: Found = { mappings: new Map(), bytes: 0 };
    const whole = (m: Mapping): Mapping[] => [m, ...mappings.within(m.iid, m.eid, this.#records)];
    for (const record of message.records) {
      const eid = eidPrefix(record.eid, record.maskLength);
      const best = eid === null ? null : mappings.lookup(eid.iid, eid);
      if (eid === null || best === null || this.#take(found, whole(best))) continue;
      if (message.probe) {
        this.#take(found, [best]);
        continue;
      }
      // Whoever knows a prefix must know those in it (section 5.5): what an address in it gets is said alone.
      const at = mappings.lookup(eid.iid, { address: eid.address, length: 8 * eid.address.length })!;
      if (!this.#take(found, whole(at))) this.#take(found, [mappings.narrowed(at, eid.address)]);
    }
    return [...found.mappings.values()];
  }

  /** Takes mappings into a Map-Reply, all or none; false where there are too many, but for a single one. */
  #take(found: Found, some: readonly Mapping[]): boolean {
    const more = some.filter((m) => !found.mappings.has(key(m.iid, m.eid)));
    const bytes = found.bytes + recordBytes(more.map((m) => this.#site!.record(m, PLAIN)));
    const fits = found.mappings.size + more.length <= this.#records && bytes <= RECORDS_BYTES;
    if (!fits && (found.mappings.size > 0 || more.length > 1)) return false;
    for (const m of more) found.mappings.set(key(m.iid, m.eid), m);
    found.bytes = bytes;
    return true;
  }

  #count(name: keyof typeof LISPMapReplier.spec.counters | keyof typeof LISPMapReplier.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }
}

function requestOf(
  datagram: UdpPacket,
  encapsulated: boolean,
): { readonly message: MapRequest; readonly port: number } | null {
  const outer = messageOf(datagram);
  if (outer === null) return null;
  if (!encapsulated)
    return outer.type === "map-request" ? { message: outer, port: datagram.sourcePort } : null;
  if (outer.type !== "encapsulated-control" || outer.inner?.message.type !== "map-request") return null;
  return { message: outer.inner.message, port: outer.inner.sourcePort };
}
