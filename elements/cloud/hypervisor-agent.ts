import { parseAgentKeys } from "../../src/cloud/agent/agent-keys.js";
import { AGENT_PORT, readAgentMessage } from "../../src/cloud/agent/agent-message.js";
import { type AgentCount, AgentServer, type AgentServerHost } from "../../src/cloud/agent/agent-server.js";
import type { AgentKey } from "../../src/cloud/agent/controller.js";
import { Holdings } from "../../src/cloud/agent/holdings.js";
import { TunnelRouterNews } from "../../src/cloud/agent/tunnel-router-news.js";
import { HYPERVISOR, type Hypervisor, HypervisorError } from "../../src/cloud/hypervisor.js";
import { SIMULATED_FAULTS, SimulatedHypervisor } from "../../src/cloud/hypervisors/simulated.js";
import { parseGuest, SimulatedTextError } from "../../src/cloud/hypervisors/simulated-options.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { unquote } from "../../src/lang/args/text.js";
import { parseTrust, Trusted } from "../../src/lisp/change-priority/trust.js";
import { CONTROL_PORT } from "../../src/lisp/control/control-channel.js";
import { randomNonce } from "../../src/lisp/control/control-records.js";
import { KeyError, wordsOf } from "../../src/lisp/control/keys.js";
import { NonceFileError } from "../../src/lisp/control/nonce-file.js";
import { RefusalLog } from "../../src/lisp/control/refusal-log.js";
import { addressText, sameAddress } from "../../src/net/address.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { FacilityError } from "../../src/router/facility.js";
import { asHandlerError, type HandlerCode, HandlerError } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { TimerGroup } from "../../src/router/timer-group.js";
import { DatagramChannel, readDatagram } from "../../src/transport/datagram-channel.js";
import { orNull, WireError } from "../../src/wire/error.js";
import type { UdpPacket } from "../../src/wire/udp-packet.js";

const args = {
  HYPERVISOR: {
    type: "string",
    positional: true,
    required: true,
    doc: "the hypervisor, as the router's world knows it",
  },
  ADDR: {
    type: "address",
    many: true,
    doc: "an address of ours, to which requests come; one of each address family",
  },
  KEY: { type: "any", many: true, secret: true, doc: "a key of controllers: `[ID:]SECRET`; may be repeated" },
  WATCH_KEY: {
    type: "any",
    many: true,
    secret: true,
    doc: "the same of controllers that may look, but not order",
  },
  PORT: {
    type: "ip_port",
    protocol: 17,
    default: String(AGENT_PORT),
    doc: "UDP port of requests, and of other agents",
  },
  ROUTER: {
    type: "address",
    many: true,
    doc: "a tunnel router of our site, which hears of virtual machines that come and leave; may be repeated",
  },
  TRUST: {
    type: "any",
    many: true,
    secret: true,
    doc: "a key for Change-Priority messages to ROUTERs, as LISPChangePriority has it; may be repeated",
  },
  STATE: {
    type: "string",
    doc: "file that keeps how far the nonces of these messages have come; empty: none",
  },
  CONTROLLERS: {
    type: "unsigned",
    default: "16",
    min: 1,
    max: 64,
    doc: "controllers that it speaks with; one silent for a minute makes room for another",
  },
  EVENTS: {
    type: "unsigned",
    default: "1024",
    min: 16,
    max: 65536,
    doc: "events kept until each controller has acknowledged them",
  },
  GUESTS: {
    type: "any",
    positional: true,
    rest: true,
    doc: "a virtual machine each that a simulated hypervisor has from the start, as `define` takes it",
  },
} as const;

/** Packets read in one go, below a millisecond: checksums and authentication take 20 µs for each. And those that may wait. */
const AT_ONCE = 32;
const WAITING_MOST = 1024;
/** Bytes of the longest packet that can hold a message, with options. */
const LONGEST = 1500;

