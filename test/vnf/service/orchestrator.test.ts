// timeout: 300
// A graph that stops, starts, heals, updates and scales the functions of its service, in every isolation and from outside.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ORCHESTRATOR, Router } from "../../../src/index.js";
import { Facilities } from "../../../src/router/facility.js";
import { ApiClient } from "../../../src/vnf/api/client.js";
import { apiOrchestrator } from "../../../src/vnf/api/orchestrator.js";
import type { Isolation, ServiceDescriptor } from "../../../src/vnf/descriptor/model.js";
import { parseDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Manager } from "../../../src/vnf/manager/manager.js";
import { Service } from "../../../src/vnf/service/service.js";
import { ServiceFolder } from "../../../src/vnf/state/folder.js";
import { RealWorld, SimulatedWorld } from "../../../src/vnf/world.js";
import { atEnd, ledger } from "../../outside.js";

const home = mkdtempSync(join(tmpdir(), "sluice-"));
const left = atEnd(async () => rmSync(home, { recursive: true, force: true }));
test.after(() => {
  left();
  rmSync(home, { recursive: true, force: true });
});

writeFileSync(join(home, "control.click"), "fc :: FunctionControl;\n");
writeFileSync(join(home, "idle.click"), "Idle -> c :: Counter -> Discard;\n");

function descriptor(isolation: Isolation, more = ", orchestrates: true"): ServiceDescriptor {
  return parseDescriptor(
    `service: t${process.pid}-orchestrated
functions:
  boss: { graph: control.click, isolation: ${isolation}${more} }
  worker: { graph: idle.click }
`,
    join(home, "service.yaml"),
  );
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (e) {
    return (e as Error).message;
  }
  throw new Error("it was not refused");
}

/** What a graph does with the service that it is a function of. */
async function orchestrates(service: Service): Promise<void> {
  const left = atEnd(() => service.terminate());
  try {
    await service.start();
    const boss = service.function("boss");
    const write = (handler: string, value: string): Promise<void> =>
      boss.request("write", { path: `fc.${handler}`, value });
    const seen = async (): Promise<string> => {
      await write("refresh", "");
      return boss.request("read", { path: "fc.functions" });
    };
    assert.is(await seen(), "boss boss started 0\nworker worker started 0\n");
    await write("scale", "worker 2");
    await write("stop", "worker");
    assert.is(await seen(), "boss boss started 0\nworker worker stopped 0\nworker-2 worker started 0\n");
    await write("start", "worker");
    const before = service.function("worker").instance;
    await write("heal", "worker");
    assert.is.not(service.function("worker").instance, before);
    writeFileSync(join(home, "idle.click"), "Idle -> c :: Counter -> d :: Counter -> Discard;\n");
    await write("update", "worker");
    assert.is(await service.function("worker").request("read", { path: "d.count" }), "0");
    assert.is(
      await refusal(write("stop", "walker")),
      "there is no function 'walker' (there are boss, worker, worker-2)",
    );
    assert.match(
      await refusal(write("scale", "worker-2 3")),
      /'worker-2' is a replica of 'worker': scale that/,
    );
    assert.match(await refusal(write("scale", "worker")), /N/);
  } finally {
    left();
    await service.terminate();
    writeFileSync(join(home, "idle.click"), "Idle -> c :: Counter -> Discard;\n");
  }
}

for (const isolation of ["inline", "thread", "process"] as const)
  test(`a function orchestrates its service from isolation ${isolation}`, async () =>
    orchestrates(await Service.instantiate(descriptor(isolation), { world: new RealWorld(), book: ledger })));

test("a function orchestrates its service in simulated time, which does not pass meanwhile", async () => {
  const world = new SimulatedWorld(1);
  await orchestrates(await Service.instantiate(descriptor("inline"), { world }));
  assert.is(world.now(), 0);
});

for (const isolation of ["inline", "thread"] as const)
  test(`a function whose descriptor does not say so has no orchestrator in isolation ${isolation}`, async () => {
    const service = await Service.instantiate(descriptor(isolation, ""), { world: new RealWorld() });
    try {
      assert.match(await refusal(service.start()), /does not let this function orchestrate its service/);
    } finally {
      await service.terminate();
    }
  });

test("a function has the orchestrator of its own service only", async () => {
  writeFileSync(join(home, "control.click"), "fc :: FunctionControl(service:another);\n");
  const service = await Service.instantiate(descriptor("inline"), { world: new RealWorld() });
  try {
    assert.match(await refusal(service.start()), /a function has the orchestrator of its own service only/);
  } finally {
    await service.terminate();
    writeFileSync(join(home, "control.click"), "fc :: FunctionControl;\n");
  }
});

test("a router outside has the orchestrator of a service through its API", async () => {
  const folder = new ServiceFolder(`t${process.pid}-orchestrated`, join(home, "state"));
  const manager = await Manager.instantiate(descriptor("inline"), {
    world: new SimulatedWorld(1),
    folder,
    port: 0,
  });
  const api = apiOrchestrator(new ApiClient(manager.url, manager.token));
  const facilities = new Facilities().add(ORCHESTRATOR, { service: () => api });
  const router = await Router.fromText("fc :: FunctionControl(service:orchestrated)", { facilities });
  try {
    await router.write("fc.start", "worker");
    await router.write("fc.refresh");
    assert.is(router.read("fc.functions"), "boss boss stopped 0\nworker worker started 0\n");
    assert.match(await refusal(router.write("fc.heal", "walker")), /^there is no function 'walker'/);
  } finally {
    router.close();
    await manager.terminate();
  }
  assert.match(await refusal(api.stop("worker")), /^nobody answers at /);
});

test("what a world does not have is told by name", async () => {
  const why = (facilities?: Facilities): Promise<string> =>
    refusal(Router.fromText("FunctionControl(servise:x)", { facilities }));
  assert.match(await why(), /this router's world has nothing that could be an orchestrator/);
  const known = new Facilities().add(ORCHESTRATOR, {
    service: () => {
      throw new Error("nobody asked for it");
    },
  });
  assert.match(await why(known), /'servise:x' is not an orchestrator \(is it 'service'\?\)/);
});

test.run();
