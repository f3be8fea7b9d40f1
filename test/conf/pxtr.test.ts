// timeout: 300
// conf/pxtr.click between a LISP site (conf/xtr.click, conf/map-server.click) and a host without LISP, in simulated time.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ipBytes, ipText } from "../../src/net/address.js";
import { ICMP_ECHO, readIcmp, writeIcmp } from "../../src/wire/icmp.js";
import { readIcmp6, writeIcmp6 } from "../../src/wire/icmp6.js";
import { PROTOCOL_ICMP, readIpv4 } from "../../src/wire/ipv4.js";
import { readIpv6 } from "../../src/wire/ipv6.js";
import { lisp } from "../elements/lisp/harness.js";
import { filling, ip, ip6, ipv4, ipv6, udp4 } from "../packets.js";
import { Network } from "./network.js";

/** A host whose packets the test makes and reads: in through `send4` and `send6`, out of `got4` and `got6`. */
const HOST = `
  require(library ethernet-interface.click);
  net :: EthernetInterface(eth0, $IP4, $IP6);
  Idle -> send4 :: RadixIPLookup(0.0.0.0/0 $ROUTER4 0) -> [0] net;
  Idle -> send6 :: LookupIP6Route(::/0 $ROUTER6 0) -> [1] net;
  net [0] -> got4 :: Queue -> Discard(ACTIVE false);
  net [1] -> got6 :: Queue -> Discard(ACTIVE false);
`;

const LISP = { four: "192.168.1.10", six: "fd01::10" };
const LEGACY = { four: "198.51.100.10", six: "2001:db8:1::10" };
type Host = "host" | "legacy";
const ADDRESSES = { host: LISP, legacy: LEGACY };

interface Options {
  readonly xtr?: Record<string, string>;
  readonly pxtr?: Record<string, string>;
  readonly ms?: Record<string, string>;
}

/** A LISP host behind a tunnel router, a Map-Server, and a proxy with a legacy host behind it. */
async function network({ xtr = { PETR: "10.0.0.9" }, pxtr = {}, ms = {} }: Options = {}): Promise<Network> {
  const n = new Network();
  const [h, s] = n.link("eth0", "site");
  const [l, p] = n.link("eth0", "legacy");
  const [c1, c2, c3] = await n.hub("core");
  await n.make("ms", "map-server.click", [["core", c1]], {
    SITES: "a key labkey1 eid 192.168.1.0/24 eid fd01::/64",
    ...ms,
  });
  await n.make(
    "xtr",
    "xtr.click",
    [
      ["site", s],
      ["core", c2],
    ],
    { MAP_RESOLVER: "10.0.0.100", MAP_SERVER: "10.0.0.100 key 1:labkey1", ...xtr },
  );
  await n.make(
    "pxtr",
    "pxtr.click",
    [
      ["legacy", p],
      ["core", c3],
    ],
    { MAP_RESOLVER: "10.0.0.100", ...pxtr },
  );
  const router = { host: ["192.168.1.1", "fd01::1"], legacy: ["198.51.100.1", "2001:db8:1::1"] };
  for (const [name, device] of [
    ["host", h],
    ["legacy", l],
  ] as const)
    await n.make(name, HOST, [["eth0", device]], {
      IP4: ADDRESSES[name].four,
      IP6: ADDRESSES[name].six,
      ROUTER4: router[name][0],
      ROUTER6: router[name][1],
    });
  n.simulation.run(3);
  assert.is(n.read("xtr", "registrar.registered"), "true");
  return n;
}

interface Sending {
  readonly to?: string;
  readonly ttl?: number;
  readonly bytes?: number;
  readonly dontFragment?: boolean;
}

function send4(n: Network, from: Host, sending: Sending = {}): void {
  const {
    to = from === "host" ? LEGACY.four : LISP.four,
    ttl = 64,
    bytes = 26,
    dontFragment = true,
  } = sending;
  const packet = udp4(
    { source: ip(ADDRESSES[from].four), destination: ip(to), ttl, dontFragment },
    { payload: filling(bytes) },
  );
  n.routers.get(from)!.inject("send4", packet);
}

function send6(n: Network, from: Host, sending: Sending = {}): void {
  const { to = from === "host" ? LEGACY.six : LISP.six, ttl = 64, bytes = 26 } = sending;
  const source = ip6(ADDRESSES[from].six);
  // No next header: nobody looks at what follows.
  const packet = ipv6({
    source,
    destination: ip6(to),
    hopLimit: ttl,
    nextHeader: 59,
    payload: filling(bytes),
  });
  n.routers.get(from)!.inject("send6", packet);
}

