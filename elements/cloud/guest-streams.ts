import {
  MIGRATION_STREAMS,
  type MigrationStreams,
  STREAM_CREDIT,
  type StreamCarrier,
  type StreamEvents,
} from "../../src/cloud/migration-streams.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { ErrorSink } from "../../src/router/element.js";
import { FacilityError } from "../../src/router/facility.js";
import type { HandlerCode } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";
import { ByteRing } from "../../src/transport/byte-ring.js";
import { TcpConnection } from "../../src/transport/tcp/connection.js";
import type { TcpHeader } from "../../src/wire/tcp.js";
import { TCP_ARGS, TCP_COUNTERS, TCP_DROPS, TCP_HANDLERS, TCPHost } from "../tcp/tcp-host.js";

const { SEED: _, ...TCP } = TCP_ARGS;

const args = {
  ADDR: { type: "address", positional: true, required: true, doc: "own address, IPv4 or IPv6" },
  PORT: {
    type: "ip_port",
    protocol: 6,
    positional: true,
    default: "4345",
    doc: "port that it listens on for streams of other sites",
  },
  HYPERVISOR: {
    type: "string",
    default: "service",
    doc: "whose streams it carries, as the router's world knows it",
  },
  ACTIVE: { type: "bool", default: "true", doc: "carry streams; otherwise what comes leaves on output 1" },
  STREAMS: { type: "unsigned", default: "64", min: 1, max: 1024, doc: "connections at a time" },
  ...TCP,
} as const;

/** First of the ports that connections are opened from (RFC 6335 section 6: dynamic ports). */
const DYNAMIC = 49152;

/** A connection that carries a stream. */
interface Carried {
  readonly number: number;
  readonly connection: TcpConnection;
  /** Bytes that were given to be sent and are not acknowledged; those that came and were not told of. */
  readonly out: ByteRing;
  readonly into: ByteRing;
  /** Its hypervisor hears no more of it. */
  over: boolean;
}

/**
 * Carries the memory of virtual machines from and to other sites, for the hypervisor of an agent: streams over TCP.
 *
 * The hypervisor opens streams to where others of its kind wait, and says what is sent. It stands beside HypervisorAgent
 * in the agent's graph: what the two send goes over the same links. Streams end with a hot swap.
 *
 * The destination and header annotations are set. Packets for other hosts or ports leave on output 1.
 *
 * @input 0 IP packets for this host
 * @output 0 segments
 * @output 1 packets that are none of its (optional)
 * @example streams :: GuestStreams(10.0.0.1, 4345); Idle -> streams -> Discard
 * @see HypervisorAgent, TCPSource
 */
export class GuestStreams extends TCPHost {
  static readonly spec = {
    ports: "1/1-2",
    processing: "h/h",
    args,
    counters: TCP_COUNTERS,
    drops: {
      ...TCP_DROPS,
      full: "SYNs that found too many connections; one whose handshake is not done makes room for them",
    },
    handlers: {
      ...TCP_HANDLERS,
      streams: { read: true, doc: "number of streams that are open" },
    },
  } as const satisfies ElementSpec;

