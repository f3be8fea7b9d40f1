// Runs the program as a user would, for tests.

import { spawn } from "node:child_process";
import { connect, type NetConnectOpts } from "node:net";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";

export const MAIN: string = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Seconds after which a program that should have ended long ago is ended: as long as a test file has. */
const PATIENCE = 120;

/** Runs `sluice WORDS...` to its end; `input` goes to its standard input, `env` is added to ours. Ends it after `seconds`. */
export function sluice(
  words: readonly string[],
  options: { input?: string; seconds?: number; cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...words], {
      cwd: options.cwd,
      env: { ...process.env, CLICKPATH: "", ...options.env },
    });
    let out = "";
    let err = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), (options.seconds ?? PATIENCE) * 1000);
    child.stdout.setEncoding("latin1").on("data", (text) => (out += text));
    child.stderr.setEncoding("latin1").on("data", (text) => (err += text));
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, out, err });
    });
    // One that ends without it reads none.
    child.stdin.on("error", () => {}).end(options.input ?? "");
  });
}

// ---- Programs that run until something stops them ---------------------------------

export interface Program {
  readonly pid: number;
  readonly out: () => string;
  readonly err: () => string;
  /** Waits until `condition` holds; fails when it does not by the program's end. */
  until(condition: () => boolean): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
}

/** Starts `sluice WORDS...`; ends it after two minutes. `extra`: its descriptor 3. */
export function launch(
  words: readonly string[],
  extra: "pipe" | "ignore" = "ignore",
): Program & { input: Duplex } {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ["pipe", "pipe", "pipe", extra] });
  let [out, err] = ["", ""];
  child.stdout!.setEncoding("latin1").on("data", (t) => (out += t));
  child.stderr!.setEncoding("latin1").on("data", (t) => (err += t));
  const guard = setTimeout(() => child.kill("SIGKILL"), PATIENCE * 1000);
  let closed = false;
  const input = (child.stdio[3] ?? child.stdin) as Duplex;
  // It may end before it has read all.
  input.on("error", () => {});
  return {
    pid: child.pid!,
    out: () => out,
    err: () => err,
    input,
    until: async (condition) => {
      // Its exit comes before the last of its output.
      while (!condition() && !closed) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.ok(condition(), `${condition}: ${err}`);
    },
    kill: (signal) => void child.kill(signal),
    ended: new Promise((resolve) =>
      child.on("close", (code, signal) => {
        clearTimeout(guard);
        closed = true;
        resolve({ code, signal });
      }),
    ),
  };
}

/** Sends `text` to a ControlSocket; all that it answers. */
export function exchange(options: NetConnectOpts, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(options);
    let all = "";
    socket.setEncoding("latin1").on("data", (t) => (all += t));
    socket.on("error", reject);
    socket.on("close", () => resolve(all));
    socket.end(text);
  });
}
