// HostProber: pings of its own to hosts, what counts as a reply, and what is known of each.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HostProber } from "../../../elements/icmp/host-prober.js";
import type { LISPSite } from "../../../elements/lisp/etr/lisp-site.js";
import { makeLink } from "../../../src/device/link.js";
import { parseMapping } from "../../../src/lisp/mapping.js";
import type { PathReport } from "../../../src/measure/path-table.js";
import { Network } from "../../conf/network.js";
import { failure, takeAllSlots } from "../lisp/control.js";
import { Bench, ipv4, udp } from "../lisp/harness.js";

const bench = (args: string, more = ""): Promise<Bench> =>
  Bench.start(`${more} f :: Feed -> e :: HostProber(${args}) -> out :: Sink;`);

const reports = (b: Bench): PathReport[] => {
  const { paths } = b.router.find("e") as HostProber;
  return [...paths.paths()].map((p) => paths.report(p));
};

/** The reply to a request, as a host makes it: `ICMPPingResponder` and `ICMP6PingResponder` in a router of their own. */
async function host(): Promise<Bench> {
  return Bench.start(
    `four :: Null -> CheckIPHeader -> ICMPPingResponder -> four_out :: Sink;
     six :: Null -> CheckIP6Header -> ICMP6PingResponder -> six_out :: Sink;
     Idle -> four; Idle -> six`,
  );
}

function replyOf(h: Bench, request: Uint8Array): Uint8Array {
  const family = request[0] >> 4 === 4 ? "four" : "six";
  h.push(family, [request]);
  return h.take(`${family}_out`)[0].bytes;
}

test("hosts of both families are pinged from each address of ours once an interval, and measured", async () => {
  const b = await bench('SRC 10.0.0.1, SRC 10.0.0.9, SRC fd00::1, HOSTS "10.0.0.2 fd00::2", INTERVAL 10');
  const h = await host();
  let sent = 0;
  for (let i = 0; i < 300; i++) {
    b.router.runFor(0.1);
    for (const { bytes, destination } of b.take("out")) {
      sent++;
      assert.equal(
        destination.subarray(0, 4),
        bytes[0] >> 4 === 4 ? bytes.slice(16, 20) : bytes.slice(24, 28),
      );
      b.push("e", [replyOf(h, bytes)]);
    }
  }
  assert.ok(sent >= 9 && sent <= 12, String(sent));
  assert.equal(
    reports(b).map(({ source, destination, state, availability }) => [
      source,
      destination,
      state,
      availability,
    ]),
    [
      ["10.0.0.1", "10.0.0.2", "up", 1],
      ["10.0.0.9", "10.0.0.2", "up", 1],
      ["fd00::1", "fd00::2", "up", 1],
    ],
  );
  assert.equal([b.read("e.pings"), b.read("e.replies")], [String(sent), String(sent)]);
  b.close();
  h.close();
});

test("forged, doubled, late and malformed replies change nothing", async () => {
  const b = await bench("SRC 10.0.0.1, HOSTS 10.0.0.2, INTERVAL 10");
  const h = await host();
  b.router.runFor(1.01);
  const reply = replyOf(h, b.take("out")[0].bytes);
  const changed = (...changes: readonly (readonly [at: number, to: number])[]): Uint8Array => {
    const bytes = reply.slice();
    for (const [at, to] of changes) bytes[at] = to;
    const icmp = bytes.subarray(20);
    icmp.fill(0, 2, 4);
    let sum = 0;
    for (let i = 0; i < icmp.length; i += 2) sum += icmp[i] * 256 + icmp[i + 1];
    sum = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
    icmp.set([sum >> 8, sum & 255], 2);
    return ipv4(icmp, { source: bytes.slice(12, 16), destination: bytes.slice(16, 20), protocol: 1 });
  };
  const before = b.read("e.paths");
  // From another, to another, another sequence number, nonces that differ in a bit, not where the identifier is.
  const forged = [
    changed([15, 3]),
    changed([19, 3]),
    changed([27, reply[27] ^ 1]),
    changed([35, reply[35] ^ 1]),
  ];
  b.push("e", forged);
  assert.is(b.read("e.not_mine"), "4");
  b.push("e", [
    ipv4(udp(1, 2, new Uint8Array(4))),
    reply.subarray(0, 30),
    changed([24, reply[24] ^ 1]),
    changed([21, 1]),
    new Uint8Array(1),
    Uint8Array.of(0x60, 0, 0, 0),
  ]);
  assert.equal([b.read("e.malformed"), b.read("e.paths")], ["6", before]);
  b.push("e", [changed(), reply]);
  assert.equal([b.read("e.replies"), b.read("e.not_mine")], ["1", "5"]);
  b.router.runFor(10);
  const late = replyOf(h, b.take("out")[0].bytes);
  b.router.runFor(1.5);
  const known = b.read("e.paths");
  b.push("e", [late]);
  assert.equal([b.read("e.paths"), b.read("e.not_mine"), reports(b)[0].answered], [known, "6", 1]);
  b.close();
  h.close();
});

