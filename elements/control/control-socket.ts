import { existsSync, fstatSync } from "node:fs";
import { type AddressInfo, createServer, type Server, Socket } from "node:net";
import { dirname } from "node:path";
import { ControlConnection } from "../../src/control/connection.js";
import type { ControlHost } from "../../src/control/reply.js";
import { removeStaleSocket } from "../../src/control/stale-socket.js";
import { parseValue } from "../../src/lang/args/parse.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { addressText } from "../../src/net/address.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { ErrorContext } from "../../src/router/errors.js";
import type { HandlerCode } from "../../src/router/handler.js";
import type { ElementSpec, HandlerSpec } from "../../src/router/spec.js";
import { systemError } from "../../src/router/system-error.js";
import type { Timer } from "../../src/router/timer.js";

const args = {
  TYPE: { type: "string", positional: true, required: true, doc: "TCP, UNIX or SOCKET" },
  WHERE: {
    type: "any",
    positional: true,
    doc: "a port number, or a first port to try ('8000+'); a file; an open descriptor",
  },
  PORT: { type: "any", doc: "the same, for TCP" },
  FILENAME: { type: "any", doc: "the same, for UNIX" },
  FD: { type: "any", doc: "the same, for SOCKET" },
  READONLY: { type: "bool", default: "false", doc: "refuse to write handlers" },
  PROXY: { type: "element", doc: "an element that has the handlers in the router's stead" },
  VERBOSE: { type: "bool", default: "false", doc: "report connections" },
  RETRIES: { type: "int", default: "0", doc: "times to try again, each second, when it cannot listen" },
  RETRY_WARNINGS: { type: "bool", default: "true", doc: "report each try that fails" },
  LOCALHOST: {
    type: "bool",
    default: "false",
    doc: "take connections from this host only: ADDRESS 127.0.0.1",
  },
  ADDRESS: {
    type: "address",
    doc: "the address of this host that TCP connections come to, IPv4 or IPv6 (`::`: any of both); default: any IPv4 address",
  },
} as const;

/** Ports that `PORT+` tries. */
const PORTS_TRIED = 12;
/** Clients served at a time; further ones are turned away. */
const MAX_CONNECTIONS = 256;
/** Longest path of a Unix socket (sun_path of Linux, with its final zero). */
const LONGEST_PATH = 107;
const SECOND = 1e9;
const LOOPBACK = "127.0.0.1";
const ANY_ADDRESS = "0.0.0.0";

type Kind = "TCP" | "UNIX" | "SOCKET";

/**
 * Lets other programs read and write the router's handlers, over TCP, a Unix socket, or a descriptor that is open.
 *
 * The protocol is Click's ControlSocket/1.3. Requests are lines; each is answered by lines that begin with a code
 * (200 for success, 5xx for failure), and read data follow a line `DATA length`:
 *
 *     READ handler [arg...]        read a handler
 *     READDATA handler length      the same; its parameters are the bytes that follow the line
 *     READUNTIL handler line       the same; its parameters are the lines that follow, up to that line
 *     WRITE, WRITEDATA, WRITEUNTIL write a handler, likewise
 *     CHECKREAD, CHECKWRITE        say whether a handler is there
 *     HELP, QUIT                   list the requests; close the connection
 *
 * Handlers are named `element.handler`, `NUMBER.handler` (elements count from 1), or `handler` for those of the
 * router. Connections survive a hot swap when the new configuration has a ControlSocket of the same name at the
 * same place. Lines may have 64 KiB, the data of a request 16 MiB.
 *
 * Who can connect can do all that the router can: over TCP that is, as in Click, any host that reaches this one, unless
 * LOCALHOST or ADDRESS (not in Click) says otherwise. A connection that speaks HTTP is closed at once: a web page may
 * have a browser on this host send it.
 *
 * @example ControlSocket(TCP, 7777+, LOCALHOST true)
 * @see Script
 */
export class ControlSocket extends Element implements ControlHost {
  static readonly spec = {
    ports: "0/0",
    args,
    handlers: { port: { read: true, doc: "the port it listens on (TCP), 0 otherwise" } },
  } as const satisfies ElementSpec;

