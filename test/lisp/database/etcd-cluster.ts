// etcd clusters of the tests' own, on loopback: ports and folders of their own, gone when the test ends, however it ends.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EtcdClient, type EtcdHost } from "../../../src/store/etcd-client.js";
import { atEnd } from "../../outside.js";
import { freePorts } from "../../ports.js";

/** Why there can be no cluster; null when there can. */
export function etcdMissing(): string | null {
  return spawnSync("etcd", ["--version"]).error === undefined ? null : "needs the program etcd (etcd-server)";
}

interface Member {
  readonly name: string;
  readonly client: EtcdHost;
  readonly peer: EtcdHost;
  process: ChildProcess | null;
}

export interface ClusterOptions {
  /** Before each command line, to run it elsewhere. */
  readonly inside?: readonly string[];
  /** First of the ports, two a member; without it some that are free. */
  readonly ports?: number;
}

export class EtcdCluster {
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-etcd-"));
  readonly #members: readonly Member[];
  readonly #inside: readonly string[];
  readonly #left: () => void;

  /** A cluster of `size` members that all answer. */
  static async start(size: number, options: ClusterOptions = {}): Promise<EtcdCluster> {
    const { ports } = options;
    const free =
      ports === undefined ? await freePorts(2 * size) : Array.from({ length: 2 * size }, (_, i) => ports + i);
    const cluster = new EtcdCluster(free, options.inside ?? []);
    for (const member of cluster.#members) cluster.#start(member);
    if (options.inside === undefined) await cluster.ready();
    return cluster;
  }

  private constructor(ports: readonly number[], inside: readonly string[]) {
    this.#inside = inside;
    const host = "127.0.0.1";
    this.#members = Array.from({ length: ports.length / 2 }, (_, i) => ({
      name: `m${i}`,
      client: { host, port: ports[2 * i] },
      peer: { host, port: ports[2 * i + 1] },
      process: null,
    }));
    this.#left = atEnd(() => this.#end());
  }

  get hosts(): readonly EtcdHost[] {
    return this.#members.map((m) => m.client);
  }

  /** As a STORE has them. */
  get hostsText(): string {
    return this.hosts.map(({ host, port }) => `${host}:${port}`).join(",");
  }

  /** Waits until every member that runs answers what needs a leader. */
  async ready(): Promise<void> {
    for (const { client, process } of this.#members) if (process !== null) await answers(client);
  }

  /** kill -9. */
  async kill(index: number): Promise<void> {
    const member = this.#members[index];
    const child = member.process!;
    const over = new Promise((done) => child.once("exit", done));
    member.process = null;
    child.kill("SIGKILL");
    await over;
  }

  /** Starts a member that was killed again, with what it has on disk. */
  restart(index: number): void {
    this.#start(this.#members[index]);
  }

  /** Which member leads; -1: none. */
  async leader(): Promise<number> {
    const client = new EtcdClient(this.hosts);
    try {
      const ids = await Promise.all(
        this.hosts.map((h) =>
          client.ask(h, "/v3/maintenance/status", {}).then(
            (s) => s as { readonly header: { readonly member_id: string }; readonly leader?: string },
            () => null,
          ),
        ),
      );
      return ids.findIndex((s) => s !== null && s.header.member_id === s.leader);
    } finally {
      client.close();
    }
  }

  /** Ends all members and removes what they wrote. */
  async close(): Promise<void> {
    const running = this.#members.flatMap((m, i) => (m.process === null ? [] : [i]));
    // One that is still ending could write into the folder while it is being removed.
    await Promise.all(running.map((i) => this.kill(i)));
    this.#end();
    this.#left();
  }

  #start(member: Member): void {
    const url = ({ host, port }: EtcdHost): string => `http://${host}:${port}`;
    const all = this.#members.map((m) => `${m.name}=${url(m.peer)}`).join(",");
    const [program, ...words] = [...this.#inside, "etcd"];
    member.process = spawn(
      program,
      [
        ...words,
        ...["--name", member.name, "--data-dir", join(this.#folder, member.name)],
        ...["--listen-client-urls", url(member.client), "--advertise-client-urls", url(member.client)],
        ...["--listen-peer-urls", url(member.peer), "--initial-advertise-peer-urls", url(member.peer)],
        // Whoever leads must be heard of in that time, on a busy machine, too.
        ...["--heartbeat-interval", "200", "--election-timeout", "2000"],
        ...["--initial-cluster", all, "--initial-cluster-state", "new"],
        ...[
          "--auto-compaction-mode",
          "revision",
          "--auto-compaction-retention",
          "10000",
          "--log-level",
          "error",
        ],
      ],
      { stdio: "ignore" },
    );
  }

  #end(): void {
    for (const member of this.#members) {
      member.process?.kill("SIGKILL");
      member.process = null;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function answers(host: EtcdHost): Promise<void> {
  const client = new EtcdClient([host]);
  const deadline = performance.now() + 60_000;
  try {
    for (;;) {
      try {
        await client.ask(host, "/v3/kv/range", { key: "AA==" });
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await new Promise((later) => setTimeout(later, 50));
      }
    }
  } finally {
    client.close();
  }
}
