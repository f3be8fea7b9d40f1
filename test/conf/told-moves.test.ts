// timeout: 300
// A virtual machine that moves between the sites of three tunnel routers from conf/xtr.click while a stream goes to it, and
// whose move is told: in simulated time.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { NumberedReport } from "../../src/transport/streams/numbered-flow.js";
import { MobilityNetwork } from "./mobility-network.js";

const USER = { 4: "192.168.3.10", 6: "fd03::10" } as const;
const GUEST = { 4: "192.168.1.10", 6: "fd01::10" } as const;
const RATE = 1000;
/** One way: a site's links, and each link to the core, seconds. */
const DELAY = { site: 0.0001, core: 0.005 };
const MAC = "02:00:00:00:09:01";

type Family = 4 | 6;

/** Streams between the user at site 3 and the guest, both ways. */
function network(family: Family, xtr: Readonly<Record<string, string>> = {}): Promise<MobilityNetwork> {
  const stream = (from: string, to: string): string =>
    `stream :: NumberedSource(${from}, 5000, ${to}, 5000, RATE ${RATE}, ACTIVE false) -> out${family};`;
  return MobilityNetwork.make({
    proxy: true,
    xtr,
    guest: {},
    delay: DELAY,
    more: { host3: stream(USER[family], GUEST[family]), mobile: stream(GUEST[family], USER[family]) },
  });
}

/** What the sink of a host says of a stream that has ended with number `sent`. */
async function ended(n: MobilityNetwork, source: string, sink: string): Promise<NumberedReport> {
  await n.write(source, "stream.active", "false");
  n.run(1);
  await n.write(sink, "numbered.expect", `0 ${n.number(source, "stream.number")}`);
  const [report] = JSON.parse(n.read(sink, "numbered.report", "--json"));
  return report;
}

/** Drops of the tunnel routers that a packet of a stream may have met, all 0. */
function nothingDropped(n: MobilityNetwork): void {
  for (const xtr of ["xtr1", "xtr2", "xtr3"])
    for (const drop of ["astray", "unproven", "hold_full", "unexpected", "rate"])
      assert.is(n.read(xtr, `mobility.${drop}`), "0", `${xtr} ${drop}`);
}

for (const family of [4, 6] as const)
  test(`a guest stands still for 50 ms between two sites, and misses nothing, IPv${family}`, async () => {
    const n = await network(family);
    await n.plug(1);
    n.run(3);
    const guest = GUEST[family];
    // Who asks first waits for the mapping system; and all know the others' hardware addresses in the core.
    n.ping("host3", USER[family], guest, 0.2);
    n.ping("host2", family === 4 ? "192.168.2.10" : "fd02::10", USER[family], 0.2);
    await n.write("xtr2", "cache.clear", "");
    await n.write("host3", "stream.active", "true");
    await n.write("mobile", "stream.active", "true");
    n.run(1);
    // The controller: before the hypervisors begin, or while they copy.
    await n.write("xtr2", "mobility.expect", `${guest} 10`);
    await n.write("xtr1", "mobility.arm", `${guest} 10 10.0.0.2`);
    // Those of the target's site reach it where it is.
    const neighbour = family === 4 ? "192.168.2.10" : "fd02::10";
    assert.equal(n.ping("host2", neighbour, guest, 0.2), { sent: 10, answered: 10 });
    assert.is(n.read("xtr2", "mobility.held"), "0", "it is at site 1 still");
    // What is on the wire of the site while the guest stops is the hypervisor's to keep: here there is nothing.
    n.run(0.0005);
    const before = n.number("mobile", "numbered.received");
    await n.write("mobile", "stream.active", "false");
    n.run(0.0003);
    await n.plug(0);
    await n.write("xtr1", "mobility.release", guest);
    n.run(0.05);
    const held = n.number("xtr2", "mobility.held");
    assert.ok(
      held >= 35 && held <= 45,
      `${held} are held after 50 ms: those that were on their way through site 1`,
    );
    await n.plug(2);
    await n.write("xtr2", "mobility.claim", `${guest} ${MAC}`);
    n.run(0.001);
    const after = n.number("mobile", "numbered.received");
    assert.ok(after - before >= held, `${after - before} of ${held} within a millisecond`);
    // Whoever sent them was asked for meanwhile: the guest's answers need not wait.
    assert.match(n.read("xtr2", "cache.lookup", USER[family]), /10\.0\.0\.3/);
    await n.write("mobile", "stream.active", "true");
    // Nobody tells the user's tunnel router: it is solicited after two seconds, and takes the shorter way then.
    n.run(1);
    assert.match(n.read("xtr3", "cache.lookup", guest), /10\.0\.0\.1/);
    n.run(2.5);
    assert.match(n.read("xtr3", "cache.lookup", guest), /10\.0\.0\.2/);
    const down = await ended(n, "host3", "mobile");
    const up = await ended(n, "mobile", "host3");
    assert.equal([down.lost, down.doubled, up.lost, up.doubled, up.reordered], [0, 0, 0, 0, 0]);
    // Those that took the shorter way overtook those on the longer one, which takes 10 ms more.
    assert.ok(down.reordered > 0 && down.reordered <= 12, `${down.reordered} reordered`);
    assert.ok(down.longest_gap < 0.052, `no packet for ${down.longest_gap} s`);
    nothingDropped(n);
    n.close();
  });

