// Builds everything into dist/: the kernels (AssemblyScript), the code (TypeScript), and the element map.
// Incremental: a step whose inputs have not changed since its output is skipped.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const quiet = process.argv.includes("--quiet");
const require = createRequire(import.meta.url);

function files(folder, ending) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true })
    .map((f) => join(folder, String(f)))
    .filter((f) => f.endsWith(ending))
    .sort();
}

const time = (file) => (existsSync(join(root, file)) ? statSync(join(root, file)).mtimeMs : 0);
const newest = (list) => Math.max(0, ...list.map(time));

function run(what, script, args) {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    console.error(`build: ${what} failed`);
    process.exit(1);
  }
  if (!quiet) console.log(`build: ${what} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}

if (quiet && !existsSync(join(root, "dist/elements.json")))
  console.error("building, once: kernels, then code");
mkdirSync(join(root, "dist"), { recursive: true });

const TYPES = "src/packet/kernels.generated.ts";
// Each kernel module: its entry and where it goes. All are compiled alike, as asconfig.json says.
const KERNELS = {
  "assembly/index.ts": "dist/kernels.wasm",
  "bench/assembly/index.ts": "dist/bench/kernel.wasm",
  "test/plugin/assembly/index.ts": "dist/test/plugin/kernel.wasm",
};
const asc = join(dirname(require.resolve("assemblyscript/package.json")), "bin/asc.js");
const { options } = JSON.parse(readFileSync(join(root, "asconfig.json"), "utf8"));
const flags = Object.entries(options).flatMap(([name, value]) =>
  value === true ? [`--${name}`] : [`--${name}`, String(value)],
);
for (const [entry, output] of Object.entries(KERNELS)) {
  if (!existsSync(join(root, entry))) continue;
  const sources = [
    ...files("assembly", ".ts"),
    ...files(dirname(entry), ".ts"),
    "asconfig.json",
    "package-lock.json",
  ];
  if (newest(sources) <= time(output) && existsSync(join(root, TYPES))) continue;
  run(`kernels ${entry}`, asc, [entry, ...flags, "--outFile", output]);
  keepTypes(output);
}

// Of the compiler's bindings only the types of our own exports are used: the loader is in src/packet.
function keepTypes(output) {
  const bindings = join(root, output.replace(/wasm$/, "d.ts"));
  if (output === "dist/kernels.wasm") {
    const text = readFileSync(bindings, "utf8");
    const types = text
      .slice(0, text.indexOf("\n}\n") + 3)
      .replace("declare namespace __AdaptedExports", "export interface Kernels")
      .replace(/^ {2}export function /gm, "  ");
    writeFileSync(join(root, TYPES), `// Made by the build from assembly/.\n\n${types}`);
  }
  rmSync(bindings);
  rmSync(bindings.replace(/d\.ts$/, "js"));
}

run("code", join(dirname(require.resolve("typescript/package.json")), "bin/tsc"), []);

// What was compiled from files that have moved or gone would otherwise go on being tested, and loaded.
for (const folder of ["src", "elements", "bench", "test"])
  for (const output of [...files(`dist/${folder}`, ".js"), ...files(`dist/${folder}`, ".d.ts")])
    if (!existsSync(join(root, relative("dist", output).replace(/(\.d\.ts|\.js)$/, ".ts"))))
      rmSync(join(root, output));

// The element map: class name -> file, so that a run loads only the classes its graph names; and the manual,
// class name -> doc comment and contract, for the commands that describe elements without running them.
const elementSources = files("elements", ".ts");
if (newest([...elementSources, "build.mjs"]) > time("dist/elements.json") || process.argv.includes("--map")) {
  const map = {};
  const manual = {};
  for (const source of elementSources) {
    const file = relative("elements", source.replace(/\.ts$/, ".js"));
    const text = readFileSync(join(root, source), "utf8");
    const module = await import(pathToFileURL(join(root, "dist/elements", file)).href);
    for (const [name, value] of Object.entries(module).sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (typeof value !== "function" || value.spec === undefined) continue;
      const comment =
        text.match(new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s*export class ${name}\\b`))?.[1] ?? "";
      map[name] = file;
      manual[name] = { file, comment: comment.replace(/^[ \t]*\*? ?/gm, "").trim(), spec: value.spec };
    }
  }
  writeFileSync(join(root, "dist/manual.json"), `${JSON.stringify(manual, null, 1)}\n`);
  writeFileSync(join(root, "dist/elements.json"), `${JSON.stringify(map, null, 1)}\n`);
  if (!quiet) console.log(`build: element map (${Object.keys(map).length} classes)`);
}
