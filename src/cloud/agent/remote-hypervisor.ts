// The controller's side: a hypervisor behind an agent, by messages.

import type { AuthenticationKey } from "../../lisp/control/authentication.js";
import { idsOf } from "../../lisp/control/keys.js";
import { addressText, sameAddress } from "../../net/address.js";
import { Listeners } from "../../router/listeners.js";
import { orNull, WireError } from "../../wire/error.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import {
  type Announcement,
  type GuestSpec,
  type GuestStatus,
  type Hypervisor,
  HypervisorError,
  type HypervisorEvent,
  type HypervisorStatus,
  type Landing,
  type MigrationOptions,
} from "../hypervisor.js";
import { AGAIN, type AgentHost, Alarm, ownAddress, pauseAfter } from "./agent-host.js";
import {
  AGENT_PORT,
  type AgentMessage,
  type Ends,
  isAuthentic,
  readAgentMessage,
  sealed,
  writeAgentMessage,
} from "./agent-message.js";
import { EventIntake } from "./event-intake.js";
import { readEventBody } from "./events.js";
import { type AgentOp, type AgentReplies, type AgentRequest, readAnswer, requestBody } from "./requests.js";

/** Requests that wait for their answers. */
const ASKED_MOST = 64;
/** Sessions of an agent in which one request is tried. */
const SESSIONS_MOST = 3;
/** Of names: the first character in their order, and how many they have at most. */
const FIRST = 0x21;
const NAME_MOST = 64;
/** Virtual machines of one hypervisor. */
const GUESTS_MOST = 4096;

export interface RemoteHypervisorOptions {
  /** Of the agent, and its UDP port (AGENT_PORT by default). */
  readonly address: Uint8Array;
  readonly port?: number;
  readonly key: AuthenticationKey;
  /** Grows with every call, over a restart as well (`nonceCounter`). What it throws, requests are rejected for. */
  readonly nonce: () => bigint;
  /** Times that a request is sent before its agent counts as unreachable: 3 by default, which takes 0.7 s. */
  readonly tries?: number;
  /** Seconds for which an agent may say that it is working on a request. Default 10. */
  readonly patience?: number;
  /** Seconds between looks at whether the agent is there, and has not begun anew. Default 5. */
  readonly refresh?: number;
}

/** What became of a datagram. `other`: it is none of this agent's. */
export type RemoteVerdict = "taken" | "other" | "malformed" | "bad_auth" | "stray";

interface Asked {
  readonly request: AgentRequest;
  readonly nonce: bigint;
  tries: number;
  /** Sessions of the agent in which it was not taken, as it was of another. */
  anew: number;
  /** Steady nanoseconds: when it is sent again; and when it is given up though the agent works on it, null: it does not say so. */
  again: number;
  until: number | null;
  readonly resolve: (reply: never) => void;
  readonly reject: (error: Error) => void;
}

/** Rejects with HypervisorError, `UNREACHABLE` where no answer comes. Its events come in order and once each. */
export class RemoteHypervisor implements Hypervisor {
  readonly #options: RemoteHypervisorOptions;
  readonly #asked = new Map<bigint, Asked>();
  readonly #alarm = new Alarm((now) => this.#run(now));
  readonly #listeners: Listeners<[event: HypervisorEvent]>;
  readonly #intake: EventIntake;
  #host: AgentHost;
  /** The session that the agent has chosen for us, as far as it is known. */
  #session = 0n;
  #greeting = false;
  /** Steady nanosecond of the next hello. */
  #refreshAt = 0;
  #reachable: boolean | null = null;
  #closed = false;

  constructor(host: AgentHost, options: RemoteHypervisorOptions) {
    this.#options = options;
    this.#host = host;
    this.#listeners = new Listeners("a hypervisor's events", (line) => this.#host.log(line));
    this.#intake = new EventIntake((event) => this.#listeners.tell(event));
    this.attach(host);
  }

  /** Goes on in another element. */
  attach(host: AgentHost): void {
    this.#host = host;
    this.#alarm.attach(host);
  }

  /** Whether the agent has answered when it was asked last; null: not known yet. */
  get reachable(): boolean | null {
    return this.#reachable;
  }

  // ---- Hypervisor ------------------------------------------------------------------

  status(): Promise<HypervisorStatus> {
    return this.#ask({ op: "status" });
  }

