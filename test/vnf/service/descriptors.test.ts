// Every descriptor in conf/services comes up in simulated time: tunnel routers register and resolve, hosts ping.

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";
import { hostsAtRate, moved } from "../world.js";

const FOLDER = fileURLToPath(new URL("../../../../conf/services/", import.meta.url));
const files = readdirSync(FOLDER).filter((f) => f.endsWith(".yaml"));

async function up(file: string): Promise<[Service, (seconds: number) => Promise<void>]> {
  const world = new SimulatedWorld(1);
  const service = await Service.instantiate(hostsAtRate(readDescriptor(`${FOLDER}${file}`), 10), { world });
  await service.start();
  return [service, (seconds) => world.simulation.runFor(seconds)];
}

async function read(service: Service, name: string, path: string): Promise<string> {
  return (await service.function(name).request("read", { path })).trim();
}

/** Tunnel routers whose site has hosts from the beginning. */
function busy({ descriptor }: Service): string[] {
  const functions = [...descriptor.functions.values()];
  const linksOf = (graph: string, device: string): [string, string][] =>
    functions
      .filter((f) => f.graph.endsWith(graph))
      .flatMap(({ name, devices }) =>
        devices.flatMap((d): [string, string][] =>
          d.name === device && "link" in d ? [[name, d.link]] : [],
        ),
      );
  const hosts = new Set(linksOf("/host.click", "eth0").map(([, link]) => link));
  return linksOf("/xtr.click", "site").flatMap(([name, link]) => (hosts.has(link) ? [name] : []));
}

/** Names of the functions with a graph. */
function running(service: Service, graph: string): string[] {
  return [...service.functions.values()].filter((f) => f.descriptor.graph.endsWith(graph)).map((f) => f.name);
}

test("there are the services that the README names", () => {
  for (const file of ["two-sites.yaml", "four-sites.yaml", "multihomed.yaml", "follow-me-cloud.yaml"])
    assert.ok(files.includes(file), file);
});

for (const file of files) {
  test(`${file}: tunnel routers register and resolve, hosts ping`, async () => {
    const [service, run] = await up(file);
    // Whom nobody has registered yet is asked for again after 5 s.
    await run(15);
    for (const name of running(service, "xtr.click"))
      assert.is(await read(service, name, "registrar.registered"), "true", name);
    for (const name of busy(service)) {
      assert.ok(Number(await read(service, name, "resolver.replies")) > 0, name);
    }
    for (const name of running(service, "host.click")) {
      const answers = await read(service, name, "answers.count");
      assert.ok(Number(answers) >= 15, `${name}: ${answers} answers`);
    }
    assert.equal(
      [...service.functions.values()].filter((f) => f.state !== "started" || f.restarts > 0),
      [],
    );
    await service.terminate();
  });
}

test("multihomed.yaml: others see both locators with 75 and 25, and keep to the one that is left", async () => {
  const [service, run] = await up("multihomed.yaml");
  await run(20);
  const mapping = "192.168.1.0/24 10.0.0.1/1/75 10.0.0.2/1/25";
  const table = await read(service, "xtr3", "cache.table");
  assert.ok(table.includes(mapping), table);
  // Host 3's flows to host 1 come in through either; host 1's go out through its default router, xtr1.
  await service.function("xtr2").stop();
  await run(30);
  const before = Number(await read(service, "host3", "answers.count"));
  await run(10);
  assert.ok(Number(await read(service, "host3", "answers.count")) >= before + 15);
  await service.terminate();
});

test("four-sites.yaml: a user and a virtual machine move, and keep their addresses", async () => {
  const [service, run] = await up("four-sites.yaml");
  await run(15);
  await service.apply(moved(moved(service.descriptor, "user1", "subnet2"), "vm1", "dc2"));
  await run(10);
  const registrations = await read(service, "ms", "ms.registrations");
  for (const line of ["192.168.1.10/32 10.0.2.1/", "192.168.3.10/32 10.0.4.1/"])
    assert.ok(registrations.includes(`\n${line}`), registrations);
  for (const name of ["user1", "user2", "vm1", "vm2"]) {
    const before = Number(await read(service, name, "answers.count"));
    await run(5);
    assert.ok(Number(await read(service, name, "answers.count")) >= before + 9, name);
  }
  assert.equal(
    [...service.functions.values()].filter((f) => f.restarts > 0),
    [],
  );
  await service.terminate();
});

test.run();
