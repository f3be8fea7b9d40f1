// npm run bench: kernels, graphs by batch size, the encapsulation graph beside its limits, large tables, garbage.

import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { commitOf, machine, machineText, spreadText, table } from "../src/cli/measure.js";
import { type Allocation, allocation } from "./allocation.js";
import { CLoop, compiler } from "./c-loop.js";
import { benchChain, type ChainResult, LENGTHS } from "./chain.js";
import { type Dataset, DESTINATIONS, drawDataset, drawRoutes } from "./data.js";
import { contestants, EncapGraph, hashes, SOURCE_RLOC } from "./encapsulation.js";
import { BATCH_SIZES, BenchGraph, GRAPHS } from "./graphs.js";
import { type HarnessOptions, type Measured, measure, ratio } from "./harness.js";
import { benchInstances, type InstancesResult } from "./instances.js";
import { benchKernels, type KernelResult } from "./kernels.js";
import { benchLinks, type LinksResult } from "./links.js";
import { type LookupBench, lookups4, lookups6 } from "./lookups.js";
import { benchMapServer, type MapServerResult } from "./map-server.js";
import { type BenchOptions, BenchUsageError, HELP, readOptions } from "./options.js";
import { benchStalls, type StallsResult } from "./stalls.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PREFIXES = 20_000;
const BURST = 64;

/** Contestants whose packets do not come out alike: their times mean nothing. */
class MismatchError extends Error {
  readonly code = "MISMATCH";
}

function progress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : "");
}

function section(name: string): void {
  progress("");
  process.stderr.write(`${name}\n`);
}

function say(text: string): void {
  progress("");
  process.stdout.write(text);
}

function harness(options: BenchOptions): HarnessOptions {
  return { runs: options.runs, runMs: options.quick ? 10 : 60, progress };
}

async function kernels(options: BenchOptions): Promise<KernelResult[]> {
  section("kernels");
  const sink = { value: 0 };
  const results = await benchKernels({ ...options, progress }, sink);
  if (results.length === 0) return results;
  const rows = results.map((r) => [r.name, r.nsPerPacket.toFixed(2), `${r.margin.toFixed(1)}%`]);
  say(`\nKernels, batches of ${BURST} (benny)\n${table([["", "ns/packet", "±"], ...rows])}`);
  // Printed, so that it is wanted.
  process.stderr.write(`(sink ${sink.value})\n`);
  return results;
}

interface BySize {
  readonly batch: number;
  readonly results: readonly Measured[];
  readonly graphToFused: number;
  readonly graphToC: number | null;
}

async function encapsulation(options: BenchOptions, data: Dataset): Promise<unknown> {
  section(`encapsulation: ${data.routes.length} prefixes`);
  const gcc = compiler();
  const c = gcc === null ? null : await CLoop.start(data, SOURCE_RLOC);
  const notes: string[] = c === null ? ["no gcc here: the C loop is left out"] : [];
  const graph = await EncapGraph.make(data);
  try {
    progress("comparing the packets that come out");
    const digests = await hashes(data, DESTINATIONS, BURST, c);
    const distinct = new Set([digests.graph, digests.fused, ...(digests.c === null ? [] : [digests.c])]);
    if (distinct.size > 1)
      throw new MismatchError(`the contestants' packets differ: ${JSON.stringify(digests)}`);
    const sizes: BySize[] = [];
    for (const batch of options.quick ? [1, 64, 256] : BATCH_SIZES) {
      const results = await measure(contestants(graph, c, batch), harness(options));
      const [g, f, l] = results;
      sizes.push({
        batch,
        results,
        graphToFused: ratio(g, f).median,
        graphToC: l === undefined ? null : ratio(g, l).median,
      });
    }
    const rows = sizes.map(({ batch, results, graphToFused, graphToC }) => [
      String(batch),
      ...results.map((r) => spreadText(r.nsPerPacket)),
      ...(c === null ? ["-"] : []),
      results[0].mpps.median.toFixed(1),
      graphToFused.toFixed(2),
      graphToC?.toFixed(2) ?? "-",
    ]);
    const head = [
      "batch",
      "graph ns",
      "fused kernel ns",
      "C loop ns",
      "graph Mpps",
      "graph/fused",
      "graph/C",
    ];
    say(
      `\nEncapsulation graph, ${data.routes.length} prefixes, ${DESTINATIONS} random destinations, packets of 64 bytes; processor time\n` +
        `${table([head, ...rows])}` +
        `packets out alike: sha256 ${digests.graph.slice(0, 16)}... over ${DESTINATIONS}${c === null ? "" : `; ${gcc}`}\n` +
        notes.map((n) => `note: ${n}\n`).join(""),
    );
    return { prefixes: data.routes.length, gcc, digests, sizes, notes };
  } finally {
    graph.close();
    c?.close();
  }
}

