// The Map-Server under load: Map-Requests and Map-Registers a second and how long each takes, beside the cost of
// their parts alone and the disk's; memory; and how soon it is there again after a restart.

import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spreadText, table } from "../src/cli/measure.js";
import { quantile } from "../src/lab/statistics.js";
import { MappingDatabase } from "../src/lisp/database/mapping-database.js";
import { RealClock } from "../src/router/clock.js";
import { SeededRandom } from "../src/router/random.js";
import { openLmdbStore } from "../src/store/lmdb-store.js";
import { mapReply } from "../src/wire/lisp-control/map-reply.js";
import { decodeLispControl, encodeLispControl } from "../src/wire/lisp-control/message.js";
import { mapNotify } from "../src/wire/lisp-control/registration.js";
import { readUdpPacket } from "../src/wire/udp-packet.js";
import { collector } from "./allocation.js";
import { type Contestant, type HarnessOptions, type Measured, measure, processorTime } from "./harness.js";
import { MapServerRouter } from "./map-server-router.js";
import { durableRegistrations, type GroupResult } from "./map-server-store.js";
import { entry, type Family, KEY, packet, record, register, request } from "./map-server-traffic.js";

const FAMILIES = [4, 6] as const;
/** Map-Requests that are asked over and over, each for one prefix of all. */
const REQUESTS = 1 << 16;
/** Map-Registers made, signed, ahead of a measurement. */
const AHEAD = 4096;
/** Messages whose time is taken one by one. */
const TIMED = 20_000;

export interface MapServerOptions extends HarnessOptions {
  readonly prefixes: number;
  /** Seconds that one run of registrations in a store takes. */
  readonly seconds: number;
}

interface Latency {
  readonly p50: number;
  readonly p99: number;
}

interface Row {
  readonly name: string;
  readonly element: Measured;
  readonly parts: readonly Measured[];
  /** Time of the element to that of its parts alone, run by run. */
  readonly ratio: number;
  /** Microseconds. */
  readonly latency: Latency;
}

export interface MapServerResult {
  readonly text: string;
  readonly rows: readonly Row[];
  readonly memory: { readonly prefixes: number; readonly index: number; readonly process: number };
  readonly stored: readonly GroupResult[];
  readonly restart: { readonly seconds: number; readonly bareSeconds: number };
}

