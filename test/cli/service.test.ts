// timeout: 300
// The commands of a running service: up, ps, top, logs, handler, operate, apply, down.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespacesRefused } from "../network/namespaces.js";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";
import { notedProcesses, runs } from "./noted.js";
import { OwnService } from "./own-service.js";
import { MAIN, sluice } from "./sluice.js";

const CONF = fileURLToPath(new URL("../../../conf/", import.meta.url));
const own = new OwnService();
const { file: FILE, words: STATE, name: NAME } = own;
test.after(() => own.close());

test("a service comes up in the background, is looked at, operated, changed and ended", async () => {
  const up = await sluice(["up", FILE, "-d", ...STATE]);
  assert.is(up.code, 0, up.err);
  assert.match(up.out, /^process \d+, API at http:\/\/127\.0\.0\.1:\d+, log in /);
  assert.match(
    (await sluice(["ps", ...STATE])).out,
    new RegExp(`${NAME} +xtr1 +started +inline +\\d+ +[\\d.]+ s +0 +-`),
  );
  assert.is((await sluice(["handler", "xtr1", "own.size", ...STATE])).out, "2\n");
  assert.equal(JSON.parse((await sluice(["handler", "xtr1", "own.size", "--json", ...STATE])).out), {
    value: "2",
  });
  const [look] = JSON.parse((await sluice(["top", "-n", "1", "-i", "0.1", "--json", ...STATE])).out);
  assert.is(typeof look.view.name, "string");
  assert.match(
    (await sluice(["handler", "xtr1", "cache.", ...STATE])).out,
    /^-w clear +removes all mappings$/m,
  );
  assert.match(
    (await sluice(["top", "-n", "1", "-i", "1", ...STATE])).out,
    /xtr1 +started +inline .*\n.*ns\/packet/,
  );
  assert.match((await sluice(["links", ...STATE])).out, /^core +3 +5ms +0ms +0% +- +up +\d+$/m);
  assert.match(
    (await sluice(["links", "core", "xtr1", "ms", ...STATE])).out,
    /^PAIR .*\nxtr1:core > ms:core +5ms +0ms +0% +up +[1-9]\d* +0 +0 +0\n$/,
  );
  const unknown = await sluice(["links", "core", "xtr", ...STATE]);
  assert.equal([unknown.code, unknown.out], [1, ""]);
  assert.match(unknown.err, /the link has no end 'xtr': is it 'xtr1'\?/);
  assert.is((await sluice(["operate", "heal", "host1", ...STATE])).code, 0);
  assert.match((await sluice(["logs", "host1", ...STATE])).out, /host1 +healed: on request/);
  // A graph of another process asks the service by its name.
  const asking = `fc :: FunctionControl(service:${NAME}); DriverManager(write fc.refresh, label again, wait 50ms, goto again $(eq "$(fc.functions)" ""), stop)`;
  const asked = await sluice(["-e", asking, "-h", "fc.functions"], { env: { SLUICE_STATE: own.state } });
  assert.match(asked.out, /^xtr1 xtr1 started 0$/m);
  assert.is((await sluice(["apply", FILE, ...STATE])).out, "nothing differs\n");
  const down = await sluice(["down", ...STATE]);
  assert.equal([down.code, down.out, down.err], [0, "", ""]);
  assert.not.ok(existsSync(own.folder));
  assert.is((await sluice(["ps", ...STATE])).out, "no service runs here\n");
});

test("what a killed manager left is removed by down", async () => {
  assert.is((await sluice(["up", FILE, "-d", ...STATE])).code, 0);
  const { pid } = JSON.parse(readFileSync(join(own.folder, "service.json"), "utf8"));
  process.kill(pid, "SIGKILL");
  await until(() => !runs(pid), "the manager is gone");
  assert.match(
    (await sluice(["ps", ...STATE])).out,
    new RegExp(`${NAME} +- +gone .*its manager does not run`),
  );
  const down = await sluice(["down", ...STATE]);
  assert.equal([down.code, down.out], [0, "its manager was gone; removed what it left\n"]);
  assert.not.ok(existsSync(own.folder));
});

const refused = namespacesRefused();
skipUnless(refused === null, refused ?? "")(
  "what a killed manager of processes left is removed by down: processes, namespaces and interfaces",
  async () => {
    assert.is((await sluice(["up", FILE, "-d", "--isolation", "process", ...STATE])).code, 0);
    const [manager, ...functions] = notedProcesses(own.folder);
    const machine = (): string => execFileSync("sh", ["-c", "ip netns; ip -o link"], { encoding: "utf8" });
    assert.match(machine(), new RegExp(`sluice-${NAME}-xtr1`));
    assert.ok(functions.length >= 5 && functions.every(runs), functions.join());
    const noted = readFileSync(join(own.folder, "resources"), "utf8");
    // One that cannot notice that its manager is gone.
    process.kill(functions[0], "SIGSTOP");
    process.kill(manager, "SIGKILL");
    await until(() => !runs(manager), "the manager is gone");
    const down = await sluice(["down", ...STATE]);
    assert.is(down.code, 0, down.err);
    assert.match(down.out, new RegExp(`^removed namespace sluice-${NAME}-xtr1$`, "m"));
    assert.match(down.out, /^removed process \d+$/m);
    const left = machine();
    assert.not.match(left, new RegExp(`sluice-${NAME}-`));
    assert.equal(functions.filter(runs), []);
    const interfaces = [...noted.matchAll(/"kind":"interface","name":"(\w+)"/g)].map((m) => m[1]);
    assert.ok(interfaces.length >= 3);
    for (const name of interfaces) assert.not.match(left, new RegExp(`\\b${name}@`));
    assert.not.ok(existsSync(own.folder));
  },
);

test("Ctrl-C ends a service in order", async () => {
  const child = spawn(process.execPath, [MAIN, "up", FILE, ...STATE], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  const closed = once(child, "close");
  child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  await until(() => /host2 +started/.test(out) || child.exitCode !== null, "the last function runs", 60);
  // Once: the second one would end it at once.
  child.kill("SIGINT");
  const [code] = await closed;
  assert.is(code, 0, out);
  assert.match(out, /ms +stopped\n$/);
  assert.not.ok(existsSync(own.folder));
});

test("an hour of simulated time needs no waiting", async () => {
  const { code, out } = await sluice(["up", FILE, "--simtime", "--seconds", "5", ...STATE]);
  assert.is(code, 0);
  assert.match(out, /^5\.0 simulated seconds took [\d.]+ s$/m);
});

test("a descriptor that is wrong is refused with file, line, column and a suggestion", async () => {
  const { code, err } = await sluice(["up", join(CONF, "..", "package.json"), ...STATE]);
  assert.is(code, 1);
  assert.match(err, /package\.json:\d+:\d+: the descriptor has no 'name'\n {4}hint: known are /);
});

test("commands about services that are not there say so", async () => {
  const nothing = await sluice(["top", ...STATE]);
  assert.equal([nothing.code, nothing.err], [1, "no service runs here: 'sluice up FILE' starts one\n"]);
  assert.match(
    (await sluice(["down", "nobody", ...STATE])).err,
    /^there is no service 'nobody' \(there are: none\)/,
  );
  assert.match(
    (await sluice(["-e", "FunctionControl(service:nobody)"], { env: { SLUICE_STATE: own.state } })).err,
    /there is no service 'nobody' \(there are: none\)/,
  );
  assert.match((await sluice(["up", "nothing.yaml", ...STATE])).err, /^nothing\.yaml: No such file/);
});

test.run();
