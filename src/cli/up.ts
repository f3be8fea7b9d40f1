// sluice up: brings up a service and stays with it.

import { spawn } from "node:child_process";
import { closeSync, ftruncateSync, readFileSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { systemError } from "../router/system-error.js";
import { NotOwnError, openOwnFile } from "../system/own-files.js";
import { nodeFlags, processRuns, signalled } from "../system/processes.js";
import { writeAll } from "../system/write-all.js";
import { ApiClient, ApiError } from "../vnf/api/client.js";
import type { ServiceDescriptor } from "../vnf/descriptor/model.js";
import { parseDescriptor } from "../vnf/descriptor/read.js";
import { namespacesRefused } from "../vnf/link/veth.js";
import { Manager } from "../vnf/manager/manager.js";
import { makeStateFolder, ServiceFolder } from "../vnf/state/folder.js";
import { RealWorld, SimulatedWorld, type World } from "../vnf/world.js";
import { type Command, CommandError } from "./command.js";
import { complain, readDescriptorText } from "./complain.js";
import { eventText } from "./logs.js";
import { interruption } from "./running.js";
import { look, pause } from "./top.js";
import { Screen, TopView } from "./top-view.js";
import { HELP, settings, type UpSettings, USAGE } from "./up-options.js";

/** Seconds in which a detached service must be up. */
const DETACH_SECONDS = 60;
/** Milliseconds that a timer can wait: 25 days. */
const LONGEST_MS = 2 ** 31 - 1;
/** Simulated seconds between two looks of --top. */
const SIMULATED_LOOK = 1;

async function run(words: readonly string[]): Promise<number> {
  const s = settings(words);
  const text = readDescriptorText(s.file);
  let descriptor: ServiceDescriptor;
  try {
    descriptor = parseDescriptor(text, s.file);
  } catch (e) {
    return complain(e, { text, file: s.file });
  }
  const folder = new ServiceFolder(descriptor.name, s.state);
  if (s.detach) return detach(words, descriptor.name, folder);
  const world = s.simtime
    ? new SimulatedWorld(s.seed ?? descriptor.world.seed, descriptor.world.epoch)
    : new RealWorld();
  const { signal, release } = interruption();
  let manager: Manager | null = null;
  try {
    const adjust = (d: ServiceDescriptor): ServiceDescriptor => adjusted(d, s);
    const { api: port, clickpath } = s;
    manager = await Manager.instantiate(descriptor, { world, folder, port, clickpath, adjust });
    tell(manager, s);
    const ended = endOf(manager, signal);
    await started(manager, ended);
    await stay(manager, s, ended);
    return 0;
  } catch (e) {
    // Ctrl-C reaches also the programs that lay links.
    if (signal.aborted) return 0;
    return complain(e, { text, file: s.file });
  } finally {
    await manager?.terminate();
    release();
  }
}

/** When it is interrupted, or somebody terminates it. */
function endOf(manager: Manager, interrupted: AbortSignal): AbortSignal {
  const ended = new AbortController();
  void manager.terminated.then(() => ended.abort());
  return AbortSignal.any([interrupted, ended.signal]);
}

/** Starts everything; not longer than until the `end`. */
async function started({ service }: Manager, end: AbortSignal): Promise<void> {
  const starting = service.start();
  const ending = new Promise<void>((resolve) => end.addEventListener("abort", () => resolve()));
  try {
    if (!end.aborted) await Promise.race([starting, ending]);
  } catch (e) {
    // What is terminated meanwhile does not start.
    if (!end.aborted) throw e;
  } finally {
    starting.catch(() => {});
  }
}

function adjusted(descriptor: ServiceDescriptor, { isolation, seed }: UpSettings): ServiceDescriptor {
  const world = { ...descriptor.world, seed: seed ?? descriptor.world.seed };
  if (isolation === null) return { ...descriptor, world };
  const functions = [...descriptor.functions].map(([name, f]) => [name, { ...f, isolation }] as const);
  return { ...descriptor, world, functions: new Map(functions) };
}

/** Prints events as they come. */
function tell({ service, url }: Manager, s: UpSettings): void {
  if (s.top) return;
  process.stdout.write(`service ${service.descriptor.name}: API at ${url}\n`);
  const processes = [...service.functions.values()].some((f) => f.descriptor.isolation === "process");
  const refused = processes && service.world.simulation === null ? namespacesRefused() : null;
  if (refused !== null)
    process.stdout.write(`processes are joined by Unix sockets, not in network namespaces: ${refused}\n`);
  service.events.watch((e) => {
    if (e.kind !== "log" || s.logs) process.stdout.write(`${eventText(e)}\n`);
  });
}

/** Until its time is over, or the `end`. */
async function stay(manager: Manager, s: UpSettings, end: AbortSignal): Promise<void> {
  const { world } = manager.service;
  if (end.aborted) return;
  if (world.simulation !== null) await simulate(manager, s, world, end);
  else if (s.top) await watch(manager, s.seconds, end);
  else await pause(Math.min(LONGEST_MS, s.seconds === null ? LONGEST_MS : s.seconds * 1000), end);
}

async function simulate(manager: Manager, s: UpSettings, world: World, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const view = new TopView({ elements: 3 });
  const screen = new Screen();
  for (let left = s.seconds!; left > 0 && !signal.aborted; left -= SIMULATED_LOOK) {
    await world.simulation!.runFor(Math.min(left, SIMULATED_LOOK), signal);
    if (s.top) screen.show(view.lines(await look(apiOf(manager))));
  }
  const real = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${world.now().toFixed(1)} simulated seconds took ${real} s\n`);
}

/** Shows what the functions do, for so many seconds (null: until `signal`). */
export async function watch(manager: Manager, seconds: number | null, signal: AbortSignal): Promise<void> {
  const view = new TopView({ elements: 3 });
  const screen = new Screen();
  const end = seconds === null ? Number.POSITIVE_INFINITY : performance.now() + seconds * 1000;
  try {
    view.lines(await look(apiOf(manager)));
    while (!signal.aborted && performance.now() < end) {
      await pause(Math.min(1000, end - performance.now()), signal);
      if (!signal.aborted) screen.show(view.lines(await look(apiOf(manager))));
    }
  } catch (e) {
    // Our own API does not answer once the service is terminated.
    if (!(e instanceof ApiError && e.status === 0)) throw e;
  }
}

function apiOf(manager: Manager): ApiClient {
  return new ApiClient(manager.url, manager.token);
}

/** Starts the same command in the background, and returns when the service is up. */
async function detach(words: readonly string[], name: string, folder: ServiceFolder): Promise<number> {
  const log = `${folder.path}.log`;
  // Beside the service's folder, which it makes anew.
  const out = openLog(log);
  const before = folder.read();
  // It would come to the same, but not before the log of the other were overwritten.
  if (before !== null && processRuns(before))
    throw new CommandError(
      `service '${name}' runs already (process ${before.pid}): 'sluice down ${name}' ends it`,
    );
  beginLog(out, name);
  const main = fileURLToPath(new URL("main.js", import.meta.url));
  const rest = words.filter((w) => w !== "-d" && !/^--det/.test(w));
  const child = spawn(process.execPath, [...nodeFlags(), main, "up", ...rest], {
    detached: true,
    stdio: ["ignore", out, out],
  });
  child.unref();
  let status: number | null = null;
  child.once("exit", (code) => {
    status = code ?? 1;
  });
  for (const end = performance.now() + DETACH_SECONDS * 1000; performance.now() < end; ) {
    if (status !== null) break;
    const record = folder.read();
    if (record?.pid === child.pid && (await everythingStarted(folder))) {
      process.stdout.write(`process ${record!.pid}, API at ${record!.url}, log in ${log}\n`);
      return 0;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // Without its head.
  process.stderr.write(readFileSync(log, "utf8").replace(/^.*\n/, ""));
  if (status === null) signalled(child.pid!, "SIGTERM");
  throw new CommandError(`the service did not come up (${log})`);
}

/** What a log begins with. */
const LOG_HEAD = "sluice up: log of service ";

/** Opens the log of a service, which stays when that ends. Throws CommandError where it is another's, or something else. */
function openLog(file: string): number {
  const elsewhere = "(--state or SLUICE_STATE name another place)";
  let fd: number;
  try {
    makeStateFolder(dirname(file));
    fd = openOwnFile(file, "r+", { create: true });
  } catch (e) {
    if (e instanceof NotOwnError) throw new CommandError(`${e.message} ${elsewhere}`);
    throw new CommandError(`${file}: ${systemError(e)} ${elsewhere}`);
  }
  const head = Buffer.alloc(LOG_HEAD.length);
  const read = readSync(fd, head, 0, head.length, 0);
  if (read === 0 || head.toString("latin1") === LOG_HEAD) return fd;
  closeSync(fd);
  throw new CommandError(`${file} is there and is no log of 'sluice up': move it away ${elsewhere}`);
}

/** Throws away what an earlier service of this name wrote. */
function beginLog(fd: number, name: string): void {
  ftruncateSync(fd, 0);
  writeAll(fd, Buffer.from(`${LOG_HEAD}'${name}', ${new Date().toISOString()}\n`));
}

async function everythingStarted(folder: ServiceFolder): Promise<boolean> {
  try {
    const api = new ApiClient(folder.read()!.url, folder.token() ?? "");
    const functions = await api.get<{ state: string }[]>("/v1/functions");
    return functions.every((f) => f.state === "started");
  } catch {
    return false;
  }
}

export const command: Command = { help: HELP, usage: USAGE, serves: true, run };
