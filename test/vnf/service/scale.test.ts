// timeout: 600
// Replicas of a function on a switch are added and taken away while the others run, in every isolation.

import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Isolation } from "../../../src/vnf/descriptor/model.js";
import { inside, parseDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { RealWorld } from "../../../src/vnf/world.js";
import { namespacesRefused } from "../../network/namespaces.js";
import { atEnd, ledger } from "../../outside.js";
import { skipUnless } from "../../skip.js";
import { until } from "../../until.js";

const FILE = fileURLToPath(new URL("../../../../conf/services/scale.yaml", import.meta.url));

async function scales(isolation: Isolation, namespaces?: boolean): Promise<void> {
  const descriptor = parseDescriptor(
    `service: t${process.pid}-scale
links: { lan: { shared: true, delay: 1ms } }
defaults: { isolation: ${isolation} }
functions:
  a:
    graph: ../host.click
    parameters: { IP4: 192.168.1.1, PEER4: 192.168.1.101, RATE: 0 }
    devices: { eth0: lan }
  b:
    graph: ../host.click
    parameters: { IP4: "192.168.1.10{replica}", PEER4: 192.168.1.1, RATE: 0 }
    devices: { eth0: lan }
`,
    FILE,
  );
  const service = await Service.instantiate(descriptor, { world: new RealWorld(), namespaces, book: ledger });
  const left = atEnd(() => service.terminate());
  const answered = async (names: readonly string[]): Promise<void> => {
    for (const name of names)
      await until(
        async () => Number(await service.function(name).request("read", { path: "answers.count" })) >= 1,
        `${name} has an answer`,
        120,
      );
  };
  try {
    await service.start();
    await answered(["a", "b"]);
    await service.scale("b", 3);
    await answered(["b-2", "b-3"]);
    // The one that stays has a device of the same name as those that go.
    await service.scale("b", 0);
    assert.equal([...service.functions.keys()], ["a"]);
    await service.scale("b", 1);
    await answered(["b"]);
    assert.is(service.function("a").restarts, 0);
  } finally {
    left();
    await service.terminate();
  }
}

const refused = namespacesRefused();
test("inline", () => scales("inline"));
test("in threads", () => scales("thread"));
test("in processes joined by Unix sockets", () => scales("process", false));
skipUnless(refused === null, refused ?? "")("in processes and namespaces", () => scales("process"));

test("everything that is there lies in the root folder", () => {
  assert.ok(inside(fileURLToPath(import.meta.url), "/"));
});

test.run();
