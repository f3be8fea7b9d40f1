// Networks of the tests' own: namespaces and veth pairs, gone again when the test ends, however it ends.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd, ledger } from "../outside.js";

/** Whether this process may make network namespaces; a reason to skip when it may not. */
export function namespacesRefused(): string | null {
  if (process.getuid?.() !== 0) return "needs root to make network namespaces";
  if (spawnSync("ip", ["-V"]).error !== undefined) return "needs the program ip (iproute2)";
  const probe = `sluice-probe-${process.pid}`;
  const made = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8" });
  if (made.status !== 0) return `cannot make network namespaces: ${made.stderr.trim()}`;
  spawnSync("ip", ["netns", "delete", probe]);
  return null;
}

/** Deletes it if it is there. */
export function deleteNamespace(name: string): void {
  spawnSync("ip", ["netns", "delete", name]);
  if (!existsSync(`/run/netns/${name}`)) ledger.forget({ kind: "namespace", name });
}

/** One network of namespaces. `close` ends its processes and deletes its namespaces (and with them its interfaces). */
export class Network {
  readonly #prefix: string;
  readonly #names = new Set<string>();
  readonly #children = new Set<ChildProcess>();
  /** For what the test and its processes keep; gone with the network. */
  readonly folder: string = mkdtempSync(join(tmpdir(), "sluice-net-"));
  #ports = 0;
  readonly #left: () => void;

  constructor(name: string) {
    this.#prefix = `sl-${name}-${process.pid}-`;
    this.#left = atEnd(() => this.#delete());
  }

  /** Makes namespace `name`, loopback up. */
  namespace(name: string): void {
    ledger.note({ kind: "namespace", name: this.fullName(name) });
    this.#names.add(name);
    execFileSync("ip", ["netns", "add", this.fullName(name)]);
    this.ip(name, "link set lo up");
  }

  /** A veth pair from interface `ifA` in namespace `a` to `ifB` in `b`, both up. `mtu` in bytes. */
  veth(a: string, ifA: string, b: string, ifB: string, mtu = 1500): void {
    const [nsA, nsB] = [this.fullName(a), this.fullName(b)];
    this.#run("ip", [
      "-n",
      nsA,
      "link",
      "add",
      ifA,
      "mtu",
      String(mtu),
      "type",
      "veth",
      "peer",
      "name",
      ifB,
      "mtu",
      String(mtu),
      "netns",
      nsB,
    ]);
    // No IPv6 address by itself on an interface whose addresses a router graph owns; the test adds its own.
    for (const [ns, dev] of [
      [a, ifA],
      [b, ifB],
    ]) {
      this.run(ns, "sysctl", "-qw", `net.ipv6.conf.${dev}.accept_dad=0`, `net.ipv6.conf.${dev}.accept_ra=0`);
      this.ip(ns, `link set ${dev} up`);
    }
  }

  /** Makes namespace `name` an Ethernet switch: what `plug` connects to it is one link. */
  switch(name: string): void {
    this.namespace(name);
    this.ip(name, "link add br0 type bridge mcast_snooping 0");
    this.run(name, "sysctl", "-qw", "net.ipv6.conf.br0.disable_ipv6=1");
    this.ip(name, "link set br0 up");
  }

  /** Connects interface `dev` of namespace `name`, which it makes, to a switch. */
  plug(name: string, dev: string, to: string): void {
    const port = `p${this.#ports++}`;
    this.veth(name, dev, to, port);
    this.run(to, "sysctl", "-qw", `net.ipv6.conf.${port}.disable_ipv6=1`);
    this.ip(to, `link set ${port} master br0`);
  }

  /** Runs `ip WORDS` inside namespace `name`. */
  ip(name: string, words: string): string {
    return this.#run("ip", ["-n", this.fullName(name), ...words.split(" ")]);
  }

  /** Runs a program inside namespace `name` to its end; throws with its output when it fails. */
  run(name: string, program: string, ...words: string[]): string {
    return this.#run("ip", ["netns", "exec", this.fullName(name), program, ...words]);
  }

  /** Starts a program inside namespace `name`. It is ended by `close` at the latest. */
  start(name: string, program: string, words: readonly string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", this.fullName(name), program, ...words], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#children.add(child);
    child.on("close", () => this.#children.delete(child));
    return child;
  }

  /** Ends every process that was started, and deletes the namespaces. */
  async close(): Promise<void> {
    const ends = [...this.#children].map((child) => new Promise((resolve) => child.once("close", resolve)));
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(ends);
    this.#delete();
    this.#left();
  }

  #delete(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const name of this.#names) deleteNamespace(this.fullName(name));
    this.#names.clear();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The name under which the system knows namespace `name` (or a part of one: `$n` stays). */
  fullName(name: string): string {
    return this.#prefix + name;
  }

  #run(program: string, words: readonly string[]): string {
    const { status, stdout, stderr, error } = spawnSync(program, words, {
      encoding: "utf8",
      timeout: 120_000,
    });
    if (error !== undefined) throw error;
    if (status !== 0)
      throw new Error(`${program} ${words.join(" ")} ended with ${status}: ${stderr}${stdout}`);
    return stdout;
  }
}

/** A hook for uvu that says what went wrong, which uvu does not. */
export function saying(run: () => void | Promise<void>): () => Promise<void> {
  return async () => {
    try {
      await run();
    } catch (e) {
      console.error(e);
      throw e;
    }
  };
}

/** Collects what a process prints, and waits for its end. */
export function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let out = "";
  let err = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => (out += text));
  child.stderr?.setEncoding("utf8").on("data", (text) => (err += text));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}
