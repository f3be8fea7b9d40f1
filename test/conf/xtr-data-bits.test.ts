// timeout: 300
// What data packets say of locators and mappings, in conf/xtr.click: two sites and a Map-Server in simulated time. Site
// 2 has two locators, 10.0.0.2 and then fd00::2; the way from tunnel router 1 to the first one can be cut.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { addSite, Network } from "./network.js";

/** A hub with a way to cut: what 10.0.0.1 sends to 10.0.0.2; Solicit-Map-Requests never pass. */
const HUB = `
  to1 :: Queue(1000) -> ToDevice(port1); to2 :: Queue(1000) -> ToDevice(port2); to3 :: Queue(1000) -> ToDevice(port3);
  FromDevice(port1) -> kind1 :: Classifier(12/0800 36/10f6 42/11, 12/0800 26/0a000001 30/0a000002, -);
  FromDevice(port2) -> kind2 :: Classifier(12/0800 36/10f6 42/11, -);
  FromDevice(port3) -> from3 :: Tee => to1, to2;
  kind1[0], kind2[0] -> smrs :: Counter -> Discard;
  kind1[1] -> way :: Switch(0) -> from1 :: Tee => to2, to3;
  way[1] -> lost :: Counter -> Discard;
  kind1[2] -> from1;
  kind2[1] -> from2 :: Tee => to1, to3;
`;

async function network(variables: Record<string, string>): Promise<Network> {
  const n = new Network();
  const [h1, s1] = n.link("eth0", "site");
  const [h2, s2] = n.link("eth0", "site");
  const [c1, p1] = n.link("core", "port1");
  const [c2, p2] = n.link("core", "port2");
  const [c3, p3] = n.link("core", "port3");
  await n.make("hub", HUB, [
    ["port1", p1],
    ["port2", p2],
    ["port3", p3],
  ]);
  const site = (i: number): string => `s${i} key labkey${i} eid 192.168.${i}.0/24 eid fd0${i}::/64`;
  await n.make("ms", "map-server.click", [["core", c3]], { SITES: `${site(1)}, ${site(2)}` });
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
        MAP_SERVER: `10.0.0.100 key labkey${i}`,
        LOCATORS: i === 1 ? "10.0.0.1" : "10.0.0.2/1 fd00::2/2",
        ...variables,
      },
    );
  return n;
}

const number = (n: Network, router: string, handler: string): number => Number(n.read(router, handler));

/** Packets of 50 a second that arrive at host 2 in `seconds`. */
function arrivals(n: Network, seconds: number): number {
  const before = number(n, "host2", "udp_received.count");
  n.simulation.run(seconds);
  return number(n, "host2", "udp_received.count") - before;
}

/** Packets that tunnel router 1 sends to each of site 2's locators in `seconds`. */
function shares(n: Network, seconds: number): number[] {
  const counts = (): number[] => {
    const [, , , , first, , second] = n
      .read("xtr1", "cache.counts")
      .split("\n")
      .find((line) => line.startsWith("0 192.168.2.0/24 "))!
      .split(" ");
    return [Number(first), Number(second)];
  };
  const before = counts();
  n.simulation.run(seconds);
  return counts().map((count, i) => count - before[i]);
}

const cut = (n: Network, output: number): Promise<unknown> =>
  n.routers.get("hub")!.write("way.switch", String(output));

test("a way that fails in one direction only is noticed by missing echoes; flows move, and come back with the way", async () => {
  const n = await network({ ECHO_NONCE: "true" });
  n.simulation.run(25);
  assert.equal(
    [number(n, "xtr1", "echo.requests"), number(n, "xtr1", "echo.echoes"), number(n, "xtr2", "echo.echoes")],
    [2, 2, 2],
    "both ask and echo",
  );
  await cut(n, 1);
  assert.ok(arrivals(n, 3) < 5);
  // INTERVAL and TIMEOUT after the way was cut, where the other end does not ask at the same time; it does every time
  // here, so that the greater nonce decides when it is this one's turn.
  for (let i = 0; i < 4 && number(n, "xtr1", "echo.downs") === 0; i++) n.simulation.run(10);
  assert.is(number(n, "xtr1", "echo.downs"), 1);
  assert.match(n.read("xtr1", "cache.rlocs"), /^10\.0\.0\.2 \d+ down /m);
  assert.ok(arrivals(n, 4) >= 190, "over the other locator");
  assert.is(number(n, "xtr2", "echo.downs"), 0, "the other direction works");
  await cut(n, 0);
  n.simulation.run(62);
  assert.match(n.read("xtr1", "cache.rlocs"), /^10\.0\.0\.2 \d+ up /m);
  const [first, second] = shares(n, 4);
  assert.ok(first > 190 && second === 0, `${first} ${second}`);
  assert.ok(arrivals(n, 4) >= 190);
  n.close();
});

