// timeout: 900
// conf/map-server.click with a store, as a process, over an interface: what it has acknowledged outlives kill -9, and
// is on disk before the Map-Notify leaves.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readSyncTrace } from "../lisp/database/sync-trace.js";
import { SEED } from "../property.js";
import { skipUnless } from "../skip.js";

const LOAD = fileURLToPath(new URL("map-server-load.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-durable-"));
test.after(() => rmSync(folder, { recursive: true }));

/** A network of its own, whose processes end with it; also without root, where users may have namespaces. */
const isolated = ["-Urnpm", "-npm"]
  .map((flags) => [flags, "--mount-proc", "--fork", "--kill-child"])
  .find((words) => spawnSync("unshare", [...words, "ip", "link", "set", "lo", "up"]).status === 0);
const isolatedTest = skipUnless(
  isolated !== undefined,
  "needs unshare and ip, and the right to make namespaces",
);

function load(...words: string[]): unknown {
  const { status, stdout, stderr } = spawnSync("unshare", [...isolated!, process.execPath, LOAD, ...words], {
    encoding: "utf8",
    timeout: 400_000,
  });
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

isolatedTest("after kill -9 amid 10,000 registrations every acknowledged one is answered for", () => {
  const { rounds, ...rest } = load("kill", join(folder, "killed"), String(SEED)) as {
    rounds: { acknowledged: number; underWay: number; answered: number }[];
  };
  const context = `seed ${SEED}: ${JSON.stringify(rounds)}`;
  assert.equal(rest, { acknowledged: 10_000, wrong: [] }, context);
  assert.is(rounds.length, 3);
  for (const { acknowledged, underWay, answered } of rounds) {
    assert.is(answered, acknowledged, context);
    assert.ok(acknowledged > 500 && acknowledged < 10_000 && underWay > 0, context);
  }
});

const traceable =
  isolated !== undefined &&
  spawnSync("unshare", [...isolated, "strace", "-o", "/dev/null", "true"]).status === 0;

skipUnless(traceable, "needs strace, and the right to use it in a namespace")(
  "a registration is on disk before its Map-Notify leaves",
  () => {
    const trace = join(folder, "trace");
    const count = 25;
    assert.equal(load("trace", join(folder, "traced"), String(count), trace), {
      acknowledged: count,
      wrong: [],
    });
    const told = readSyncTrace(readFileSync(trace, "latin1").replaceAll("\\x", ""), isMapNotify);
    assert.equal(told, { acknowledged: count, early: [], synced: true });
  },
);

/** A frame that is sent: IPv4 without options, UDP from port 4342, message type 4. */
function isMapNotify(call: string): boolean {
  return / send(mmsg|msg|to)\(.*"[0-9a-f]{24}080045[0-9a-f]{16}11[0-9a-f]{20}10f6[0-9a-f]{12}4/.test(call);
}

test.run();
