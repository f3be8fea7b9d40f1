// timeout: 600
// A tunnel router's graph is changed while packets flow through it: only those in a queue that is removed are lost, its
// map-cache stays, and nothing is asked anew.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { lossesOf } from "../../../src/device/counters.js";
import type { Isolation, ServiceDescriptor } from "../../../src/vnf/descriptor/model.js";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { RealWorld, SimulatedWorld } from "../../../src/vnf/world.js";
import { atEnd, ledger } from "../../outside.js";
import { hostsAtRate } from "../world.js";

const CONF = fileURLToPath(new URL("../../../../conf/", import.meta.url));
const TWO_SITES = readDescriptor(`${CONF}services/two-sites.yaml`);
const XTR = readFileSync(`${CONF}xtr.click`, "latin1");
const XTR_GRAPH = readFileSync(`${CONF}xtr-graph.click`, "latin1");
const DECAPSULATED = "decap [0] -> [0] peers";

/** The tunnel router's graph, with more elements behind decapsulation. */
function xtr(more: string): string {
  assert.ok(XTR_GRAPH.includes(DECAPSULATED));
  const graph = XTR_GRAPH.replace(DECAPSULATED, `decap [0] -> ${more} [0] peers`);
  return XTR.replace("require(library xtr-graph.click);", graph);
}

const PLAIN = xtr("");
const COUNTED = xtr("extra :: Counter ->");
/** It holds what came in the last 20 ms. */
const DELAYED = xtr("extra :: Queue(5000) -> DelayUnqueue(0.02) ->");

const HOSTS = ["host1", "host2"];
/** From a host to the other: host, tunnel router, switch, tunnel router, host. */
const HOPS = 5;
/** Packets that go through each graph at least. */
const FLOW = 50;
/** Seconds for what takes one or two on a machine without other work. */
const PATIENCE = 60;

class Load {
  readonly service: Service;
  readonly #pass: (seconds: number) => Promise<void>;

  constructor(service: Service, pass: (seconds: number) => Promise<void>) {
    this.service = service;
    this.#pass = pass;
  }

  pass(seconds: number): Promise<void> {
    return this.#pass(seconds);
  }

  read(name: string, path: string): Promise<string> {
    return this.service.function(name).request("read", { path });
  }

  /** UDP packets that the hosts sent, and that they received. */
  async counts(): Promise<{ sent: number; received: number }> {
    let [sent, received] = [0, 0];
    for (const host of HOSTS) {
      sent += Number(await this.read(host, "sent.count"));
      received += Number(await this.read(host, "udp_received.count"));
    }
    return { sent, received };
  }

  async send(active: boolean): Promise<void> {
    for (const host of HOSTS)
      await this.service.function(host).request("write", { path: "udp_sent.active", value: String(active) });
  }

  /**
   * Until nothing is under way any more: nothing has arrived in as many rounds as a packet has hops, and in each of them
   * every function had a turn, for it has answered.
   */
  async drain(): Promise<void> {
    await this.send(false);
    for (let last = -1, quiet = 0; quiet < HOPS; ) {
      await this.pass(0.2);
      await this.drops();
      const { received } = await this.counts();
      quiet = received === last ? quiet + 1 : 0;
      last = received;
    }
  }

  /** For so many seconds, and until at least FLOW packets have arrived. */
  async flow(seconds: number): Promise<void> {
    const { received } = await this.counts();
    await this.pass(seconds);
    await this.#passUntil(async () => (await this.counts()).received >= received + FLOW, "packets arrive");
  }

  /** Packets lost so far: dropped by whatever element, of the graphs that run now, or by a device, or on a link. */
  async drops(): Promise<number> {
    let total = 0;
    for (const f of this.service.functions.values()) {
      const { elements, devices } = await f.request("stats", {});
      for (const { drops } of elements) for (const n of Object.values(drops)) total += n;
      for (const counters of Object.values(devices)) total += lossesOf(counters);
    }
    for (const link of this.service.descriptor.links.keys()) total += this.service.lost(link);
    return total;
  }

