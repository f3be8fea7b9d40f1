// A running service as its own functions' graphs may ask for it: the orchestrator called `service`.

import { type Orchestrator, OrchestratorError } from "../../cloud/orchestrator.js";
import type { Service } from "./service.js";

/** The orchestrator of `service`, in its own process. */
export function serviceOrchestrator(service: Service): Orchestrator {
  const doing = <T>(work: () => T | Promise<T>): Promise<T> => {
    const done = attempt(work);
    // In simulated time it takes Node's turns, and no time passes meanwhile.
    service.world.hold(done.catch(() => {}));
    return done;
  };
  return {
    functions: () =>
      doing(() =>
        [...service.functions.values()].map(({ name, descriptor, state, restarts }) => ({
          name,
          function: descriptor.name,
          state,
          restarts,
        })),
      ),
    start: (name) => doing(() => service.function(name).start()),
    stop: (name) => doing(() => service.function(name).stop()),
    heal: (name) => doing(() => service.heal(name)),
    update: (name) => doing(async () => void (await service.update(name))),
    scale: (name, replicas) => doing(() => service.scale(name, replicas)),
  };
}

async function attempt<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (e) {
    const { code = "FAILED", message = String(e) } = e as {
      readonly code?: string;
      readonly message?: string;
    };
    throw new OrchestratorError(code, message);
  }
}
