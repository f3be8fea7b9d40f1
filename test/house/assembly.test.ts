// The kernels are type-checked by the compiler that checks the rest, too: AssemblyScript's own lets some mistakes pass.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

test("assembly/ is right by TypeScript's types as by AssemblyScript's", () => {
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", join(root, "assembly")], {
    encoding: "utf8",
  });
  assert.is(stdout, "");
  assert.is(status, 0);
});

test.run();
