import type { ArgValues } from "../../../src/lang/args/spec.js";
import { ControlChannel, replyOf } from "../../../src/lisp/control/control-channel.js";
import { encapsulatedRequest } from "../../../src/lisp/control/map-requests.js";
import { resolverAddresses, ServerList } from "../../../src/lisp/itr/server-list.js";
import { HostSearch, type SearchPolicy } from "../../../src/lisp/mobility/host-search.js";
import type { MobilityOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { eidName } from "../../../src/net/eid.js";
import type { Prefix } from "../../../src/net/prefix.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import type { WireError } from "../../../src/wire/error.js";
import { encodeLispControl } from "../../../src/wire/lisp-control/message.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";

const args = {
  MOBILITY: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPMobility that is told where the hosts are",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, to which Map-Replies may come; one of each address family",
  },
  MAP_RESOLVER: {
    type: "any",
    many: true,
    doc: "addresses of Map-Resolvers separated by spaces; may be repeated; without any nothing is asked",
  },
  INTERVAL: {
    type: "seconds",
    default: "60",
    min: 1,
    doc: "time from one search to the next; 60 as registrations are renewed",
  },
  TIMEOUT: {
    type: "seconds",
    default: "1",
    min: 0.001,
    doc: "wait for a Map-Reply, doubled with every further Map-Request up to INTERVAL",
  },
  RATE: { type: "unsigned", default: "20", min: 1, doc: "most questions a second of a search" },
} as const;

const MESSAGES = 0;
const OTHERS = 1;

/**
 * Finds out which hosts of this site are registered elsewhere, for a LISPMobility.
 *
 * A Map-Notify says so when a host moves (RFC 9301, section 5.7). A tunnel router that was not there then, or has
 * forgotten it in a restart, hears of it no more: it would take the host for one of its site, and neither redirect its
 * packets nor solicit its peers. So, from the start and then every INTERVAL, each prefix of the site out of which hosts
 * may leave is asked for by a Map-Request in an Encapsulated Control Message. The Map-Reply names all more specific
 * prefixes in it (section 5.5); where they are too many for a message, the rest is asked for part by part. A host whose
 * Map-Server does not answer for it (`send-map-request`) is asked for by itself, three times.
 *
 * A host that is named with locators of others, and not known to be here, is away; one that was away and is not named
 * any more is so no longer. What a Map-Notify or the host itself has said since the question was sent is newer, and
 * stays. Only a Map-Reply with the nonce of a question that is out counts, and only that of a Map-Server (A bit 0) that
 * has the prefix: an ETR knows no other site's registrations. So the site has to be registered with `proxy-reply`.
 *
 * @input 0 Map-Replies
 * @output 0 Map-Requests, as IP packets with the destination annotation set
 * @output 1 Map-Replies to others
 * @example
 * site :: LISPSite(192.168.2.0/24 192.0.2.2);
 * Idle -> m :: LISPMobility(site, 02:00:00:00:00:01, 192.168.2.0/24 192.168.2.1, LOCATORS 192.0.2.2) -> Discard;
 * Idle -> [1] m;
 * Idle -> finder :: LISPHostFinder(m, RLOC 192.0.2.2, MAP_RESOLVER 192.0.2.9) -> Discard; finder[1] -> Discard
 * @see LISPMobility, LISPRegistrar, LISPResolver
 */
export class LISPHostFinder extends Element {
  static readonly spec = {
    ports: "1/2",
    processing: "h/h",
    flow: "x/yx",
    args,
    counters: {
      requests: "Map-Requests sent",
      replies: "Map-Replies that answered one",
    },
    drops: {
      malformed: "a Map-Reply to one of its Map-Requests that cannot be read, or without a record",
      unusable: "a Map-Reply by an ETR, or that says that the site's prefix is not registered",
      no_slot: "no free packet for a Map-Request",
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #timers = new TimerGroup(this);
  readonly #searches = new Map<string, HostSearch>();
  #mobility: MobilityOffer | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #servers = new ServerList([], []);
  #policy: SearchPolicy | null = null;
  #last = -1;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#mobility = offerOf(values.MOBILITY, "LISPMobility", "MOBILITY", errors);
    if (values.RLOC.length === 0) errors.error("no RLOC given");
    this.#rlocs = values.RLOC;
    this.#servers = new ServerList(resolverAddresses(values.MAP_RESOLVER, errors), this.#rlocs);
    this.#policy = {
      interval: values.INTERVAL * 1e9,
      timeout: values.TIMEOUT * 1e9,
      gap: Math.ceil(1e9 / values.RATE),
    };
  }

  override initialize(): void {
    if (!this.#servers.none) this.#mobility!.watchHomes((homes) => this.#search(homes));
  }

  /** Searches for the hosts of these prefixes, and of no others. */
  #search(homes: readonly Prefix[]): void {
    const { iid } = this.#mobility!;
    const wanted = new Map(homes.map((home) => [eidName({ iid, eid: home }), home]));
    for (const [name, search] of this.#searches) {
      if (wanted.has(name)) continue;
      search.stop();
      this.#searches.delete(name);
    }
    for (const [name, home] of wanted) {
      if (this.#searches.has(name)) continue;
      const search = new HostSearch(home, iid, this.router, this.#timers, this.#policy!, {
        ask: (eid, nonce) => this.#ask(eid, nonce),
        found: (part, records, asked) => this.#mobility!.reported(part, records, asked),
      });
      this.#searches.set(name, search);
      search.start();
    }
  }

  #ask(eid: Prefix, nonce: bigint): void {
    // In turn: one that did not answer may be dead.
    this.#last = this.#servers.choose(this.#last);
    const { address, source } = this.#servers.at(this.#last);
    const question = { iid: this.#mobility!.iid, eid, source: null, smrInvoked: false };
    const message = encapsulatedRequest(question, nonce, this.#rlocs, source, address);
    const payload = encodeLispControl(message);
    if (this.#channel.send({ source, destination: address, payload }, MESSAGES)) this.#count("requests");
    else this.#count("no_slot");
  }

  override push(_port: number, batch: Batch): void {
    this.#channel.takeAnswers(
      batch,
      ({ type, probe, nonce }) => type === "map-reply" && !probe && this.#asker(nonce) !== null,
      (datagram) => {
        this.#receive(datagram);
        return true;
      },
    );
    this.outputs[OTHERS].push(batch);
  }

  #asker(nonce: bigint): HostSearch | null {
    for (const search of this.#searches.values()) if (search.awaits(nonce)) return search;
    return null;
  }

  /** A Map-Reply with the nonce of a question that is out. */
  #receive(datagram: UdpPacket | WireError): void {
    const reply = replyOf(datagram);
    if (reply === null) this.#count("malformed");
    else {
      const taken = this.#asker(reply.nonce)!.take(reply.nonce, reply.records);
      this.#count(taken ? "replies" : "unusable");
    }
  }

  #count(name: keyof typeof LISPHostFinder.spec.counters | keyof typeof LISPHostFinder.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }
}
