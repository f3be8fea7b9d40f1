// Where running services are known to the program: a folder each, which only their owner may read. What others could
// have put there is not believed.

import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { CodedError } from "../../sluice-error.js";
import { checkOwnFolder, readOwnFile } from "../../system/own-files.js";
import { type ProcessIdentity, processRuns } from "../../system/processes.js";

/** What is written down of a service that runs. The process is its manager's. */
export interface ServiceRecord extends ProcessIdentity {
  readonly name: string;
  /** Address of its API; empty while it is made. */
  readonly url: string;
  /** The descriptor. */
  readonly file: string;
  /** Wall-clock time of its start, ISO 8601. */
  readonly since: string;
}

/** A name that is no service's, or something in the place of a service's folder. */
export class StateError extends CodedError {
  /** `NAME`, `FOREIGN`. */
  declare readonly code: string;
}

/** As in descriptors, with room for what commands put behind. */
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;
const RECORD = "service.json";
const TOKEN = "token";
const LEDGER = "resources";
/** All that a service's folder holds. */
const OWN = /^(service\.json|service-[0-9a-f]{16}|token|resources)$/;

/** The folder of all services: SLUICE_STATE, else the user's runtime folder. */
export function stateFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { SLUICE_STATE } = environment;
  // The XDG specification: paths that are not absolute do not count.
  const [runtime, state] = [environment.XDG_RUNTIME_DIR, environment.XDG_STATE_HOME].map((path) =>
    path !== undefined && isAbsolute(path) ? path : undefined,
  );
  if (SLUICE_STATE) return SLUICE_STATE;
  if (runtime !== undefined) return join(runtime, "sluice");
  if (process.getuid?.() === 0) return "/run/sluice";
  return join(state ?? join(homedir(), ".local", "state"), "sluice");
}

/** Makes the folder of all services if it is not there. Throws NotOwnError where it is not this user's alone. */
export function makeStateFolder(folder: string): void {
  // What is there and is no folder is told by the check.
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined)
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkOwnFolder(folder);
}

/** The folder of one service. Everything in it throws NotOwnError for what others could have put there. */
export class ServiceFolder {
  readonly name: string;
  readonly path: string;
  readonly #state: string;