async function graphs(options: BenchOptions, data: Dataset): Promise<unknown> {
  section("graphs by batch size");
  const sizes = options.quick ? [1, 64, 256] : BATCH_SIZES;
  const wanted = GRAPHS.filter((g) => `graphs ${g.name}`.includes(options.filter));
  const results: { name: string; batch: number; measured: Measured }[] = [];
  for (const { name, text } of wanted) {
    const graph = await BenchGraph.make(text, data);
    const measured = await measure(
      sizes.map((burst) => graph.contestant(`${name}, batch ${burst}`, burst)),
      harness(options),
    );
    for (const [i, m] of measured.entries()) results.push({ name, batch: sizes[i], measured: m });
    graph.close();
  }
  const rows = wanted.map(({ name }) => [
    name,
    ...results.filter((r) => r.name === name).map((r) => spreadText(r.measured.nsPerPacket)),
  ]);
  say(`\nGraphs, ns a packet by batch size\n${table([["", ...sizes.map(String)], ...rows])}`);
  return results;
}

async function lookups(options: BenchOptions): Promise<unknown> {
  section("lookups in map-caches");
  const [four, six] = options.quick ? [[PREFIXES], [10_000]] : [[PREFIXES, 1_000_000], [200_000]];
  const all: LookupBench[] = [];
  for (const count of [0, ...four]) {
    progress(`filling the map-cache: ${count} prefixes`);
    all.push(await lookups4(count, BURST));
  }
  for (const count of six) {
    progress(`filling the map-cache: ${count} IPv6 prefixes`);
    all.push(await lookups6(count, BURST));
  }
  try {
    const measured = await measure(
      all.map((l) => l.contestant),
      harness(options),
    );
    const floor = measured[0].nsPerPacket.median;
    const rows = measured.map((m, i) => [
      m.name,
      spreadText(m.nsPerPacket),
      i === 0 ? "" : (m.nsPerPacket.median - floor).toFixed(1),
      i === 0 ? "" : `${(all[i].bytes / 2 ** 20).toFixed(1)} MiB`,
    ]);
    for (const l of all)
      if (l.misses() > 0)
        throw new MismatchError(`${l.contestant.name}: ${l.misses()} packets found no mapping`);
    say(
      `\nFinding a mapping and its locator (LISPMapCache), batch ${BURST}\n` +
        table([["", "ns/packet", "above the floor", "map-cache"], ...rows]),
    );
    return measured.map((m, i) => ({ ...m, bytes: all[i].bytes }));
  } finally {
    for (const l of all) l.close();
  }
}

async function stalls(options: BenchOptions): Promise<Omit<StallsResult, "text">> {
  section("stalls");
  const mappings = options.mappings ?? (options.quick ? PREFIXES : 1_000_000);
  const { text, ...result } = await benchStalls(mappings, progress);
  say(text);
  return result;
}

async function garbage(options: BenchOptions, data: Dataset): Promise<Record<number, Allocation>> {
  section("allocation");
  const graph = await EncapGraph.make(data);
  const packets = options.quick ? 131_072 : 1 << 20;
  const results: Record<number, Allocation> = {};
  for (const burst of [64, 256]) results[burst] = allocation(packets, (n) => void graph.runGraph(n, burst));
  graph.close();
  const rows = Object.entries(results).map(([burst, a]) => [
    `batch ${burst}`,
    String(a.packets),
    String(a.bytes),
    a.bytesPerPacket.toFixed(3),
    (a.bytesPerPacket * Number(burst)).toFixed(0),
  ]);
  say(
    `\nJavaScript heap taken by the encapsulation graph\n` +
      table([["", "packets", "bytes", "bytes/packet", "bytes/batch"], ...rows]),
  );
  return results;
}

