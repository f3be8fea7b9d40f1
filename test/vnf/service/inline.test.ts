// A service in simulated time: it runs, heals, changes, and does the same every time.

import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ServiceDescriptor } from "../../../src/vnf/descriptor/model.js";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";

const CONF = fileURLToPath(new URL("../../../../conf/", import.meta.url));
const TWO_SITES = readDescriptor(`${CONF}services/two-sites.yaml`);

/** Two sites whose hosts send ten packets a second. */
function twoSites(more: Partial<ServiceDescriptor> = {}): ServiceDescriptor {
  const functions = new Map(TWO_SITES.functions);
  for (const host of ["host1", "host2"]) {
    const f = functions.get(host)!;
    functions.set(host, { ...f, parameters: { ...f.parameters, RATE: "10" } });
  }
  return { ...TWO_SITES, functions, ...more };
}

async function up(
  descriptor: ServiceDescriptor,
  seed = 1,
): Promise<[Service, (seconds: number) => Promise<void>]> {
  const world = new SimulatedWorld(seed);
  const service = await Service.instantiate(descriptor, { world });
  await service.start();
  return [service, (seconds) => world.simulation.runFor(seconds)];
}

async function read(service: Service, name: string, path: string): Promise<number> {
  return Number(await service.function(name).request("read", { path }));
}

test("two sites register, resolve and ping", async () => {
  const [service, run] = await up(twoSites());
  await run(10);
  assert.is(await read(service, "ms", "ms.registers"), 2);
  assert.ok((await read(service, "host1", "answers.count")) >= 15);
  await service.terminate();
});

test("the same seed gives the same events, another seed others", async () => {
  const trace = async (seed: number): Promise<string> => {
    const links = new Map([...TWO_SITES.links].map(([k, l]) => [k, { ...l, loss: 0.05, jitter: 0.002 }]));
    const [service, run] = await up(twoSites({ links }), seed);
    await run(20);
    const stats = await service.function("xtr1").request("stats", {});
    const events = service.events.latest(1000).map((e) => `${e.at} ${e.about} ${e.message}`);
    await service.terminate();
    return JSON.stringify([events, stats]);
  };
  const first = await trace(1);
  assert.is(await trace(1), first);
  assert.is.not(await trace(2), first);
});

test("a function that crashes is started again with back-off, and says why", async () => {
  const [service, run] = await up(twoSites());
  await run(5);
  for (let i = 0; i < 3; i++) {
    service.inject({ kind: "crash", function: "xtr2" });
    await run(i === 2 ? 5 : 0.5);
  }
  const told = service.events.latest(1000, "xtr2").filter((e) => e.kind === "state");
  assert.equal(
    told.map((e) => e.message),
    [
      "started",
      "killed; starts again in 0.1 s",
      "started",
      "killed; starts again in 0.2 s",
      "started",
      "killed; starts again in 0.4 s",
      "started",
    ],
  );
  assert.is(service.function("xtr2").restarts, 3);
  const before = await read(service, "host1", "answers.count");
  await run(5);
  assert.ok((await read(service, "host1", "answers.count")) > before, "pings flow again");
  await service.terminate();
});

test("an element that throws ends its own function only", async () => {
  const [service, run] = await up(twoSites());
  await run(2);
  const { instance } = service.function("host2");
  const { router } = instance as unknown as {
    router: {
      timers: unknown;
      find(n: string): { newTimer(f: () => void): { scheduleAt(at: number): void } };
    };
  };
  router
    .find("ping")
    .newTimer(() => {
      throw new Error("a bug");
    })
    .scheduleAt(0);
  await run(2);
  const [end] = service.events.latest(1000, "host2").filter((e) => /threw/.test(e.message));
  assert.match(end.message, /^an element threw: a bug \(at .*\); starts again in 0\.1 s$/);
  assert.is(service.function("host2").state, "started");
  assert.is(service.function("host1").restarts, 0);
  await service.terminate();
});

