import type { AgentHost } from "../../src/cloud/agent/agent-host.js";
import { AGENT_PORT, type AgentMessage, readAgentMessage } from "../../src/cloud/agent/agent-message.js";
import { type AgentCount, AgentServer, type AgentServerHost } from "../../src/cloud/agent/agent-server.js";
import type { AgentKey } from "../../src/cloud/agent/controller.js";
import {
  type GuestStatus,
  HYPERVISOR,
  type Hypervisor,
  HypervisorError,
  type HypervisorStatus,
} from "../../src/cloud/hypervisor.js";
import { SIMULATED_FAULTS, SimulatedHypervisor } from "../../src/cloud/hypervisors/simulated.js";
import { parseGuest, SimulatedTextError } from "../../src/cloud/hypervisors/simulated-options.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { unquote } from "../../src/lang/args/text.js";
import { addKey, KeyError, parseKey } from "../../src/lisp/control/keys.js";
import { RefusalLog } from "../../src/lisp/control/refusal-log.js";
import { addressText, sameAddress } from "../../src/net/address.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { FacilityError } from "../../src/router/facility.js";
import { asHandlerError, type HandlerCode, HandlerError } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { TimerGroup } from "../../src/router/timer-group.js";
import { DatagramChannel } from "../../src/transport/datagram-channel.js";
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

/** Messages whose authentication is looked at in one go, below a millisecond; and that may wait for it. */
const AT_ONCE = 64;
const WAITING_MOST = 1024;

