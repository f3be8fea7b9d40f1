// What runs in a process that runs experiments, one run after the other.

import { loadExperiment } from "./catalogue.js";
import { checkRow, type Experiment, type WorldKind } from "./experiment.js";
import type { Job } from "./plan.js";
import type { FromWorker, ToWorker } from "./worker.js";

const stop = new AbortController();
let running: Promise<void> = Promise.resolve();
let begun: Promise<{ readonly experiment: Experiment; readonly world: WorldKind }> | null = null;

const post = (message: FromWorker): void => {
  if (process.connected) process.send!(message, () => {});
};

async function run({ cell, seed }: Job): Promise<void> {
  try {
    const { experiment, world } = await begun!;
    stop.signal.throwIfAborted();
    const rows = await experiment.run(cell, { world, seed, signal: stop.signal });
    for (const row of rows) checkRow(experiment, row);
    if (!stop.signal.aborted) post({ type: "done", rows });
  } catch (e) {
    if (!stop.signal.aborted) post({ type: "failed", message: String((e as Error)?.message ?? e) });
  }
}

/** A run that is ended gives back what it has made first. */
async function end(): Promise<void> {
  stop.abort();
  await running;
  process.exit(0);
}

process.on("message", (message: ToWorker) => {
  if (message.type === "begin") {
    const { file, world } = message;
    begun = loadExperiment(file).then(({ experiment }) => ({ experiment, world }));
    begun.then(
      () => post({ type: "ready" }),
      (e) => post({ type: "failed", message: String((e as Error)?.message ?? e) }),
    );
  } else if (message.type === "run") running = run(message.job);
  else void end();
});
// Without the runner it has no business here; Ctrl-C is the runner's to deal with.
process.on("disconnect", () => void end());
// SIGUSR1 would open a debugger's port.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"] as const) process.on(signal, () => {});
