import type { ArgValues } from "../../../src/lang/args/spec.js";
import { unquote } from "../../../src/lang/args/text.js";
import {
  ControlChannel,
  messageOf,
  type OutgoingMessage,
} from "../../../src/lisp/control/control-channel.js";
import { tableEid } from "../../../src/lisp/control/control-records.js";
import { KeyedBuckets } from "../../../src/lisp/limits/keyed-buckets.js";
import { NO_SITE_MINUTES } from "../../../src/lisp/map-server/answers.js";
import { negativeRecord } from "../../../src/lisp/map-server/records.js";
import {
  type EncapsulatedRequest,
  forwarded,
  isOther,
  type OwnAddresses,
  replyTo,
  requestIn,
} from "../../../src/lisp/map-server/requests.js";
import { Routes } from "../../../src/lisp/map-server/routes.js";
import { MappingError } from "../../../src/lisp/mapping.js";
import type { MapServerOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { type EidPrefix, IID_MAX } from "../../../src/net/eid.js";
import { canonical, hostPrefix } from "../../../src/net/prefix.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { HandlerCode } from "../../../src/router/handler.js";
import { offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { WireError } from "../../../src/wire/error.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";

/** Records of one Map-Request that are looked for. */
const RECORDS_MAX = 16;

const args = {
  RLOC4: { type: "address", doc: "this Map-Resolver's IPv4 address" },
  RLOC6: { type: "address", doc: "this Map-Resolver's IPv6 address" },
  MAP_SERVER: {
    type: "element",
    doc: "the LISPMapServer of this configuration, which is asked without a message",
  },
  IID: { type: "unsigned", default: "0", max: IID_MAX, doc: "instance ID of ROUTES that name none" },
  RATE: { type: "unsigned", default: "1000", min: 1, doc: "Map-Requests a second that each sender may send" },
  BURST: { type: "unsigned", default: "1000", min: 1, doc: "Map-Requests that each sender may send at once" },
  SENDERS: { type: "unsigned", default: "65536", min: 1, doc: "most senders whose rates are kept" },
  ROUTES: {
    type: "any",
    positional: true,
    rest: true,
    doc: "`EID-PREFIX MAP-SERVER ... [iid N]`: the Map-Servers that are asked for a prefix, in turn",
  },
} as const;

/**
 * A LISP Map-Resolver: takes the Map-Requests of ITRs to the Map-Server that knows (RFC 9301, section 8.4).
 *
 * Its input takes Encapsulated Control Messages as UDP in IP packets. The Map-Request inside goes on, unchanged, to a
 * Map-Server: to MAP_SERVER, another element of the configuration, or in a new Encapsulated Control Message to one of
 * the addresses configured for the longest prefix around the EID. Whoever answers does so to the ITR. What no
 * Map-Server is known for gets a negative Map-Reply for 15 minutes, for the least specific prefix of which that is so.
 *
 * Each Map-Resolver and Map-Server on its way takes one off the TTL inside the ECM, so that no Map-Request goes in
 * circles where they name one another.
 *
 * @input 0 IP packets with Encapsulated Control Messages
 * @output 0 IP packets with LISP control messages
 * @example
 * Idle -> LISPMapResolver(192.168.0.0/16 10.0.0.100 10.0.0.101, fd00::/8 10.0.0.102, RLOC4 10.0.0.99) -> Discard
 * @see LISPMapServer, LISPResolver
 */
export class LISPMapResolver extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "h/h",
    flow: "x/y",
    args,
    counters: {
      requests: "Map-Requests",
      local: "Map-Requests that went to the Map-Server of this configuration",
      forwarded: "Map-Requests sent to another Map-Server",
      negative_replies: "negative Map-Replies",
    },
    drops: {
      malformed: "no LISP control message in a UDP datagram",
      unexpected: "not a Map-Request in an Encapsulated Control Message",
      probe: "an RLOC probe or SMR, which must not pass the mapping system",
      rate_limited: "more Map-Requests than a sender may send",
      unsupported_eid: "a Map-Request for something else than an IP prefix",
      no_hops: "it has passed as many Map-Resolvers and Map-Servers as it may",
      no_route: "nobody to send to, of a family that this Map-Resolver has an address of",
      not_sent: "a message that did not fit into a packet, or for which there was none",
    },
    handlers: { senders: { doc: "senders whose rates are kept", read: true } },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #routes = new Routes();
  #own: OwnAddresses = { rloc4: null, rloc6: null };
  #server: MapServerOffer | null = null;
  #limiter: KeyedBuckets | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#own = { rloc4: values.RLOC4 ?? null, rloc6: values.RLOC6 ?? null };
    if (values.RLOC4 === undefined && values.RLOC6 === undefined) errors.error("needs RLOC4 or RLOC6");
    if ((values.RLOC4?.length ?? 4) !== 4) errors.error("RLOC4 must be an IPv4 address");
    if ((values.RLOC6?.length ?? 16) !== 16) errors.error("RLOC6 must be an IPv6 address");
    for (const text of values.ROUTES) {
      try {
        this.#routes.add(unquote(text), values.IID);
      } catch (e) {
        if (!(e instanceof MappingError)) throw e;
        errors.error(`'${text}': ${e.message}`);
      }
    }
    this.#server = offerOf(values.MAP_SERVER, "LISPMapServer", "MAP_SERVER", errors);
    if (values.MAP_SERVER === undefined && this.#routes.size === 0)
      errors.error("needs MAP_SERVER or the addresses of Map-Servers");
    this.#limiter = new KeyedBuckets(this.router.clock, values.RATE, values.BURST, values.SENDERS);
  }

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => {
      if (datagram instanceof WireError) this.#count("malformed");
      else this.#receive(datagram);
    });
  }

  #receive(datagram: UdpPacket): void {
    const message = messageOf(datagram);
    if (message === null) {
      this.#count("malformed");
      return;
    }
    const request = message.type === "encapsulated-control" ? requestIn(message.inner) : null;
    if (request === null) {
      this.#count("unexpected");
      return;
    }
    this.#count("requests");
    if (request.message.probe || request.message.smr) this.#count("probe");
    else if (!this.#limiter!.take(Buffer.from(datagram.source).toString("latin1")))
      this.#count("rate_limited");
    else this.#resolve(request, datagram.source);
  }

  #resolve(request: EncapsulatedRequest, sender: Uint8Array): void {
    const { message } = request;
    for (const record of message.records.slice(0, RECORDS_MAX)) {
      const asked = tableEid(record);
      if (asked === null) this.#count("unsupported_eid");
      else this.#resolveOne({ ...request, message: { ...message, records: [record] } }, asked, sender);
    }
  }

  #resolveOne(request: EncapsulatedRequest, asked: EidPrefix, sender: Uint8Array): void {
    // As Map-Servers do, by the address: what is asked for may be larger than what is known.
    const eid = { iid: asked.iid, eid: hostPrefix(asked.eid.address) };
    const here = this.#server?.authority(eid) ?? -1;
    const route = this.#routes.find(eid);
    if (this.#server !== null && here >= (route?.length ?? 0)) {
      this.#count("local");
      this.#server.request(request, sender);
    } else if (route === null)
      this.#send(replyTo(request, this.#own, [this.#negative(asked)]), "negative_replies");
    else {
      const server = this.#routes.choose(route.value, (a) => isOther(this.#own, a));
      const ecm = server === null ? null : forwarded(request, this.#own, server);
      this.#send(ecm, "forwarded");
    }
  }

  #negative({ iid, eid }: EidPrefix): ReturnType<typeof negativeRecord> {
    const { address } = eid;
    const known = this.#server?.unknownLength(iid, address) ?? 0;
    const length = Math.max(known, this.#routes.holeLength(iid, address));
    return negativeRecord({ iid, eid: canonical({ address, length }) }, "natively-forward", NO_SITE_MINUTES);
  }

  #send(message: OutgoingMessage | "no_hops" | null, counter: "forwarded" | "negative_replies"): void {
    if (message === null) this.#count("no_route");
    else if (message === "no_hops") this.#count("no_hops");
    else this.#count(this.#channel.send(message, 0) ? counter : "not_sent");
  }

  #count(name: string): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  override handlers(): Record<string, HandlerCode> {
    return { senders: { read: () => this.#limiter?.size ?? 0 } };
  }
}
