// timeout: 300
// conf/xtr.click, conf/map-server.click and conf/host.click: two tunnel routers, a Map-Server and two hosts in simulated
// time, as `sluice demo` runs them.

import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readDescriptor } from "../../src/vnf/descriptor/read.js";
import type { InlineInstance } from "../../src/vnf/instance/inline.js";
import { Service } from "../../src/vnf/service/service.js";
import { SimulatedWorld } from "../../src/vnf/world.js";

const TWO_SITES = readDescriptor(
  fileURLToPath(new URL("../../../conf/services/two-sites.yaml", import.meta.url)),
);

async function demonstrate(
  seconds: number,
): Promise<{ read: (router: string, handler: string) => number; tables: string }> {
  const world = new SimulatedWorld(1);
  const functions = [...TWO_SITES.functions].map(([name, f]) => {
    const more: Record<string, string> = name.startsWith("host") ? { RATE: "200" } : {};
    return [name, { ...f, parameters: { ...f.parameters, ...more } }] as const;
  });
  const service = await Service.instantiate({ ...TWO_SITES, functions: new Map(functions) }, { world });
  await service.start();
  await world.simulation.runFor(seconds);
  const values = new Map<string, string>();
  const every: string[] = [];
  for (const { name, instance } of service.functions.values()) {
    const { router } = instance as InlineInstance;
    for (const element of router.elements) {
      for (const handler of router.handlers(element).values()) {
        if (handler.read === undefined || handler.spec.params) continue;
        const text = router.read(`${element.name}.${handler.name}`);
        values.set(`${name} ${element.name}.${handler.name}`, text);
        every.push(`${name} ${element.name}.${handler.name} ${text}`);
      }
    }
  }
  await service.terminate();
  return { read: (router, handler) => Number(values.get(`${router} ${handler}`)), tables: every.join("\n") };
}

test("UDP packets and pings cross the tunnel in both directions, and none is lost once addresses are resolved", async () => {
  const { read } = await demonstrate(3);
  for (const [here, there] of [
    ["1", "2"],
    ["2", "1"],
  ]) {
    const sent = read(`host${here}`, "sent.count");
    const received = read(`host${there}`, "udp_received.count");
    assert.ok(sent >= 595 && sent <= 605, `${sent} sent`);
    // The queues that wait for ARP hold few packets; after that only those on their way are missing.
    assert.ok(received >= sent - 20, `${received} of ${sent} received`);
    // Each resolves the other's two EID-prefixes once; the packets that waited for the answer were sent on.
    assert.is(read(`xtr${here}`, "resolver.requests"), 2);
    assert.is(read(`xtr${here}`, "resolver.resolved"), read(`xtr${here}`, "cache.misses"));
    assert.ok(read(`xtr${here}`, "encap.count") >= received);
    const pings = read(`host${here}`, "ping.count");
    assert.ok(pings >= 6 && read(`host${here}`, "answers.count") >= pings - 1, `${pings} pings`);
    const pings6 = read(`host${here}`, "ping6.count");
    assert.ok(
      pings6 >= 6 && read(`host${here}`, "answers6.count") >= pings6 - 1,
      `${pings6} pings over IPv6`,
    );
  }
});

test("two runs are the same, handler for handler", async () => {
  const [first, second] = [await demonstrate(1), await demonstrate(1)];
  assert.is(first.tables, second.tables);
});

test.run();
