// timeout: 300
// Output that cannot be written: nobody reads it, or the disk is full.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { skipUnless } from "../skip.js";
import { MAIN, type Outcome, sluice } from "./sluice.js";

const CONF = fileURLToPath(new URL("../../../conf/", import.meta.url));
const GRAPH = join(CONF, "ip-router.click");
const home = mkdtempSync(join(tmpdir(), "sluice-output-"));
test.after(() => rmSync(home, { recursive: true, force: true }));
const fullTest = skipUnless(existsSync("/dev/full"), "needs /dev/full");

const NO_SPACE = "sluice: standard output: No space left on device\n";

/** Runs `sluice WORDS...` in a shell, in the place of S of `line`. */
function shell(line: string, words: readonly string[], input = ""): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const script = line.replaceAll("S", '"$node" "$main" "$@"');
    const env = {
      ...process.env,
      CLICKPATH: "",
      SLUICE_STATE: join(home, "state"),
      node: process.execPath,
      main: MAIN,
    };
    const child = spawn("sh", ["-c", script, "sh", ...words], { env, cwd: home });
    let [out, err] = ["", ""];
    child.stdout.setEncoding("latin1").on("data", (text) => (out += text));
    child.stderr.setEncoding("latin1").on("data", (text) => (err += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
    child.stdin.on("error", () => {}).end(input);
  });
}

/** The status of `sluice`, whose reader ends before it reads anything. */
const UNREAD = '{ sleep 0.1; S; echo "status $?" >&2; } | :';

const COMMANDS: readonly (readonly string[])[] = [
  ["help"],
  ["run", "--help"],
  ["--version"],
  ["elements"],
  ["elements", "LISPEncap"],
  ["flatten", GRAPH],
  ["ps"],
  ["ps", "--json"],
  ["lisp", "decode", "--help"],
  ["run", "-q", "-h", "list", "-e", "Idle -> Discard"],
];

for (const words of COMMANDS) {
  const text = words.map((w) => w.replace(CONF, "")).join(" ");
  fullTest(`a full disk is told in one line: ${text}`, async () => {
    const { code, err } = await shell("S >/dev/full", words);
    assert.equal([code, err], [1, NO_SPACE]);
  });
  test(`a command whose reader goes away ends without a word: ${text}`, async () => {
    const { err } = await shell(UNREAD, words);
    assert.is(err, "status 141\n");
  });
}

test("a disk that becomes full in the middle is told, too", async () => {
  const { code, err } = await shell("ulimit -f 1000; S >part", ["elements"]);
  assert.equal([code, err], [0, ""]);
  const whole = (await sluice(["elements"])).out;
  assert.ok(whole.length > 1024);
  const cut = await shell("ulimit -f 1; S >cut", ["elements"]);
  assert.equal([cut.code, cut.err], [1, "sluice: standard output: File too large\n"]);
  assert.ok(statSync(join(home, "cut")).size < whole.length);
});

fullTest("an error that nobody can be told is in the status", async () => {
  const { code } = await shell("S 2>/dev/full", ["-e", "Nonesuch -> Discard"]);
  assert.is(code, 1);
  const warned = await shell("S 2>/dev/full", ["-q", "-e", "Idle -> Discard; Script(TYPE PASSIVE)"]);
  assert.is(warned.code, 0);
});

// ---- Routers go on -----------------------------------------------------------------

const SOURCE = "InfiniteSource(LIMIT 20000, LENGTH 200, STOP true)";

for (const [what, graph, line] of [
  ["a capture", `${SOURCE} -> ToDump(/dev/full)`, /\/dev\/full: No space left on device\n/],
  [
    "a device that is a capture",
    `${SOURCE} -> Queue(30000) -> ToDevice(pcap-out:/dev/full)`,
    /^pcap-out:\/dev\/full: ENOSPC: no space left on device, write\n$/,
  ],
  ["a script's file", 'Script(print >/dev/full "x", stop)', /No space left on device\n$/],
] as const)
  fullTest(`a full disk below ${what} is told once, and the status is not 0`, async () => {
    const { code, err } = await sluice(["-e", graph]);
    assert.is(code, 1, err);
    assert.match(err, line);
    assert.is(err.match(/no space left/gi)?.length, 1);
  });

test("a disk that becomes full below a capture is told once, and the status is not 0", async () => {
  const { code, err } = await shell("ulimit -f 100; S", ["-e", `${SOURCE} -> ToDump(cut.pcap)`]);
  assert.equal([code, err], [1, "ToDump(cut.pcap): File too large\n"]);
});

fullTest("a router goes on when the disk below its output is full, and says so once", async () => {
  const script = 'Script(print "a", print "b", print >mark "end", stop)';
  const { code, err } = await shell("S >/dev/full", ["-e", script]);
  assert.equal([code, err], [1, NO_SPACE]);
  assert.is(statSync(join(home, "mark")).size, 4);
});

test("a router whose reader goes away goes on, and its status says so", async () => {
  const script = 'Script(print "a", wait 50ms, print "b", print >mark2 "end", stop)';
  const { err } = await shell(UNREAD, ["-e", script]);
  assert.is(err, "status 141\n");
  assert.is(statSync(join(home, "mark2")).size, 4);
});

test("a capture on standard output waits for a slow reader, and ends without a word when that goes", async () => {
  const graph = `${SOURCE} -> ToDump(-)`;
  const { out, err } = await shell('{ S; echo "status $?" >&2; } | { sleep 1; wc -c; }', ["-e", graph]);
  assert.equal([Number(out), err], [24 + 20000 * 216, "status 0\n"]);
  const gone = await shell('{ S; echo "status $?" >&2; } | head -c 100 | wc -c', ["-e", graph]);
  assert.equal([Number(gone.out), gone.err], [100, "status 141\n"]);
});

test("a capture that somebody else has written stays as it is when ours cannot be opened", async () => {
  const file = join(home, "kept");
  writeFileSync(file, "kept");
  const { code, err } = await sluice(["-e", `${SOURCE} -> ToDump(${file}/x)`]);
  assert.is(code, 1);
  assert.match(err, /Not a directory/);
  assert.is(statSync(file).size, 4);
});

test.run();
