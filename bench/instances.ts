// VNF instances: from nothing to the first forwarded packet, what one takes of memory, and many forwarding at once.

import { readFileSync } from "node:fs";
import { spreadText, table } from "../src/cli/measure.js";
import { PacketMemory } from "../src/packet/memory.js";
import type { SharedParts } from "../src/vnf/instance/host.js";
import { processorTime } from "./harness.js";
import {
  type Boots,
  bootMany,
  closeAll,
  coldBoots,
  type Kind,
  memoryEach,
  oneMore,
  type Started,
} from "./instance-boots.js";
import {
  type Booted,
  bootInline,
  EMPTY,
  Hand,
  MEMORY,
  OWN_RLOCS,
  type Subject,
  sharedParts,
  xtr,
} from "./instance-lab.js";
import { bootThread, emptyWorker } from "./instance-thread.js";

export interface InstancesOptions {
  /** New processes, of each of which the first instance is timed. */
  readonly processes: number;
  /** Starts of one more beside so many: for a median. */
  readonly runs: number;
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
const BARE: Kind<Started> = {
  name: "memory with kernels, no graph",
  isolation: "none",
  start() {
    const begin = performance.now();
    const memory = new PacketMemory({ bytes: MEMORY.bytes, slots: MEMORY.slots ?? undefined });
    memory.kernels.poolGive(memory.kernels.poolTake());
    const ms = performance.now() - begin;
    // Kept, as an instance keeps it.
    return { ms, close: () => void memory.slots };
  },
};

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
  const { name } = subject;
  const kind: Kind<Booted> = {
    name,
    isolation: "inline",
    start: (i) => bootInline(hand, shared, subject, i),
  };
  const boots: Boots[] = [];
  const forwarding: Forwarding[] = [];
  for (const count of counts) {
    options.progress(`${count} inline: ${name}`);
    const { boots: row, all } = await bootMany(kind, count);
    // The last one's place is taken again and again.
    await all.pop()?.close();
    boots.push(await oneMore(kind, count - 1, options.runs));
    all.push(await kind.start(count - 1));
    // The first start after a collection has its code compiled again: one alone says nothing.
    if (count > 1) boots.push({ ...row, mib: memoryEach(name, count) });
    if (count === 1 || count === options.forwarding) forwarding.push(await forward(all, options.seconds));
    await closeAll(all);
  }
  return { boots, forwarding };
}

async function threads(options: InstancesOptions, hand: Hand, subject: Subject): Promise<Boots[]> {
  const boots: Boots[] = [];
  const kinds: readonly Kind<Started>[] = [
    { name: subject.name, isolation: "thread", start: (i) => bootThread(hand, subject, i) },
    { name: "empty worker", isolation: "thread", start: () => emptyWorker() },
  ];
  for (const kind of kinds) {
    const until = performance.now() + options.threadSeconds * 1000;
    const full = (): boolean => performance.now() > until || availableMemory() < MEMORY_LEFT;
    options.progress(`as threads: ${kind.name}`);
    const many = await bootMany(kind, options.threads, full);
    boots.push(many.boots);
    await closeAll(many.all);
  }
  return boots;
}

export async function benchInstances(options: InstancesOptions): Promise<InstancesResult> {
  options.progress("new processes");
  const cold = coldBoots(options.processes);
  const hand = new Hand();
  const shared = sharedParts();
  const subject = xtr();
  // Before what leaves room in memory behind.
  const threaded = await threads(options, hand, subject);
  options.progress("bare memories");
  const bare = await bootMany(BARE, options.forwarding);
  const tunnel = await inline(options, hand, shared, subject, options.counts);
  const own = await inline(options, hand, shared, { ...subject, ...OWN_RLOCS }, [options.forwarding]);
  const least = await inline(options, hand, shared, EMPTY, [1, options.forwarding]);
  const inlines = [tunnel, own, least];
  const boots = [...cold, ...inlines.flatMap((i) => i.boots), bare.boots, ...threaded];
  const forwarding = [subject.name, OWN_RLOCS.name, EMPTY.name].flatMap((name, i) =>
    inlines[i].forwarding.map((f) => ({ name, ...f })),
  );
  return { boots, forwarding, published: PUBLISHED, text: textOf(boots, forwarding) };
}

function textOf(boots: readonly Boots[], forwarding: InstancesResult["forwarding"]): string {
  const rows = boots.map((b) => [
    `${b.name}, ${b.how}`,
    b.isolation === "none" ? "" : b.isolation,
    String(b.count),
    spreadText(b.ms, 2),
    b.ms.low.toFixed(2),
    b.most.toFixed(2),
    b.ms.high.toFixed(1),
    b.processorMs.toFixed(2),
    String(b.ms.runs),
    b.mib === null ? "-" : b.mib.toFixed(2),
  ]);
  const published = PUBLISHED.map((p) => [
    `published, other hardware: ${p.name}`,
    "",
    p.count === null ? "-" : String(p.count),
    String(p.ms),
    ...["", "", "", "", ""],
    p.mib === null ? "-" : String(p.mib),
  ]);
  const head = [
    "",
    "",
    "running",
    "ms to first packet",
    "fastest",
    "9 of 10",
    "longest",
    "processor ms",
    "starts",
    "MiB each",
  ];
  const passing = forwarding.map((f) => [
    f.name,
    String(f.instances),
    f.mpps.toFixed(2),
    f.nsPerPacket.toFixed(0),
    String(f.fewest),
    f.fairness.toFixed(2),
  ]);
  return (
    `\nInstances between two links each, ${MEMORY.slots} slots; from laying the links to the first packet forwarded\n` +
    table([head, ...rows, ...published]) +
    `\nAll of them forwarding at once, inline; the bench's ends of the links included\n` +
    table([["", "instances", "Mpps", "ns/packet", "fewest packets", "fewest/most"], ...passing])
  );
}
