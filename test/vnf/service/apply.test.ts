// Changes to a service that runs: what `apply` sees as different, and what it does when something cannot be.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ServiceDescriptor } from "../../../src/vnf/descriptor/model.js";
import { parseDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const graph = (name: string, text: string): void => writeFileSync(join(folder, name), text);

/** Two functions with a counter each; `more` follows function `a`, `rest` the functions. */
function descriptor(more = "", rest = ""): ServiceDescriptor {
  graph("b.click", "TimedSource(0.1) -> n :: Counter -> Discard;\n");
  return parseDescriptor(
    `service: s\nfunctions:\n  a:\n    graph: a.click\n${more}  b: { graph: b.click }\n${rest}`,
    join(folder, "s.yaml"),
  );
}

const A = "define($INTERVAL 0.1);\nTimedSource($INTERVAL) -> n :: Counter -> Discard;\n";

async function up(d: ServiceDescriptor): Promise<[Service, (seconds: number) => Promise<void>]> {
  const world = new SimulatedWorld(1);
  const service = await Service.instantiate(d, { world });
  await service.start();
  return [service, (seconds) => world.simulation.runFor(seconds)];
}

async function rejection(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (e) {
    return (e as Error).message;
  }
  throw new Error("it was done");
}

test("a graph whose file was edited is swapped in; scaling leaves it", async () => {
  graph("a.click", A);
  const [service, run] = await up(descriptor());
  await run(1.05);
  assert.equal(await service.apply(descriptor()), []);
  graph("a.click", `${A}Idle -> more :: Discard;\n`);
  await service.scale("b", 2);
  assert.is(
    await service
      .function("a")
      .request("read", { path: "list" })
      .then((t) => /more/.test(t)),
    false,
  );
  assert.equal(await service.apply(descriptor("", "  c: { graph: b.click }\n")), [
    "removed b-2",
    "updated a",
    "added c",
  ]);
  assert.match(await service.function("a").request("read", { path: "list" }), /more/);
  assert.equal(await service.apply(descriptor("", "  c: { graph: b.click }\n")), []);
  await service.terminate();
});

test("of several graphs that cannot be each is said, and their functions go on as they were", async () => {
  graph("a.click", A);
  const [service, run] = await up(descriptor());
  graph("c.click", "n :: Wrong;\n");
  const next = descriptor("", "  c: { graph: c.click }\n");
  graph("a.click", "n :: Bogus;\n");
  graph("b.click", "Idle -> n :: Counter(1, 2) -> Discard;\n");
  const said = await rejection(service.apply(next));
  for (const each of [/a\.click:1:.*'Bogus'/, /b\.click:1:.*\n.*too many arguments/, /'Wrong'/])
    assert.match(said, each);
  const before = Number(await service.function("b").request("read", { path: "n.count" }));
  await run(1);
  assert.is(Number(await service.function("b").request("read", { path: "n.count" })), before + 10);
  await service.terminate();
});

test("a health check that is added, or changed, is done from now on", async () => {
  graph("a.click", A);
  const [service, run] = await up(descriptor());
  const health = (expect: string): ServiceDescriptor =>
    descriptor(`    health: { handler: n.rate, expect: ${expect}, grace: 1s, failures: 2 }\n`);
  assert.equal(await service.apply(health("none")), ["changed how a is watched"]);
  await run(2.5);
  assert.match(service.function("a").lastEnd?.message ?? "", /^unhealthy: n\.rate is '.*', not 'none'$/);
  await run(0.5);
  assert.equal(await service.apply(descriptor()), ["changed how a is watched"]);
  const { restarts } = service.function("a");
  await run(10);
  assert.is(service.function("a").restarts, restarts);
  await service.terminate();
});

test("faults that a new descriptor plans happen when they are due; those it does not plan do not", async () => {
  graph("a.click", A);
  const crash = (at: number): string => `faults: [{ at: ${at}s, function: a, crash: true }]\n`;
  const [service, run] = await up(descriptor("", crash(5)));
  await run(2);
  assert.equal(await service.apply(descriptor("", crash(8))), ["planned the faults anew"]);
  await run(5);
  assert.is(service.function("a").restarts, 0);
  await run(2);
  assert.is(service.function("a").restarts, 1);
  // Those whose time is over do not happen.
  await service.apply(descriptor("", crash(1)));
  await run(5);
  assert.is(service.function("a").restarts, 1);
  await service.terminate();
});

test("a function that failed starts with what is new; one that was stopped stays so", async () => {
  graph("a.click", A);
  const [service, run] = await up(descriptor());
  graph("a.click", "n :: Bogus;\n");
  assert.match(await rejection(service.heal("a")), /unknown element class 'Bogus'/);
  assert.is(service.function("a").state, "failed");
  assert.match(service.function("a").lastEnd!.message, /^does not start: .*unknown element class 'Bogus'/);
  assert.match(service.events.latest(1, "a")[0].message, /^does not start: /);
  graph("a.click", A);
  assert.equal(await service.apply(descriptor()), ["updated a"]);
  assert.is(service.function("a").state, "started");
  await service.function("b").stop();
  assert.equal(await service.apply(descriptor("    parameters: { INTERVAL: 0.2 }\n")), ["updated a"]);
  await run(1);
  assert.is(service.function("b").state, "stopped");
  await service.terminate();
});

test("one that cannot start keeps none of the others from it", async () => {
  graph("a.click", A);
  const [service] = await up(descriptor());
  graph("bad.click", "n :: Bogus;\n");
  const more = "  c: { graph: bad.click }\n  d: { graph: b.click }\n";
  assert.match(await rejection(service.apply(descriptor("", more))), /unknown element class 'Bogus'/);
  assert.equal(
    [...service.functions.values()].map((f) => `${f.name} ${f.state}`),
    ["a started", "b started", "c failed", "d started"],
  );
  await service.terminate();
});

test("a service keeps its name, and only whole functions are scaled", async () => {
  graph("a.click", A);
  const [service] = await up(descriptor("    replicas: 2\n"));
  assert.is(
    await rejection(service.apply({ ...descriptor(), name: "t" })),
    "the service is 's' and stays that, not 't'",
  );
  assert.is(await rejection(service.scale("a-2", 3)), "'a-2' is a replica of 'a': scale that");
  assert.match(await rejection(service.scale("x", 3)), /^there is no function 'x'/);
  await service.terminate();
});

test.run();
