// timeout: 600
// Virtual machines of a service: their devices go from one hypervisor's links to another's while they run.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Isolation, ServiceDescriptor } from "../../../src/vnf/descriptor/model.js";
import { parseDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { RealWorld, SimulatedWorld } from "../../../src/vnf/world.js";
import { namespacesRefused } from "../../network/namespaces.js";
import { atEnd, ledger } from "../../outside.js";
import { skipUnless } from "../../skip.js";
import { until } from "../../until.js";

const HOST = fileURLToPath(new URL("../../../../conf/host.click", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(
  join(folder, "bridge.click"),
  `switch :: EtherSwitch;
FromDevice(eth0, true) -> [0] switch [0] -> Queue -> ToDevice(eth0);
FromDevice(eth1, true) -> [1] switch [1] -> Queue -> ToDevice(eth1);
`,
);

/** Two sites, bridged; `vm` sends `peer`, which is at the first, a stream without end by TCP. */
function descriptor(more = "", isolation: Isolation = "inline"): ServiceDescriptor {
  return parseDescriptor(
    `service: t${process.pid}-guests
links: { lan1: { shared: true, delay: 100us, rate: 50Mbps }, lan2: { shared: true, delay: 100us, rate: 50Mbps, mtu: 1600 } }
hypervisors:
  dc1: { agent: peer, links: { eth0: lan1 } }
  dc2: { agent: bridge, links: { eth0: lan2 } }
functions:
  bridge:
    graph: bridge.click
    devices: { eth0: lan1, eth1: lan2 }
  peer:
    graph: ${HOST}
    parameters: { IP4: 192.168.1.20, RATE: 0, PING: 3600 }
    devices: { eth0: lan1 }
  vm:
    graph: ${HOST}
    isolation: ${isolation}
    parameters: { IP4: 192.168.1.10, PEER4: 192.168.1.20, RATE: 0, PING: 3600, TCP4: true, TCP_BYTES: -1 }
    vm: { hypervisor: dc1, addresses: [192.168.1.10] }
    devices: { eth0: lan1 }
${more}`,
    join(folder, "guests.yaml"),
  );
}

const read = (service: Service, name: string, path: string): Promise<string> =>
  service.function(name).request("read", { path });
const sent = async (service: Service): Promise<number> =>
  (await service.function("vm").request("stats", {})).devices.eth0.tx_packets;
const bytes = async (service: Service): Promise<number> =>
  Number(await read(service, "peer", "tcp_received.bytes"));

async function simulated(): Promise<[Service, (seconds: number) => Promise<void>]> {
  const world = new SimulatedWorld(1);
  const service = await Service.instantiate(descriptor(), { world });
  await service.start();
  return [service, (seconds) => world.simulation.runFor(seconds)];
}

test("a machine that stands still sends nothing, and its connection goes on where it is plugged in again", async () => {
  const [service, run] = await simulated();
  const { guests } = service;
  await run(1);
  assert.is(guests.at("vm"), "dc1");
  await guests.pause("vm");
  const stopped = await sent(service);
  await run(0.5);
  assert.is(await sent(service), stopped);
  const detached = guests.detach("vm");
  await run(0.1);
  await detached;
  assert.is(guests.at("vm"), null);
  const there = await bytes(service);
  await run(0.5);
  assert.is(await bytes(service), there);
  await guests.attach("vm", "dc2");
  await guests.resume("vm");
  assert.is(guests.at("vm"), "dc2");
  await run(1);
  assert.ok((await bytes(service)) > there);
  assert.ok((await sent(service)) > stopped);
  const [connection, ...others] = JSON.parse(await read(service, "vm", "tcp.connections"));
  assert.is(others.length, 0);
  assert.is(connection.state, "established");
  assert.is(await read(service, "peer", "tcp_received.wrong"), "0");
  assert.is(service.function("vm").restarts, 0);
  assert.is(await read(service, "peer", "tcp_received.accepted"), "1");
  await service.terminate();
});

test("what a machine has sent is on its link before it leaves that", async () => {
  const [service, run] = await simulated();
  // So slow that what it has sent waits.
  service.inject({ kind: "link-change", link: "lan1", change: { rate: 5e6 } });
  await run(1);
  const { guests } = service;
  await guests.pause("vm");
  const detached = guests.detach("vm");
  await run(1);
  await detached;
  const devices = async (name: string): Promise<Record<string, number>> =>
    (await service.function(name).request("stats", {})).devices.eth0;
  const { tx_packets } = await devices("vm");
  const { rx_packets } = await devices("peer");
  assert.is(rx_packets, tx_packets);
  await service.terminate();
});

test("a machine is where it is, whatever the descriptor says of where it begins", async () => {
  const [service, run] = await simulated();
  const { guests } = service;
  await guests.pause("vm");
  const detached = guests.detach("vm");
  await run(0.1);
  await detached;
  await guests.attach("vm", "dc2");
  await guests.resume("vm");
  await run(0.5);
  const elsewhere = descriptor();
  assert.equal(await service.apply(elsewhere), []);
  const functions = new Map(elsewhere.functions);
  const vm = functions.get("vm")!;
  functions.set("vm", { ...vm, vm: { ...vm.vm!, hypervisor: "dc2" } });
  assert.equal(await service.apply({ ...elsewhere, functions }), []);
  assert.is(guests.at("vm"), "dc2");
  const hypervisors = new Map(elsewhere.hypervisors);
  hypervisors.delete("dc2");
  await service.apply({ ...elsewhere, hypervisors }).then(
    () => assert.unreachable(),
    (e) => assert.match(e.message, /'vm' is at hypervisor 'dc2', which is not there: migrate it first/),
  );
  await service.heal("vm");
  await run(0.5);
  assert.is(guests.at("vm"), "dc2");
  assert.equal(
    service.pairs("lan2", "vm").map((p) => p.from),
    ["vm:eth0"],
  );
  await service.scale("vm", 2).then(
    () => assert.unreachable(),
    (e) => assert.match(e.message, /'vm' is a virtual machine: it has no replicas/),
  );
  await service.terminate();
});

test("a machine that stands still is not written to", async () => {
  const [service] = await simulated();
  await service.guests.pause("vm");
  await service
    .function("vm")
    .request("write", { path: "tcp.reset", value: "" })
    .then(
      () => assert.unreachable(),
      (e) => assert.is(e.code, "PAUSED"),
    );
  await service.guests.attach("vm", "dc2").then(
    () => assert.unreachable(),
    (e) => assert.match(e.message, /'vm' is at 'dc1'/),
  );
  await service.guests.pause("peer").then(
    () => assert.unreachable(),
    (e) => assert.match(e.message, /'peer' is no virtual machine/),
  );
  await service.terminate();
});

/** A move there and back in real time. */
async function moves(isolation: Isolation, namespaces?: boolean): Promise<void> {
  const d = descriptor(`defaults: { isolation: ${isolation} }\n`, isolation);
  const service = await Service.instantiate(d, { world: new RealWorld(), namespaces, book: ledger });
  const left = atEnd(() => service.terminate());
  const { guests } = service;
  try {
    await service.start();
    let before = 0;
    for (const to of ["dc2", "dc1"]) {
      await until(async () => (await bytes(service)) > before, "the stream flows", 60);
      await guests.pause("vm");
      await guests.detach("vm");
      const stopped = await sent(service);
      before = await bytes(service);
      await guests.attach("vm", to);
      assert.is(await sent(service), stopped);
      await guests.resume("vm");
    }
    await until(async () => (await bytes(service)) > before, "the stream flows", 60);
    assert.is(await read(service, "peer", "tcp_received.wrong"), "0");
    assert.is(await read(service, "peer", "tcp_received.accepted"), "1");
    assert.is(service.function("vm").restarts, 0);
  } finally {
    left();
    await service.terminate();
  }
}

const refused = namespacesRefused();
test("inline", () => moves("inline"));
test("in threads", () => moves("thread"));
test("in processes joined by Unix sockets", () => moves("process", false));
skipUnless(refused === null, refused ?? "")("in processes and namespaces", () => moves("process"));

test.run();
