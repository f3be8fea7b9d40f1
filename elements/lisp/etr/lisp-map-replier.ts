import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel, messageOf } from "../../../src/lisp/control/control-channel.js";
import { rlocAddress } from "../../../src/lisp/control/control-records.js";
import { RECORDS_BYTES, recordBytes } from "../../../src/lisp/control/record-groups.js";
import { ReplyLimit } from "../../../src/lisp/limits/reply-limit.js";
import type { Mapping } from "../../../src/lisp/mapping.js";
import type { SiteOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { sameAddress } from "../../../src/net/address.js";
import { type EidPrefix, eidName } from "../../../src/net/eid.js";
import { hostPrefix } from "../../../src/net/prefix.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { listenersOf } from "../../../src/router/listeners.js";
import { type Offers, offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { WireError } from "../../../src/wire/error.js";
import { eidPrefix } from "../../../src/wire/lisp-control/address.js";
import { mapReply } from "../../../src/wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { encodeLispControl } from "../../../src/wire/lisp-control/message.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";

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
    doc: "time after which one asker gets the answer for the same EID once more; 0: no limit",
  },
  REPEATS: {
    type: "unsigned",
    default: "3",
    min: 1,
    doc: "how often in a row one asker gets the answer for the same EID",
  },
  PROBE_INTERVAL: {
    type: "seconds",
    default: "0.5",
    doc: "least time between two answers to one asker's RLOC probes for the same EID",
  },
  RATE: { type: "unsigned", default: "1000", min: 1, doc: "most Map-Replies a second to one asker" },
  RECORDS: { type: "unsigned", default: "16", min: 1, max: 255, doc: "most EID-prefixes in a Map-Reply" },
  ECHO_NONCE: { type: "bool", default: "false", doc: "say that this site echoes nonces (E bit)" },
} as const;

/** What a Map-Reply has so far. */
interface Found {
  readonly mappings: Map<string, Mapping>;
  bytes: number;
}

/** For the size of a record, which does not depend on them. */
const PLAIN = { authoritative: true, local: (): boolean => false } as const;

type SolicitedListener = (rlocs: readonly Uint8Array[], asked: readonly EidPrefix[]) => void;

/** A Map-Request, and where its Map-Reply goes. */
interface Request {
  readonly message: MapRequest;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly port: number;
  /** Where the Map-Request came from. */
  readonly sender: Uint8Array;
}

