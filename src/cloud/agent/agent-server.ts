// The agent's side: requests of controllers to its hypervisor, and that one's events to them.

import { idsOf } from "../../lisp/control/keys.js";
import { addressText } from "../../net/address.js";
import { orNull } from "../../wire/error.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import { type Announcement, type Hypervisor, HypervisorError, type HypervisorEvent } from "../hypervisor.js";
import { type AgentHost, Alarm } from "./agent-host.js";
import { type AgentMessage, BODY_MAX, isAuthentic, sealed, writeAgentMessage } from "./agent-message.js";
import { Announcements, type SiteNews } from "./announcements.js";
import { type AgentKey, Controller } from "./controller.js";
import { EventLog } from "./event-log.js";
import { eventBody } from "./events.js";
import { isName } from "./fields.js";
import { MigrationLog } from "./migration-log.js";
import {
  type AgentReplies,
  type AgentRequest,
  doneBody,
  guestsThatFit,
  readRequest,
  refusedBody,
  stateBody,
} from "./requests.js";

/** Seconds, as nanoseconds: a request for which the hypervisor takes longer is answered as failed. */
const WORK_MOST = 30e9;
/** Nanoseconds of silence after which a controller makes room for another. */
const FORGET = 60e9;
const ADDRESSES_MAX = 8;
const GUESTS_MAX = 64;

/** What happens to datagrams: the agent's counters. */
export type AgentCount = "requests" | "repeats" | "events" | "lost" | AgentDrop;
export type AgentDrop = "malformed" | "bad_auth" | "replay" | "full" | "stray";

export interface AgentServerHost extends AgentHost {
  readonly keys: readonly AgentKey[];
  /** Null: there are no tunnel routers to tell. */
  readonly news: SiteNews | null;
  count(what: AgentCount): void;
  /** A datagram was refused for a reason that its sender should hear of, were it there to hear. */
  refused(sender: string, reason: AgentDrop, text: string): void;
}

export interface AgentServerOptions {
  readonly hypervisor: Hypervisor;
  /** Controllers that it speaks with. */
  readonly controllers: number;
  /** Events kept for them. */
  readonly events: number;
}

/** Work that the hypervisor has been given. */
interface Work {
  readonly controller: Controller;
  readonly nonce: bigint;
  /** Steady nanosecond at which it has taken too long. */
  readonly until: number;
}

export class AgentServer {
  readonly #hypervisor: Hypervisor;
  readonly #controllersMost: number;
  readonly #log: EventLog;
  readonly #controllers = new Map<string, Controller>();
  readonly #announcements = new Announcements();
  readonly #work = new Set<Work>();
  readonly #alarm = new Alarm((now) => this.#run(now));
  readonly #unlisten: () => void;
  readonly migrations = new MigrationLog();
  #host: AgentServerHost;

  constructor(host: AgentServerHost, { hypervisor, controllers, events }: AgentServerOptions) {
    this.#hypervisor = hypervisor;
    this.#controllersMost = controllers;
    this.#log = new EventLog(events);
    this.#host = host;
    this.#unlisten = hypervisor.onEvent((event) => this.#note(event));
    this.attach(host);
  }

  /** Goes on in another element. Controllers whose key is not there any more are forgotten. */
  attach(host: AgentServerHost): void {
    this.#host = host;
    for (const [name, { key }] of this.#controllers)
      if (!host.keys.some((other) => sameKey(other, key))) this.#controllers.delete(name);
    this.#alarm.attach(host);
  }

  /** Answers nothing any more. The hypervisor is not closed. */
  close(): void {
    this.#unlisten();
    this.#alarm.stop();
    this.#controllers.clear();
    this.#work.clear();
  }

  get hypervisor(): Hypervisor {
    return this.#hypervisor;
  }

  /** Events that some controller has not acknowledged. */
  get pending(): number {
    return this.#log.size;
  }

  /** A line for every controller. */
  controllersText(): string {
    const now = this.#host.clock.now();
    return [...this.#controllers.values()].map((controller) => controller.text(now)).join("");
  }

  // ---- What comes --------------------------------------------------------------

  /** Takes a request or an acknowledgement. */
  receive(datagram: UdpPacket, message: AgentMessage): void {
    const host = this.#host;
    const known = host.keys.find(({ key }) => idsOf(key).includes(message.keyId));
    if (known === undefined || !isAuthentic(datagram.payload, known.key.secret, datagram)) {
      const why = known === undefined ? `key ID ${message.keyId} is not known` : "another secret";
      this.#refuse(datagram, "bad_auth", `${message.kind} refused: ${why}`);
      return;
    }
    if (message.kind === "acknowledgement") this.#acknowledged(datagram, message, known);
    else this.#request(datagram, message, known);
  }

  #refuse(datagram: UdpPacket, reason: AgentDrop, text: string): void {
    this.#host.count(reason);
    const from = addressText(datagram.source);
    this.#host.refused(from, reason, `from ${from}: ${text}`);
  }

  #acknowledged(datagram: UdpPacket, message: AgentMessage, key: AgentKey): void {
    const controller = this.#controllers.get(nameOf(datagram, key));
    if (controller === undefined || message.session !== controller.session || message.body.length > 0) {
      this.#host.count("stray");
      return;
    }
    const now = this.#host.clock.now();
    controller.heard = now;
    controller.acknowledge(Number(message.nonce), now);
    this.#forget();
    this.#tell(controller);
  }

