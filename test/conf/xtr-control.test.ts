// conf/xtr.click with its control plane against conf/map-server.click, in simulated time: two sites that know nothing
// of each other register, resolve and exchange packets.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Network } from "./network.js";

/** Hosts and tunnel routers 1 and 2, a Map-Server with the secrets `keys`, and a hub between. */
async function network(proxy: string, keys: readonly string[]): Promise<Network> {
  const n = new Network();
  const [h1, s1] = n.link("eth0", "site");
  const [h2, s2] = n.link("eth0", "site");
  const [c1, p1] = n.link("core", "port1");
  const [c2, p2] = n.link("core", "port2");
  const [c3, p3] = n.link("core", "port3");
  await n.make("hub", "hub.click", [
    ["port1", p1],
    ["port2", p2],
    ["port3", p3],
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
    n.close();
  });
}

test("a change at one site is told, asked for and used by the other (SMR)", async () => {
  const n = await network("", ["labkey1", "labkey2"]);
  n.simulation.run(5);
  await n.routers.get("xtr1")!.write("own.add", "192.168.1.0/24 10.0.0.1/7/70");
  n.simulation.run(5);
  assert.match(n.read("xtr2", "cache.table"), /^192\.168\.1\.0\/24 10\.0\.0\.1\/7\/70 /);
  assert.is(n.read("xtr2", "solicited.invoked"), "1");
  n.close();
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
  n.close();
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
  n.close();
});

test.run();
