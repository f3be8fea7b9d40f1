import type { CatalogueOffer, MobilityTrackerOffer } from "../../src/cloud/offers.js";
import {
  type Shown,
  userJson,
  userLine,
  userLines,
  vmJson,
  vmLine,
  vmLines,
} from "../../src/cloud/users/listing.js";
import { isWhole } from "../../src/cloud/users/registrations.js";
import { SubscribedParts } from "../../src/cloud/users/subscribed-parts.js";
import { Tracker, type UserMove, type UserState, type VmClaim } from "../../src/cloud/users/tracker.js";
import type { Whereabouts } from "../../src/cloud/users/whereabouts.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces, unquote } from "../../src/lang/args/text.js";
import type { AuthenticationKey } from "../../src/lisp/control/authentication.js";
import { KeyError, parseKey } from "../../src/lisp/control/keys.js";
import { XtrIdError, xtrIds } from "../../src/lisp/control/xtr-ids.js";
import type { OwnSubscription } from "../../src/lisp/itr/own-subscriptions.js";
import { resolverAddresses, ServerList } from "../../src/lisp/itr/server-list.js";
import { SubscriptionTalk } from "../../src/lisp/itr/subscription-talk.js";
import { Pacer } from "../../src/lisp/limits/pacer.js";
import { MappingError, parseEidAndInstance } from "../../src/lisp/mapping.js";
import { addressText } from "../../src/net/address.js";
import { canonicalEid, coversEid, type EidPrefix, eidName, eidText } from "../../src/net/eid.js";
import { prefixText } from "../../src/net/prefix.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { asHandlerError, type HandlerCode } from "../../src/router/handler.js";
import { LINES } from "../../src/router/lines.js";
import { listenersOf } from "../../src/router/listeners.js";
import { type Offers, offerOf } from "../../src/router/offers.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { TimerGroup } from "../../src/router/timer-group.js";
import type { EidRecord, XtrIds } from "../../src/wire/lisp-control/record.js";

const args = {
  CATALOGUE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the FMCCatalogue with the users and virtual machines",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an address of ours, to which Map-Notifies may come; one of each address family",
  },
  MAP_RESOLVER: {
    type: "any",
    many: true,
    doc: "addresses of Map-Resolvers, or of Map-Servers, separated by spaces; may be repeated",
  },
  PUBSUB_KEY: {
    type: "any",
    secret: true,
    required: true,
    doc: "`[ID:]SECRET [sha1|sha256|hkdf]` shared with the Map-Servers",
  },
  EIDS: {
    type: "any",
    many: true,
    doc: "`EID-PREFIX [iid N]` that users live in; EIDs of users and virtual machines that lie in none are subscribed to one by one",
  },
  XTR_ID: { type: "word", doc: "xTR-ID, 32 hexadecimal digits; by default from the RLOCs" },
  SITE_ID: { type: "word", doc: "Site-ID, 16 hexadecimal digits; by default 0" },
  TIMEOUT: {
    type: "seconds",
    default: "1",
    min: 0.001,
    doc: "wait for a Map-Notify, doubled with every further Map-Request; also from a publication that shows that one was missed to the Map-Request that asks for all",
  },
  MAX_TIMEOUT: { type: "seconds", default: "8", min: 0.001, doc: "longest wait for a Map-Notify" },
  RETRIES: { type: "unsigned", default: "5", max: 30, doc: "Map-Requests after the first" },
  PAUSE: {
    type: "seconds",
    default: "5",
    doc: "time until the next attempt when nobody answers, or the Map-Server does not take it",
  },
  RENEW: {
    type: "seconds",
    default: "60",
    min: 1,
    doc: "time after which all is asked for again: the longest that a change stays unknown whose publication nobody repeats",
  },
  RATE: {
    type: "unsigned",
    default: "500",
    min: 1,
    doc: "most EID-prefixes a second that are subscribed to for the first time; Map-Resolvers limit what one sender may ask",
  },
  CAPACITY: { type: "unsigned", default: "65536", doc: "most subscriptions" },
  REGISTRATIONS: {
    type: "unsigned",
    default: "1000000",
    doc: "most EID-prefixes of which it is kept where they are",
  },
} as const;
const MESSAGES = 0;
const REPLIES = 1;

