import { ORCHESTRATOR, type Orchestrator, OrchestratorError } from "../../src/cloud/orchestrator.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { FacilityError } from "../../src/router/facility.js";
import { type HandlerCode, HandlerError, handlerWords } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  NAME: {
    type: "string",
    positional: true,
    default: "service",
    doc: "the orchestrator, as the router's world knows it",
  },
} as const;

const INSTANCE = { NAME: { type: "word", positional: true, required: true, doc: "" } } as const;
const REPLICAS = {
  NAME: { type: "word", positional: true, required: true, doc: "" },
  N: { type: "unsigned", positional: true, required: true, doc: "" },
} as const;

/**
 * Starts, stops, heals, updates and scales the functions of a service, for Scripts and controllers in the graph.
 *
 * NAME is asked of the router's world. For a function of a service `service` is that service, if its descriptor says
 * `orchestrates: true` of the function; for `sluice run`, `service` is the one service that runs on this host, and
 * `service:two-sites` the one of that name.
 *
 * A state is stopped, starting, started, waiting (it failed and will be started again) or failed. What is asked for
 * takes a while. Who writes a handler through a socket or the API hears of its end; a Script goes on at once, and what
 * cannot be done is on the log.
 *
 * @example functions :: FunctionControl(service); Script(wait 5s, write functions.scale firewall 2)
 * @see Script, ControlSocket
 */
export class FunctionControl extends Element {
  static readonly spec: ElementSpec = {
    ports: "0/0",
    args,
    handlers: {
      functions: {
        doc: "the instances at the last `refresh`, one a line: name, function, state, restarts",
        read: true,
      },
      refresh: { doc: "asks for the instances", write: true, button: true },
      start: { write: true, doc: "an instance: starts it when it does not run" },
      stop: { write: true, doc: "an instance: stops it in order; it is not started again by itself" },
      heal: { write: true, doc: "an instance: starts it anew" },
      update: { write: true, doc: "an instance: its graph becomes what its file says now (hot swap)" },
      scale: { write: true, doc: "a function and a number: it has so many replicas" },
    },
  };
  #name = "";
  #orchestrator: Orchestrator | null = null;
  #functions = "";

  override configure({ NAME }: ArgValues<typeof args>): void {
    this.#name = NAME;
  }

  override async initialize(errors: ErrorSink): Promise<void> {
    try {
      this.#orchestrator = await this.router.ask(ORCHESTRATOR, this.#name);
    } catch (e) {
      if (!(e instanceof FacilityError)) throw e;
      errors.error(e.message);
    }
  }

  override handlers(): Record<string, HandlerCode> {
    const one = (verb: "start" | "stop" | "heal" | "update"): HandlerCode => ({
      write: (text) => {
        const { NAME } = handlerWords(this, INSTANCE, text);
        return this.#ask((orchestrator) => orchestrator[verb](NAME));
      },
    });
    return {
      functions: { read: () => this.#functions },
      refresh: { write: () => this.#ask((orchestrator) => this.#look(orchestrator)) },
      start: one("start"),
      stop: one("stop"),
      heal: one("heal"),
      update: one("update"),
      scale: {
        write: (text) => {
          const { NAME, N } = handlerWords(this, REPLICAS, text);
          return this.#ask((orchestrator) => orchestrator.scale(NAME, N));
        },
      },
    };
  }

  async #look(orchestrator: Orchestrator): Promise<void> {
    const functions = await orchestrator.functions();
    this.#functions = functions.map((f) => `${f.name} ${f.function} ${f.state} ${f.restarts}\n`).join("");
  }

  async #ask(work: (orchestrator: Orchestrator) => Promise<void>): Promise<void> {
    try {
      await work(this.#orchestrator!);
    } catch (e) {
      throw e instanceof OrchestratorError ? new HandlerError("FAILED", e.message) : e;
    }
  }
}
