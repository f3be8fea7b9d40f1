// What instances in threads and processes have in common: requests and replies cross as messages.

import type { Orchestrator } from "../../cloud/orchestrator.js";
import type { Isolation } from "../descriptor/model.js";
import type { AgentSite } from "./agent-site.js";
import { type End, type Instance, InstanceError, type InstanceEvents } from "./instance.js";
import { type PlainError, revivedError } from "./plain-error.js";
import type { Reply, Request, RequestKind } from "./protocol.js";
import { answerTo, type OrchestratorAnswer, type OrchestratorAsk } from "./remote-orchestrator.js";
import { type FromSite, isFromSite, SiteDesk, type ToSite } from "./remote-site.js";

/** From the manager to the instance. */
export type ToInstance =
  | { readonly type: "request"; readonly id: number; readonly kind: RequestKind; readonly request: unknown }
  | { readonly type: "stop" }
  | OrchestratorAnswer
  | ToSite;

/** From the instance to the manager. */
export type FromInstance =
  | { readonly type: "started" }
  | { readonly type: "failed"; readonly error: PlainError }
  | { readonly type: "reply"; readonly id: number; readonly reply: unknown }
  | { readonly type: "refused"; readonly id: number; readonly error: PlainError }
  | { readonly type: "log"; readonly line: string }
  | { readonly type: "ended"; readonly end: End }
  | OrchestratorAsk
  | FromSite;

/** What an instance may ask for; null: it may not. */
export interface MayAsk {
  readonly orchestrator: Orchestrator | null;
  readonly site: AgentSite | null;
}

export const MAY_ASK_NOTHING: MayAsk = { orchestrator: null, site: null };

/** Seconds in which a request is answered. */
const REQUEST_SECONDS = 30;

interface Waiting {
  readonly resolve: (reply: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export abstract class RemoteInstance implements Instance {
  abstract readonly isolation: Isolation;
  abstract readonly pid: number;
  readonly name: string;
  readonly #events: InstanceEvents;
  readonly #orchestrator: Orchestrator | null;
  readonly #desk: SiteDesk;
  readonly #waiting = new Map<number, Waiting>();
  #id = 0;
  #end: End | null = null;
  #started: { resolve: () => void; reject: (error: Error) => void } | null = null;

  constructor(name: string, events: InstanceEvents, { orchestrator, site }: MayAsk) {
    this.name = name;
    this.#events = events;
    this.#orchestrator = orchestrator;
    this.#desk = new SiteDesk(site, (message) => this.post(message));
  }

  /** Why it ended; null while it runs. */
  get end(): End | null {
    return this.#end;
  }

  // ---- What threads and processes supply -------------------------------------------

  /** Makes the thread or process; it says `started` or `failed`, or ends. */
  protected abstract launch(): void | Promise<void>;
  protected abstract post(message: ToInstance): void;
  /** Ends the thread or process by force; resolves when it is gone. */
  protected abstract destroy(): Promise<void>;
  /** Resolves when the thread or process is gone. */
  protected abstract get gone(): Promise<void>;

  // ---- What they are given -----------------------------------------------------------

  async start(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => {
      this.#started = { resolve, reject };
    });
    // Rejections are those of `start`, whoever waits.
    started.catch(() => {});
    await this.launch();
    await started;
  }

  request<K extends RequestKind>(kind: K, request: Request<K>): Promise<Reply<K>> {
    if (this.#end !== null)
      return Promise.reject(new InstanceError("ENDED", `${this.name} does not run: ${this.#end.message}`));
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new InstanceError("TIMEOUT", `${this.name} gave no answer in ${REQUEST_SECONDS} s`));
      }, REQUEST_SECONDS * 1000);
      this.#waiting.set(id, { resolve, reject, timer });
      this.post({ type: "request", id, kind, request });
    });
  }

  async stop(seconds = 5): Promise<void> {
    if (this.#end === null) {
      this.finish({ kind: "stopped", message: "stopped" });
      this.post({ type: "stop" });
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), seconds * 1000);
    });
    const how = await Promise.race([this.gone, late]);
    clearTimeout(timer);
    if (how === "late") await this.destroy();
  }

  async kill(end: End = { kind: "crashed", message: "killed" }): Promise<void> {
    this.finish(end);
    await this.destroy();
  }

  /** To be called with every message that the instance sends. */
  protected receive(message: FromInstance): void {
    if (isFromSite(message)) {
      // What an instance that was ended had sent still comes.
      if (this.#end === null) this.#desk.receive(message);
      return;
    }
    switch (message.type) {
      case "started":
        this.#started?.resolve();
        this.#started = null;
        return;
      case "failed":
        this.#started?.reject(revivedError(message.error));
        this.#started = null;
        return;
      case "log":
        this.#events.log(message.line);
        return;
      case "ended":
        this.finish(message.end);
        return;
      case "ask":
        void answerTo(message, this.#orchestrator).then((answer) => this.post(answer));
        return;
      default: {
        const waiting = this.#waiting.get(message.id);
        if (waiting === undefined) return;
        this.#waiting.delete(message.id);
        clearTimeout(waiting.timer);
        if (message.type === "reply") waiting.resolve(message.reply as never);
        else waiting.reject(revivedError(message.error));
      }
    }
  }

  /** It runs no more; the first reason counts. */
  protected finish(end: End): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#desk.close();
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new InstanceError("ENDED", `${this.name} ended: ${end.message}`));
    }
    this.#waiting.clear();
    if (this.#started !== null) {
      // Its start has not been answered: that is what fails.
      this.#started.reject(new InstanceError("ENDED", end.message));
      this.#started = null;
      return;
    }
    this.#events.ended(end);
  }
}
