// The file in which the rows of an experiment are kept, so that a run that was stopped goes on where it was. A line a
// run, written when that is done, with a sum over it: a line that is damaged costs its run and nothing else.

import { createHash } from "node:crypto";
import { closeSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { homedir, release } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { lockFile } from "../device/file-lock.js";
import { DeviceError } from "../router/device.js";
import { systemError } from "../router/system-error.js";
import { VERSION } from "../router/version.js";
import { NotOwnError, openOwnFile, readOwnFile } from "../system/own-files.js";
import { writeAll } from "../system/write-all.js";
import { type Experiment, isValue, LabError, type Row, type WorldKind } from "./experiment.js";

/** What can change rows: the whole of the built program, but for what only shows them, and the graphs that come with it. */
const BUILT = fileURLToPath(new URL("../..", import.meta.url));
const CODE = ["src", "elements", "kernels.wasm", "../conf"];
const CODE_FILE = /\.(js|wasm|click|yaml)$/;
const CODE_NOT = /^src[\\/](cli|index)\b/;
const SUM_DIGITS = 16;

/** Where results are kept unless something else is said: the user's folder for state (XDG Base Directory). */
export function resultsFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_STATE_HOME } = environment;
  const state =
    XDG_STATE_HOME !== undefined && isAbsolute(XDG_STATE_HOME)
      ? XDG_STATE_HOME
      : join(homedir(), ".local", "state");
  return join(state, "sluice", "lab");
}

/**
 * What makes the rows what they are, besides cell and seed: the experiment, whose module is `file`, the code that runs it
 * and, in real time, the kernel. Rows of another key are in another file.
 */
export function journalKey(experiment: Experiment, file: string, world: WorldKind): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([experiment.name, world, VERSION, world === "real" ? release() : ""]));
  hash.update(readFileSync(file));
  for (const path of CODE.flatMap(codeFiles)) hash.update(path).update(readFileSync(join(BUILT, path)));
  return hash.digest("hex");
}

/** `path` itself, or the files of code in that folder; from BUILT on, in order. */
function codeFiles(path: string): string[] {
  if (CODE_FILE.test(path)) return [path];
  return readdirSync(join(BUILT, path), { recursive: true })
    .map((file) => join(path, String(file)))
    .filter((file) => CODE_FILE.test(file) && !CODE_NOT.test(file))
    .sort();
}

interface Entry {
  readonly id: string;
  readonly rows: readonly Row[];
}

export interface Damage {
  /** From 1. */
  readonly lines: readonly number[];
  /** Where the file is kept as it was found. */
  readonly kept: string;
}

export class Journal {
  readonly file: string;
  readonly #key: string;
  readonly #rows = new Map<string, readonly Row[]>();
  /** What was wrong with the file; null when nothing was. */
  readonly damage: Damage | null;
  readonly #unlock: () => void;

  private constructor(file: string, key: string, unlock: () => void) {
    this.file = file;
    this.#key = key;
    this.#unlock = unlock;
    const there = lstatSync(file, { throwIfNoEntry: false }) !== undefined;
    this.damage = there ? this.#read() : null;
  }

  /**
   * Locks and reads the file in `folder`, both made if they are not there. Rejects with LabError where that cannot be,
   * as when another process runs the same.
   */
  static async open(folder: string, experiment: Experiment, world: WorldKind, key: string): Promise<Journal> {
    const name = `${experiment.name.replace(" ", "-")}-${world}-${key.slice(0, 12)}.jsonl`;
    const file = join(folder, name);
    let unlock: () => void = () => {};
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      unlock = await lock(`${file}.lock`);
      return new Journal(file, key, unlock);
    } catch (e) {
      unlock();
      throw failure(file, e);
    }
  }

  close(): void {
    this.#unlock();
  }

  /** The rows of a run that is done. */
  rows(id: string): readonly Row[] | undefined {
    return this.#rows.get(id);
  }

  /** Keeps the rows of a run. Throws LabError. */
  add(id: string, rows: readonly Row[]): void {
    this.#rows.set(id, rows);
    this.#append([{ id, rows }]);
  }

  /** Forgets everything. The file is kept under another name. Throws LabError. */
  clear(): void {
    this.#rows.clear();
    if (existsSync(this.file)) renameSync(this.file, aside(this.file, "old"));
  }

  #append(entries: readonly Entry[]): void {
    const text = entries.map((entry) => `${this.#line(entry)}\n`).join("");
    try {
      const fd = openOwnFile(this.file, "a", { create: true });
      try {
        writeAll(fd, Buffer.from(text));
      } finally {
        closeSync(fd);
      }
    } catch (e) {
      throw failure(this.file, e);
    }
  }

  #line(entry: Entry): string {
    const text = JSON.stringify(entry);
    return `${this.#sum(text)} ${text}`;
  }

  #sum(text: string): string {
    return createHash("sha256").update(this.#key).update(text).digest("hex").slice(0, SUM_DIGITS);
  }

  #read(): Damage | null {
    const lines = readOwnFile(this.file).split("\n");
    const wrong: number[] = [];
    // A file that was written in full ends with an end of line.
    const end = lines.at(-1) === "" ? lines.length - 1 : lines.length;
    for (let i = 0; i < end; i++) {
      const entry = i === lines.length - 1 ? null : this.#entry(lines[i]);
      if (entry === null) wrong.push(i + 1);
      else this.#rows.set(entry.id, entry.rows);
    }
    if (wrong.length === 0) return null;
    const kept = aside(this.file, "damaged");
    renameSync(this.file, kept);
    this.#append([...this.#rows].map(([id, rows]) => ({ id, rows })));
    return { lines: wrong, kept };
  }

  /** Null for a line that is not as it was written. */
  #entry(line: string): Entry | null {
    const text = line.slice(SUM_DIGITS + 1);
    if (line !== `${this.#sum(text)} ${text}`) return null;
    try {
      const { id, rows } = JSON.parse(text) as Entry;
      const whole = typeof id === "string" && Array.isArray(rows) && rows.every(isRow);
      return whole ? { id, rows } : null;
    } catch {
      return null;
    }
  }
}

async function lock(path: string): Promise<() => void> {
  try {
    return await lockFile(path);
  } catch (e) {
    // Where there are no locks nobody is kept out.
    if (e instanceof DeviceError && e.code === "UNSUPPORTED") return () => {};
    throw e;
  }
}

function failure(file: string, e: unknown): LabError {
  if (e instanceof LabError) return e;
  const busy = e instanceof DeviceError && e.code === "BUSY";
  if (busy) return new LabError("RESULTS", `the same experiment runs already, with ${file}: ${e.message}`);
  const why = e instanceof NotOwnError || e instanceof DeviceError ? e.message : systemError(e);
  return new LabError("RESULTS", `results cannot be kept in ${file}: ${why} (--out names another folder)`);
}

function isRow(row: unknown): row is Row {
  return typeof row === "object" && row !== null && Object.values(row).every(isValue);
}

/** A name that is free. */
function aside(file: string, why: string): string {
  for (let n = 1; ; n++) {
    const name = `${file}.${why}-${n}`;
    if (!existsSync(name)) return name;
  }
}
