// An instance in a process of its own, with root in a network namespace of its own. Holds back also a native crash.

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { nodeFlags, ownNames, processIdentity } from "../../system/processes.js";
import type { ResourceBook } from "../link/pairs.js";
import type { PlainAttached } from "../link/plain.js";
import type { Resource } from "../state/ledger.js";
import type { End, InstanceEvents, InstanceSpec } from "./instance.js";
import { LifeWatch } from "./life.js";
import { type FromInstance, type MayAsk, RemoteInstance, type ToInstance } from "./remote.js";

/** What a process is told first. */
export interface ProcessData {
  readonly spec: InstanceSpec;
  readonly attached: readonly PlainAttached[];
}

export interface ProcessOptions extends MayAsk {
  /** Null: the manager's. */
  readonly namespace: string | null;
  readonly book: ResourceBook;
}

const MAIN = fileURLToPath(new URL("process-main.js", import.meta.url));

export class ProcessInstance extends RemoteInstance {
  readonly isolation = "process";
  readonly #spec: InstanceSpec;
  readonly #attached: readonly PlainAttached[];
  readonly #options: ProcessOptions;
  #child: ChildProcess | null = null;
  #gone: Promise<void> = Promise.resolve();
  /** Something came from it since the last look; until its first message it loads its code. */
  #heard = true;
  #speaks = false;
  #watch: LifeWatch | null = null;
  #full = false;

  constructor(
    spec: InstanceSpec,
    attached: readonly PlainAttached[],
    events: InstanceEvents,
    options: ProcessOptions,
  ) {
    super(spec.name, events, options);
    this.#spec = spec;
    this.#attached = attached;
    this.#options = options;
    this.log = events.log;
  }

  protected readonly log: (line: string) => void;

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  protected launch(): void {
    const { namespace, book } = this.#options;
    const words = [
      process.execPath,
      ...nodeFlags(),
      `--max-old-space-size=${this.#spec.memory.heap}`,
      MAIN,
      this.#spec.name,
    ];
    if (namespace !== null) words.unshift("ip", "netns", "exec", namespace);
    const child = spawn(words[0], words.slice(1), {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      serialization: "advanced",
    });
    this.#child = child;
    // Begun by 'ip', it has that name first; then ours, which is that of the same program.
    const resource: Resource = { kind: "process", ...processIdentity(child.pid ?? 0, ownNames()) };
    if (child.pid !== undefined) book.note(resource);
    this.#gone = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#watch?.end();
        book.forget(resource);
        this.finish(this.#endOf(code, signal));
        resolve();
      });
      child.once("error", (e) => {
        this.finish({ kind: "crashed", message: `its process cannot be started: ${e.message}` });
        if (child.pid === undefined) resolve();
      });
    });
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on("line", (line) => this.#printed(line));
    child.on("message", (message: FromInstance | "pulse") => {
      this.#heard = this.#speaks = true;
      if (message !== "pulse") this.receive(message);
    });
    this.post({ spec: this.#spec, attached: this.#attached } satisfies ProcessData);
    this.#watch = new LifeWatch(
      () => {
        const alive = this.#heard || !this.#speaks;
        this.#heard = false;
        return alive;
      },
      (end) => void this.kill(end),
    );
  }

  #printed(line: string): void {
    if (/JavaScript heap out of memory/.test(line)) this.#full = true;
    this.log(line);
  }

  #endOf(code: number | null, signal: NodeJS.Signals | null): End {
    if (this.#full)
      return {
        kind: "out-of-memory",
        message: `its JavaScript heap of ${this.#spec.memory.heap} MB is full`,
      };
    const how = signal === null ? `ended with ${code}` : `was ended by ${signal}`;
    return { kind: "crashed", message: `its process ${how}` };
  }

  protected post(message: ToInstance | ProcessData): void {
    // A process that has just ended is noticed by its end.
    if (this.#child?.connected) this.#child.send(message, () => {});
  }

  protected async destroy(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#gone;
  }

  protected get gone(): Promise<void> {
    return this.#gone;
  }
}
