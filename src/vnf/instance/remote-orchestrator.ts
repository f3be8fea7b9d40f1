// The orchestrator of a function in a thread or process: what its graph asks crosses to the manager and back.

import {
  ORCHESTRATOR_VERBS,
  type Orchestrator,
  OrchestratorError,
  type OrchestratorVerb,
} from "../../cloud/orchestrator.js";
import { type PlainError, plainError } from "./plain-error.js";

/** From the instance to the manager. */
export interface OrchestratorAsk {
  readonly type: "ask";
  readonly id: number;
  readonly verb: OrchestratorVerb;
  readonly words: readonly unknown[];
}

/** From the manager to the instance. */
export type OrchestratorAnswer =
  | { readonly type: "answer"; readonly id: number; readonly reply: unknown }
  | { readonly type: "no"; readonly id: number; readonly error: PlainError };

interface Asked {
  readonly resolve: (reply: never) => void;
  readonly reject: (error: Error) => void;
}

/** The instance's side. */
export class RemoteOrchestrator implements Orchestrator {
  readonly #post: (ask: OrchestratorAsk) => void;
  readonly #asked = new Map<number, Asked>();
  #id = 0;

  constructor(post: (ask: OrchestratorAsk) => void) {
    this.#post = post;
  }

  readonly functions: Orchestrator["functions"] = () => this.#ask("functions");
  readonly start: Orchestrator["start"] = (name) => this.#ask("start", name);
  readonly stop: Orchestrator["stop"] = (name) => this.#ask("stop", name);
  readonly heal: Orchestrator["heal"] = (name) => this.#ask("heal", name);
  readonly update: Orchestrator["update"] = (name) => this.#ask("update", name);
  readonly scale: Orchestrator["scale"] = (name, replicas) => this.#ask("scale", name, replicas);

  #ask<T>(verb: OrchestratorVerb, ...words: readonly unknown[]): Promise<T> {
    const id = ++this.#id;
    return new Promise<T>((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#post({ type: "ask", id, verb, words });
    });
  }

  /** To be called with every answer that the manager sends. */
  answered(answer: OrchestratorAnswer): void {
    const asked = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    if (answer.type === "answer") asked?.resolve(answer.reply as never);
    else asked?.reject(new OrchestratorError(answer.error.code || "FAILED", answer.error.message));
  }
}

/** The manager's side; `orchestrator`: null for a function that may not ask. */
export async function answerTo(
  { id, verb, words }: OrchestratorAsk,
  orchestrator: Orchestrator | null,
): Promise<OrchestratorAnswer> {
  try {
    if (orchestrator === null) throw new OrchestratorError("REFUSED", NOT_ALLOWED);
    if (!ORCHESTRATOR_VERBS.includes(verb))
      throw new OrchestratorError("UNSUPPORTED", `an orchestrator does not '${verb}'`);
    const reply = await (orchestrator[verb] as (...words: readonly unknown[]) => Promise<unknown>)(...words);
    return { type: "answer", id, reply };
  } catch (e) {
    return { type: "no", id, error: plainError(e) };
  }
}

/** For functions whose descriptor does not let them orchestrate. */
export const NOT_ALLOWED =
  "the descriptor does not let this function orchestrate its service: that takes 'orchestrates: true'";
