// timeout: 300
// What a host that moves, and those who talk to it, still know of the site that it has left: its default router's hardware
// address, and its own. Its cable is pulled and plugged in elsewhere while it runs, so that it keeps what it knows.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MobilityNetwork, type Options, RANGES } from "./mobility-network.js";

type Family = 4 | 6;
/** The mobile host, its neighbour at home, and a host of each other site. */
const HOSTS = {
  4: ["192.168.1.10", "192.168.1.11", "192.168.2.10", "192.168.3.10"],
  6: ["fd01::10", "fd01::11", "fd02::10", "fd03::10"],
} as const;
const FAMILIES = [4, 6] as const;
const VIRTUAL = { ROUTER_MAC: "02:00:5e:00:01:01" };
/** The link-local addresses of the routers, made of their hardware addresses. */
const VIRTUAL_LOCAL = "fe80::5eff:fe00:101";
const OWN_LOCAL = "fe80::ff:fe00:b01";
const GATEWAYS = [
  ["one router address at all sites", VIRTUAL],
  ["each router its own address", {}],
] as const;

/** The network with the guest at home, where everybody has talked to it: all know each other's hardware addresses. */
async function settled(family: Family, options: Options): Promise<MobilityNetwork> {
  const n = await MobilityNetwork.make({ guest: {}, ...options });
  await n.plug(1);
  n.run(3);
  acquaint(n, family);
  return n;
}

function acquaint(n: MobilityNetwork, family: Family, set = ""): void {
  const [me, ...others] = HOSTS[family];
  for (const [i, other] of others.entries()) {
    const { answered } = n.ping(`mobile${set}`, me, other, 0.4);
    assert.ok(answered > 15, `${me} asks ${other}: ${answered}`);
    n.ping(`host${i + 1}${set}`, other, me, 0.2);
  }
}

/** How many of 20 pings to the guest are answered, from its neighbour at home and a host of either other site. */
const reached = (n: MobilityNetwork, family: Family, set = ""): number[] =>
  [1, 2, 3].map((i) => n.ping(`host${i}${set}`, HOSTS[family][i], HOSTS[family][0], 0.4).answered);

/** A controller has the guest moved to site `to`, and says so to both tunnel routers. */
async function told(n: MobilityNetwork, family: Family, from: number, to: number): Promise<void> {
  const [me] = HOSTS[family];
  await n.plug(to);
  await n.write(`xtr${to}`, "mobility.claim", me);
  await n.write(`xtr${from}`, "mobility.release", `${me} 10.0.0.${to}`);
  n.run(0.02);
}

/** The guest says where its address is, in a gratuitous ARP or an unsolicited advertisement. */
const announce = (n: MobilityNetwork, family: Family): Promise<unknown> =>
  n.write("mobile", family === 4 ? "net/arp.announce" : "net/nd.announce", "");

const here = (n: MobilityNetwork, family: Family, site: number): boolean =>
  n.read(`xtr${site}`, "mobility.table").includes(`${HOSTS[family][0]} here `);

for (const family of FAMILIES)
  for (const [gateway, xtr] of GATEWAYS) {
    const [me, neighbour, , far] = HOSTS[family];

    test(`a guest that sends goes on at once, IPv${family}, ${gateway}`, async () => {
      const n = await settled(family, { xtr });
      await n.plug(2);
      const { sent, answered } = n.ping("mobile", me, far, 1);
      assert.ok(sent - answered <= 3, `${sent - answered} of ${sent} lost`);
      assert.ok(here(n, family, 2));
      const [home, ...others] = reached(n, family);
      assert.ok(home >= 19);
      assert.equal(others, [20, 20]);
      n.close();
    });

    test(`a guest that goes and comes back within a second goes on, IPv${family}, ${gateway}`, async () => {
      const n = await settled(family, { xtr });
      for (const site of [2, 1, 3, 1, 2]) {
        await n.plug(site);
        const { sent, answered } = n.ping("mobile", me, far, 0.4);
        assert.ok(sent - answered <= 3, `at site ${site} ${sent - answered} of ${sent} lost`);
      }
      n.run(5);
      const [home, ...others] = reached(n, family);
      assert.ok(home >= 19);
      assert.equal(others, [20, 20]);
      n.close();
    });

    test(`a guest that only answers is reached where its move is told, and local traffic is local, IPv${family}, ${gateway}`, async () => {
      const n = await settled(family, { xtr });
      await told(n, family, 1, 2);
      // Its first answer to its neighbour goes to where that one was.
      assert.equal(reached(n, family), [19, 20, 20]);
      const sent = n.read("xtr2", "encap.count");
      n.ping("host2", HOSTS[family][2], me, 0.4);
      assert.is(n.read("xtr2", "encap.count"), sent, "users behind the target");

      await told(n, family, 2, 1);
      const home = reached(n, family);
      assert.ok(home[0] >= 19 && home[1] === 20 && home[2] === 20, `at home: ${home}`);
      // When it is forgotten that it was away, its neighbour and it still find each other.
      n.run(15);
      assert.is(n.read("xtr1", "mobility.table"), "");
      assert.equal(reached(n, family), [20, 20, 20], "at home for long");
      const local = n.read("xtr1", "encap.count");
      n.ping("host1", neighbour, me, 0.4);
      assert.is(n.read("xtr1", "encap.count"), local, "users behind the source");
      n.close();
    });

    test(`a silent guest gets what is sent to it where its move is told, IPv${family}, ${gateway}`, async () => {
      const n = await settled(family, { xtr, guest: { SILENT: "1" } });
      for (const [from, to] of [
        [1, 2],
        [2, 3],
        [3, 1],
      ]) {
        await told(n, family, from, to);
        const before = n.number("mobile", `asked${family}.count`);
        reached(n, family);
        assert.is(n.number("mobile", `asked${family}.count`) - before, 60, `from ${from} to ${to}`);
      }
      n.close();
    });

    test(`a gratuitous message shows where a guest is, once or twice; one that is lost changes nothing, IPv${family}, ${gateway}`, async () => {
      const n = await settled(family, { xtr });
      await n.plug(0);
      await announce(n, family);
      n.run(0.01);
      await n.plug(2);
      n.run(2);
      // Before the port was up: nobody has heard it, and nobody answers.
      assert.not.ok(here(n, family, 2));
      for (let i = 0; i < 2; i++) {
        await announce(n, family);
        n.run(0.05);
        assert.ok(here(n, family, 2));
        assert.equal(reached(n, family).slice(1), [20, 20]);
      }
      assert.is(n.read("xtr2", "mobility.arrivals"), "1");
      assert.is(n.read("ms", "ms.registrations", `${me}/${family === 4 ? 32 : 128}`).split("\n").length, 1);
      n.close();
    });
  }