  #active = true;
  #port = 0;
  #most = 0;
  #name = "";
  #streams: MigrationStreams | null = null;
  #events: StreamEvents | null = null;
  #begin: Task | null = null;
  readonly #carried = new Map<TcpConnection, Carried>();
  readonly #byNumber = new Map<number, Carried>();
  /** Connections that others open, their handshake not done, oldest first. */
  readonly #opening = new Set<TcpConnection>();
  /** Ports that connections of ours are opened from. */
  readonly #ports = new Set<number>();
  #nextPort = DYNAMIC + (this.router.random.u32() % (65536 - DYNAMIC));
  #accepted = 0;
  /** Whose bytes are sent. */
  #sending: Carried | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.configureHost(values.ADDR, { ...values, SEED: 0 }, errors);
    // The last word of a migration is short, and its machine stands still until it is there.
    this.options = { ...this.options, eager: true };
    this.#active = values.ACTIVE;
    this.#port = values.PORT;
    this.#most = values.STREAMS;
    this.#name = values.HYPERVISOR;
  }

  override async initialize(errors: ErrorSink): Promise<void> {
    await super.initialize(errors);
    if (!this.#active) return;
    try {
      this.#streams = await this.router.ask(MIGRATION_STREAMS, this.#name);
    } catch (e) {
      if (!(e instanceof FacilityError)) throw e;
      errors.error(e.message);
      return;
    }
    // Once the graph runs: until then the one before has the streams.
    this.#begin = this.newTask(() => {
      this.#events ??= this.#streams!.carry(this.#carrier());
      return true;
    });
    this.#begin.reschedule();
  }

  override cleanup(): void {
    const events = this.#events;
    this.#events = null;
    events?.closed();
    super.cleanup();
  }

  // ---- What the hypervisor asks for ------------------------------------------------

  #carrier(): StreamCarrier {
    return {
      address: this.local,
      port: this.#port,
      open: (number, address, port) => this.#enter(() => this.#open(number, address, port)),
      send: (number, bytes) =>
        this.#about(number, ({ connection, out }) => {
          // What does not fit is more than its credit.
          if (out.put(out.end, bytes, 0, bytes.length)) connection.supply(out.end);
          else connection.abort();
        }),
      finish: (number) => this.#about(number, ({ connection }) => connection.close()),
      abort: (number) =>
        this.#about(number, (carried) => {
          carried.over = true;
          carried.connection.abort();
        }),
    };
  }

  #open(number: number, address: Uint8Array, port: number): void {
    const localPort = this.#freePort();
    if (address.length !== this.local.length || localPort === null) {
      this.#events?.ended(
        number,
        localPort === null ? "too many connections" : "an address of another family",
      );
      return;
    }
    const ends = { local: this.local, localPort, remote: Uint8Array.from(address), remotePort: port };
    const connection = new TcpConnection(this, this.options, ends);
    this.#ports.add(localPort);
    this.table.add(connection);
    this.#carry(number, connection);
    connection.connect();
  }

  #about(number: number, work: (carried: Carried) => void): void {
    const carried = this.#byNumber.get(number);
    if (carried !== undefined) this.#enter(() => work(carried));
  }

  /** From outside of the router's rounds. */
  #enter(work: () => void): void {
    if (this.#events === null || this.router.closed) return;
    this.router.enter();
    try {
      work();
    } finally {
      this.router.leave();
    }
    this.router.driver.wake();
  }

  #freePort(): number | null {
    if (this.table.size >= this.#most) return null;
    // There are more ports than connections.
    do this.#nextPort = this.#nextPort === 65535 ? DYNAMIC : this.#nextPort + 1;
    while (this.hasPort(this.#nextPort));
    return this.#nextPort;
  }

  #carry(number: number, connection: TcpConnection): void {
    const out = new ByteRing(STREAM_CREDIT);
    const into = new ByteRing(2 * this.options.receiveWindow);
    const carried = { number, connection, out, into, over: false };
    this.#carried.set(connection, carried);
    this.#byNumber.set(number, carried);
  }

  // ---- What connections ask for ----------------------------------------------------

  protected hasPort(port: number): boolean {
    return this.#active && (port === this.#port || this.#ports.has(port));
  }

  protected override get full(): boolean {
    if (this.table.size < this.#most) return false;
    this.memory.add64(this.counterAddress("full"), 1);
    const [oldest] = this.#opening;
    oldest?.forget();
    return this.table.size >= this.#most;
  }

  protected accept(header: TcpHeader, remote: number): TcpConnection | null {
    if (header.destinationPort !== this.#port || this.#events === null) return null;
    const connection = new TcpConnection(this, this.options, {
      local: this.local,
      localPort: this.#port,
      remote: this.addressCopy(remote),
      remotePort: header.sourcePort,
    });
    this.#opening.add(connection);
    return connection;
  }

  changed(connection: TcpConnection): void {
    const { state } = connection;
    const carried = this.#carried.get(connection);
    if (state === "established") {
      this.log.begin(this.now());
      if (carried !== undefined) this.#events?.opened(carried.number);
      else if (this.#opening.delete(connection)) {
        const number = ++this.#accepted;
        this.#carry(number, connection);
        this.#events?.accepted(number);
      }
    } else if (state === "close-wait") {
      // Streams are closed as a whole: what this end sends still goes nowhere.
      this.#end(connection, "");
      connection.close();
    } else if (state === "time-wait") this.#end(connection, "");
    else if (state === "closed") {
      this.#end(connection, connection.ended === "done" ? "" : `its connection: ${connection.ended}`);
      this.#forget(connection);
      this.#ports.delete(connection.ends.localPort);
      // What never was a connection is not told of.
      if (this.#opening.delete(connection)) this.table.remove(connection);
      else this.retire(connection);
    }
  }

  #end(connection: TcpConnection, reason: string): void {
    const carried = this.#carried.get(connection);
    if (carried === undefined || carried.over) return;
    this.acknowledged(connection);
    carried.over = true;
    this.#events?.ended(carried.number, reason);
  }

  #forget(connection: TcpConnection): void {
    const carried = this.#carried.get(connection);
    this.#carried.delete(connection);
    if (carried !== undefined) this.#byNumber.delete(carried.number);
  }

  deliver(connection: TcpConnection, address: number, offset: number, length: number): void {
    this.log.add(length, this.now());
    this.#carried.get(connection)?.into.put(offset, this.memory.u8, address, length);
  }

  /** Tells what was acknowledged, and what has come in order. */
  acknowledged(connection: TcpConnection): void {
    const carried = this.#carried.get(connection);
    if (carried === undefined || carried.over) return;
    const { number, out, into } = carried;
    const sent = connection.acknowledged - out.begin;
    if (sent > 0) {
      out.drop(connection.acknowledged);
      this.#events?.sent(number, sent);
    }
    const length = connection.received - into.begin;
    if (length <= 0) return;
    const bytes = new Uint8Array(length);
    into.get(into.begin, length, bytes, 0);
    into.drop(connection.received);
    this.#events?.received(number, bytes);
  }

  override send(connection: TcpConnection, header: TcpHeader, offset: number, length: number): void {
    this.#sending = this.#carried.get(connection) ?? null;
    super.send(connection, header, offset, length);
  }

  protected override writeData(at: number, offset: number, length: number): void {
    this.#sending!.out.get(offset, length, this.memory.u8, at);
  }

  override handlers(): Record<string, HandlerCode> {
    return { ...super.handlers(), streams: { read: () => this.#carried.size } };
  }
}
