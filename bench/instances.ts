// VNF instances: from nothing to the first forwarded packet, what one takes of memory, and many forwarding at once.

import { readFileSync } from "node:fs";
import { type Statistics, spreadText, statistics, table } from "../src/cli/measure.js";
import { PacketMemory } from "../src/packet/memory.js";
import type { SharedParts } from "../src/vnf/instance/host.js";
import { collector } from "./allocation.js";
import { processorTime } from "./harness.js";
import {
  type Booted,
  bootInline,
  EMPTY,
  Hand,
  MEMORY,
  type Subject,
  sharedParts,
  xtr,
} from "./instance-lab.js";
import { bootThread, emptyWorker } from "./instance-thread.js";

export interface InstancesOptions {
  /** Instances at a time. */
  readonly counts: readonly number[];
  /** How many of them forward at once, and for how long, seconds. */
  readonly forwarding: number;
  readonly seconds: number;
  /** Threads at most; fewer where memory or the time ends. */
  readonly threads: number;
  readonly threadSeconds: number;
  readonly progress: (text: string) => void;
}

/** What `count` of a kind took. */
export interface Boots {
  readonly name: string;
  readonly isolation: "inline" | "thread" | "none";
  readonly count: number;
  /** Milliseconds to the first forwarded packet. */
  readonly ms: Statistics;
  /** Milliseconds of processor time each, of all threads of the process. */
  readonly processorMs: number;
  /** Mebibytes of resident memory each. */
  readonly mib: number;
}

export interface Forwarding {
  readonly instances: number;
  readonly mpps: number;
  readonly nsPerPacket: number;
  /** Packets of the instance that forwarded fewest, as a part of what the one that forwarded most did. */
  readonly fairness: number;
  readonly fewest: number;
}

export interface InstancesResult {
  readonly boots: readonly Boots[];
  readonly forwarding: readonly (Forwarding & { readonly name: string })[];
  readonly published: typeof PUBLISHED;
  readonly text: string;
}

/** On other hardware, for scale only. */
export const PUBLISHED = [
  { name: "LightVM, unikernel (SOSP 2017)", ms: 2.3, mib: null, count: null },
  { name: "ClickOS virtual machine (NSDI 2014)", ms: 30, mib: 5, count: 400 },
] as const;

/** Starts of each kind before what is measured: a manager that has run for a while has its code compiled. */
const WARM = 100;

/** Bytes that the process has in memory. */
function resident(): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]) * 1024;
}

interface Started {
  readonly ms: number;
  close(): Promise<void> | void;
}

/** Starts `count` one after the other, and keeps them; fewer when `ends` says so. */
async function bootMany<T extends Started>(
  name: string,
  isolation: Boots["isolation"],
  count: number,
  start: (i: number) => Promise<T> | T,
  ends: () => boolean = () => false,
): Promise<{ readonly boots: Boots; readonly all: readonly T[] }> {
  const gc = collector();
  gc();
  const before = resident();
  const all: T[] = [];
  const processor = processorTime();
  while (all.length < count && !(all.length > 0 && ends())) all.push(await start(all.length));
  const processorMs = (processorTime() - processor) / 1e6 / all.length;
  gc();
  const mib = (resident() - before) / all.length / 2 ** 20;
  const ms = statistics(all.map((s) => s.ms));
  return { boots: { name, isolation, count: all.length, ms, processorMs, mib }, all };
}

async function closeAll(all: readonly Started[]): Promise<void> {
  for (const started of all) await started.close();
}

/** Lets all of `booted` forward for `seconds`. */
async function forward(booted: readonly Booted[], seconds: number): Promise<Forwarding> {
  for (const { ends } of booted) ends.run();
  // Until every instance has met its second packet.
  await pause(0.1 * seconds);
  for (const { ends } of booted) ends.forwarded = 0;
  const [start, processor] = [performance.now(), processorTime()];
  await pause(seconds);
  const counts = booted.map((b) => b.ends.forwarded);
  const [ms, ns] = [performance.now() - start, processorTime() - processor];
  for (const { ends } of booted) ends.rest();
  await pause(0.01);
  const packets = counts.reduce((sum, n) => sum + n, 0);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  return {
    instances: booted.length,
    mpps: packets / ms / 1000,
    nsPerPacket: ns / packets,
    fairness: fewest / most,
    fewest,
  };
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
  });
}

