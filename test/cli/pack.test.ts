// timeout: 300
// The package as npm makes it, installed somewhere else: the program, the library and its types.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { skipUnless } from "../skip.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-pack-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

function npm(cwd: string, ...words: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr, error } = spawnSync("npm", words, {
    cwd,
    encoding: "utf8",
    timeout: 200_000,
  });
  return { status, text: `${stdout}${stderr}${error?.message ?? ""}` };
}

/** Packs the project and installs the tarball in a folder of its own; says why it could not. */
function install(): string | null {
  // The tests run from a finished build; the scripts of packing would only build again.
  const packed = npm(ROOT, "pack", "--ignore-scripts", "--pack-destination", folder);
  if (packed.status !== 0) throw new Error(packed.text);
  const tarball = readdirSync(folder).find((f) => f.endsWith(".tgz"))!;
  const user = join(folder, "user");
  mkdirSync(user);
  writeFileSync(join(user, "package.json"), '{ "name": "user", "private": true, "type": "module" }');
  const installed = npm(
    user,
    "install",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    join(folder, tarball),
  );
  if (installed.status === 0) return null;
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED|network/i.test(installed.text))
    return "npm cannot reach its registry";
  throw new Error(installed.text);
}

const reason = install();
const installedTest = skipUnless(reason === null, reason ?? "");
const user = join(folder, "user");

installedTest("npx sluice --version answers", () => {
  const out = execFileSync("npx", ["--no-install", "sluice", "--version"], { cwd: user, encoding: "utf8" });
  assert.match(out, /^sluice \d+\.\d+\.\d+\n$/);
});

installedTest("the installed program runs a configuration", () => {
  const words = [
    "--no-install",
    "sluice",
    "-e",
    "i :: InfiniteSource(LIMIT 3, STOP true) -> c :: Counter -> Discard",
    "-h",
    "c.count",
  ];
  assert.is(execFileSync("npx", words, { cwd: user, encoding: "utf8" }), "3\n");
});

installedTest("the installed library runs, and its types hold", () => {
  const program = `
import { Element, type ElementSpec, Loader, Router, SimulatedClock } from "sluice";

class Twice extends Element {
  static readonly spec = { ports: "1/1", args: { N: { type: "unsigned", default: "2", doc: "how often" } } } as const satisfies ElementSpec;
}

const loader = new Loader();
loader.add(Twice);
const router: Router = await Router.fromText("i :: Idle -> t :: Twice -> c :: Counter -> q :: Queue -> Discard(ACTIVE false)", {
  loader,
  clock: new SimulatedClock(),
});
router.inject("t", Uint8Array.of(1, 2, 3));
const packets: Uint8Array[] = router.take("q");
if (packets.length !== 1 || packets[0].length !== 3) throw new Error("the packet is lost");
router.close();
`;
  writeFileSync(join(user, "program.ts"), program);
  // Node's types, as a project in TypeScript has them; @types may be there already, of what the library depends on.
  mkdirSync(join(user, "node_modules/@types"), { recursive: true });
  for (const types of ["@types/node", "undici-types"])
    symlinkSync(join(ROOT, "node_modules", types), join(user, "node_modules", types));
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const flags = [
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--strict",
    "--types",
    "node",
    "--lib",
    "es2023",
    "program.ts",
  ];
  const compiled = spawnSync(process.execPath, [tsc, ...flags], { cwd: user, encoding: "utf8" });
  assert.is(compiled.stdout, "");
  execFileSync(process.execPath, ["program.js"], { cwd: user });
});

test.run();