export async function benchMapServer(options: MapServerOptions): Promise<MapServerResult> {
  const { prefixes, progress } = options;
  const each = Math.ceil(prefixes / 2);
  const gc = collector();
  gc();
  const before = process.memoryUsage().rss;
  const inMemory = await MapServerRouter.open("");
  for (const family of FAMILIES) {
    progress?.(`registering ${each.toLocaleString("en")} IPv${family} prefixes`);
    await inMemory.fill(family, each);
  }
  gc();
  const memory = {
    prefixes: 2 * each,
    index: inMemory.element.database.bytes / (2 * each),
    process: (process.memoryUsage().rss - before) / (2 * each),
  };
  const rows: Row[] = [];
  for (const family of FAMILIES) rows.push(await requests(inMemory, family, each, options));
  for (const family of FAMILIES) rows.push(await registrations(inMemory, family, each, options));
  await inMemory.close();

  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  try {
    const store = join(folder, "map-server");
    const durable = await MapServerRouter.open(store);
    for (const family of FAMILIES) {
      progress?.(`registering ${each.toLocaleString("en")} IPv${family} prefixes in lmdb`);
      await durable.fill(family, each);
    }
    const stored = await durableRegistrations(durable, folder, each, options);
    await durable.close();
    const restart = await restarted(store, 2 * each);
    return { text: text(rows, memory, stored, restart), rows, memory, stored, restart };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// ---- Map-Requests ------------------------------------------------------------------

async function requests(
  ms: MapServerRouter,
  family: Family,
  count: number,
  options: MapServerOptions,
): Promise<Row> {
  const random = new SeededRandom(family);
  const packets = Array.from({ length: REQUESTS }, () => request(family, count, random));
  const asked = packets.map((bytes) => {
    const ecm = decodeLispControl(readUdpPacket(bytes).payload);
    if (ecm.type !== "encapsulated-control" || ecm.inner?.message.type !== "map-request")
      throw new Error("no Map-Request");
    const { eid } = ecm.inner.message.records[0];
    if (eid.kind !== "ip") throw new Error("no IP address");
    return eid.address;
  });
  const answer = [record(family, 0)];
  const { database } = ms.element;
  const wanted = ms.answers.count;
  const contestants: Contestant[] = [
    turns(`Map-Requests, IPv${family}`, (from, to) => ms.push(packets, from, to)),
    turns("codec alone", (from, to) => {
      for (let i = from; i < to; i++) {
        const { payload } = readUdpPacket(packets[i]);
        decodeLispControl(payload);
        packet(encodeLispControl(mapReply({ nonce: BigInt(i), records: answer })));
      }
    }),
    turns("lookup alone", (from, to) => {
      for (let i = from; i < to; i++)
        if (database.lookup(0, asked[i]) === null) throw new Error("a prefix that is not registered");
    }),
  ];
  const [element, ...parts] = await measure(contestants, options);
  const latency = timed(packets.length, (i) => ms.push(packets, i, i + 1));
  if (ms.answers.count === wanted || Number(ms.router.read("ms.negative_replies")) > 0)
    throw new Error("Map-Requests without a positive Map-Reply");
  return { name: element.name, element, parts, ratio: ratioOf(element, parts), latency };
}

/** A contestant that goes round the requests that there are. */
function turns(name: string, run: (from: number, to: number) => void): Contestant {
  let at = 0;
  return {
    name,
    run: (count) => {
      const start = processorTime();
      for (let left = count; left > 0; ) {
        const n = Math.min(left, REQUESTS - at);
        run(at, at + n);
        at = (at + n) % REQUESTS;
        left -= n;
      }
      return processorTime() - start;
    },
  };
}

// ---- Map-Registers -------------------------------------------------------------------

async function registrations(
  ms: MapServerRouter,
  family: Family,
  count: number,
  options: MapServerOptions,
): Promise<Row> {
  const random = new SeededRandom(10 + family);
  const make = (): Uint8Array => packet(register(family, random.below(count), 1, ms.nonce()));
  const message = readUdpPacket(make()).payload;
  const answer = [record(family, 0)];
  const bare = await MappingDatabase.open({ clock: new RealClock(), store: null });
  for (let n = 0; n < count; n++) void bare.commit([{ put: entry(family, n, 1n, 1e15) }]);
  const contestants: Contestant[] = [
    prepared(`Map-Registers, IPv${family}`, make, (packets) => ms.push(packets)),
    prepared(
      "codec alone",
      () => 0,
      (all) => {
        for (let i = 0; i < all.length; i++) {
          decodeLispControl(message);
          packet(encodeLispControl(mapNotify({ type: "map-notify", nonce: BigInt(i), records: answer })));
        }
      },
    ),
    prepared(
      "HMAC-SHA-256 alone, twice",
      () => 0,
      (all) => {
        for (let i = 0; i < 2 * all.length; i++) createHmac("sha256", KEY.secret).update(message).digest();
      },
    ),
    prepared(
      "mapping database alone",
      () => {
        const nonce = ms.nonce();
        return [{ nonce: "xtr", value: nonce }, { put: entry(family, random.below(count), nonce, 1e15) }];
      },
      (all) => {
        for (const operations of all) void bare.commit(operations);
      },
    ),
  ];
  const accepted = Number(ms.router.read("ms.registers"));
  const [element, ...parts] = await measure(contestants, options);
  const packets = Array.from({ length: TIMED }, make);
  const latency = timed(packets.length, (i) => ms.push(packets, i, i + 1));
  const notified = Number(ms.router.read("ms.registers")) - accepted;
  if (notified < TIMED + options.runs * element.packets)
    throw new Error("Map-Registers that were not accepted");
  await bare.close();
  return { name: element.name, element, parts, ratio: ratioOf(element, parts), latency };
}

/** A contestant that is given what was made for it, in groups, outside the time that counts. */
function prepared<T>(name: string, make: () => T, run: (all: readonly T[]) => void): Contestant {
  return {
    name,
    run: (count) => {
      let ns = 0;
      for (let left = count; left > 0; left -= AHEAD) {
        const all = Array.from({ length: Math.min(left, AHEAD) }, make);
        const start = processorTime();
        run(all);
        ns += processorTime() - start;
      }
      return ns;
    },
  };
}

// ---- Results ------------------------------------------------------------------------------

function ratioOf(element: Measured, parts: readonly Measured[]): number {
  const ratios = element.samples.map((ns, i) => ns / parts.reduce((sum, p) => sum + p.samples[i], 0));
  return quantile(
    ratios.sort((a, b) => a - b),
    0.5,
  );
}

/** Times `step` one by one; microseconds. */
function timed(most: number, step: (i: number) => void): Latency {
  const times: number[] = [];
  for (let i = 0; i < Math.min(TIMED, most); i++) {
    const start = performance.now();
    step(i);
    times.push((performance.now() - start) * 1000);
  }
  return latencyOf(times);
}

export function latencyOf(times: number[]): Latency {
  times.sort((a, b) => a - b);
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** Starts a Map-Server over a store that has been filled; and reads the bare store. */
async function restarted(store: string, prefixes: number): Promise<MapServerResult["restart"]> {
  let start = performance.now();
  const bare = await openLmdbStore(store);
  await bare.load(() => {});
  const bareSeconds = (performance.now() - start) / 1000;
  await bare.close();
  start = performance.now();
  const ms = await MapServerRouter.open(store);
  const seconds = (performance.now() - start) / 1000;
  if (ms.element.database.size !== prefixes)
    throw new Error(`${ms.element.database.size} of ${prefixes} prefixes are there after a restart`);
  await ms.close();
  return { seconds, bareSeconds };
}

function text(
  rows: readonly Row[],
  memory: MapServerResult["memory"],
  stored: readonly GroupResult[],
  restart: MapServerResult["restart"],
): string {
  const us = (n: number): string => n.toFixed(n < 100 ? 1 : 0);
  const count = memory.prefixes.toLocaleString("en");
  const cpu = rows.map((r) => [
    r.name,
    perSecond(1e9 / r.element.nsPerPacket.median),
    spreadText({ ...r.element.nsPerPacket, median: r.element.nsPerPacket.median / 1000 }),
    us(r.latency.p50),
    us(r.latency.p99),
    r.parts.map((p) => `${p.name} ${us(p.nsPerPacket.median / 1000)}`).join(", "),
    r.ratio.toFixed(2),
  ]);
  const disk = stored.map((r) => [
    `IPv${r.family}, ${r.atOnce} at once`,
    perSecond(r.perSecond.median),
    `±${(r.perSecond.spread * 100).toFixed(0)}%`,
    us(r.latency.p50),
    us(r.latency.p99),
    perSecond(r.store.median),
    perSecond(r.syncs.median),
    r.ratio.toFixed(2),
  ]);
  return (
    `\nMap-Server with ${count} EID-prefixes, half of them IPv4; processor time; microseconds\n` +
    table([["", "a second", "each", "p50", "p99", "its parts alone", "to its parts"], ...cpu]) +
    `\nThe same with an lmdb store, Map-Registers until their Map-Notify; microseconds\n` +
    table([["", "a second", "", "p50", "p99", "bare store", "disk syncs", "of the bare store"], ...disk]) +
    `\nmemory: ${memory.index.toFixed(0)} bytes a prefix in the index, ${memory.process.toFixed(0)} in the process\n` +
    `restart over ${count} in lmdb: ${restart.seconds.toFixed(2)} s, ` +
    `reading the bare store ${restart.bareSeconds.toFixed(2)} s (${(restart.seconds / restart.bareSeconds).toFixed(1)} times)\n`
  );
}

function perSecond(n: number): string {
  return Math.round(n).toLocaleString("en");
}
