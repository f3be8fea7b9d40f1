import type { ArgValues } from "../../../src/lang/args/spec.js";
import type { AuthenticationKey } from "../../../src/lisp/control/authentication.js";
import { KeyError, parseKey } from "../../../src/lisp/control/keys.js";
import { XtrIdError, xtrIds } from "../../../src/lisp/control/xtr-ids.js";
import type { OwnSubscription, OwnSubscriptions } from "../../../src/lisp/itr/own-subscriptions.js";
import { judgePublication, type ReplyPolicy } from "../../../src/lisp/itr/reply-policy.js";
import { resolverAddresses, ServerList } from "../../../src/lisp/itr/server-list.js";
import { SubscriptionTalk } from "../../../src/lisp/itr/subscription-talk.js";
import { type Mapping, MappingError } from "../../../src/lisp/mapping.js";
import type { ResolverOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { SLICE, SLICE_REST } from "../../../src/lisp/slice.js";
import type { Place } from "../../../src/lisp/tables/instance-tables.js";
import { MapCacheFullError } from "../../../src/lisp/tables/map-cache.js";
import { eidName } from "../../../src/net/eid.js";
import { covers, prefixText } from "../../../src/net/prefix.js";
import type { Batch } from "../../../src/packet/batch.js";
import { MemoryError } from "../../../src/packet/memory.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { HandlerCode } from "../../../src/router/handler.js";
import { offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import type { EidRecord, XtrIds } from "../../../src/wire/lisp-control/record.js";

const args = {
  RESOLVER: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPResolver whose mappings are subscribed to",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, to which Map-Notifies may come; one of each address family",
  },
  MAP_RESOLVER: {
    type: "any",
    many: true,
    doc: "addresses of Map-Resolvers, or of Map-Servers, separated by spaces; may be repeated",
  },
  PUBSUB_KEY: {
    type: "any",
    secret: true,
    default: "",
    doc: "`[ID:]SECRET [sha1|sha256|hkdf]` shared with the Map-Servers; without it nothing is subscribed to",
  },
  XTR_ID: { type: "word", doc: "xTR-ID, 32 hexadecimal digits; by default from the RLOCs" },
  SITE_ID: { type: "word", doc: "Site-ID, 16 hexadecimal digits; by default 0" },
  TIMEOUT: {
    type: "seconds",
    default: "1",
    min: 0.001,
    doc: "wait for a Map-Notify, doubled with every further Map-Request",
  },
  MAX_TIMEOUT: { type: "seconds", default: "16", min: 0.001, doc: "longest wait for a Map-Notify" },
  RETRIES: { type: "unsigned", default: "5", max: 30, doc: "Map-Requests after the first" },
  PAUSE: {
    type: "seconds",
    default: "300",
    doc: "time until the next attempt when nobody answers, or the Map-Server does not take it",
  },
  RENEW: { type: "seconds", default: "3600", min: 1, doc: "time after which a subscription is renewed" },
  IDLE: {
    type: "seconds",
    default: "600",
    doc: "time without a packet after which it is given up; 0: never",
  },
  CAPACITY: { type: "unsigned", default: "16384", doc: "most subscriptions" },
  MAX_TTL: { type: "seconds", default: "86400", doc: "longest time to keep a mapping with locators" },
  NEGATIVE_TTL: { type: "seconds", default: "900", doc: "longest time to keep a mapping without" },
} as const;
const MESSAGES = 0;
const REPLIES = 1;
/** Of a mapping's time, how much may pass until its subscription is renewed. */
const RENEW_PART = 0.75;

/**
 * Subscribes to the mappings that a LISPResolver has found, so that changes come by themselves (PubSub, RFC 9437).
 *
 * For each EID-prefix with locators that the resolver puts into its map-cache, a Map-Request with the N bit, xTR-ID and
 * Site-ID (I bit) goes to a Map-Resolver, in an Encapsulated Control Message. The Map-Server answers with a Map-Notify,
 * and publishes each change by another one with the next nonce: what these say goes into the map-cache, what they
 * withdraw is removed from it, and they are acknowledged by Map-Notify-Acks. A Map-Request that is not answered within
 * TIMEOUT is sent again, with the wait doubled up to MAX_TIMEOUT; after RETRIES more, or when a Map-Reply says that the
 * Map-Server does not take the subscription, it rests for PAUSE. A subscription is renewed after RENEW, before its
 * mapping's time is over, and at once when a nonce shows that a publication was missed. It ends when no packet has used
 * its mapping for IDLE; `unsubscribe` ends all, as when the router stops.
 *
 * A Map-Notify counts only with authentication data of PUBSUB_KEY, and a nonce above those that have counted: each
 * Map-Request has a range of nonces of its own, later than any before by the wall clock. An xTR whose wall clock was
 * set back needs another XTR_ID. Everything else is passed on untouched, and what has no nonce of a subscription unread: Map-Notifies to output 1, for LISPRegistrar,
 * Map-Replies to output 2, for LISPResolver.
 *
 * @input 0 Map-Notifies
 * @input 1 Map-Replies (optional)
 * @output 0 Map-Requests and Map-Notify-Acks, as IP packets with the destination annotation set
 * @output 1 Map-Notifies that are for none of its subscriptions (optional)
 * @output 2 Map-Replies that are not about them (optional)
 * @example
 * cache :: LISPMapCache; Idle -> cache -> Discard;
 * cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9) -> Discard;
 * resolver[1] -> cache;
 * Idle -> sub :: LISPSubscriber(resolver, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9, PUBSUB_KEY secret) -> Discard;
 * Idle -> [1] sub; sub[1] -> Discard; sub[2] -> [1] resolver
 * @see LISPResolver, LISPMapServer, LISPRegistrar, LISPControlClassifier
 */
export class LISPSubscriber extends Element {
  static readonly spec = {
    ports: "1-2/1-3",
    processing: "h/h",
    flow: "x/y",
    args,
    counters: {
      requests: "Map-Requests sent",
      answers: "Map-Notifies that answered one",
      publications: "Map-Notifies that told of a change",
      acks: "Map-Notify-Acks sent",
      installed: "mappings put into the map-cache",
      removed: "mappings taken out of it",
    },
    drops: {
      malformed: "a message with a nonce of a subscription that cannot be read",
      foreign: "a message for none of its subscriptions, and the output for these is not connected",
      replay: "a Map-Notify whose nonce is older than one that counted",
      repeat: "a Map-Notify that came before, or of before a renewal: acknowledged again",
      declined: "a Map-Reply: the Map-Server does not take the subscription",
      unanswered: "a subscription whose Map-Requests nobody has answered",
      not_ours: "a record for what is not subscribed to",
      unusable: "a record that no packet can follow",
      cache_full: "a record that the map-cache has no room for",
      full: "a mapping that is not subscribed to, as there are as many subscriptions as may be",
      no_resolver: "there is no Map-Resolver of an address family that we have an RLOC of",
      no_slot: "no free packet for a message, or none it fits",
    },
    handlers: {
      table: {
        read: true,
        expensive: true,
        doc: "every subscription: instance ID, EID-prefix, state, latest nonce, seconds since the last Map-Request",
      },
      size: { read: true, doc: "number of subscriptions" },
      unsubscribe: { write: true, button: true, doc: "ends all subscriptions" },
    },
  } as const satisfies ElementSpec;

  readonly #timers = new TimerGroup(this);
  #resolver: ResolverOffer | null = null;
  #key: AuthenticationKey | null = null;
  #policy: ReplyPolicy | null = null;
  #talk: SubscriptionTalk | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#resolver = offerOf(values.RESOLVER, "LISPResolver", "RESOLVER", errors);
    if (values.RLOC.length === 0) errors.error("no RLOC given");
    const rlocs = values.RLOC;
    const servers = new ServerList(resolverAddresses(values.MAP_RESOLVER, errors), rlocs);
    let ids: XtrIds;
    try {
      this.#key = parseKey(values.PUBSUB_KEY);
      ids = xtrIds(values.XTR_ID, values.SITE_ID, rlocs);
    } catch (e) {
      if (!(e instanceof KeyError || e instanceof XtrIdError)) throw e;
      errors.error(e instanceof KeyError ? `PUBSUB_KEY: ${e.message}` : e.message);
      return;
    }
    this.#policy = {
      positive: values.MAX_TTL,
      negative: values.NEGATIVE_TTL,
      // It is told when the site registers.
      silent: () => values.NEGATIVE_TTL,
      negative4: 32,
      negative6: 128,
      usable: (bytes) => rlocs.some((r) => r.length === bytes),
    };
    const policy = {
      timeout: values.TIMEOUT * 1e9,
      longest: values.MAX_TIMEOUT * 1e9,
      retries: values.RETRIES,
      pause: values.PAUSE * 1e9,
      renew: values.RENEW * 1e9,
      idle: values.IDLE * 1e9,
      capacity: values.CAPACITY,
    };
    this.#talk = new SubscriptionTalk(
      { element: this, timers: this.#timers, rlocs, servers, ids, key: this.#key, policy, output: MESSAGES },
      {
        count: (name) => this.#count(name),
        packets: (s) => this.#resolver!.cache.cache.get(s.iid, s.eid)?.packets ?? -1,
        wanted: (s) => this.#resolver!.cache.cache.get(s.iid, s.eid) !== null,
        told: (s, records, whole) => this.#told(s, records, whole),
      },
    );
  }

  override initialize(): void {
    if (this.#key === null) return;
    this.#resolver!.onInstall(({ iid, eid, locators }) => {
      if (locators.length > 0) this.#talk!.subscribe(iid, eid);
    });
  }

  override takeState(old: Element): void {
    if (old instanceof LISPSubscriber && this.#key !== null) this.#subscriptions.takeFrom(old.#subscriptions);
  }

  get #subscriptions(): OwnSubscriptions {
    return this.#talk!.subscriptions;
  }

  override push(port: number, batch: Batch): void {
    this.#talk!.take(batch, port !== REPLIES);
    if (batch.count === 0) return;
    if (this.noutputs <= port + 1) this.memory.add64(this.counterAddress("foreign"), batch.count);
    this.pushOrKill(port + 1, batch);
  }

  #told(s: OwnSubscription, records: readonly EidRecord[], whole: boolean): void {
    this.#apply(s, records, whole);
    if (whole) this.#forgetOthers(s, records);
    this.#resolver!.sendCovered();
  }

  #apply(s: OwnSubscription, records: readonly EidRecord[], whole: boolean): void {
    const { cache } = this.#resolver!.cache;
    for (const verdict of judgePublication(s, records, this.#policy!, whole)) {
      if (verdict.kind === "insert") this.#install(s, verdict.mapping);
      else if (verdict.kind === "foreign") this.#count("not_ours");
      else if (verdict.kind === "unusable") this.#count("unusable");
      else {
        if (cache.delete(s.iid, verdict.eid)) this.#count("removed");
        // What we have of it may be but a part.
        if (verdict.eid.length < s.eid.length && cache.delete(s.iid, s.eid)) this.#count("removed");
      }
    }
  }

  #install(s: OwnSubscription, mapping: Mapping): void {
    try {
      this.#resolver!.cache.cache.insert(mapping);
      this.#count("installed");
    } catch (e) {
      if (!(e instanceof MapCacheFullError || e instanceof MemoryError || e instanceof MappingError)) throw e;
      this.#count("cache_full");
    }
    if (mapping.ttl !== null) this.#subscriptions.renewWithin(s, mapping.ttl * 1e9 * RENEW_PART);
  }

  /** After a publication was missed: what lies within the prefix and the whole answer does not name may be old. */
  #forgetOthers(s: OwnSubscription, records: readonly EidRecord[]): void {
    if (!s.missed) return;
    s.missed = false;
    const named = new Set<string>();
    for (const verdict of judgePublication(s, records, this.#policy!, true))
      if (verdict.kind === "insert") named.add(eidName({ iid: s.iid, eid: verdict.mapping.eid }));
    this.#forget(s, named, { iid: s.iid, eid: s.eid });
  }

  /** Removes what `named` does not name, from `from` on: a slice, and the others later. */
  #forget(s: OwnSubscription, named: ReadonlySet<string>, from: Place): void {
    const { cache } = this.#resolver!.cache;
    const old: Place[] = [];
    let next: Place | null = null;
    let left = SLICE;
    for (const { iid, eid, expiry } of cache.entries(from)) {
      if (iid !== s.iid || eid.address.length !== s.eid.address.length || !covers(s.eid, eid.address)) break;
      if (left-- === 0) {
        next = { iid, eid };
        break;
      }
      if (expiry !== null && !named.has(eidName({ iid, eid }))) old.push({ iid, eid });
    }
    for (const { iid, eid } of old) if (cache.delete(iid, eid)) this.#count("removed");
    if (next === null) return;
    const rest = next;
    this.#timers.timer(() => this.#forget(s, named, rest)).scheduleAfter(SLICE_REST);
  }

  #count(name: keyof typeof LISPSubscriber.spec.counters | keyof typeof LISPSubscriber.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers -------------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      table: { read: () => [...this.#subscriptions.entries()].map((s) => this.#line(s)).join("") },
      size: { read: () => this.#subscriptions.size },
      unsubscribe: {
        write: () => {
          for (const s of [...this.#subscriptions.entries()]) this.#subscriptions.end(s);
        },
      },
    };
  }

  #line(s: OwnSubscription): string {
    const ago = ((this.router.clock.now() - s.asked) / 1e9).toFixed(3);
    return `${s.iid} ${prefixText(s.eid)} ${s.state} ${s.last.toString(16)} ${ago}\n`;
  }
}
