// LISPMobility: who is believed to be here, and what is said to the site.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { announcement, hear, introduction } from "../../../../src/lisp/mobility/frames.js";
import { addressText, ipNumber } from "../../../../src/net/address.js";
import { ARP_REPLY, ARP_REQUEST, readArpFrame } from "../../../../src/wire/arp.js";
import { ICMP6_ADVERTISEMENT, ND_OVERRIDE, ND_ROUTER, ND_SOLICITED } from "../../../../src/wire/icmp6.js";
import { groupEther, readNeighborFrame, solicitedNode } from "../../../../src/wire/neighbour-discovery.js";
import { failure, sentOf, takeAllSlots } from "../control.js";
import { Bench, hex, ip, ipv4, ipv6, lisp, toHex } from "../harness.js";
import {
  ALL,
  arp,
  bench,
  complaints,
  counts,
  empty,
  from4,
  from6,
  HOST,
  hosts,
  nd,
  RANGES,
  registered,
  US,
} from "./mobility-lab.js";

test("a packet of an unknown host makes it ask the site; only the host's answer takes it up, IPv4", async () => {
  const b = await bench();
  b.push("packets", [from4("192.168.1.10"), from4("192.168.1.10")]);
  const [asked, ...more] = b.take("s0");
  assert.is(more.length, 0, "once");
  const question = readArpFrame(asked.bytes);
  assert.equal(
    [question.operation, question.senderIp, question.targetIp],
    [ARP_REQUEST, ipNumber(ip("192.168.1.1")), ipNumber(ip("192.168.1.10"))],
  );
  assert.equal(toHex(asked.bytes.subarray(0, 12)), `${toHex(ALL)}${toHex(US)}`);
  // Neither another packet, nor a gratuitous ARP, nor an answer to somebody else is one to us.
  b.push("packets", [from4("192.168.1.10")]);
  b.push("frames", [
    arp(ARP_REQUEST, "192.168.1.10", "192.168.1.10"),
    arp(ARP_REPLY, "192.168.1.10", "192.168.1.99"),
  ]);
  assert.equal([hosts(b), registered(b), b.read("e.asking")], [[], [], "1"]);
  b.push("frames", [arp(ARP_REPLY, "192.168.1.10", "192.168.1.1")]);
  assert.equal(hosts(b), ["192.168.1.10 here"]);
  assert.match(b.read("e.table"), /^192\.168\.1\.10 here 02-00-00-00-00-09 0\.000$/);
  assert.equal(registered(b), ["192.168.1.10/32 10.0.0.2/1/50 ttl 300"]);
  assert.is(b.read("cache.table"), "192.168.1.10/32 action natively-forward");
  assert.equal(counts(b, "unproven", "asked", "arrivals", "asking"), ["3", "1", "1", "0"]);
  b.close();
});

test("the same for IPv6: a solicited advertisement to the router's address counts", async () => {
  const b = await bench();
  b.push("packets", [from6("fd01::10")]);
  const question = readNeighborFrame(b.take("s0")[0].bytes);
  assert.equal([question.message.target, question.source], [parseRloc("fd01::10"), parseRloc("fd01::1")]);
  assert.equal(question.etherDestination, groupEther(solicitedNode(parseRloc("fd01::10"))));
  b.push("frames", [
    nd("advertise", "fd01::10", "ff02::1", "fd01::10", ND_OVERRIDE),
    nd("advertise", "fd01::10", "fd01::99", "fd01::10", ND_SOLICITED),
  ]);
  assert.equal(hosts(b), []);
  b.push("frames", [nd("advertise", "fd01::10", "fd01::1", "fd01::10", ND_SOLICITED)]);
  assert.equal(hosts(b), ["fd01::10 here"]);
  assert.equal(registered(b), ["fd01::10/128 10.0.0.2/1/50 ttl 300"]);
  b.close();
});

test("messages of ARP and Neighbor Discovery make it ask too", async () => {
  const b = await bench();
  b.push("frames", [
    arp(ARP_REQUEST, "192.168.1.10", "192.168.1.10"),
    nd("advertise", "fd01::10", "ff02::1", "fd01::10", ND_OVERRIDE),
    nd("solicit", "fd01::11", "ff02::1:ff00:5", "fd02::5"),
  ]);
  assert.is(b.read("e.asking"), "3");
  b.close();
});

