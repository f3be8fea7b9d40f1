import type { ArgValues } from "../../../src/lang/args/spec.js";
import { splitSpaces } from "../../../src/lang/args/text.js";
import type { About, ChangeSaying } from "../../../src/lisp/change-priority/peer-news.js";
import {
  ChangePriorityTalk,
  type Outcome,
  outcomeText,
  type TalkCount,
} from "../../../src/lisp/change-priority/talk.js";
import { parseTrust, type Trust, Trusted } from "../../../src/lisp/change-priority/trust.js";
import { TunnelRouter } from "../../../src/lisp/change-priority/tunnel-router.js";
import { ControlChannel, messageOf } from "../../../src/lisp/control/control-channel.js";
import { recordOfMapping } from "../../../src/lisp/control/control-records.js";
import { KeyError, wordsOf } from "../../../src/lisp/control/keys.js";
import { NonceFileError } from "../../../src/lisp/control/nonce-file.js";
import { type Mapping, MappingError, parseMapping, parseRloc } from "../../../src/lisp/mapping.js";
import type {
  MapCacheOffer,
  MobilityOffer,
  ResolverOffer,
  SiteOffer,
  SmrSenderOffer,
} from "../../../src/lisp/offers/lisp-offers.js";
import { addressText, sameAddress } from "../../../src/net/address.js";
import { type EidPrefix, eidText, IID_MAX } from "../../../src/net/eid.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode, HandlerError } from "../../../src/router/handler.js";
import { offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import { WireError } from "../../../src/wire/error.js";
import { eidPrefix } from "../../../src/wire/lisp-control/address.js";
import { CHANGE_EVENTS, CHANGE_ROLES } from "../../../src/wire/lisp-control/change-priority.js";
import type { EidRecord } from "../../../src/wire/lisp-control/record.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";

const args = {
  CACHE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPMapCache in which others' messages say where EIDs are",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, from which messages go; one of each address family",
  },
  TRUST: {
    type: "any",
    many: true,
    secret: true,
    doc: "a key, and for which EIDs, and at which addresses, it counts; may be repeated; without any nothing is taken, answered or sent",
  },
  MOBILITY: { type: "element", doc: "the LISPMobility that claims EIDs and lets them go; a proxy has none" },
  SITE: { type: "element", doc: "the LISPSite whose mappings say with which locators EIDs are here" },
  RESOLVER: {
    type: "element",
    doc: "the LISPResolver that holds packets for which the map-cache has something now",
  },
  SMR: { type: "element", doc: "the LISPSMRSender that tells peers who do not take a message" },
  STATE: { type: "string", doc: "file that keeps how far nonces have come; empty: none" },
  IID: { type: "unsigned", default: "0", max: IID_MAX, doc: "instance ID of the EIDs" },
  ACTIVE: {
    type: "bool",
    default: "true",
    doc: "do what messages ask for; otherwise they are answered by `switched-off`",
  },
  TELL: {
    type: "bool",
    default: "true",
    doc: "tell the tunnel routers that had an EID, where who speaks for its hypervisor names them",
  },
  BY: {
    type: "choice",
    default: "message",
    choices: ["message", "smr"],
    doc: "whether peers are told by a message (role C), or only asked to ask",
  },
  PATIENCE: {
    type: "seconds",
    default: "30",
    min: 0.001,
    doc: "how long an EID is expected, or armed to leave, where the TTL of the record is 0: otherwise that says it, up to an hour",
  },
  AGE: {
    type: "seconds",
    default: "30",
    min: 1,
    doc: "for which a message is taken after it was made: the clocks of all must agree as well, either way",
  },
  TTL: {
    type: "seconds",
    default: "300",
    min: 60,
    doc: "for which peers may keep the mapping of an EID that has left; of one that came its own counts",
  },
  CAPACITY: {
    type: "unsigned",
    default: "4096",
    min: 1,
    doc: "most messages that wait to be sent, or for their acknowledgement",
  },
} as const;

/** Outcomes that are remembered. */
const OUTCOMES_MAX = 64;

