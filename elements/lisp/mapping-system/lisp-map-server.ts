import { lockWhereLocksAre } from "../../../src/device/file-lock.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import type { AuthenticationKey } from "../../../src/lisp/control/authentication.js";
import { ControlChannel } from "../../../src/lisp/control/control-channel.js";
import { KeyError, parseKey, wordsOf } from "../../../src/lisp/control/keys.js";
import { NonceGuard } from "../../../src/lisp/control/nonce-policy.js";
import { openDatabase } from "../../../src/lisp/database/open-database.js";
import type { RegistrationDatabase } from "../../../src/lisp/database/registration-database.js";
import { KeyedBuckets } from "../../../src/lisp/limits/keyed-buckets.js";
import { unknownLength } from "../../../src/lisp/map-server/answers.js";
import { registrationsText, subscriptionsText } from "../../../src/lisp/map-server/listing.js";
import { PeerKeys } from "../../../src/lisp/map-server/peer-keys.js";
import type { EncapsulatedRequest } from "../../../src/lisp/map-server/requests.js";
import { MapServer } from "../../../src/lisp/map-server/server.js";
import { parseSite, SiteError, Sites, siteLabel, siteText } from "../../../src/lisp/map-server/sites.js";
import { Subscriptions } from "../../../src/lisp/map-server/subscriptions.js";
import { parseEidAndInstance } from "../../../src/lisp/mapping.js";
import type { EidPrefix } from "../../../src/net/eid.js";
import { IID_MAX } from "../../../src/net/eid.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode, HandlerError } from "../../../src/router/handler.js";
import { linesOf } from "../../../src/router/lines.js";
import type { Offers } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { StoreError } from "../../../src/router/store.js";
import { parseStore, type StoreAddress, sameStore } from "../../../src/store/store-address.js";
import { WireError } from "../../../src/wire/error.js";

/** RLOCs whose rates of Map-Replies are kept. */
const RECEIVERS = 65536;

const args = {
  RLOC4: { type: "address", doc: "this Map-Server's IPv4 address" },
  RLOC6: { type: "address", doc: "this Map-Server's IPv6 address" },
  NONCES: {
    type: "choice",
    choices: ["strict", "lenient"],
    default: "strict",
    doc: "whether nonces of Map-Registers must increase (RFC 9301), or only not come again (older peers)",
  },
  IID: {
    type: "unsigned",
    default: "0",
    max: IID_MAX,
    doc: "instance ID of EID-prefixes that SITES name without one",
  },
  TIMEOUT: {
    type: "seconds",
    default: "180",
    min: 1,
    doc: "how long a registration holds that sets no time itself",
  },
  STORE: {
    type: "string",
    default: "memory",
    doc: "where registrations and nonces are kept: `memory`, `lmdb:FOLDER`, or `etcd:HOST:PORT,HOST:PORT...[,/PREFIX]`",
  },
  CAPACITY: { type: "unsigned", default: "4000000", min: 1, doc: "most EID-prefixes" },
  PEERS: { type: "unsigned", default: "1048576", min: 1, doc: "most xTRs whose nonces are kept" },
  WAITING: { type: "unsigned", default: "100000", min: 1, doc: "most Map-Registers that wait for the store" },
  PUBSUB_KEY: {
    type: "any",
    secret: true,
    default: "",
    doc: "`[ID:]SECRET [sha1|sha256|hkdf]` shared with subscribers (RFC 9437); without it there is no PubSub",
  },
  REPLY_RATE: { type: "unsigned", default: "1000", min: 1, doc: "most Map-Replies a second to one RLOC" },
  SUBSCRIPTIONS: { type: "unsigned", default: "65536", doc: "most subscriptions" },
  PENDING: {
    type: "unsigned",
    default: "32",
    min: 1,
    doc: "most Map-Notifies about changes to one xTR that wait for their Map-Notify-Ack; what else has changed is told then",
  },
  SITES: {
    type: "any",
    secret: true,
    positional: true,
    rest: true,
    doc: "a site each: `NAME key [ID:]SECRET [sha1|sha256|hkdf] ... [iid N] eid PREFIX [more] ...`",
  },
} as const;

