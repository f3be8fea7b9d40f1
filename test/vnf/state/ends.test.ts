// What is taken away from outside may go by itself at the same moment: it is gone, and that is no error.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { endService } from "../../../src/vnf/manager/down.js";
import { processStart, ServiceFolder } from "../../../src/vnf/state/folder.js";
import { Ledger } from "../../../src/vnf/state/ledger.js";
import { Network, namespacesRefused } from "../../net/namespaces.js";
import { skipUnless } from "../../skip.js";

const home = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(home, { recursive: true, force: true }));

const { kill } = process;
test.after.each(() => {
  process.kill = kill;
});

/** A process that ends the moment before `signal` is sent to it, whatever that is; and what it had from `send`. */
async function vanishing(): Promise<{ child: ChildProcess; pid: number; started: string | null }> {
  const child = spawn("sleep", ["1000"], { stdio: "ignore" });
  await once(child, "spawn");
  const pid = child.pid!;
  process.kill = (whom, signal) => {
    if (whom !== pid || signal === 0) return kill.call(process, whom, signal);
    kill.call(process, pid, "SIGKILL");
    // Whoever has not been waited for is there still, as a zombie: the system would say nothing.
    throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" });
  };
  return { child, pid, started: processStart(pid) };
}

test("a process that ends before it is killed is gone", async () => {
  const { child, pid, started } = await vanishing();
  const ledger = new Ledger(join(home, "resources"));
  ledger.note({ kind: "process", pid, started });
  assert.equal(await ledger.release(), { gone: [], stays: [] });
  assert.equal(ledger.resources(), []);
  if (child.signalCode === null) await once(child, "exit");
});

test("a manager that ends, and leaves its folder, before it is asked to is gone", async () => {
  const { child, pid, started } = await vanishing();
  const folder = new ServiceFolder("manager", home);
  assert.ok(folder.claim({ name: "manager", pid, started, url: "", file: "", since: "" }));
  assert.equal(await endService(folder, 30), { how: "removed", gone: [], stays: [] });
  assert.not.ok(folder.exists);
  if (child.signalCode === null) await once(child, "exit");
});

test("a manager that hears nothing is killed, and gone when that is told", async () => {
  const child = spawn(process.execPath, [
    "-e",
    "process.on('SIGTERM', () => {}); console.log(); setInterval(() => {}, 1000)",
  ]);
  await once(child.stdout, "data");
  const pid = child.pid!;
  const started = processStart(pid);
  const folder = new ServiceFolder("deaf", home);
  assert.ok(folder.claim({ name: "deaf", pid, started, url: "", file: "", since: "" }));
  assert.equal(await endService(folder, 0.2), { how: "killed", gone: [], stays: [] });
  assert.is(processStart(pid), null);
  if (child.signalCode === null) await once(child, "exit");
  assert.is(child.signalCode, "SIGKILL");
});

const refused = namespacesRefused();
skipUnless(refused === null, refused ?? "")(
  "a namespace that somebody else takes away meanwhile is gone; one that cannot be taken away stays",
  async () => {
    const network = new Network("ledger");
    const programs = join(home, "bin");
    mkdirSync(programs);
    const { PATH } = process.env;
    try {
      network.namespace("a");
      const name = network.fullName("a");
      const place = spawnSync("sh", ["-c", "command -v ip"], { encoding: "utf8" }).stdout.trim();
      const program = (text: string): void => {
        writeFileSync(join(programs, "ip"), `#!/bin/sh\n${text}\necho no such thing >&2\nexit 1\n`);
        chmodSync(join(programs, "ip"), 0o755);
      };
      process.env.PATH = `${programs}:${PATH}`;
      const ledger = new Ledger(join(home, "resources-2"));
      ledger.note({ kind: "namespace", name });
      program("");
      const kept = await ledger.release();
      assert.equal(kept.gone, []);
      assert.match(kept.stays.join(), new RegExp(`^namespace ${name}: `));
      assert.ok(existsSync(`/run/netns/${name}`));
      program(`${place} "$@"`);
      assert.equal(await ledger.release(), { gone: [`namespace ${name}`], stays: [] });
      assert.equal(ledger.resources(), []);
    } finally {
      process.env.PATH = PATH;
      await network.close();
    }
  },
);

test.run();
