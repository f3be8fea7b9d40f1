// timeout: 600
// Links with a delay for each pair of their ends: in simulated time to the nanosecond, in threads and processes as far as
// a busy machine lets one measure; changed by `apply` and by faults, one pair at a time.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ServiceDescriptor } from "../../../src/vnf/descriptor/model.js";
import { parseDescriptor, parseFault } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { RealWorld, SimulatedWorld } from "../../../src/vnf/world.js";
import { namespacesRefused } from "../../network/namespaces.js";
import { atEnd, ledger } from "../../outside.js";
import { skipUnless } from "../../skip.js";
import { until } from "../../until.js";

const HOST = fileURLToPath(new URL("../../../../conf/host.click", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Milliseconds of a time as handlers write it; NaN for none. */
function ms(text: string): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s)$/.exec(text.trim()) ?? [];
  return Number(number) * ({ us: 1e-3, ms: 1, s: 1000 }[unit] ?? Number.NaN);
}

const ping = (service: Service, name: string, handler: string): Promise<string> =>
  service.function(name).request("read", { path: `ping.${handler}` });

/** Lets `from` ping the host with address `to`, counting anew. */
async function pingAnew(service: Service, from: string, to: string): Promise<void> {
  await service.function(from).request("write", { path: "ping.dst", value: to });
  await service.function(from).request("write", { path: "ping.reset_counts", value: "" });
}

async function simulated(
  descriptor: ServiceDescriptor,
  seed = 1,
): Promise<[Service, (s: number) => Promise<void>]> {
  const world = new SimulatedWorld(seed);
  const service = await Service.instantiate(descriptor, { world });
  await service.start();
  return [service, (seconds) => world.simulation.runFor(seconds)];
}

/** `count` hosts called h, h-2, h-3, ... at 10.0.0.1, .2, ... on one link. */
function hosts(count: number, link: string, more = ""): ServiceDescriptor {
  return parseDescriptor(
    `service: t${process.pid}-pairs
links:
  net: ${link}
functions:
  h:
    graph: ${HOST}
    replicas: ${count}
    parameters: { IP4: "10.0.0.{replica}", NET4: 10.0.0.0/24, IP6: "fd00::{replica}", PEER4: 10.0.0.1, RATE: 0, PING: 0.2, VERBOSE: false }
    devices: { eth0: net }
${more}`,
    join(folder, "pairs.yaml"),
  );
}

const site = (i: number): string => (i === 0 ? "h" : `h-${i + 1}`);

/** One-way delays in ms: asymmetric, and with many a way round that is shorter. */
function delay(from: number, to: number): number {
  return from === to ? 0 : 1 + ((from * 37 + to * 101 + from * to * 13) % 45);
}

function table(sites: number): string {
  const names = Array.from({ length: sites }, (_, i) => site(i));
  const rows = names.map((name, i) => [name, ...names.map((_, j) => (i === j ? "" : delay(i, j)))].join(","));
  return [`from \\ to,${names.join(",")}`, ...rows].join("\n");
}

test("64 sites in simulated time: pings between all pairs take what the table says", async () => {
  const sites = 64;
  writeFileSync(join(folder, "delays.csv"), table(sites));
  const [service, run] = await simulated(hosts(sites, "{ matrix: { delay: delays.csv, unit: ms } }"));
  let broken = 0;
  for (let k = 1; k < sites; k++) {
    for (let i = 0; i < sites; i++) await pingAnew(service, site(i), `10.0.0.${((i + k) % sites) + 1}`);
    // With the first ping both ask for the other's hardware address, the second takes its time alone.
    await run(0.5);
    for (let i = 0; i < sites; i++) {
      const j = (i + k) % sites;
      const rtt = ms(await ping(service, site(i), "rtt_min"));
      const expected = delay(i, j) + delay(j, i);
      assert.ok(Math.abs(rtt - expected) < 0.1, `${site(i)} to ${site(j)}: ${rtt} ms, not ${expected}`);
      const by = (via: number): number => delay(i, via) + delay(via, j) + delay(j, via) + delay(via, i);
      if (Array.from({ length: sites }, (_, via) => by(via)).some((round) => round < expected)) broken++;
    }
  }
  assert.ok(broken > 1000, `${broken} pairs have a shorter way round`);
  assert.is(service.lost("net"), 0);
  await service.terminate();
});