test("a host that does not answer is asked for three times and forgotten", async () => {
  const b = await bench();
  b.push("packets", [from4("192.168.1.10")]);
  b.router.runFor(2.5);
  assert.equal(counts(b, "asked", "unanswered", "asking"), ["3", "0", "1"]);
  b.router.runFor(1);
  assert.equal(counts(b, "asked", "unanswered", "asking"), ["3", "1", "0"]);
  b.close();
});

test("addresses outside the ranges, of this site, and of the routers are not asked for", async () => {
  const b = await bench();
  b.push("packets", [from4("10.9.9.9"), from6("fd09::1"), from4("192.168.2.5")]);
  assert.equal(counts(b, "asked", "outside"), ["0", "2"]);
  b.push("frames", [
    arp(ARP_REQUEST, "192.168.1.1", "192.168.1.1"),
    arp(ARP_REQUEST, "10.9.9.9", "10.9.9.9"),
  ]);
  assert.equal(counts(b, "asked", "asking"), ["0", "0"]);
  b.close();
  const none = await bench("", "");
  none.push("packets", [from4("192.168.1.10")]);
  none.push("frames", [arp(ARP_REQUEST, "192.168.1.10", "192.168.1.1")]);
  assert.equal(counts(none, "asked", "answered", "outside"), ["0", "0", "1"]);
  none.close();
});

test("new addresses above the rate are dropped; the bucket fills again", async () => {
  const b = await bench(", RATE 2, BURST 3, TRIES 1");
  b.push(
    "packets",
    Array.from({ length: 10 }, (_, i) => from4(`192.168.1.${i + 10}`)),
  );
  assert.equal(counts(b, "asked", "rate"), ["3", "7"]);
  b.router.runFor(1);
  b.push(
    "packets",
    Array.from({ length: 10 }, (_, i) => from6(`fd01::1${i}`)),
  );
  assert.equal(counts(b, "asked", "rate"), ["5", "15"]);
  b.close();
});

test("as many are asked for and known as may be", async () => {
  const b = await bench(", CAPACITY 2, TRIES 1");
  b.push("packets", [from4("192.168.1.10"), from4("192.168.1.11"), from4("192.168.1.12")]);
  assert.equal(counts(b, "asked", "full"), ["2", "1"]);
  b.router.runFor(2);
  await b.router.write("e.add", "192.168.1.20");
  await b.router.write("e.add", "192.168.1.21");
  assert.match(await failure(() => b.router.write("e.add", "192.168.1.22")), /as many hosts/);
  assert.is(hosts(b).length, 2);
  b.close();
});

