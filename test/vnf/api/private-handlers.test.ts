// Private handlers: the API neither lists nor serves them, whatever name they are asked for by.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ApiClient, ApiError } from "../../../src/vnf/api/client.js";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Manager } from "../../../src/vnf/manager/manager.js";
import { ServiceFolder } from "../../../src/vnf/state/folder.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";

const home = mkdtempSync(join(tmpdir(), "sluice-"));
const file = join(home, "own.yaml");
writeFileSync(join(home, "own.click"), "s :: Script(TYPE PASSIVE); c :: { t :: Script(TYPE PASSIVE) }");
writeFileSync(file, "service: own\nfunctions: { f: { graph: own.click } }\n");
let manager: Manager;
let api: ApiClient;

test.before(async () => {
  const folder = new ServiceFolder("own", join(home, "state"));
  manager = await Manager.instantiate(readDescriptor(file), {
    world: new SimulatedWorld(1),
    folder,
    port: 0,
  });
  await manager.service.start();
  api = new ApiClient(manager.url, manager.token);
});

test.after(async () => {
  await manager.terminate();
  rmSync(home, { recursive: true, force: true });
});

const BASE = "/v1/functions/f/handlers";

async function refused(work: Promise<unknown>): Promise<string> {
  const e = await work.catch((error: unknown) => error);
  if (!(e instanceof ApiError)) throw new Error("it was not refused");
  return `${e.status} ${e.code} ${e.message}`;
}

for (const element of ["s", "c/t"])
  test(`private handlers of ${element} are neither listed nor served`, async () => {
    const listed = await api.get<{ name: string }[]>(`${BASE}?element=${encodeURIComponent(element)}`);
    assert.ok(listed.some((h) => h.name === "run"));
    for (const name of ["cat", "catq", "kill"]) {
      assert.not(listed.some((h) => h.name === name));
      const path = `${BASE}/${encodeURIComponent(`${element}.${name}`)}`;
      const refusal = `404 NO_HANDLER no '${element}.${name}' handler`;
      assert.is(await refused(api.get(`${path}?parameters=${encodeURIComponent(file)}`)), refusal);
      assert.is(await refused(api.call("PUT", path, { value: "" })), refusal);
    }
  });

test.run();
