// Faults of a service: they may overlap, and each ends by itself.

import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { RealWorld, SimulatedWorld } from "../../../src/vnf/world.js";
import { withHosts } from "../world.js";

const TWO_SITES = fileURLToPath(new URL("../../../../conf/services/two-sites.yaml", import.meta.url));
const QUIET = withHosts(readDescriptor(TWO_SITES), { RATE: "1", PING: "0.1", VERBOSE: "false" });

async function up(): Promise<[Service, (seconds: number) => Promise<number>]> {
  const world = new SimulatedWorld(1);
  const service = await Service.instantiate(QUIET, { world });
  await service.start();
  const answers = async (): Promise<number> =>
    Number(await service.function("host1").request("read", { path: "answers.count" }));
  let before = 0;
  // How many pings were answered meanwhile.
  const run = async (seconds: number): Promise<number> => {
    await world.simulation.runFor(seconds);
    const now = await answers();
    const more = now - before;
    before = now;
    return more;
  };
  return [service, run];
}

test("a link that is down twice is up when both faults are over", async () => {
  const [service, run] = await up();
  await run(10);
  service.inject({ kind: "link-down", link: "core" }, 4);
  await run(2);
  service.inject({ kind: "link-down", link: "core" }, 4);
  await run(2.5);
  assert.is(await run(1), 0, "the first is over, the second is not");
  await run(1);
  assert.ok((await run(5)) >= 40);
  await service.terminate();
});

test("a delay that changes while the link is down holds afterwards, and its end leaves the link up", async () => {
  const [service, run] = await up();
  await run(10);
  service.inject({ kind: "link-down", link: "core" }, 3);
  service.inject({ kind: "link-change", link: "core", change: { delay: 0.05 } }, 6);
  await run(3.5);
  await run(2);
  const slow = await service.function("host1").request("read", { path: "ping.rtt_max" });
  assert.match(slow, /^0\.1/, "0.1 s there and back");
  await run(1);
  assert.ok((await run(5)) >= 40);
  await service.terminate();
});

test("what is lost behind the switch of a link is counted there", async () => {
  const [service, run] = await up();
  await run(10);
  assert.is(service.lost("core"), 0);
  service.inject({ kind: "link-change", link: "core", change: { loss: 0.5 } });
  await run(5);
  assert.ok(service.lost("core") > 5, String(service.lost("core")));
  assert.is(service.lost("site1"), 0, "a wire has none");
  await service.terminate();
});

test("a new descriptor changes a link under a fault, which goes on", async () => {
  const [service, run] = await up();
  await run(10);
  service.inject({ kind: "link-down", link: "core" }, 5);
  const links = new Map(QUIET.links);
  links.set("core", { ...links.get("core")!, delay: 0.02 });
  await service.apply({ ...service.descriptor, links });
  await run(0.5);
  assert.is(await run(4), 0);
  await run(1);
  assert.ok((await run(5)) >= 40);
  await service.terminate();
});

test("a scheduled fault of what is gone by then is told, and harms nobody", async () => {
  const [service, run] = await up();
  service.schedule({ kind: "crash", function: "host2", at: 5, duration: Number.POSITIVE_INFINITY });
  const functions = new Map(QUIET.functions);
  functions.delete("host2");
  await service.apply({ ...service.descriptor, functions });
  await run(6);
  assert.ok(service.events.latest(100, "service").some((e) => /no function 'host2'/.test(e.message)));
  await service.terminate();
});

test("stores fail in simulated time only", async () => {
  const service = await Service.instantiate(QUIET, { world: new RealWorld() });
  assert.throws(
    () => service.inject({ kind: "store", function: "ms", failure: "fail" }),
    /stores can be made to fail under --simtime only/,
  );
  await service.terminate();
});

test.run();