/**
 * Knows where the users of a Follow-Me Cloud are, and which site has a virtual machine's EID.
 *
 * It subscribes to EID-prefixes at the Map-Servers (PubSub, RFC 9437), and is told by Map-Notifies of each change: of the
 * prefix, and of any within it that is registered later, as a host that comes to another site is. A user is where the one
 * of its EIDs is that moved last: in the access network or data centre of the catalogue that one of the best locators
 * belongs to, or, where none does, at these locators. Who listens hears of a user when that place is another one,
 * not when locators come and go within it. What an EID of a virtual machine is registered with is told whenever it
 * changes.
 *
 * Where more is registered within a prefix than an answer tells of, its halves are subscribed to in its place. A
 * publication that is lost is noticed by the next one, whose nonce shows the gap, and all of that part is asked for again
 * after TIMEOUT; where none comes, the Map-Server repeats it, and after RENEW all is asked for in any case. A Map-Notify
 * counts only with authentication data of PUBSUB_KEY and a nonce above those that have counted. A controller whose wall
 * clock was set back needs another XTR_ID.
 *
 * What is for none of its subscriptions is passed on untouched: Map-Notifies to output 1, Map-Replies to output 2.
 *
 * @input 0 Map-Notifies
 * @input 1 Map-Replies (optional)
 * @output 0 Map-Requests and Map-Notify-Acks, as IP packets with the destination annotation set
 * @output 1 Map-Notifies that are for none of its subscriptions (optional)
 * @output 2 Map-Replies that are not about them (optional)
 * @example
 * c :: FMCCatalogue(access north rloc 192.0.2.1, user alice eid 10.1.0.7);
 * Idle -> t :: FMCMobilityTracker(c, RLOC 192.0.2.50, MAP_RESOLVER 192.0.2.9, PUBSUB_KEY secret, EIDS 10.1.0.0/16)
 *     -> Discard
 * @see FMCCatalogue, LISPSubscriber, LISPMapServer
 */