test("what the site or the map-cache has no room for is not taken up", async () => {
  const b = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2, CAPACITY 1);
    e :: LISPMobility(site, 02:00:00:00:00:02, ${RANGES}, LOCATORS 10.0.0.2); Idle -> e -> Discard; Idle -> [1] e;
  `);
  await b.router.write("e.add", "192.168.1.20");
  assert.equal([hosts(b), b.read("e.full"), b.read("site.size")], [[], "1", "1"]);
  b.close();
});

test("what is no message is counted, and without a free packet nothing is asked", async () => {
  const b = await bench();
  b.push("frames", [
    hex("00"),
    arp(3, "192.168.1.10", "192.168.1.1"),
    arp(1, "192.168.1.10", "192.168.1.1", ALL),
  ]);
  b.push("packets", [hex("45"), hex("00".repeat(40))]);
  assert.is(b.read("e.malformed"), "5");
  const host = await bench();
  await host.router.write("e.add", "192.168.1.10");
  host.router.runFor(59);
  const slots = takeAllSlots(host);
  host.router.runFor(2);
  assert.is(host.read("e.no_slot"), "2");
  for (const slot of slots) host.router.memory.kernels.poolGive(slot);
  host.close();
  b.close();
});

test("a host that is heard of stays, a silent one is asked, and given up when it does not answer", async () => {
  const b = await bench(", IDLE 10, ANNOUNCE 0");
  await b.router.write("e.add", "192.168.1.10");
  b.router.runFor(8);
  b.push("frames", [arp(ARP_REQUEST, "192.168.1.10", "192.168.1.1")]);
  b.router.runFor(8);
  assert.is(b.read("e.asked"), "0");
  b.router.runFor(2.5);
  assert.is(b.read("e.asked"), "1");
  b.push("frames", [arp(ARP_REPLY, "192.168.1.10", "192.168.1.1")]);
  b.router.runFor(9);
  assert.equal([b.read("e.asked"), hosts(b)], ["1", ["192.168.1.10 here"]]);
  b.router.runFor(5);
  assert.equal([...counts(b, "asked", "losses"), hosts(b), registered(b)], ["4", "1", [], []]);
  assert.is(b.read("cache.size"), "0");
  b.close();
});

test("it answers for the routers and the subnet of hosts from elsewhere, not for those that are here, nor probes for duplicates", async () => {
  const b = await bench(", ANNOUNCE 0");
  await b.router.write("e.add", "192.168.1.10");
  const asks = (target: string, sender = "192.168.1.10"): string | null => {
    b.push("frames", [arp(ARP_REQUEST, sender, target)]);
    const answers = b.take("s0").filter((s) => readArpFrame(s.bytes).operation === ARP_REPLY);
    return answers.length === 0 ? null : toHex(readArpFrame(answers[0].bytes).senderEther);
  };
  assert.is(asks("192.168.1.1"), toHex(US), "its default router");
  assert.is(asks("192.168.1.11"), toHex(US), "a neighbour at home");
  assert.is(asks("192.168.1.10", "192.168.1.12"), null, "a host that is here answers by itself");
  assert.is(asks("192.168.1.10", "192.168.1.10"), null, "a gratuitous request");
  assert.is(asks("192.168.1.11", "0.0.0.0"), null, "a probe");
  assert.is(asks("192.168.1.1", "192.168.2.5"), null, "a host of another subnet");
  assert.is(asks("192.168.2.5", "192.168.1.10"), null, "ARPResponder's business");
  b.push("frames", [
    nd("solicit", "fd01::10", "ff02::1:ff00:1", "fd01::1"),
    nd("solicit", "fd01::10", "ff02::1:ff00:11", "fd01::11"),
  ]);
  const flags = b
    .take("s0")
    .map((s) => readNeighborFrame(s.bytes).message)
    .filter((m) => m.type === ICMP6_ADVERTISEMENT)
    .map((m) => m.flags);
  assert.equal(flags, [(ND_SOLICITED | ND_ROUTER | ND_OVERRIDE) >>> 0, ND_SOLICITED]);
  b.push("frames", [nd("solicit", "::", "ff02::1:ff00:11", "fd01::11")]);
  assert.equal([b.take("s0").length, b.read("e.answered")], [0, "4"]);
  b.close();
});

test("a host of this site that is elsewhere is answered for, announced, and asked for when it seems to be back", async () => {
  const b = await bench("", "192.168.2.0/24 192.168.2.1, fd02::/64 fd02::1");
  await b.router.write("e.away", "192.168.2.10 10.0.0.3");
  const [told] = b.take("s0");
  assert.equal(hear(told.bytes), { sender: ip("192.168.2.10"), mac: US, asks: null, answers: null });
  assert.is(b.read("cache.table"), "192.168.2.10/32 10.0.0.3/1/100 ttl 300");
  b.push("frames", [
    arp(ARP_REQUEST, "192.168.2.11", "192.168.2.10"),
    arp(ARP_REQUEST, "192.168.2.11", "192.168.2.12"),
  ]);
  assert.is(b.take("s0").length, 1);
  assert.equal(registered(b), []);
  b.push("packets", [from4("192.168.2.10")]);
  b.take("s0");
  b.push("frames", [arp(ARP_REPLY, "192.168.2.10", "192.168.2.1")]);
  assert.equal(hosts(b), ["192.168.2.10 returned"]);
  assert.equal(
    b.take("s0").map((s) => toHex(s.bytes)),
    [
      toHex(announcement(ip("192.168.2.10"), HOST, US)),
      toHex(introduction(ip("192.168.2.1"), US, true, ip("192.168.2.10"), HOST, US)),
    ],
  );
  assert.equal(registered(b), ["192.168.2.10/32 10.0.0.2/1/50 ttl 300"]);
  b.router.runFor(11);
  assert.equal([hosts(b), registered(b), b.read("cache.size")], [[], [], "0"]);
  b.close();
});

test("a host from elsewhere that has left is redirected for its TTL, then forgotten", async () => {
  const b = await bench();
  await b.router.write("e.add", "fd01::10");
  await b.router.write("e.away", "fd01::10 10.0.0.3");
  assert.equal([hosts(b), registered(b)], [["fd01::10 away"], []]);
  b.router.runFor(299);
  assert.is(hosts(b).length, 1);
  b.router.runFor(2);
  assert.equal([hosts(b), b.read("cache.size")], [[], "0"]);
  b.close();
});

test("what the map-cache has learnt anew of a host that has left outlives that it is known; where it is gone, it does not", async () => {
  const b = await bench();
  for (const eid of ["192.168.1.10", "192.168.1.11"]) {
    await b.router.write("e.add", eid);
    await b.router.write("e.away", `${eid} 10.0.0.3`);
  }
  b.router.runFor(290);
  // As a refresh, or a publication, does.
  await b.router.write("cache.add", "192.168.1.10/32 10.0.0.4 ttl 300");
  await b.router.write("cache.add", "192.168.1.11/32 10.0.0.4 ttl 300");
  await b.router.write("e.remove", "192.168.1.11");
  assert.equal([hosts(b), b.read("cache.size")], [["192.168.1.10 away"], "1"]);
  b.router.runFor(20);
  assert.equal([hosts(b), b.read("cache.table")], [[], "192.168.1.10/32 10.0.0.4/1/100 ttl 280"]);
  b.router.runFor(281);
  assert.is(b.read("cache.size"), "0");
  b.close();
});

test("a peer from where a host has moved on is solicited, too, once the map-cache knows", async () => {
  const b = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2); feed :: Feed -> cache :: LISPMapCache -> Discard;
    core :: Feed -> decap :: LISPDecap(PEERS 64) -> log :: LISPPeerLog(decap) -> k :: LISPHostSwitch(e, dst) -> Discard;
    k[1], k[2], k[3] -> Discard; Idle -> [1] log; log[1] -> Discard;
    smr :: LISPSMRSender(site, RLOC 10.0.0.2, CACHE cache, DECAP decap) -> s0 :: Sink;
    e :: LISPMobility(site, 02:00:00:00:00:02, 192.168.2.0/24 192.168.2.1, LOCATORS 10.0.0.2, CACHE cache, SMR smr,
      LOG log) -> Discard;
    Idle -> [1] e; Idle -> e;`);
  await b.router.write("e.away", "192.168.2.10 192.0.2.1");
  const send = (): void => {
    b.push("decap", [lisp(ipv4(empty, { destination: ip("192.168.2.10") }))]);
    b.router.runFor(3);
  };
  send();
  assert.is(b.take("s0").length, 0, "the host is there");
  await b.router.write("cache.add", "192.168.2.10/32 10.0.0.4 ttl 300");
  send();
  assert.is(b.take("s0").length, 1);
  b.close();
});