  /** Throws StateError for what is no service's name. */
  constructor(service: string, folder: string = stateFolder()) {
    if (!NAME.test(service))
      throw new StateError(
        "NAME",
        `${JSON.stringify(service.slice(0, 80))} is no service's name: that begins with a letter and has up to 64 letters, digits and '-'`,
      );
    if (folder === "") throw new StateError("NAME", "the folder where services are known has no name");
    this.name = service;
    this.#state = resolve(folder);
    this.path = join(this.#state, service);
  }

  /** Whether there is something of this name, a service's or not. */
  get exists(): boolean {
    return lstatSync(this.path, { throwIfNoEntry: false }) !== undefined;
  }

  /**
   * Makes the folder, readable to its owner only, for the service of `record`: it is there with its record or not at
   * all. False when something of its name is there already.
   */
  claim(record: ServiceRecord): boolean {
    makeStateFolder(this.#state);
    if (this.exists) return false;
    const draft = this.#aside();
    mkdirSync(draft, { mode: 0o700 });
    try {
      writeRecord(join(draft, RECORD), record);
      renameSync(draft, this.path);
      return true;
    } catch (e) {
      removeOwn(draft);
      if (this.exists) return false;
      throw e;
    }
  }

  write(record: ServiceRecord): void {
    // Others read it whole or not at all.
    const draft = join(this.path, `service-${randomBytes(8).toString("hex")}`);
    writeRecord(draft, record);
    renameSync(draft, join(this.path, RECORD));
  }

  /** Null when there is no such service. Throws StateError for a folder that 'sluice up' did not make. */
  read(): ServiceRecord | null {
    let text: string | null;
    try {
      checkOwnFolder(this.path);
      text = this.#file(RECORD);
    } catch (e) {
      if (isMissing(e)) return null;
      throw e;
    }
    // It may have gone meanwhile.
    if (text === null && !this.exists) return null;
    const record = text === null ? null : recordIn(text);
    if (record?.name !== this.name)
      throw new StateError(
        "FOREIGN",
        `${this.path} is no folder that 'sluice up' made: it has no ${RECORD} of its own`,
      );
    return record;
  }

  /** Makes a secret for the API's callers, and keeps it. */
  newToken(): string {
    const token = randomBytes(32).toString("base64url");
    writeFileSync(join(this.path, TOKEN), `${token}\n`, { mode: 0o600, flag: "wx" });
    return token;
  }

  /** Null when there is none. */
  token(): string | null {
    return this.#file(TOKEN, true)?.trim() ?? null;
  }

  get ledgerFile(): string {
    return join(this.path, LEDGER);
  }

  /** Its manager's process; null when that does not run (any more). */
  get manager(): number | null {
    const record = this.read();
    return record !== null && processRuns(record) ? record.pid : null;
  }

  /** What is in the folder and is not the service's. */
  foreign(): string[] {
    return readdirSync(this.path).filter((name) => !OWN.test(name));
  }

  /**
   * Removes the folder of the service of `record`, but nothing in it that is not the service's: returns what of that
   * there is. Another service that has the folder by now keeps it.
   */
  remove(record: ProcessIdentity): string[] {
    if (!this.exists) return [];
    if (!hasRecord(this.path)) return this.foreign();
    const now = this.read();
    if (now === null || now.pid !== record.pid || now.started !== record.started) return [];
    const foreign = this.foreign();
    // At once: half of it would look like somebody else's.
    const place = foreign.length > 0 ? this.path : this.#aside();
    if (place !== this.path) renameSync(this.path, place);
    removeOwn(place);
    return foreign;
  }

  #aside(): string {
    return join(this.#state, `.${this.name}-${randomBytes(8).toString("hex")}`);
  }

  #file(name: string, secret = false): string | null {
    try {
      return readOwnFile(join(this.path, name), { secret });
    } catch (e) {
      if (isMissing(e)) return null;
      throw e;
    }
  }
}

function isMissing(e: unknown): boolean {
  return (e as NodeJS.ErrnoException).code === "ENOENT";
}

function writeRecord(file: string, record: ServiceRecord): void {
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600, flag: "wx" });
}

/** Removes what a service has in its folder, and the folder if that was all. */
function removeOwn(folder: string): void {
  for (const name of readdirSync(folder)) if (OWN.test(name)) unlinkSync(join(folder, name));
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

/** Null for what is no record. */
function recordIn(text: string): ServiceRecord | null {
  let found: Partial<Record<keyof ServiceRecord, unknown>>;
  try {
    found = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof found !== "object" || found === null) return null;
  const { name, pid, started, names = [], url, file, since } = found;
  const strings = [name, url, file, since];
  if (!strings.every((s) => typeof s === "string")) return null;
  if (!Number.isInteger(pid) || (pid as number) <= 0) return null;
  if (started !== null && typeof started !== "string") return null;
  if (!Array.isArray(names) || !names.every((n) => typeof n === "string")) return null;
  // The token goes there.
  if (url !== "" && !/^http:\/\/127\.0\.0\.1:\d{1,5}$/.test(url as string)) return null;
  return { ...(found as unknown as ServiceRecord), names };
}

/** The names of services that have a folder. Throws NotOwnError where others could have put one there. */
export function servicesKnown(folder: string = stateFolder()): string[] {
  if (folder === "") throw new StateError("NAME", "the folder where services are known has no name");
  const state = resolve(folder);
  if (lstatSync(state, { throwIfNoEntry: false }) === undefined) return [];
  checkOwnFolder(state);
  return readdirSync(state, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && NAME.test(entry.name))
    .map((entry) => entry.name)
    .filter((name) => hasRecord(join(state, name)))
    .sort();
}

/** A folder without one was made by somebody else, for something else. */
function hasRecord(folder: string): boolean {
  try {
    return lstatSync(join(folder, RECORD), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
