// Runs the program as a user would, for tests.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const MAIN: string = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `sluice WORDS...` to its end; `input` goes to its standard input. Ends it after `seconds`. */
export function sluice(
  words: readonly string[],
  options: { input?: string; seconds?: number; cwd?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...words], {
      cwd: options.cwd,
      env: { ...process.env, CLICKPATH: "" },
    });
    let out = "";
    let err = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), (options.seconds ?? 20) * 1000);
    child.stdout.setEncoding("latin1").on("data", (text) => (out += text));
    child.stderr.setEncoding("latin1").on("data", (text) => (err += text));
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, out, err });
    });
    child.stdin.end(options.input ?? "");
  });
}
