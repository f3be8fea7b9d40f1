// timeout: 1200
// Every descriptor of conf/services in real time: inline, in threads, in processes in namespaces, and in processes
// joined by Unix sockets. Hosts ping each other.

import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
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

const SERVICES = fileURLToPath(new URL("../../../../conf/services/", import.meta.url));

/** Brings up a descriptor with its functions isolated so, in turn; all hosts must have answers, and none while links are down. */
async function pings(file: string, isolations: Isolation | Isolation[], namespaces?: boolean): Promise<void> {
  const descriptor = readDescriptor(SERVICES + file);
  const functions = [...descriptor.functions].map(([name, f], i) => {
    const isolation = [isolations].flat()[i % [isolations].flat().length];
    // Hosts that send little: machines differ.
    const parameters = f.graph.endsWith("/host.click") ? { ...f.parameters, RATE: "20" } : f.parameters;
    return [name, { ...f, isolation, parameters, health: null }] as const;
  });
  // Names of namespaces are the machine's: this test's own.
  const name = `t${process.pid}-${descriptor.name}`.slice(0, 40);
  const service = await Service.instantiate(
    { ...descriptor, name, functions: new Map(functions) },
    { world: new RealWorld(), namespaces, book: ledger },
  );
  const left = atEnd(() => service.terminate());
  try {
    await service.start();
    const hosts = [...service.functions.values()].filter((f) => f.descriptor.graph.endsWith("/host.click"));
    assert.ok(hosts.length >= 2);
    // Over IPv6, too, where the descriptor says whom to ask.
    const counters = hosts.flatMap((h) =>
      ["answers", ...("PEER6" in h.descriptor.parameters ? ["answers6"] : [])].map(
        (c) => [h, `${c}.count`] as const,
      ),
    );
    const answers = (): Promise<number[]> =>
      Promise.all(counters.map(async ([h, path]) => Number(await h.request("read", { path }))));
    await until(async () => (await answers()).every((n) => n >= 2), "pings are answered", 120);
    // What links do changes wherever their ends are.
    for (const link of descriptor.links.keys()) service.inject({ kind: "link-down", link });
    await until(
      async () => {
        const before = await answers();
        await new Promise((resolve) => setTimeout(resolve, 1200));
        return (await answers()).join() === before.join();
      },
      "no ping is answered while all links are down",
      60,
    );
  } finally {
    left();
    await service.terminate();
  }
}

/** The folders of sockets that services of this process have. */
function socketFolders(): string[] {
  return readdirSync(tmpdir()).filter((f) => /^sluice-[0-9a-f]{16}$/.test(f));
}

async function leavesNoSocket(body: () => Promise<void>): Promise<void> {
  const before = socketFolders();
  await body();
  assert.equal(
    socketFolders().filter((f) => !before.includes(f)),
    [],
  );
}

const refused = namespacesRefused();
const withNamespaces = skipUnless(refused === null, refused ?? "");
for (const file of readdirSync(SERVICES).filter((f) => f.endsWith(".yaml"))) {
  test(`${file} inline: hosts ping each other`, () => pings(file, "inline"));
  test(`${file} in threads: hosts ping each other`, () => pings(file, "thread"));
  test(`${file} in processes joined by Unix sockets: hosts ping each other`, () =>
    leavesNoSocket(() => pings(file, "process", false)));
  withNamespaces(`${file} in processes and namespaces: hosts ping each other`, async () => {
    await pings(file, "process");
    const left = execFileSync("ip", ["netns"], { encoding: "utf8" });
    assert.not.match(left, new RegExp(`sluice-t${process.pid}-`));
  });
}

test("processes, threads and the manager's own functions are joined by Unix sockets", () =>
  leavesNoSocket(() => pings("two-sites.yaml", ["process", "inline", "thread"], false)));

test.run();
