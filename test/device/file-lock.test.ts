// A file that one at a time has locked: within a process, between processes, and after kill -9.

import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { lockFile } from "../../src/device/file-lock.js";
import { DeviceError } from "../../src/router/device.js";
import { skipUnless } from "../skip.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-lock-"));
test.after(() => rmSync(folder, { recursive: true }));
const linux = skipUnless(process.platform === "linux", "needs flock(2) of Linux");

async function refused(file: string): Promise<DeviceError> {
  try {
    (await lockFile(file))();
  } catch (e) {
    assert.instance(e, DeviceError);
    return e as DeviceError;
  }
  throw new Error("it was locked");
}

linux("a locked file is refused with who has it, until it is unlocked", async () => {
  const file = join(folder, "one");
  writeFileSync(
    file,
    "whatever a former holder wrote, which is longer than what will be written now".repeat(9),
  );
  const unlock = await lockFile(file);
  const error = await refused(file);
  assert.is(error.code, "BUSY");
  assert.match(error.message, new RegExp(`^process ${process.pid} on \\S+, since 20\\S+ has it$`));
  // Whoever wrote into the file does not get words of its own into the error.
  writeFileSync(file, "\x1b[2J");
  assert.is((await refused(file)).message, "another process has it");
  unlock();
  unlock();
  (await lockFile(file))();
});

linux("whoever comes while the holder is just ending has it then", async () => {
  const file = join(folder, "ending");
  const unlock = await lockFile(file);
  setTimeout(unlock, 100);
  (await lockFile(file))();
});

linux("a holder that is killed leaves nothing behind", async () => {
  const file = join(folder, "killed");
  const module = new URL("../../src/device/file-lock.js", import.meta.url).href;
  const script = `const { lockFile } = await import(${JSON.stringify(module)});
    await lockFile(${JSON.stringify(file)}); console.log("locked"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = new Promise((done) => child.on("exit", done));
  await new Promise((done) => child.stdout.once("data", done));
  assert.match((await refused(file)).message, new RegExp(`^process ${child.pid} on `));
  child.kill("SIGKILL");
  await gone;
  (await lockFile(file))();
});

linux("a file that cannot be made is an error that names it", async () => {
  const error = await refused(join(folder, "no", "such", "file"));
  assert.is(error.code, "IO");
  assert.match(error.message, /no\/such\/file/);
});

linux(
  "a lock that others could hold is none: their files and folders are refused, and ours is closed to them",
  async () => {
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    const error = await refused(join(open, "lock"));
    assert.is(error.code, "PERMISSION");
    assert.match(error.message, /^cannot lock .*open\/lock: .*open may be written to by other users/);
    assert.not.ok(existsSync(join(open, "lock")));
    const link = join(folder, "link");
    symlinkSync(join(folder, "one"), link);
    assert.match((await refused(link)).message, /link is a symbolic link/);
    const readable = join(folder, "readable");
    writeFileSync(readable, "");
    chmodSync(readable, 0o644);
    (await lockFile(readable))();
    assert.is(statSync(readable).mode & 0o777, 0o600);
  },
);

skipUnless(process.getuid?.() === 0 && process.platform === "linux", "needs root, to be another user")(
  "a lock file of another user is refused, and he cannot lock ours",
  async () => {
    const his = join(folder, "his");
    writeFileSync(his, "");
    chownSync(his, 65534, 65534);
    assert.match((await refused(his)).message, /his belongs to another user \(65534\)/);
    const ours = join(folder, "ours");
    (await lockFile(ours))();
    chmodSync(folder, 0o755);
    const { stdout } = spawnSync("setpriv", ["--reuid=65534", "--clear-groups", "cat", ours], {
      encoding: "utf8",
    });
    assert.is(stdout ?? "", "");
    const unlock = await lockFile(ours);
    unlock();
  },
);

test.run();
