// What is known of a service from outside: others look at it while it is written.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { processIdentity } from "../../../src/system/processes.js";
import {
  ServiceFolder,
  type ServiceRecord,
  StateError,
  servicesKnown,
  stateFolder,
} from "../../../src/vnf/state/folder.js";

const home = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(home, { recursive: true, force: true }));

const RECORD: ServiceRecord = {
  name: "s",
  ...processIdentity(process.pid),
  url: "",
  file: "f",
  since: "",
};
const MODULE = new URL("../../../src/vnf/state/folder.js", import.meta.url).href;

/** Runs `body` in a thread, with ServiceFolder, RECORD, `home` and `shared` (one word); what it posts last. */
function thread<T>(body: string, shared: Int32Array): Promise<T> {
  const text = `
    const { parentPort, workerData: { home, RECORD, shared } } = require("node:worker_threads");
    import(${JSON.stringify(MODULE)}).then(({ ServiceFolder }) => { ${body} });`;
  const worker = new Worker(text, { eval: true, workerData: { home, RECORD, shared } });
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", resolve);
  });
}

test("of those who claim a service at the same time one has it, and the others see at once whose it is", async () => {
  const rounds = 200;
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const claims = `
    const told = [];
    for (let i = 0; i < ${rounds}; i++) {
      const folder = new ServiceFolder("s" + i, home);
      // When both are there.
      const all = 2 * (i + 1);
      if (Atomics.add(shared, 0, 1) + 1 === all) Atomics.notify(shared, 0);
      else for (let n; (n = Atomics.load(shared, 0)) < all; ) Atomics.wait(shared, 0, n);
      const mine = folder.claim({ ...RECORD, name: "s" + i });
      told.push(mine ? "mine" : folder.read() === null ? "nobody's" : "another's");
    }
    parentPort.postMessage(told);`;
  const [a, b] = await Promise.all([thread<string[]>(claims, shared), thread<string[]>(claims, shared)]);
  for (let i = 0; i < rounds; i++) assert.equal([a[i], b[i]].sort(), ["another's", "mine"], `round ${i}`);
});

test("a record that is written anew is read whole meanwhile", async () => {
  const folder = new ServiceFolder("anew", home);
  const record = { ...RECORD, name: "anew" };
  assert.ok(folder.claim(record));
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const reading = thread<[number, number]>(
    `
    const folder = new ServiceFolder("anew", home);
    const seen = [0, 0];
    do seen[folder.read() === null ? 0 : 1]++;
    while (Atomics.load(shared, 0) === 0);
    parentPort.postMessage(seen);`,
    shared,
  );
  for (let i = 0; i < 1000; i++) {
    folder.write({ ...record, file: "f".repeat(i) });
    // The thread begins meanwhile.
    if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  Atomics.store(shared, 0, 1);
  const [nothing, something] = await reading;
  assert.is(nothing, 0);
  assert.ok(something > 0);
  assert.is(folder.read()?.file.length, 999);
});

test("what is left when it is removed is nothing", () => {
  const folder = new ServiceFolder("gone", home);
  const record = { ...RECORD, name: "gone" };
  assert.ok(folder.claim(record));
  assert.not.ok(folder.claim(record));
  folder.newToken();
  writeFileSync(folder.ledgerFile, "");
  assert.equal(folder.remove(record), []);
  assert.not.ok(existsSync(folder.path));
  assert.ok(folder.claim(record));
  assert.equal(folder.remove(record), []);
});

test("a folder that another service has by now, or that holds something else, is not removed", () => {
  const folder = new ServiceFolder("mine", home);
  const record = { ...RECORD, name: "mine" };
  assert.ok(folder.claim(record));
  assert.equal(folder.remove({ ...record, pid: record.pid + 1 }), []);
  assert.equal(folder.remove({ ...record, started: "1" }), []);
  assert.is(folder.read()?.pid, record.pid);
  writeFileSync(join(folder.path, "notes.txt"), "mine");
  mkdirSync(join(folder.path, "service-notes"));
  assert.equal(folder.remove(record).sort(), ["notes.txt", "service-notes"]);
  assert.equal(readdirSync(folder.path).sort(), ["notes.txt", "service-notes"]);
  assert.not.ok(folder.claim(record));
  assert.throws(() => folder.read(), /is no folder that 'sluice up' made/);
});

const STRANGE_NAMES = [
  "",
  ".",
  "..",
  "/",
  "a/b",
  "../x",
  "-x",
  "a\0b",
  "a b",
  "a.log",
  ".a",
  "ä",
  "x".repeat(65),
];
for (const name of STRANGE_NAMES)
  test(`${JSON.stringify(name.slice(0, 20))} is no service's name`, () => {
    assert.throws(
      () => new ServiceFolder(name, home),
      (e: unknown) => e instanceof StateError && e.code === "NAME",
    );
  });

for (const [what, text] of [
  ["nothing", ""],
  ["half a record", '{ "name": "odd", "pid": 12'],
  ["another's name", JSON.stringify({ ...RECORD, name: "other" })],
  ["no process", JSON.stringify({ ...RECORD, name: "odd", pid: -1 })],
  [
    "an address that is not this machine's",
    JSON.stringify({ ...RECORD, name: "odd", url: "http://10.0.0.1:80" }),
  ],
  ["null", "null"],
] as const)
  test(`a folder whose record holds ${what} is no service's, and is listed`, () => {
    const folder = new ServiceFolder("odd", join(home, "odd"));
    mkdirSync(folder.path, { recursive: true });
    writeFileSync(join(folder.path, "service.json"), text);
    assert.throws(
      () => folder.read(),
      (e: unknown) => e instanceof StateError && e.code === "FOREIGN",
    );
    assert.equal(servicesKnown(join(home, "odd")), ["odd"]);
  });

test("a folder without a record is no service's, and is not listed", () => {
  const state = join(home, "others");
  mkdirSync(join(state, "photos"), { recursive: true });
  const folder = new ServiceFolder("photos", state);
  assert.throws(() => folder.read(), /is no folder that 'sluice up' made/);
  assert.not.ok(folder.claim({ ...RECORD, name: "photos" }));
  assert.equal(servicesKnown(state), []);
  assert.equal(readdirSync(join(state, "photos")), []);
});

test("the folder of services is where the environment says, if its paths are absolute", () => {
  assert.is(stateFolder({ SLUICE_STATE: "here", XDG_RUNTIME_DIR: "/run/user/1" }), "here");
  assert.is(stateFolder({ XDG_RUNTIME_DIR: "/run/user/1" }), "/run/user/1/sluice");
  const usual = stateFolder({});
  assert.is(stateFolder({ XDG_RUNTIME_DIR: "run", XDG_STATE_HOME: "" }), usual);
});

test.run();