  #kind: Kind = "TCP";
  /** Port, path or descriptor as it is configured. */
  #asked = "";
  /** The same, but a port that was found in place of `8000+` or 0. */
  #where = "";
  #server: Server | null = null;
  #connections = new Set<ControlConnection>();
  #count = 0;
  #retries = 0;
  #retryWarnings = true;
  #verbose = false;
  /** For TCP: where it listens. */
  #address = ANY_ADDRESS;
  #warned = false;
  readOnly = false;
  proxy: Element | null = null;
  readonly #retry: Timer = this.newTimer(() => void this.#tryAgain());
  #closed = false;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.readOnly = values.READONLY;
    this.proxy = (values.PROXY as Element | undefined) ?? null;
    this.#verbose = values.VERBOSE;
    this.#retries = values.RETRIES;
    this.#retryWarnings = values.RETRY_WARNINGS;
    const kind = values.TYPE.toUpperCase();
    const names = { TCP: "PORT", UNIX: "FILENAME", SOCKET: "FD" } as const;
    if (kind !== "TCP" && kind !== "UNIX" && kind !== "SOCKET") {
      errors.error(`unknown socket type '${kind}'`);
      return;
    }
    this.#kind = kind;
    if (values.LOCALHOST) this.#address = LOOPBACK;
    if (values.ADDRESS !== undefined) {
      if (kind !== "TCP") errors.error("ADDRESS is for TCP");
      else if (values.LOCALHOST) errors.error("LOCALHOST and ADDRESS exclude each other");
      else this.#address = addressText(values.ADDRESS);
    }
    const name = names[kind];
    const where = values[name] ?? values.WHERE;
    if (where === undefined) errors.error(`${name}: required argument missing`);
    else if (kind === "TCP") this.#readPort(where, errors);
    else if (kind === "UNIX") this.#readPath(where, errors);
    else {
      const fd = parseValue(where, { type: "int", min: 0 }, this.graph.argContext(this));
      if ("error" in fd) errors.error(`FD: ${fd.error}`);
      else this.#where = String(fd.value);
    }
    this.#asked = this.#where;
  }

  #readPort(text: string, errors: ErrorSink): void {
    const upward = text.endsWith("+");
    const plain = upward ? text.slice(0, -1) : text;
    const port = parseValue(plain, { type: "ip_port", protocol: 6 }, this.graph.argContext(this));
    if ("error" in port || (upward && port.value === 0)) errors.error("PORT requires TCP port");
    else this.#where = `${port.value}${upward ? "+" : ""}`;
  }

  #readPath(text: string, errors: ErrorSink): void {
    const path = parseValue(text, { type: "filename" }, this.graph.argContext(this));
    if ("error" in path) errors.error(`FILENAME: ${path.error}`);
    else if (path.value.length > LONGEST_PATH) errors.error("filename too long");
    else this.#where = path.value;
  }

  override async initialize(errors: ErrorSink): Promise<void> {
    // What the one before holds open is taken over when the swap is certain.
    if (this.#predecessor() !== null || this.#moved() !== null) return;
    const failed = await this.#open();
    if (failed === null) return;
    if (this.#retries <= 0) errors.error(failed);
    else this.#postpone(failed, (message) => errors.warning(message));
  }

  /** The one before, where what it has open is what this one wants. */
  #predecessor(): ControlSocket | null {
    const old = this.#former();
    return old !== null && old.#address === this.#address ? old : null;
  }

  /** The one before, where it has our port on another address: it must let go before we can have it. */
  #moved(): ControlSocket | null {
    const old = this.#former();
    return old !== null && old.#address !== this.#address ? old : null;
  }

  #former(): ControlSocket | null {
    const old = this.hotswapElement;
    if (!(old instanceof ControlSocket) || old.#kind !== this.#kind) return null;
    const same = this.#asked === old.#asked || this.#asked === old.#where;
    return same || (this.#kind === "TCP" && this.#asked.endsWith("+")) ? old : null;
  }

  override takeState(old: Element): void {
    if (!(old instanceof ControlSocket)) return;
    if (this.#moved() !== null) {
      old.#server?.close();
      old.#server = null;
      this.#retry.scheduleAfter(0);
    }
    if (this.#predecessor() === null) return;
    this.#where = old.#where;
    this.#server = old.#server;
    this.#connections = old.#connections;
    this.#count = old.#count;
    old.#server = null;
    old.#connections = new Set();
    if (this.#server !== null) this.#listenTo(this.#server);
    for (const connection of this.#connections) this.#adopt(connection);
    if (this.#server === null && this.#kind !== "SOCKET") this.#retry.scheduleAfter(0);
  }

  override cleanup(): void {
    this.#closed = true;
    this.#server?.close();
    this.#server = null;
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }

  // ---- Listening ---------------------------------------------------------------

  /** Opens what it listens on; null, or what the system says against it. */
  async #open(): Promise<string | null> {
    if (this.#kind === "SOCKET") return this.#openDescriptor(Number(this.#where));
    if (this.#kind === "UNIX") return this.#openPath(this.#where);
    const first = Number.parseInt(this.#where, 10);
    const last = this.#where.endsWith("+") ? Math.min(first + PORTS_TRIED - 1, 65534) : first;
    let failed: string | null = null;
    for (let port = first; port <= Math.max(first, last); port++) {
      const error = await this.#listen({ port, host: this.#address });
      failed = error === null ? null : `bind: ${systemError(error)}`;
      if (failed === null) break;
    }
    return failed;
  }

  /** A file that a killed program left there is taken over. */
  async #openPath(path: string): Promise<string | null> {
    let failed = await this.#listen({ path });
    let why: string | null = null;
    if ((failed as NodeJS.ErrnoException | null)?.code === "EADDRINUSE") {
      why = await removeStaleSocket(path).catch((e) => systemError(e));
      if (why === null) failed = await this.#listen({ path });
    }
    if (failed === null) return null;
    // Node says of a missing folder that it may not be written to.
    const what = existsSync(dirname(path)) ? systemError(failed) : "No such file or directory";
    return `bind ${path}: ${what}${why === null ? "" : ` (${why})`}`;
  }

  #openDescriptor(fd: number): string | null {
    try {
      if (!fstatSync(fd).isSocket()) return `socket ${fd}: Socket operation on non-socket`;
      this.#serve(new Socket({ fd, readable: true, writable: true, allowHalfOpen: true }), "");
      return null;
    } catch (e) {
      return `socket ${fd}: ${systemError(e)}`;
    }
  }

  #listen(options: { path: string } | { port: number; host: string }): Promise<Error | null> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    return new Promise((resolve) => {
      server.once("error", resolve);
      server.listen(options, () => {
        if (this.#closed) {
          server.close();
          return resolve(null);
        }
        if ("port" in options) this.#where = String((server.address() as AddressInfo).port);
        this.#server = server;
        this.#listenTo(server);
        resolve(null);
      });
    });
  }

  #listenTo(server: Server): void {
    server.removeAllListeners("connection").removeAllListeners("error");
    server.on("error", (e) => this.router.log(`${this.declaration}: accept: ${systemError(e)}`));
    server.on("connection", (socket) => {
      const { remoteAddress, remotePort } = socket;
      this.#serve(socket, remoteAddress === undefined ? "" : ` from ${remoteAddress}.${remotePort}`);
    });
  }

  /** Waits a second before it tries to listen again. */
  #postpone(failed: string, warn: (message: string) => void): void {
    if (this.#retryWarnings)
      warn(`${failed} (${this.#retries} ${this.#retries === 1 ? "try" : "tries"} left)`);
    this.#retry.scheduleAfter(SECOND);
  }

  async #tryAgain(): Promise<void> {
    if (this.#server !== null || this.#closed) return;
    this.#retries--;
    const failed = await this.#open();
    if (failed === null || this.#closed) return;
    const context = new ErrorContext(null, (line) => this.router.log(line));
    if (this.#retries > 0) {
      this.#postpone(failed, (message) => context.warning(message));
      return;
    }
    context.error(failed);
    this.router.stop();
  }

  // ---- Clients -----------------------------------------------------------------

  #serve(socket: Socket, from: string): void {
    if (this.#connections.size >= MAX_CONNECTIONS) {
      socket.destroy();
      return;
    }
    const number = ++this.#count;
    if (this.#verbose) this.router.log(`${this.declaration}: opened connection ${number}${from}`);
    const connection = new ControlConnection(socket, this, number);
    this.#connections.add(connection);
    this.#adopt(connection);
  }

  /** Answers for `connection` from now on. */
  #adopt(connection: ControlConnection): void {
    connection.host = this;
    connection.onClose = () => {
      this.#connections.delete(connection);
      if (this.#verbose && !this.#closed)
        this.router.log(`${this.declaration}: closed connection ${connection.number}`);
    };
  }

  refused(): void {
    if (this.#warned) return;
    this.#warned = true;
    this.router.log(
      `${this.declaration}: warning: closed a connection that speaks HTTP, and will any other: does a web page try to get in?`,
    );
  }

  // ---- Handlers ----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return { port: { read: () => (this.#kind === "TCP" ? this.#where : "0") } };
  }

  override moreHandlers(): Record<string, readonly [HandlerSpec, HandlerCode]> {
    if (this.#kind !== "UNIX") return {};
    return { filename: [{ doc: "the file of its socket", read: true }, { read: () => this.#where }] };
  }
}