/** A message, and the datagram that it came in. */
interface Received {
  readonly datagram: UdpPacket;
  readonly message: AgentMessage;
}

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
    },
    drops: {
      malformed: "no message of an agent or a controller in a UDP packet, or one that cannot be read",
      elsewhere: "to another address or port",
      bad_auth: "a message that none of the keys made for these ends",
      replay: "a request so old that it may have been answered already",
      full: "a request beyond those that are worked on, or of a controller beyond CONTROLLERS",
      busy: "more messages than are looked at in a while: their authentication takes time",
      stray: "a message that an agent does not take, or of a controller that it does not know",
      no_stream: "a message of a stream that is not expected",
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
      define: { write: true, doc: "has a virtual machine run at a simulated hypervisor" },
      undefine: { write: true, doc: "removes a virtual machine of a simulated hypervisor: its name" },
      fault: { read: true, write: true, doc: "what is wrong with a simulated hypervisor: a word" },
    },
  } as const satisfies ElementSpec;

  readonly #channel = new DatagramChannel(this);
  readonly #timers = new TimerGroup(this);
  readonly #refusals = new RefusalLog(this);
  readonly #task = this.newTask(() => this.#work());
  #waiting: Received[] = [];
  #name = "";
  #addresses: readonly Uint8Array[] = [];
  #port = 0;
  #keys: readonly AgentKey[] = [];
  #guests: readonly string[] = [];
  #controllers = 0;
  #events = 0;
  #hypervisor: Hypervisor | null = null;
  #server: AgentServer | null = null;
  /** What it has last said. */
  #status: HypervisorStatus | null = null;
  #list: readonly GuestStatus[] = [];
  #following = false;
  #unfollow = (): void => {};

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
    this.#keys = this.#readKeys(values, errors);
  }

  #readKeys({ KEY, WATCH_KEY }: ArgValues<typeof args>, errors: ErrorSink): readonly AgentKey[] {
    const keys: AgentKey[] = [];
    const known: AgentKey["key"][] = [];
    const read = (text: string, mayOrder: boolean): void => {
      const key = parseKey(text);
      if (key === null) return;
      addKey(known, key);
      keys.push({ key, mayOrder });
    };
    try {
      for (const text of KEY) read(text, true);
      for (const text of WATCH_KEY) read(text, false);
    } catch (e) {
      if (!(e instanceof KeyError)) throw e;
      errors.error(`KEY: ${e.message}`);
    }
    return keys;
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
    const host = this.#host();
    if (this.#hypervisor instanceof SimulatedHypervisor) this.#hypervisor.attach(host);
    this.#server = new AgentServer(host, {
      hypervisor: this.#hypervisor,
      controllers: this.#controllers,
      events: this.#events,
    });
    for (const text of this.#guests) this.#define(text, errors);
    this.#unfollow = this.#hypervisor.onEvent(() => this.#follow());
    this.#follow();
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

  #host(): AgentServerHost {
    const host: AgentHost = {
      clock: this.router.clock,
      addresses: this.#addresses,
      port: this.#port,
      timer: (fire) => this.#timers.timer(fire),
      send: (datagram) => {
        const sent = this.#channel.send(datagram, 0);
        if (!sent) this.#count("no_slot");
        return sent;
      },
      random64: () => (BigInt(this.router.random.u32()) << 32n) | BigInt(this.router.random.u32()),
      log: (line) => this.router.log(`${this.declaration}: ${line}`),
    };
    return {
      ...host,
      keys: this.#keys,
      news: null,
      count: (what) => this.#count(what),
      refused: (sender, reason, text) => this.#refusals.tell(sender, reason, text),
    };
  }

  /** The hypervisor, its virtual machines and what controllers have been told go on, where it is the same one. */
  override takeState(old: Element): void {
    if (!(old instanceof HypervisorAgent) || old.#server === null || old.#name !== this.#name) return;
    const { hypervisor } = old.#server;
    this.#unfollow();
    this.#server?.close();
    this.#hypervisor?.close();
    this.#server = old.#server;
    this.#hypervisor = hypervisor;
    old.#unfollow();
    old.#server = null;
    old.#hypervisor = null;
    this.#waiting = old.#waiting;
    if (this.#waiting.length > 0) this.#task.reschedule();
    const host = this.#host();
    if (hypervisor instanceof SimulatedHypervisor) hypervisor.attach(host);
    this.#server.attach(host);
    this.#unfollow = hypervisor.onEvent(() => this.#follow());
    this.#follow();
  }

  override cleanup(): void {
    this.#unfollow();
    this.#server?.close();
    this.#hypervisor?.close();
    this.#server = null;
    this.#hypervisor = null;
  }

  // ---- Messages --------------------------------------------------------------------

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => this.#receive(datagram));
  }

  #receive(datagram: UdpPacket | WireError): void {
    if (datagram instanceof WireError) {
      this.#count("malformed");
      return;
    }
    if (
      datagram.destinationPort !== this.#port ||
      !this.#addresses.some((own) => sameAddress(own, datagram.destination))
    ) {
      this.#count("elsewhere");
      return;
    }
    const message = orNull(() => readAgentMessage(datagram.payload));
    if (message === null) {
      this.#count("malformed");
      return;
    }
    if (this.#waiting.length >= WAITING_MOST) {
      this.#count("busy");
      return;
    }
    this.#waiting.push({ datagram, message });
    this.#task.reschedule();
  }

  #work(): boolean {
    const now = this.#waiting.splice(0, AT_ONCE);
    if (this.#waiting.length > 0) this.#task.reschedule();
    for (const one of now) this.#take(one);
    return now.length > 0;
  }

  #take({ datagram, message }: Received): void {
    const server = this.#server!;
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

  #count(what: AgentCount | keyof typeof HypervisorAgent.spec.drops): void {
    this.memory.add64(this.counterAddress(what), 1);
  }

  // ---- Handlers ----------------------------------------------------------------------

  async #refresh(): Promise<void> {
    if (this.#hypervisor === null) return;
    try {
      this.#status = await this.#hypervisor.status();
      this.#list = await this.#hypervisor.guests();
    } catch (e) {
      throw e instanceof HypervisorError ? new HandlerError("FAILED", e.message) : e;
    }
  }

  /** As `refresh`, for what changes by itself. */
  #follow(): void {
    if (this.#following || this.#hypervisor instanceof SimulatedHypervisor) return;
    this.#following = true;
    this.#refresh()
      .catch((e: Error) => this.router.log(`${this.declaration}: ${e.message}`))
      .then(() => {
        this.#following = false;
      });
  }

  #statusText(): string {
    const status =
      this.#hypervisor instanceof SimulatedHypervisor ? this.#hypervisor.statusNow : this.#status;
    if (status === null) return "";
    const { driver, memory, guests, migrations, mtu } = status;
    return `${driver} ${memory.total} ${memory.free} ${guests.most} ${guests.now} ${migrations} ${mtu}\n`;
  }

  #guestsText(): string {
    const all = this.#hypervisor instanceof SimulatedHypervisor ? this.#hypervisor.models : this.#list;
    return all
      .map(({ name, state, memory, migration, addresses }) =>
        [name, state, memory, migration ?? "-", ...addresses.map(addressText)].join(" "),
      )
      .map((line) => `${line}\n`)
      .join("");
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
      status: { read: () => this.#statusText() },
      guests: { read: () => this.#guestsText() },
      refresh: { write: () => this.#refresh() },
      migrations: { read: () => this.#server?.migrations.text(this.router.clock.now()) ?? "" },
      controllers: { read: () => this.#server?.controllersText() ?? "" },
      pending: { read: () => this.#server?.pending ?? 0 },
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