test("without a reply a host is down after RETRIES more, and up again with the first", async () => {
  const b = await bench("SRC 10.0.0.1, HOSTS 10.0.0.2, INTERVAL 2, RETRIES 1");
  const h = await host();
  b.router.runFor(1.1);
  assert.is(reports(b)[0].state, "unknown");
  b.router.runFor(2.5);
  assert.equal([reports(b)[0].state, b.read("e.downs"), reports(b)[0].rtt], ["down", "1", null]);
  b.take("out");
  for (let i = 0, sent = b.take("out"); i < 30 && sent.length === 0; i++) {
    b.router.runFor(0.1);
    sent = b.take("out");
    for (const { bytes } of sent) b.push("e", [replyOf(h, bytes)]);
  }
  assert.is(reports(b)[0].state, "up");
  b.close();
  h.close();
});

test("hosts of a site, EIDs of full length, come and go with its mappings; configured ones stay", async () => {
  const b = await bench(
    "SRC 10.1.0.1, SRC fd01::1, HOSTS 10.1.0.7, SITE site, INTERVAL 10, CAPACITY 3",
    "site :: LISPSite(10.1.0.0/16 192.0.2.1, 10.1.0.5/32 192.0.2.1, 10.1.0.7/32 192.0.2.1);",
  );
  b.router.runFor(0.1);
  const hosts = (): string[] => reports(b).map(({ destination }) => destination);
  assert.equal(hosts(), ["10.1.0.7", "10.1.0.5"]);
  const { mappings } = b.router.find("site") as LISPSite;
  mappings.set(parseMapping("fd01::5/128 192.0.2.1"));
  mappings.set(parseMapping("10.1.0.6/32 192.0.2.1"));
  assert.equal([hosts(), b.read("e.full")], [["10.1.0.7", "10.1.0.5", "fd01::5"], "1"]);
  for (const { iid, eid } of ["10.1.0.5/32 192.0.2.1", "10.1.0.7/32 192.0.2.1"].map((text) =>
    parseMapping(text),
  ))
    mappings.delete(iid, eid);
  assert.equal(hosts(), ["10.1.0.7", "fd01::5"]);
  b.close();
});

test("hosts come and go by handlers; what is none is said; without a free packet nothing is measured", async () => {
  const b = await bench("SRC 10.0.0.1, INTERVAL 1");
  await b.router.write("e.add_host", "10.0.0.2");
  for (const [handler, text, said] of [
    ["add_host", "x", "'x' is no IP address"],
    ["add_host", "fd00::2", "of another address family than every SRC"],
    ["remove_host", "10.0.0.3", "10.0.0.3 is not pinged"],
  ])
    assert.ok((await failure(() => b.router.write(`e.${handler}`, text))).includes(said), said);
  takeAllSlots(b);
  b.router.runFor(5);
  assert.ok(Number(b.read("e.no_slot")) >= 4);
  assert.equal(
    reports(b).map(({ state, sent }) => [state, sent]),
    [["unknown", 0]],
  );
  await b.router.write("e.remove_host", "10.0.0.2");
  assert.equal(reports(b), []);
  b.close();
  assert.match(await failure(() => bench("HOSTS 10.0.0.2")), /no SRC given/);
  assert.match(
    await failure(() => bench("SRC 10.0.0.1, HOSTS 10.0.0")),
    /HOSTS: '10\.0\.0' is no IP address/,
  );
  assert.match(await failure(() => bench("SRC 10.0.0.1, WINDOW 0")), /WINDOW is 0: a time is expected/);
});

test("no more pings leave in a second than RATE; what is measured outlives a hot swap", async () => {
  const list = Array.from({ length: 30 }, (_, i) => `10.0.0.${i + 2}`).join(" ");
  const b = await bench(`SRC 10.0.0.1, HOSTS "${list}", INTERVAL 1, RATE 10`);
  b.router.runFor(10);
  const pings = Number(b.read("e.pings"));
  assert.ok(pings >= 95 && pings <= 101, String(pings));
  assert.ok(Number(b.read("e.delayed")) > 50);
  const known = reports(b).map(({ destination, sent }) => `${destination} ${sent}`);
  await b.router.swap(`f :: Feed -> e :: HostProber(SRC 10.0.0.1, HOSTS "${list}") -> out :: Sink;`);
  assert.equal(
    reports(b).map(({ destination, sent }) => `${destination} ${sent}`),
    known,
  );
  b.close();
});

test("over a link a round trip takes what the link takes", async () => {
  const n = new Network();
  const { clock, schedule } = n.simulation;
  const [near, far] = makeLink({ clock, schedule, names: ["near", "far"], delay: 0.0075 });
  await n.make(
    "xtr",
    "FromDevice(near) -> e :: HostProber(SRC 10.0.0.1, HOSTS 10.0.0.2, INTERVAL 1) -> Queue -> ToDevice(near)",
    [["near", near]],
  );
  await n.make("host", "FromDevice(far) -> CheckIPHeader -> ICMPPingResponder -> Queue -> ToDevice(far)", [
    ["far", far],
  ]);
  await n.simulation.runFor(20);
  const { paths } = n.routers.get("xtr")!.find("e") as HostProber;
  const [path] = paths.paths();
  const { rtt, jitter, availability } = paths.report(path);
  assert.ok(Math.abs(rtt!.mean - 0.015) < 1e-6 && jitter!.mean < 1e-6, JSON.stringify(rtt));
  assert.is(availability, 1);
  n.close();
});

test.run();
