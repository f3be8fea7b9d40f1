// conf/xtr.click with its control plane against conf/map-server.click, in simulated time: two sites that know nothing
// of each other register, resolve and exchange packets.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { libraryReader } from "../../src/cli/input.js";
import { makeLink } from "../../src/device/link.js";
import { MapProvider } from "../../src/device/provider.js";
import { Loader, Router, Simulation } from "../../src/index.js";

const CONF = fileURLToPath(new URL("../../../conf/", import.meta.url));

/** An Ethernet hub with three ports. */
const HUB = `
  t1 :: Tee(2); t2 :: Tee(2); t3 :: Tee(2);
  q1 :: Queue -> ToDevice(p1); q2 :: Queue -> ToDevice(p2); q3 :: Queue -> ToDevice(p3);
  FromDevice(p1) -> t1; FromDevice(p2) -> t2; FromDevice(p3) -> t3;
  t1[0] -> q2; t1[1] -> q3; t2[0] -> q1; t2[1] -> q3; t3[0] -> q1; t3[1] -> q2;
`;

type Devices = ConstructorParameters<typeof MapProvider>[0];

class Network {
  readonly simulation = new Simulation(7);
  readonly routers = new Map<string, Router>();

  async make(name: string, file: string | null, devices: Devices, variables: Record<string, string> = {}) {
    const path = `${CONF}${file ?? "hub.click"}`;
    const router = new Router({
      file: path,
      loader: new Loader(),
      clock: this.simulation.clock,
      devices: new MapProvider(devices),
      variables,
      readLibrary: libraryReader(""),
      log: () => {},
    });
    await router.start(file === null ? HUB : readFileSync(path, "latin1"));
    this.simulation.add(router);
    this.routers.set(name, router);
  }

  read(router: string, handler: string): string {
    return this.routers.get(router)!.read(handler).trim();
  }
}

/** Hosts and tunnel routers 1 and 2, a Map-Server with the secrets `keys`, and a hub between. */
async function network(proxy: string, keys: readonly string[]): Promise<Network> {
  const n = new Network();
  const { clock, schedule } = n.simulation;
  const link = (a: string, b: string, i: number): ReturnType<typeof makeLink> =>
    makeLink({
      clock,
      schedule,
      names: [a, b],
      macs: [Uint8Array.of(2, 0, 0, 0, 0, 2 * i), Uint8Array.of(2, 0, 0, 0, 0, 2 * i + 1)],
      delay: 0.002,
    });
  const [h1, s1] = link("eth0", "site", 1);
  const [h2, s2] = link("eth0", "site", 2);
  const [c1, p1] = link("core", "p1", 3);
  const [c2, p2] = link("core", "p2", 4);
  const [c3, p3] = link("core", "p3", 5);
  await n.make("hub", null, [
    ["p1", p1],
    ["p2", p2],
    ["p3", p3],
  ]);
  const site = (i: number): string => `s${i} key ${keys[i - 1]} eid 192.168.${i}.0/24 eid fd0${i}::/64`;
  await n.make("ms", "map-server.click", [["core", c3]], { SITES: `${site(1)}, ${site(2)}` });
  for (const [i, s, c, h] of [
    [1, s1, c1, h1],
    [2, s2, c2, h2],
  ] as const) {
    await n.make(
      `xtr${i}`,
      "xtr.click",
      [
        ["site", s],
        ["core", c],
      ],
      {
        EID4: `192.168.${i}.1`,
        EID4_NET: `192.168.${i}.0/24`,
        EID6: `fd0${i}::1`,
        EID6_NET: `fd0${i}::/64`,
        RLOC4: `10.0.0.${i}`,
        RLOC6: `fd00::${i}`,
        MAP_RESOLVER: "10.0.0.100",
        MAP_SERVER: `10.0.0.100 key 1:labkey${i}${proxy}`,
        LOCATORS: `10.0.0.${i}`,
        PROBE: "2",
      },
    );
    await n.make(`host${i}`, "host.click", [["eth0", h]], {
      IP4: `192.168.${i}.10`,
      NET4: `192.168.${i}.0/24`,
      ROUTER4: `192.168.${i}.1`,
      IP6: `fd0${i}::10`,
      NET6: `fd0${i}::/64`,
      ROUTER6: `fd0${i}::1`,
      PEER4: `192.168.${3 - i}.10`,
      RATE: "50",
    });
  }
  return n;
}

for (const [who, proxy] of [
  ["the Map-Server answers for the sites", " proxy-reply"],
  ["the sites' own tunnel routers answer", ""],
] as const) {
  test(`two sites register, resolve and exchange packets: ${who}`, async () => {
    const n = await network(proxy, ["labkey1", "labkey2"]);
    n.simulation.run(10);
    for (const i of [1, 2]) {
      assert.is(n.read(`xtr${i}`, "registrar.registered"), "true", `xTR ${i} is registered`);
      assert.match(
        n.read(`xtr${i}`, "cache.table"),
        new RegExp(`^192\\.168\\.${3 - i}\\.0/24 10\\.0\\.0\\.${3 - i}/1/100 `),
      );
      const sent = Number(n.read(`host${i}`, "sent.count"));
      const received = Number(n.read(`host${3 - i}`, "udp_received.count"));
      assert.ok(received > 400 && received >= sent - 60, `${received} of ${sent} received`);
      const [replies, probes] = ["replies", "probes"].map((h) => Number(n.read(`xtr${i}`, `replier.${h}`)));
      assert.ok(replies > probes === (proxy === ""), `${replies} replies, ${probes} to probes`);
    }
    assert.is(n.read("ms", "ms.size"), "4");
    for (const router of n.routers.values()) router.close();
  });
}

test("a change at one site is told, asked for and used by the other (SMR)", async () => {
  const n = await network("", ["labkey1", "labkey2"]);
  n.simulation.run(5);
  await n.routers.get("xtr1")!.write("own.add", "192.168.1.0/24 10.0.0.1/7/70");
  n.simulation.run(5);
  assert.match(n.read("xtr2", "cache.table"), /^192\.168\.1\.0\/24 10\.0\.0\.1\/7\/70 /);
  assert.is(n.read("xtr2", "solicited.invoked"), "1");
  for (const router of n.routers.values()) router.close();
});

test("locators are probed, and one whose tunnel router is gone is found down", async () => {
  const n = await network("", ["labkey1", "labkey2"]);
  n.simulation.run(8);
  // The links take 4 ms one way.
  assert.match(n.read("xtr1", "prober.table"), /^10\.0\.0\.2 up 8\.\d+ /);
  n.routers.get("xtr2")!.close();
  n.routers.delete("xtr2");
  n.simulation.run(6);
  assert.match(n.read("xtr1", "prober.table"), /^10\.0\.0\.2 down /);
  assert.match(n.read("xtr1", "cache.rlocs"), /^10\.0\.0\.2 \d+ down /);
  for (const router of n.routers.values()) router.close();
});

test("a site with a wrong key is not registered, and nobody reaches it", async () => {
  const n = await network("", ["labkey1", "another"]);
  n.simulation.run(10);
  assert.equal(
    [1, 2].map((i) => n.read(`xtr${i}`, "registrar.registered")),
    ["true", "false"],
  );
  assert.is(n.read("host2", "udp_received.count"), "0");
  assert.ok(Number(n.read("ms", "ms.bad_authentication")) > 0);
  for (const router of n.routers.values()) router.close();
});

test.run();
