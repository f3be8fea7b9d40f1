// What a service has outside of its manager's process, written down before it is made: so that it can be taken away
// also when the manager was killed.

import { execFile } from "node:child_process";
import { closeSync, existsSync, readFileSync, statSync } from "node:fs";
import { promisify } from "node:util";
import { openOwnFile, readOwnFile } from "../../system/own-files.js";
import { endProcess, type ProcessIdentity } from "../../system/processes.js";
import { writeAll } from "../../system/write-all.js";
import { removeSocketFolder } from "./socket-folder.js";

const run = promisify(execFile);

export type Resource =
  | ({ readonly kind: "process" } & ProcessIdentity)
  /** A network namespace by its name for `ip netns`. */
  | { readonly kind: "namespace"; readonly name: string; readonly identity?: string }
  /** A network interface in the manager's namespace. */
  | { readonly kind: "interface"; readonly name: string; readonly identity?: string }
  /** A folder of sockets. */
  | { readonly kind: "path"; readonly path: string };

export type NamedResource = Extract<Resource, { readonly name: string }>;

export class Ledger {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /**
   * To be called before the resource is made (a process: at once after), when there is nothing of its name. Throws
   * NotOwnError where the file is not this user's alone, or what the system says.
   */
  note(resource: Resource): void {
    this.#append("+", resource);
  }

  /** What was noted has been made: from now on another one of its name is told from it. */
  made(resource: NamedResource): void {
    const identity = identityOf(resource);
    if (identity !== null) this.note({ kind: resource.kind, name: resource.name, identity });
  }

  /** It is gone. */
  forget(resource: Resource): void {
    this.#append("-", resource);
  }

  #append(sign: "+" | "-", resource: Resource): void {
    const fd = openOwnFile(this.#file, "a", { create: true });
    try {
      writeAll(fd, Buffer.from(`${sign}${JSON.stringify(resource)}\n`));
    } finally {
      closeSync(fd);
    }
  }

  /** What may still be there, in the order in which it was made. Throws NotOwnError where others could have written it. */
  resources(): Resource[] {
    if (!existsSync(this.#file)) return [];
    const left = new Map<string, Resource>();
    for (const line of readOwnFile(this.#file).split("\n")) {
      // The last line may be cut: what it was about to note was not made.
      const resource = parsed(line.slice(1));
      if (resource === null) continue;
      if (line[0] === "+") left.set(resourceText(resource), resource);
      else left.delete(resourceText(resource));
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

/** Null for what no ledger wrote. */
function parsed(text: string): Resource | null {
  let found: Resource;
  try {
    found = JSON.parse(text);
  } catch {
    return null;
  }
  switch (found?.kind) {
    case "process": {
      const { pid, started, names = [] } = found;
      const known = Number.isInteger(pid) && pid > 0 && (started === null || typeof started === "string");
      return known && Array.isArray(names) ? { kind: "process", pid, started, names } : null;
    }
    case "namespace":
    case "interface":
      return /^\w[\w.-]*$/.test(String(found.name)) ? found : null;
    case "path":
      return typeof found.path === "string" ? found : null;
    default:
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
      return endProcess(resource);
    case "path":
      return removeSocketFolder(resource.path);
    default:
      return takenAway(resource);
  }
}

/** Where the system shows it. */
export function placeOf({ kind, name }: NamedResource): string {
  return kind === "namespace" ? `/run/netns/${name}` : `/sys/class/net/${name}`;
}

/** What tells it from another one that has its name later; null when it is not there. */
function identityOf(resource: NamedResource): string | null {
  const place = placeOf(resource);
  try {
    if (resource.kind === "interface") return readFileSync(`${place}/ifindex`, "latin1").trim();
    // Numbers of namespaces are given again at once.
    const { ino, ctimeNs } = statSync(place, { bigint: true });
    return `${ino} ${ctimeNs}`;
  } catch {
    return null;
  }
}

/** Lets `ip` take it away; false when it was not there. An interface may go with the namespace of its other end. */
async function takenAway(resource: NamedResource): Promise<boolean> {
  const { kind, name, identity } = resource;
  const there = identityOf(resource);
  if (there === null || (identity !== undefined && there !== identity)) return false;
  try {
    await run("ip", kind === "namespace" ? ["netns", "del", name] : ["link", "del", name]);
  } catch (e) {
    if (existsSync(placeOf(resource))) throw e;
  }
  return true;
}
