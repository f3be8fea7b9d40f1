// Network namespaces for tests that need root: made with names of their own, and removed whatever happens.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { deleteNamespace } from "../network/namespaces.js";
import { atEnd, ledger } from "../outside.js";

let made = 0;

/** The namespaces and processes of one test. */
export class Lab {
  readonly #prefix = `sl${process.pid}x${made++}`;
  readonly #namespaces: string[] = [];
  readonly #children: ChildProcess[] = [];
  readonly #left = atEnd(() => this.#end());

  /** Makes a namespace with IPv6 addresses usable at once, and returns its name. */
  namespace(): string {
    const name = `${this.#prefix}n${this.#namespaces.length}`;
    ledger.note({ kind: "namespace", name });
    this.#namespaces.push(name);
    run("ip", ["netns", "add", name]);
    this.exec(name, "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0");
    this.exec(name, "ip link set lo up");
    return name;
  }

  /** Joins two namespaces with a veth pair, both ends up. */
  veth(ns0: string, if0: string, ns1: string, if1: string): void {
    run("ip", ["link", "add", "name", if0, "netns", ns0, "type", "veth", "peer", "name", if1, "netns", ns1]);
    this.exec(ns0, `ip link set ${if0} up`);
    this.exec(ns1, `ip link set ${if1} up`);
  }

  /** Runs a command of words without spaces in a namespace and returns its output. */
  exec(namespace: string, command: string): string {
    return run("ip", ["netns", "exec", namespace, ...command.split(" ")]);
  }

  /** Starts a Node program in a namespace. */
  node(namespace: string, args: readonly string[]): Program {
    const child = spawn("ip", ["netns", "exec", namespace, process.execPath, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#children.push(child);
    return new Program(child);
  }

  close(): void {
    this.#left();
    this.#end();
  }

  #end(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const name of this.#namespaces) deleteNamespace(name);
  }
}

/** A child that speaks in lines. */
export class Program {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  #lines: string[] = [];
  #rest = "";
  #waiting: (() => void) | null = null;

  constructor(child: ChildProcess) {
    this.child = child;
    this.exit = new Promise((resolve) => child.on("exit", resolve));
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop()!;
      this.#lines.push(...lines);
      this.#waiting?.();
    });
    void this.exit.then(() => this.#waiting?.());
  }

  send(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  /** The next line it prints. Rejects when it ends, or after `seconds` without one. */
  async line(seconds = 60): Promise<string> {
    const until = performance.now() + seconds * 1000;
    while (this.#lines.length === 0) {
      if (this.child.exitCode !== null) throw new Error(`the program ended with ${this.child.exitCode}`);
      const left = until - performance.now();
      if (left <= 0) throw new Error(`the program said nothing for ${seconds} s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#lines.shift()!;
  }
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, {
    encoding: "utf8",
    timeout: 60_000,
    stdio: ["ignore", "pipe", "pipe"],
  });
}
