// Where running services are known to the program: a folder each, which only their owner may read.

import { randomBytes } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** What is written down of a service that runs. */
export interface ServiceRecord {
  readonly name: string;
  /** The manager's process, and when that was started: a process number may be somebody else's by now. */
  readonly pid: number;
  readonly started: string | null;
  /** Address of its API; empty while it is made. */
  readonly url: string;
  /** The descriptor. */
  readonly file: string;
  /** Wall-clock time of its start, ISO 8601. */
  readonly since: string;
}

/** The folder of all services: SLUICE_STATE, else the user's runtime folder. */
export function stateFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { SLUICE_STATE, XDG_RUNTIME_DIR, XDG_STATE_HOME } = environment;
  if (SLUICE_STATE) return SLUICE_STATE;
  if (XDG_RUNTIME_DIR) return join(XDG_RUNTIME_DIR, "sluice");
  if (process.getuid?.() === 0) return "/run/sluice";
  return join(XDG_STATE_HOME ?? join(homedir(), ".local", "state"), "sluice");
}

export class ServiceFolder {
  readonly path: string;

  constructor(service: string, folder: string = stateFolder()) {
    this.path = join(folder, service);
  }

  get exists(): boolean {
    return existsSync(this.path);
  }

  /** Makes the folder, readable to its owner only, for the service of `record`. False when it is another's already. */
  claim(record: ServiceRecord): boolean {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    const draft = this.#draft(record);
    try {
      linkSync(draft, this.#record);
      return true;
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw e;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  write(record: ServiceRecord): void {
    renameSync(this.#draft(record), this.#record);
  }

  get #record(): string {
    return join(this.path, "service.json");
  }

  /** The record in a file of its own: others read it whole or not at all, for half of one is what a killed manager left. */
  #draft(record: ServiceRecord): string {
    const file = join(this.path, `service-${randomBytes(8).toString("hex")}`);
    writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    return file;
  }

  /** Null when nothing (readable) was written. */
  read(): ServiceRecord | null {
    try {
      return JSON.parse(readFileSync(this.#record, "utf8"));
    } catch {
      return null;
    }
  }

  /** Makes a secret for the API's callers, and keeps it. */
  newToken(): string {
    const token = randomBytes(32).toString("base64url");
    writeFileSync(join(this.path, "token"), `${token}\n`, { mode: 0o600 });
    return token;
  }

  /** Null when there is none. */
  token(): string | null {
    try {
      return readFileSync(join(this.path, "token"), "utf8").trim();
    } catch {
      return null;
    }
  }

  get ledgerFile(): string {
    return join(this.path, "resources");
  }

  /** Its manager's process; null when that does not run (any more). */
  get manager(): number | null {
    const record = this.read();
    return record !== null && processRuns(record.pid, record.started) ? record.pid : null;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The names of services that have a folder. */
export function servicesKnown(folder: string = stateFolder()): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** When a process was started, as the system counts it; null where that cannot be told, or there is no such process. */
export function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command's name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // One that ended and was not waited for is no process any more.
    return fields[0] === "Z" || fields[0] === "X" ? null : fields[19];
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

/** Whether the process that had `pid` when it was started at `started` still runs. */
export function processRuns(pid: number, started: string | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return started === null || processStart(pid) === started;
}
