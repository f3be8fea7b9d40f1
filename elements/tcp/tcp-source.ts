import { readFileSync } from "node:fs";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";
import { TcpConnection } from "../../src/transport/tcp/connection.js";
import { TCP_ARGS, TCP_COUNTERS, TCP_DROPS, TCP_HANDLERS, TCPHost } from "./tcp-host.js";

/** Connections of one element at most. */
const CONNECTIONS_MOST = 4096;
/** So long after the last connection was closed the router is stopped: its last acknowledgement has left by then, ns. */
const STOP_AFTER = 100e6;
/** How often data are supplied where RATE limits them, ns. */
const SUPPLY_INTERVAL = 10e6;

const args = {
  SRC: { type: "address", positional: true, required: true, doc: "own address, IPv4 or IPv6" },
  SPORT: {
    type: "ip_port",
    protocol: 6,
    positional: true,
    required: true,
    doc: "own port of the first connection; the others count on from it",
  },
  DST: { type: "address", positional: true, required: true, doc: "address to connect to" },
  DPORT: { type: "ip_port", protocol: 6, positional: true, required: true, doc: "port to connect to" },
  BYTES: {
    type: "long",
    default: "-1",
    min: -1,
    doc: "bytes that each connection sends; -1: without end, or as many as FILE has",
  },
  FILE: {
    type: "filename",
    doc: "send this file's bytes, as many as BYTES says, rather than the stream of SEED",
  },
  DURATION: {
    type: "seconds",
    default: "0",
    doc: "how long each connection sends, from its handshake on; 0: without end",
  },
  CONNECTIONS: {
    type: "unsigned",
    default: "1",
    min: 1,
    max: CONNECTIONS_MOST,
    doc: "connections opened, all at once",
  },
  RATE: {
    type: "bandwidth",
    doc: "bytes a second that each connection has to send; default: as much as it can",
  },
  ACTIVE: {
    type: "bool",
    default: "true",
    doc: "open the connections; else when the handler `active` is set",
  },
  STOP: { type: "bool", default: "false", doc: "stop the router when all connections have ended" },
  ...TCP_ARGS,
} as const;

/**
 * Opens TCP connections to an address and sends a stream of bytes through each: bulk traffic that answers to loss and
 * delay as Linux's does.
 *
 * The bytes are those of FILE, or pseudo-random: they follow from SEED and their position, so that TCPSink can check them. When BYTES are
 * sent or DURATION is over a connection is closed. What the other end sends is acknowledged and thrown away.
 *
 * The destination and header annotations are set. Packets for other hosts or ports leave on output 1, so that several
 * elements of one host stand in a row.
 *
 * @input 0 IP packets for this host
 * @output 0 segments
 * @output 1 packets that are none of its (optional)
 * @example source :: TCPSource(10.0.0.1, 40000, 10.0.0.2, 5001, BYTES 100000) -> TCPSink(10.0.0.2, 5001) -> source
 * @see TCPSink, ICMPPingSource
 */
export class TCPSource extends TCPHost {
  static readonly spec = {
    ports: "1/1-2",
    processing: "h/h",
    args,
    counters: TCP_COUNTERS,
    drops: TCP_DROPS,
    handlers: {
      ...TCP_HANDLERS,
      active: {
        read: true,
        write: true,
        checkbox: true,
        doc: "whether the connections were opened; true opens them",
      },
      close: { write: true, button: true, doc: "closes all connections in good order" },
      abort: { write: true, button: true, doc: "ends all connections at once" },
      done: {
        read: true,
        doc: "whether all connections were opened, and closed again by both ends or given up",
      },
      failed: { read: true, doc: "connections that ended otherwise than by closing" },
    },
  } as const satisfies ElementSpec;

