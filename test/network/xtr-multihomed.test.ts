// timeout: 600
// A site with two tunnel routers, from conf/: their locators share its flows as their weights say, and when one dies
// its flows go through the other. Over IPv4 and IPv6 RLOCs, in network namespaces.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { startAllowance } from "../lag.js";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";
import { Network, namespacesRefused, saying } from "./namespaces.js";
import { echoFlows, flowsOnce, flowsSteadily } from "./traffic.js";
import { type RlocFamily, rloc, SiteNetwork, waitForPing } from "./xtr-network.js";

const FLOWS = 10_000;
const WEIGHTS = [75, 25];
/** Flows that go on while a tunnel router dies and comes back, and milliseconds between a flow's datagrams. */
const STEADY = 100;
const EVERY = 50;
/** Seconds. Who is alive must answer one of three probes in time, on a busy machine, too. */
const PROBE = 2;
const PROBE_TIMEOUT = 1;
const PROBE_RETRIES = 2;
/** Milliseconds in which all flows have left a locator that died. */
const BOUND = (PROBE + PROBE_RETRIES * PROBE_TIMEOUT) * 1000;

const refused = namespacesRefused();
const tests = suite("a site with two tunnel routers");
const test = skipUnless(refused === null, refused ?? "", tests);

/** IPv4 EIDs over IPv4 RLOCs, and IPv6 EIDs over IPv6 ones. */
const EIDS = { IPv4: "192.168.2.10", IPv6: "fd02::10" };
const FAMILIES: readonly RlocFamily[] = ["IPv4", "IPv6"];
const networks = new Map<RlocFamily, SiteNetwork>();

if (refused === null) {
  tests.before(
    saying(async () => {
      const probing = {
        PROBE: String(PROBE),
        PROBE_TIMEOUT: String(PROBE_TIMEOUT),
        PROBE_RETRIES: String(PROBE_RETRIES),
      };
      const sites = [{ locators: ["1/100"], variables: probing }, { locators: WEIGHTS.map((w) => `1/${w}`) }];
      for (const family of FAMILIES)
        networks.set(family, new SiteNetwork(new Network(`multi${family}`), family, sites));
      for (const n of networks.values()) await n.registered();
    }),
  );
  tests.after(async () => {
    for (const n of networks.values()) await n.network.close();
  });
}

/** Packets that each of site 2's tunnel routers has decapsulated. */
function arrived(n: SiteNetwork): Promise<number[]> {
  return Promise.all(["xtr2a", "xtr2b"].map((name) => n.xtr(name).count("decap.count")));
}

/** How many of `count` flows go through each of them. */
async function shares(n: SiteNetwork, to: string, count: number): Promise<number[]> {
  const before = await arrived(n);
  assert.is(await flowsOnce(n.network, to, count), count);
  const after = await arrived(n);
  return after.map((packets, i) => packets - before[i]);
}

/** Whether site 1 knows that the first locator of site 2 is down. */
async function knownDown(n: SiteNetwork, family: RlocFamily): Promise<boolean> {
  return new RegExp(`^${rloc(family, 2)} 1 down`, "m").test(await n.xtr("xtr1").read("cache.rlocs"));
}

for (const family of FAMILIES) {
  const to = EIDS[family];

  test(`10,000 flows use two locators as their weights say, within three standard deviations, ${family}`, async () => {
    const n = networks.get(family)!;
    waitForPing(n.network, "host1", to);
    await echoFlows(n.network, to);
    const [a, b] = await shares(n, to, FLOWS);
    console.log(`${family} RLOCs: ${a} and ${b} flows`);
    assert.is(a + b, FLOWS);
    const share = WEIGHTS[0] / (WEIGHTS[0] + WEIGHTS[1]);
    const deviation = Math.sqrt(FLOWS * share * (1 - share));
    assert.ok(Math.abs(a - FLOWS * share) <= 3 * deviation, `${a} and ${b} flows`);
  });

  test(`flows leave a locator that dies in the time that is configured, the others go on, and they return, ${family}`, async () => {
    const n = networks.get(family)!;
    const [first, second] = await shares(n, to, STEADY);
    assert.ok(first > 0 && second > 0, `${first} and ${second} flows`);
    const endLeaving = await flowsSteadily(n.network, to, STEADY, EVERY);
    const allowance = startAllowance();
    const killed = Date.now();
    await n.xtr("xtr2a").kill();
    await until(() => knownDown(n, family), "the dead one is known");
    // The others, and those that have left, go on.
    await new Promise((resolve) => setTimeout(resolve, 10 * EVERY));
    const { disturbed } = await endLeaving();
    const moved = Math.max(...disturbed.map((d) => d.last)) + EVERY - killed;
    const allowed = BOUND + allowance();
    console.log(
      `${family} RLOCs: ${disturbed.length} of ${STEADY} flows moved within ${moved} ms (${BOUND} ms; allowed ${allowed.toFixed(0)})`,
    );
    assert.is(disturbed.length, first, "those that used it, and no others");
    assert.ok(moved <= allowed, `the last one moved after ${moved} ms`);

    const endReturning = await flowsSteadily(n.network, to, STEADY, EVERY);
    const restarted = Date.now();
    n.xtr("xtr2a").restart();
    await n.xtr("xtr2a").running();
    const returned = async () => (await n.xtr("xtr2a").count("decap.count")) > 10 * first;
    await until(returned, "the flows return");
    const back = Date.now() - restarted;
    const after = await endReturning();
    console.log(`  and were back ${back} ms after its tunnel router was started, ${after.sent} datagrams`);
    assert.equal(after.disturbed, [], "none is lost where it returns");
    assert.equal(await shares(n, to, STEADY), [first, second], "each has its own again");
  });
}

for (const family of FAMILIES)
  test(`a site whose one tunnel router is dead is resolved by those who do not know that, and reached, ${family}`, async () => {
    const n = networks.get(family)!;
    await n.xtr("xtr2a").kill();
    await n.xtr("xtr1").write("cache.clear");
    // What the Map-Server sends to the dead one is not answered; what it sends to the other one is.
    waitForPing(n.network, "host1", EIDS[family]);
    await until(() => knownDown(n, family), "the dead one is known");
    assert.is(await flowsOnce(n.network, EIDS[family], STEADY), STEADY);
  });

tests.run();