  /**
   * Until packets come through both ways, of both protocols. A request from before the other site has registered is
   * answered negatively, for a few seconds, and then asked anew; and what a resolver holds until its answer comes is
   * neither lost nor under way.
   */
  async bothWays(): Promise<void> {
    const least = { "udp_received.count": 100, "answers.count": 1, "answers6.count": 1 };
    for (const host of HOSTS)
      for (const [handler, n] of Object.entries(least))
        await this.#passUntil(async () => Number(await this.read(host, handler)) >= n, `${host}: ${handler}`);
  }

  /** An update tells of all packets that were in a queue, and only UDP packets are counted. */
  async stopPings(): Promise<void> {
    for (const host of HOSTS)
      for (const path of ["ping.active", "ping6.active"])
        await this.service.function(host).request("write", { path, value: "false" });
  }

  async #passUntil(condition: () => Promise<boolean>, what: string): Promise<void> {
    for (const end = performance.now() + PATIENCE * 1000; !(await condition()); ) {
      if (performance.now() > end) throw new Error(`waited ${PATIENCE} s: ${what}`);
      await this.pass(0.1);
    }
  }

  /** Until a while has passed without Map-Requests: sites that are new tell of themselves more than once. */
  async quiet(): Promise<void> {
    let seen = await this.mapRequests();
    const end = performance.now() + PATIENCE * 1000;
    for (let still = 0; still < 4; still += 0.5) {
      if (performance.now() > end) throw new Error(`waited ${PATIENCE} s: Map-Requests go on`);
      await this.pass(0.5);
      const now = await this.mapRequests();
      if (now !== seen) still = 0;
      seen = now;
    }
  }

  /** Map-Requests that the mapping system has seen. */
  async mapRequests(): Promise<number> {
    const { elements } = await this.service.function("ms").request("stats", {});
    return elements.reduce((sum, { counters }) => sum + (counters.requests ?? 0), 0);
  }

  /** The EID-prefixes in a map-cache. */
  async cached(name: string): Promise<string[]> {
    const table = await this.read(name, "cache.table");
    return table.split("\n").map((line) => line.split(" ")[0]);
  }
}

/**
 * Updates xtr1 with each of `texts` under load, and expects that exactly those packets are lost that the updates tell
 * of: `lost`, for each. `dropped`: what was dropped because this machine was busy elsewhere; then nothing is
 * expected, since of those that are dropped between the last look at a graph and its update nobody tells.
 */
async function updatedUnderLoad(
  load: Load,
  texts: readonly string[],
  seconds: number,
): Promise<{ lost: number[]; dropped: number }> {
  await load.drain();
  await load.quiet();
  const before = await load.counts();
  const [requests, cached] = [await load.mapRequests(), await load.cached("xtr1")];
  assert.ok(cached.length > 1, "the other site is in the map-cache");
  const lost: number[] = [];
  let dropped = 0;
  // A new graph's counters begin at zero.
  let drops = await load.drops();
  await load.send(true);
  for (const text of texts) {
    await load.flow(seconds);
    dropped += (await load.drops()) - drops;
    lost.push(await load.service.update("xtr1", text));
    drops = await load.drops();
  }
  await load.flow(seconds);
  await load.drain();
  dropped += (await load.drops()) - drops;
  const after = await load.counts();
  const [sent, received] = [after.sent - before.sent, after.received - before.received];
  assert.ok(sent >= FLOW * (texts.length + 1), `${sent} packets sent`);
  const told = lost.reduce((sum, n) => sum + n, 0);
  if (dropped === 0) assert.is(sent - received, told, `sent ${sent}, received ${received}, lost ${lost}`);
  assert.equal(await load.cached("xtr1"), cached, "the map-cache stays");
  assert.is(await load.mapRequests(), requests, "nothing is asked anew");
  return { lost, dropped };
}

const CHANGES = [COUNTED, PLAIN, DELAYED, COUNTED, DELAYED, PLAIN, PLAIN];
/** Of these, the ones that remove the queue. */
const REMOVES = [3, 5];

test("an update under load loses only what was in the queue that it removed, in simulated time", async () => {
  const world = new SimulatedWorld(1);
  const service = await Service.instantiate(hostsAtRate(TWO_SITES, 10_000), { world });
  try {
    await service.start();
    const load = new Load(service, (seconds) => world.simulation.runFor(seconds));
    await load.pass(3);
    const { lost, dropped } = await updatedUnderLoad(load, CHANGES, 0.3);
    assert.is(dropped, 0);
    for (const [i, n] of lost.entries()) {
      // 20 ms of 10,000 packets a second.
      if (REMOVES.includes(i)) assert.ok(n > 180 && n <= 202, `${n} packets were in the queue`);
      else assert.is(n, 0);
    }
  } finally {
    await service.terminate();
  }
});