for (const family of FAMILIES) {
  const [me, neighbour] = HOSTS[family];

  test(`a neighbour at home that has not heard that a guest has left goes on, IPv${family}`, async () => {
    const n = await settled(family, { xtr: VIRTUAL });
    await told(n, family, 1, 2);
    n.run(5);
    // Again as it knew it before, while its switch knows that the port is down.
    const insert = family === 4 ? "net/arp.insert" : "net/nd.insert";
    await n.write("host1", insert, `${me} 02:00:00:00:09:01`);
    await n.write("lan1", "s.clear", "");
    const { answered } = n.ping("host1", neighbour, me, 0.4);
    assert.ok(answered >= 18, `${answered} of 20`);
    assert.is(n.read("xtr1", "mobility.corrected"), "1");
    n.close();
  });

  test(`a guest's neighbours at home are reached as before where it has only IPv${family}`, async () => {
    const ranges = family === 4 ? "192.168.1.0/24 192.168.1.1" : "fd01::/64 fd01::1";
    const n = await settled(family, { xtr: VIRTUAL, ranges });
    await n.plug(3);
    const { sent, answered } = n.ping("mobile", me, neighbour, 1);
    assert.ok(sent - answered <= 3, `${sent - answered} of ${sent} lost`);
    assert.equal(reached(n, family), [20, 20, 20]);
    n.close();
  });
}

test("with ROUTER_MAC routers have it as their only address, also in what they send by themselves", async () => {
  const n = await settled(4, { xtr: VIRTUAL });
  for (const [name, router] of [
    ["host2", "192.168.2.1"],
    ["host3", "192.168.3.1"],
    ["mobile", "192.168.1.1"],
  ])
    assert.match(n.read(name, "net/arp.table"), new RegExp(`^${router} 1 02-00-5E-00-01-01 `, "m"));
  for (const i of [1, 2, 3]) {
    const stations = n.read(`lan${i}`, "s.table");
    assert.match(stations, /02-00-5E-00-01-01 0/i);
    assert.not.match(stations, new RegExp(`02-00-00-00-${i}1-01`), "none of the interface's own");
  }
  await n.plug(2);
  n.ping("mobile", "192.168.1.10", "192.168.3.10", 1);
  assert.match(n.read("mobile", "net/arp.table"), /^192\.168\.1\.1 1 02-00-5E-00-01-01 /m);
  assert.is(n.read("mobile", "net/arp.changes"), "0", "its router is the one that it knew");
  n.close();
});

for (const [gateway, xtr, local, ranges] of [
  ["shared", VIRTUAL, VIRTUAL_LOCAL, RANGES],
  ["named in its range", {}, OWN_LOCAL, `192.168.1.0/24 192.168.1.1, fd01::/64 fd01::1 ${OWN_LOCAL}`],
] as const)
  test(`a guest whose default router is a link-local address keeps it, ${gateway}`, async () => {
    const n = await settled(6, { xtr, ranges, guest: { ROUTER6: local } });
    for (const site of [2, 3, 1]) {
      await n.plug(site);
      const { sent, answered } = n.ping("mobile", "fd01::10", "fd02::10", 1);
      assert.ok(sent - answered <= 3, `at site ${site} ${sent - answered} of ${sent} lost`);
      // For as long as it may take until it asks whether its router is there, and for one itself.
      n.run(50);
      assert.is(n.ping("mobile", "fd01::10", "fd03::10", 0.4).answered, 20, `at site ${site}`);
    }
    n.close();
  });