test("a function that fails its health check is healed", async () => {
  const functions = new Map(twoSites().functions);
  const host = functions.get("host1")!;
  const health = { handler: "answers.count", expect: "0", interval: 1, timeout: 1, failures: 3, grace: 2 };
  functions.set("host1", { ...host, health });
  const [service, run] = await up(twoSites({ functions }));
  await run(6);
  assert.ok(
    service.events
      .latest(1000, "host1")
      .some((e) => /^unhealthy: answers.count is '\d+', not '0'/.test(e.message)),
  );
  await service.terminate();
});

test("a link that is down carries nothing, and a fault ends after its time", async () => {
  const faults = [{ at: 5, duration: 3, kind: "link-down" as const, link: "core" }];
  const [service, run] = await up(twoSites({ faults }));
  await run(5.5);
  const at = await read(service, "host1", "answers.count");
  await run(2);
  assert.is(await read(service, "host1", "answers.count"), at);
  await run(4);
  assert.ok((await read(service, "host1", "answers.count")) > at);
  await service.terminate();
});

test("apply touches only what changed", async () => {
  const descriptor = twoSites();
  const [service, run] = await up(descriptor);
  await run(5);
  const links = new Map(descriptor.links);
  links.set("core", { ...links.get("core")!, delay: 0.02 });
  const functions = new Map(descriptor.functions);
  const host = functions.get("host2")!;
  functions.set("host2", { ...host, parameters: { ...host.parameters, RATE: "20" } });
  functions.delete("host1");
  assert.equal(await service.apply({ ...descriptor, links, functions }), [
    "removed host1",
    "changed link core",
    "updated host2",
  ]);
  await run(2);
  assert.equal(
    [...service.functions.values()].map((f) => `${f.name} ${f.state} ${f.restarts}`),
    ["ms started 0", "xtr1 started 0", "xtr2 started 0", "host2 started 0"],
  );
  await service.apply(descriptor);
  await run(5);
  assert.ok((await read(service, "host1", "answers.count")) > 5);
  await service.terminate();
});

test("a graph that cannot be is refused, and its function goes on as it was", async () => {
  const descriptor = twoSites();
  const [service, run] = await up(descriptor);
  const change = (parameters: Record<string, string>): ServiceDescriptor => {
    const functions = new Map(descriptor.functions);
    const host = functions.get("host1")!;
    functions.set("host1", { ...host, parameters: { ...host.parameters, ...parameters } });
    return { ...descriptor, functions };
  };
  const first = service.apply(change({ RATE: "none" }));
  // Asked for meanwhile: it waits.
  const second = service.apply(change({ RATE: "30" }));
  try {
    await first;
    assert.unreachable();
  } catch (e) {
    assert.match((e as Error).message, /udp_sent :: RatedSource/);
  }
  assert.equal(await second, ["updated host1"]);
  assert.equal(await service.apply(change({ RATE: "30" })), []);
  await run(2);
  assert.is(service.function("host1").restarts, 0);
  await service.terminate();
});

test("a function can be scaled out and in while the others run", async () => {
  const functions = new Map(twoSites().functions);
  const host = functions.get("host1")!;
  // Three ends of the link from the start: a switch, to which more can be added.
  functions.set("host1", {
    ...host,
    replicas: 2,
    parameters: { ...host.parameters, IP4: "192.168.1.1{replica}", IP6: "fd01::1{replica}" },
  });
  const [service, run] = await up(twoSites({ functions }));
  await run(5);
  await service.scale("host1", 4);
  await run(5);
  for (const name of ["host1", "host1-2", "host1-3", "host1-4"])
    assert.ok((await read(service, name, "answers.count")) >= 5, name);
  await service.scale("host1", 2);
  assert.equal([...service.functions.keys()], ["ms", "xtr1", "xtr2", "host1", "host1-2", "host2"]);
  assert.is(service.function("xtr1").restarts, 0);
  await service.terminate();
});

test.run();