/**
 * A LISP Map-Server: takes registrations of EID-prefixes, and answers for them (RFC 9301, section 8.3).
 *
 * Its input takes UDP messages in IP packets: Map-Registers, Map-Notify-Acks, and Map-Requests, in Encapsulated Control
 * Messages or bare. It sends IP packets whose destination is in the destination annotation.
 *
 * A site is a name, one or more keys, and the EID-prefixes that its xTRs may register; with `more`, also any prefix
 * within. A key is `[ID:]SECRET [sha1|sha256|hkdf]`, with sha256 by default; without an ID messages may have key ID 0, as
 * most others send, or 1. SECRET is `file:PATH` or `env:NAME`, what that file (without the newline at its end; nobody
 * but its owner may read it) or environment variable holds, or the secret itself, which others may then see in the
 * configuration; one with spaces is quoted.
 * A Map-Register must be authenticated with a key of the site whose EID-prefixes it has: one by another site's key is
 * refused, however valid. Of several keys an xTR gets back the one that it used last. Where xTR-ID and Site-ID are not
 * covered by the authentication data, nonces are kept by key and locators. What is registered is durable before the
 * Map-Notify is sent. A later registration replaces an earlier one, unless both ask for merging. When an EID-prefix
 * moves, the xTRs that had it, or the prefix around it, get a Map-Notify too, again and again until they acknowledge it;
 * when it goes, those that have the prefix around it get one with TTL 0.
 *
 * A Map-Request for a prefix that asked for proxy replies is answered, with all more specific ones in it, or where
 * these are too many for a packet for the part around the address that has none; otherwise it goes on to an ETR, of
 * several by turns: where one is dead, another hears of it when the ITR asks again. What nobody has registered gets a
 * negative Map-Reply for the least specific prefix of which that is so, for 1 minute within a site's prefixes and 15
 * minutes elsewhere. One RLOC gets at most REPLY_RATE Map-Replies a second (section 5.4); what others ask for in its
 * name is counted apart.
 *
 * With STORE an etcd cluster, several Map-Servers are one mapping system: what one acknowledged, all answer for, and a
 * message that one took is a replay to all. Each has all of it in memory: while the store is lost they answer from
 * there, nothing expires, and Map-Registers wait for it some seconds, unacknowledged. Their SITES should be the same.
 *
 * With PUBSUB_KEY a Map-Request with xTR-ID (I bit) and the N bit subscribes: it is answered by a Map-Notify with its
 * nonce and all that is registered of its prefix, whoever answers for it otherwise; where that is more than a message
 * holds no record holds the whole prefix, and the rest is to be subscribed to by itself. Each change of what overlaps
 * with its prefix is published by another one whose nonce is one higher; to a subscriber that is many changes behind, the
 * whole answer with a nonce two higher, so that it asks anew. Who acknowledges none of the repetitions is subscribed no
 * longer. ITR-RLOCs without an address unsubscribe.
 *
 * Of what is published, and told because it has moved, PENDING Map-Notifies may be on the way to one xTR. More changes
 * wait for its Map-Notify-Acks, and are told as they are by then: none is lost.
 *
 * @input 0 IP packets with LISP control messages
 * @output 0 IP packets with LISP control messages
 * @example
 * Idle -> LISPMapServer(a key labkey1 eid 192.168.1.0/24 more eid fd01::/64, RLOC4 10.0.0.100) -> Discard
 * @see LISPMapResolver, LISPControlClassifier
 */
