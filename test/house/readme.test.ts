// timeout: 300
// What the README and the pages of docs/ show runs, and does what it says.

import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAIN, sluice } from "../cli/sluice.js";
import { Network, namespacesRefused } from "../network/namespaces.js";
import { skipUnless } from "../skip.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const PAGES = readdirSync(join(ROOT, "docs")).map((file) => readFileSync(join(ROOT, "docs", file), "utf8"));

function blocks(language: string, text = README): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, "gm"))].map((m) => m[1]);
}

const folder = mkdtempSync(join(tmpdir(), "sluice-readme-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "node_modules"));
symlinkSync(ROOT, join(folder, "node_modules/sluice"));
symlinkSync(join(ROOT, "conf"), join(folder, "conf"));
writeFileSync(join(folder, "package.json"), '{ "type": "module" }');

[README, ...PAGES]
  .flatMap((page) => blocks("ts", page))
  .forEach((source, i) => {
    test(`library example ${i + 1} runs, and prints what its comments say`, () => {
      const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
      writeFileSync(
        join(folder, `example${i}.js`),
        ts.transpileModule(source, { compilerOptions: options }).outputText,
      );
      const { stdout, stderr, status } = spawnSync(process.execPath, [`example${i}.js`], {
        cwd: folder,
        encoding: "utf8",
        timeout: 60_000,
      });
      assert.is(status, 0, stderr);
      const said = [...source.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((m) => m[1]);
      if (said.length > 0) assert.equal(stdout.trim().split("\n"), said);
      else assert.ok(Number(stdout) > 0, stdout);
    });
  });

test("there are library examples, in the README too", () => {
  assert.ok(blocks("ts").length >= 1);
  assert.ok([README, ...PAGES].flatMap((page) => blocks("ts", page)).length >= 4);
});

test("the first example prints its packets", async () => {
  const [, config] = /\$ sluice -e '([^']*)'/.exec(README)!;
  const { code, err } = await sluice(["-e", config]);
  assert.is(code, 0);
  assert.is(err.trim().split("\n").length, 5);
  assert.match(err, /^x: {3}\d+ \| /);
});

test("every command, configuration and script that the README names is there", () => {
  const all = [README, ...PAGES].join("\n");
  const commands = [...all.matchAll(/^\| `sluice \[?(\w+)/gm)].map((m) => m[1]);
  assert.ok(commands.length >= 5);
  const overview = spawnSync(process.execPath, [MAIN, "--help"], { encoding: "utf8" }).stdout;
  for (const command of commands) assert.match(overview, new RegExp(`^ {2}${command} `, "m"));
  for (const [, file] of all.matchAll(/`((?:conf|test|src|bench|assembly|elements)\/[\w./-]*)`/g))
    assert.ok(existsSync(join(ROOT, file)), file);
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  for (const [, script] of all.matchAll(/npm run (\w+)/g)) assert.ok(scripts[script] !== undefined, script);
});

test("every page is reached from the README, and links lead to pages that are there", () => {
  for (const file of readdirSync(join(ROOT, "docs"))) assert.ok(README.includes(`](docs/${file})`), file);
  const all = [["", README] as const, ...PAGES.map((page) => ["docs", page] as const)];
  for (const [place, text] of all)
    for (const [, target] of text.matchAll(/\]\(([\w./-]+\.md)(?:#[\w-]+)?\)/g))
      assert.ok(existsSync(join(ROOT, place, target)), target);
});

const refused = namespacesRefused();
skipUnless(refused === null, refused ?? "")(
  "the two tunnel routers of docs/lisp.md carry a ping",
  async () => {
    const [script] = PAGES.flatMap((page) => blocks("", page)).filter((b) => b.includes("ip netns add"));
    const network = new Network("readme");
    try {
      for (const name of ["host1", "xtr1", "xtr2", "host2"]) network.namespace(name);
      // The names of the page, made this test's own; and the ping ends, with 3 answers or after 30 seconds. It ends
      // sooner when the routers take longer to start than the 3 seconds that the kernel waits for ARP: then it begins
      // again.
      const mine = script
        .replace(/^for n in host1.*netns add.*\n/m, "")
        .replace(/\b(host|xtr)(\d|\$\w)/g, (name) => network.fullName(name))
        .replace(/exec (\S+) sluice/, `exec $1 ${process.execPath} ${MAIN}`)
        .replace(/^(.*) ping (192.*)$/m, "for try in {1..30}; do $1 ping -c 3 -w 30 $2 && break; done")
        .concat("\nstatus=$?; kill %1 %2; wait; exit $status\n");
      writeFileSync(join(folder, "xtr.sh"), `set -m\n${mine}`);
      const shell = spawnSync("bash", [join(folder, "xtr.sh")], {
        cwd: ROOT,
        encoding: "utf8",
        timeout: 120_000,
      });
      assert.match(shell.stdout, /packets transmitted, 3 received/, `${shell.stdout}\n${shell.stderr}`);
    } finally {
      await network.close();
    }
  },
);

test.run();