const got4 = (n: Network, host: Host): Uint8Array[] => n.routers.get(host)!.take("got4");
const got6 = (n: Network, host: Host): Uint8Array[] => n.routers.get(host)!.take("got6");

for (const [from, to] of [
  ["host", "legacy"],
  ["legacy", "host"],
] as const)
  test(`packets from the ${from} arrive at the ${to}, IPv4 and IPv6`, async () => {
    const n = await network();
    send4(n, from);
    send6(n, from);
    n.simulation.run(3);
    const [four, ...more] = got4(n, to).map(readIpv4);
    assert.equal([four.source, four.destination], [ip(ADDRESSES[from].four), ip(ADDRESSES[to].four)]);
    assert.equal([four.payload.slice(8), more.length], [filling(26), 0]);
    const six = got6(n, to).map(readIpv6);
    assert.equal(
      six.map((p) => [p.source, p.payload]),
      [[ip6(ADDRESSES[from].six), filling(26)]],
    );
    // The tunnel router is a hop, and the proxy is where it forwards without LISP.
    const hops = from === "host" ? 2 : 1;
    assert.equal([four.ttl, six[0].hopLimit], [64 - hops, 64 - hops]);
    n.close();
  });

test("a negative mapping leads to the proxy ETR, and is what the tunnel router's map-cache holds", async () => {
  const n = await network();
  for (let i = 0; i < 5; i++) send4(n, "host");
  n.simulation.run(3);
  assert.match(n.read("xtr", "cache.table"), /^198\.51\.100\.0\/24 action natively-forward ttl \d+$/m);
  assert.equal([n.read("xtr", "cache.native"), n.read("xtr", "proxied.hits")], ["5", "5"]);
  assert.is(n.read("pxtr", "decap.count"), "5");
  assert.is(got4(n, "legacy").length, 5);
  n.close();
});

test("without a proxy ETR packets to destinations outside of LISP are dropped, and counted", async () => {
  const n = await network({ xtr: {} });
  send4(n, "host");
  send6(n, "host");
  n.simulation.run(3);
  assert.equal([n.read("xtr", "proxied.no_native"), n.read("xtr", "encap.count")], ["2", "0"]);
  assert.equal([got4(n, "legacy").length, got6(n, "legacy").length], [0, 0]);
  n.close();
});

test("the proxy ETR may be reached over IPv6 RLOCs", async () => {
  const n = await network({ xtr: { PETR: "10.0.0.9/2 fd00::9/1" } });
  send4(n, "host");
  send6(n, "host");
  n.simulation.run(3);
  assert.equal([got4(n, "legacy").length, got6(n, "legacy").length], [1, 1]);
  assert.match(n.read("xtr", "proxied.counts"), /10\.0\.0\.9 0 fd00::9 1/);
  n.close();
});

test("what does not come from a site's EID does not pass the proxy ETR", async () => {
  const n = await network({ pxtr: { SITES4: "192.168.7.0/24 0, 192.168.8.0/24", SITES6: "fd07::/64" } });
  send4(n, "host");
  send6(n, "host");
  n.simulation.run(3);
  assert.equal([n.read("pxtr", "spoofed4.count"), n.read("pxtr", "spoofed6.count")], ["1", "1"]);
  assert.equal([got4(n, "legacy").length, got6(n, "legacy").length], [0, 0]);
  n.close();
});

/** An IPv4 packet in a LISP packet of an instance (null: without the I bit), as it comes to a tunnel router. */
function encapsulated(iid: number | null, source: string, destination: string): Uint8Array {
  const header = iid === null ? new Uint8Array(8) : Uint8Array.of(0x08, 0, 0, 0, 0, 0, iid, 0);
  const outer = { source: ipBytes(ip("10.0.0.77")), destination: ipBytes(ip("10.0.0.9")) };
  return lisp(udp4({ source: ip(source), destination: ip(destination) }), header, outer);
}

