// An instance in the manager's own process. Holds back what its elements throw, and nothing else.

import { ConfigurationError } from "../../lang/diagnostics.js";
import { thrownAt } from "../../router/listeners.js";
import type { Simulation } from "../../router/simulation.js";
import { type HostOptions, InstanceHost } from "./host.js";
import {
  type End,
  type Instance,
  InstanceError,
  type InstanceEvents,
  type InstanceSpec,
} from "./instance.js";
import type { Reply, Request, RequestKind } from "./protocol.js";

export class InlineInstance implements Instance {
  readonly isolation = "inline";
  readonly name: string;
  readonly pid = process.pid;
  readonly #events: InstanceEvents;
  readonly #host: InstanceHost;
  /** Null in real time. */
  readonly #simulation: Simulation | null;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(
    spec: InstanceSpec,
    options: HostOptions,
    events: InstanceEvents,
    simulation: Simulation | null,
  ) {
    this.name = spec.name;
    this.#events = events;
    this.#simulation = simulation;
    this.#host = new InstanceHost(spec, options);
  }

  /** The router itself, for what runs in the same process: tests, benchmarks, embedders. */
  get router(): InstanceHost["router"] {
    return this.#host.router;
  }

  async start(): Promise<void> {
    try {
      await this.#host.start();
    } catch (e) {
      this.#ended = true;
      throw e;
    }
    const { router } = this.#host;
    if (this.#simulation === null) this.#running = this.#drive(router.run(this.#stop.signal));
    else this.#simulation.add(router, (error) => this.#finish(endOf(error)));
  }

  async #drive(running: Promise<void>): Promise<void> {
    try {
      await running;
      this.#finish(endOf(null));
    } catch (e) {
      this.#finish(endOf(e));
    }
  }

  async request<K extends RequestKind>(kind: K, request: Request<K>): Promise<Reply<K>> {
    if (this.#ended) throw new InstanceError("ENDED", `${this.name} does not run`);
    return this.#host.answer(kind, request);
  }

  async stop(): Promise<void> {
    this.#finish({ kind: "stopped", message: "stopped" });
    await this.#running;
  }

  async kill(end: End = { kind: "crashed", message: "killed" }): Promise<void> {
    this.#finish(end);
    await this.#running;
  }

  #finish(end: End): void {
    if (this.#ended) return;
    this.#ended = true;
    // With a reason: the error that there would be without one takes its time, and nobody looks at it.
    this.#stop.abort(end.kind);
    this.#simulation?.remove(this.#host.router);
    this.#host.close(end.kind === "stopped" || end.kind === "exited");
    this.#events.ended(end);
  }
}

/** What it means that a router's run ended, by itself or with an error. */
export function endOf(error: unknown): End {
  if (error === null) return { kind: "exited", message: "its graph stopped the router" };
  const message = error instanceof Error ? error.message : String(error);
  const where = error instanceof ConfigurationError ? "" : thrownAt(error);
  return { kind: "threw", message: `an element threw: ${message}${where}` };
}
