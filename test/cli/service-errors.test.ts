// timeout: 300
// What the commands of services say when something is in the way: a port, a folder, another manager, one that hangs.

import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FaultyService } from "../vnf/faulty.js";
import { launch, type Outcome, sluice } from "./sluice.js";

const FILE = fileURLToPath(new URL("../../../conf/services/two-sites.yaml", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-"));
const STATE = ["--state", join(folder, "state")];
const faulty = new FaultyService();

test.after(async () => {
  for (const name of ["two-sites", "faulty"]) await sluice(["down", name, ...STATE]);
  rmSync(folder, { recursive: true, force: true });
  faulty.remove();
});

function says({ code, err }: Outcome, what: RegExp): void {
  assert.is(code, 1);
  assert.match(err, what);
  assert.not.match(err, /internal error/);
}

test("a port that is taken ends the start, and nothing is left", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  try {
    const { port } = other.address() as AddressInfo;
    const up = await sluice(["up", FILE, "--api", String(port), ...STATE]);
    says(up, /^the API cannot have port \d+: Address already in use$/m);
    assert.not.ok(existsSync(join(STATE[1], "two-sites")));
  } finally {
    other.close();
  }
});

test("a folder that cannot be made is named, and where to name another", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const place = ["--state", file];
  says(
    await sluice(["up", FILE, ...place]),
    /file\/two-sites is not used: .*\/file is no folder \(--state or/,
  );
  says(await sluice(["up", FILE, "-d", ...place]), /\/file is no folder \(--state or/);
  says(await sluice(["ps", ...place]), /\/file is no folder$/m);
});

test("an interface that is not there is named with its function's place, and under --simtime none can be had", async () => {
  const file = join(folder, "interface.yaml");
  const graph = join(folder, "interface.click");
  writeFileSync(graph, "FromDevice(eth0) -> Discard;\n");
  writeFileSync(
    file,
    "service: interface\nfunctions:\n  f: { graph: interface.click, devices: { eth0: { interface: nope0 } } }\n",
  );
  const up = await sluice(["up", file, ...STATE]);
  says(
    up,
    /interface\.yaml:3:3: function 'f': there is no network interface 'nope0'\n {4}hint: there are .*lo/,
  );
  says(
    await sluice(["up", file, "--simtime", ...STATE]),
    /:3:3: function 'f': 'nope0' is in real time\n {4}hint:/,
  );
});

test("of two managers that start one service at the same time one has it", async () => {
  const both = [1, 2].map(() => launch(["up", FILE, ...STATE]));
  // The one that has it stays until the other was refused.
  const [loser, refused] = await Promise.race(both.map(async (up) => [up, await up.ended] as const));
  const winner = both.find((up) => up !== loser)!;
  says(
    { code: refused.code, out: loser.out(), err: loser.err() },
    /^service 'two-sites' runs already \(process \d+\): 'sluice down/,
  );
  assert.match(loser.err(), `process ${winner.pid})`);
  await winner.until(() => /host2 +started/.test(winner.out()));
  winner.kill("SIGINT");
  assert.equal(await winner.ended, { code: 0, signal: null }, winner.err());
});

test("what is asked wrongly of a running service is refused; its log stays its own", async () => {
  const up = await sluice(["up", FILE, "-d", ...STATE]);
  assert.is(up.code, 0, up.err);
  const log = join(STATE[1], "two-sites.log");
  const before = readFileSync(log, "utf8");
  says(await sluice(["up", FILE, "-d", ...STATE]), /runs already/);
  assert.ok(readFileSync(log, "utf8").startsWith(before));
  says(await sluice(["logs", "xtr9", ...STATE]), /^there is no function or link 'xtr9' \(there are ms, xtr1/);
  says(await sluice(["logs", "-n", "x", ...STATE]), /^sluice: --lines .+ is not a number/);
  says(await sluice(["top", "-e", "x", ...STATE]), /^sluice: --elements .+ is not a number/);
  assert.is((await sluice(["logs", "core", ...STATE])).code, 0);
  assert.is((await sluice(["down", ...STATE])).code, 0);
});

test("a service that comes up, or was cut short, is shown and can be ended", async () => {
  const half = join(STATE[1], "half");
  mkdirSync(half, { recursive: true });
  const record = { name: "half", pid: 2 ** 22 + 1, started: "1", url: "", file: FILE, since: "" };
  writeFileSync(join(half, "service.json"), JSON.stringify(record));
  assert.match((await sluice(["ps", ...STATE])).out, /half +- +gone/);
  says(
    await sluice(["top", ...STATE]),
    /^the manager of service 'half' does not run any more: 'sluice down half' removes what it left$/m,
  );
  writeFileSync(join(half, "service.json"), JSON.stringify({ ...record, pid: process.pid, started: null }));
  assert.match((await sluice(["ps", ...STATE])).out, /half +- +starting/);
  says(await sluice(["top", ...STATE]), /^service 'half' comes up: it cannot be asked yet$/m);
  writeFileSync(join(half, "service.json"), JSON.stringify(record));
  assert.is((await sluice(["down", ...STATE])).out, "its manager was gone; removed what it left\n");
});

/** Until nothing answers at `url` any more. */
async function silence(url: string): Promise<void> {
  const answers = (): Promise<boolean> =>
    fetch(url, { signal: AbortSignal.timeout(2000) }).then(
      () => true,
      () => false,
    );
  while (await answers()) await new Promise((resolve) => setTimeout(resolve, 50));
}

test("a manager that hangs is killed by down, after a while", async () => {
  const file = join(faulty.folder, "hangs.yaml");
  writeFileSync(file, "service: faulty\nfunctions: { bad: { graph: faulty.click } }\n");
  const up = await sluice(["up", file, "-d", ...STATE]);
  assert.is(up.code, 0, up.err);
  const { url } = JSON.parse(readFileSync(join(STATE[1], "faulty", "service.json"), "utf8"));
  assert.is((await sluice(["handler", "bad", "f.loops", "", ...STATE])).code, 0);
  await silence(url);
  const down = await sluice(["down", "--timeout", "1", ...STATE]);
  assert.equal(
    [down.code, down.out],
    [0, "its manager did not end and was killed; removed what it left\n"],
    down.err,
  );
  assert.equal(
    readdirSync(STATE[1]).filter((name) => !name.endsWith(".log")),
    [],
  );
});

test.run();