/**
 * Claims EIDs, lets them go and redirects packets when a Change-Priority message says so, and tells others.
 *
 * TRUST is `key [ID:]SECRET [sha1|sha256|hkdf]... [iid N] eid EID-PREFIX... [at ADDRESS-PREFIX]...
 * [hypervisors|routers]`: SECRET as LISPMapServer has it; of several keys the first signs; `eid any` is every EID;
 * `hypervisors` takes only what speaks for a hypervisor (role H), `routers` only what tunnel routers say. Nonces are by the wall clock: a
 * message older than AGE, or made before this router started, is refused, one that comes again is acknowledged again and changes nothing. What is
 * refused is on the log.
 *
 * H: `expect` has MOBILITY hold packets for an EID, `leaving` tells it where an EID will go, `cancel` undoes both.
 * `arrived` claims it, and with TELL tells the tunnel routers in the record that it is here (N). `left` lets it go, to the
 * locators of the record or those of `leaving`, and tells its peers (C). N: who hosts the EID lets it go, and answers with its
 * peers (R); others put it into CACHE. R: those peers are told (C). C: the EID goes into CACHE, without a
 * Map-Request. A peer that does not take a message after three tries gets SMRs, at once and a second later; BY smr: all do.
 *
 * docs/change-priority.md has the format, and who says what.
 *
 * @input 0 messages of other types: output 5 of LISPControlClassifier
 * @output 0 Change-Priority messages, as IP packets with the destination annotation set
 * @example
 * site :: LISPSite(192.168.2.0/24 192.0.2.2); Idle -> cache :: LISPMapCache -> Discard;
 * Idle -> m :: LISPMobility(site, 02:00:00:00:00:01, 192.168.1.0/24 192.168.1.1, LOCATORS 192.0.2.2) -> Discard;
 * Idle -> [1] m;
 * Idle -> LISPChangePriority(cache, RLOC 192.0.2.2, MOBILITY m, SITE site,
 *     TRUST key 1:secret eid 192.168.1.0/24 eid 192.168.2.0/24 at 192.0.2.0/24) -> Discard
 * @see LISPMobility, LISPSMRSender, LISPControlClassifier, LISPMapCache
 */
