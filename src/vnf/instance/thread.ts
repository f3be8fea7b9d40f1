// An instance in a worker thread. Holds back also an endless loop, and a JavaScript heap that is full.

import { Worker } from "node:worker_threads";
import type { PlainAttached } from "../link/plain.js";
import type { End, InstanceEvents, InstanceSpec } from "./instance.js";
import { LifeWatch } from "./life.js";
import { type FromInstance, type MayAsk, RemoteInstance, type ToInstance } from "./remote.js";

/** What a worker is started with. */
export interface ThreadData {
  readonly spec: InstanceSpec;
  readonly attached: readonly PlainAttached[];
  /** One word that the thread counts up while it lives. */
  readonly pulse: SharedArrayBuffer;
}

const MAIN = new URL("thread-main.js", import.meta.url);

export class ThreadInstance extends RemoteInstance {
  readonly isolation = "thread";
  readonly pid = process.pid;
  readonly #spec: InstanceSpec;
  readonly #attached: readonly PlainAttached[];
  /** Told when nothing of the thread runs any more. */
  readonly #onGone: () => void;
  #worker: Worker | null = null;
  #gone: Promise<void> = Promise.resolve();
  #watch: LifeWatch | null = null;

  constructor(
    spec: InstanceSpec,
    attached: readonly PlainAttached[],
    events: InstanceEvents,
    may: MayAsk,
    onGone: () => void,
  ) {
    super(spec.name, events, may);
    this.#spec = spec;
    this.#attached = attached;
    this.#onGone = onGone;
  }

  protected launch(): void {
    const pulse = new SharedArrayBuffer(4);
    const workerData: ThreadData = { spec: this.#spec, attached: this.#attached, pulse };
    const worker = new Worker(MAIN, {
      workerData,
      name: this.#spec.name,
      resourceLimits: { maxOldGenerationSizeMb: this.#spec.memory.heap },
      // What a library prints goes where the manager's does.
      stdin: false,
    });
    this.#worker = worker;
    worker.on("message", (message: FromInstance) => this.receive(message));
    worker.on("error", (e) => this.finish(endOfWorker(e, this.#spec)));
    this.#gone = new Promise((resolve) => {
      worker.once("exit", (code) => {
        this.#watch?.end();
        this.#onGone();
        this.finish({ kind: "crashed", message: `its thread ended with ${code}` });
        resolve();
      });
    });
    const beats = new Int32Array(pulse);
    let last = -1;
    this.#watch = new LifeWatch(
      () => {
        const now = Atomics.load(beats, 0);
        // Until its first beat it loads its code.
        const alive = now !== last || now === 0;
        last = now;
        return alive;
      },
      (end) => void this.kill(end),
    );
  }

  protected post(message: ToInstance): void {
    this.#worker?.postMessage(message);
  }

  protected async destroy(): Promise<void> {
    await this.#worker?.terminate();
    await this.#gone;
  }

  protected get gone(): Promise<void> {
    return this.#gone;
  }
}

function endOfWorker(e: Error & { code?: string }, spec: InstanceSpec): End {
  if (e.code === "ERR_WORKER_OUT_OF_MEMORY")
    return { kind: "out-of-memory", message: `its JavaScript heap of ${spec.memory.heap} MB is full` };
  return { kind: "threw", message: `an element threw: ${e.message}` };
}
