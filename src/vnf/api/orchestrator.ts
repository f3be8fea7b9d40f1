// A running service as another program may ask for it: through its API.

import { type FunctionStatus, type Orchestrator, OrchestratorError } from "../../cloud/orchestrator.js";
import { type ApiClient, ApiError } from "./client.js";
import type { FunctionView } from "./routes.js";

/** The orchestrator of the service whose API `client` calls. */
export function apiOrchestrator(client: ApiClient): Orchestrator {
  const post = async (name: string, verb: string, body?: unknown): Promise<void> => {
    await asked(client.call("POST", `/v1/functions/${encodeURIComponent(name)}/${verb}`, body));
  };
  return {
    async functions() {
      const views = await asked(client.get<readonly FunctionView[]>("/v1/functions"));
      return views.map((v) => ({
        name: v.name,
        function: v.function,
        state: v.state as FunctionStatus["state"],
        restarts: v.restarts,
      }));
    },
    start: (name) => post(name, "start"),
    stop: (name) => post(name, "stop"),
    heal: (name) => post(name, "heal"),
    update: (name) => post(name, "update"),
    scale: (name, replicas) => post(name, "scale", { replicas }),
  };
}

async function asked<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (e) {
    if (!(e instanceof ApiError)) throw e;
    throw new OrchestratorError(e.code, e.message);
  }
}
