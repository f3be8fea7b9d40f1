// Map-Registers whose Map-Notify waits for the disk: how many a second, beside the bare store and the disk alone.

import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Spread, spreadOf } from "../src/cli/measure.js";
import { quantile } from "../src/lab/statistics.js";
import { entryKey, nonceKey, revisionKey } from "../src/lisp/database/records.js";
import { BATCH_MAX } from "../src/packet/batch.js";
import { SeededRandom } from "../src/router/random.js";
import type { Store, StoreOperation } from "../src/router/store.js";
import { openLmdbStore } from "../src/store/lmdb-store.js";
import type { MapServerRouter } from "./map-server-router.js";
import { type Family, packet, prefix, register } from "./map-server-traffic.js";

/** Map-Registers that are on their way at one time. */
const AT_ONCE = [1, 64, 1024];
const PAGE = new Uint8Array(4096);

export interface GroupResult {
  readonly family: Family;
  readonly atOnce: number;
  readonly perSecond: Spread;
  /** Of the same keys and as large values, written in batches of as many: a second. */
  readonly store: Spread;
  /** Writes of a page and fdatasync: a second. */
  readonly syncs: Spread;
  /** Of the bare store's rate, run by run. */
  readonly ratio: number;
  /** Microseconds from the Map-Register to its Map-Notify. */
  readonly latency: { readonly p50: number; readonly p99: number };
}

interface StoreOptions {
  readonly runs: number;
  /** Seconds that a run takes. */
  readonly seconds: number;
  readonly progress?: (text: string) => void;
}

export async function durableRegistrations(
  ms: MapServerRouter,
  folder: string,
  count: number,
  options: StoreOptions,
): Promise<GroupResult[]> {
  const bare = await openLmdbStore(join(folder, "bare"));
  await fillBare(bare, count);
  const results: GroupResult[] = [];
  for (const family of [4, 6] as const)
    for (const atOnce of AT_ONCE) {
      const runs: { own: number; store: number; syncs: number }[] = [];
      const times: number[] = [];
      for (let run = 0; run < options.runs; run++) {
        options.progress?.(`IPv${family}, ${atOnce} at once, run ${run + 1} of ${options.runs}`);
        const own = await registrations(ms, family, count, atOnce, options.seconds, times);
        const store = await bareRate(bare, family, count, atOnce, options.seconds);
        runs.push({ own, store, syncs: syncRate(join(folder, "page"), options.seconds / 2) });
      }
      times.sort((a, b) => a - b);
      results.push({
        family,
        atOnce,
        perSecond: spreadOf(runs.map((r) => r.own)),
        store: spreadOf(runs.map((r) => r.store)),
        syncs: spreadOf(runs.map((r) => r.syncs)),
        ratio: spreadOf(runs.map((r) => r.own / r.store)).median,
        latency: { p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
      });
    }
  await bare.close();
  return results;
}

/**
 * Keeps `atOnce` Map-Registers on their way for some seconds; returns how many were acknowledged a second. Signing
 * them is not in the time: they are made in groups, all answered before the next ones are made.
 */
async function registrations(
  ms: MapServerRouter,
  family: Family,
  count: number,
  atOnce: number,
  seconds: number,
  times: number[],
): Promise<number> {
  const random = new SeededRandom(family * atOnce);
  const sent = new Map<number, number>();
  let answered = 0;
  ms.answers.told = (nonce) => {
    const at = sent.get(nonce);
    if (at === undefined) return;
    sent.delete(nonce);
    times.push((performance.now() - at) * 1000);
    answered++;
  };
  let spent = 0;
  while (spent < seconds * 1000) {
    const made = Array.from({ length: Math.max(100, 4 * atOnce) }, () => {
      const nonce = ms.nonce();
      return { nonce, bytes: packet(register(family, random.below(count), 1, nonce)) };
    });
    const packets = made.map((m) => m.bytes);
    const start = performance.now();
    for (let next = 0; next < made.length || sent.size > 0; ) {
      const from = next;
      for (; next < made.length && sent.size < atOnce && next - from < BATCH_MAX; next++)
        sent.set(Number(made[next].nonce & 0xffffffffn), performance.now());
      ms.push(packets, from, next);
      // As packets come in: some with each turn of the event loop, the next ones while those are being written.
      await new Promise((later) => setImmediate(later));
    }
    spent += performance.now() - start;
  }
  ms.answers.told = null;
  return (answered * 1000) / spent;
}

/** Keys and values as a Map-Register leaves them in the store; of the values only their size. */
function operations(family: Family, n: number): StoreOperation[] {
  const name = `all/1.2/${"0".repeat(49)}`;
  return [
    { key: entryKey({ iid: 0, eid: prefix(family, n) }), value: new Uint8Array(100) },
    { key: nonceKey(name), value: new Uint8Array(12) },
    { key: revisionKey(), value: new Uint8Array(12) },
  ];
}

async function fillBare(bare: Store, count: number): Promise<void> {
  for (const family of [4, 6] as const)
    for (let n = 0; n < count; n += 10_000) {
      const size = Math.min(10_000, count - n);
      await bare.commit(Array.from({ length: size }, (_, i) => operations(family, n + i)[0]));
    }
}

async function bareRate(
  bare: Store,
  family: Family,
  count: number,
  group: number,
  seconds: number,
): Promise<number> {
  const random = new SeededRandom(group);
  let done = 0;
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    const keys = new Map<string, StoreOperation>();
    for (let i = 0; i < group; i++)
      for (const operation of operations(family, random.below(count)))
        keys.set(Buffer.from(operation.key).toString("latin1"), operation);
    await bare.commit([...keys.values()]);
    done += group;
  }
  return (done * 1000) / (performance.now() - start);
}

function syncRate(file: string, seconds: number): number {
  const fd = openSync(file, "w");
  let done = 0;
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    writeSync(fd, PAGE, 0, PAGE.length, 0);
    fdatasyncSync(fd);
    done++;
  }
  const rate = (done * 1000) / (performance.now() - start);
  closeSync(fd);
  return rate;
}