/** Sends numbered packets to all, and keeps what it sends and what comes. */
const CALLER = `define($N 1, $IP 10.0.0.1, $FOLDER /, $MAC 2:0:0:0:0:1);
RatedSource(LENGTH 20, RATE 500, LIMIT 5) -> UDPIPEncap($IP, 7, 255.255.255.255, 7)
  -> EtherEncap(0x0800, $MAC, ff:ff:ff:ff:ff:ff) -> SetTimestamp -> ToDump($FOLDER/sent$N, NANO true) -> Queue -> ToDevice(eth0);
FromDevice(eth0) -> ToDump($FOLDER/came$N, NANO true) -> Discard;
`;

/** Packets of a capture: ms, the last byte of the source address, the IP identification. */
function packets(file: string): { at: number; from: number; id: number }[] {
  const bytes = readFileSync(file);
  const found = [];
  for (let at = 24; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8)) {
    const ms = (bytes.readUInt32LE(at) % 1e6) * 1000 + bytes.readUInt32LE(at + 4) / 1e6;
    found.push({ at: ms, from: bytes[at + 16 + 29], id: bytes.readUInt16BE(at + 16 + 18) });
  }
  return found;
}

test("64 sites in simulated time: broadcasts come at each in order, with the delay of each pair", async () => {
  const sites = 64;
  writeFileSync(join(folder, "delays.csv"), table(sites));
  writeFileSync(join(folder, "caller.click"), CALLER);
  const descriptor = parseDescriptor(
    `service: broadcasts
links: { net: { matrix: { delay: delays.csv, unit: ms } } }
functions:
  h:
    graph: caller.click
    replicas: ${sites}
    parameters: { N: "{replica}", IP: "10.0.0.{replica}", FOLDER: ${folder} }
    devices: { eth0: net }
`,
    join(folder, "broadcasts.yaml"),
  );
  const [service, run] = await simulated(descriptor);
  await run(1);
  await service.terminate();
  const sent = Array.from({ length: sites }, (_, i) => packets(join(folder, `sent${i + 1}`)));
  for (let to = 0; to < sites; to++) {
    const came = packets(join(folder, `came${to + 1}`));
    assert.is(came.length, 5 * (sites - 1));
    for (let from = 0; from < sites; from++) {
      if (from === to) continue;
      const own = came.filter((p) => p.from === from + 1);
      assert.equal(
        own.map((p) => p.id),
        sent[from].map((p) => p.id),
        "in order",
      );
      for (const [i, p] of own.entries())
        assert.ok(Math.abs(p.at - sent[from][i].at - delay(from, to)) < 0.01, `${from} to ${to}`);
    }
  }
});

/** Round-trip time between two hosts, ms, over `seconds`. */
async function rtt(
  [service, run]: readonly [Service, (s: number) => Promise<void>],
  from: number,
  to: number,
  seconds = 2,
): Promise<number> {
  await pingAnew(service, site(from), `10.0.0.${to + 1}`);
  await run(seconds);
  return Math.round(ms(await ping(service, site(from), "rtt_min")) * 1e3) / 1e3;
}

