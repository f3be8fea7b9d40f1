// timeout: 300
// What 'sluice down', 'up' and 'ps' do with folders, links and files that no service of this user left: nothing is
// removed, and nobody killed.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
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
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Command, CommandError } from "../../src/cli/command.js";
import { command as down } from "../../src/cli/down.js";
import type { Output } from "../../src/cli/output.js";
import { command as ps } from "../../src/cli/ps.js";
import { command as up } from "../../src/cli/up.js";
import { NotOwnError } from "../../src/system/own-files.js";
import { processIdentity } from "../../src/system/processes.js";
import { StateError } from "../../src/vnf/state/folder.js";
import { skipUnless } from "../skip.js";
import { sluice } from "./sluice.js";

const FILE = fileURLToPath(new URL("../../../conf/services/two-sites.yaml", import.meta.url));
const NAME = "two-sites";
const NOBODY = 65534;
const rootTest = skipUnless(process.getuid?.() === 0, "needs root to give files to another user");

const home = mkdtempSync(join(tmpdir(), "sluice-strangers-"));
let sleeper: ChildProcess;
test.before(async () => {
  sleeper = spawn("sleep", ["1000"], { stdio: "ignore" });
  await once(sleeper, "spawn");
});
test.after(async () => {
  sleeper.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

/** All there is under `folder`, with owner, mode and text. */
function picture(folder: string): string {
  return (readdirSync(folder, { recursive: true, encoding: "utf8" }) as string[])
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const status = lstatSync(path);
      const text = status.isFile() ? readFileSync(path, "latin1") : "";
      return `${name} ${status.uid} ${status.mode.toString(8)} ${text}`;
    })
    .join("\n");
}

let count = 0;
/** A state folder with a service whose manager, and one process of it, is `sleeper`. */
function leftState(): { state: string; folder: string } {
  const state = join(home, `state${count++}`);
  const folder = join(state, NAME);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const whom = processIdentity(sleeper.pid!);
  const record = { name: NAME, ...whom, url: "", file: FILE, since: "2026-01-01T00:00:00Z" };
  const left = [
    { kind: "process", ...whom },
    { kind: "path", path: state },
  ];
  write(join(folder, "service.json"), JSON.stringify(record));
  write(join(folder, "token"), "secret\n");
  write(join(folder, "resources"), left.map((r) => `+${JSON.stringify(r)}\n`).join(""));
  return { state, folder };
}

function write(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
}

const UNREAD = { gone: new AbortController().signal } as Output;

/** What a command says that does nothing. */
async function refusal(command: Command, words: readonly string[]): Promise<string> {
  let status: number;
  try {
    status = await command.run(words, UNREAD);
  } catch (e) {
    assert.ok(
      [CommandError, StateError, NotOwnError].some((kind) => e instanceof kind),
      String(e),
    );
    return (e as Error).message;
  }
  return assert.unreachable(`it ended with ${status}`) as never;
}

/** Runs commands on the state folder: they refuse, and do nothing. */
async function untouched(state: string, why: RegExp, names: readonly string[] = [NAME]): Promise<void> {
  const before = picture(state);
  const told = (what: string, reason: RegExp): void => {
    assert.match(what, reason);
    assert.is(picture(state), before);
    assert.is(sleeper.exitCode ?? sleeper.signalCode, null);
  };
  for (const name of names) told(await refusal(down, ["--state", state, "--", name]), why);
  if (!names.includes(NAME)) return;
  // It may be told first that the service runs.
  const reason = new RegExp(`${why.source}|runs already`);
  told(await refusal(up, [FILE, "--seconds", "0.1", "--state", state]), reason);
}