export class LISPChangePriority extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "h/h",
    flow: "x/y",
    args,
    counters: {
      sent: "messages sent, each counted once",
      resent: "messages sent again",
      acknowledged: "messages that were acknowledged, whatever the status",
      silent: "messages that were given up: no answer in three tries",
      unsent: "messages that could not be sent: no key for it, too many wait, or no nonce",
      heard: "messages that were done what they ask for",
      repeated: "messages that came again, and were acknowledged again",
      updates: "mappings that messages have put into CACHE",
      smrs: "peers that were told by SMRs",
    },
    drops: {
      malformed: "no Change-Priority message in a UDP packet",
      off: "a message, where nobody is trusted",
      bad_auth: "a message whose authentication data none of the keys made",
      replay: "a message whose nonce was used before, is too old, of before the start, or of the future",
      senders: "a message of a sender more than are remembered",
      unauthorized: "a message whose key may not say that of its EIDs: acknowledged so",
      refused: "a message that asks for what cannot be done: acknowledged so",
      late: "an acknowledgement of nothing that waits for one",
      no_slot: "no free packet for a message",
    },
    handlers: {
      table: {
        read: true,
        doc: "every EID that is expected or armed, and those whose former tunnel routers are asked: EID, which, seconds left, RLOCs",
      },
      outcomes: {
        read: true,
        doc: "the last messages that were sent, the latest last: to whom, role, event, EIDs, what was answered",
      },
      waiting: { read: true, doc: "messages that wait to be sent, or for their acknowledgement" },
      send: {
        write: true,
        doc: "sends a message: `ADDRESS ROLE EVENT EID [RLOC[/PRIORITY[/WEIGHT]]]... [ttl SECONDS]`; role hypervisor, new, reply or cache; event arrived, left, expect, leaving, cancel or peers",
      },
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #timers = new TimerGroup(this);
  readonly #outcomes: string[] = [];
  #cache: MapCacheOffer | null = null;
  #mobility: MobilityOffer | null = null;
  #site: SiteOffer | null = null;
  #resolver: ResolverOffer | null = null;
  #smr: SmrSenderOffer | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #iid = 0;
  #ttl = 0;
  #talk: ChangePriorityTalk<About> | null = null;
  #router: TunnelRouter | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#cache = offerOf(values.CACHE, "LISPMapCache", "CACHE", errors);
    this.#mobility = offerOf(values.MOBILITY, "LISPMobility", "MOBILITY", errors);
    this.#site = offerOf(values.SITE, "LISPSite", "SITE", errors);
    this.#resolver = offerOf(values.RESOLVER, "LISPResolver", "RESOLVER", errors);
    this.#smr = offerOf(values.SMR, "LISPSMRSender", "SMR", errors);
    if (values.RLOC.length === 0) errors.error("no RLOC given");
    if (values.MOBILITY !== null && values.SITE === null) errors.error("MOBILITY needs a SITE");
    this.#rlocs = values.RLOC;
    this.#iid = values.IID;
    this.#ttl = values.TTL;
    const { clock } = this.router;
    this.#router = new TunnelRouter({
      clock,
      iid: values.IID,
      rlocs: values.RLOC,
      hosted: () => this.#mobility,
      own: (eid) => this.#own(eid),
      cache: () => this.#cache!.cache,
      isConfigured: (iid, eid) => this.#cache!.isConfigured(iid, eid),
      cached: () => this.#resolver?.sendCovered(),
      say: (saying) => this.#talk!.say(saying),
      room: () => values.CAPACITY - this.#talk!.waiting,
      solicit: (rloc, eid) => this.#solicit(rloc, eid),
      timer: (fire) => this.#timers.timer(fire),
      count: (what) => this.#count(what),
      tellsFormer: values.TELL,
      bySmr: values.BY === "smr",
      patience: values.PATIENCE,
      ttl: values.TTL,
    });
    this.#talk = new ChangePriorityTalk({
      element: this,
      trusted: this.#trusted(values.TRUST, errors),
      file: values.STATE || null,
      age: values.AGE,
      capacity: values.CAPACITY,
      send: (message) => this.#channel.send(message, 0),
      act: (message, datagram) => (values.ACTIVE ? this.#router!.act(message, datagram) : "switched-off"),
      outcome: (saying, outcome) => this.#became(saying, outcome),
      count: (what) => this.#count(what),
    });
  }

  #trusted(texts: readonly string[], errors: ErrorSink): Trusted {
    const trust: Trust[] = [];
    try {
      for (const text of texts) if (wordsOf(text).length > 0) trust.push(parseTrust(text, this.#iid));
      return new Trusted(trust);
    } catch (e) {
      if (!(e instanceof KeyError)) throw e;
      errors.error(`TRUST: ${e.message}`);
      return new Trusted([]);
    }
  }

  override initialize(errors: ErrorSink): void {
    if (this.#mobility !== null && this.#mobility.iid !== this.#iid)
      errors.error(`IID ${this.#iid}, where MOBILITY has ${this.#mobility.iid}`);
    try {
      this.#talk!.start();
    } catch (e) {
      if (!(e instanceof NonceFileError)) throw e;
      errors.error(`STATE: ${e.message}`);
    }
  }

  override takeState(old: Element): void {
    if (!(old instanceof LISPChangePriority)) return;
    this.#outcomes.push(...old.#outcomes);
    this.#router!.takeOver(old.#router!);
    this.#talk!.takeOver(old.#talk!);
  }

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => this.#receive(datagram));
  }

  #receive(datagram: UdpPacket | WireError): void {
    const message = messageOf(datagram);
    if (message?.type !== "change-priority" || datagram instanceof WireError) this.#count("malformed");
    else this.#talk!.hear(message, datagram);
  }

  /** With which locators an EID is here. */
  #own({ iid, eid }: EidPrefix): { readonly mapping: Mapping; readonly record: EidRecord } | null {
    const site = this.#site;
    const around = site?.mappings.lookup(iid, eid) ?? null;
    if (site === null || around === null) return null;
    const local = (rloc: Uint8Array): boolean => this.#rlocs.some((own) => sameAddress(own, rloc));
    const mapping = { ...around, iid, eid };
    return { mapping, record: site.record(mapping, { authoritative: true, local }) };
  }

  #solicit(rloc: Uint8Array, eid: EidPrefix): boolean {
    this.#smr?.solicitFrom(rloc, eid);
    return this.#smr !== null;
  }

  #became(saying: ChangeSaying, outcome: Outcome): void {
    const eids = saying.records.map((record) => eidText(eidPrefix(record)!)).join(", ");
    const to = addressText(saying.destination);
    this.#outcomes.push(`${to} ${saying.role} ${saying.event} ${eids}: ${outcomeText(outcome)}\n`);
    if (this.#outcomes.length > OUTCOMES_MAX) this.#outcomes.shift();
    this.#router!.outcome(saying, outcome);
  }

  #count(name: TalkCount | "malformed" | "updates" | "smrs"): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers -----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      table: { read: () => this.#router!.text },
      outcomes: { read: () => this.#outcomes.join("") },
      waiting: { read: () => this.#talk!.waiting },
      send: { write: (text) => asHandlerError(() => this.#say(text), MappingError) },
    };
  }

  #say(text: string): void {
    const [address = "", role, event, eid, ...locators] = splitSpaces(text.trim());
    const destination = parseRloc(address);
    const source = this.#rlocs.find((rloc) => rloc.length === destination.length);
    if (source === undefined) throw new HandlerError("FAILED", `no RLOC of the address family of ${address}`);
    const roles = CHANGE_ROLES.find((name) => name === role);
    const events = CHANGE_EVENTS.find((name) => name === event);
    if (roles === undefined || events === undefined)
      throw new HandlerError("FAILED", "expected 'ADDRESS ROLE EVENT EID [RLOC]...'");
    // A record without locators is a mapping that says what to do with packets.
    const none = locators.length === 0 || /^(ttl|iid)$/.test(locators[0]) ? ["action", "no-action"] : [];
    const mapping = parseMapping([eid, ...none, ...locators].join(" "), this.#iid);
    const ttl = Math.ceil((mapping.ttl ?? (roles === "hypervisor" ? 0 : this.#ttl)) / 60);
    const record = recordOfMapping(mapping, { ttl, authoritative: false, local: () => false });
    this.#talk!.say({
      source,
      destination,
      role: roles,
      event: events,
      records: [record],
      about: { kind: "hand" },
    });
  }
}
