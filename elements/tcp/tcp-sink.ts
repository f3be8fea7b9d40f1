import type { ArgValues } from "../../src/lang/args/spec.js";
import type { ErrorSink } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { TcpConnection } from "../../src/transport/tcp/connection.js";
import { streamErrors } from "../../src/transport/tcp/stream.js";
import type { TcpHeader } from "../../src/wire/tcp.js";
import { TCP_ARGS, TCP_COUNTERS, TCP_DROPS, TCP_HANDLERS, TCPHost } from "./tcp-host.js";

const args = {
  ADDR: { type: "address", positional: true, required: true, doc: "own address, IPv4 or IPv6" },
  PORT: { type: "ip_port", protocol: 6, positional: true, required: true, doc: "port that it listens on" },
  CHECK: { type: "bool", default: "true", doc: "compare what comes with TCPSource's stream of SEED" },
  CONNECTIONS: {
    type: "unsigned",
    default: "1024",
    min: 1,
    max: 65536,
    doc: "connections at a time; further ones are not answered",
  },
  BACKLOG: {
    type: "unsigned",
    default: "128",
    min: 1,
    max: 65536,
    doc: "of these, connections whose handshake is not done; one more takes the place of the oldest",
  },
  REFUSE: {
    type: "bool",
    default: "false",
    doc: "answer segments for other ports of ADDR with a RST, as a host does, rather than pass them on",
  },
  ...TCP_ARGS,
} as const;

/**
 * Listens on a TCP port, takes what comes, checks and counts it, and closes a connection when the other end does.
 *
 * With CHECK every byte is compared with what TCPSource sends at its position; `wrong` counts those that differ.
 *
 * The destination and header annotations are set. Packets for other hosts or ports leave on output 1.
 *
 * @input 0 IP packets for this host
 * @output 0 segments
 * @output 1 packets that are none of its (optional)
 * @example source :: TCPSource(fd00::1, 40000, fd00::2, 5001, BYTES 100000) -> TCPSink(fd00::2, 5001) -> source
 * @see TCPSource
 */
export class TCPSink extends TCPHost {
  static readonly spec = {
    ports: "1/1-2",
    processing: "h/h",
    args,
    counters: TCP_COUNTERS,
    drops: {
      ...TCP_DROPS,
      full: "SYNs for more connections than CONNECTIONS",
      backlog: "connections given up, their handshake not done, for others to come",
    },
    handlers: {
      ...TCP_HANDLERS,
      wrong: { read: true, doc: "bytes that were not those of the stream" },
      accepted: { read: true, doc: "connections whose handshake was done" },
      finished: { read: true, doc: "connections that both ends have closed" },
    },
  } as const satisfies ElementSpec;

  #port = 0;
  #check = true;
  #refuse = false;
  #most = 0;
  #backlog = 0;
  /** Connections whose handshake is not done, oldest first. */
  readonly #opening = new Set<TcpConnection>();
  #wrong = 0;
  #accepted = 0;
  #finished = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.configureHost(values.ADDR, values, errors);
    this.#port = values.PORT;
    this.#check = values.CHECK;
    this.#refuse = values.REFUSE;
    this.#most = values.CONNECTIONS;
    this.#backlog = Math.min(values.BACKLOG, values.CONNECTIONS);
  }

  protected hasPort(port: number): boolean {
    return port === this.#port;
  }

  protected override get refusesOthers(): boolean {
    return this.#refuse;
  }

  protected accept(header: TcpHeader, remote: number): TcpConnection | null {
    if (this.#opening.size >= this.#backlog) {
      const [oldest] = this.#opening;
      this.memory.add64(this.counterAddress("backlog"), 1);
      oldest.forget();
    }
    const ends = {
      local: this.local,
      localPort: this.#port,
      remote: this.addressCopy(remote),
      remotePort: header.sourcePort,
    };
    const connection = new TcpConnection(this, this.options, ends);
    this.#opening.add(connection);
    return connection;
  }

  /** A connection more than there may be is not answered: the other end tries again. */
  protected override get full(): boolean {
    if (this.table.size < this.#most) return false;
    this.memory.add64(this.counterAddress("full"), 1);
    return true;
  }

  changed(connection: TcpConnection): void {
    const { state } = connection;
    if (state === "established") {
      this.#opening.delete(connection);
      this.#accepted++;
      this.log.begin(this.now());
    } else if (state === "close-wait") connection.close();
    else if (state === "closed") {
      if (connection.ended === "done") this.#finished++;
      // What never was a connection is not told of.
      if (this.#opening.delete(connection)) this.table.remove(connection);
      else this.retire(connection);
    }
  }

  deliver(_connection: TcpConnection, address: number, offset: number, length: number): void {
    this.log.add(length, this.now());
    if (this.#check) this.#wrong += streamErrors(this.memory.view, address, this.seed, offset, length);
  }

  acknowledged(): void {}

  override handlers(): Record<string, HandlerCode> {
    return {
      ...super.handlers(),
      wrong: { read: () => this.#wrong },
      accepted: { read: () => this.#accepted },
      finished: { read: () => this.#finished },
    };
  }
}