for (const own of [0, 5])
  test(`in instance ${own}: only what is in that instance is delivered, at the site and by the proxy ETR`, async () => {
    const iid = { IID: String(own) };
    const n = await network({ xtr: { PETR: "10.0.0.9", ...iid }, pxtr: iid, ms: iid });
    for (const from of [null, 0, 5, 6]) {
      n.routers.get("pxtr")!.inject("decap", encapsulated(from, LISP.four, LEGACY.four));
      n.routers.get("xtr")!.inject("decap", encapsulated(from, LEGACY.four, LISP.four));
    }
    n.simulation.run(1);
    const delivered = own === 0 ? 2 : 1;
    assert.equal([got4(n, "legacy").length, got4(n, "host").length], [delivered, delivered]);
    for (const router of ["xtr", "pxtr"])
      assert.is(n.read(router, "decap.unknown_iid"), String(4 - delivered), router);
    // It is registered, asked for, sent and taken there, IPv4 and IPv6, both ways.
    for (const [from, to] of [
      ["host", "legacy"],
      ["legacy", "host"],
    ] as const) {
      send4(n, from);
      send6(n, from);
      n.simulation.run(2);
      assert.equal([got4(n, to).length, got6(n, to).length], [1, 1], `from the ${from}`);
    }
    const where = own === 0 ? "" : ` iid ${own}`;
    assert.match(
      n.read("pxtr", "cache.table"),
      new RegExp(`192\\.168\\.1\\.0/24 10\\.0\\.0\\.1/1/100 ttl \\d+${where}$`, "m"),
    );
    assert.match(n.read("ms", "ms.registrations"), new RegExp(`ttl \\d+${where} site a`));
    n.close();
  });

test("what stands for no host elsewhere leaves neither the site nor the proxy, is not asked for, and not answered", async () => {
  const n = await network({ pxtr: { EIDS4: "0.0.0.0/0", EIDS6: "::/0" } });
  const four = [
    "224.0.0.251",
    "224.0.0.5",
    "239.255.255.250",
    "255.255.255.255",
    "127.0.0.1",
    "169.254.9.9",
    "0.0.0.0",
  ];
  const six = ["::1", "::", "ff02::1", "ff05::2", "fe80::9", "::ffff:a00:1"];
  const before = ["xtr", "pxtr"].map((router) => n.read(router, "misses.count"));
  for (const from of ["host", "legacy"] as const)
    for (const ttl of [64, 1]) {
      for (const to of [...four, "240.0.0.1"]) send4(n, from, { to, ttl });
      for (const to of six) send6(n, from, { to, ttl });
    }
  send4(n, "host", { to: "192.168.1.255" });
  n.simulation.run(3);
  assert.equal(
    ["xtr", "pxtr"].map((router) => n.read(router, "misses.count")),
    before,
  );
  assert.equal([n.read("xtr", "encap.count"), n.read("pxtr", "encap.count")], ["0", "0"]);
  // No ICMP error either (RFC 1812, section 4.3.2.7).
  for (const host of ["host", "legacy"] as const)
    assert.equal([got4(n, host).length, got6(n, host).length], [0, 0]);
  const reasons = ["multicast", "broadcast", "loopback", "link_local", "unspecified", "reserved"];
  for (const [router, element] of [
    ["xtr", "out4"],
    ["pxtr", "attracted4"],
  ])
    assert.equal(
      reasons.map((reason) => n.read(router, `${element}.${reason}`)),
      ["6", "2", "2", "2", "2", "2"],
    );
  n.close();
});

test("packets that a mapping drops are answered with ICMP: administratively prohibited, some a second", async () => {
  const drop =
    "192.168.9.0/24 action drop-policy-denied, fd09::/64 action drop, 192.168.8.0/24 action no-action";
  const n = await network({ xtr: { MAP: drop }, pxtr: { MAP: drop, EIDS6: "fd00::/8" } });
  for (const from of ["host", "legacy"] as const) {
    send4(n, from, { to: "192.168.9.9" });
    send4(n, from, { to: "192.168.8.9" });
    send6(n, from, { to: "fd09::9" });
    n.simulation.run(2);
    const four = got4(n, from).map((packet) => readIcmp(readIpv4(packet).payload));
    assert.equal(
      four.map(({ type, code }) => `${type} ${code}`),
      ["3 13"],
      from,
    );
    const six = got6(n, from).map((packet) => readIcmp6(readIpv6(packet).payload, readIpv6(packet)));
    assert.equal(
      six.map(({ type, code }) => `${type} ${code}`),
      ["1 1"],
      from,
    );
  }
  assert.is(n.read("xtr", "cache.policy_denied"), "1");
  for (let i = 0; i < 300; i++) send4(n, "host", { to: "192.168.9.9" });
  n.simulation.run(0.5);
  const answers = got4(n, "host").length;
  assert.ok(answers >= 100 && answers < 160, `${answers} answers`);
  n.close();
});

