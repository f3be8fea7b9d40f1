// timeout: 300
// What a host that moves, and those who talk to it, still know of the site that it has left: its default router's hardware
// address, and its own. Its cable is pulled and plugged in elsewhere while it runs, so that it keeps what it knows.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MobilityNetwork, type Options } from "./mobility-network.js";

type Family = 4 | 6;
/** The mobile host, its neighbour at home, and a host of each other site. */
const HOSTS = {
  4: ["192.168.1.10", "192.168.1.11", "192.168.2.10", "192.168.3.10"],
  6: ["fd01::10", "fd01::11", "fd02::10", "fd03::10"],
} as const;
const VIRTUAL = "02:00:5e:00:01:01";
const GATEWAYS = [
  ["one router address at all sites", { ROUTER_MAC: VIRTUAL }],
  ["each router its own address", {}],
] as const;
const FAMILIES = [4, 6] as const;

/** The network with the guest at home, where everybody has talked to it: all know each other's hardware addresses. */
async function settled(family: Family, options: Options): Promise<MobilityNetwork> {
  const n = await MobilityNetwork.make({ guest: {}, ...options });
  const [me, ...others] = HOSTS[family];
  await n.plug(1);
  n.run(3);
  for (const [i, other] of others.entries()) {
    const { answered } = n.ping("mobile", me, other, 0.4);
    assert.ok(answered > 15, `${me} asks ${other}: ${answered}`);
    n.ping(`host${i + 1}`, other, me, 0.4);
  }
  return n;
}

/** What `host` gets to hear of the guest's answers from now on. */
const reach = (
  n: MobilityNetwork,
  family: Family,
  i: number,
  seconds: number,
): { sent: number; answered: number } => n.ping(`host${i}`, HOSTS[family][i], HOSTS[family][0], seconds);

/** How many of 20 pings to the guest are answered, from its neighbour at home and a host of either other site. */
const reached = (n: MobilityNetwork, family: Family): number[] =>
  [1, 2, 3].map((i) => reach(n, family, i, 0.4).answered);

/** A controller has the guest moved to site `to`, and says so to both tunnel routers. */
async function told(n: MobilityNetwork, family: Family, from: number, to: number): Promise<void> {
  const [me] = HOSTS[family];
  await n.plug(to);
  await n.write(`xtr${to}`, "mobility.claim", me);
  await n.write(`xtr${from}`, "mobility.release", `${me} 10.0.0.${to}`);
}

for (const family of FAMILIES)
  for (const [gateway, xtr] of GATEWAYS) {
    const [me, , , far] = HOSTS[family];

    test(`a guest that sends goes on within a second, IPv${family}, ${gateway}`, async () => {
      const n = await settled(family, { xtr });
      await n.plug(2);
      const { sent, answered } = n.ping("mobile", me, far, 2);
      assert.ok(sent - answered <= 15, `${sent - answered} of ${sent} lost`);
      assert.match(n.read("xtr2", "mobility.table"), new RegExp(`^${me} here `));
      assert.equal(reach(n, family, 3, 0.4), { sent: 20, answered: 20 });
      n.close();
    });

    test(`a guest that only answers is heard at once where its move is told, IPv${family}, ${gateway}`, async () => {
      const n = await settled(family, { xtr });
      await told(n, family, 1, 2);
      n.run(0.02);
      assert.equal(
        reached(n, family),
        [19, 20, 20],
        "its first answer to its neighbour goes where that one was",
      );
      await told(n, family, 2, 1);
      n.run(0.02);
      const home = reached(n, family);
      assert.ok(home[0] >= 19 && home[1] === 20 && home[2] === 20, `at home: ${home}`);
      // When it is forgotten that it was away, its neighbour and it still find each other.
      n.run(15);
      assert.is(n.read("xtr1", "mobility.table"), "");
      assert.equal(reached(n, family), [20, 20, 20], "at home for long");
      n.close();
    });
  }

test.run();
