// What runs in the worker thread of an instance.

import { parentPort, workerData } from "node:worker_threads";
import { type DeviceProvider, NO_DEVICES } from "../../router/device.js";
import type { FromInstance } from "./remote.js";
import { remoteHost, serve } from "./serve.js";
import type { ThreadData } from "./thread.js";

/** Milliseconds between two beats of the pulse. */
const BEAT_MS = 200;

const { spec, attached, pulse } = workerData as ThreadData;
const port = parentPort!;
const post = (message: FromInstance): void => port.postMessage(message);
const log = (line: string): void => post({ type: "log", line });

const words = new Int32Array(pulse);
Atomics.add(words, 0, 1);
const beat = setInterval(() => Atomics.add(words, 0, 1), BEAT_MS);

/** What knows the kernel's devices is a lot of code, and most threads have only ends of links. */
async function system(): Promise<DeviceProvider> {
  if (attached.every((a) => "shared" in a)) return NO_DEVICES;
  const { SystemProvider } = await import("../../device/provider.js");
  return new SystemProvider({ report: log });
}

const host = remoteHost(spec, attached, await system(), post);
void serve(
  host,
  post,
  (receive) => port.on("message", receive),
  () => {
    clearInterval(beat);
    port.close();
  },
);