/** The frame of a core router's ICMP error about a data packet from `own` to `rloc` that is larger than `mtu`. */
function tooBig(six: boolean, own: string, rloc: string, mtu: number): Uint8Array {
  // UDP from port 50000 to LISP's data port, of 1460 bytes.
  const udp = Uint8Array.of(0xc3, 0x50, 0x10, 0xf5, 5, 0xb4, 0, 0, ...new Uint8Array(1452));
  const ends = { source: ip6("fd00::77"), destination: ip6(six ? own : "::") };
  const packet = six
    ? ipv6({
        ...ends,
        nextHeader: 58,
        payload: writeIcmp6(
          {
            type: 2,
            code: 0,
            rest: mtu,
            payload: ipv6({ source: ip6(own), destination: ip6(rloc), nextHeader: 17, payload: udp }).slice(
              0,
              1232,
            ),
          },
          ends,
        ),
      })
    : ipv4({
        source: ip("10.0.0.77"),
        destination: ip(own),
        protocol: PROTOCOL_ICMP,
        payload: writeIcmp({
          type: 3,
          code: 4,
          rest: mtu,
          payload: ipv4({ source: ip(own), destination: ip(rloc), protocol: 17, payload: udp }).slice(0, 28),
        }),
      });
  return Uint8Array.of(...new Uint8Array(12), ...(six ? [0x86, 0xdd] : [8, 0]), ...packet);
}

test("a smaller MTU on the way to a locator is learnt, and told to senders, IPv4 and IPv6; it is forgotten again", async () => {
  for (const six of [false, true]) {
    const [rloc, own] = six ? ["fd00::9", "fd00::1"] : ["10.0.0.9", "10.0.0.1"];
    const n = await network({ xtr: { PETR: rloc } });
    const overhead = six ? 56 : 36;
    const pings = (bytes: number): void => {
      send4(n, "host", { bytes: bytes - overhead - 28 });
      send6(n, "host", { bytes: bytes - overhead - 40 });
    };
    pings(1500);
    n.simulation.run(3);
    assert.equal([got4(n, "legacy").length, got6(n, "legacy").length], [1, 1]);
    n.routers.get("xtr")!.inject("core/kind", tooBig(six, own, rloc, 1400));
    assert.match(n.read("xtr", "paths.table"), new RegExp(`^${rloc} 1400 `));
    pings(1401);
    n.simulation.run(1);
    const four = got4(n, "host").map((packet) => readIcmp(readIpv4(packet).payload));
    assert.equal(
      four.map(({ type, code, rest }) => [type, code, rest]),
      [[3, 4, 1400 - overhead]],
    );
    const big = got6(n, "host").map((packet) => readIcmp6(readIpv6(packet).payload, readIpv6(packet)));
    assert.equal(
      big.map(({ type, rest }) => [type, rest]),
      [[2, 1400 - overhead]],
    );
    pings(1400);
    n.simulation.run(1);
    assert.equal([got4(n, "legacy").length, got6(n, "legacy").length], [1, 1], "what fits passes");
    n.simulation.run(601);
    pings(1500);
    n.simulation.run(2);
    assert.equal(
      [got4(n, "legacy").length, got6(n, "legacy").length, n.read("xtr", "paths.aged")],
      [1, 1, "1"],
    );
    n.close();
  }
});

test("what comes through the core for a directed broadcast, or from no host, is not delivered", async () => {
  const n = await network();
  const xtr = n.routers.get("xtr")!;
  xtr.inject("decap", encapsulated(null, LEGACY.four, "192.168.1.255"));
  xtr.inject("decap", encapsulated(null, "127.0.0.1", LISP.four));
  n.routers.get("pxtr")!.inject("decap", encapsulated(null, LISP.four, "224.0.0.251"));
  n.routers.get("pxtr")!.inject("decap", encapsulated(null, LISP.four, "198.51.100.255"));
  n.simulation.run(1);
  assert.equal([got4(n, "host").length, got4(n, "legacy").length], [0, 0]);
  assert.equal([n.read("xtr", "in4.broadcast"), n.read("xtr", "in4.bad_source")], ["1", "1"]);
  assert.equal([n.read("pxtr", "out4.multicast"), n.read("pxtr", "out4.broadcast")], ["1", "1"]);
  n.close();
});

test("the proxy takes only what is for EIDs; EIDs of no site are unreachable", async () => {
  const n = await network({ pxtr: { EIDS4: "192.168.1.0/24 0, 192.168.9.0/24", EIDS6: "fd01::/16" } });
  send4(n, "legacy", { to: "192.168.2.2" });
  send4(n, "legacy", { to: "192.168.9.9" });
  send6(n, "legacy", { to: "fd02::2" });
  send6(n, "legacy", { to: "fd01:9::9" });
  n.simulation.run(3);
  assert.equal([n.read("pxtr", "unattracted4.count"), n.read("pxtr", "unattracted6.count")], ["1", "1"]);
  const [four] = got4(n, "legacy").map(readIpv4);
  const error4 = readIcmp(four.payload);
  assert.equal([ipText(four.source), error4.type, error4.code], ["198.51.100.1", 3, 1]);
  const [six] = got6(n, "legacy").map(readIpv6);
  const error6 = readIcmp6(six.payload, six);
  assert.equal([six.source, error6.type, error6.code], [ip6("2001:db8:1::1"), 1, 0]);
  n.close();
});

