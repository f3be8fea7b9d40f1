// What a service has outside of its manager's process, written down before it is made: so that it can be taken away
// also when the manager was killed.

import { execFile } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { promisify } from "node:util";
import { processRuns, signalled } from "./folder.js";

const run = promisify(execFile);

export type Resource =
  | { readonly kind: "process"; readonly pid: number; readonly started: string | null }
  /** A network namespace by its name for `ip netns`. */
  | { readonly kind: "namespace"; readonly name: string }
  /** A network interface in the manager's namespace. */
  | { readonly kind: "interface"; readonly name: string }
  | { readonly kind: "path"; readonly path: string };

/** How long an ended process may take to go, milliseconds. */
const GONE_MS = 20_000;

export class Ledger {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** To be called before the resource is made (a process: at once after). */
  note(resource: Resource): void {
    appendFileSync(this.#file, `+${JSON.stringify(resource)}\n`, { mode: 0o600 });
  }

  /** It is gone. */
  forget(resource: Resource): void {
    appendFileSync(this.#file, `-${JSON.stringify(resource)}\n`);
  }

  /** What may still be there, in the order in which it was made. */
  resources(): Resource[] {
    if (!existsSync(this.#file)) return [];
    const left = new Map<string, Resource>();
    for (const line of readFileSync(this.#file, "utf8").split("\n")) {
      // The last line may be cut: what it was about to note was not made.
      const resource = parsed(line.slice(1));
      if (resource === null) continue;
      if (line[0] === "+") left.set(line.slice(1), resource);
      else left.delete(line.slice(1));
    }
    return [...left.values()];
  }

  /** Takes away everything left, processes first. Returns what it took away, a line each, and what it could not. */
  async release(): Promise<{ readonly gone: string[]; readonly stays: string[] }> {
    const gone: string[] = [];
    const stays: string[] = [];
    const all = this.resources();
    const order = [
      ...all.filter((r) => r.kind === "process"),
      ...all.filter((r) => r.kind !== "process").reverse(),
    ];
    for (const resource of order) {
      try {
        if (await remove(resource)) gone.push(resourceText(resource));
        this.forget(resource);
      } catch (e) {
        stays.push(`${resourceText(resource)}: ${(e as Error).message.split("\n")[0]}`);
      }
    }
    return { gone, stays };
  }
}

function parsed(text: string): Resource | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export function resourceText(resource: Resource): string {
  switch (resource.kind) {
    case "process":
      return `process ${resource.pid}`;
    case "path":
      return resource.path;
    default:
      return `${resource.kind} ${resource.name}`;
  }
}

/** Returns whether it was there. */
async function remove(resource: Resource): Promise<boolean> {
  switch (resource.kind) {
    case "process":
      return endProcess(resource.pid, resource.started);
    case "namespace":
      return takenAway(`/run/netns/${resource.name}`, ["netns", "del", resource.name]);
    case "interface":
      return takenAway(`/sys/class/net/${resource.name}`, ["link", "del", resource.name]);
    case "path":
      if (!existsSync(resource.path)) return false;
      rmSync(resource.path, { recursive: true, force: true });
      return true;
  }
}

/** Lets `ip` take away what is at `path`; false when it was not there. An interface may go with the namespace of its other end. */
async function takenAway(path: string, words: readonly string[]): Promise<boolean> {
  if (!existsSync(path)) return false;
  try {
    await run("ip", words);
  } catch (e) {
    if (existsSync(path)) throw e;
  }
  return true;
}

/** Kills a process; false when it had ended. Rejects when it does not go. */
export async function endProcess(pid: number, started: string | null): Promise<boolean> {
  if (!processRuns(pid, started) || !signalled(pid, "SIGKILL")) return false;
  for (const end = performance.now() + GONE_MS; processRuns(pid, started); ) {
    if (performance.now() > end) throw new Error("it was killed and does not go");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}
