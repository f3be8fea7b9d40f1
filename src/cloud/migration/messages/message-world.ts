// What migrations stand on, over messages: agents, tunnel routers and Map-Resolvers, through one element's ports.

import { ChangePriorityTalk, type TalkCount } from "../../../lisp/change-priority/talk.js";
import type { Trusted } from "../../../lisp/change-priority/trust.js";
import {
  ControlChannel,
  messageOf,
  type OutgoingMessage,
  replyOf,
} from "../../../lisp/control/control-channel.js";
import { nonceCounter } from "../../../lisp/control/nonce-file.js";
import type { NonceCounter } from "../../../lisp/control/nonce-policy.js";
import type { ServerList } from "../../../lisp/itr/server-list.js";
import { sameAddress } from "../../../net/address.js";
import { hostPrefix } from "../../../net/prefix.js";
import type { Batch } from "../../../packet/batch.js";
import type { Clock } from "../../../router/clock.js";
import type { Element } from "../../../router/element.js";
import { TimerGroup } from "../../../router/timer-group.js";
import { WireError } from "../../../wire/error.js";
import { encodeLispControl } from "../../../wire/lisp-control/message.js";
import type { UdpPacket } from "../../../wire/udp-packet.js";
import type { Hypervisor, HypervisorEvent } from "../../hypervisor.js";
import type { CatalogueOffer } from "../../offers.js";
import { CatalogueDirectory } from "../catalogue-directory.js";
import {
  type Directory,
  type MappingSystem,
  MappingSystemError,
  type MigrationWorld,
  type TunnelRouters,
} from "../seams.js";
import { Agents } from "./agents.js";
import type { Domain } from "./domains.js";
import { MappingQuestions } from "./mapping-questions.js";
import { RouterSignals, type SignalWaiter } from "./router-signals.js";

/** What happens to messages, as counters and drop reasons have it. */
export type MessageCount =
  | "sent"
  | "resent"
  | "acknowledged"
  | "silent"
  | "unsent"
  | "requests"
  | "replies"
  | "unanswered"
  | "malformed"
  | "elsewhere"
  | "bad_auth"
  | "stray"
  | "late"
  | "unusable"
  | "no_slot";

export interface MessageWorldOptions {
  /** Messages leave by its output 0. */
  readonly element: Element;
  readonly catalogue: CatalogueOffer;
  /** Our own, one of each address family; and our UDP port for agents. */
  readonly addresses: readonly Uint8Array[];
  readonly port: number;
  /** Tunnel routers. */
  readonly trusted: Trusted;
  readonly servers: ServerList;
  readonly domains: readonly Domain[];
  /** Files that keep nonces, of messages to tunnel routers and of requests to agents; null: none. */
  readonly state: string | null;
  readonly agentState: string | null;
  readonly event: (dc: string, event: HypervisorEvent) => void;
  readonly count: (what: MessageCount) => void;
  readonly log: (line: string) => void;
}

/** What happens to messages to tunnel routers. Where nobody is trusted nothing is waited for either. */
const COUNTED: Partial<Record<TalkCount, MessageCount>> = {
  sent: "sent",
  resent: "resent",
  acknowledged: "acknowledged",
  silent: "silent",
  unsent: "unsent",
  bad_auth: "bad_auth",
  late: "late",
  off: "late",
};
/** Seconds for which an acknowledged message would be remembered: a controller takes none. */
const AGE = 30;
const WAITING_MAX = 65_536;

export class MessageWorld implements MigrationWorld {
  readonly routers: TunnelRouters;
  readonly mapping: MappingSystem;
  readonly directory: Directory;
  readonly timers: TimerGroup;
  readonly #options: MessageWorldOptions;
  readonly #channel: ControlChannel;
  readonly #agents: Agents;
  readonly #talk: ChangePriorityTalk<SignalWaiter>;
  readonly #questions: MappingQuestions;
  #nonces: NonceCounter | null = null;