/**
 * Answers controllers for the hypervisor of its data centre: what it has, and orders to migrate virtual machines.
 *
 * HYPERVISOR is asked of the router's world. `simulated` is a model of costs, on the router's clock: `simulated:memory
 * 16G guests 64 migrations 4 mtu 1500 bandwidth 1G resume 0` says all of its defaults (bytes, bits a second for each
 * migration, seconds that resuming takes). Memory streams between two simulated hypervisors are messages between their
 * agents, at the times that the model has.
 *
 * A controller is whoever has a key; SECRET is as LISPMapServer has it. Every datagram is authenticated by HMAC-SHA-256,
 * with its ends. A request has a nonce, and the session that the agent has chosen for its controller, so that none is done
 * twice: the same one gets the same answer, one of another session that of now. Events go to every controller that has
 * spoken, in order, again after 0.1, 0.2, 0.4 s and then every second until it acknowledges them.
 *
 * An order may ask that tunnel routers are told at the switch, without a way to the controller and back: then every ROUTER
 * gets a Change-Priority message (role H), `left` at STOP at the source, `arrived` at RESUME at the destination, and at
 * the source again where a migration has failed after its STOP. TRUST says with which key (`key [ID:]SECRET eid EID-PREFIX...`).
 *
 * A virtual machine is defined as `NAME memory BYTES address ADDRESS... [mtu BYTES] [rate BYTES] [set BYTES]`: it writes
 * `rate` bytes a second (0) to `set` bytes (all) of its memory. A fault is `refuse` (it takes no orders), `stall` (no
 * migration out of it gets on), `die` (it answers nothing) or `none`.
 *
 * @input 0 IP packets to ADDR
 * @output 0 IP packets, with the destination annotation set
 * @example
 * Idle -> agent :: HypervisorAgent(simulated, web memory 1G address 10.0.0.5 rate 10M, ADDR 192.0.2.1, KEY 1:secret)
 *     -> Discard
 * @see LISPMobility, FunctionControl
 */