test("who sends for a host that is not here, and not known, is solicited, once in 3 seconds; not for more than RATE", async () => {
  const b = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2);
    core :: Feed -> decap :: LISPDecap(PEERS 64) -> log :: LISPPeerLog(decap) -> k :: LISPHostSwitch(e, dst) -> Discard;
    k[1], k[2] -> Discard; Idle -> [1] log; log[1] -> Discard;
    smr :: LISPSMRSender(site, RLOC 10.0.0.2, DECAP decap) -> s0 :: Sink;
    e :: LISPMobility(site, 02:00:00:00:00:02, ${RANGES}, 192.168.2.0/24 192.168.2.1, LOCATORS 10.0.0.2, SMR smr,
      LOG log, RATE 1, BURST 2) -> Discard;
    Idle -> [1] e; Idle -> e; k[3] -> [2] e;`);
  const send = (source: string, ...packets: Uint8Array[]): void => {
    b.push(
      "decap",
      packets.map((packet) => lisp(packet, undefined, { source: ip(source) })),
    );
    b.router.runFor(0);
  };
  const to = (destination: string): Uint8Array => ipv4(empty, { destination: ip(destination) });
  const told = (): string[] =>
    sentOf(b, "s0", "map-request").map(({ destination, message: { smr, sourceEid } }) => {
      assert.is(smr, true);
      return `${addressText(destination)} ${sourceEid.kind === "ip" ? addressText(sourceEid.address) : "-"}`;
    });
  send("192.0.2.1", to("192.168.1.10"), to("192.168.1.10"));
  assert.equal(told(), ["192.0.2.1 192.168.1.10"]);
  // Hosts of the site that are at home, and what is in no range.
  send("192.0.2.1", to("192.168.2.10"), to("172.16.0.1"));
  b.router.runFor(2.9);
  send("192.0.2.2", to("192.168.1.10"));
  assert.equal(told(), [], "too soon");
  b.router.runFor(0.2);
  send("192.0.2.2", to("192.168.1.10"));
  assert.equal(told().sort(), ["192.0.2.2 192.168.1.10"], "not who has not sent for a while");
  send("192.0.2.3", ipv6(empty, { destination: parseRloc("fd01::10") }));
  assert.equal(told(), ["192.0.2.3 fd01::10"]);
  send("192.0.2.4", to("192.168.1.11"));
  assert.equal(told(), [], "two at once, then one a second");
  assert.equal([b.read("e.astray"), b.read("e.asked")], ["6", "0"]);
  b.close();
});

test("handlers refuse what cannot be", async () => {
  const b = await bench();
  const fails = (handler: string, text: string): Promise<string> =>
    failure(() => b.router.write(`e.${handler}`, text));
  assert.match(await fails("add", "host"), /'host' is not an IP address/);
  assert.match(await fails("add", "10.0.0.1"), /10\.0\.0\.1 is in no dynamic-EID range/);
  assert.match(await fails("remove", "192.168.1.9"), /no mobile host that is known/);
  assert.match(await fails("away", "192.168.1.9 10.0.0.3"), /is not of this site, and was not here/);
  assert.match(await fails("away", "192.168.2.9"), /expected an RLOC/);
  assert.match(await fails("away", "192.168.2.9 x"), /'x' is not an IP address/);
  await b.router.write("e.add", "192.168.1.10");
  await b.router.write("e.remove", "192.168.1.10");
  assert.equal([hosts(b), b.read("site.size")], [[], "2"]);
  b.close();
  const none = await bench("", "");
  assert.match(
    await failure(() => none.router.write("e.add", "192.168.1.10")),
    /there are no dynamic-EID ranges/,
  );
  none.close();
});

test("what is wrong with its arguments is said", async () => {
  const of = (args: string): Promise<string[]> =>
    complaints(`s :: LISPSite; e :: LISPMobility(${args}) -> Discard; Idle -> e; Idle -> [1] e`);
  const eth = "02:00:00:00:00:02";
  assert.equal(await of(`e, ${eth}`), ["SITE is not a LISPSite"]);
  assert.equal(await of(`s, ${eth}, 10.0.0.0/8 10.0.0.1`), ["LOCATORS: expected an RLOC"]);
  assert.match(
    (await of(`s, ${eth}, 10.0.0.0/8, LOCATORS 1.1.1.1`))[0],
    /names no default router: expected 'EID-PREFIX ROUTER\.\.\.'/,
  );
  assert.match(
    (await of(`s, ${eth}, 10.0.0.0/8 fe80::1, LOCATORS 1.1.1.1`))[0],
    /fe80::1 is not of the address family/,
  );
  for (const [name, what] of [
    ["CACHE", "LISPMapCache"],
    ["REGISTRAR", "LISPRegistrar"],
    ["RESOLVER", "LISPResolver"],
    ["SMR", "LISPSMRSender"],
    ["LOG", "LISPPeerLog"],
  ])
    assert.equal(await of(`s, ${eth}, ${name} s`), [`${name} is not a ${what}`]);
});

test("a hot swap keeps hosts, but for those that the new ranges have no place for", async () => {
  const text = (ranges: string): string => `
    site :: LISPSite(192.168.2.0/24 10.0.0.2); feed :: Feed -> cache :: LISPMapCache -> Discard;
    e :: LISPMobility(site, 02:00:00:00:00:02, ${ranges}, LOCATORS 10.0.0.2, CACHE cache) -> Discard;
    Idle -> [1] e; Idle -> e;
    in :: Feed -> k :: LISPHostSwitch(e, src); k[0] -> none :: Sink; k[1] -> here :: Sink;`;
  const b = await Bench.start(text("192.168.1.0/24 192.168.1.1, 192.168.3.0/24 192.168.3.1"));
  for (const eid of ["192.168.1.10", "192.168.3.10"]) await b.router.write("e.add", eid);
  await b.router.swap(text("192.168.1.0/24 192.168.1.1"));
  assert.equal([hosts(b), b.read("site.size")], [["192.168.1.10 here"], "2"]);
  b.push("k", [from4("192.168.1.10"), from4("192.168.3.10")]);
  assert.equal([b.take("here").length, b.take("none").length], [1, 1]);
  b.close();
});

test.run();
