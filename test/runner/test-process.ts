// One test file in a process of its own, with a folder of its own for temporary files, and nothing of it afterwards.

import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, sep } from "node:path";
import type { ProcessIdentity } from "../../src/system/processes.js";
import { ServiceFolder } from "../../src/vnf/state/folder.js";
import { Ledger } from "../../src/vnf/state/ledger.js";

/** Seconds a process may live on after its tests have ended. */
const GRACE = 5;
/** Seconds that it has to give back what it has outside of itself, once it was asked to end. */
const ORDERLY = 6;
/** Characters of its output that are kept (the last ones). */
const OUTPUT_KEPT = 1 << 20;
/** How files are called in which processes note what they have outside of themselves (test/outside.ts, services). */
const LEDGER = /^resources(-\d+)?$/;

export interface Ending {
  readonly output: string;
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why the runner ended it. */
  readonly stopped: string | null;
  /** What it left behind though nobody stopped it, and what could not be taken away. */
  readonly left: readonly string[];
}

export interface Summary {
  readonly total: number;
  readonly passed: number;
  readonly skipped: number;
}

/** uvu's closing lines, null where they are missing. */
export function summary(output: string): Summary | null {
  const at = output.lastIndexOf("\n  Total:     ");
  if (at < 0) return null;
  const found = /^\n {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)\n {2}Duration: /.exec(
    output.slice(at),
  );
  return found === null
    ? null
    : { total: Number(found[1]), passed: Number(found[2]), skipped: Number(found[3]) };
}

function send(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It, or the whole group, is gone already.
  }
}

/** The test processes that run, each the leader of a group. */
export class TestProcesses {
  readonly #stops = new Set<(why: string) => void>();

  /** Ends all that run, in order. */
  stop(why: string): void {
    for (const stop of this.#stops) stop(why);
  }

  /** Runs the file at `path` to its end, or ends it after `timeout` seconds; then takes away what is left of it. */
  async run(path: string, timeout: number): Promise<Ending> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
    // Tests become other users, too.
    chmodSync(folder, 0o755);
    try {
      const ending = await this.#run(path, timeout, folder);
      return { ...ending, left: await takeAway(folder, ending.stopped === null) };
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    }
  }

  #run(path: string, timeout: number, folder: string): Promise<Omit<Ending, "left">> {
    return new Promise((done) => {
      const { FORCE_COLOR: _, ...env } = process.env;
      const child = spawn(process.execPath, [path], {
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...env, NO_COLOR: "1", TMPDIR: folder },
      });
      const { pid } = child;
      const killGroup = (): void => send(pid && -pid, "SIGKILL");
      let output = "";
      let stopped: string | null = null;
      const timers: NodeJS.Timeout[] = [];
      const later = (seconds: number, run: () => void): void =>
        void timers.push(setTimeout(run, seconds * 1000));
      const stop = (why: string): void => {
        if (stopped !== null) return;
        stopped = why;
        // What it started it ends itself, in the order that it knows.
        send(pid, "SIGTERM");
        later(ORDERLY, killGroup);
      };
      this.#stops.add(stop);
      later(timeout, () => stop(`did not end within ${timeout} s`));
      let over = false;
      const take = (text: string): void => {
        output = (output + text).slice(-OUTPUT_KEPT);
        if (over || summary(output) === null) return;
        over = true;
        later(GRACE, () =>
          stop(`its tests ended, but not the process: something is still open (${GRACE} s)`),
        );
      };
      child.stdout.setEncoding("utf8").on("data", take);
      child.stderr.setEncoding("utf8").on("data", take);
      const finish = (status: number | null, signal: NodeJS.Signals | null): void => {
        for (const timer of timers) clearTimeout(timer);
        this.#stops.delete(stop);
        done({ output, status, signal, stopped });
      };
      child.on("error", (error) => {
        output += `${error.message}\n`;
        finish(null, null);
      });
      child.on("exit", (status, signal) => {
        killGroup();
        // A process outside the group may hold the pipe: its end is not awaited.
        later(1, () => {
          child.stdout.destroy();
          child.stderr.destroy();
        });
        child.on("close", () => finish(status, signal));
      });
    });
  }
}

/** All files in `folder`, while processes that the test left behind may still remove some. */
function filesIn(folder: string): string[] {
  for (let tries = 0; ; tries++)
    try {
      return readdirSync(folder, { recursive: true, encoding: "utf8" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || tries === 100) throw error;
    }
}

/** The manager of the service known in `path`; null where a test put something else there. */
function recordIn(path: string): ProcessIdentity | null {
  try {
    const record = new ServiceFolder(basename(path), dirname(path)).read();
    return record && { pid: record.pid, started: record.started, names: record.names };
  } catch {
    return null;
  }
}

/** What is noted in `folder`, and the files there, are taken away; that is told where `tell`, and what cannot be always. */
async function takeAway(folder: string, tell: boolean): Promise<string[]> {
  const files = filesIn(folder);
  const left: string[] = [];
  const release = async (ledger: Ledger): Promise<void> => {
    const { gone, stays } = await ledger.release();
    if (tell) left.push(...gone.map((what) => `left behind: ${what}`));
    left.push(...stays.map((what) => `left behind, and stays: ${what}`));
  };
  const managers = new Ledger(join(folder, "resources-managers"));
  for (const file of files.filter((f) => basename(f) === "service.json")) {
    const manager = recordIn(dirname(join(folder, file)));
    if (manager !== null) managers.note({ kind: "process", ...manager });
  }
  // One that still runs would start again what is taken away.
  await release(managers);
  const ledgers = files.filter((f) => LEDGER.test(basename(f)));
  for (const file of ledgers)
    await release(new Ledger(join(folder, file))).catch((error) =>
      left.push(`left behind: ${error.message}`),
    );
  if (!tell) return left;
  const others = files.filter((f) => !f.includes(sep) && !ledgers.includes(f));
  return [...left, ...others.map((file) => `left behind: temporary file ${file}`)];
}
