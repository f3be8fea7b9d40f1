// What the runner and the processes that run experiments say to each other.

import type { Row, WorldKind } from "./experiment.js";
import type { Job } from "./plan.js";

/** To the process: what it is for, then a run at a time; at the end, or to end a run before its time, to stop. */
export type ToWorker =
  | { readonly type: "begin"; readonly file: string; readonly world: WorldKind }
  | { readonly type: "run"; readonly job: Job }
  | { readonly type: "stop" };

export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "done"; readonly rows: readonly Row[] }
  | { readonly type: "failed"; readonly message: string };
