// timeout: 600
// A migration in real time, with the machine, the agents and all others isolated: memory crosses between processes.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Isolation } from "../../../src/vnf/descriptor/model.js";
import { Service } from "../../../src/vnf/service/service.js";
import { RealWorld } from "../../../src/vnf/world.js";
import { namespacesRefused } from "../../network/namespaces.js";
import { atEnd, ledger } from "../../outside.js";
import { skipUnless } from "../../skip.js";
import { until } from "../../until.js";
import { Running, Sites } from "./sites.js";

const sites = new Sites();
test.after(() => sites.remove());

async function migrates(isolation: Isolation, namespaces?: boolean): Promise<void> {
  const service = await Service.instantiate(sites.descriptor({ isolation, core: "delay: 1ms" }), {
    world: new RealWorld(),
    namespaces,
    book: ledger,
  });
  const left = atEnd(() => service.terminate());
  try {
    await service.start();
    const s = new Running(service, () => Promise.reject(new Error("time passes by itself")));
    const received = async (): Promise<number> =>
      Number(/: (\d+) received/.exec(await s.read("peer", "numbered.report"))?.[1] ?? 0);
    await until(async () => (await received()) > 10, "the machine sends", 60);
    const begin = async (): Promise<unknown> => s.migrate("m1", { downtimeLimit: 1, deadline: 120 });
    // An agent's graph carries streams from its first round on.
    await until(
      () =>
        begin().then(
          () => true,
          (e) => /carries no streams/.test(e.message) && false,
        ),
      "the agents are ready",
      60,
    );
    await until(() => s.kinds.includes("dc1:completed"), "it is done", 120);
    assert.equal(s.kinds, ["dc1:started", "dc2:incoming", "dc1:stopped", "dc2:resumed", "dc1:completed"]);
    assert.is(service.guests.at("vm"), "dc2");
    const { bytes } = s.event("dc1", "completed");
    assert.ok(bytes > 200_000);
    assert.is(await s.read("agent2", "streams.bytes"), String(bytes + 27 + 40));
    const before = await received();
    await until(async () => (await received()) > before + 10, "the machine sends", 60);
    assert.match(await s.read("peer", "numbered.report"), / 0 lost \(.*\), 0 doubled/);
    assert.is(service.function("vm").restarts, 0);
    // When an agent ends nothing carries its streams until it is back.
    await service.function("agent1").crash();
    await service.function("agent1").stop();
    const [vm] = await s.dc2.guests();
    assert.equal([vm.name, vm.state, vm.migration], ["vm", "running", null]);
    await s.dc1.prepareIncoming("m2", vm, 1).then(
      () => assert.unreachable(),
      (e) => assert.match(e.message, /carries no streams/),
    );
  } finally {
    left();
    await service.terminate();
  }
}

const refused = namespacesRefused();
test("in threads", () => migrates("thread"));
skipUnless(refused === null, refused ?? "")("in processes and namespaces", () => migrates("process"));

test.run();
