// Test files for the runner's tests: written into a temporary folder and run through the runner itself.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";

const runner = fileURLToPath(new URL("../run.js", import.meta.url));
const uvu = import.meta.resolve("uvu");
const skip = new URL("../skip.js", import.meta.url).href;

/** How a file begins. */
export const head = `import { test } from ${JSON.stringify(uvu)};
import { skipUnless } from ${JSON.stringify(skip)};
`;
/** A whole file. */
export const passing = `${head}test("a", () => {});\ntest("b", () => {});\ntest.run();\n`;

export interface Outcome {
  readonly status: number | null;
  readonly lines: readonly string[];
  /** The closing line. */
  readonly last: string;
}

/** Writes files, texts by name, into a new folder. */
export function writeFixtures(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "runner-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  return root;
}

/** The environment of a runner that is not in CI. */
function environment(more: object): NodeJS.ProcessEnv {
  const { CI: _, ...rest } = process.env;
  return { ...rest, ...more };
}

function outcome(status: number | null, output: string): Outcome {
  const lines = output.trimEnd().split("\n");
  return { status, lines, last: lines.at(-1) ?? "" };
}

/** Runs files by name through the runner. */
export function runFixtures(
  files: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  env: object = {},
): Outcome {
  const root = writeFixtures(files);
  try {
    const { status, stdout } = spawnSync(process.execPath, [runner, "--root", root, ...args], {
      encoding: "utf8",
      env: environment(env),
    });
    return outcome(status, stdout);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Starts the runner on the files in `root` as a shell does: as the leader of a group of its own. */
export function startRunner(root: string): {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
} {
  const child = spawn(process.execPath, [runner, "--root", root], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: environment({}),
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  return { child, ended: new Promise((done) => child.on("close", (code) => done(outcome(code, out)))) };
}

export function has({ lines }: Outcome, pattern: RegExp): void {
  assert.ok(
    lines.some((line) => pattern.test(line)),
    `no line matches ${pattern} in:\n${lines.join("\n")}`,
  );
}
