// What runs in the process of an instance.

import { SystemProvider } from "../../device/provider.js";
import type { ProcessData } from "./process.js";
import type { FromInstance } from "./remote.js";
import { remoteHost, serve } from "./serve.js";

/** Milliseconds between two signs of life. */
const PULSE_MS = 500;

const post = (message: FromInstance | "pulse"): void => {
  if (process.connected) process.send!(message, () => {});
};
const log = (line: string): void => post({ type: "log", line });

// Without its manager it has no business here; Ctrl-C is the manager's to deal with.
process.on("disconnect", () => process.exit(0));
// SIGUSR1 would open a debugger's port.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"] as const) process.on(signal, () => {});

process.once("message", ({ spec, attached }: ProcessData) => {
  const pulse = setInterval(() => post("pulse"), PULSE_MS);
  const host = remoteHost(spec, attached, new SystemProvider({ report: log }), post);
  void serve(
    host,
    post,
    (receive) => process.on("message", receive),
    () => {
      clearInterval(pulse);
      process.disconnect();
    },
  );
});
