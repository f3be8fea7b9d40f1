import { isDeepStrictEqual } from "node:util";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import {
  type AuthenticationKey,
  authenticate,
  verifyAuthentication,
} from "../../../src/lisp/control/authentication.js";
import { ControlChannel, messageOf } from "../../../src/lisp/control/control-channel.js";
import { KeyError, keyAlgorithm, refusalText, wordsOf } from "../../../src/lisp/control/keys.js";
import { NonceFileError, nonceCounter } from "../../../src/lisp/control/nonce-file.js";
import { type NonceCounter, NonceGuard } from "../../../src/lisp/control/nonce-policy.js";
import { RefusalLog } from "../../../src/lisp/control/refusal-log.js";
import { XtrIdError, xtrIds } from "../../../src/lisp/control/xtr-ids.js";
import { type MapServerConfig, parseMapServer } from "../../../src/lisp/etr/map-server-config.js";
import {
  type OwnRegistration,
  OwnRegistrations,
  type RegistrationPolicy,
  UNCONFIRMED_TRIES,
} from "../../../src/lisp/etr/own-registrations.js";
import {
  allAcknowledged,
  problemLine,
  type RegistrarServer,
  registrationLines,
  serverLine,
  suspicion,
} from "../../../src/lisp/etr/registrar-server.js";
import { type Mapping, MappingError } from "../../../src/lisp/mapping.js";
import type { SiteOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { addressText, sameAddress } from "../../../src/net/address.js";
import type { EidPrefix } from "../../../src/net/eid.js";
import { prefixText } from "../../../src/net/prefix.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode } from "../../../src/router/handler.js";
import { listenersOf } from "../../../src/router/listeners.js";
import { type Offers, offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import { WireError } from "../../../src/wire/error.js";
import type { EidRecord, XtrIds } from "../../../src/wire/lisp-control/record.js";
import { type MapNotify, mapNotify, mapRegister } from "../../../src/wire/lisp-control/registration.js";
import type { UdpPacket } from "../../../src/wire/udp-packet.js";

const args = {
  SITE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPSite whose EID-prefixes are registered",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, from which messages go; one of each address family",
  },
  MAP_SERVER: { type: "any", many: true, secret: true, doc: "a Map-Server with its key; may be repeated" },
  INTERVAL: { type: "seconds", default: "60", doc: "time between registrations" },
  QUICK_INTERVAL: {
    type: "seconds",
    default: "20",
    doc: "the same in the first time after the start or a change",
  },
  QUICK: { type: "seconds", default: "300", doc: "how long that first time is" },
  TIMEOUT: {
    type: "seconds",
    default: "1",
    doc: "wait for a Map-Notify, doubled with every further Map-Register",
  },
  MAX_TIMEOUT: { type: "seconds", default: "60", doc: "longest wait for a Map-Notify" },
  RECORDS: { type: "unsigned", default: "16", min: 1, max: 255, doc: "most EID-prefixes in a Map-Register" },
  BYTES: {
    type: "unsigned",
    default: "1200",
    min: 64,
    doc: "most bytes that they take, but for a single one",
  },
  XTR_ID: { type: "word", doc: "xTR-ID, 32 hexadecimal digits; by default from the RLOCs" },
  SITE_ID: { type: "word", doc: "Site-ID, 16 hexadecimal digits; by default 0" },
  STATE: { type: "string", doc: "file that keeps how far nonces have come; empty: none" },
} as const;

/**
 * Registers the EID-prefixes of a LISPSite with Map-Servers.
 *
 * A Map-Server is written `ADDRESS key [ID:]SECRET [sha1|sha256|hkdf] [proxy-reply] [merge] [no-notify] [sign-records]
 * [no-xtr-id]`: sha256 by default; without an ID messages leave with key ID 0, and may come with 1; SECRET as
 * LISPMapServer has it. Of several keys the first signs, and the next ones in turn what has not been answered; all are accepted
 * in Map-Notifys. So a key is changed by giving both at one end, then
 * at the other, then only the new one. `no-key` instead authenticates nothing.
 *
 * Every Map-Register bears an xTR-ID and Site-ID (the I bit), but for Map-Servers that misread it (`no-xtr-id`); by these a Map-Server tells the xTRs of a site apart and
 * keeps their nonces (RFC 9301, section 5.6). Without XTR_ID the xTR-ID comes from the RLOCs, and is the same after a restart.
 * The authentication covers both, as it must when nonces are kept by them, and as other implementations have it;
 * `sign-records` ends it with the last record, as step 5 there says. Several xTRs of a site register the same set of
 * RLOCs, or each its own with `merge`.
 *
 * Every EID-prefix is registered with every Map-Server as soon as there is one, then every INTERVAL (RFC 9301, section
 * 8.2), in the first QUICK after the start or its last change every QUICK_INTERVAL. Until a Map-Notify names it, it is
 * sent again after TIMEOUT, doubled up to MAX_TIMEOUT (section 5.7), but no later than it would be anyway. What leaves
 * the site is withdrawn by a Map-Register with TTL 0, up to six times. Every Map-Register has a nonce greater than the last, one sent again too:
 * a Map-Server must drop what does not (section 5.6). Nonces start at the wall clock's seconds times 2^32, with STATE
 * not below what was used before.
 *
 * A Map-Notify counts only with authentication data of one of the keys. One that answers no Map-Register is
 * acknowledged by a Map-Notify-Ack and told to those who listen, once for each nonce. What is refused, and a Map-Server
 * that has not confirmed a registration after several Map-Registers, is on the log, and `problem` tells of it.
 *
 * @input 0 Map-Notifys
 * @output 0 Map-Registers and Map-Notify-Acks, as IP packets with the destination annotation set
 * @example
 * site :: LISPSite(192.168.1.0/24 192.0.2.1);
 * Idle -> LISPRegistrar(site, RLOC 192.0.2.1, MAP_SERVER 192.0.2.9 key 1:secret proxy-reply) -> Discard
 * @see LISPSite, LISPControlClassifier, LISPMapReplier
 */
export class LISPRegistrar extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "h/h",
    flow: "x/y",
    args,
    counters: {
      registers: "Map-Registers sent",
      notifies: "Map-Notifys that answered one",
      unsolicited: "Map-Notifys that answered none, and were acknowledged",
    },
    drops: {
      malformed: "no Map-Notify in a UDP packet",
      bad_auth: "a Map-Notify whose authentication data none of the keys made",
      late: "a Map-Notify to a Map-Register that is answered already, or too old",
      replay: "an unsolicited Map-Notify whose nonce was used before",
      no_nonce: "no nonce could be reserved: the state file cannot be written, or all are used up",
      no_slot: "no free packet for a message, or none it fits",
    },
    handlers: {
      table: {
        read: true,
        params: true,
        expensive: true,
        doc: "for every Map-Server and EID-prefix: Map-Server, instance ID, EID-prefix, state, Map-Registers sent since its last change or Map-Notify, seconds since the last Map-Notify (- for none), seconds until the next Map-Register. After 4,096 lines a last one says `more: ` and how to go on",
      },
      servers: {
        read: true,
        doc: "every Map-Server: address, algorithm, registrations it has acknowledged and all",
      },
      problem: {
        read: true,
        doc: "a line for every Map-Server that has not confirmed all EID-prefixes, though it was told more than once; else empty",
      },
      registered: { read: true, doc: "whether every Map-Server has acknowledged every EID-prefix" },
      refresh: { write: true, button: true, doc: "registers everything now" },
    },
  } as const satisfies ElementSpec;

  readonly #channel = new ControlChannel(this);
  readonly #timers = new TimerGroup(this);
  readonly #guard = new NonceGuard("lenient");
  readonly #refusals = new RefusalLog(this);
  readonly #notified = listenersOf<[records: readonly EidRecord[], server: Uint8Array]>(this, "Map-Notifies");
  readonly #acknowledged = listenersOf<[eid: EidPrefix]>(this, "acknowledgements");
  #site: SiteOffer | null = null;
  #rlocs: readonly Uint8Array[] = [];
  #servers: readonly RegistrarServer[] = [];
  #ids: XtrIds | null = null;
  #file: string | null = null;
  #nonces: NonceCounter | null = null;
  /** Our nonces of this run lie from here to the last one, inclusive. */
  #firstNonce = 0n;
  #lastNonce = -1n;

  override offers(): Partial<Offers> {
    return { LISPRegistrar: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#site = offerOf(values.SITE, "LISPSite", "SITE", errors);
    this.#rlocs = values.RLOC;
    this.#file = values.STATE || null;
    try {
      this.#ids = xtrIds(values.XTR_ID, values.SITE_ID, values.RLOC);
    } catch (e) {
      if (!(e instanceof XtrIdError)) throw e;
      errors.error(e.message);
    }
    const policy = {
      interval: values.INTERVAL * 1e9,
      quickInterval: values.QUICK_INTERVAL * 1e9,
      quick: values.QUICK * 1e9,
      timeout: values.TIMEOUT * 1e9,
      longest: values.MAX_TIMEOUT * 1e9,
      records: values.RECORDS,
      bytes: values.BYTES,
    };
    const texts = values.MAP_SERVER.filter((text) => wordsOf(text).length > 0);
    this.#servers = texts
      .map((text) => this.#server(text, policy, errors))
      .filter((server) => server !== null);
  }

  #server(text: string, policy: RegistrationPolicy, errors: ErrorSink): RegistrarServer | null {
    try {
      const config = parseMapServer(text);
      const source = this.#rlocs.find((r) => r.length === config.address.length);
      if (source === undefined) {
        errors.error(`no RLOC of the address family of Map-Server ${addressText(config.address)}`);
        return null;
      }
      const registrations = new OwnRegistrations(this.router.clock, this.#timers, policy, config.wantNotify, {
        nonce: () => this.#nextNonce(),
        send: (nonce, entries) => this.#register(config, source, nonce, entries),
        acknowledged: (registration) => this.#acknowledged.tell(registration),
      });
      return { config, source, registrations };
    } catch (e) {
      if (!(e instanceof KeyError || e instanceof MappingError)) throw e;
      errors.error(`MAP_SERVER: ${e.message}`);
      return null;
    }
  }

  override initialize(errors: ErrorSink): void {
    try {
      this.#nonces = nonceCounter(this.router.clock, this.#file);
      this.#firstNonce = this.#nonces.next();
    } catch (e) {
      if (!(e instanceof NonceFileError || e instanceof RangeError)) throw e;
      errors.error(`STATE: ${e.message}`);
      return;
    }
    const { mappings } = this.#site!;
    for (const mapping of mappings.entries()) this.#set(mapping);
    mappings.onChange(({ before, after, told }) => {
      if (after !== null) this.#set(after);
      else if (before !== null)
        for (const { registrations } of this.#servers)
          if (told === "nobody") registrations.forget(before);
          else registrations.withdraw(before);
    });
  }

  /**
   * What is the same is registered already. A hot swap at the same moment of a (simulated) clock must not use nonces
   * again; a state file sees to that by itself.
   */
  override takeState(old: Element): void {
    if (!(old instanceof LISPRegistrar)) return;
    if (isDeepStrictEqual(this.#ids, old.#ids))
      for (const server of this.#servers) {
        const { config, source } = server;
        const former = old.#servers.find((s) => isDeepStrictEqual([s.config, s.source], [config, source]));
        if (former !== undefined) server.registrations.takeOver(former.registrations);
      }
    if (this.#file !== null || old.#nonces === null) return;
    this.#nonces = old.#nonces;
    this.#firstNonce = old.#firstNonce;
  }

  #set(mapping: Mapping): void {
    for (const s of this.#servers) s.registrations.set(mapping);
  }

  /** Whether every Map-Server, or that at address `server`, has acknowledged what is registered for this EID-prefix now. */
  acknowledged(iid: number, eid: Mapping["eid"], server?: Uint8Array): boolean {
    return this.#servers.every(
      ({ config, registrations }) =>
        (server !== undefined && !sameAddress(config.address, server)) ||
        registrations.acknowledged(iid, eid),
    );
  }

  /** Calls `listener` with each EID-prefix of which a Map-Server acknowledges what is registered for it now. */
  onAcknowledge(listener: (eid: EidPrefix) => void): void {
    this.#acknowledged.add(listener);
  }

  /** Calls `listener` with the records of every unsolicited Map-Notify, and the address of the Map-Server whose key it bears. */
  onNotify(listener: (records: readonly EidRecord[], server: Uint8Array) => void): void {
    this.#notified.add(listener);
  }

  // ---- Map-Registers -----------------------------------------------------------

  #register(
    config: MapServerConfig,
    source: Uint8Array,
    nonce: bigint,
    entries: readonly OwnRegistration[],
  ): void {
    const message = mapRegister({
      nonce,
      proxyReply: config.proxyReply,
      merge: config.merge,
      wantNotify: config.wantNotify,
      ids: config.xtrId ? this.#ids : null,
      records: entries.map((r) => this.#record(r)),
    });
    // One that is not answered is sent again with the next key: the Map-Server may not have this one yet, or any more.
    const tries = entries.reduce((least, r) => Math.min(least, r.tries), Number.POSITIVE_INFINITY);
    const key = config.keys[(tries - 1) % config.keys.length];
    if (tries === UNCONFIRMED_TRIES) this.#unconfirmed(config, entries);
    const payload = authenticate(message, key, keyAlgorithm(key), config.scope);
    this.#count("registers");
    this.#send(source, config.address, payload);
  }

  /** On the log once for each change that is not confirmed: the Map-Server's own log says what it does not like. */
  #unconfirmed(config: MapServerConfig, entries: readonly OwnRegistration[]): void {
    const server = addressText(config.address);
    const eids = entries.map((r) => prefixText(r.eid)).join(", ");
    this.#refusals.tell(
      server,
      `unconfirmed ${eids}`,
      `Map-Server ${server} has not confirmed ${eids} after ${UNCONFIRMED_TRIES - 1} Map-Registers: ${suspicion(config)}`,
    );
  }

  #record(r: OwnRegistration): EidRecord {
    const local = (rloc: Uint8Array): boolean => this.#rlocs.some((own) => sameAddress(own, rloc));
    const fields = { authoritative: true, local };
    // With the locators that it had: to a Map-Server that knows no xTR-ID they tell whose nonces these are.
    if (r.mapping === null) return this.#site!.record(r.latest, { ...fields, ttl: 0 });
    return this.#site!.record(r.mapping, fields);
  }

  #nextNonce(): bigint | null {
    try {
      this.#lastNonce = this.#nonces!.next();
      return this.#lastNonce;
    } catch (e) {
      if (!(e instanceof NonceFileError || e instanceof RangeError)) throw e;
      this.#count("no_nonce");
      return null;
    }
  }

  #send(source: Uint8Array, destination: Uint8Array, payload: Uint8Array): void {
    if (!this.#channel.send({ source, destination, payload }, 0)) this.#count("no_slot");
  }

  // ---- Map-Notifys ---------------------------------------------------------------

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => this.#receive(datagram));
  }

  #receive(datagram: UdpPacket | WireError): void {
    const notify = messageOf(datagram);
    if (notify?.type !== "map-notify" || datagram instanceof WireError) {
      this.#count("malformed");
      return;
    }
    const verified = this.#verified(notify, datagram);
    if ("refused" in verified) {
      this.#count("bad_auth");
      const from = addressText(datagram.source);
      this.#refusals.tell(from, "bad_auth", `Map-Notify from ${from} refused: ${verified.refused}`);
      return;
    }
    const { server, key } = verified;
    if (server.registrations.notified(notify.nonce, notify.records)) this.#count("notifies");
    else if (notify.nonce >= this.#firstNonce && notify.nonce <= this.#lastNonce) this.#count("late");
    else this.#unsolicited(server, key, notify, datagram);
  }

  /** The Map-Server whose key made the authentication data, rather the one that it came from; and that key. */
  #verified(
    notify: MapNotify,
    datagram: UdpPacket,
  ): { readonly server: RegistrarServer; readonly key: AuthenticationKey } | { readonly refused: string } {
    const from = (s: RegistrarServer): number => (sameAddress(s.config.address, datagram.source) ? 0 : 1);
    let refused: string | null = null;
    for (const server of [...this.#servers].sort((a, b) => from(a) - from(b))) {
      const { keys } = server.config;
      const { verdict, key } = verifyAuthentication(datagram.payload, notify, keys);
      if (key !== null) return { server, key };
      if (verdict !== "valid") refused ??= refusalText(verdict, notify.authentication, keys);
    }
    return { refused: refused ?? "there is no Map-Server" };
  }

  #unsolicited(
    server: RegistrarServer,
    key: AuthenticationKey,
    notify: MapNotify,
    datagram: UdpPacket,
  ): void {
    const { config, source } = server;
    const verdict = this.#guard.accept(addressText(config.address), notify.nonce);
    if (verdict === "replay" || verdict === "full") {
      this.#count("replay");
      return;
    }
    this.#count("unsolicited");
    const { nonce, records } = notify;
    const ack = mapNotify({ type: "map-notify-ack", nonce, records });
    const sameFamily = datagram.source.length === source.length;
    this.#send(
      source,
      sameFamily ? datagram.source : config.address,
      authenticate(ack, key, notify.authentication.algorithm),
    );
    if (verdict === "fresh") this.#notified.tell(records, config.address);
  }

  #count(name: keyof typeof LISPRegistrar.spec.counters | keyof typeof LISPRegistrar.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers -----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      table: {
        read: (text) =>
          asHandlerError(() => registrationLines(this.#servers, this.router.clock.now(), text), MappingError),
      },
      servers: { read: () => this.#servers.map(serverLine).join("") },
      problem: { read: () => this.#servers.map(problemLine).join("") },
      registered: { read: () => this.#servers.every(allAcknowledged) },
      refresh: {
        write: () => {
          for (const s of this.#servers) s.registrations.refresh();
        },
      },
    };
  }
}
