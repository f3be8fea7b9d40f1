// One client of a ControlSocket.

import type { Socket } from "node:net";
import { ControlInput, MAX_DATA } from "./input.js";
import { answer, type ControlHost, GREETING } from "./reply.js";

/** Requests answered before others, and the router, have their turn. */
const AT_ONCE = 16;

export class ControlConnection {
  /** Who answers: a hot swap puts another in its place. */
  host: ControlHost;
  readonly #socket: Socket;
  readonly #input = new ControlInput();
  /** Called once when the connection is over. */
  onClose: () => void = () => {};
  #running = false;
  #over = false;

  readonly number: number;

  constructor(socket: Socket, host: ControlHost, number: number) {
    this.number = number;
    this.#socket = socket;
    this.host = host;
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      if (this.#over) return;
      this.#input.feed(String(text));
      // No more is read than is needed: what the client sends waits on its side.
      if (this.#running && this.#input.held > MAX_DATA) socket.pause();
      this.#run();
    });
    socket.on("end", () => {
      this.#input.end();
      this.#run();
    });
    socket.on("drain", () => this.#run());
    // What is wrong with a connection is the client's affair.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#over = true;
      this.onClose();
    });
    this.#send(GREETING);
  }

  /** Sends what is still to be sent, as far as that goes without waiting, and closes. */
  close(): void {
    this.#over = true;
    this.#socket.end();
    // A client that does not read must not keep the program from ending.
    this.#socket.unref();
  }

  #send(text: string): void {
    if (!this.#socket.destroyed && this.#socket.writable) this.#socket.write(text, "latin1");
  }

  #run(): void {
    if (this.#running || this.#over) return;
    this.#running = true;
    this.#answerAll()
      .catch(() => this.#socket.destroy())
      .finally(() => {
        this.#running = false;
      });
  }

  /** Answers requests while there are some, and the client reads the answers. */
  async #answerAll(): Promise<void> {
    for (let n = 1; !this.#over; n++) {
      // A client that does not read gets no further answers: 'drain' goes on.
      if (this.#socket.writableNeedDrain) {
        this.#socket.pause();
        return;
      }
      const request = this.#input.next();
      if (request === null) break;
      if (request.kind === "http") {
        // What a web page lets a browser send here ends unread.
        this.host.refused();
        this.#socket.destroy();
        return;
      }
      this.#send(await answer(request, this.host));
      if (request.kind === "quit" || (request.kind === "error" && request.fatal)) {
        this.#finish();
        return;
      }
      if (n % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (this.#over) return;
    if (this.#input.ended) this.#finish();
    else this.#socket.resume();
  }

  #finish(): void {
    this.#over = true;
    this.#socket.resume();
    this.#socket.end(() => this.#socket.destroySoon());
  }
}
