// How long the forwarding thread stands still at most, while large tables are worked on beside packets.

import { table } from "../src/cli/measure.js";
import { LIMIT, type Run, type Stall, stallOf } from "./stall-lab.js";
import { instanceStalls, mapCacheStalls, refreshStalls } from "./stalls-map-cache.js";
import { echoStalls, mapServerStalls, neighbourStalls, siteStalls } from "./stalls-tables.js";

export interface StallsResult {
  /** Of the map-cache; other tables have as many entries, or what they have room for. */
  readonly mappings: number;
  readonly limit: number;
  /** Memory of the map-cache. */
  readonly bytes: number;
  readonly stalls: readonly Stall[];
  readonly text: string;
}

/** Runs of all of it: the first shows more of how V8 compiles than of how the tables work. */
const RUNS = 3;

/** Measures the longest stall at so many mappings, registrations, EID-prefixes of a site, neighbours. */
export async function benchStalls(count: number, progress: (text: string) => void): Promise<StallsResult> {
  const runs: Run[][] = [];
  let bytes = 0;
  for (let n = 0; n < RUNS; n++) {
    const say = (text: string): void => progress(`run ${n + 1} of ${RUNS}: ${text}`);
    const cache = await mapCacheStalls(count, say);
    bytes = cache.bytes;
    runs.push([
      ...cache.runs,
      ...(await instanceStalls(Math.ceil(count / 4), say)),
      ...(await refreshStalls(count, say)),
      ...(await echoStalls(count, say)),
      ...(await mapServerStalls(count, Math.min(65_536, count), say)),
      ...(await siteStalls(count, say)),
      ...(await neighbourStalls(count, Math.min(65_536, count), say)),
    ]);
  }
  const stalls = runs[0].map((_, i) => stallOf(runs.map((run) => run[i])));
  return { mappings: count, limit: LIMIT, bytes, stalls, text: textOf(count, bytes, stalls) };
}

function textOf(count: number, bytes: number, stalls: readonly Stall[]): string {
  const rows = stalls.map((x) => [
    `${x.table} (${x.entries}): ${x.operation}`,
    String(x.turns),
    (x.mean * 1000).toFixed(1),
    x.longest.toFixed(3),
    x.longest > LIMIT ? "over" : "",
    x.once.toFixed(1),
    x.collector.toFixed(1),
  ]);
  const head = ["", "turns", "mean µs", "longest ms", `limit ${LIMIT} ms`, "once ms", "collector ms"];
  return (
    `\nLongest stall of the forwarding thread; a map-cache of ${count} mappings takes ${(bytes / 2 ** 20).toFixed(0)} MiB\n` +
    `${table([head, ...rows])}` +
    `longest: what came at the same place in each of ${RUNS} runs; once: in any. Of what is above the limit processor time counts; V8's collector does not\n`
  );
}