async function mapServer(options: BenchOptions): Promise<Omit<MapServerResult, "text">> {
  section("map-server");
  const { quick } = options;
  const { text, ...result } = await benchMapServer({
    ...harness(options),
    prefixes: quick ? PREFIXES : 1_000_000,
    seconds: quick ? 0.1 : 0.5,
  });
  say(text);
  return result;
}

async function instances(options: BenchOptions): Promise<Omit<InstancesResult, "text">> {
  section("instances");
  const { quick } = options;
  const { text, ...result } = await benchInstances({
    processes: quick ? 3 : 15,
    runs: quick ? 50 : 500,
    counts: quick ? [1, 100] : [1, 100, 1000, 5000],
    forwarding: quick ? 100 : 1000,
    seconds: quick ? 0.5 : 5,
    threads: quick ? 2 : 1000,
    threadSeconds: quick ? 2 : 60,
    progress,
  });
  say(text);
  return result;
}

async function links(options: BenchOptions): Promise<Omit<LinksResult, "text">> {
  section("links");
  const { text, ...result } = await benchLinks(harness(options));
  say(text);
  return result;
}

async function chain(options: BenchOptions): Promise<Omit<ChainResult, "text">> {
  section("chain");
  const { text, ...result } = await benchChain({ ...harness(options), lengths: LENGTHS });
  say(text);
  return result;
}

async function main(words: readonly string[]): Promise<number> {
  const options = readOptions(words);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const where = machine();
  const commit = commitOf(ROOT);
  say(
    `${machineText(where)}\ncommit ${commit === null ? "unknown" : commit.hash + (commit.dirty ? " (changed)" : "")}\n`,
  );
  const data = drawDataset(drawRoutes(PREFIXES));
  const wants = (name: string): boolean => name.includes(options.filter);
  const result: Record<string, unknown> = {
    date: new Date().toISOString(),
    machine: where,
    commit,
    options,
  };
  const { filter } = options;
  const inGraphs = GRAPHS.some((g) => `graphs ${g.name}`.includes(filter));
  if (wants("encapsulation")) result.encapsulation = await encapsulation(options, data);
  if (inGraphs) result.graphs = await graphs(options, data);
  if (wants("lookups")) result.lookups = await lookups(options);
  if (wants("stalls")) result.stalls = await stalls(options);
  if (wants("allocation")) result.allocation = await garbage(options, data);
  if (wants("map-server")) result.mapServer = await mapServer(options);
  if (wants("chain")) result.chain = await chain(options);
  if (wants("links")) result.links = await links(options);
  if (wants("instances")) result.instances = await instances(options);
  const measured = await kernelsIfAny(options);
  if (measured !== null) result.kernels = measured;
  if (Object.keys(result).length === 4) throw new BenchUsageError(`nothing is called '${filter}'`);
  result.loadAfter = loadavg();
  say(
    `\nload before ${where.load.join(" ")}, after ${loadavg()
      .map((n) => n.toFixed(2))
      .join(" ")}\n`,
  );
  if (options.json !== null) {
    const text = `${JSON.stringify(result, null, 2)}\n`;
    if (options.json === "-") process.stdout.write(text);
    else writeFileSync(options.json, text);
  }
  return 0;
}

/** The micro-benchmarks, unless the filter leaves none. */
async function kernelsIfAny(options: BenchOptions): Promise<KernelResult[] | null> {
  const sections = [
    "encapsulation",
    "lookups",
    "stalls",
    "allocation",
    "map-server",
    "instances",
    "chain",
    "links",
  ];
  const others = [...sections, ...GRAPHS.map((g) => `graphs ${g.name}`)];
  if (options.filter !== "" && others.some((name) => name.includes(options.filter))) return null;
  const results = await kernels(options);
  return results.length === 0 ? null : results;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (e) {
  progress("");
  if (e instanceof BenchUsageError) process.stderr.write(`bench: ${e.message}\n${HELP}`);
  else if (e instanceof MismatchError) process.stderr.write(`bench: ${e.message}\n`);
  else throw e;
  process.exitCode = 1;
}