test("without echo-nonce nobody notices", async () => {
  const n = await network({});
  n.simulation.run(25);
  await cut(n, 1);
  n.simulation.run(20);
  assert.ok(arrivals(n, 4) < 5);
  n.close();
});

test("echo-nonce with probes: what does not echo is probed at once, and the probes decide", async () => {
  const n = await network({ ECHO_NONCE: "true", PROBE: "300" });
  n.simulation.run(40);
  await cut(n, 1);
  n.simulation.run(18);
  assert.equal(
    ["echo.verified", "echo.downs", "prober.downs"].map((h) => number(n, "xtr1", h)),
    [1, 0, 1],
  );
  assert.ok(arrivals(n, 4) >= 190);
  n.close();
});

test("a locator whose status bit its site clears is left at once, and used again when the bit is set", async () => {
  const n = await network({ STATUS_BITS: "true", TRUST_BITS: "true" });
  n.simulation.run(5);
  const xtr2 = n.routers.get("xtr2")!;
  assert.equal(
    [n.read("xtr2", "locators.bits").split("\n")[0], shares(n, 2)[1]],
    ["0 192.168.2.0/24 0x3", 0],
  );
  await xtr2.write("locators.down", "10.0.0.2");
  n.simulation.run(0.1);
  assert.equal(shares(n, 2)[0], 0);
  assert.ok(arrivals(n, 4) >= 190);
  assert.is(number(n, "xtr1", "locators.refreshes"), 1, "and the mapping is asked for, once");
  await xtr2.write("locators.up", "10.0.0.2");
  n.simulation.run(0.1);
  assert.equal(shares(n, 2)[1], 0);
  n.close();
});

test("without trust a cleared bit only leads to a probe, which finds whether the locator is down", async () => {
  const n = await network({ STATUS_BITS: "true", PROBE: "300" });
  n.simulation.run(40);
  const xtr2 = n.routers.get("xtr2")!;
  await xtr2.write("locators.down", "10.0.0.2");
  n.simulation.run(5);
  assert.equal([number(n, "xtr1", "locators.probes"), shares(n, 2)[1]], [1, 0], "it answers");
  await xtr2.write("locators.up", "10.0.0.2");
  n.simulation.run(1);
  await cut(n, 1);
  await xtr2.write("locators.down", "10.0.0.2");
  n.simulation.run(3.2);
  assert.equal([number(n, "xtr1", "locators.probes"), shares(n, 2)[0]], [2, 0], "it does not");
  assert.ok(arrivals(n, 4) >= 190);
  n.close();
});

test("a new Map-Version makes the other site ask for the mapping, without an SMR", async () => {
  const n = await network({ MAP_VERSIONS: "true", MAP_VERSION: "4094", STATUS_BITS: "true" });
  n.simulation.run(5);
  assert.match(n.read("xtr1", "cache.table"), /^192\.168\.2\.0\/24 .* version 4094$/m);
  for (const [i, version] of [4095, 1, 2].entries()) {
    await n.routers.get("xtr2")!.write("own.add", `192.168.2.0/24 10.0.0.2/${i + 2} fd00::2/9`);
    n.simulation.run(4);
    assert.match(
      n.read("xtr1", "cache.table"),
      new RegExp(
        `^192\\.168\\.2\\.0/24 10\\.0\\.0\\.2/${i + 2}/100 fd00::2/9/100 ttl \\d+ version ${version}$`,
        "m",
      ),
    );
  }
  assert.equal(
    [number(n, "xtr1", "versions.refreshes"), number(n, "xtr1", "solicited.invoked")],
    [3, 0],
    "no SMR arrived",
  );
  assert.ok(number(n, "hub", "smrs.count") > 0);
  // Nothing was lost over it: the versions of 1 were never wrong for 2, and old ones of 2 were accepted.
  for (const reason of ["null_version", "newer_version", "older_version", "older_source"])
    assert.equal(
      [1, 2].map((i) => number(n, `xtr${i}`, `decap.${reason}`)),
      [0, 0],
      reason,
    );
  assert.ok(number(n, "xtr2", "versions.solicits") >= 3, "and who had an old one was told");
  assert.ok(arrivals(n, 4) >= 190);
  n.close();
});

test("with nothing of this switched on, data headers are all zero", async () => {
  const n = await network({});
  n.simulation.run(5);
  for (const i of [1, 2]) assert.match(n.read(`xtr${i}`, "decap.peers"), /^\S+ 0 \d+ - - -$/);
  n.close();
});

test.run();