test("senders on the legacy side are told what is too large for the tunnel, and what has lived too long", async () => {
  const n = await network();
  send4(n, "legacy", { bytes: 1440 });
  send4(n, "legacy", { ttl: 1 });
  send6(n, "legacy", { bytes: 1440 });
  send6(n, "legacy", { ttl: 1 });
  n.simulation.run(3);
  const four = got4(n, "legacy").map((packet) => readIcmp(readIpv4(packet).payload));
  assert.equal(four.map(({ type, code }) => `${type} ${code}`).sort(), ["11 0", "3 4"]);
  const six = got6(n, "legacy").map((packet) => readIcmp6(readIpv6(packet).payload, readIpv6(packet)));
  assert.equal(six.map(({ type, code }) => `${type} ${code}`).sort(), ["2 0", "3 0"]);
  // What may be fragmented is.
  send4(n, "legacy", { bytes: 1440, dontFragment: false });
  n.simulation.run(1);
  assert.is(got4(n, "host").length, 2);
  n.close();
});

test("the LISP host is told when its packet has lived too long at the proxy", async () => {
  const n = await network();
  send4(n, "host", { ttl: 2 });
  send6(n, "host", { ttl: 2 });
  n.simulation.run(3);
  const [four] = got4(n, "host").map(readIpv4);
  assert.equal([ipText(four.source), readIcmp(four.payload).type], ["198.51.100.1", 11]);
  const [six] = got6(n, "host").map(readIpv6);
  assert.equal([six.source, readIcmp6(six.payload, six).type], [ip6("2001:db8:1::1"), 3]);
  n.close();
});

test("what a tunnel router's old mapping sends to the proxy goes on to a site, or is refused for want of one", async () => {
  const stale = "192.168.9.0/24 action natively-forward, 192.168.8.0/24 action natively-forward";
  const n = await network({
    xtr: { PETR: "10.0.0.9", MAP: stale },
    pxtr: { MAP: "192.168.8.0/24 10.0.0.1" },
  });
  send4(n, "host", { to: "192.168.9.9" });
  send4(n, "host", { to: "192.168.8.8" });
  n.simulation.run(3);
  const [four, ...more] = got4(n, "host").map(readIpv4);
  assert.equal([ipText(four.source), readIcmp(four.payload).code, more.length], ["198.51.100.1", 1, 0]);
  // It came back to the tunnel router that it is from.
  assert.is(n.read("xtr", "decap.own_source"), "1");
  n.close();
});

test("a change at the site reaches the proxy ITR too (SMR), and it probes the site's locators", async () => {
  const n = await network({ pxtr: { PROBE: "1" } });
  send4(n, "legacy");
  n.simulation.run(3);
  assert.match(n.read("pxtr", "cache.table"), /^192\.168\.1\.0\/24 10\.0\.0\.1\/1\/100 /);
  assert.match(n.read("pxtr", "prober.table"), /^10\.0\.0\.1 up /);
  for (const asker of ["resolver", "prober"])
    assert.match(n.read("pxtr", `${asker}.config`), /, PITR true\b/, "it says that it is a proxy");
  await n.routers.get("xtr")!.write("own.add", "192.168.1.0/24 10.0.0.1/7/70");
  n.simulation.run(5);
  assert.match(n.read("pxtr", "cache.table"), /^192\.168\.1\.0\/24 10\.0\.0\.1\/7\/70 /);
  assert.is(n.read("pxtr", "solicited.invoked"), "1");
  n.close();
});

test("the proxy answers pings to its own addresses, from the legacy side", async () => {
  const n = await network();
  const echo = writeIcmp({ type: ICMP_ECHO, code: 0, rest: 0x10001, payload: filling(8) });
  const packet = ipv4({
    protocol: PROTOCOL_ICMP,
    source: ip(LEGACY.four),
    destination: ip("198.51.100.1"),
    payload: echo,
  });
  n.routers.get("legacy")!.inject("send4", packet);
  n.simulation.run(1);
  assert.equal(
    got4(n, "legacy").map((p) => readIcmp(readIpv4(p).payload).type),
    [0],
  );
  n.close();
});

test.run();
