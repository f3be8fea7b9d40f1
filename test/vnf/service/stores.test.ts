// Stores in simulated time: a Map-Server's registrations outlive its crash, and are not acknowledged before they would.

import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Fault } from "../../../src/vnf/descriptor/model.js";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";
import { withHosts, withParameters } from "../world.js";

const TWO_SITES = fileURLToPath(new URL("../../../../conf/services/two-sites.yaml", import.meta.url));

async function up(store: string, seed = 1): Promise<[Service, (seconds: number) => Promise<void>]> {
  const world = new SimulatedWorld(seed);
  const quiet = withHosts(readDescriptor(TWO_SITES), { RATE: "1", VERBOSE: "false" });
  const service = await Service.instantiate(withParameters(quiet, "ms", { STORE: store }), { world });
  return [service, (seconds) => world.simulation.runFor(seconds)];
}

async function read(service: Service, name: string, path: string): Promise<string> {
  return (await service.function(name).request("read", { path })).trim();
}

function storeFault(failure: "fail" | "slow" | "lose"): Fault {
  return { kind: "store", function: "ms", failure };
}

test("registrations outlive a crash in a store, and do not in memory", async () => {
  for (const [store, size] of [
    ["lmdb:registrations", "4"],
    ["memory", "0"],
  ]) {
    const [service, run] = await up(store);
    await service.start();
    await run(10);
    assert.is(await read(service, "ms", "ms.size"), "4");
    service.inject({ kind: "crash", function: "ms" });
    await run(0.2);
    assert.is(service.function("ms").restarts, 1);
    assert.is(await read(service, "ms", "ms.size"), size, store);
    assert.is(await read(service, "ms", "ms.registers"), "0", "nobody has registered again yet");
    await service.terminate();
  }
});

test("a store that is loaded again and again holds the same", async () => {
  const [service, run] = await up("lmdb:registrations");
  await service.start();
  await run(10);
  for (let crash = 1; crash <= 3; crash++) {
    service.inject({ kind: "crash", function: "ms" });
    await run(1);
    assert.is(await read(service, "ms", "ms.size"), "4", `after crash ${crash}`);
    assert.is(await read(service, "ms", "ms.registers"), "0");
  }
  await service.terminate();
});

test("a store that fails: Map-Registers are not acknowledged, until it works again", async () => {
  const [service, run] = await up("lmdb:registrations");
  await service.start();
  service.inject(storeFault("fail"), 20);
  await run(19);
  assert.ok(Number(await read(service, "ms", "ms.store_failed")) > 4);
  assert.is(await read(service, "xtr1", "registrar.registered"), "false");
  assert.is(await read(service, "ms", "ms.notifies"), "0");
  assert.ok(service.events.latest(1000, "ms").some((e) => /the simulated store failed/.test(e.message)));
  await run(30);
  for (const xtr of ["xtr1", "xtr2"]) assert.is(await read(service, xtr, "registrar.registered"), "true");
  await service.terminate();
});

test("a Map-Server whose store fails does not start, and does once it works", async () => {
  const [service, run] = await up("lmdb:registrations");
  await service.start();
  await run(5);
  service.inject(storeFault("fail"), 3);
  service.inject({ kind: "crash", function: "ms" });
  await run(2);
  assert.is(service.function("ms").state, "waiting");
  const told = service.events.latest(1000, "ms").map((e) => e.message);
  assert.ok(
    told.some((text) => /^does not start: .*cannot open the simulated store/s.test(text)),
    told.join("\n"),
  );
  await run(5);
  assert.is(service.function("ms").state, "started");
  assert.is(await read(service, "ms", "ms.size"), "4");
  await service.terminate();
});

test("a slow store: the acknowledgement waits for it", async () => {
  const [service, run] = await up("lmdb:registrations");
  await service.start();
  service.inject(storeFault("slow"), 60);
  await run(0.9);
  assert.is(await read(service, "ms", "ms.notifies"), "0");
  await run(20);
  assert.is(await read(service, "xtr1", "registrar.registered"), "true");
  await service.terminate();
});

test("what a store lost in a crash was not acknowledged", async () => {
  const [service, run] = await up("lmdb:registrations");
  await service.start();
  service.inject(storeFault("lose"));
  await run(0.15);
  // Readers see it before it is durable, and it is not acknowledged yet.
  assert.is(await read(service, "ms", "ms.size"), "4");
  assert.is(await read(service, "ms", "ms.notifies"), "0");
  service.inject({ kind: "crash", function: "ms" });
  await run(0.15);
  assert.is(await read(service, "ms", "ms.size"), "0");
  await run(10);
  assert.is(await read(service, "xtr1", "registrar.registered"), "true");
  await service.terminate();
});

test("a Map-Server that is started anew in order leaves nothing unwritten", async () => {
  const [service, run] = await up("lmdb:registrations");
  await service.start();
  service.inject(storeFault("lose"));
  await run(0.15);
  assert.is(await read(service, "ms", "ms.notifies"), "0");
  await service.heal("ms");
  assert.is(await read(service, "ms", "ms.size"), "4");
  await service.terminate();
});

test("simulated time has no etcd cluster", async () => {
  const [service] = await up("etcd:127.0.0.1:2379");
  try {
    await service.start();
    assert.unreachable();
  } catch (e) {
    assert.match((e as Error).message, /simulated time has no etcd cluster: 'memory' or 'lmdb:FOLDER'/);
  }
  await service.terminate();
});

test.run();