test("an unlisted pair has the link's delay; a pair's jitter and loss are its own", async () => {
  const link = `{ delay: 10ms, pairs: [{ from: h, to: h-2, delay: 3ms }, { between: [h, h-3], loss: 100% }, { from: h-2, to: h-3, jitter: 8ms }] }`;
  const up = await simulated(hosts(3, link));
  assert.is(await rtt(up, 0, 1), 13);
  assert.is(await rtt(up, 1, 0), 13);
  await rtt(up, 1, 2);
  const there = await rtt(up, 1, 2, 10);
  assert.ok(there >= 20 && there < 24, `${there}`);
  const longest = ms(await ping(up[0], "h-2", "rtt_max"));
  assert.ok(longest > 24 && longest < 28.1, `${longest}`);
  await pingAnew(up[0], "h", "10.0.0.3");
  await up[1](2);
  assert.match(await ping(up[0], "h", "summary"), /, 0 received/);
  assert.ok(up[0].lost("net") > 0);
  await up[0].terminate();
});

test("apply changes one pair, and starts nothing anew", async () => {
  const pairs = (more: string): ServiceDescriptor =>
    hosts(3, `{ delay: 10ms, pairs: [{ between: [h, h-2], rtt: 6ms }${more}] }`);
  const up = await simulated(pairs(""));
  const [service] = up;
  assert.is(await rtt(up, 0, 1), 6);
  assert.is(await rtt(up, 0, 2), 20);
  assert.equal(await service.apply(pairs(", { from: h-3, to: h, delay: 1ms }")), ["changed link net"]);
  assert.is(await rtt(up, 0, 2), 11);
  assert.is(await rtt(up, 0, 1), 6);
  assert.equal(await service.apply(pairs(", { from: h-3, to: h, delay: 1ms }")), []);
  assert.equal(await service.apply(hosts(3, "{ delay: 10ms, pairs: [{ between: [h-2, h], delay: 3ms }] }")), [
    "changed link net",
  ]);
  assert.is(await rtt(up, 0, 2), 20);
  assert.equal(await service.apply(hosts(3, "{ delay: 1ms }")), ["changed link net"]);
  assert.is(await rtt(up, 0, 1), 2);
  assert.is(await rtt(up, 0, 2), 2);
  assert.equal(
    [...service.functions.values()].filter((f) => f.restarts > 0),
    [],
  );
  await service.terminate();
});

test("an instance that comes has its pairs; those that stay keep theirs", async () => {
  const link =
    "{ delay: 10ms, pairs: [{ between: [h, h-2], rtt: 6ms }, { from: h-3, to: h-2, delay: 2ms }] }";
  const up = await simulated(hosts(3, link));
  const [service] = up;
  await service.scale("h", 2);
  assert.is(await rtt(up, 0, 1), 6);
  await service.scale("h", 4);
  assert.is(await rtt(up, 2, 1), 12);
  assert.is(await rtt(up, 3, 1), 20);
  assert.is(await rtt(up, 0, 1), 6);
  await service.terminate();
});

test("a fault befalls one pair, another all of them; each ends by itself", async () => {
  const descriptor = hosts(3, "{ delay: 10ms, pairs: [{ between: [h, h-2], rtt: 6ms }] }");
  const up = await simulated(descriptor);
  const [service] = up;
  const inject = (document: unknown): void => {
    for (const fault of parseFault(document, descriptor)) service.inject(fault, fault.duration);
  };
  await rtt(up, 0, 1);
  await rtt(up, 0, 2);
  inject({ at: 0, link: "net", from: "h", to: "h-2", delay: "50ms", for: "5s" });
  assert.is(await rtt(up, 0, 1), 53);
  assert.is(await rtt(up, 0, 2), 20);
  // All of the link, pairs that have a delay of their own among them; the pair's fault began before.
  inject({ at: 0, link: "net", delay: "100ms", for: "2s" });
  assert.is(await rtt(up, 0, 1, 1.5), 200);
  await up[1](2);
  assert.is(await rtt(up, 0, 1), 6);
  inject({ at: 0, link: "net", between: ["h-2:eth0", "h"], down: true, for: "2s" });
  await pingAnew(service, "h", "10.0.0.2");
  await up[1](1.9);
  assert.match(await ping(service, "h", "summary"), /, 0 received/);
  await pingAnew(service, "h", "10.0.0.3");
  await up[1](0.05);
  assert.is(await rtt(up, 0, 1), 6);
  const told = service.events.latest(100, "net").map((e) => e.message);
  assert.ok(told.includes("h:eth0 to h-2:eth0: over"), told.join("\n"));
  assert.ok(told.includes('h:eth0 to h-2:eth0: {"delay":0.05}'), told.join("\n"));
  await service.terminate();
});

