// timeout: 600
// follow-me-cloud.yaml in real time, unchanged: inline, and as processes in namespaces. The user moves, its machine follows.

import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Isolation } from "../../../src/vnf/descriptor/model.js";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { RealWorld } from "../../../src/vnf/world.js";
import { namespacesRefused } from "../../network/namespaces.js";
import { atEnd, ledger } from "../../outside.js";
import { skipUnless } from "../../skip.js";
import { until } from "../../until.js";
import { moved, withHosts, withParameters } from "../world.js";

const FILE = fileURLToPath(new URL("../../../../conf/services/follow-me-cloud.yaml", import.meta.url));

async function follows(isolation: Isolation): Promise<void> {
  const file = readDescriptor(FILE);
  const hosts = withHosts(file, { RATE: "0", VERBOSE: "false" });
  const descriptor = withParameters(hosts, "fmc", { BANDWIDTH: "100Mbps" });
  const functions = [...descriptor.functions].map(
    ([name, f]) => [name, { ...f, isolation, health: null }] as const,
  );
  // Names of namespaces are the machine's: this test's own.
  const name = `t${process.pid}-fmc`;
  const service = await Service.instantiate(
    { ...descriptor, name, functions: new Map(functions) },
    { world: new RealWorld(), book: ledger },
  );
  const left = atEnd(() => service.terminate());
  const read = (f: string, path: string): Promise<string> => service.function(f).request("read", { path });
  const tells = (f: string, path: string, what: RegExp): Promise<void> =>
    until(async () => what.test(await read(f, path)), `${f}: ${path} is ${what}`, 120);
  try {
    await service.start();
    await tells("user1", "answers.count", /^[1-9]/);
    await tells("fmc", "tracker.users", /^user1 access:north /);
    await tells("fmc", "tracker.vms", / dc:dc1 /);
    await service.apply(moved(service.descriptor, "user1", "subnet2"));
    await tells("fmc", "migration.status", /^1 vm1 dc1 dc2 e settled /);
    assert.is(service.guests.at("vm1"), "dc2");
    assert.match(await read("ms", "ms.registrations"), /^192\.168\.3\.10\/32 10\.0\.0\.4\//m);
    const before = Number(await read("user1", "answers6.count"));
    await until(async () => Number(await read("user1", "answers6.count")) >= before + 2, "it is reached");
  } finally {
    left();
    await service.terminate();
  }
}

test("inline the machine follows its user", () => follows("inline"));

const refused = namespacesRefused();
skipUnless(refused === null, refused ?? "")("as processes in namespaces, too", () => follows("process"));

test.run();
