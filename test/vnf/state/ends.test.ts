// What is taken away from outside may go by itself at the same moment: it is gone, and that is no error.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ProcessIdentity, processIdentity, processStart } from "../../../src/system/processes.js";
import { endService } from "../../../src/vnf/manager/down.js";
import { ServiceFolder } from "../../../src/vnf/state/folder.js";
import { Ledger } from "../../../src/vnf/state/ledger.js";
import { Network, namespacesRefused } from "../../network/namespaces.js";
import { skipUnless } from "../../skip.js";

const home = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(home, { recursive: true, force: true }));

const { kill } = process;
test.after.each(() => {
  process.kill = kill;
});

/** A process that ends the moment before `signal` is sent to it, whatever that is; and what it had from `send`. */
async function vanishing(): Promise<{ child: ChildProcess; whom: ProcessIdentity }> {
  const child = spawn("sleep", ["1000"], { stdio: "ignore" });
  await once(child, "spawn");
  const pid = child.pid!;
  process.kill = (whom, signal) => {
    if (whom !== pid || signal === 0) return kill.call(process, whom, signal);
    kill.call(process, pid, "SIGKILL");
    // Whoever has not been waited for is there still, as a zombie: the system would say nothing.
    throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" });
  };
  return { child, whom: processIdentity(pid) };
}

test("a process that ends before it is killed is gone", async () => {
  const { child, whom } = await vanishing();
  const ledger = new Ledger(join(home, "resources"));
  ledger.note({ kind: "process", ...whom });
  assert.equal(await ledger.release(), { gone: [], stays: [] });
  assert.equal(ledger.resources(), []);
  if (child.signalCode === null) await once(child, "exit");
});

test("a manager that ends, and leaves its folder, before it is asked to is gone", async () => {
  const { child, whom } = await vanishing();
  const folder = new ServiceFolder("manager", home);
  assert.ok(folder.claim({ name: "manager", ...whom, url: "", file: "", since: "" }));
  assert.equal(await endService(folder, 30), { how: "terminated", gone: [], stays: [] });
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
  const folder = new ServiceFolder("deaf", home);
  assert.ok(folder.claim({ name: "deaf", ...processIdentity(pid), url: "", file: "", since: "" }));
  assert.equal(await endService(folder, 0.2), { how: "killed", gone: [], stays: [] });
  assert.is(processStart(pid), null);
  if (child.signalCode === null) await once(child, "exit");
  assert.is(child.signalCode, "SIGKILL");
});

test("a process is killed when number, start and name are those noted, and only then", async () => {
  const child = spawn("sleep", ["1000"], { stdio: "ignore" });
  await once(child, "spawn");
  const pid = child.pid!;
  const whom = processIdentity(pid);
  assert.equal(whom.names, ["sleep"]);
  const ledger = new Ledger(join(home, "resources-3"));
  ledger.note({ kind: "process", ...whom, started: String(Number(whom.started) - 1) });
  assert.equal(await ledger.release(), { gone: [], stays: [] });
  for (const [other, why] of [
    [{ names: ["node", "ip"] }, "it is called 'sleep', not 'node' or 'ip': it may be another's"],
    [{ started: null }, "it cannot be told whether it is still the same process"],
  ] as const) {
    ledger.note({ kind: "process", ...whom, ...other });
    assert.equal(await ledger.release(), { gone: [], stays: [`process ${pid}: ${why}`] });
  }
  const folder = new ServiceFolder("renamed", home);
  assert.ok(folder.claim({ name: "renamed", ...whom, names: ["node"], url: "", file: "", since: "" }));
  const ended = await endService(folder, 0.2);
  assert.equal([ended.how, ended.gone], ["stays", []]);
  assert.match(ended.stays.join(), new RegExp(`^process ${pid}: it is called 'sleep', not 'node'`));
  assert.ok(folder.exists);
  assert.is(processStart(pid), whom.started);
  ledger.note({ kind: "process", ...whom });
  assert.equal(await ledger.release(), { gone: [`process ${pid}`], stays: [] });
  if (child.signalCode === null) await once(child, "exit");
  assert.is(child.signalCode, "SIGKILL");
});

test("a folder of sockets is removed, and nothing that is not one", async () => {
  const ledger = new Ledger(join(home, "resources-4"));
  const folder = (name: string): string => {
    const path = join(home, name);
    mkdirSync(path, { mode: 0o700 });
    ledger.note({ kind: "path", path });
    return path;
  };
  const mine = folder("sluice-0123456789abcdef");
  const socket = createServer().listen(join(mine, "1a"));
  await once(socket, "listening");
  const mixed = folder("sluice-0123456789abcde0");
  writeFileSync(join(mixed, "1a"), "a file");
  const other = folder("documents");
  const target = join(home, "target");
  mkdirSync(target);
  const link = join(home, "sluice-0123456789abcde1");
  symlinkSync(target, link);
  ledger.note({ kind: "path", path: link });
  const { gone, stays } = await ledger.release();
  socket.close();
  assert.equal(gone, [mine]);
  assert.equal(
    stays.sort(),
    [
      `${other}: it is no folder of sockets`,
      `${mixed}: it holds '1a', which is no socket of a service`,
      `${link}: ${link} is a symbolic link`,
    ].sort(),
  );
  assert.equal(
    [mixed, other, link, target].map((path) => existsSync(path)),
    [true, true, true, true],
  );
});

const refused = namespacesRefused();
skipUnless(refused === null, refused ?? "")(
  "a namespace that was made anew by somebody else under the name of ours is not taken away",
  async () => {
    const network = new Network("anew");
    try {
      network.namespace("a");
      const resource = { kind: "namespace", name: network.fullName("a") } as const;
      const ledger = new Ledger(join(home, "resources-5"));
      ledger.note(resource);
      ledger.made(resource);
      spawnSync("ip", ["netns", "del", resource.name]);
      network.namespace("a");
      assert.equal(await ledger.release(), { gone: [], stays: [] });
      assert.ok(existsSync(`/run/netns/${resource.name}`));
      ledger.note(resource);
      ledger.made(resource);
      assert.equal(await ledger.release(), { gone: [`namespace ${resource.name}`], stays: [] });
    } finally {
      await network.close();
    }
  },
);

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
