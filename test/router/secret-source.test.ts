// Secrets in files and in the environment: which are taken, and what is said of those that are not.

import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { referredSecret, SecretError } from "../../src/router/secret-source.js";
import { skipUnless } from "../skip.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function file(content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, `key${count++}`);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const taken = (text: string): string => Buffer.from(referredSecret(text)!).toString("latin1");

function refused(text: string): string {
  try {
    referredSecret(text);
  } catch (e) {
    assert.instance(e, SecretError);
    return (e as SecretError).message;
  }
  throw new Error(`${text} was taken`);
}

test("a text that is no reference may be a secret itself", () => {
  for (const text of ["", "secret", "File:x", "ENV:HOME", " file:x", "xfile:x"])
    assert.is(referredSecret(text), null);
});

for (const [content, secret] of [
  ["hush", "hush"],
  ["hush\n", "hush"],
  ["hush\r\n", "hush"],
  ["hush\n\n", "hush\n"],
  [" two words \n", " two words "],
  ["\r", "\r"],
  [Uint8Array.of(0, 255, 10), "\0\xff"],
  ["x".repeat(4096), "x".repeat(4096)],
  [`${"x".repeat(4096)}\r\n`, "x".repeat(4096)],
] as const)
  test(`a file with ${JSON.stringify(content).slice(0, 30)}`, () =>
    assert.is(taken(`file:${file(content)}`), secret));

test("a file that is not there, empty, too long or no file is refused, with its path", () => {
  assert.is(refused(`file:${folder}/none`), `secret file '${folder}/none': No such file or directory`);
  for (const content of ["", "\n", "\r\n"])
    assert.match(refused(`file:${file(content)}`), /key\d+' is empty$/);
  assert.match(refused(`file:${file("x".repeat(4097))}`), /key\d+' has more than 4096 bytes$/);
  assert.match(refused(`file:${file("x".repeat(100_000))}`), /key\d+' has more than 4096 bytes$/);
  assert.is(refused(`file:${folder}`), `secret file '${folder}' is no regular file`);
  assert.match(refused("file:/dev/zero"), /^secret file '\/dev\/zero' (is no regular file|may be read)/);
  assert.is(refused("file:"), "there is no path behind 'file:'");
  assert.match(refused("file:/a\0b"), /a path has no zero byte$/);
});

test("a file that others may read or change is refused", () => {
  for (const mode of [0o640, 0o604, 0o620, 0o602, 0o644, 0o666])
    assert.match(
      refused(`file:${file("hush", mode)}`),
      /key\d+' may be read or changed by others \(mode 6\d\d\): 'chmod 600' it$/,
    );
  for (const mode of [0o600, 0o400, 0o700, 0o500]) assert.is(taken(`file:${file("hush", mode)}`), "hush");
});

const rootTest = skipUnless(process.getuid?.() === 0, "needs root");
rootTest("of another user's file the group may read", () => {
  const path = file("hush", 0o640);
  chownSync(path, 12345, 12345);
  assert.is(taken(`file:${path}`), "hush");
  chmodSync(path, 0o644);
  assert.match(refused(`file:${path}`), /may be read/);
});

test("a symbolic link is followed, and ~/ is the user's folder", () => {
  const link = join(folder, "link");
  symlinkSync(file("hush"), link);
  assert.is(taken(`file:${link}`), "hush");
  mkdirSync(join(folder, "sub"));
  assert.match(refused(`file:~/${"no such file".repeat(3)}`), /^secret file '~\/no such file/);
  assert.ok(homedir().length > 0);
});

test("an environment variable", () => {
  process.env.SLUICE_TEST_SECRET = "h\u00fcsh";
  process.env.SLUICE_TEST_EMPTY = "";
  assert.equal(referredSecret("env:SLUICE_TEST_SECRET"), new TextEncoder().encode("h\u00fcsh"));
  assert.is(refused("env:SLUICE_TEST_EMPTY"), "environment variable SLUICE_TEST_EMPTY is empty");
  assert.is(refused("env:SLUICE_TEST_NONE"), "environment variable SLUICE_TEST_NONE is not set");
  assert.is(refused("env:"), "there is no name behind 'env:'");
  delete process.env.SLUICE_TEST_SECRET;
  delete process.env.SLUICE_TEST_EMPTY;
});

test("a secret in the place of a path or a name is not said", () => {
  assert.not.match(refused("file:hush"), /hush/);
  assert.not.match(refused("env:hush"), /hush/);
});

test.run();
