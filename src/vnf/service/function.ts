// A network function under management: it is started, watched, started again after it failed, and stopped.

import type { FunctionStatus } from "../../cloud/orchestrator.js";
import type { FunctionDescriptor } from "../descriptor/model.js";
import { type End, type Instance, InstanceError, type InstanceEvents } from "../instance/instance.js";
import type { Reply, Request, RequestKind } from "../instance/protocol.js";
import type { World } from "../world.js";

export type FunctionState = FunctionStatus["state"];

/** What makes the instances of a function. */
export type InstanceMaker = (events: InstanceEvents) => Instance;

/** Told of what happens to functions, in a sentence. */
export type Report = (name: string, kind: "state" | "log", message: string) => void;

export class ManagedFunction {
  readonly name: string;
  descriptor: FunctionDescriptor;
  /** Of the graph that runs; null before the first start. */
  text: string | null = null;
  readonly #world: World;
  readonly #make: InstanceMaker;
  readonly #report: Report;
  #state: FunctionState = "stopped";
  #instance: Instance | null = null;
  /** Starts after a failure, and those in a row without a calm time between. */
  #restarts = 0;
  #row = 0;
  #lastEnd: End | null = null;
  #startedAt = 0;
  #cancelRestart: (() => void) | null = null;
  #cancelCheck: (() => void) | null = null;
  #failedChecks = 0;
  /** How often its watching began anew. */
  #watches = 0;

  constructor(
    name: string,
    descriptor: FunctionDescriptor,
    world: World,
    make: InstanceMaker,
    report: Report,
  ) {
    this.name = name;
    this.descriptor = descriptor;
    this.#world = world;
    this.#make = make;
    this.#report = report;
  }

  get state(): FunctionState {
    return this.#state;
  }
  get restarts(): number {
    return this.#restarts;
  }
  get lastEnd(): End | null {
    return this.#lastEnd;
  }
  /** Seconds since its last start; null while it does not run. */
  get uptime(): number | null {
    return this.#state === "started" ? this.#world.now() - this.#startedAt : null;
  }
  /** Null while it does not run. */
  get instance(): Instance | null {
    return this.#state === "started" ? this.#instance : null;
  }

  /** Starts it. Rejects with ConfigurationError or the system's error, and it has failed then. */
  async start(): Promise<void> {
    try {
      await this.#begin();
    } catch (e) {
      if (this.#state === "failed") {
        this.#lastEnd = endOfStart(e);
        this.#report(this.name, "state", this.#lastEnd.message);
      }
      throw e;
    }
  }

  async #begin(): Promise<void> {
    if (this.#state === "started" || this.#state === "starting") return;
    this.#cancelRestart?.();
    this.#cancelRestart = null;
    this.#state = "starting";
    const events: InstanceEvents = {
      ended: (end) => this.#ended(instance, end),
      log: (line) => this.#report(this.name, "log", line),
    };
    let instance: Instance | null = null;
    try {
      instance = this.#make(events);
      this.#instance = instance;
      await instance.start();
    } catch (e) {
      if (this.#instance === instance) {
        this.#state = "failed";
        this.#instance = null;
      }
      throw e;
    }
    // It may have ended, or been stopped, while it started.
    if (this.#instance !== instance) return;
    this.#state = "started";
    this.#startedAt = this.#world.now();
    this.#report(this.name, "state", "started");
    this.#watch();
  }

  /** Stops it in order; it is not started again by itself. */
  async stop(): Promise<void> {
    const instance = this.#halt();
    if (instance === null) return;
    await instance.stop();
    this.#report(this.name, "state", "stopped");
  }

  /** Ends it as a crash does, for its restart policy to deal with. */
  async crash(): Promise<void> {
    await this.#instance?.kill();
  }

  /** Starts it anew. */
  async heal(cause: string): Promise<void> {
    this.#report(this.name, "state", `healed: ${cause}`);
    await this.#halt()?.stop();
    await this.start();
  }

  async request<K extends RequestKind>(kind: K, request: Request<K>): Promise<Reply<K>> {
    if (this.instance === null) {
      const why = this.#lastEnd === null ? "" : `; it ended last: ${this.#lastEnd.message}`;
      throw new InstanceError("ENDED", `${this.name} does not run (${this.#state}${why})`);
    }
    return this.instance.request(kind, request);
  }

  /** It runs no more, on purpose. */
  #halt(): Instance | null {
    this.#cancelRestart?.();
    this.#cancelCheck?.();
    this.#cancelRestart = this.#cancelCheck = null;
    this.#state = "stopped";
    const instance = this.#instance;
    this.#instance = null;
    return instance;
  }