export class LISPMapServer extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "h/h",
    flow: "x/y",
    args,
    counters: {
      registers: "Map-Registers that were accepted",
      requests: "Map-Requests",
      notifies: "Map-Notifies that acknowledge a Map-Register",
      unsolicited: "Map-Notifies to xTRs whose EID-prefix has moved or been merged",
      acks: "Map-Notify-Acks that were awaited",
      replies: "Map-Replies for those that asked for them",
      negative_replies: "negative Map-Replies",
      forwarded: "Map-Requests sent on to an ETR",
      subscribed: "Map-Requests that subscribed",
      unsubscribed: "Map-Requests that unsubscribed",
      published: "Map-Notifies to subscribers about changes",
      unreadable: "keys of the store that could not be read when it was opened",
    },
    drops: {
      malformed: "no LISP control message in a UDP datagram",
      unexpected:
        "a message that no Map-Server takes, such as an Encapsulated Control Message without a Map-Request",
      no_hops: "a Map-Request to send on that has passed as many Map-Resolvers and Map-Servers as it may",
      probe: "an RLOC probe or SMR, which must not pass the mapping system",
      unsupported_eid: "a Map-Register or Map-Request for something else than IP prefixes",
      bad_locator:
        "a Map-Register with a locator that can be no RLOC: multicast, broadcast, loopback, link-local or unspecified",
      not_authorized: "a Map-Register for an EID-prefix that its site may not register",
      bad_authentication: "not authenticated by a key of the EID-prefix's site",
      replayed: "a Map-Register or subscription with a nonce that was used before",
      too_many_peers: "a Map-Register of one xTR more than nonces are kept of",
      busy: "a Map-Register while it waits for the store already, or too many do",
      full: "a Map-Register that the mapping database has no room for",
      store_failed: "a Map-Register that the store did not take: it is not acknowledged",
      unawaited_ack: "a Map-Notify-Ack that nothing waits for",
      pending_full:
        "a Map-Notify about an EID-prefix that is nobody's now, to an xTR that is thousands of changes behind",
      reply_rate: "a Map-Reply above REPLY_RATE to its RLOC",
      no_route: "nobody to send to, of a family that this Map-Server has an address of",
      not_sent: "a message that did not fit into a packet, or for which there was none",
    },
    handlers: {
      registrations: {
        doc: "what is registered, one registration a line: all, or what is within `EID-PREFIX [iid N]`; with `from EID-PREFIX [iid N]` from there on. After 4,096 EID-prefixes a last line says `more: ` and how to go on",
        read: true,
        params: true,
        expensive: true,
      },
      subscriptions: {
        doc: "who is subscribed to what, one a line; in parts as `registrations`",
        read: true,
        params: true,
        expensive: true,
      },
      sites: {
        doc: "the sites, one a line, without their secrets; in parts as `registrations`, those from a name on",
        read: true,
        params: true,
        expensive: true,
      },
      size: { doc: "EID-prefixes registered", read: true },
      pending: { doc: "Map-Notifies that wait for their Map-Notify-Ack", read: true },
      retransmitted: { doc: "Map-Notifies that were sent again", read: true },
      abandoned: { doc: "Map-Notifies that nobody acknowledged", read: true },
      revision: { doc: "transactions of the mapping database so far", read: true },
      store: {
        doc: "where registrations are kept, and whether it is there and takes what is written",
        read: true,
      },
      store_skipped: {
        doc: "keys of the store that could not be read: their number, and the first hundred with the reason",
        read: true,
      },
      remove: { doc: "takes an EID-prefix out, whoever registered it: `EID-PREFIX [iid N]`", write: true },
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #sites = new Sites();
  #values: ArgValues<typeof args> | null = null;
  #store: StoreAddress = { kind: "memory" };
  #pubsubKey: AuthenticationKey | null = null;
  #subscriptions: Subscriptions | null = null;
  #server: MapServer | null = null;
  /** Whether the mapping database is this element's to close: during a hot swap two have it. */
  #owner = false;

  override offers(): Partial<Offers> {
    return { LISPMapServer: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#values = values;
    if (values.RLOC4 === undefined && values.RLOC6 === undefined) errors.error("needs RLOC4 or RLOC6");
    if ((values.RLOC4?.length ?? 4) !== 4) errors.error("RLOC4 must be an IPv4 address");
    if ((values.RLOC6?.length ?? 16) !== 16) errors.error("RLOC6 must be an IPv6 address");
    try {
      this.#store = parseStore(values.STORE);
    } catch (e) {
      if (!(e instanceof StoreError)) throw e;
      errors.error(`STORE: ${e.message}`);
    }
    try {
      this.#pubsubKey = parseKey(values.PUBSUB_KEY);
    } catch (e) {
      if (!(e instanceof KeyError)) throw e;
      errors.error(`PUBSUB_KEY: ${e.message}`);
    }
    const sites = values.SITES.filter((t) => wordsOf(t).length > 0);
    if (sites.length === 0) errors.warning("no SITES given: nobody can register");
    for (const [i, text] of sites.entries()) {
      try {
        this.#sites.add(parseSite(text, values.IID));
      } catch (e) {
        if (!(e instanceof SiteError || e instanceof KeyError)) throw e;
        errors.error(`${siteLabel(sites, i)}: ${e.message}`);
      }
    }
  }

  override async initialize(errors: ErrorSink): Promise<void> {
    const former = this.hotswapElement;
    if (former instanceof LISPMapServer && sameStore(former.#store, this.#store)) {
      // What is registered stays where it is; it is looked after from here once the swap is done.
      this.#server = this.#serve(former.database);
      return;
    }
    try {
      const database = await openDatabase(this.#store, {
        clock: this.router.clock,
        capacity: this.#values!.CAPACITY,
        report: (text) => this.router.log(`${this.declaration}: ${text}`),
        stores: this.router.stores,
        // Two Map-Servers on one store would each overwrite what the other one has acknowledged.
        lock: (file) => lockWhereLocksAre(file, (line) => this.router.log(`${this.declaration}: ${line}`)),
      });
      this.#server = this.#serve(database);
    } catch (e) {
      errors.error((e as Error).message);
      return;
    }
    this.#owner = true;
    this.memory.add64(this.counterAddress("unreadable"), this.database.skipped.count);
    this.#server.start();
  }

  #serve(database: RegistrationDatabase): MapServer {
    const { NONCES, RLOC4, RLOC6, TIMEOUT, WAITING, PENDING, PEERS, REPLY_RATE } = this.#values!;
    const former = this.hotswapElement;
    const policy = NONCES === "lenient" ? "lenient" : "strict";
    const key = this.#pubsubKey;
    const earlier = former instanceof LISPMapServer ? former.#subscriptions : null;
    const subscriptions = earlier ?? new Subscriptions(this.#values!.SUBSCRIPTIONS);
    this.#subscriptions = subscriptions;
    const kept = former instanceof LISPMapServer && former.database === database ? former.#server! : null;
    return new MapServer(this, this.#channel, {
      database,
      sites: this.#sites,
      own: { rloc4: RLOC4 ?? null, rloc6: RLOC6 ?? null },
      nonces: kept?.nonces.policy === policy ? kept.nonces : new NonceGuard(policy, { peersMax: PEERS }),
      replies: new KeyedBuckets(this.router.clock, REPLY_RATE, REPLY_RATE, RECEIVERS),
      keys: kept?.keys ?? new PeerKeys(PEERS),
      timeout: TIMEOUT,
      waitingMax: WAITING,
      window: PENDING,
      pubsub: key === null ? null : { key, subscriptions },
    });
  }

  override takeState(old: Element): void {
    if (!(old instanceof LISPMapServer) || old.#server?.database !== this.database) return;
    old.#server.stop();
    old.#owner = false;
    this.#owner = true;
    this.#server!.takeFrom(old.#server);
    this.#server!.start();
  }

  override cleanup(): void {
    this.#server?.stop();
    if (this.#owner) this.database.close().catch((e) => this.router.log(`${this.declaration}: ${e.message}`));
    this.#owner = false;
  }

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => {
      if (datagram instanceof WireError) this.count("malformed");
      else this.#server?.receive(datagram);
    });
  }

  /** Counts one of its counters or drops. */
  count(name: string): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- For others, and handlers ----------------------------------------------------------

  /** Takes a Map-Request, as it was inside its ECM, which came from `sender`: from a Map-Resolver of the same graph. */
  request(request: EncapsulatedRequest, sender: Uint8Array): void {
    this.#server?.request(request, sender);
  }

  /** The mapping database: to look at, and to watch from a revision on (its `watch`). Another one after a hot swap of the store. */
  get database(): RegistrationDatabase {
    if (this.#server === null) throw new Error(`${this.name} has no mapping database`);
    return this.#server.database;
  }

  /** Length of the longest EID-prefix of a site around `eid`; null: it is of none. */
  authority(eid: EidPrefix): number | null {
    return this.#sites.authority(eid);
  }

  /** Length of the least specific prefix around an address of no site in which no site is, and nothing is registered. */
  unknownLength(iid: number, address: Uint8Array): number {
    return unknownLength(this.database, this.#sites, iid, address);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      registrations: {
        read: (text) => asHandlerError(() => registrationsText(this.database, this.router.clock.now(), text)),
      },
      subscriptions: {
        read: (text) =>
          this.#subscriptions === null
            ? ""
            : asHandlerError(() => subscriptionsText(this.#subscriptions!, text)),
      },
      sites: {
        read: (text) =>
          linesOf(
            this.#sites.all(text.trim()),
            (site) => `${siteText(site)}\n`,
            ({ name }) => name,
          ),
      },
      size: { read: () => this.database.size },
      pending: { read: () => this.#server?.notifications.size ?? 0 },
      retransmitted: { read: () => this.#server?.notifications.retransmitted ?? 0 },
      abandoned: { read: () => this.#server?.notifications.abandoned ?? 0 },
      revision: { read: () => this.database.revision },
      store: { read: () => this.#storeText() },
      store_skipped: { read: () => this.#skippedText() },
      remove: { write: (text) => this.#remove(text) },
    };
  }

  /** `etcd present`, or `etcd lost for 3.2 s: REASON`: then answers come from memory, and registrations wait. */
  #storeText(): string {
    const { loss } = this.database;
    if (loss === null) return `${this.#store.kind} present`;
    const seconds = ((this.router.clock.now() - loss.since) / 1e9).toFixed(1);
    return `${this.#store.kind} lost for ${seconds} s: ${loss.reason}`;
  }

  #skippedText(): string {
    const { count, first } = this.database.skipped;
    return [String(count), ...first.map(({ key, reason }) => `${key} ${reason}`)]
      .map((line) => `${line}\n`)
      .join("");
  }

  async #remove(text: string): Promise<void> {
    const key = asHandlerError(() => parseEidAndInstance(text));
    if (this.database.get(key) === null)
      throw new HandlerError("FAILED", `'${text.trim()}' is not registered`);
    try {
      await this.database.commit([{ delete: key }]);
    } catch (e) {
      throw new HandlerError("FAILED", (e as Error).message);
    }
  }
}