test("who tells of the guest is slower than its own first packets: these wait, too", async () => {
  const n = await network(4, { ROUTER_MAC: "02:00:00:00:77:01" });
  await n.plug(1);
  n.run(3);
  const guest = GUEST[4];
  n.ping("mobile", guest, USER[4], 0.2);
  n.ping("host2", "192.168.2.10", USER[4], 0.2);
  await n.write("mobile", "stream.active", "true");
  n.run(0.1);
  await n.write("xtr2", "mobility.expect", `${guest} 10`);
  await n.write("mobile", "stream.active", "false");
  n.run(0.001);
  await n.plug(0);
  await n.write("xtr1", "mobility.release", `${guest} 10.0.0.2`);
  n.run(0.02);
  await n.plug(2);
  await n.write("mobile", "stream.active", "true");
  n.run(0.0035);
  // It was asked for at the first one, and has answered: who tells of it has nothing to add.
  assert.ok(n.number("xtr2", "mobility.held") > 0);
  assert.match(n.read("xtr2", "mobility.table"), new RegExp(`^${guest} here 02-00-00-00-09-01`));
  await n.write("xtr2", "mobility.claim", guest);
  assert.is(n.read("xtr2", "mobility.arrivals"), "1");
  n.run(0.1);
  const { lost, doubled, reordered } = await ended(n, "mobile", "host3");
  assert.equal([lost, doubled, reordered], [0, 0, 0]);
  nothingDropped(n);
  n.close();
});

test("a guest that does not start at the target goes on at the source: what was held for it comes back", async () => {
  const n = await network(4);
  await n.plug(1);
  n.run(3);
  const guest = GUEST[4];
  n.ping("host3", USER[4], guest, 0.2);
  n.ping("host2", "192.168.2.10", guest, 0.2);
  await n.write("host3", "stream.active", "true");
  n.run(0.1005);
  await n.write("xtr2", "mobility.expect", `${guest} 10`);
  await n.write("xtr1", "mobility.arm", `${guest} 10 10.0.0.2`);
  await n.plug(0);
  await n.write("xtr1", "mobility.release", guest);
  n.run(0.05);
  assert.ok(n.number("xtr2", "mobility.held") > 30);
  await n.plug(1);
  await n.write("xtr1", "mobility.claim", `${guest} ${MAC}`);
  // Those on their way to site 2 arrive there while it is still expected.
  n.run(0.03);
  await n.write("xtr2", "mobility.cancel", guest);
  n.run(0.5);
  const { lost, doubled } = await ended(n, "host3", "mobile");
  assert.equal([lost, doubled], [0, 0]);
  nothingDropped(n);
  n.run(12);
  assert.equal([n.read("xtr1", "mobility.table"), n.read("xtr2", "mobility.table")], ["", ""]);
  n.close();
});