test("the ends of a wire are a pair, too, each way its own", async () => {
  const up = await simulated(hosts(2, "{ delay: 10ms, pairs: [{ from: h, to: h-2, delay: 3ms }] }"));
  assert.is(await rtt(up, 0, 1), 13);
  for (const fault of parseFault(
    { at: 0, link: "net", from: "h-2", to: "h", delay: "1ms" },
    up[0].descriptor,
  ))
    up[0].inject(fault);
  assert.is(await rtt(up, 0, 1), 4);
  await up[0].terminate();
});

test("what is lost and late is the same in the same world, and other in another", async () => {
  const descriptor = hosts(
    3,
    "{ delay: 5ms, jitter: 20ms, loss: 20%, pairs: [{ between: [h, h-2], delay: 30ms }] }",
  );
  const summary = async (seed: number): Promise<string> => {
    const [service, run] = await simulated(descriptor, seed);
    await pingAnew(service, "h", "10.0.0.2");
    await run(60);
    const text = await ping(service, "h", "summary");
    await service.terminate();
    return text;
  };
  const first = await summary(1);
  assert.match(first, /[1-9]\d*% packet loss/);
  assert.is(await summary(1), first);
  assert.is.not(await summary(2), first);
});

/** Three hosts in real time: which times their pings take, and what faults and `apply` make of them. */
async function inRealTime(isolation: "thread" | "process", namespaces?: boolean): Promise<void> {
  const document = (there: string): ServiceDescriptor => {
    const pairs = `[{ from: h, to: h-2, delay: ${there} }, { between: [h, h-3], rtt: 400ms }]`;
    return hosts(3, `{ delay: 100ms, pairs: ${pairs} }`, `defaults: { isolation: ${isolation} }\n`);
  };
  const descriptor = document("20ms");
  const service = await Service.instantiate(descriptor, { world: new RealWorld(), namespaces, book: ledger });
  const left = atEnd(() => service.terminate());
  /** The shortest of some pings: a busy machine makes them longer, none shorter; so often until it leaves us in peace. */
  const expectRtt = async (from: number, to: number, took: number): Promise<void> => {
    let got = Number.NaN;
    const near = async (): Promise<boolean> => {
      // Of those sent before, an answer may be taken for that of a new one.
      await pingAnew(service, site(from), `10.0.0.${to + 1}`);
      await new Promise((resolve) => setTimeout(resolve, 1300));
      got = ms(await ping(service, site(from), "rtt_min"));
      return got > took - 1 && got < took + 60;
    };
    await until(near).catch(() => assert.unreachable(`${from} to ${to}: ${got} ms, not ${took}`));
  };
  try {
    await service.start();
    await Promise.all([expectRtt(0, 1, 120), expectRtt(1, 2, 200), expectRtt(2, 0, 400)]);
    const change = parseFault(
      { at: 0, link: "net", from: "h-3", to: "h", delay: "10ms", for: "1h" },
      descriptor,
    );
    for (const fault of change) service.inject(fault, fault.duration);
    assert.equal(await service.apply(document("250ms")), ["changed link net"]);
    await Promise.all([expectRtt(0, 1, 350), expectRtt(1, 2, 200), expectRtt(2, 0, 210)]);
    assert.is(service.function("h").restarts, 0);
  } finally {
    left();
    await service.terminate();
  }
}

const refused = namespacesRefused();
test("in threads: each pair has its own delay", () => inRealTime("thread"));
test("in processes joined by Unix sockets: each pair has its own delay", () => inRealTime("process", false));
skipUnless(refused === null, refused ?? "")("in processes and namespaces: each pair has its own delay", () =>
  inRealTime("process"),
);

test.run();
