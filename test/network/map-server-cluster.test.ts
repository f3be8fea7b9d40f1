// timeout: 600
// Two Map-Servers (conf/map-server.click) and a Map-Resolver (conf/map-resolver-store.click) on an etcd cluster of
// three, as processes, over interfaces: what was acknowledged is answered for by all, whatever is killed meanwhile; and what they do without the cluster.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { etcdMissing } from "../lisp/database/etcd-cluster.js";
import { skipUnless } from "../skip.js";

const LOAD = fileURLToPath(new URL("map-server-cluster-load.js", import.meta.url));

const isolated = ["-npm", "-Urnpm"]
  .map((flags) => [flags, "--mount-proc", "--fork", "--kill-child"])
  .find((words) => spawnSync("unshare", [...words, "ip", "link", "set", "lo", "up"]).status === 0);
const missing =
  etcdMissing() ?? (isolated === undefined ? "needs unshare and ip, and the right to make namespaces" : null);

interface Fault {
  readonly before: number;
  readonly after: number;
  readonly gap: number;
}

interface Result {
  readonly seconds: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly faults: { readonly server: Fault; readonly member: Fault; readonly both: Fault };
  readonly asked: readonly number[];
  readonly some: number;
  readonly resolved: number;
  readonly lost: readonly number[];
  readonly heldBack: boolean;
  readonly regained: number;
  readonly slowestEnd: number;
  readonly wrong: readonly string[];
  readonly logs: readonly string[];
}

skipUnless(missing === null, missing ?? "")(
  "kill -9 of a Map-Server, of etcd's leader, of both: every acknowledged registration answers; without etcd from memory",
  () => {
    const run = spawnSync("unshare", [...isolated!, process.execPath, LOAD], {
      encoding: "utf8",
      timeout: 500_000,
    });
    assert.is(run.status, 0, run.stderr);
    const result = JSON.parse(run.stdout) as Result;
    const { logs, faults, ...rest } = result;
    const rate = Math.round(rest.sent / rest.seconds);
    console.log(`${rest.sent} registrations, ${rate} a second; faults ${JSON.stringify(faults)}`);
    assert.equal(rest.wrong, []);
    assert.is(rest.acknowledged, rest.sent, "in the end all are acknowledged");
    assert.equal(rest.asked, [rest.sent, rest.sent], "both Map-Servers answer for all of them");
    assert.ok(rest.sent > 1000, `${rest.sent} registrations`);
    // Each fault struck amid registrations, and they went on.
    for (const { before, after } of Object.values(faults))
      assert.ok(before > 0 && after > before, JSON.stringify(faults));
    assert.is(rest.resolved, rest.some, "and so does the Map-Resolver");
    assert.equal(rest.lost, Array(3).fill(rest.some), "without etcd all answer from memory");
    assert.ok(rest.heldBack, "without etcd nothing is acknowledged");
    assert.is(rest.regained, 3, "with etcd there again what is registered is answered for by all");
    assert.ok(rest.slowestEnd < 20_000, `ended within ${rest.slowestEnd} ms`);
    for (const log of logs) {
      assert.match(log, /the mapping store is lost, answers come from memory and registrations wait: /);
      assert.match(log, /the mapping store is there again after \d+\.\d s, registrations are taken/);
    }
  },
);

test.run();