  async guests(): Promise<readonly GuestStatus[]> {
    const all: GuestStatus[] = [];
    for (let after = ""; ; after = all[all.length - 1].name) {
      const { guests, more } = await this.#ask({ op: "guests", after });
      all.push(...guests);
      if (!more) return all;
      const last = guests.at(-1)?.name ?? "";
      if (last <= after || all.length > GUESTS_MOST)
        throw new HypervisorError("FAILED", `${this.#name} does not come to an end of its virtual machines`);
    }
  }

  /** One message each way, however many there are. */
  async guest(name: string): Promise<GuestStatus | null> {
    const { guests } = await this.#ask({ op: "guests", after: before(name) });
    return guests[0]?.name === name ? guests[0] : null;
  }

  prepareIncoming(
    migration: string,
    guest: GuestSpec,
    patience: number,
    announce?: Announcement,
  ): Promise<Landing> {
    return this.#ask({ op: "prepare", migration, guest, patience, ...(announce && { announce }) });
  }

  async migrate(migration: string, guest: string, to: Landing, options: MigrationOptions): Promise<void> {
    await this.#ask({ op: "migrate", migration, guest, to, options });
  }

  async cancel(migration: string, gone = false): Promise<void> {
    await this.#ask({ op: "cancel", migration, gone });
  }

