// Neighbours that get another hardware address, and a router that tells of its own: ARP (RFC 826, RFC 5227), ND (RFC 4861).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Router, SimulatedClock } from "../../../src/index.js";
import { type Lab, lab } from "./harness.js";
import { ALL as ALL_NODES, group, host, ndFrame } from "./nd-frames.js";

const ARP_ME = "020000000001";
const OTHER = "0200000000bb";
const A = "0a000002";
const IP_ME = "0a000001";
const NEW = "0200000000cc";
const ALL = "ffffffffffff";

/** An ARP message in its frame: addresses as hexadecimal digits. */
function arp(operation: 1 | 2, sender: string, ip: string, target: string, to = ALL): string {
  return `${to}${sender}0806000108000604000${operation}${sender}${ip}000000000000${target}`;
}

const arpLab = (args = ""): Promise<Lab> =>
  lab(
    `q :: ARPQuerier(10.0.0.1/24, 2:0:0:0:0:1${args}); Source -> q; Source -> [1] q;
     q -> out :: Capture; q [1] -> asked :: Capture;`,
    {},
  );

for (const [what, message] of [
  ["a request for this router", arp(1, NEW, A, IP_ME)],
  ["a request for somebody else", arp(1, NEW, A, "0a000009")],
  ["an announcement", arp(1, NEW, A, A)],
  ["an unasked reply", arp(2, NEW, A, A)],
  ["a reply to somebody else", arp(2, NEW, A, "0a000009", "020000000009")],
] as const) {
  test(`${what} shows where a known neighbour has gone, and makes no stranger known`, async () => {
    const l = await arpLab();
    l.push("q", 1, [{ data: message }]);
    assert.is(l.router.read("q.count"), "0");
    await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
    l.push("q", 1, [{ data: message }]);
    l.push("q", 0, [{ data: "4501", to: A }]);
    assert.equal(l.got("out"), [`${NEW}${ARP_ME}08004501`]);
    assert.equal(l.got("asked"), []);
    assert.is(l.router.read("q.changes"), "1");
    l.router.close();
  });
}

test("a request from a neighbour that is asked for answers the question", async () => {
  const l = await arpLab();
  l.push("q", 0, [{ data: "4501", to: A }]);
  l.push("q", 1, [{ data: arp(1, NEW, A, IP_ME) }]);
  assert.equal(l.got("out"), [`${NEW}${ARP_ME}08004501`]);
  assert.is(l.router.read("q.requests"), "1");
  assert.is(l.router.read("q.responses"), "0");
  l.router.close();
});

test("what comes with this router's address, from a group or as a probe teaches nothing", async () => {
  const l = await arpLab();
  const bad = [arp(1, NEW, IP_ME, A), arp(2, "010000000001", A, IP_ME), arp(1, NEW, "00000000", IP_ME)];
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  for (const data of [...bad, ...bad]) l.push("q", 1, [{ data }]);
  assert.is(l.router.read("q.count"), "1");
  assert.is(l.router.read("q.changes"), "0");
  assert.is(l.router.read("q.conflicts"), "2");
  assert.equal(l.log, ["q :: ARPQuerier: 02-00-00-00-00-CC says that it has this router's address 10.0.0.1"]);
  l.push("q", 1, [{ data: arp(1, ARP_ME, IP_ME, IP_ME) }]);
  assert.is(l.router.read("q.conflicts"), "2", "its own frame, given back");
  l.router.close();
});

test("a neighbour that went without a word is asked for by broadcast soon after POLL_TIMEOUT", async () => {
  const l = await arpLab();
  await l.router.write("q.insert", "10.0.0.2 2:0:0:0:0:aa");
  l.router.runFor(61);
  const asked: string[] = [];
  for (let i = 0; i < 5; i++) {
    l.push("q", 0, [{ data: "4501", to: A }]);
    asked.push(...l.got("asked").map((frame) => frame.slice(0, 12)));
    l.router.runFor(0.11);
  }
  assert.equal(asked, ["0200000000aa", "0200000000aa", ALL, ALL, ALL]);
  l.push("q", 1, [{ data: arp(2, NEW, A, IP_ME, ARP_ME) }]);
  l.got("out");
  l.push("q", 0, [{ data: "4502", to: A }]);
  assert.equal(l.got("out"), [`${NEW}${ARP_ME}08004502`]);
  l.router.close();
});

