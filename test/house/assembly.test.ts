// The kernels are linted and type-checked by the tools that check the rest: AssemblyScript's compiler lets some mistakes
// pass.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const require = createRequire(import.meta.url);

function program(name: string, path: string): string {
  return join(dirname(require.resolve(`${name}/package.json`)), path);
}

test("the kernels are right by TypeScript's types as by AssemblyScript's", () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [program("typescript", "bin/tsc"), "-p", join(root, "assembly")],
    { encoding: "utf8" },
  );
  assert.is(stdout, "");
  assert.is(status, 0);
});

test("the linter finds nothing in the kernels", () => {
  const copy = mkdtempSync(join(tmpdir(), "sluice-lint-"));
  try {
    for (const folder of ["assembly", "bench/assembly", "test/plugin/assembly"]) {
      mkdirSync(join(copy, folder), { recursive: true });
      for (const file of readdirSync(join(root, folder)).filter((f) => f.endsWith(".ts"))) {
        const text = readFileSync(join(root, folder, file), "utf8");
        // TypeScript has no decorators of functions.
        writeFileSync(join(copy, folder, file), text.replace(/^@inline$/gm, "//"));
      }
    }
    const { linter } = JSON.parse(readFileSync(join(root, "biome.json"), "utf8"));
    // Of numbers == and === are the same; the decorators need a word to TypeScript.
    Object.assign(linter.rules.suspicious, { noDoubleEquals: "off", noTsIgnore: "off" });
    writeFileSync(join(copy, "biome.json"), JSON.stringify({ linter }));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [program("@biomejs/biome", "bin/biome"), "lint", "--error-on-warnings", copy],
      { encoding: "utf8", cwd: copy },
    );
    assert.is(status, 0, stdout + stderr);
    assert.match(stdout + stderr, /Checked [4-9]\d files/);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

test.run();
