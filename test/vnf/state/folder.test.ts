// What is known of a service from outside: others look at it while it is written.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ServiceFolder, type ServiceRecord } from "../../../src/vnf/state/folder.js";

const home = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(home, { recursive: true, force: true }));

const RECORD: ServiceRecord = { name: "s", pid: process.pid, started: null, url: "", file: "f", since: "" };
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
      const mine = folder.claim(RECORD);
      told.push(mine ? "mine" : folder.read() === null ? "nobody's" : "another's");
    }
    parentPort.postMessage(told);`;
  const [a, b] = await Promise.all([thread<string[]>(claims, shared), thread<string[]>(claims, shared)]);
  for (let i = 0; i < rounds; i++) assert.equal([a[i], b[i]].sort(), ["another's", "mine"], `round ${i}`);
});

test("a record that is written anew is read whole meanwhile", async () => {
  const folder = new ServiceFolder("anew", home);
  assert.ok(folder.claim(RECORD));
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
    folder.write({ ...RECORD, url: "u".repeat(i) });
    // The thread begins meanwhile.
    if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  Atomics.store(shared, 0, 1);
  const [nothing, something] = await reading;
  assert.is(nothing, 0);
  assert.ok(something > 0);
  assert.is(folder.read()?.url.length, 999);
});

test("what is left when it is removed is nothing", () => {
  const folder = new ServiceFolder("gone", home);
  assert.ok(folder.claim(RECORD));
  assert.not.ok(folder.claim(RECORD));
  folder.remove();
  assert.not.ok(existsSync(folder.path));
  assert.ok(folder.claim(RECORD));
});

test.run();