test("a router tells of its IPv4 address when it starts, twice, two seconds apart", async () => {
  const l = await arpLab(", ANNOUNCE 2");
  const told = arp(1, ARP_ME, IP_ME, IP_ME);
  l.router.runFor(0.1);
  assert.equal(l.got("asked"), [told]);
  l.router.runFor(10);
  assert.equal(l.got("asked"), [told]);
  assert.is(l.router.read("q.announcements"), "2");
  await l.router.write("q.announce", "");
  l.router.runFor(10);
  assert.equal(l.got("asked"), [told]);
  await l.router.write("q.ipaddr", "10.0.0.7");
  l.router.runFor(0.1);
  assert.equal(l.got("asked"), [arp(1, ARP_ME, "0a000007", "0a000007")], "another address");
  l.router.close();
});

test("a hot swap that keeps the address does not tell of it again, one that changes it does", async () => {
  const text = (ip: string): string =>
    `q :: ARPQuerier(${ip}/24, 2:0:0:0:0:1, ANNOUNCE 2) -> Discard; Idle -> q; Idle -> [1] q;
     n :: IP6NDSolicitor(2001:db8::${ip.slice(-1)}, 2:0:0:0:0:1, ANNOUNCE 3) -> Discard; Idle -> n; Idle -> [1] n`;
  const router = await Router.fromText(text("10.0.0.1"), { clock: new SimulatedClock() });
  const counts = (): string[] => ["q.announcements", "n.announcements"].map((path) => router.read(path));
  router.runFor(0.5);
  assert.equal(counts(), ["1", "1"]);
  await router.swap(text("10.0.0.1"));
  router.runFor(10);
  assert.equal(counts(), ["2", "3"]);
  await router.swap(text("10.0.0.1"));
  router.runFor(10);
  assert.equal(counts(), ["2", "3"]);
  await router.swap(text("10.0.0.2"));
  router.runFor(10);
  assert.equal(counts(), ["2", "3"], "counted anew");
  router.close();
});

const ndLab = (args = ""): Promise<Lab> =>
  lab(
    `n :: IP6NDSolicitor(2001:db8::1, 2:0:0:0:0:1${args}); Source -> n; Source -> [1] n;
     n -> out :: Capture; n [1] -> asked :: Capture;`,
    {},
  );

test("a solicitation for somebody else shows where a known neighbour has gone, and makes no stranger known", async () => {
  const l = await ndLab();
  const question = ndFrame({ type: 135, from: host(2), to: group(9), target: host(9), link: OTHER });
  l.push("n", 1, [{ data: question }]);
  assert.is(l.router.read("n.count"), "0");
  await l.router.write("n.insert", "2001:db8::2 2:0:0:0:0:aa");
  l.push("n", 1, [{ data: question }]);
  assert.match(l.router.read("n.neighbours"), /STALE 02-00-00-00-00-BB/);
  assert.is(l.router.read("n.changes"), "1");
  l.router.close();
});

test("a router tells of its IPv6 address when it starts, overriding what others noted before", async () => {
  const l = await ndLab(", ANNOUNCE 3");
  l.router.runFor(10);
  const told = ndFrame({
    type: 136,
    from: host(1),
    to: ALL_NODES,
    target: host(1),
    link: ARP_ME,
    flags: 0xa0000000,
    etherTo: "333300000001",
    etherFrom: ARP_ME,
  });
  assert.equal(l.got("asked"), [told, told, told]);
  assert.is(l.router.read("n.announcements"), "3");
  l.router.close();
});

test.run();
