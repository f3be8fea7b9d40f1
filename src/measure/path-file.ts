// Writes what is known of paths to a JSON file (path-document.ts) again and again, a slice at a time. Whoever reads the
// file finds the one before or the new one, whole.

import { closeSync, fchmodSync, ftruncateSync, renameSync, unlinkSync } from "node:fs";
import { type Clock, wallTime } from "../router/clock.js";
import type { Timer } from "../router/timer.js";
import { openOwnFile } from "../system/own-files.js";
import { writeAll } from "../system/write-all.js";
import { PATH_FORMAT, PATH_VERSION, type PathHeader } from "./path-document.js";
import type { Path, PathTable } from "./path-table.js";

/** Paths of a slice, and the rest after it, nanoseconds. */
const SLICE = 16;
const REST = 1e6;
/** What others may do with it: read it. */
const MODE = 0o644;

export interface PathFileOptions {
  readonly file: string;
  readonly table: PathTable;
  readonly clock: Clock;
  readonly header: Pick<PathHeader, "element" | "interval" | "window" | "timeout">;
  readonly timer: (fire: () => void) => Timer;
  /** Gets what is wrong, once until it is right again. */
  readonly log: (line: string) => void;
}

/** Not for power failures: the file is not forced to the disk. */
export class PathFile {
  readonly #options: PathFileOptions;
  readonly #timer: Timer;
  /** The file that is being written, and the paths that are still to come; null: none. */
  #fd: number | null = null;
  #left: Iterator<Path> | null = null;
  #begun = 0;
  #lines = 0;
  /** What is wrong; empty: nothing. */
  problem = "";

  constructor(options: PathFileOptions) {
    this.#options = options;
    this.#timer = options.timer(() => this.#step());
  }

  start(): void {
    this.#timer.scheduleAfter(this.#options.header.interval * 1e9);
  }

  /** No more is written; what was begun is gone. */
  close(): void {
    this.#timer.unschedule();
    if (this.#fd === null) return;
    this.#giveUp();
  }

  get #next(): string {
    return `${this.#options.file}.new`;
  }

  #step(): void {
    const { clock, header } = this.#options;
    try {
      if (this.#fd === null) this.#begin();
      if (this.#write()) {
        this.#timer.scheduleAfter(REST);
        return;
      }
      this.#end();
      this.problem = "";
    } catch (e) {
      this.#fail(e);
    }
    // From begin to begin, however long it took.
    this.#timer.scheduleAt(Math.max(this.#begun + header.interval * 1e9, clock.now() + REST));
  }

  #begin(): void {
    const { table, clock } = this.#options;
    this.#begun = clock.now();
    this.#fd = openOwnFile(this.#next, "r+", { create: true });
    fchmodSync(this.#fd, MODE);
    // What a run that was killed has left.
    ftruncateSync(this.#fd, 0);
    this.#left = table.paths();
    this.#lines = 0;
    const { seconds, nanoseconds } = wallTime(clock, this.#begun);
    const header: PathHeader = {
      format: PATH_FORMAT,
      version: PATH_VERSION,
      written: new Date(seconds * 1e3 + Math.floor(nanoseconds / 1e6)).toISOString(),
      ...this.#options.header,
    };
    const members = Object.entries(header).map(([name, value]) => `"${name}": ${JSON.stringify(value)},\n`);
    this.#put(`{\n${members.join("")}"paths": [`);
  }

  /** Writes a slice of the paths; returns whether there are more. */
  #write(): boolean {
    let lines = "";
    for (let i = 0; i < SLICE; i++) {
      const { done, value } = this.#left!.next();
      if (done) {
        this.#put(`${lines}\n]\n}\n`);
        return false;
      }
      lines += `${this.#lines++ === 0 ? "" : ","}\n${JSON.stringify(this.#options.table.report(value))}`;
    }
    this.#put(lines);
    return true;
  }

  #put(text: string): void {
    writeAll(this.#fd!, Buffer.from(text));
  }

  #end(): void {
    const fd = this.#fd!;
    this.#fd = null;
    closeSync(fd);
    renameSync(this.#next, this.#options.file);
  }

  #fail(e: unknown): void {
    if (this.#fd !== null) this.#giveUp();
    const problem = `cannot write ${this.#options.file}: ${(e as Error).message}`;
    if (problem !== this.problem) this.#options.log(problem);
    this.problem = problem;
  }

  #giveUp(): void {
    const fd = this.#fd!;
    this.#fd = null;
    this.#left = null;
    try {
      closeSync(fd);
      unlinkSync(this.#next);
    } catch {
      // It is in nobody's way: the next one is written over it.
    }
  }
}
