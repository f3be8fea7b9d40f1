// timeout: 300
// Signals: what ends the program in order, and what opens no debugger.

import { existsSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { processRuns } from "../../src/system/processes.js";
import { notedProcesses } from "./noted.js";
import { OwnService } from "./own-service.js";
import { launch } from "./sluice.js";

const own = new OwnService();
test.after(() => own.close());

const UP = 'Script(print "up")';
const IDLE = "Idle -> Discard";

for (const signal of ["SIGHUP", "SIGTERM", "SIGINT"] as const)
  test(`${signal} ends a router in order`, async () => {
    const program = launch(["-e", `${UP}; Idle -> c :: Counter -> Discard`, "-h", "c.count"]);
    await program.until(() => program.out() === "up\n");
    program.kill(signal);
    assert.equal(await program.ended, { code: 0, signal: null }, program.err());
    assert.is(program.out(), "up\n0\n");
  });

test("SIGHUP ends a service and its processes in order", async () => {
  const program = launch(["up", own.file, "--isolation", "process", ...own.words]);
  await program.until(() => /host2 +started/.test(program.out()));
  const pids = notedProcesses(own.folder);
  // A terminal that goes tells all of them.
  process.kill(pids[1], "SIGHUP");
  program.kill("SIGHUP");
  assert.equal(await program.ended, { code: 0, signal: null }, program.err());
  assert.not.match(program.out(), /crashed|SIGHUP/);
  assert.match(program.out(), /ms +stopped\n$/);
  assert.not.ok(existsSync(own.folder));
  for (const pid of pids) assert.not.ok(processRuns({ pid, started: null }), String(pid));
});

test("SIGHUP ends the demo and its service", async () => {
  const program = launch(["demo", "--seconds", "100"]);
  await program.until(() => /host1/.test(program.out()));
  program.kill("SIGHUP");
  const { signal } = await program.ended;
  assert.is(signal, null, program.err());
});

test("SIGUSR1 opens no debugger in a router, a service or its processes", async () => {
  const router = launch(["-e", `${UP}; ${IDLE}`]);
  const service = launch(["up", own.file, "--isolation", "process", "--logs", ...own.words]);
  await router.until(() => router.out() === "up\n");
  await service.until(() => /host2 +started/.test(service.out()));
  const pids = notedProcesses(own.folder);
  for (const pid of [router.pid, ...pids]) process.kill(pid, "SIGUSR1");
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const pid of [router.pid, ...pids]) assert.ok(processRuns({ pid, started: null }));
  for (const program of [router, service]) {
    program.kill("SIGTERM");
    assert.equal(await program.ended, { code: 0, signal: null });
    assert.not.match(program.out() + program.err(), /debugger/i);
  }
});

test("a script that waits for SIGUSR1 gets it each time", async () => {
  const program = launch([
    "-e",
    `Script(TYPE SIGNAL USR1, init n 0, set n $(add $n 1), print "got $n", goto end $(lt $n 3), stop); ${UP}; ${IDLE}`,
  ]);
  await program.until(() => program.out() === "up\n");
  for (const n of [1, 2, 3]) {
    program.kill("SIGUSR1");
    await program.until(() => program.out().endsWith(`got ${n}\n`));
  }
  assert.equal(await program.ended, { code: 0, signal: null });
  assert.is(program.err(), "");
});

test.run();
