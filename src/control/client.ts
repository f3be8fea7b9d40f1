// A client of a running router's ControlSocket: Click's protocol, version 1.x.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { systemError } from "../router/system-error.js";
import { CodedError, SluiceError } from "../sluice-error.js";

/** Characters of an answer's line, and of its data, that are taken. */
const LINE_MAX = 65_536;
const DATA_MAX = 64 * 2 ** 20;

const GREETING = /^Click::ControlSocket\/1\./;

/** Where a ControlSocket listens. */
export type ControlAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** Reads `HOST:PORT` (`[HOST]:PORT` where the host has colons) or the path of a Unix socket. Throws ControlError. */
export function parseControlAddress(text: string): ControlAddress {
  const tcp = /^(?:\[([^\]/]+)\]|([^:/]*)):(\d{1,5})$/.exec(text);
  if (tcp === null) {
    if (text === "") throw new ControlError("a ControlSocket is HOST:PORT or the path of a Unix socket");
    return { path: text };
  }
  const port = Number(tcp[3]);
  if (port < 1 || port > 65535) throw new ControlError(`there is no port ${tcp[3]}`);
  return { host: tcp[1] ?? (tcp[2] || "localhost"), port };
}

/** No such address, nobody there, or an answer that is not of the protocol. */
export class ControlError extends SluiceError {
  readonly code = "CONTROL";
}

/** The router's answer to a request that failed: its lines. */
export class ControlRefusal extends CodedError<number> {
  /** As Click has them: 510 no such element, 511 no such handler, 590 the handler failed. */
  declare readonly code: number;
}

/** One connection; requests are to be made one after another. */
export class ControlClient {
  readonly #socket: Socket;
  readonly #shown: string;
  #text = "";
  #failure: ControlError | null = null;
  /** Called when more has arrived, or nothing more will. */
  #wake: () => void = () => {};

  private constructor(socket: Socket, shown: string, seconds: number) {
    this.#socket = socket;
    this.#shown = shown;
    const fail = (what: string): void => {
      this.#failure ??= new ControlError(`${shown}: ${what}`);
      socket.destroy();
      this.#wake();
    };
    socket.setEncoding("latin1").setTimeout(seconds * 1000);
    socket.on("data", (text) => {
      this.#text += text;
      this.#wake();
    });
    socket.on("timeout", () => fail(`no answer within ${seconds} seconds`));
    socket.on("error", (e) => fail(systemError(e)));
    socket.on("end", () => fail("the connection was closed"));
  }

  /**
   * Connects. `shown`: the address as the user gave it; `seconds`: how long to wait for the router to say something.
   * Rejects with ControlError.
   */
  static async open(address: ControlAddress, shown: string, seconds: number): Promise<ControlClient> {
    const socket = connect(address);
    const client = new ControlClient(socket, shown, seconds);
    const failed = once(socket, "close").catch(() => {});
    await Promise.race([once(socket, "connect").catch(() => {}), failed]);
    const greeting = await client.#line();
    if (!GREETING.test(greeting)) {
      client.close();
      throw new ControlError(`${shown}: no ControlSocket: it begins with ‘${printable(greeting)}’`);
    }
    return client;
  }

  /** Reads a handler with its parameters. Rejects with ControlRefusal when the router refuses, else with ControlError. */
  async read(handler: string, parameters = ""): Promise<string> {
    this.#socket.write(`READ ${handler} ${parameters}`.trimEnd().concat("\r\n"), "latin1");
    const lines: string[] = [];
    let code = 0;
    for (let more = true; more; ) {
      const [, number, hyphen, message] = /^(\d{3})([ -])(.*)$/.exec(await this.#line()) ?? this.#strange();
      code = Number(number);
      more = hyphen === "-";
      lines.push(message);
    }
    if (code < 200 || code > 299) throw new ControlRefusal(code, lines.join("\n"));
    const [, length] = /^DATA (\d{1,9})$/.exec(await this.#line()) ?? this.#strange();
    return this.#bytes(Number(length));
  }

  close(): void {
    this.#socket.destroy();
  }

  #strange(): never {
    this.close();
    throw new ControlError(`${this.#shown}: an answer that is not of Click's protocol`);
  }

  async #line(): Promise<string> {
    let end = this.#text.indexOf("\n");
    for (; end < 0; end = this.#text.indexOf("\n")) {
      if (this.#text.length > LINE_MAX) this.#strange();
      await this.#more();
    }
    const line = this.#text.slice(0, end).replace(/\r$/, "");
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  async #bytes(count: number): Promise<string> {
    if (count > DATA_MAX) this.#strange();
    while (this.#text.length < count) await this.#more();
    const bytes = this.#text.slice(0, count);
    this.#text = this.#text.slice(count);
    return bytes;
  }

  async #more(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** The beginning of a stranger's line, fit for a terminal. */
function printable(line: string): string {
  return line.slice(0, 60).replace(/[^ -~]/g, "?");
}