test("what is lost is told: as many as were in the queue, and the one that was taken from it", async () => {
  const world = new SimulatedWorld(2);
  const service = await Service.instantiate(hostsAtRate(TWO_SITES, 1000), { world });
  try {
    await service.start();
    const load = new Load(service, (seconds) => world.simulation.runFor(seconds));
    await load.pass(3);
    assert.is(await service.update("xtr1", DELAYED), 0);
    await load.pass(1);
    const waiting = Number(await load.read("xtr1", "extra.length"));
    assert.ok(waiting > 10);
    assert.is(await service.update("xtr1", PLAIN), waiting + 1);
    const [event] = service.events.latest(1, "xtr1");
    assert.is(event.message, `updated; ${waiting + 1} packets lost with their queues`);
  } finally {
    await service.terminate();
  }
});

/**
 * Runs until one in which this machine was not busy elsewhere for longer than queues bear. Each has a quarter of the
 * rate of the one before, so that queues bear four times as long.
 */
const TRIES = 5;

async function inRealTime(isolation: Isolation, rate: number): Promise<void> {
  const descriptor = hostsAtRate(TWO_SITES, rate);
  // A tunnel router that a busy machine lets wait is not to be started anew: it would have forgotten all.
  const functions = [...descriptor.functions].map(
    ([name, f]) => [name, { ...f, isolation, health: null }] as const,
  );
  const service = await Service.instantiate(
    // Namespaces are called after their service.
    { ...descriptor, name: `update-${process.pid}`, functions: new Map(functions) },
    { world: new RealWorld(), book: ledger },
  );
  const left = atEnd(() => service.terminate());
  try {
    await service.start();
    const load = new Load(
      service,
      (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
    );
    await load.bothWays();
    await load.stopPings();
    for (let tries = 1; ; tries++) {
      const { lost, dropped } = await updatedUnderLoad(load, CHANGES, 0.3);
      for (const [i, n] of lost.entries()) if (!REMOVES.includes(i)) assert.is(n, 0);
      if (dropped === 0) break;
      if (tries === TRIES) throw new Error(`packets were dropped in each of ${TRIES} runs`);
      for (const host of HOSTS) {
        const value = String(Math.ceil(rate / 4 ** tries));
        await service.function(host).request("write", { path: "udp_sent.rate", value });
      }
    }
  } finally {
    left();
    await service.terminate();
  }
}

test("the same in real time in one process", () => inRealTime("inline", 10_000));
test("the same in real time in threads", () => inRealTime("thread", 1_000));
test("the same in real time in processes", () => inRealTime("process", 1_000));

test("a descriptor with another graph is applied under load without loss", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  const world = new SimulatedWorld(3);
  const descriptor = hostsAtRate(TWO_SITES, 10_000);
  const service = await Service.instantiate(descriptor, { world, clickpath: CONF });
  const withGraph = (text: string): ServiceDescriptor => {
    const graph = join(folder, "xtr.click");
    writeFileSync(graph, text, "latin1");
    const f = descriptor.functions.get("xtr2")!;
    return { ...descriptor, functions: new Map(descriptor.functions).set("xtr2", { ...f, graph }) };
  };
  try {
    await service.start();
    const load = new Load(service, (seconds) => world.simulation.runFor(seconds));
    await load.pass(3);
    await load.drain();
    const before = await load.counts();
    await load.send(true);
    await load.pass(0.3);
    assert.equal(await service.apply(withGraph(COUNTED)), ["updated xtr2"]);
    await load.pass(0.3);
    assert.equal(await service.apply(descriptor), ["updated xtr2"]);
    await load.pass(0.3);
    await load.drain();
    const after = await load.counts();
    assert.ok(after.sent - before.sent > 10_000);
    assert.is(after.received - before.received, after.sent - before.sent);
  } finally {
    await service.terminate();
    rmSync(folder, { recursive: true });
  }
});

test.run();