test("routers advertise themselves from the address that they share", async () => {
  const n = await settled(6, { xtr: { ...VIRTUAL, ADVERTISE: "true" } });
  for (const i of [1, 2, 3]) {
    assert.is(n.read(`xtr${i}`, "advertiser.address"), VIRTUAL_LOCAL);
    assert.ok(n.number(`xtr${i}`, "advertiser.advertisements") > 0);
    assert.is(n.read(`xtr${i}`, "site/nd.conflicts"), "0");
  }
  n.close();
});

/** A guest with two interfaces, each with an address of either family. */
const TWO = `
require(library ethernet-interface.click);
define($IP4 -, $NET4 -, $ROUTER4 -, $IP6 -, $NET6 -, $ROUTER6 -);
define($ANNOUNCE 0);
elementclass Guest { $dev, $ip4, $ip6 |
  net :: EthernetInterface($dev, $ip4, $ip6);
  route4 :: RadixIPLookup(192.168.1.0/24 0, 0/0 192.168.1.1 0) -> [0] net;
  route6 :: LookupIP6Route(fd01::/64 :: 0, ::/0 fd01::1 0) -> [1] net;
  net [0] -> CheckIPHeader -> r4 :: IPClassifier(dst host $ip4 and icmp type echo, -);
  r4 [0] -> ICMPPingResponder -> route4;
  net [1] -> CheckIP6Header -> r6 :: LookupIP6Route($ip6/128 0, ::/0 1);
  r6 [0] -> ping :: Classifier(6/3a 40/80, -) -> ICMP6PingResponder -> route6;
  r4 [1], r6 [1], ping [1] -> Discard;
}
a :: Guest(eth0, 192.168.1.10, fd01::10);
b :: Guest(eth1, 192.168.1.20, fd01::20);
`;

test("a guest with two interfaces and both families moves as a whole", async () => {
  const n = await MobilityNetwork.make({ guest: {}, guestText: TWO });
  const eids = ["192.168.1.10", "fd01::10", "192.168.1.20", "fd01::20"];
  const answered = (): number[] =>
    eids.map((eid) => n.ping("host3", eid.includes(":") ? "fd03::10" : "192.168.3.10", eid, 0.4).answered);
  await n.plug(1);
  n.run(3);
  answered();
  assert.equal(answered(), [20, 20, 20, 20]);
  await n.plug(2);
  for (const eid of eids) {
    await n.write("xtr2", "mobility.claim", eid);
    await n.write("xtr1", "mobility.release", `${eid} 10.0.0.2`);
  }
  n.run(0.02);
  assert.equal(answered(), [20, 20, 20, 20]);
  const rows = n.read("xtr2", "mobility.table").split("\n");
  assert.equal(
    rows.map((row) => row.split(" ").slice(0, 3).join(" ")),
    eids.map((eid, i) => `${eid} here 02-00-00-00-${i < 2 ? "09" : "08"}-01`),
  );
  n.close();
});

test("the same EID in two instances is two hosts, of which one moves", async () => {
  for (const family of FAMILIES) {
    const n = await settled(family, { xtr: VIRTUAL, twin: 7 });
    await n.plug(1, "b");
    acquaint(n, family, "b");
    await told(n, family, 1, 2);
    n.run(5);
    assert.equal(reached(n, family).slice(1), [20, 20]);
    assert.equal(reached(n, family, "b"), [20, 20, 20], "it is where it was");
    assert.is(n.read("xtr1b", "mobility.table"), "");
    await n.plug(3, "b");
    n.ping("mobileb", HOSTS[family][0], HOSTS[family][2], 1);
    assert.equal(
      [reached(n, family).slice(1), reached(n, family, "b").slice(1)],
      [
        [20, 20],
        [20, 20],
      ],
    );
    assert.ok(here(n, family, 2));
    assert.match(n.read("xtr3b", "mobility.table"), /here/);
    assert.is(n.read("xtr3", "mobility.table"), "");
    n.close();
  }
});

for (const family of FAMILIES)
  test(`a connection goes on where a guest moves to a core that carries less, IPv${family}`, async () => {
    const [, , , far] = HOSTS[family];
    const guest = {
      [`PEER${family}`]: far,
      [`TCP${family}`]: "true",
    };
    const n = await MobilityNetwork.make({
      streams: true,
      guest,
      xtr: VIRTUAL,
      site: (site): Record<string, string> => (site === 2 ? { MTU: "1400" } : {}),
    });
    const received = (): number => n.number("host3", `tcp${family === 4 ? "" : "6"}_received.bytes`);
    await n.plug(1);
    n.run(1.5);
    const before = received();
    assert.ok(before > 100_000, `${before} bytes`);
    await n.plug(2);
    n.run(1);
    const moved = received();
    n.run(0.3);
    assert.ok(received() > moved + 100_000, `${received() - moved} bytes in 0.3 s`);
    assert.ok(n.number("xtr2", "encap.too_big") > 0, "packets were too large");
    n.close();
  });

test.run();