  #values: ArgValues<typeof args> | null = null;
  #file: Buffer | null = null;
  /** Bytes that each connection sends; Infinity: without end. */
  #bytes = Number.POSITIVE_INFINITY;
  #active = false;
  #timer: Timer | null = null;
  #stopTimer: Timer | null = null;
  /** Connections that were opened and are not closed by both ends yet, with the bytes of each that were counted. */
  readonly #open = new Map<TcpConnection, number>();
  #failed = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.SRC.length !== values.DST.length) errors.error("SRC and DST are of two families");
    if (values.SPORT + values.CONNECTIONS > 65536)
      errors.error(
        `SPORT and CONNECTIONS: ${values.CONNECTIONS} ports from ${values.SPORT} on are not there`,
      );
    this.configureHost(values.SRC, values, errors);
    this.#values = values;
    this.#file = null;
    if (values.BYTES >= 0) this.#bytes = values.BYTES;
    if (values.FILE !== undefined) this.#readFile(values.FILE, values.BYTES, errors);
  }

  #readFile(file: string, bytes: number, errors: ErrorSink): void {
    try {
      this.#file = readFileSync(file);
    } catch (e) {
      errors.error(`FILE: ${(e as Error).message}`);
      return;
    }
    const { length } = this.#file;
    if (bytes > length) errors.error(`BYTES is ${bytes}, but '${file}' has ${length}`);
    if (bytes < 0) this.#bytes = length;
  }

  protected override writeData(at: number, offset: number, length: number): void {
    if (this.#file === null) super.writeData(at, offset, length);
    else this.#file.copy(this.memory.u8, at, offset, offset + length);
  }

  override initialize(errors: ErrorSink): void {
    void super.initialize(errors);
    this.#timer = this.newTimer(() => this.#run());
    this.#stopTimer = this.newTimer(() => this.router.stop());
    if (this.#values!.ACTIVE) this.#activate();
  }

  /** Opens the connections, unless there are some. */
  #activate(): void {
    if (this.#open.size > 0) return;
    const { SPORT, DST, DPORT, CONNECTIONS } = this.#values!;
    this.#active = true;
    this.#failed = 0;
    // What waits for stray segments still makes room for its successor.
    for (const connection of [...this.table]) connection.forget();
    for (let i = 0; i < CONNECTIONS; i++) {
      const ends = { local: this.local, localPort: SPORT + i, remote: DST, remotePort: DPORT };
      const connection = new TcpConnection(this, this.options, ends);
      this.#open.set(connection, 0);
      this.table.add(connection);
      connection.connect();
    }
  }

  /** Supplies data where RATE limits them, and closes what has lasted its DURATION. */
  #run(): void {
    const { RATE, DURATION } = this.#values!;
    const now = this.now();
    let next = Number.POSITIVE_INFINITY;
    for (const connection of [...this.#open.keys()]) {
      const { establishedAt, closing } = connection;
      if (establishedAt < 0 || closing) continue;
      const end = DURATION > 0 ? establishedAt + DURATION * 1e9 : Number.POSITIVE_INFINITY;
      if (now >= end) {
        connection.close();
        continue;
      }
      next = Math.min(next, end);
      if (RATE === undefined) continue;
      this.#supply(connection, now);
      next = Math.min(next, now + SUPPLY_INTERVAL);
    }
    if (next < Number.POSITIVE_INFINITY) this.#timer!.scheduleAt(next);
  }

  /** Gives a connection what it may send by now, and its end where that is known. */
  #supply(connection: TcpConnection, now: number): void {
    const { RATE } = this.#values!;
    const all = this.#bytes;
    const due = RATE === undefined ? all : Math.floor(((now - connection.establishedAt) / 1e9) * RATE);
    connection.supply(Math.min(all, due));
    if (due >= all && all < Number.POSITIVE_INFINITY) connection.close();
  }

  changed(connection: TcpConnection): void {
    const { state } = connection;
    if (state === "established") {
      const now = this.now();
      this.log.begin(now);
      this.#supply(connection, now);
      const { RATE, DURATION } = this.#values!;
      if (RATE !== undefined || DURATION > 0) this.#timer!.scheduleAfter(0);
    } else if (state === "close-wait") connection.close();
    else if (state === "time-wait") this.#closed(connection);
    else if (state === "closed") {
      if (connection.ended !== "done") this.#failed++;
      this.#closed(connection);
      this.retire(connection);
    }
  }

  #closed(connection: TcpConnection): void {
    this.acknowledged(connection);
    this.#open.delete(connection);
    if (this.#done && this.#values!.STOP) this.#stopTimer!.scheduleAfter(STOP_AFTER);
  }

  acknowledged(connection: TcpConnection): void {
    const before = this.#open.get(connection);
    const { acknowledged } = connection;
    if (before === undefined || acknowledged <= before) return;
    this.log.add(acknowledged - before, this.now());
    this.#open.set(connection, acknowledged);
  }

  deliver(): void {}

  protected accept(): null {
    return null;
  }

  protected hasPort(port: number): boolean {
    const { SPORT, CONNECTIONS } = this.#values!;
    return port >= SPORT && port < SPORT + CONNECTIONS;
  }

  get #done(): boolean {
    return this.#active && this.#open.size === 0;
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      ...super.handlers(),
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          if (active) this.#activate();
        },
      ),
      close: {
        write: () => {
          for (const connection of [...this.table]) connection.close();
        },
      },
      abort: {
        write: () => {
          for (const connection of [...this.table]) connection.abort();
        },
      },
      done: { read: () => this.#done },
      failed: { read: () => this.#failed },
    };
  }
}
