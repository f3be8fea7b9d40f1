// Which files and folders are believed to be this user's alone.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkOwnFolder, NotOwnError, openOwnFile, readOwnFile } from "../../src/system/own-files.js";
import { skipUnless } from "../skip.js";

const NOBODY = 65534;
const home = mkdtempSync(join(tmpdir(), "sluice-own-"));
test.after(() => rmSync(home, { recursive: true, force: true }));
const rootTest = skipUnless(process.getuid?.() === 0, "needs root to give files to another user");

let count = 0;
function folder(mode = 0o700, parent = home): string {
  const path = join(parent, `d${count++}`);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

function file(mode = 0o600, text = "text"): string {
  const path = join(folder(), "f");
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function refuses(what: () => unknown, why: RegExp): void {
  assert.throws(what, (e: unknown) => e instanceof NotOwnError && why.test(e.message));
}

test("a folder of one's own is, whoever may read it", () => {
  checkOwnFolder(folder());
  checkOwnFolder(folder(0o755));
});

test("a folder that the group or others may write to is not", () => {
  refuses(() => checkOwnFolder(folder(0o770)), /may be written to by other users \(mode 770\): 'chmod go-w'/);
  refuses(() => checkOwnFolder(folder(0o702)), /mode 702/);
  // Everybody can put things there, though not remove those of others.
  refuses(() => checkOwnFolder(folder(0o1777)), /mode 1777/);
});

test("a folder in one where others may move it is not; in a sticky one it is", () => {
  refuses(() => checkOwnFolder(folder(0o700, folder(0o777))), /d\d+ may be written to .*mode 777/);
  checkOwnFolder(folder(0o700, folder(0o1777)));
  refuses(() => checkOwnFolder(folder(0o700, folder(0o700, folder(0o757)))), /mode 757/);
});

test("a symbolic link is no folder of one's own; on the way to one it may be", () => {
  const link = join(home, "link");
  symlinkSync(folder(), link);
  refuses(() => checkOwnFolder(link), /link is a symbolic link/);
  checkOwnFolder(folder(0o700, link));
  const open = folder(0o777);
  const through = join(home, "through");
  symlinkSync(open, through);
  refuses(() => checkOwnFolder(folder(0o700, through)), /mode 777/);
  const ring = join(home, "ring");
  symlinkSync(ring, ring);
  assert.throws(() => checkOwnFolder(join(ring, "x")));
});

test("what is not there, and what is no folder, is told", () => {
  assert.throws(
    () => checkOwnFolder(join(home, "missing")),
    (e: NodeJS.ErrnoException) => e.code === "ENOENT",
  );
  refuses(() => checkOwnFolder(file()), /is no folder/);
});

rootTest("what belongs to another user is not root's either, nor what lies in his folders", () => {
  const his = folder(0o755);
  const mine = folder(0o700, his);
  chownSync(his, NOBODY, NOBODY);
  refuses(() => checkOwnFolder(his), /belongs to another user \(65534\)/);
  refuses(() => checkOwnFolder(mine), new RegExp(`${his} belongs to another user`));
  const link = join(home, "his-link");
  execFileSync("ln", ["-s", folder(), link]);
  execFileSync("chown", ["-h", "nobody", link]);
  refuses(() => checkOwnFolder(folder(0o700, link)), /his-link belongs to another user/);
  const text = file(0o644);
  chownSync(text, NOBODY, NOBODY);
  refuses(() => readOwnFile(text), /belongs to another user \(65534\)/);
});

test("a file of one's own is read; a secret only when others cannot", () => {
  assert.is(readOwnFile(file(0o644)), "text");
  assert.is(readOwnFile(file(0o600), { secret: true }), "text");
  refuses(
    () => readOwnFile(file(0o640), { secret: true }),
    /may be read by other users \(mode 640\): 'chmod go-rw'/,
  );
  refuses(() => readOwnFile(file(0o622), { secret: true }), /may be written to/);
  refuses(() => readOwnFile(file(0o664)), /may be written to by other users \(mode 664\)/);
});

test("a link, a second name, a FIFO, a device and a folder are no files of one's own", () => {
  const real = file();
  const link = `${real}-link`;
  symlinkSync(real, link);
  for (const access of ["r", "r+", "a"] as const)
    refuses(() => openOwnFile(link, access, { create: true }), /is a symbolic link/);
  linkSync(real, `${real}-2`);
  refuses(() => readOwnFile(real), /another name/);
  const fifo = join(folder(), "fifo");
  execFileSync("mkfifo", [fifo]);
  for (const access of ["r", "r+", "a"] as const) refuses(() => openOwnFile(fifo, access), /no regular file/);
  refuses(() => openOwnFile("/dev/null", "r"), /no regular file/);
  refuses(() => openOwnFile(folder(), "r"), /no regular file/);
});

test("a file that is made is its owner's alone, and one whose content does not count is tightened", () => {
  const made = join(folder(), "made");
  closeSync(openOwnFile(made, "a", { create: true }));
  assert.is(statSync(made).mode & 0o777, 0o600);
  const loose = file(0o666);
  closeSync(openOwnFile(loose, "r+", { tighten: true }));
  assert.is(statSync(loose).mode & 0o777, 0o600);
  assert.is(readFileSync(loose, "latin1"), "text");
});

test.run();