/** A memory with its kernels, and nothing else: what no instance can do without. */
function bareMemory(): Started {
  const begin = performance.now();
  const memory = new PacketMemory(MEMORY);
  memory.kernels.poolGive(memory.kernels.poolTake());
  const ms = performance.now() - begin;
  // Kept, as an instance keeps it.
  return { ms, close: () => void memory.slots };
}

/** Threads are started while this much of the machine's memory is left. */
const MEMORY_LEFT = 2 * 2 ** 30;

function availableMemory(): number {
  return Number(/^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "latin1"))?.[1]) * 1024;
}

async function inline(
  options: InstancesOptions,
  hand: Hand,
  shared: SharedParts,
  subject: Subject,
  counts: readonly number[],
): Promise<{ boots: Boots[]; forwarding: Forwarding[] }> {
  const boots: Boots[] = [];
  const forwarding: Forwarding[] = [];
  for (const count of counts) {
    options.progress(`${count} inline: ${subject.name}`);
    const many = await bootMany(subject.name, "inline", count, (i) => bootInline(hand, shared, subject, i));
    boots.push(many.boots);
    if (count === 1 || count === options.forwarding)
      forwarding.push(await forward(many.all, options.seconds));
    await closeAll(many.all);
  }
  return { boots, forwarding };
}

async function threads(options: InstancesOptions, hand: Hand, subject: Subject): Promise<Boots[]> {
  const boots: Boots[] = [];
  for (const [name, start] of [
    [`${subject.name}`, (i: number) => bootThread(hand, subject, i)],
    ["empty worker", () => emptyWorker()],
  ] as const) {
    const until = performance.now() + options.threadSeconds * 1000;
    const full = (): boolean => performance.now() > until || availableMemory() < MEMORY_LEFT;
    options.progress(`as threads: ${name}`);
    const many = await bootMany<Started>(name, "thread", options.threads, start, full);
    boots.push(many.boots);
    await closeAll(many.all);
  }
  return boots;
}

export async function benchInstances(options: InstancesOptions): Promise<InstancesResult> {
  const hand = new Hand();
  const shared = sharedParts();
  const subject = xtr();
  for (const warm of [subject, EMPTY]) {
    options.progress(`warming up: ${warm.name}`);
    const { all } = await bootMany(warm.name, "inline", WARM, (i) => bootInline(hand, shared, warm, i));
    await closeAll(all);
  }
  const tunnel = await inline(options, hand, shared, subject, options.counts);
  const least = await inline(options, hand, shared, EMPTY, [1, options.forwarding]);
  options.progress("bare memories");
  const bare = await bootMany("memory with kernels, no graph", "none", options.forwarding, bareMemory);
  const boots = [...tunnel.boots, ...least.boots, bare.boots, ...(await threads(options, hand, subject))];
  const forwarding = [
    ...tunnel.forwarding.map((f) => ({ name: subject.name, ...f })),
    ...least.forwarding.map((f) => ({ name: EMPTY.name, ...f })),
  ];
  return { boots, forwarding, published: PUBLISHED, text: textOf(boots, forwarding) };
}

function textOf(boots: readonly Boots[], forwarding: InstancesResult["forwarding"]): string {
  const rows = boots.map((b) => [
    b.name,
    b.isolation === "none" ? "" : b.isolation,
    String(b.count),
    spreadText(b.ms),
    `${b.ms.low.toFixed(2)} to ${b.ms.high.toFixed(1)}`,
    b.processorMs.toFixed(2),
    // One alone disappears in what the process takes anyway.
    b.count < 10 ? "-" : b.mib.toFixed(2),
  ]);
  const published = PUBLISHED.map((p) => [
    `published, other hardware: ${p.name}`,
    "",
    p.count === null ? "-" : String(p.count),
    String(p.ms),
    "",
    "",
    p.mib === null ? "-" : String(p.mib),
  ]);
  const head = ["", "", "instances", "ms to first packet", "range", "processor ms", "MiB each"];
  const passing = forwarding.map((f) => [
    f.name,
    String(f.instances),
    f.mpps.toFixed(2),
    f.nsPerPacket.toFixed(0),
    String(f.fewest),
    f.fairness.toFixed(2),
  ]);
  return (
    `\nInstances between two links each, ${MEMORY.slots} slots; links laid, started, first packet forwarded\n` +
    table([head, ...rows, ...published]) +
    `\nAll of them forwarding at once, inline; the bench's ends of the links included\n` +
    table([["", "instances", "Mpps", "ns/packet", "fewest packets", "fewest/most"], ...passing])
  );
}
