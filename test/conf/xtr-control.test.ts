// timeout: 300
// conf/xtr.click with its control plane against conf/map-server.click, in simulated time: two sites that know nothing
// of each other register, resolve and exchange packets.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { addSite, Network } from "./network.js";

/** Hosts and tunnel routers 1 and 2, a Map-Server with the secrets `keys`, and a hub between; `pubsub`: the keys for PubSub of all three, the Map-Server first. */
async function network(
  proxy: string,
  keys: readonly string[],
  pubsub: readonly string[] = ['""', '""', '""'],
): Promise<Network> {
  const n = new Network();
  const [h1, s1] = n.link("eth0", "site");
  const [h2, s2] = n.link("eth0", "site");
  const [c1, c2, c3] = await n.hub("core");
  const site = (i: number): string => `s${i} key ${keys[i - 1]} eid 192.168.${i}.0/24 eid fd0${i}::/64`;
  await n.make("ms", "map-server.click", [["core", c3]], {
    SITES: `${site(1)}, ${site(2)}`,
    PUBSUB_KEY: pubsub[0],
  });
  for (const [i, site, core, host] of [
    [1, s1, c1, h1],
    [2, s2, c2, h2],
  ] as const)
    await addSite(
      n,
      i,
      { host, site, core },
      {
        MAP_RESOLVER: "10.0.0.100",
        PUBSUB_KEY: pubsub[i],
        MAP_SERVER: `10.0.0.100 key 1:labkey${i}${proxy}`,
        PROBE: "2",
      },
    );
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

test("with PubSub a change is published to the other site, without an SMR; a site that is gone is forgotten", async () => {
  const n = await network("", ["labkey1", "labkey2"], ["shared", "shared", "shared"]);
  n.simulation.run(5);
  const subscribed = (): string[] => n.read("ms", "ms.subscriptions").split("\n").filter(Boolean);
  assert.equal(
    subscribed().map((line) => line.split(" ").slice(0, 2)),
    [
      ["192.168.1.0/24", "10.0.0.2"],
      ["192.168.2.0/24", "10.0.0.1"],
    ],
  );
  // Nobody can be solicited: what changes the cache is the publication.
  const [xtr1, xtr2] = [n.routers.get("xtr1")!, n.routers.get("xtr2")!];
  await xtr1.write("own.add", "192.168.1.0/24 10.0.0.1/7/70");
  n.simulation.run(0.05);
  assert.match(n.read("xtr2", "cache.table"), /^192\.168\.1\.0\/24 10\.0\.0\.1\/7\/70 /);
  assert.equal([n.read("xtr2", "subscriber.publications"), n.read("ms", "ms.pending")], ["1", "0"]);
  await xtr1.write("own.remove", "192.168.1.0/24");
  n.simulation.run(0.05);
  assert.equal([n.read("xtr2", "subscriber.removed"), n.read("xtr2", "subscriber.replay")], ["1", "0"]);
  n.simulation.run(20);
  for (const handler of ["registrar.bad_auth", "resolver.unsolicited"])
    assert.equal([n.read("xtr1", handler), n.read("xtr2", handler)], ["0", "0"], handler);
  xtr2.stop();
  n.simulation.run(1);
  assert.not.ok(subscribed().some((line) => line.includes("10.0.0.2")));
  n.close();
});

test("with another PubSub key than the Map-Server's nothing that it publishes counts", async () => {
  const n = await network("", ["labkey1", "labkey2"], ["shared", "guess", "shared"]);
  n.simulation.run(5);
  assert.match(n.read("xtr1", "subscriber.table"), /^0 192\.168\.2\.0\/24 asking/);
  await n.routers.get("xtr2")!.write("own.add", "192.168.2.0/24 10.0.0.2/9/90");
  n.simulation.run(0.05);
  assert.equal(
    ["answers", "publications", "installed"].map((h) => n.read("xtr1", `subscriber.${h}`)),
    ["0", "0", "0"],
  );
  assert.ok(Number(n.read("xtr1", "registrar.bad_auth")) > 0);
  n.simulation.run(150);
  assert.equal(n.read("ms", "ms.subscriptions").match(/10\.0\.0\.1/), null);
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