  onEvent(listener: (event: HypervisorEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  close(): void {
    this.#closed = true;
    this.#alarm.stop();
    this.#listeners.clear();
    for (const asked of [...this.#asked.values()])
      this.#fail(asked, "UNREACHABLE", `${this.#name} is not asked any more`);
  }

  // ---- Requests ---------------------------------------------------------------------

  get #name(): string {
    return `the agent at ${addressText(this.#options.address)}`;
  }

  #ask<Op extends AgentOp>(request: AgentRequest & { readonly op: Op }): Promise<AgentReplies[Op]> {
    return new Promise<AgentReplies[Op]>((resolve, reject) => {
      if (this.#closed) throw new HypervisorError("UNREACHABLE", `${this.#name} is not asked any more`);
      if (this.#asked.size >= ASKED_MOST)
        throw new HypervisorError("BUSY", `${ASKED_MOST} requests wait for ${this.#name}`);
      const nonce = this.#nextNonce();
      const asked: Asked = { request, nonce, tries: 0, anew: 0, again: 0, until: null, resolve, reject };
      this.#asked.set(nonce, asked);
      this.#send(asked);
    });
  }

  #nextNonce(): bigint {
    try {
      return this.#options.nonce();
    } catch (e) {
      throw new HypervisorError("FAILED", `no nonce for ${this.#name}: ${(e as Error).message}`);
    }
  }

  get #ends(): Ends | null {
    const { address, port = AGENT_PORT } = this.#options;
    const source = ownAddress(this.#host, address);
    return source === undefined
      ? null
      : { source, destination: address, sourcePort: this.#host.port, destinationPort: port };
  }

  #send(asked: Asked): void {
    const ends = this.#ends;
    if (ends === null) {
      this.#fail(asked, "UNREACHABLE", `there is no address of our own to reach ${this.#name} from`);
      return;
    }
    asked.tries++;
    const pause = asked.until === null ? pauseAfter(asked.tries) : pauseAfter(AGAIN.length);
    asked.again = this.#host.clock.now() + pause;
    this.#alarm.by(asked.again);
    const { id, secret } = this.#options.key;
    const header = { kind: "request", keyId: id, session: this.#session, nonce: asked.nonce } as const;
    const body = requestBody(asked.request, (bytes) => sealed(bytes, header, secret, ends));
    try {
      this.#host.send({ ...ends, payload: writeAgentMessage({ ...header, body }, secret, ends) });
    } catch (e) {
      if (!(e instanceof WireError)) throw e;
      this.#fail(asked, "UNSUITED", `a request is too long for a message: ${e.message}`);
    }
  }

  #fail(asked: Asked, code: string, reason: string): void {
    this.#asked.delete(asked.nonce);
    asked.reject(new HypervisorError(code, reason));
  }

  #run(now: number): number {
    for (const asked of [...this.#asked.values()]) {
      if (asked.again > now) continue;
      if (asked.until === null ? asked.tries < (this.#options.tries ?? 3) : now < asked.until)
        this.#send(asked);
      else if (asked.until === null) {
        this.#reachable = false;
        this.#fail(asked, "UNREACHABLE", `${this.#name} does not answer`);
      } else this.#fail(asked, "FAILED", `${this.#name} has not done ${asked.request.op} in time`);
    }
    if (now >= this.#refreshAt) this.#greet();
    let next = this.#refreshAt;
    for (const { again } of this.#asked.values()) next = Math.min(next, again);
    return next;
  }

  /** Asks which session it is, and for its events. */
  #greet(): void {
    const now = this.#host.clock.now();
    this.#refreshAt = now + (this.#options.refresh ?? 5) * 1e9;
    if (this.#greeting) return;
    this.#greeting = true;
    this.#ask({ op: "hello" })
      .catch(() => {})
      .then(() => {
        this.#greeting = false;
      });
  }

  // ---- What comes -----------------------------------------------------------------------

  /** Takes a datagram that came to our port, where it is this agent's. */
  receive(datagram: UdpPacket): RemoteVerdict {
    const { address, port = AGENT_PORT, key } = this.#options;
    if (!sameAddress(datagram.source, address) || datagram.sourcePort !== port) return "other";
    const message = orNull(() => readAgentMessage(datagram.payload));
    if (message === null) return "malformed";
    if (!idsOf(key).includes(message.keyId) || !isAuthentic(datagram.payload, key.secret, datagram))
      return "bad_auth";
    if (message.kind === "answer") return this.#answered(datagram, message);
    return message.kind === "event" ? this.#told(datagram, message) : "stray";
  }

  #answered(datagram: UdpPacket, message: AgentMessage): RemoteVerdict {
    const asked = this.#asked.get(message.nonce);
    if (asked === undefined) return "stray";
    const { secret } = this.#options.key;
    const { op } = asked.request;
    const answer = orNull(() =>
      readAnswer(op, message.body, (bytes) => sealed(bytes, message, secret, datagram)),
    );
    if (answer === null) return "malformed";
    const now = this.#host.clock.now();
    this.#reachable = true;
    this.#session = message.session;
    switch (answer.state) {
      case "again":
        asked.tries = 0;
        if (++asked.anew <= SESSIONS_MOST) this.#send(asked);
        else this.#fail(asked, "UNREACHABLE", `${this.#name} begins anew all the time`);
        break;
      case "working":
        asked.until ??= now + (this.#options.patience ?? 10) * 1e9;
        asked.again = Math.min(asked.until, now + pauseAfter(AGAIN.length));
        this.#alarm.by(asked.again);
        break;
      case "refused":
        this.#fail(asked, answer.code, answer.reason);
        break;
      case "done":
        this.#asked.delete(asked.nonce);
        if (op === "hello")
          this.#intake.begin(message.session, (answer.reply as AgentReplies["hello"]).next, now);
        asked.resolve(answer.reply as never);
    }
    if (this.#intake.session !== message.session) this.#greet();
    return "taken";
  }

  #told(datagram: UdpPacket, message: AgentMessage): RemoteVerdict {
    // Of another session: it may have begun anew, or somebody repeats what it has said.
    if (message.session !== this.#intake.session) return "stray";
    const body = orNull(() => readEventBody(message.body));
    if (body === null) return "malformed";
    this.#intake.take(Number(message.nonce), body, this.#host.clock.now());
    const { key } = this.#options;
    const ends = {
      source: datagram.destination,
      destination: datagram.source,
      sourcePort: datagram.destinationPort,
      destinationPort: datagram.sourcePort,
    };
    const acknowledgement = {
      kind: "acknowledgement",
      keyId: key.id,
      session: message.session,
      nonce: BigInt(this.#intake.last),
      body: new Uint8Array(0),
    } as const;
    this.#host.send({ ...ends, payload: writeAgentMessage(acknowledgement, key.secret, ends) });
    return "taken";
  }
}

/** The text behind which `name` comes first, of all names that messages can have: 1 to NAME_MOST characters from `!` to `~`. */
function before(name: string): string {
  const last = name.charCodeAt(name.length - 1);
  const rest = name.slice(0, -1);
  if (last <= FIRST) return rest;
  return `${rest}${String.fromCharCode(last - 1)}`.padEnd(NAME_MOST, "~");
}
