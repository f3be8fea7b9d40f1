// The same cell with the kernel's TCP, in real time: between two network namespaces that are joined by a link of ours in
// a third. Needs root and iproute2.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nodeFlags } from "../../system/processes.js";
import { cellLink, type TcpCell, WINDOW } from "./cell.js";

const PROGRAM = fileURLToPath(new URL("kernel-peer.js", import.meta.url));
/** Milliseconds that programs may take to start, and to end after the cell's time. */
const PATIENCE_MS = 30_000;
const PORT = "5001";
const NETWORK = "10.0.0.0/24";
const SENDER = "10.0.0.1";
const RECEIVER = "10.0.0.2";

const execute = promisify(execFile);

/** Runs a cell with the kernel's TCP and resolves with the bits of data a second that arrived. Rejects with what went wrong. */
export async function runKernelCell(cell: TcpCell, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  const children: ChildProcess[] = [];
  const made: string[] = [];
  const own = `sluice-lab-${process.pid}-${randomBytes(4).toString("hex")}`;
  const [sender, middle, receiver] = ["s", "m", "r"].map((end) => `${own}-${end}`);
  const run = (namespace: string, ...words: string[]): Lines => {
    const command = ["netns", "exec", namespace, process.execPath, ...nodeFlags(), PROGRAM, ...words];
    const child = spawn("ip", command, { stdio: ["pipe", "pipe", "ignore"] });
    children.push(child);
    return new Lines(child, words[0], signal);
  };
  try {
    for (const name of [sender, middle, receiver]) {
      await ip("netns", "add", name);
      made.push(name);
      signal.throwIfAborted();
    }
    await join(sender, middle, "r0", `${SENDER}/24`);
    await join(receiver, middle, "r1", `${RECEIVER}/24`);
    await settings(sender, SENDER, cell);
    await settings(receiver, RECEIVER, cell);
    await run(middle, "link", JSON.stringify(cellLink(cell))).next();
    const server = run(receiver, "serve", RECEIVER, PORT, String(cell.seconds));
    await server.next();
    run(sender, "send", RECEIVER, PORT);
    return (Number(await server.next(cell.seconds * 1000)) * 8) / cell.seconds;
  } finally {
    for (const child of children) child.kill("SIGKILL");
    for (const name of made) await ip("netns", "del", name);
  }
}

/** Joins a host's namespace to the middle one. With one segment at a time nothing on the way is larger than a frame. */
async function join(host: string, middle: string, name: string, address: string): Promise<void> {
  await ip(
    "link",
    "add",
    "name",
    "eth0",
    "netns",
    host,
    "type",
    "veth",
    "peer",
    "name",
    name,
    "netns",
    middle,
  );
  await ip("-n", host, "link", "set", "eth0", "gso_max_segs", "1");
  await ip("-n", middle, "link", "set", name, "up");
  await ip("-n", host, "link", "set", "eth0", "up");
  await ip("-n", host, "addr", "add", address, "dev", "eth0");
}

/**
 * The kernel's defaults may be others, and its buffers too small for the longest paths. The congestion control is the
 * route's: a namespace may only choose from those that are free for all.
 */
async function settings(namespace: string, address: string, { congestion }: TcpCell): Promise<void> {
  const route = [NETWORK, "dev", "eth0", "proto", "kernel", "src", address, "congctl", congestion];
  await ip("-n", namespace, "route", "change", ...route);
  const script = ["tcp_rmem", "tcp_wmem"].map(
    (name) => `echo '4096 131072 ${WINDOW}' > /proc/sys/net/ipv4/${name}`,
  );
  await ip("netns", "exec", namespace, "sh", "-ec", script.join("\n"));
}

async function ip(...words: string[]): Promise<void> {
  await execute("ip", words);
}

/** The lines that a child prints. */
class Lines {
  readonly #what: string;
  readonly #signal: AbortSignal;
  readonly #lines: string[] = [];
  #ended = false;
  #wake: () => void = () => {};

  constructor(child: ChildProcess, what: string, signal: AbortSignal) {
    this.#what = what;
    this.#signal = signal;
    const aborted = (): void => this.#wake();
    signal.addEventListener("abort", aborted);
    createInterface({ input: child.stdout! })
      .on("line", (line) => {
        this.#lines.push(line);
        this.#wake();
      })
      .on("close", () => {
        this.#ended = true;
        signal.removeEventListener("abort", aborted);
        this.#wake();
      });
    child.on("error", () => {});
  }

  /** The next one, which may take `ms` and some patience. Rejects when there is none. */
  async next(ms = 0): Promise<string> {
    const end = performance.now() + ms + PATIENCE_MS;
    while (this.#lines.length === 0) {
      this.#signal.throwIfAborted();
      const left = end - performance.now();
      if (this.#ended || left <= 0)
        throw new Error(`the program that is to ${this.#what} ${this.#ended ? "ended" : "says nothing"}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#lines.shift()!;
  }
}