  constructor(options: MessageWorldOptions) {
    const { element, catalogue, addresses, port, trusted, servers, state, count, log } = options;
    this.#options = options;
    this.#channel = new ControlChannel(element);
    this.timers = new TimerGroup(element);
    this.#questions = new MappingQuestions({
      timers: this.timers,
      random: element.router.random,
      rlocs: addresses,
      servers,
      send: (source, destination, message) =>
        this.#send({ source, destination, payload: encodeLispControl(message) }),
      count,
    });
    this.#talk = new ChangePriorityTalk({
      element,
      trusted,
      file: state,
      age: AGE,
      capacity: WAITING_MAX,
      send: (message) => this.#send(message),
      // Nobody tells a controller anything in this way.
      act: () => "switched-off",
      outcome: ({ about }, outcome) => about(outcome),
      count: (what) => {
        const name = COUNTED[what];
        if (name !== undefined) count(name);
      },
    });
    const { clock, random } = element.router;
    this.#agents = new Agents({
      host: {
        clock,
        addresses,
        port,
        timer: (fire) => this.timers.timer(fire),
        send: (datagram) => this.#send(datagram),
        random64: () => (BigInt(random.u32()) << 32n) | BigInt(random.u32()),
        log,
      },
      agentOf: (dc) => catalogue.catalogue.get("dc", dc)?.agent ?? null,
      nonce: () => this.#nonces!.next(),
      event: options.event,
    });
    this.routers = new RouterSignals({
      addresses,
      routersOf: (dc) => catalogue.catalogue.get("dc", dc)?.routers ?? [],
      talk: () => this.#talk,
    });
    this.mapping = {
      locate: ({ iid, address }) => this.#questions.ask({ iid, eid: hostPrefix(address) }),
      inCharge: (dc) => this.#inCharge(dc),
    };
    this.directory = new CatalogueDirectory(
      () => catalogue.catalogue,
      () => void catalogue.flush().catch((e: Error) => log(e.message)),
    );
  }

  get clock(): Clock {
    return this.#options.element.router.clock;
  }

  /** Reserves nonces: before the first message. Throws NonceFileError. */
  start(): void {
    this.#talk.start();
    this.#nonces = nonceCounter(this.clock, this.#options.agentState);
  }

  /** Speaks with all agents from now on: they are known by the time that they are needed. */
  greet(): void {
    for (const { name } of this.#options.catalogue.catalogue.all("dc")) this.hypervisor(name);
  }

  /** Goes on with what another one was in the midst of, before a hot swap. */
  takeOver(former: MessageWorld): void {
    this.#talk.takeOver(former.#talk);
    // A file has kept how far they have come.
    if (this.#options.agentState === null) this.#nonces = former.#nonces;
  }

  close(): void {
    this.#agents.close();
    this.#questions.close();
  }

  hypervisor(dc: string): Hypervisor | null {
    return this.#agents.hypervisor(dc);
  }

  /** Data centres whose agents are known, and whether these answer; null: it is not known. */
  reachable(): ReturnType<Agents["reachable"]> {
    return this.#agents.reachable();
  }

  async #inCharge(dc: string): Promise<readonly Uint8Array[]> {
    const domain = this.#options.domains.find((known) => known.dc === dc);
    if (domain === undefined) throw new MappingSystemError("UNKNOWN", `the domain of ${dc} is not known`);
    return this.#questions.ask(domain.prefix);
  }

  // ---- Messages --------------------------------------------------------------------------

  fromAgents(batch: Batch): void {
    this.#channel.receive(batch, (datagram) => this.#fromAgent(datagram));
  }

  fromRouters(batch: Batch): void {
    this.#channel.receive(batch, (datagram) => this.#fromRouter(datagram));
  }

  /** Takes Map-Replies to its questions; others stay in the batch. */
  fromMapping(batch: Batch): void {
    this.#channel.takeAnswers(
      batch,
      ({ type, probe, nonce }) => type === "map-reply" && !probe && this.#questions.awaits(nonce),
      (datagram) => {
        const reply = replyOf(datagram);
        if (reply === null) this.#options.count("malformed");
        else this.#options.count(this.#questions.take(reply.nonce, reply.records) ? "replies" : "unusable");
        return true;
      },
    );
  }

  #fromAgent(datagram: UdpPacket | WireError): void {
    const { addresses, port, count } = this.#options;
    if (datagram instanceof WireError) {
      count("malformed");
      return;
    }
    const { destination, destinationPort } = datagram;
    if (destinationPort !== port || !addresses.some((own) => sameAddress(own, destination))) {
      count("elsewhere");
      return;
    }
    const verdict = this.#agents.receive(datagram);
    if (verdict !== "taken") count(verdict === "other" ? "stray" : verdict);
  }

  #fromRouter(datagram: UdpPacket | WireError): void {
    const message = messageOf(datagram);
    if (datagram instanceof WireError || message?.type !== "change-priority")
      this.#options.count("malformed");
    else if (!message.acknowledges) this.#options.count("stray");
    else this.#talk.hear(message, datagram);
  }

  #send(message: OutgoingMessage): boolean {
    const sent = this.#channel.send(message, 0);
    if (!sent) this.#options.count("no_slot");
    return sent;
  }
}