  #ended(instance: Instance | null, end: End): void {
    if (instance === null || this.#instance !== instance) return;
    this.#instance = null;
    this.#cancelCheck?.();
    this.#cancelCheck = null;
    const calm =
      this.#state === "started" && this.#world.now() - this.#startedAt >= this.descriptor.restart.calm;
    if (calm) this.#row = 0;
    this.#failed(end);
  }

  #failed(end: End): void {
    const { restart } = this.descriptor;
    this.#lastEnd = end;
    const again = restart.policy === "always" || (restart.policy === "on-failure" && end.kind !== "exited");
    if (!again) {
      this.#state = end.kind === "exited" ? "stopped" : "failed";
      this.#report(this.name, "state", end.message);
      return;
    }
    const delay = Math.min(restart.longest, restart.delay * restart.factor ** this.#row++);
    this.#state = "waiting";
    this.#report(this.name, "state", `${end.message}; starts again in ${delay.toFixed(1)} s`);
    this.#cancelRestart = this.#world.after(delay, () => this.#world.hold(this.#restart()));
  }

  async #restart(): Promise<void> {
    this.#restarts++;
    try {
      await this.#begin();
    } catch (e) {
      // Unless it was stopped meanwhile.
      if (this.#state === "failed") this.#failed(endOfStart(e));
    }
  }

  // ---- Health -------------------------------------------------------------------

  /** How it is watched and restarted from now on. */
  watch(descriptor: FunctionDescriptor): void {
    this.descriptor = descriptor;
    if (this.#state === "started") this.#watch();
  }

  #watch(): void {
    const { health } = this.descriptor;
    this.#cancelCheck?.();
    this.#cancelCheck = null;
    this.#failedChecks = 0;
    this.#watches++;
    if (health !== null) this.#checkIn(health.grace);
  }

  #checkIn(seconds: number): void {
    this.#cancelCheck = this.#world.after(seconds, () => this.#world.hold(this.#check()));
  }

  async #check(): Promise<void> {
    const { health } = this.descriptor;
    const { instance } = this;
    if (health === null || instance === null) return;
    const watches = this.#watches;
    const wrong = await this.#examine(instance);
    if (this.instance !== instance || this.#watches !== watches) return;
    if (wrong === null) this.#failedChecks = 0;
    else if (++this.#failedChecks >= health.failures) {
      await instance.kill({ kind: "unhealthy", message: `unhealthy: ${wrong}` });
      return;
    }
    this.#checkIn(health.interval);
  }

  /** What is wrong with the function; null when nothing is. */
  async #examine(instance: Instance): Promise<string | null> {
    const { handler, expect, timeout } = this.descriptor.health!;
    let cancel = (): void => {};
    const late = new Promise<string>((resolve) => {
      // Under a simulated clock an answer takes no time.
      if (this.#world.simulation === null)
        cancel = this.#world.after(timeout, () => resolve(`${handler} gave nothing in ${timeout} s`));
    });
    const answer = instance.request("read", { path: handler }).then(
      (text) =>
        text.trim() === expect ? null : `${handler} is '${text.trim().slice(0, 80)}', not '${expect}'`,
      (e: unknown) => `${handler}: ${(e as Error).message}`,
    );
    try {
      return await Promise.race([answer, late]);
    } finally {
      cancel();
    }
  }
}

/** What it means that an instance could not start. */
function endOfStart(e: unknown): End {
  return { kind: "threw", message: `does not start: ${(e as Error).message}` };
}
