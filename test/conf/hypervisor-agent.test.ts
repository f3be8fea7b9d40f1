// conf/hypervisor-agent.click: two agents and a controller on one Ethernet, in simulated time, over both families.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { simulatedHypervisor } from "../../src/cloud/hypervisors/make-simulated.js";
import {
  Facilities,
  HYPERVISOR,
  Loader,
  MapProvider,
  makeLink,
  Router,
  Simulation,
} from "../../src/index.js";
import { NonceCounter } from "../../src/lisp/control/nonce-policy.js";
import { libraryReader } from "../../src/loader.js";
import { address, TestController } from "../cloud/agent-net.js";

const GIB = 2 ** 30;
const AGENT = readFileSync("conf/hypervisor-agent.click", "latin1");
const HUB = [0, 1, 2]
  .map(
    (i) =>
      `t${i} :: Tee(3); FromDevice(port${i}) -> t${i}; q${i} :: Queue(100) -> ToDevice(port${i}); t${i}[${i}] -> Discard;`,
  )
  .concat([0, 1, 2].flatMap((i) => [0, 1, 2].filter((j) => j !== i).map((j) => `t${i}[${j}] -> q${j};`)))
  .join("\n");
const CONTROLLER = `
require(library ethernet-interface.click);
net :: EthernetInterface(core, 10.0.0.9, fd00::9);
c :: TestController -> family :: Classifier(0/40%f0, -);
family [0] -> RadixIPLookup(10.0.0.0/24 0) -> net;
family [1] -> LookupIP6Route(fd00::/64 :: 0) -> [1] net;
net [0] -> CheckIPHeader -> c; net [1] -> CheckIP6Header -> c;
`;

test("a controller orders a migration from one to the other, over IPv4 and IPv6", async () => {
  const simulation = new Simulation(2);
  const loader = new Loader();
  loader.add(TestController, "TestController");
  const ends = [0, 1, 2].map((i) =>
    makeLink({
      clock: simulation.clock,
      schedule: simulation.schedule,
      names: ["core", `port${i}`],
      macs: [Uint8Array.of(2, 0, 0, 0, 1, i), Uint8Array.of(2, 0, 0, 0, 2, i)],
      delay: 0.001,
    }),
  );
  const routers: Router[] = [];
  const start = async (
    text: string,
    devices: ConstructorParameters<typeof MapProvider>[0],
    variables: Record<string, string> = {},
  ): Promise<Router> => {
    const router = new Router({
      loader,
      variables,
      clock: simulation.clock,
      seed: routers.length,
      devices: new MapProvider(devices),
      readLibrary: libraryReader(""),
      facilities: new Facilities().add(HYPERVISOR, { simulated: simulatedHypervisor }),
      log: () => {},
      memory: { slots: 1024 },
    });
    await router.start(text);
    simulation.add(router);
    routers.push(router);
    return router;
  };
  await start(
    HUB,
    ends.map(([, end], i) => [`port${i}`, end]),
  );
  const agent = (i: number, variables: Record<string, string>): Promise<Router> =>
    start(AGENT, [["core", ends[i][0]]], {
      ADDR4: `10.0.0.11${i}`,
      ADDR6: `fd00::11${i}`,
      KEY: "1:secret",
      WATCH_KEY: "2:eyes",
      ...variables,
    });
  const a = await agent(0, {
    GUESTS: "web memory 1G address 10.1.0.5",
    TELL: "ROUTER 10.0.0.9, TRUST key 3:cp eid 10.1.0.0/16",
  });
  const b = await agent(1, { HYPERVISOR: "simulated:memory 2G" });
  const c = (await start(CONTROLLER, [["core", ends[2][0]]])).find("c") as TestController;
  const nonces = new NonceCounter(1n);
  const source = c.remote("10.0.0.9", "10.0.0.110", "secret", () => nonces.next(), 1);
  const destination = c.remote("fd00::9", "fd00::111", "secret", () => nonces.next(), 1);
  const kinds: string[] = [];
  for (const one of [source, destination]) one.onEvent(({ kind }) => kinds.push(kind));
  await simulation.runFor(2);
  const [guest] = await during(simulation, source.guests());
  assert.is(guest.name, "web");
  const landing = await during(simulation, destination.prepareIncoming("m1", guest, 10));
  assert.equal(landing.address, address("10.0.0.111"));
  const announce = { iid: 0, locators: [{ rloc: address("10.0.0.9"), priority: 1, weight: 100 }] };
  const options = { downtimeLimit: 0.1, bandwidth: 0, deadline: 60, announce };
  await during(simulation, source.migrate("m1", "web", landing, options));
  await simulation.runFor(20);
  assert.equal(kinds, ["incoming", "started", "stopped", "resumed", "completed"]);
  assert.is(a.read("agent.guests"), "");
  assert.is(b.read("agent.guests"), `web running ${GIB} - 10.1.0.5\n`);
  // The controller, which stands for a tunnel router as well, has no answer to that.
  assert.is(a.read("agent.outcomes"), "10.0.0.9 left 10.1.0.5/32: silent\n");
  for (const router of routers) router.close();
});

/** What `work` comes to while time passes. */
async function during<T>(simulation: Simulation, work: Promise<T>): Promise<T> {
  await simulation.runFor(1);
  return work;
}

test.run();