  #request(datagram: UdpPacket, message: AgentMessage, key: AgentKey): void {
    const { secret } = key.key;
    const request = orNull(() =>
      readRequest(message.body, (bytes) => sealed(bytes, message, secret, datagram)),
    );
    if (request === null) {
      this.#refuse(datagram, "malformed", "a request that cannot be read");
      return;
    }
    const controller = this.#controller(datagram, message, key);
    if (controller === null) {
      this.#refuse(datagram, "full", "there are as many controllers as may be");
      return;
    }
    // What was said in another session proves nothing: it may be somebody's who has kept it. A hello does no harm.
    if (message.session !== controller.session && request.op !== "hello") {
      this.#send(controller, answerTo(datagram), message, stateBody("again"));
      return;
    }
    const verdict = controller.answers.take(message.nonce);
    if (verdict.kind === "replay" || verdict.kind === "full") {
      this.#host.count(verdict.kind);
      return;
    }
    // Only what is fresh or its sender's own can say where it is.
    controller.ends = answerTo(datagram);
    controller.keyId = message.keyId;
    controller.heard = this.#host.clock.now();
    if (verdict.kind !== "fresh") {
      this.#host.count("repeats");
      const body = verdict.kind === "working" ? stateBody("working") : verdict.body;
      this.#send(controller, controller.ends, message, body);
      return;
    }
    this.#host.count("requests");
    this.#answer(controller, message, request);
  }

  /** The one that it is of; null: there are as many as may be. */
  #controller(datagram: UdpPacket, message: AgentMessage, key: AgentKey): Controller | null {
    const name = nameOf(datagram, key);
    const known = this.#controllers.get(name);
    if (known !== undefined) return known;
    if (this.#controllers.size >= this.#controllersMost) {
      const silent = [...this.#controllers].reduce((a, b) => (b[1].heard < a[1].heard ? b : a));
      if (silent[1].heard + FORGET > this.#host.clock.now()) return null;
      this.#controllers.delete(silent[0]);
    }
    // Never 0, which stands for none.
    const session = this.#host.random64() || 1n;
    const last = this.#log.next - 1;
    const controller = new Controller(session, key, message.keyId, answerTo(datagram), last);
    controller.heard = this.#host.clock.now();
    this.#controllers.set(name, controller);
    return controller;
  }

  // ---- Requests ----------------------------------------------------------------

  #answer(controller: Controller, message: AgentMessage, request: AgentRequest): void {
    const { nonce } = message;
    const { key } = controller.key;
    const work: Work = { controller, nonce, until: this.#host.clock.now() + WORK_MOST };
    this.#work.add(work);
    this.#alarm.by(work.until);
    const seal = (bytes: Uint8Array): Uint8Array => {
      const answer = { kind: "answer", session: controller.session, nonce } as const;
      return sealed(bytes, answer, key.secret, controller.ends);
    };
    this.#do(controller, request)
      .then((reply) => doneBody(request.op, reply as never, seal))
      .catch((e: unknown) => {
        if (!(e instanceof HypervisorError)) this.#host.log(`${request.op}: ${e}`);
        return e instanceof HypervisorError ? refusedBody(e.code, e.message) : refusedBody("FAILED", "");
      })
      .then((body) => {
        this.#done(work, body);
        // Only now the controller knows the session that these are of.
        if (request.op === "hello") this.#tell(controller);
      });
  }

  #done(work: Work, body: Uint8Array): void {
    if (!this.#work.delete(work)) return;
    const { controller, nonce } = work;
    controller.answers.answer(nonce, body);
    this.#send(controller, controller.ends, { nonce, keyId: controller.keyId }, body);
  }

  async #do(controller: Controller, request: AgentRequest): Promise<AgentReplies[AgentRequest["op"]]> {
    const hypervisor = this.#hypervisor;
    switch (request.op) {
      case "hello":
        controller.rewind();
        return { next: controller.acknowledged + 1 };
      case "status":
        return hypervisor.status();
      case "guests":
        return this.#guests(request.after);
    }
    if (!controller.key.mayOrder) throw new HypervisorError("DENIED", "this key may look, but not order");
    switch (request.op) {
      case "prepare": {
        const { migration, guest, patience, announce } = request;
        return this.#announced(migration, guest.addresses, announce, () =>
          hypervisor.prepareIncoming(migration, guest, patience),
        );
      }
      case "migrate":
        return this.#migrate(request);
      case "cancel":
        await hypervisor.cancel(request.migration, request.gone);
        return null;
    }
  }

  async #migrate({
    migration,
    guest,
    to,
    options,
  }: AgentRequest & { readonly op: "migrate" }): Promise<null> {
    const { announce } = options;
    const all = announce === undefined ? [] : await this.#hypervisor.guests();
    const addresses = all.find(({ name }) => name === guest)?.addresses ?? [];
    await this.#announced(migration, addresses, announce, () =>
      this.#hypervisor.migrate(migration, guest, to, options),
    );
    return null;
  }

  /** Does `work`, of which events may tell before it is done; where it is refused, nothing is to be announced. */
  async #announced<T>(
    migration: string,
    addresses: readonly Uint8Array[],
    announce: Announcement | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    const added = announce !== undefined && this.#announcements.add(migration, addresses, announce);
    try {
      return await work();
    } catch (e) {
      if (added) this.#announcements.forget(migration);
      throw e;
    }
  }

  async #guests(after: string): Promise<AgentReplies["guests"]> {
    const all = await this.#hypervisor.guests();
    const rest = all
      .filter(({ name }) => name > after && isName(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, GUESTS_MAX + 1)
      .map((guest) => ({ ...guest, addresses: guest.addresses.slice(0, ADDRESSES_MAX) }));
    const count = Math.min(guestsThatFit(rest, BODY_MAX), GUESTS_MAX);
    return { guests: rest.slice(0, count), more: count < rest.length };
  }

  // ---- Events --------------------------------------------------------------------

  #note(event: HypervisorEvent): void {
    this.migrations.note(event);
    if (this.#host.news !== null) this.#announcements.note(event, this.#host.news);
    if (!isName(event.guest) || !isName(event.migration)) return;
    if (this.#log.add(event)) {
      this.#host.count("lost");
      for (const controller of this.#controllers.values()) controller.skip(this.#log.first - 1);
    }
    for (const controller of this.#controllers.values()) this.#tell(controller);
    this.#forget();
  }

  /** What all controllers have is not kept. */
  #forget(): void {
    let least = this.#log.next - 1;
    for (const { acknowledged } of this.#controllers.values()) least = Math.min(least, acknowledged);
    this.#log.forget(least);
  }

  #tell(controller: Controller): void {
    const { ends, keyId, key } = controller;
    for (const number of controller.due(this.#log.next, this.#host.clock.now())) {
      const event = this.#log.at(number);
      if (event === undefined) continue;
      this.#host.count("events");
      const body = eventBody({ first: controller.acknowledged + 1, event });
      const message = {
        kind: "event",
        keyId,
        session: controller.session,
        nonce: BigInt(number),
        body,
      } as const;
      this.#host.send({ ...ends, payload: writeAgentMessage(message, key.key.secret, ends) });
    }
    this.#alarm.by(controller.again);
  }

  #run(now: number): number {
    for (const work of this.#work)
      if (work.until <= now) this.#done(work, refusedBody("FAILED", "the hypervisor does not answer"));
    let next = Number.POSITIVE_INFINITY;
    for (const { until } of this.#work) next = Math.min(next, until);
    for (const controller of this.#controllers.values()) {
      this.#tell(controller);
      next = Math.min(next, controller.again);
    }
    return next;
  }

  #send(
    { session, key }: Controller,
    ends: Controller["ends"],
    { nonce, keyId }: Pick<AgentMessage, "nonce" | "keyId">,
    body: Uint8Array,
  ): void {
    const message = { kind: "answer", keyId, session, nonce, body } as const;
    this.#host.send({ ...ends, payload: writeAgentMessage(message, key.key.secret, ends) });
  }
}

/** Controllers are told apart by their address and key. */
function nameOf({ source }: UdpPacket, { key }: AgentKey): string {
  return `${key.id} ${addressText(source)}`;
}

/** The way back. */
function answerTo({ source, destination, sourcePort, destinationPort }: UdpPacket): Controller["ends"] {
  return {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
  };
}

function sameKey(a: AgentKey, b: AgentKey): boolean {
  return (
    a.key.id === b.key.id && a.mayOrder === b.mayOrder && Buffer.compare(a.key.secret, b.key.secret) === 0
  );
}
