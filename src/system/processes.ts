// Processes by more than their number, which somebody else's may have by now.

import { readFileSync } from "node:fs";
import { basename } from "node:path";

/** Characters of a process's name that Linux keeps. */
const NAME_MAX = 15;

export interface ProcessIdentity {
  readonly pid: number;
  /** When it was started, as the system counts it (proc(5), `starttime`); null where that cannot be told. */
  readonly started: string | null;
  /** What it may be called (proc(5), `comm`): a program started by another one has the name of that first. */
  readonly names: readonly string[];
}

/** What is known of a process that runs; `also`: names that it may have later. */
export function processIdentity(pid: number, also: readonly string[] = []): ProcessIdentity {
  const now = look(pid);
  const names = now === null ? also : [now.name, ...also];
  return { pid, started: now?.started ?? null, names: [...new Set(names)] };
}

/** What a Node program of ours is started with: a stranger's SIGUSR1 would open a debugger's port (from Node 22.14 on). */
export function nodeFlags(): string[] {
  const flag = "--disable-sigusr1";
  return process.allowedNodeEnvironmentFlags.has(flag) ? [flag] : [];
}

/** When a process was started; null where that cannot be told, or there is no such process. */
export function processStart(pid: number): string | null {
  return look(pid)?.started ?? null;
}

/** What this process is called, and what its program is called when it begins. */
export function ownNames(): readonly string[] {
  const own = look(process.pid);
  return own === null ? [] : [own.name, basename(process.execPath).slice(0, NAME_MAX)];
}

function look(pid: number): { readonly started: string; readonly name: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name, in parentheses, may hold anything.
    const end = stat.lastIndexOf(")");
    const fields = stat.slice(end + 2).split(" ");
    // One that ended and was not waited for is no process any more.
    if (fields[0] === "Z" || fields[0] === "X") return null;
    return { started: fields[19], name: stat.slice(stat.indexOf("(") + 1, end) };
  } catch {
    return null;
  }
}

/** Sends `signal` to a process that may have ended meanwhile: false then. */
export function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw e;
  }
}

/** Whether a process with this number and start runs; where starts cannot be told, one with this number. */
export function processRuns({ pid, started }: Pick<ProcessIdentity, "pid" | "started">): boolean {
  try {
    process.kill(pid, 0);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return started === null || processStart(pid) === started;
}

/** Sends `signal` to the process, false when it has ended. Throws when it cannot be told that it is this one. */
export function signalProcess(process: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!processRuns(process)) return false;
  const { pid, started, names } = process;
  if (started === null) throw new Error("it cannot be told whether it is still the same process");
  const now = look(pid);
  if (now === null || now.started !== started) return false;
  if (!names.includes(now.name))
    throw new Error(`it is called '${now.name}', not '${names.join("' or '")}': it may be another's`);
  return signalled(pid, signal);
}

/** How long an ended process may take to go, milliseconds. */
const GONE_MS = 20_000;

/** Kills a process; false when it had ended. Rejects when it does not go, or may be another's. */
export async function endProcess(process: ProcessIdentity): Promise<boolean> {
  if (!signalProcess(process, "SIGKILL")) return false;
  for (const end = performance.now() + GONE_MS; processRuns(process); ) {
    if (performance.now() > end) throw new Error("it was killed and does not go");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}