test("there and back within a second by claims alone: who had it hears of each from the Map-Server, and of none twice", async () => {
  for (const family of [4, 6] as const) {
    const n = await network(family, { ROUTER_MAC: "02:00:00:00:77:01" });
    await n.plug(1);
    n.run(3);
    const guest = GUEST[family];
    const home = family === 4 ? "192.168.1.11" : "fd01::11";
    const ask = (): void => {
      const { sent, answered } = n.ping("host3", USER[family], guest, 0.2);
      assert.is(answered, sent);
    };
    ask();
    for (let i = 0; i < 3; i++) {
      await n.plug(0);
      await n.plug(2);
      // Its hardware address is not told, and it says nothing.
      await n.write("xtr2", "mobility.claim", guest);
      n.run(0.1);
      assert.match(n.read("xtr1", "mobility.table"), new RegExp(`^${guest} away`));
      ask();
      assert.equal(n.ping("host1", home, guest, 0.2), { sent: 10, answered: 10 }, "from its home");
      await n.plug(0);
      await n.plug(1);
      await n.write("xtr1", "mobility.claim", guest);
      n.run(0.1);
      assert.match(n.read("xtr1", "mobility.table"), new RegExp(`^${guest} returned 02-00-00-00-09-01`));
      assert.match(n.read("xtr2", "mobility.table"), new RegExp(`^${guest} away`));
      ask();
    }
    assert.equal(
      ["xtr1", "xtr2"].map((xtr) => [n.read(xtr, "mobility.arrivals"), n.read(xtr, "mobility.departures")]),
      [
        ["3", "3"],
        ["3", "3"],
      ],
    );
    // Its neighbour at home, which has never heard of anything.
    assert.equal(n.ping("host1", home, guest, 0.2), { sent: 10, answered: 10 });
    n.run(15);
    ask();
    n.close();
  }
});

test("nobody hears that a host cannot be reached while it moves, whatever the map-cache says", async () => {
  for (const family of [4, 6] as const) {
    const n = await network(family);
    await n.plug(1);
    n.run(3);
    const guest = GUEST[family];
    const eid = `${guest}/${family === 4 ? 32 : 128}`;
    const local = family === 4 ? "192.168.2.10" : "fd02::10";
    const heard = (host: string): number => n.number(host, `answered${family}.count`);
    /** Messages that a host of site 2 gets for packets to the guest. */
    const answers = (): number => {
      const before = heard("host2");
      for (let i = 0; i < 5; i++) n.send("host2", local, guest);
      n.run(0.2);
      return heard("host2") - before;
    };
    await n.write("xtr2", "cache.add", `${eid} action drop`);
    assert.is(answers(), 5, "an ICMP error for each, while nothing is said of it");
    await n.write("xtr2", "mobility.expect", `${guest} 10`);
    assert.equal([answers(), n.read("xtr2", "mobility.held")], [0, "5"]);
    await n.write("xtr2", "cache.add", `${eid} action natively-forward`);
    assert.equal([answers(), n.read("xtr2", "mobility.held")], [0, "10"]);
    await n.plug(0);
    await n.write("xtr1", "mobility.release", `${guest} 10.0.0.2`);
    await n.plug(2);
    const before = heard("host2");
    await n.write("xtr2", "mobility.claim", `${guest} ${MAC}`);
    n.run(0.1);
    assert.is(heard("host2") - before, 10, "the guest answers all");
    assert.is(answers(), 5);
    // At its former site a mapping that drops what comes for it is nobody's business, neither here nor elsewhere.
    const home = family === 4 ? "192.168.1.11" : "fd01::11";
    for (const action of ["drop", "natively-forward", "drop-policy-denied"]) {
      await n.write("xtr1", "cache.add", `${eid} action ${action}`);
      const told = [heard("host1"), heard("host3")];
      n.send("host1", home, guest);
      n.send("host3", USER[family], guest);
      n.run(0.2);
      // The user's tunnel router may have learnt the new way already.
      assert.is(heard("host1"), told[0]);
      assert.ok(heard("host3") - told[1] <= 1);
    }
    n.close();
  }
});

test("what two tunnel routers take each other to have ends with its TTL, and nobody hears of it", async () => {
  const n = await network(4);
  await n.plug(1);
  n.run(3);
  const guest = GUEST[4];
  n.ping("host3", USER[4], guest, 0.2);
  await n.write("xtr2", "mobility.arm", `${guest} 10 10.0.0.1`);
  await n.write("xtr2", "mobility.release", guest);
  await n.write("xtr1", "mobility.release", `${guest} 10.0.0.2`);
  const before = [n.number("xtr1", "encap.count"), n.number("host3", "answered4.count")];
  n.send("host3", USER[4], guest);
  n.run(1.9);
  const passes = n.number("xtr1", "encap.count") - before[0];
  assert.ok(passes > 20 && passes <= 32, `${passes} times`);
  assert.is(n.number("host3", "answered4.count"), before[1]);
  n.close();
});

test.run();