test("down takes no name that leads out of the folder of services, or is none", async () => {
  const { state } = leftState();
  const long = "x".repeat(300);
  const names = [
    "",
    ".",
    "..",
    "/",
    "-x",
    "a/b",
    `../${NAME}`,
    `${state}/${NAME}`,
    `${NAME}/`,
    "./",
    long,
    "a\nb",
  ];
  await untouched(state, /is no service's name/, names);
  await untouched(
    state,
    /is no service's name/,
    ["-- -x".slice(3)].filter((n) => !n.startsWith("-")),
  );
  // As a user would see it.
  const { code, out, err } = await sluice(["down", "--state", state, ""]);
  assert.equal([code, out], [1, ""]);
  assert.match(err, /^"" is no service's name: .*\n$/);
  assert.match(await refusal(ps, ["--state", ""]), /has no name/);
  assert.match(await refusal(down, ["--state", ""]), /has no name/);
});

test("a folder that up did not make stays, with all that it holds, and up does not take it over", async () => {
  const state = join(home, "foreign");
  const folder = join(state, NAME);
  mkdirSync(join(folder, "photos"), { recursive: true });
  await untouched(state, /is no folder that 'sluice up' made/);
  write(join(folder, "photos", "cat"), "meow");
  write(join(folder, "resources"), `+${JSON.stringify({ kind: "path", path: home })}\n`);
  await untouched(state, /is no folder that 'sluice up' made/);
  // Without a name it is none of the services either.
  assert.match(await refusal(down, ["--state", state]), /^no service runs here/);
  write(join(folder, "service.json"), "{}");
  await untouched(state, /is no folder that 'sluice up' made/);
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  await untouched(state, /is no folder that 'sluice up' made/);
  rmSync(folder, { recursive: true });
  write(folder, "a file");
  await untouched(state, /is no folder/);
});

test("what somebody put into a service's folder stays there", async () => {
  const { state, folder } = leftState();
  const record = JSON.parse(readFileSync(join(folder, "service.json"), "utf8"));
  // Its manager is gone.
  write(join(folder, "service.json"), JSON.stringify({ ...record, started: "1" }));
  write(join(folder, "resources"), "");
  write(join(folder, "notes.txt"), "mine");
  assert.match(
    await refusal(up, [FILE, "--state", state]),
    /is not taken over: it holds what is no service's: notes\.txt/,
  );
  const { code, err } = await sluice(["down", "--state", state]);
  assert.is(code, 1);
  assert.match(err, /^cannot remove .*: it holds what is no service's: notes\.txt$/m);
  assert.equal(readdirSync(folder), ["notes.txt"]);
});

test("symbolic links are followed nowhere", async () => {
  const real = leftState();
  const state = join(home, "links");
  mkdirSync(state);
  symlinkSync(real.folder, join(state, NAME));
  await untouched(state, /is a symbolic link/);
  const link = join(home, "state-link");
  symlinkSync(real.state, link);
  await untouched(link, /state-link is a symbolic link/);
  assert.match(await refusal(ps, ["--state", link]), /state-link is a symbolic link/);
  for (const name of ["service.json", "token", "resources"]) {
    const { state, folder } = leftState();
    rmSync(join(folder, name));
    symlinkSync(join(real.folder, name), join(folder, name));
    await untouched(state, new RegExp(`${name} is a symbolic link`));
  }
  // All of it is still there.
  assert.equal(readdirSync(real.folder).sort(), ["resources", "service.json", "token"]);
});

test("ps tells of a folder that is not believed, and of the others", async () => {
  const { state, folder } = leftState();
  chmodSync(folder, 0o777);
  const { code, out } = await sluice(["ps", "--state", state]);
  assert.is(code, 0);
  assert.match(out, /two-sites +- +refused .*may be written to by other users/);
});

test("what others may write to is not believed", async () => {
  for (const [name, mode] of [
    [".", 0o777],
    [".", 0o770],
    [NAME, 0o777],
    [NAME, 0o720],
    [`${NAME}/service.json`, 0o666],
    [`${NAME}/resources`, 0o620],
    [`${NAME}/token`, 0o602],
    [`${NAME}/token`, 0o640],
  ] as const) {
    const { state } = leftState();
    chmodSync(join(state, name), mode);
    await untouched(state, /may be (written to|read) by other users \(mode \d+\): 'chmod/);
  }
});

rootTest("a stranger's state is not root's: nothing of it is removed, and nobody killed", async () => {
  for (const name of [".", NAME, `${NAME}/service.json`, `${NAME}/resources`, `${NAME}/token`]) {
    const { state } = leftState();
    chownSync(join(state, name), NOBODY, NOBODY);
    await untouched(state, /belongs to another user \(65534\)/);
  }
  const within = join(home, "his");
  mkdirSync(within);
  chownSync(within, NOBODY, NOBODY);
  const { state } = leftState();
  const moved = join(within, "state");
  rmSync(moved, { recursive: true, force: true });
  mkdirSync(join(moved, NAME), { recursive: true, mode: 0o700 });
  for (const name of readdirSync(join(state, NAME)))
    write(join(moved, NAME, name), readFileSync(join(state, NAME, name), "utf8"));
  await untouched(moved, /his belongs to another user/);
});

test("the log of a service in the background is written over no other file", async () => {
  const state = join(home, "logs");
  mkdirSync(state);
  const log = join(state, `${NAME}.log`);
  const victim = join(home, "victim");
  write(victim, "precious\n");
  const said = async (): Promise<string> => {
    const why = await refusal(up, [FILE, "-d", "--state", state]);
    assert.not.ok(existsSync(join(state, NAME)));
    return why;
  };
  symlinkSync(victim, log);
  assert.match(await said(), /two-sites\.log is a symbolic link/);
  rmSync(log);
  write(log, "my own notes\n");
  assert.match(await said(), /two-sites\.log is there and is no log of 'sluice up': move it away/);
  assert.is(readFileSync(log, "latin1"), "my own notes\n");
  chmodSync(log, 0o666);
  assert.match(await said(), /may be written to by other users/);
  assert.is(readFileSync(victim, "latin1"), "precious\n");
});

test.run();