export class FMCMobilityTracker extends Element implements MobilityTrackerOffer {
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
      moves: "times that a user was in another place, or seen first",
      claims: "changes of what an EID of a virtual machine is registered with",
    },
    drops: {
      malformed: "a message with a nonce of a subscription that cannot be read",
      foreign: "a message for none of its subscriptions, and the output for these is not connected",
      replay: "a Map-Notify whose nonce is older than one that counted",
      repeat: "a Map-Notify that came before, or of before a renewal: acknowledged again",
      declined: "a Map-Reply: the Map-Server does not take the subscription",
      unanswered: "a subscription whose Map-Requests nobody has answered",
      not_ours: "a record for what is not subscribed to",
      unusable: "a record of which nothing can be used",
      table_full: "a record for one EID-prefix more than REGISTRATIONS",
      full: "an EID-prefix that is not subscribed to, as there are as many subscriptions as may be",
      no_resolver: "there is no Map-Resolver of an address family that we have an address of",
      no_slot: "no free packet for a message, or none it fits",
    },
    handlers: {
      users: {
        read: true,
        params: true,
        expensive: true,
        doc: "the users, one a line, from `NAME` on: network, locators with priority and weight, seconds it is there, how often it moved, the EID that moved last; - for what is not known. After 4,096 a last line says `more: ` and how to go on",
      },
      users_json: {
        read: true,
        params: true,
        expensive: true,
        doc: "the same with all EIDs, a JSON object a line",
      },
      vms: {
        read: true,
        params: true,
        expensive: true,
        doc: "EIDs of virtual machines, one a line, from `NAME` on: name, EID, network, locators, seconds since, length of the EID-prefix that is registered; in parts as `users`",
      },
      vms_json: {
        read: true,
        params: true,
        expensive: true,
        doc: "the same, a JSON object a virtual machine",
      },
      registrations: {
        read: true,
        params: true,
        expensive: true,
        doc: "what is known to be registered, one EID-prefix a line, from `EID-PREFIX [iid N]` on; in parts as `users`",
      },
      subscriptions: {
        read: true,
        expensive: true,
        doc: "every subscription: instance ID, EID-prefix, state, latest nonce, seconds since the last Map-Request",
      },
      size: { read: true, doc: "number of subscriptions" },
      unsubscribe: { write: true, button: true, doc: "ends all subscriptions" },
    },
  } as const satisfies ElementSpec;

  readonly #timers = new TimerGroup(this);
  readonly #moves = listenersOf<[UserMove]>(this, "users' moves");
  readonly #relabels = listenersOf<[string]>(this, "networks of users");
  readonly #claims = listenersOf<[VmClaim]>(this, "virtual machines' EIDs");
  #catalogue: CatalogueOffer | null = null;
  #eids: readonly EidPrefix[] = [];
  #values: ArgValues<typeof args> | null = null;
  #talk: SubscriptionTalk | null = null;
  #tracker: Tracker | null = null;
  #pacer: Pacer | null = null;
  readonly #parts = new SubscribedParts({
    begin: (prefix) => this.#begin(prefix),
    end: ({ iid, eid }) => {
      const { subscriptions } = this.#talk!;
      const found = subscriptions.find(iid, eid);
      if (found !== null) subscriptions.end(found);
    },
  });

  override offers(): Partial<Offers> {
    return { FMCMobilityTracker: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#values = values;
    this.#catalogue = offerOf(values.CATALOGUE, "FMCCatalogue", "CATALOGUE", errors);
    const rlocs = values.RLOC;
    if (rlocs.length === 0) errors.error("no RLOC given");
    this.#eids = this.#prefixes(values.EIDS, errors);
    const servers = new ServerList(resolverAddresses(values.MAP_RESOLVER, errors), rlocs);
    let key: AuthenticationKey | null;
    let ids: XtrIds;
    try {
      key = parseKey(values.PUBSUB_KEY);
      ids = xtrIds(values.XTR_ID, values.SITE_ID, rlocs);
    } catch (e) {
      if (!(e instanceof KeyError || e instanceof XtrIdError)) throw e;
      errors.error(e instanceof KeyError ? `PUBSUB_KEY: ${e.message}` : e.message);
      return;
    }
    if (key === null) errors.error("PUBSUB_KEY: there is no secret");
    const policy = {
      timeout: values.TIMEOUT * 1e9,
      longest: values.MAX_TIMEOUT * 1e9,
      retries: values.RETRIES,
      pause: values.PAUSE * 1e9,
      renew: values.RENEW * 1e9,
      idle: 0,
      capacity: values.CAPACITY,
    };
    this.#talk = new SubscriptionTalk(
      { element: this, timers: this.#timers, rlocs, servers, ids, key, policy, output: MESSAGES },
      {
        count: (name) => this.#count(name),
        packets: () => 0,
        wanted: (s) => this.#parts.has(s),
        told: (s, records, whole) => this.#told(s, records, whole),
      },
    );
  }

  /** Those of the argument that lie in no other one. */
  #prefixes(texts: readonly string[], errors: ErrorSink): readonly EidPrefix[] {
    const found: EidPrefix[] = [];
    for (const text of texts) {
      try {
        found.push(canonicalEid(parseEidAndInstance(splitSpaces(unquote(text)).join(" "))));
      } catch (e) {
        if (!(e instanceof MappingError)) throw e;
        errors.error(`EIDS: ${e.message}`);
      }
    }
    return found.filter(
      (inner, i) =>
        !found.some((outer, k) => k !== i && coversEid(outer, inner) && (k < i || !coversEid(inner, outer))),
    );
  }

  override initialize(): void {
    const { catalogue } = this.#catalogue!;
    const { clock } = this.router;
    const { RATE, CAPACITY } = this.#values!;
    this.#pacer = new Pacer({ clock, timers: this.#timers, interval: 0, rate: RATE, capacity: CAPACITY });
    this.#tracker = new Tracker(
      {
        clock,
        catalogue,
        capacity: this.#values!.REGISTRATIONS,
        timer: (fire) => this.#timers.timer(fire),
      },
      {
        moved: (move) => {
          this.#count("moves");
          this.#moves.tell(move);
        },
        claimed: (claim) => {
          this.#count("claims");
          this.#claims.tell(claim);
        },
        relabelled: (user) => this.#relabels.tell(user),
        wanted: (prefix, wanted) => {
          if (this.#eids.some((outer) => coversEid(outer, prefix))) return;
          if (wanted) this.#parts.want(prefix);
          else this.#parts.drop(prefix);
        },
        count: (name) => this.#count(name),
      },
    );
    for (const prefix of this.#eids) this.#parts.want(prefix);
    this.#tracker.start();
    this.#catalogue!.onChange((change) => this.#tracker!.catalogueChanged(change));
  }

  override takeState(old: Element): void {
    if (!(old instanceof FMCMobilityTracker)) return;
    this.#talk!.subscriptions.goOnFrom(old.#talk!.subscriptions);
    this.#tracker!.takeFrom(old.#tracker!);
  }

  override push(port: number, batch: Batch): void {
    this.#talk!.take(batch, port !== REPLIES);
    if (batch.count === 0) return;
    if (this.noutputs <= port + 1) this.memory.add64(this.counterAddress("foreign"), batch.count);
    this.pushOrKill(port + 1, batch);
  }

  #begin(prefix: EidPrefix): void {
    const paced = this.#pacer!.request(eidName(prefix), () => {
      // It may be wanted no more.
      if (this.#parts.has(prefix)) this.#talk!.subscribe(prefix.iid, prefix.eid);
      return true;
    });
    if (paced === "full") this.#count("full");
  }

  #told(s: OwnSubscription, records: readonly EidRecord[], whole: boolean): void {
    const tracker = this.#tracker!;
    const again = tracker.told(s, records, whole);
    // An answer that says nothing would be asked for again and again.
    if (again && !whole) this.#talk!.subscriptions.renew(s);
    if (whole)
      for (const prefix of this.#parts.answered(s, isWhole(s, records))) tracker.forget(canonicalEid(prefix));
  }

  #count(
    name: keyof typeof FMCMobilityTracker.spec.counters | keyof typeof FMCMobilityTracker.spec.drops,
  ): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- For others, and handlers ----------------------------------------------------

  user(name: string): UserState | null {
    return this.#tracker!.user(name);
  }

  where(eid: EidPrefix): Whereabouts | null {
    return this.#tracker!.where(eid);
  }

  onMove(listener: (move: UserMove) => void): () => void {
    return this.#moves.add(listener);
  }

  onRelabel(listener: (user: string) => void): () => void {
    return this.#relabels.add(listener);
  }

  onClaim(listener: (claim: VmClaim) => void): () => void {
    return this.#claims.add(listener);
  }

  override handlers(): Record<string, HandlerCode> {
    const shown = (): Shown => ({
      tracker: this.#tracker!,
      catalogue: this.#catalogue!.catalogue,
      now: this.router.clock.now(),
    });
    return {
      users: { read: (from) => userLines(shown(), from.trim(), userLine) },
      users_json: { read: (from) => userLines(shown(), from.trim(), userJson) },
      vms: { read: (from) => vmLines(shown(), from.trim(), vmLine) },
      vms_json: { read: (from) => vmLines(shown(), from.trim(), vmJson) },
      registrations: { read: (from) => this.#registrations(from.trim()) },
      subscriptions: {
        read: () => [...this.#talk!.subscriptions.entries()].map((s) => this.#line(s)).join(""),
      },
      size: { read: () => this.#talk!.subscriptions.size },
      unsubscribe: {
        write: () => {
          const { subscriptions } = this.#talk!;
          for (const s of [...subscriptions.entries()]) subscriptions.end(s);
        },
      },
    };
  }

  #registrations(text: string): string {
    const from = text === "" ? null : asHandlerError(() => parseEidAndInstance(text), MappingError);
    const { items, next } = this.#tracker!.registered.page(from, LINES);
    const lines = items.map(({ prefix, length, locators }) => {
      const rlocs = locators.map((l) => `${addressText(l.rloc)}/${l.priority}/${l.weight}`).join(",");
      return `${eidText(prefix)} ${length} ${rlocs === "" ? "-" : rlocs}\n`;
    });
    return `${lines.join("")}${next === null ? "" : `more: ${eidText(next)}\n`}`;
  }

  #line(s: OwnSubscription): string {
    const ago = ((this.router.clock.now() - s.asked) / 1e9).toFixed(3);
    return `${s.iid} ${prefixText(s.eid)} ${s.state} ${s.last.toString(16)} ${ago}\n`;
  }
}
