// Keys in a file at one end and in the environment at the other: what is registered with the one is taken by the other.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Router, SimulatedClock } from "../../../src/index.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-"));
const file = join(folder, "site.key");
test.after(() => rmSync(folder, { recursive: true, force: true }));

const config = (sites: string): string => `
  site :: LISPSite(10.1.0.0/16 10.0.0.2);
  reg :: LISPRegistrar(site, RLOC 10.0.0.2, MAP_SERVER 10.0.0.1 key file:${file});
  ms :: LISPMapServer(${sites}, RLOC4 10.0.0.1);
  reg -> MarkIPHeader(0) -> ms -> MarkIPHeader(0) -> reg;
`;

async function start(sites: string, log: string[] = []): Promise<Router> {
  const options = { clock: new SimulatedClock(), log: (line: string) => void log.push(line) };
  return Router.fromText(config(sites), options);
}

test("an xTR with its key in a file registers with a Map-Server that has it in its environment", async () => {
  writeFileSync(file, "gr\u00fcn und lang\n", { mode: 0o600 });
  process.env.SLUICE_TEST_SITE = "gr\u00fcn und lang";
  const router = await start("a key env:SLUICE_TEST_SITE eid 10.1.0.0/16");
  router.runFor(1);
  assert.is(router.read("reg.registered"), "true");
  // What has been read is not read again: the file may be gone, and another key comes with a hot swap.
  writeFileSync(file, "another\n");
  router.runFor(120);
  assert.is(router.read("reg.registered"), "true");
  await router.swap(config("a key env:SLUICE_TEST_SITE eid 10.1.0.0/16"));
  router.runFor(120);
  assert.is(router.read("reg.registered"), "false");
  router.close();
  delete process.env.SLUICE_TEST_SITE;
});

test("a key file that others may read is refused, with what to do", async () => {
  writeFileSync(file, "hush\n");
  chmodSync(file, 0o644);
  const said = await start("a key x eid 10.1.0.0/16").then(
    () => "",
    (e: Error) => e.message,
  );
  assert.match(
    said,
    /MAP_SERVER: secret file '.*site\.key' may be read or changed by others \(mode 644\): 'chmod 600' it/,
  );
  chmodSync(file, 0o600);
});

test("a Map-Server without sites says so, and registers nobody", async () => {
  writeFileSync(file, "hush\n");
  const log: string[] = [];
  const router = await start("", log);
  assert.match(log.join("\n"), /warning: no SITES given: nobody can register/);
  router.runFor(5);
  assert.equal([router.read("reg.registered"), router.read("ms.size")], ["false", "0"]);
  router.close();
});

test.run();
