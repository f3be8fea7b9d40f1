// timeout: 300

// A service whose functions are processes, for a user without root: joined by Unix sockets, and nothing is left behind.

import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { atEnd } from "../outside.js";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";
import { notedProcesses, runs } from "./noted.js";
import { MAIN, type Outcome } from "./sluice.js";

const FILE = fileURLToPath(new URL("../../../conf/services/two-sites.yaml", import.meta.url));
/** The user that tests become where they are root: nobody. */
const NOBODY = 65534;
const root = process.getuid?.() === 0;
const user = root ? { uid: NOBODY, gid: NOBODY } : {};

const home = mkdtempSync(join(tmpdir(), "sluice-user-"));
chmodSync(home, 0o1777);
// Sockets are where temporary files are.
const temporary = join(home, "tmp");
mkdirSync(temporary);
chmodSync(temporary, 0o1777);
test.after(() => close());

const { SLUICE_STATE: _, XDG_RUNTIME_DIR: __, XDG_STATE_HOME: ___, ...rest } = process.env;
const env = { ...rest, HOME: home, TMPDIR: temporary, CLICKPATH: "" };

/** Runs the program as the user. */
function sluice(...words: string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...words], { ...user, env, cwd: home, timeout: 120_000 });
    let [out, err] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

async function close(): Promise<void> {
  left();
  await sluice("down");
  rmSync(home, { recursive: true, force: true });
}
const left = atEnd(close);

/** Why the user cannot run the program; null: it can. */
function refused(): string | null {
  if (process.platform !== "linux") return "needs Linux";
  const version = spawnSync(process.execPath, [MAIN, "--version"], { ...user, env, encoding: "utf8" });
  if (version.error !== undefined) return `cannot become another user: ${version.error.message}`;
  return version.status === 0 ? null : `the program cannot be run by uid ${NOBODY}`;
}

const reason = refused();
const userTest = skipUnless(reason === null, reason ?? "");

/** Where a service is known. */
const STATE = join(home, ".local", "state", "sluice", "two-sites");

async function pinged(): Promise<void> {
  const answers = async (): Promise<number> =>
    Number((await sluice("handler", "host1", "answers.count")).out);
  await until(async () => (await answers()) >= 3, "pings are answered", 60);
}

for (const isolation of ["inline", "thread"])
  userTest(`a user without root runs a service (${isolation})`, async () => {
    const up = await sluice("up", FILE, "-d", "--isolation", isolation);
    assert.is(up.code, 0, up.err);
    await pinged();
    assert.is((await sluice("down")).code, 0);
    assert.not.ok(existsSync(STATE));
  });

userTest("without root functions that are processes ping each other, and down leaves nothing", async () => {
  const up = await sluice("up", FILE, "-d", "--isolation", "process");
  assert.is(up.code, 0, up.err);
  await pinged();
  const pids = notedProcesses(STATE);
  assert.ok(pids.length >= 6 && pids.every(runs), pids.join());
  const [folder] = readdirSync(temporary);
  assert.match(readdirSync(join(temporary, folder)).join(), /^1a,1b,2a,/);
  const down = await sluice("down");
  assert.equal([down.code, down.err], [0, ""]);
  // The manager goes once its service is gone.
  await until(() => !runs(pids[0]), "the manager ends");
  assert.equal(pids.filter(runs), []);
  assert.equal(readdirSync(temporary), []);
  assert.not.ok(existsSync(STATE));
});

userTest("what a killed manager left is removed by down: processes and sockets", async () => {
  const up = await sluice("up", FILE, "-d", "--isolation", "process");
  assert.is(up.code, 0, up.err);
  const pids = notedProcesses(STATE);
  // One that cannot notice that its manager is gone.
  process.kill(pids[1], "SIGSTOP");
  process.kill(pids[0], "SIGKILL");
  await until(() => !runs(pids[0]), "the manager is gone");
  assert.is(readdirSync(temporary).length, 1);
  const down = await sluice("down");
  assert.equal([down.code, down.err], [0, ""]);
  assert.match(down.out, /^removed process \d+$/m);
  assert.match(down.out, new RegExp(`^removed ${temporary}/sluice-[0-9a-f]{16}$`, "m"));
  assert.equal(pids.filter(runs), []);
  assert.equal(readdirSync(temporary), []);
  assert.not.ok(existsSync(STATE));
});

test.run();
