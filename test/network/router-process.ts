// A router as its user has it: `sluice run conf/FILE VAR=VALUE ...` in a network namespace, and its handlers over a
// Unix socket, which reaches across namespaces.

import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MAIN } from "../cli/sluice.js";
import { until } from "../until.js";
import type { Network } from "./namespaces.js";

const CONF = fileURLToPath(new URL("../../../conf/", import.meta.url));

export class RouterProcess {
  readonly name: string;
  readonly #network: Network;
  readonly #words: readonly string[];
  #child: ChildProcess;
  /** What it has said on its standard error. */
  said = "";

  /** Starts `conf/FILE` in namespace `name`, with `variables` as its parameters. */
  constructor(network: Network, name: string, file: string, variables: Readonly<Record<string, string>>) {
    this.name = name;
    this.#network = network;
    this.#words = [`${CONF}${file}`, ...Object.entries(variables).map(([k, v]) => `${k}=${v}`)];
    this.#child = this.#start();
  }

  /** The Unix socket that its handlers are at. */
  get socket(): string {
    return join(this.#network.folder, this.name);
  }

  #start(): ChildProcess {
    rmSync(this.socket, { force: true });
    const child = this.#network.start(this.name, process.execPath, [MAIN, "-u", this.socket, ...this.#words]);
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      this.said += text;
      process.stderr.write(`${this.name}: ${text}`);
    });
    return child;
  }

  /** Ends the process as a crash would, and waits until it is gone. */
  async kill(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  /** Starts it again, after `kill`. */
  restart(): void {
    this.#child = this.#start();
  }

  /** Resolves when its handlers can be called: the router runs. */
  async running(): Promise<void> {
    await until(
      () =>
        this.read("version").then(
          () => true,
          () => false,
        ),
      `${this.name} runs`,
    );
  }

  /** What read handler `handler` gives, `arg` its parameter, without white space around it. */
  async read(handler: string, arg = ""): Promise<string> {
    const answer = await this.#request(`READ ${handler} ${arg}`.trim());
    const [, data] = /\r\nDATA \d+\r\n([\s\S]*)$/.exec(answer) ?? [];
    if (data === undefined) throw new Error(`${this.name}: read ${handler}: ${answer}`);
    return data.trim();
  }

  /** The number that a handler gives. */
  async count(handler: string): Promise<number> {
    return Number(await this.read(handler));
  }

  async write(handler: string, value = ""): Promise<void> {
    const answer = await this.#request(`WRITE ${handler} ${value}`.trim());
    if (!/^200 /m.test(answer)) throw new Error(`${this.name}: write ${handler}: ${answer}`);
  }

  #request(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let all = "";
      const socket = connect(this.socket);
      socket.setEncoding("utf8").on("data", (text) => (all += text));
      socket.on("error", reject);
      socket.on("close", () => resolve(all));
      socket.end(`${line}\n`);
    });
  }
}