export class HypervisorAgent extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "h/h",
    flow: "x/y",
    args,
    counters: {
      requests: "requests that were answered, or are worked on",
      repeats: "requests that came again",
      events: "events sent, again ones too",
      lost: "events that were not kept until all had them",
      told: "messages to tunnel routers, each counted once",
      told_again: "the same, sent again",
      told_done: "the same, acknowledged, whatever the status",
      told_silent: "the same, given up: no answer in three tries",
      untold: "the same that could not be sent: no key for it, too many wait, or no nonce",
    },
    drops: {
      malformed: "no message of an agent or a controller in a UDP packet, or one that cannot be read",
      elsewhere: "to another address or port",
      bad_auth: "a message that none of the keys made for these ends",
      replay: "a request so old that it may have been answered already",
      full: "a request beyond those that are worked on, or of a controller beyond CONTROLLERS",
      busy: "more packets than can be read in a while",
      stray: "a message that an agent does not take, or of a controller that it does not know",
      no_stream: "a message of a stream that is not expected",
      late: "a tunnel router's acknowledgement of nothing that waits for one",
      no_slot: "no free packet for a message",
    },
    handlers: {
      status: {
        read: true,
        doc: "driver, bytes of memory and how many are free, virtual machines at most and now, migrations at once, MTU; as the hypervisor last said",
      },
      guests: {
        read: true,
        doc: "every virtual machine: name, state, bytes of memory, migration or -, addresses; as the hypervisor last said",
      },
      refresh: { write: true, button: true, doc: "asks the hypervisor for both" },
      migrations: {
        read: true,
        doc: "the latest migrations: name, virtual machine, last event, seconds since then, bytes and rounds sent, why it failed",
      },
      controllers: {
        read: true,
        doc: "every controller: address, key ID, `orders` or `looks`, number of the last event it has acknowledged, seconds since it was heard",
      },
      pending: { read: true, doc: "events that some controller has not acknowledged" },
      outcomes: {
        read: true,
        doc: "the last messages to tunnel routers, the latest last: to whom, event, EIDs, what was answered",
      },
      define: { write: true, doc: "has a virtual machine run at a simulated hypervisor" },
      undefine: { write: true, doc: "removes a virtual machine of a simulated hypervisor: its name" },
      fault: { read: true, write: true, doc: "what is wrong with a simulated hypervisor: a word" },
    },
  } as const satisfies ElementSpec;

  readonly #channel = new DatagramChannel(this);
  readonly #timers = new TimerGroup(this);
  readonly #refusals = new RefusalLog(this);
  readonly #task = this.newTask(() => this.#work());
  #waiting: Uint8Array[] = [];
  #name = "";
  #addresses: readonly Uint8Array[] = [];
  #port = 0;
  #keys: readonly AgentKey[] = [];
  #guests: readonly string[] = [];
  #news: TunnelRouterNews | null = null;
  #controllers = 0;
  #events = 0;
  #hypervisor: Hypervisor | null = null;
  #server: AgentServer | null = null;
  #holdings: Holdings | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#name = values.HYPERVISOR;
    this.#addresses = values.ADDR;
    this.#port = values.PORT;
    this.#guests = values.GUESTS.map((text) => unquote(text.trim())).filter((text) => text !== "");
    this.#controllers = values.CONTROLLERS;
    this.#events = values.EVENTS;
    for (const family of [4, 16])
      if (values.ADDR.filter(({ length }) => length === family).length > 1)
        errors.error("ADDR: more than one address of a family");
    if (values.ADDR.length === 0) errors.error("ADDR: expected an address");
    for (const router of values.ROUTER)
      if (!values.ADDR.some(({ length }) => length === router.length))
        errors.error(`ROUTER ${addressText(router)}: there is no ADDR of its family`);
    let trusted = new Trusted([]);
    try {
      this.#keys = parseAgentKeys(values.KEY, values.WATCH_KEY);
      trusted = this.#trusted(values.TRUST);
    } catch (e) {
      if (!(e instanceof KeyError)) throw e;
      errors.error(e.message);
    }
    this.#news = new TunnelRouterNews({
      element: this,
      routers: values.ROUTER,
      addresses: values.ADDR,
      trusted,
      file: values.STATE || null,
      send: (datagram) => this.#channel.send(datagram, 0),
      count: (what) => this.#count(what),
    });
  }

  #trusted(texts: readonly string[]): Trusted {
    return new Trusted(texts.filter((text) => wordsOf(text).length > 0).map((text) => parseTrust(text)));
  }

  override async initialize(errors: ErrorSink): Promise<void> {
    try {
      this.#hypervisor = await this.router.ask(HYPERVISOR, this.#name);
    } catch (e) {
      if (!(e instanceof FacilityError)) throw e;
      errors.error(e.message);
      return;
    }
    this.router.useTurns();
    try {
      this.#news!.start();
    } catch (e) {
      if (!(e instanceof NonceFileError)) throw e;
      errors.error(`STATE: ${e.message}`);
    }
    const host = this.#host();
    if (this.#hypervisor instanceof SimulatedHypervisor) this.#hypervisor.attach(host);
    this.#server = new AgentServer(host, {
      hypervisor: this.#hypervisor,
      controllers: this.#controllers,
      events: this.#events,
    });
    for (const text of this.#guests) this.#define(text, errors);
    this.#holdings = this.#held(this.#hypervisor);
  }

  #define(text: string, errors: ErrorSink): void {
    try {
      this.#simulated().define(parseGuest(text));
    } catch (e) {
      if (!(e instanceof SimulatedTextError || e instanceof HypervisorError || e instanceof HandlerError))
        throw e;
      errors.error(e.message);
    }
  }

  #held(hypervisor: Hypervisor): Holdings {
    return new Holdings(hypervisor, (line) => this.router.log(`${this.declaration}: ${line}`));
  }

  #host(): AgentServerHost {
    return {
      clock: this.router.clock,
      addresses: this.#addresses,
      port: this.#port,
      timer: (fire) => this.#timers.timer(fire),
      send: (datagram) => {
        const sent = this.#channel.send(datagram, 0);
        if (!sent) this.#count("no_slot");
        return sent;
      },
      random64: () => randomNonce(this.router.random) ^ BigInt(this.router.clock.now()),
      log: (line) => this.router.log(`${this.declaration}: ${line}`),
      keys: this.#keys,
      news: this.#news!,
      count: (what) => this.#count(what),
      refused: (sender, reason, text) => this.#refusals.tell(sender, reason, text),
    };
  }

  /** The hypervisor, its virtual machines and what controllers have been told go on, where it is the same one. */
  override takeState(old: Element): void {
    if (!(old instanceof HypervisorAgent)) return;
    this.#news!.takeOver(old.#news!);
    if (old.#server === null || old.#name !== this.#name) return;
    const { hypervisor } = old.#server;
    this.#holdings?.close();
    this.#server?.close();
    this.#hypervisor?.close();
    this.#server = old.#server;
    this.#hypervisor = hypervisor;
    old.#holdings?.close();
    old.#server = null;
    old.#hypervisor = null;
    this.#waiting = old.#waiting;
    if (this.#waiting.length > 0) this.#task.reschedule();
    const host = this.#host();
    if (hypervisor instanceof SimulatedHypervisor) hypervisor.attach(host);
    this.#server.attach(host);
    this.#holdings = this.#held(hypervisor);
  }

  override cleanup(): void {
    this.#holdings?.close();
    this.#server?.close();
    this.#hypervisor?.close();
    this.#server = null;
    this.#hypervisor = null;
  }

  // ---- Messages --------------------------------------------------------------------

  override push(_port: number, batch: Batch): void {
    this.#channel.copy(batch, LONGEST, (bytes) => {
      if (this.#waiting.length < WAITING_MOST) this.#waiting.push(bytes);
      else this.#count("busy");
    });
    this.#task.reschedule();
  }

  #work(): boolean {
    const now = this.#waiting.splice(0, AT_ONCE);
    if (this.#waiting.length > 0) this.#task.reschedule();
    for (const bytes of now) this.#receive(readDatagram(bytes));
    return now.length > 0;
  }

  #receive(datagram: UdpPacket | WireError): void {
    if (datagram instanceof WireError) {
      this.#count("malformed");
      return;
    }
    const { destination, destinationPort } = datagram;
    const ours = this.#addresses.some((own) => sameAddress(own, destination));
    if (!ours || (destinationPort !== this.#port && destinationPort !== CONTROL_PORT))
      this.#count("elsewhere");
    else if (destinationPort === this.#port) this.#take(datagram);
    else this.#news!.hear(datagram);
  }

  #take(datagram: UdpPacket): void {
    const server = this.#server!;
    const message = orNull(() => readAgentMessage(datagram.payload));
    if (message === null) {
      this.#count("malformed");
      return;
    }
    switch (message.kind) {
      case "request":
      case "acknowledgement":
        server.receive(datagram, message);
        break;
      case "stream":
      case "stream-answer": {
        const { hypervisor } = server;
        const simulated = hypervisor instanceof SimulatedHypervisor;
        const verdict = simulated ? hypervisor.receive(datagram, message) : "no_stream";
        if (verdict !== "taken") this.#count(verdict);
        break;
      }
      default:
        this.#count("stray");
    }
  }

  #count(
    what: AgentCount | keyof typeof HypervisorAgent.spec.drops | keyof typeof HypervisorAgent.spec.counters,
  ): void {
    this.memory.add64(this.counterAddress(what), 1);
  }

  // ---- Handlers ----------------------------------------------------------------------

  async #refresh(): Promise<void> {
    try {
      await this.#holdings?.refresh();
    } catch (e) {
      throw e instanceof HypervisorError ? new HandlerError("FAILED", e.message) : e;
    }
  }

  #simulated(): SimulatedHypervisor {
    if (this.#hypervisor instanceof SimulatedHypervisor) return this.#hypervisor;
    throw new HandlerError("FAILED", `'${this.#name}' is no simulated hypervisor`);
  }

  override handlers(): Record<string, HandlerCode> {
    const change =
      (run: (text: string) => void): HandlerCode["write"] =>
      (text) => {
        asHandlerError(() => run(text.trim()), SimulatedTextError, HypervisorError);
        return this.#refresh();
      };
    return {
      status: { read: () => this.#holdings?.statusText ?? "" },
      guests: { read: () => this.#holdings?.guestsText ?? "" },
      refresh: { write: () => this.#refresh() },
      migrations: { read: () => this.#server?.migrations.text(this.router.clock.now()) ?? "" },
      controllers: { read: () => this.#server?.controllersText() ?? "" },
      pending: { read: () => this.#server?.pending ?? 0 },
      outcomes: { read: () => this.#news!.outcomes },
      define: { write: change((text) => this.#simulated().define(parseGuest(text))) },
      undefine: { write: change((text) => this.#simulated().undefine(text)) },
      fault: {
        read: () => (this.#hypervisor instanceof SimulatedHypervisor ? this.#hypervisor.fault : "none"),
        write: (text) => {
          const fault = SIMULATED_FAULTS.find((word) => word === text.trim());
          if (fault === undefined)
            throw new HandlerError("FAILED", `expected ${SIMULATED_FAULTS.join(", ")}`);
          this.#simulated().setFault(fault);
        },
      },
    };
  }
}