/**
 * Answers Map-Requests for the EID-prefixes of a LISPSite: what an ETR does (RFC 9301, sections 5.5 and 7.1).
 *
 * Map-Requests come bare on input 0, or on input 1 in the Encapsulated Control Messages that a Map-Server sends. The
 * Map-Reply has the mapping of the longest prefix that holds what was asked for, with all more specific ones in it, A
 * bit set; of a prefix that none of ours holds, those of ours within it. Where these are more than RECORDS or a packet takes, it is for the part around the address that has none. It
 * goes to the first ITR-RLOC of an address family that we have an RLOC of, and to the UDP port that the
 * Map-Request came from. An RLOC probe is answered to where it came from, from the RLOC it went to, with that locator's
 * p bit set. What is not ours gets no answer. An asker, known by where its answers go, gets the one for an EID REPEATS
 * times, as Map-Replies get lost, and then once in INTERVAL (RFC 9301, section 5.4: 3 seconds); answers to probes once
 * in PROBE_INTERVAL; and RATE a second of all.
 *
 * @input 0 Map-Requests
 * @input 1 Encapsulated Control Messages
 * @output 0 Map-Replies, as IP packets with the destination annotation set
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
      limited: "a Map-Reply more than its asker may have",
      no_slot: "no free packet for a Map-Reply, or none it fits",
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #listeners = listenersOf<Parameters<SolicitedListener>>(this, "those who ask because of an SMR");
  #site: SiteOffer | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #replies: ReplyLimit | null = null;
  #probes: ReplyLimit | null = null;
  #records = 0;
  #echoNonce = false;

  override offers(): Partial<Offers> {
    return { LISPMapReplier: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#site = offerOf(values.SITE, "LISPSite", "SITE", errors);
    if (values.RLOC.length === 0) errors.error("no RLOC given");
    this.#rlocs = values.RLOC;
    const limits = { clock: this.router.clock, rate: values.RATE };
    this.#replies = new ReplyLimit({ ...limits, interval: values.INTERVAL, repeats: values.REPEATS });
    this.#probes = new ReplyLimit({ ...limits, interval: values.PROBE_INTERVAL, repeats: 1 });
    this.#records = values.RECORDS;
    this.#echoNonce = values.ECHO_NONCE;
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
    const { message, port, sender } = found;
    if (message.smr) return "smr";
    if (message.probe && encapsulated) return "probe_in_ecm";
    if (message.dontReply) return "silent";
    if (message.probe)
      return { message, port, sender, source: datagram.destination, destination: datagram.source };
    for (const rloc of message.itrRlocs) {
      const destination = rlocAddress(rloc);
      const source = destination === null ? undefined : this.#own(destination.length);
      if (destination !== null && source !== undefined) return { message, port, sender, source, destination };
    }
    return "no_rloc";
  }

  #own(bytes: number): Uint8Array | undefined {
    return this.#rlocs.find((r) => r.length === bytes);
  }

  #answer({ message, source, destination, port, sender }: Request): void {
    const mappings = this.#mappings(message);
    if (mappings.length === 0) {
      this.#count("not_ours");
      return;
    }
    const { probe } = message;
    const limit = probe ? this.#probes! : this.#replies!;
    if (!limit.take({ rloc: destination, sender }, questionOf(message))) {
      this.#count("limited");
      return;
    }
    if (message.smrInvoked) this.#tellSolicited(message);
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

  /** Calls `listener` with the ITR-RLOCs of those who are answered because an SMR had them ask, and what they ask for. */
  onSolicited(listener: SolicitedListener): void {
    this.#listeners.add(listener);
  }

  #tellSolicited({ itrRlocs, records }: MapRequest): void {
    const rlocs = itrRlocs.map(rlocAddress).filter((rloc) => rloc !== null);
    const asked = records.map(eidPrefix).filter((prefix) => prefix !== null);
    this.#listeners.tell(rlocs, asked);
  }

  /** Our mappings for what is asked for: each the best match, then the more specific ones in it. */
  #mappings(message: MapRequest): Mapping[] {
    const { mappings } = this.#site!;
    const found: Found = { mappings: new Map(), bytes: 0 };
    const whole = (m: Mapping): Mapping[] => [m, ...mappings.within(m.iid, m.eid, this.#records)];
    for (const record of message.records) {
      const prefix = eidPrefix(record);
      if (prefix === null) continue;
      const { iid, eid } = prefix;
      const best = mappings.lookup(iid, eid);
      const all = best === null ? mappings.within(iid, eid, this.#records + 1) : whole(best);
      if (all.length === 0 || this.#take(found, all)) continue;
      if (message.probe) {
        if (best !== null) this.#take(found, [best]);
        continue;
      }
      // Whoever knows a prefix must know those in it (section 5.5): what an address in it gets is said alone.
      const at = mappings.lookup(iid, hostPrefix(eid.address));
      if (at === null) for (const m of all) this.#take(found, [m]);
      else if (!this.#take(found, whole(at))) this.#take(found, [mappings.narrowed(at, eid.address)]);
    }
    return [...found.mappings.values()];
  }

  /** Takes mappings into a Map-Reply, all or none; false where there are too many, but for a single one. */
  #take(found: Found, some: readonly Mapping[]): boolean {
    const more = some.filter((m) => !found.mappings.has(eidName(m)));
    const bytes = found.bytes + recordBytes(more.map((m) => this.#site!.record(m, PLAIN)));
    const fits = found.mappings.size + more.length <= this.#records && bytes <= RECORDS_BYTES;
    if (!fits && (found.mappings.size > 0 || more.length > 1)) return false;
    for (const m of more) found.mappings.set(eidName(m), m);
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
): { readonly message: MapRequest; readonly port: number; readonly sender: Uint8Array } | null {
  const outer = messageOf(datagram);
  if (outer === null) return null;
  if (!encapsulated)
    return outer.type === "map-request"
      ? { message: outer, port: datagram.sourcePort, sender: datagram.source }
      : null;
  if (outer.type !== "encapsulated-control" || outer.inner?.message.type !== "map-request") return null;
  const { message, sourcePort, ip } = outer.inner;
  return { message, port: sourcePort, sender: ip.source };
}

/** What a Map-Request asks for, as text. */
function questionOf({ records }: MapRequest): string {
  const asked = records.map(eidPrefix);
  return asked.map((prefix) => (prefix === null ? "" : eidName(prefix))).join(" ");
}
