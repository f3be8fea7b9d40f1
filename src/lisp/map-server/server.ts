// What a Map-Server does with the messages that reach it (RFC 9301, section 8).

import { addressText } from "../../net/address.js";
import type { Element } from "../../router/element.js";
import type { Timer } from "../../router/timer.js";
import { WireError } from "../../wire/error.js";
import { LispControlError } from "../../wire/lisp-control/error.js";
import type { LispControlMessage } from "../../wire/lisp-control/message.js";
import { type MapNotify, type MapRegister, mapNotify } from "../../wire/lisp-control/registration.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import { type AuthenticationKey, authenticate } from "../control/authentication.js";
import { type ControlChannel, messageOf } from "../control/control-channel.js";
import { keyAlgorithm } from "../control/keys.js";
import type { NonceGuard } from "../control/nonce-policy.js";
import { grouped } from "../control/record-groups.js";
import { RefusalLog } from "../control/refusal-log.js";
import type { Change, Watch } from "../database/history.js";
import type { RegistrationDatabase } from "../database/registration-database.js";
import type { KeyedBuckets } from "../limits/keyed-buckets.js";
import { MoveNotices } from "./move-notices.js";
import { toldOfMove } from "./moves.js";
import { Notifications } from "./notifications.js";
import type { PeerKeys } from "./peer-keys.js";
import { Publisher } from "./publisher.js";
import { type Accepted, type Refused, RegisterIntake } from "./register-intake.js";
import { RequestIntake } from "./request-intake.js";
import {
  bareRequest,
  type EncapsulatedRequest,
  type OwnAddresses,
  ownAddress,
  requestIn,
} from "./requests.js";
import type { Sites } from "./sites.js";
import type { Subscriptions } from "./subscriptions.js";

/** The element in whose name it is done. */
export interface MapServerElement extends Element {
  /** Counts one of its counters or drops. */
  count(name: string): void;
}

export interface MapServerOptions {
  readonly database: RegistrationDatabase;
  readonly sites: Sites;
  readonly own: OwnAddresses;
  readonly nonces: NonceGuard;
  readonly keys: PeerKeys;
  /** Seconds after which a registration that does not say otherwise ends. */
  readonly timeout: number;
  /** Map-Registers that may wait for the store, and Map-Notifies to one receiver that may wait to be acknowledged. */
  readonly waitingMax: number;
  readonly window: number;
  /** How many Map-Replies each asker gets (RFC 9301, section 5.4). */
  readonly replies: KeyedBuckets;
  /** For PubSub: the key shared with subscribers, and who they are; null: there is none. */
  readonly pubsub: { readonly key: AuthenticationKey; readonly subscriptions: Subscriptions } | null;
}

export class MapServer {
  readonly #element: MapServerElement;
  readonly #channel: ControlChannel;
  readonly #registers: RegisterIntake;
  readonly #notifications: Notifications;
  readonly #moves: MoveNotices;
  readonly #expiry: Timer;
  #watch: Watch | null = null;
  /** What other Map-Servers do to the database. */
  #others: Watch | null = null;
  readonly #publisher: Publisher | null;
  readonly #requests: RequestIntake;
  readonly #refusals: RefusalLog;
  readonly database: RegistrationDatabase;
  readonly sites: Sites;
  readonly own: OwnAddresses;
  readonly nonces: NonceGuard;
  readonly keys: PeerKeys;

