// The far side of a RemoteInstance: makes the router and answers the manager, in a worker thread or a process.

import { KernelAlarms } from "../../device/alarms.js";
import { Loader } from "../../loader.js";
import { RealClock } from "../../router/clock.js";
import type { DeviceProvider } from "../../router/device.js";
import { AttachedDevices } from "../link/attached.js";
import { attach, type PlainAttached } from "../link/plain.js";
import { InstanceHost } from "./host.js";
import { endOf } from "./inline.js";
import type { InstanceSpec } from "./instance.js";
import { plainError } from "./plain-error.js";
import type { FromInstance, ToInstance } from "./remote.js";
import { RemoteOrchestrator } from "./remote-orchestrator.js";
import { isToSite, RemoteSite } from "./remote-site.js";

/** The router of an instance whose devices were sent here; `system` has those of them that are the kernel's. */
export function remoteHost(
  spec: InstanceSpec,
  attached: readonly PlainAttached[],
  system: DeviceProvider,
  post: (message: FromInstance) => void,
): RemoteHost {
  const devices = new AttachedDevices(attached.map(attach), system);
  const orchestrator = new RemoteOrchestrator(post);
  const site = new RemoteSite(post, (line) => post({ type: "log", line }));
  const log = (line: string): void => post({ type: "log", line });
  const host = new InstanceHost(spec, {
    loader: new Loader(),
    devices,
    clock: new RealClock(new KernelAlarms()),
    log,
    orchestrator,
    site: spec.agent ? site : null,
  });
  return { host, orchestrator, site };
}

export interface RemoteHost {
  readonly host: InstanceHost;
  /** Has the manager's answers. */
  readonly orchestrator: RemoteOrchestrator;
  readonly site: RemoteSite;
}

/** Starts the router of an instance and runs it until the manager says stop or it ends; `done` is called last. */
export async function serve(
  { host, orchestrator, site }: RemoteHost,
  post: (message: FromInstance) => void,
  onMessage: (receive: (message: ToInstance) => void) => void,
  done: () => void,
): Promise<void> {
  const stop = new AbortController();
  onMessage((message) => {
    if (message.type === "stop") stop.abort();
    else if (message.type === "request") void answer(host, message, post);
    else if (isToSite(message)) site.receive(message);
    else orchestrator.answered(message);
  });
  try {
    await host.start();
  } catch (e) {
    post({ type: "failed", error: plainError(e) });
    done();
    return;
  }
  post({ type: "started" });
  try {
    await host.router.run(stop.signal);
    post({ type: "ended", end: stop.signal.aborted ? { kind: "stopped", message: "stopped" } : endOf(null) });
  } catch (e) {
    post({ type: "ended", end: endOf(e) });
  }
  host.close();
  done();
}

async function answer(
  host: InstanceHost,
  { id, kind, request }: ToInstance & { type: "request" },
  post: (message: FromInstance) => void,
): Promise<void> {
  try {
    post({ type: "reply", id, reply: await host.answer(kind, request as never) });
  } catch (e) {
    post({ type: "refused", id, error: plainError(e) });
  }
}
