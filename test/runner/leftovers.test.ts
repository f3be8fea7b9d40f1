// timeout: 600
// What a test file has outside of its process is gone when the runner has ended it: because it hangs, because it is in
// an endless loop and hears nothing, or because somebody interrupts the run. And a file that ends by itself and leaves
// something behind has failed.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { runs } from "../cli/noted.js";
import { namespacesRefused } from "../network/namespaces.js";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";
import { has, head, type Outcome, passing, runFixtures, startRunner, writeFixtures } from "./fixtures.js";

const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

/** Code that makes what a test may have outside: of `make` all, of `makeNamespaces` what takes no time. Both tell of it. */
const MAKES = `
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lab } from ${url("../device/netns.js")};
import { Network } from ${url("../network/namespaces.js")};
import { parseDescriptor } from ${url("../../src/vnf/descriptor/read.js")};
import { Service } from ${url("../../src/vnf/service/service.js")};
import { RealWorld } from ${url("../../src/vnf/world.js")};
import { atEnd, ledger } from ${url("../outside.js")};
import { OwnService } from ${url("../cli/own-service.js")};
import { sluice } from ${url("../cli/sluice.js")};

const GRAPH = join(tmpdir(), "idle.click");
const DESCRIPTOR = "service: t" + process.pid + "-left\\nfunctions: { f: { graph: idle.click, isolation: process } }";

function makeNamespaces() {
  const network = new Network("left");
  network.namespace("a");
  const { pid } = network.start("a", "sleep", ["1000"]);
  return { pids: [pid], namespaces: [network.fullName("a"), new Lab().namespace()], folder: tmpdir() };
}

async function make(tell = console.log) {
  const { pids, namespaces, folder } = makeNamespaces();
  writeFileSync(GRAPH, "Idle -> Discard;");
  const descriptor = parseDescriptor(DESCRIPTOR, join(tmpdir(), "service.yaml"));
  const service = await Service.instantiate(descriptor, { world: new RealWorld(), book: ledger });
  atEnd(() => service.terminate());
  await service.start();
  const own = new OwnService();
  const up = await sluice(["up", own.file, "-d", ...own.words], { seconds: 200 });
  if (up.code !== 0) throw new Error(up.err);
  pids.push(service.function("f").instance.pid, Number(/process (\\d+)/.exec(up.out)[1]));
  tell(JSON.stringify({ pids, namespaces: [...namespaces, "sluice-" + descriptor.name + "-f"], folder }));
}
`;

interface Made {
  readonly pids: readonly number[];
  readonly namespaces: readonly string[];
  readonly folder: string;
}

/** Which of it is there. */
function there({ pids, namespaces, folder }: Made): string[] {
  return [
    ...pids.filter(runs).map((pid) => `process ${pid}`),
    ...namespaces.filter((name) => existsSync(`/run/netns/${name}`)),
    ...[folder].filter(existsSync),
  ];
}

/** What the files told that they had made. */
function made({ lines }: Outcome): Made[] {
  return lines.filter((line) => line.trim().startsWith("{")).map((line) => JSON.parse(line));
}

const refused = namespacesRefused();
const rootTest = skipUnless(refused === null, refused ?? "");

rootTest("nothing is left of test processes that have to be stopped", () => {
  const files = {
    hangs: `// timeout: 30
${head}${MAKES}
test("for ever", async () => { console.log(JSON.stringify(makeNamespaces())); await new Promise(() => {}); });
test.run();
`,
    stays: `${head}${MAKES}
test("ends, and its process does not", async () => { await make(); setInterval(() => {}, 1000); });
test.run();
`,
    loops: `${head}${MAKES}
// It ends some time, should its runner be killed.
const hearsNothing = () => { for (const end = Date.now() + 120_000; Date.now() < end;); process.exit(); };
test("ends, and its process hears nothing", async () => { await make(); setTimeout(hearsNothing, 1000); });
test.run();
`,
  };
  const outcome = runFixtures(
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`${name}.test.js`, text])),
  );
  has(outcome, /hangs: did not end within 30 s/);
  has(outcome, /stays: its tests ended, but not the process/);
  has(outcome, /loops: its tests ended, but not the process/);
  assert.is(outcome.last, "2 passed, 3 failed");
  const all = made(outcome);
  assert.equal(all.map((m) => `${m.pids.length} ${m.namespaces.length}`).sort(), ["1 2", "3 3", "3 3"]);
  for (const each of all) assert.equal(there(each), []);
  assert.not.match(outcome.lines.join("\n"), /left behind/);
});

rootTest("nothing is left of a run that Ctrl-C interrupts, and no further file is begun", async () => {
  // The runner's own output comes at the end only.
  const told = `${head}${MAKES}
test("for ever", async () => {
  await make((text) => writeFileSync(new URL("told", import.meta.url), text));
  await new Promise(() => {});
});
test.run();
`;
  const waits = `${head}test("for ever", () => new Promise(() => setInterval(() => {}, 1000)));\ntest.run();\n`;
  const files = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`b${i}.test.js`, waits]));
  const root = writeFixtures({ "a.test.js": told, ...files });
  try {
    const { child, ended } = startRunner(root);
    const path = join(root, "told");
    const text = (): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
    await until(() => text().endsWith("}"), "all is made", 120);
    const all: Made = JSON.parse(text());
    assert.is(there(all).length, 3 + 3 + 1);
    // As the terminal does: to the whole group.
    process.kill(-child.pid!, "SIGINT");
    const outcome = await ended;
    assert.is(outcome.status, 1);
    has(outcome, /a: stopped by SIGINT/);
    has(outcome, /^interrupted: \d+ files were not run$/);
    assert.equal(there(all), []);
  } finally {
    rmSync(root, { recursive: true });
  }
});

rootTest("what a test leaves behind is taken away, and the file has failed", () => {
  const leaving = `${head}${MAKES}
test("passes", async () => { await make(); process.removeAllListeners("exit"); setTimeout(() => process.exit(), 500); });
test.run();
`;
  const outcome = runFixtures({ "a.test.js": leaving });
  assert.is(outcome.last, "1 passed, 1 failed");
  has(outcome, /a: left behind: process \d+$/);
  has(outcome, /a: left behind: namespace sl-left-\d+-a$/);
  has(outcome, /a: left behind: namespace sluice-t\d+-left-f$/);
  const [all] = made(outcome);
  assert.equal(there(all), []);
});

test("a temporary file that a test leaves behind is a failure, and gone", () => {
  const leaving = `${head}
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
test("passes", () => console.log("in " + mkdtempSync(join(tmpdir(), "left-"))));
test.run();
`;
  const outcome = runFixtures({ "a.test.js": leaving, "b.test.js": passing });
  assert.is(outcome.last, "3 passed, 1 failed");
  has(outcome, /a: left behind: temporary file left-\w+$/);
  const [, folder] = /in (\S+)/.exec(outcome.lines.join("\n"))!;
  assert.not.ok(existsSync(folder));
});

test("test files do not share their folder for temporary files", () => {
  const tells = `${head}
import { tmpdir } from "node:os";
test("tells", () => { console.log("in " + tmpdir()); throw new Error("to be shown"); });
test.run();
`;
  const outcome = runFixtures({ "a.test.js": tells, "b.test.js": tells });
  const folders = outcome.lines.flatMap((line) => /^ +in (\S+)$/.exec(line)?.[1] ?? []);
  assert.is(new Set(folders).size, 2);
  for (const folder of folders) assert.not.ok(existsSync(folder));
});

test.run();