  constructor(element: MapServerElement, channel: ControlChannel, options: MapServerOptions) {
    this.#element = element;
    this.#channel = channel;
    this.database = options.database;
    this.sites = options.sites;
    this.own = options.own;
    this.nonces = options.nonces;
    this.keys = options.keys;
    this.#registers = new RegisterIntake({ ...options, clock: element.router.clock });
    this.#notifications = new Notifications({
      element,
      send: (to, bytes) => this.#transmit(to, bytes),
      sending: (run) => this.#sending(run),
      window: options.window,
    });
    this.#refusals = new RefusalLog(element);
    this.#expiry = element.newTimer(() => this.#expire());
    const { database, sites, own, replies } = options;
    const notifications = this.#notifications;
    const count = (name: string): void => element.count(name);
    const { keys } = this;
    const { random } = element.router;
    this.#moves = new MoveNotices({ ...{ database, sites, keys, notifications, random, count } });
    this.#publisher =
      options.pubsub === null
        ? null
        : new Publisher({
            ...options.pubsub,
            ...{ database, sites, own, notifications, count },
            timer: (fire) => element.newTimer(fire),
          });
    this.#requests = new RequestIntake({
      ...{ database, sites, own, replies, count },
      publisher: this.#publisher,
      send: (message) => this.#channel.send(message, 0),
      refuse: (source, why) => this.#refuse("subscription", source, "replayed", why),
    });
  }

  /** Map-Notifies that are not acknowledged yet; what became of others. */
  get notifications(): Notifications {
    return this.#notifications;
  }

  /** Goes on with what another one has of the same database. */
  takeFrom(other: MapServer): void {
    this.#notifications.takeFrom(other.#notifications);
    this.#moves.takeFrom(other.#moves);
  }

  /** From now on it looks after what is registered: what expires, and what moves. */
  start(): void {
    this.#watchFrom(this.database.revision);
    this.#publisher?.start();
    this.#others = this.database.follow({
      nonce: (peer, nonce) => void this.nonces.accept(peer, nonce),
      changed: () => this.#schedule(),
    });
    this.#schedule();
  }

  /** The database is another one's now, or closed. */
  stop(): void {
    this.#watch?.close();
    this.#watch = null;
    this.#others?.close();
    this.#others = null;
    this.#expiry.unschedule();
    this.#publisher?.stop();
    this.#notifications.stop();
  }

  /** Takes a datagram. */
  receive(datagram: UdpPacket): void {
    const message = messageOf(datagram);
    if (message === null) {
      this.#element.count("malformed");
      return;
    }
    this.#sending(() => this.#take(message, datagram));
  }

  #take(message: LispControlMessage, datagram: UdpPacket): void {
    switch (message.type) {
      case "map-register":
        this.#register(message, datagram);
        break;
      case "map-notify-ack":
        this.#acknowledged(message, datagram);
        break;
      case "map-request":
        this.request(bareRequest(datagram, message), datagram.source);
        break;
      case "encapsulated-control": {
        const request = requestIn(message.inner);
        if (request !== null) this.request(request, datagram.source);
        else this.#element.count("unexpected");
        break;
      }
      default:
        this.#element.count("unexpected");
    }
  }

  // ---- Registrations ------------------------------------------------------------

  #register(message: MapRegister, datagram: UdpPacket): void {
    const result = this.#registers.register(message, datagram.payload, datagram.source);
    if (result instanceof Promise)
      result.then(
        (outcome) => this.#sending(() => this.#registered(message, datagram, outcome)),
        () => {
          this.#element.count("store_failed");
          // When the store is tried again.
          this.#schedule();
        },
      );
    else this.#registered(message, datagram, result);
  }

  #registered(message: MapRegister, datagram: UdpPacket, result: Accepted | Refused): void {
    if ("refused" in result) {
      this.#element.count(result.refused);
      if (result.why !== undefined) this.#refuse("Map-Register", datagram.source, result.refused, result.why);
      return;
    }
    this.#schedule();
    if (!result.repeated) this.#element.count("registers");
    const acknowledge = (): void => {
      if (!message.wantNotify || this.#watch === null) return;
      this.#element.count("notifies");
      const { nonce, ids } = message;
      // What came in one message leaves in one; merged with what others have registered it may take several.
      for (const records of message.merge ? grouped(result.records) : [result.records]) {
        const notify = mapNotify({ type: "map-notify", nonce, records, ids });
        this.#sending(() =>
          this.#transmit(
            datagram.source,
            authenticate(notify, result.key, keyAlgorithm(result.key), result.scope),
          ),
        );
      }
    };
    if (result.durable === null) acknowledge();
    else
      result.durable.then(
        () => this.#sending(acknowledge),
        () => {
          this.#element.count("store_failed");
          // When the store is tried again.
          this.#schedule();
        },
      );
  }

  /** Says what is refused (RFC 9301, section 5.6 asks for it where a message may be a replay). */
  #refuse(what: string, source: Uint8Array, reason: string, why: string): void {
    const from = addressText(source);
    this.#refusals.tell(from, `${what} ${reason}`, `${what} from ${from} refused: ${why}`);
  }

  #expire(): void {
    const more = this.database.expire() > 0;
    if (more && this.database.nextExpiry <= this.#element.router.clock.now()) this.#expiry.scheduleAfter(0);
    else this.#schedule();
  }

  #schedule(): void {
    const next = this.database.nextExpiry;
    if (next === Number.POSITIVE_INFINITY) this.#expiry.unschedule();
    else if (!this.#expiry.scheduled || this.#expiry.expiry !== next) this.#expiry.scheduleAt(next);
  }

  // ---- Moves ---------------------------------------------------------------------

  #watchFrom(revision: number): void {
    this.#watch = this.database.watch(revision, {
      name: "the Map-Server",
      change: (change) => this.#changed(change),
      compacted: () => {},
    });
  }

  #changed(change: Change): void {
    this.#sending(() => this.#publisher?.publish(change));
    // Whoever took the registration tells those whom it concerns.
    if (change.remote) return;
    for (const xtr of change.after?.registrations ?? []) this.#moves.knows(xtr, change);
    for (const former of toldOfMove(this.database, change)) this.#moves.tell(former, change);
  }

  #acknowledged(message: MapNotify, datagram: UdpPacket): void {
    const result = this.#notifications.acknowledge(message, datagram.payload, datagram.source);
    if (result === "acknowledged") this.#element.count("acks");
    else if (result === "unknown") this.#element.count("unawaited_ack");
    else {
      this.#element.count("bad_authentication");
      this.#refuse("Map-Notify-Ack", datagram.source, "bad_authentication", result.why);
    }
  }

  // ---- Requests --------------------------------------------------------------------

  /** Takes a Map-Request, as it was inside its ECM: from the network, or from a Map-Resolver of the same graph. `sender`: who sent the ECM. */
  request(request: EncapsulatedRequest, sender: Uint8Array): void {
    this.#sending(() => this.#requests.take(request, sender));
  }

  /** What several xTRs have registered together may be more than any message holds. */
  #sending(run: () => void): void {
    try {
      run();
    } catch (e) {
      if (!(e instanceof LispControlError || e instanceof WireError)) throw e;
      this.#element.count("not_sent");
    }
  }

  // ---- Sending -----------------------------------------------------------------------

  #transmit(to: Uint8Array, payload: Uint8Array): void {
    const source = ownAddress(this.own, to);
    if (source === null) this.#element.count("no_route");
    else if (!this.#channel.send({ source, destination: to, payload }, 0)) this.#element.count("not_sent");
  }
}
