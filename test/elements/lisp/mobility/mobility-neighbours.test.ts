// LISPMobility: what the site is told of hosts that come and go, how often, and who is corrected.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { announcement, introduction, question } from "../../../../src/lisp/mobility/frames.js";
import { ARP_REPLY, ARP_REQUEST, readArpFrame } from "../../../../src/wire/arp.js";
import { ICMP6_ADVERTISEMENT, ND_OVERRIDE, ND_ROUTER, ND_SOLICITED } from "../../../../src/wire/icmp6.js";
import { readNeighborFrame } from "../../../../src/wire/neighbour-discovery.js";
import { Bench, hex, ip, ipv4, ipv6, toHex } from "../harness.js";
import { arp, counts, empty, from4, from6, HOST, nd, US } from "./mobility-lab.js";

const OTHER = hex("0200000000ee");
/** Own is 192.168.2.1, beside another tunnel router; visitors have two default routers, one of them link-local. */
const start = (args = ""): Promise<Bench> =>
  Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2, fd02::/64 10.0.0.2);
    frames :: Feed -> [1] e :: LISPMobility(site, 02:00:00:00:00:02, 192.168.1.0/24 192.168.1.1 192.168.1.2,
      fd01::/64 fd01::1 fe80::1, 192.168.2.0/24 192.168.2.7 192.168.2.1, fd02::/64 fd02::1 fe80::ff:fe00:2,
      LOCATORS 10.0.0.2, ROUTER "192.168.2.1 fd02::1"${args}) -> s0 :: Sink;
    packets :: Feed -> e; Idle -> [2] e; Idle -> [3] e; Idle -> [4] e; misled :: Feed -> [5] e;
  `);

const said = (b: Bench): string[] => b.take("s0").map((s) => toHex(s.bytes));
const texts = (...frames: Uint8Array[]): string[] => frames.map(toHex);
const claim = (b: Bench, eid: string): Promise<unknown> =>
  Promise.resolve(b.router.write("e.claim", `${eid} 02:00:00:00:00:09`));

/** What is told of a host that is here, and to it. */
const welcome = (eid: string, ...routers: string[]): string[] =>
  texts(
    announcement(parseRloc(eid), HOST, US),
    ...routers.map((router) => introduction(parseRloc(router), US, true, parseRloc(eid), HOST, US)),
  );

const VISITORS = [
  ["192.168.1.10", ["192.168.1.1", "192.168.1.2"], "192.168.1.11"],
  ["fd01::10", ["fd01::1", "fe80::1"], "fd01::11"],
] as const;
const OWN = [
  ["192.168.2.10", ["192.168.2.1"]],
  ["fd02::10", ["fd02::1", "fe80::ff:fe00:2"]],
] as const;

for (const [eid, routers] of VISITORS)
  test(`a host that comes is told of all its default routers, and its neighbours of it, three times: ${eid}`, async () => {
    const b = await start();
    await claim(b, eid);
    const [announced, ...introduced] = welcome(eid, ...routers);
    const asked = toHex(question(parseRloc(eid), parseRloc(routers[0]), US, US));
    // It may still make sure that nobody else has its address.
    assert.equal(said(b), [...introduced, asked]);
    b.router.runFor(1.1);
    assert.equal(said(b), [...introduced, asked], "an answer that was lost");
    const answers = eid.includes(":")
      ? nd("advertise", eid, routers[0], eid, ND_SOLICITED)
      : arp(ARP_REPLY, eid, routers[0]);
    b.push("frames", [answers, answers]);
    assert.equal(said(b), [announced, ...introduced]);
    for (const seconds of [0.9, 0.2, 1, 10]) {
      b.router.runFor(seconds);
      const again = seconds === 0.2 || seconds === 1;
      assert.equal(said(b), again ? [announced, ...introduced] : []);
    }
    // Claimed again at another hardware address: all hear of it; at the same one, nobody.
    await b.router.write("e.claim", `${eid} 02:00:00:00:00:0b`);
    assert.is(said(b).length, 1 + routers.length);
    b.router.runFor(10);
    b.take("s0");
    await b.router.write("e.claim", `${eid} 02:00:00:00:00:0b`);
    assert.equal(said(b), []);
    b.close();
  });

for (const [eid, routers] of OWN)
  test(`one that comes home is told of the routers that we are, not of another one: ${eid}`, async () => {
    const b = await start(", ANNOUNCE 1");
    await b.router.write("e.away", `${eid} 10.0.0.3`);
    assert.equal(said(b), texts(announcement(parseRloc(eid), US, US)));
    // It is asked for in our name.
    b.push("packets", [eid.includes(":") ? from6(eid) : from4(eid)]);
    const [question] = b.take("s0");
    b.push("frames", [
      eid.includes(":")
        ? nd("advertise", eid, "fd02::1", eid, ND_SOLICITED)
        : arp(ARP_REPLY, eid, "192.168.2.1"),
    ]);
    if (!eid.includes(":")) assert.is(readArpFrame(question.bytes).senderIp, 0xc0a80201);
    assert.equal(said(b), welcome(eid, ...routers));
    b.close();
  });

test("what is told follows the host: it leaves again, is lost, or its hardware address becomes known", async () => {
  const b = await start();
  const [[eid]] = VISITORS;
  await b.router.write("e.claim", eid);
  // Nobody knows its hardware address: it is asked until it answers.
  b.router.runFor(1.1);
  const questions = b.take("s0").map((s) => readArpFrame(s.bytes).operation);
  assert.equal(questions, [ARP_REQUEST, ARP_REQUEST]);
  b.push("frames", [arp(ARP_REPLY, eid, "192.168.1.1")]);
  assert.equal(said(b), welcome(eid, "192.168.1.1", "192.168.1.2"));
  await b.router.write("e.release", `${eid} 10.0.0.3`);
  b.router.runFor(5);
  const gone = texts(announcement(parseRloc(eid), US, US));
  assert.equal(said(b), [...gone, ...gone, ...gone]);
  await claim(b, eid);
  b.take("s0");
  await b.router.write("e.remove", eid);
  b.router.runFor(5);
  assert.equal(said(b), [...gone, ...gone, ...gone], "lost");
  b.close();
});

test("with ANNOUNCE 0 nothing is said that nobody asked", async () => {
  const b = await start(", ANNOUNCE 0");
  await b.router.write("e.add", "192.168.1.10");
  await b.router.write("e.away", "192.168.1.10 10.0.0.3");
  b.router.runFor(5);
  assert.equal(said(b), []);
  b.close();
});

test("a visitor's router that is a link-local address is answered for; no other link-local address is", async () => {
  const b = await start();
  const ask = (target: string): number[] => {
    b.push("frames", [nd("solicit", "fe80::aa", "ff02::1:ff00:1", target)]);
    return b
      .take("s0")
      .map((s) => readNeighborFrame(s.bytes).message)
      .filter((m) => m.type === ICMP6_ADVERTISEMENT)
      .map((m) => m.flags);
  };
  assert.equal(ask("fe80::1"), [(ND_SOLICITED | ND_ROUTER | ND_OVERRIDE) >>> 0]);
  assert.equal(ask("fe80::2"), []);
  assert.equal(ask("fe80::ff:fe00:2"), [], "that one IP6NDAdvertiser answers for");
  b.close();
});

const packet = (from: string, to: string): Uint8Array =>
  from.includes(":")
    ? ipv6(empty, { source: parseRloc(from), destination: parseRloc(to) })
    : ipv4(empty, { source: ip(from), destination: ip(to) });
const frame = (from: string, to: string, source = HOST, at = OTHER): Uint8Array =>
  hex(`${toHex(at)}${toHex(source)}${from.includes(":") ? "86dd" : "0800"}${toHex(packet(from, to))}`);

for (const [eid, routers, neighbour] of VISITORS)
  test(`a visitor that sends to where its router or its neighbour was is told where they are: ${eid}`, async () => {
    const b = await start(", ANNOUNCE 0");
    await claim(b, eid);
    b.take("s0");
    const off = eid.includes(":") ? "fd09::9" : "10.9.9.9";
    const tell = (address: string, router: boolean): string =>
      toHex(introduction(parseRloc(address), US, router, parseRloc(eid), HOST, US));
    b.push("misled", [frame(eid, off), frame(eid, off)]);
    assert.equal(
      said(b),
      routers.map((router) => tell(router, true)),
    );
    b.push("misled", [frame(eid, neighbour), frame(eid, routers[0])]);
    assert.equal(said(b), [tell(neighbour, false), tell(routers[0], true)]);
    assert.equal(counts(b, "misdirected", "corrected"), ["4", "3"]);
    b.router.runFor(1.1);
    b.push("misled", [frame(eid, off)]);
    assert.equal(said(b).length, 2, "again a second later");
    // One that is here, too, is at an address of its own.
    b.router.runFor(1.1);
    await b.router.write("e.claim", `${neighbour} 02:00:00:00:00:0b`);
    b.take("s0");
    const other = hex("02000000000b");
    b.push("misled", [frame(eid, neighbour)]);
    assert.equal(said(b), texts(introduction(parseRloc(neighbour), other, false, parseRloc(eid), HOST, US)));
    b.router.runFor(1.1);
    b.push("misled", [frame(eid, neighbour, HOST, other)]);
    assert.equal(said(b), []);
    b.close();
  });

for (const [eid] of OWN)
  test(`a host of ours that sends to one that has left is told, and left alone otherwise: ${eid}`, async () => {
    const b = await start(", ANNOUNCE 0");
    const left = eid.replace(/10$/, "20");
    await b.router.write("e.away", `${left} 10.0.0.3`);
    b.push("misled", [
      frame(eid, left),
      frame(eid, eid.replace(/10$/, "21")),
      frame(eid, eid.includes(":") ? "fd09::9" : "10.9.9.9"),
    ]);
    assert.equal(said(b), texts(introduction(parseRloc(left), US, false, parseRloc(eid), HOST, US)));
    // For one that is back its neighbours are asked, as only they know their address.
    await claim(b, left);
    b.take("s0");
    b.push("misled", [frame(left, eid)]);
    assert.equal(said(b), texts(question(parseRloc(eid), parseRloc(left), HOST, US)));
    await b.router.write("e.away", `${left} 10.0.0.3`);
    b.take("s0");
    b.router.runFor(1.1);
    // Who is not here is not believed.
    b.push("misled", [frame(left, eid), frame(eid.includes(":") ? "fd01::9" : "192.168.1.9", left)]);
    assert.equal(said(b), []);
    b.close();
  });

test("what is no frame of one host, and more than the rate, changes nothing", async () => {
  const b = await start(", ANNOUNCE 0, RATE 1, BURST 2");
  await claim(b, "192.168.1.10");
  b.take("s0");
  b.push("misled", [
    hex("00"),
    frame("192.168.1.10", "10.9.9.9").subarray(0, 33),
    frame("192.168.1.10", "10.9.9.9", hex("ffffffffffff")),
    hex(`${toHex(OTHER)}${toHex(HOST)}0806${"00".repeat(40)}`),
  ]);
  assert.equal([said(b), ...counts(b, "misdirected", "corrected")], [[], "4", "0"]);
  b.push(
    "misled",
    Array.from({ length: 9 }, (_, i) => frame("192.168.1.10", `192.168.1.${i + 20}`)),
  );
  assert.is(said(b).length, 2);
  b.close();
  const none = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2); e :: LISPMobility(site, 02:00:00:00:00:02) -> s0 :: Sink;
    Idle -> e; Idle -> [1] e; Idle -> [2] e; Idle -> [3] e; Idle -> [4] e; misled :: Feed -> [5] e;
  `);
  none.push("misled", [frame("192.168.1.10", "192.168.1.1")]);
  assert.equal([none.read("e.misdirected"), said(none)], ["1", []]);
  none.close();
});

test.run();
