// The file in which an xTR keeps its nonces: nobody else may have it or change it.

import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NonceFileError, nonceCounter } from "../../../src/lisp/control/nonce-file.js";
import { SimulatedClock } from "../../../src/router/clock.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-nonces-"));
test.after(() => rmSync(folder, { recursive: true }));

const refused = (file: string, why: RegExp): void =>
  assert.throws(
    () => nonceCounter(new SimulatedClock(5), file).next(),
    (e: unknown) => e instanceof NonceFileError && why.test(e.message),
  );

test("the file is its owner's alone, and what a killed run left beside it is written over", () => {
  const file = join(folder, "nonces");
  writeFileSync(`${file}.new`, "ffffffffffffffff and more than a nonce", { mode: 0o600 });
  const first = nonceCounter(new SimulatedClock(5), file).next();
  assert.match(readFileSync(file, "latin1"), /^[0-9a-f]{16}\n$/);
  assert.not.ok(existsSync(`${file}.new`));
  assert.ok(nonceCounter(new SimulatedClock(5), file).next() > first);
});

test("a symbolic link in its place, or beside it, is not followed", () => {
  const victim = join(folder, "victim");
  writeFileSync(victim, "00000000000000ff\n");
  symlinkSync(victim, join(folder, "link"));
  refused(join(folder, "link"), /link is a symbolic link/);
  symlinkSync(victim, join(folder, "beside.new"));
  refused(join(folder, "beside"), /beside\.new is a symbolic link/);
  assert.is(readFileSync(victim, "latin1"), "00000000000000ff\n");
});

test("a file that others may write to is refused: nonces from before would be replays", () => {
  const file = join(folder, "open");
  writeFileSync(file, "00000000000000ff\n");
  chmodSync(file, 0o666);
  refused(file, /may be written to by other users/);
});

test.run();
