// Echo requests of a kernel's host, each of which is to be answered.
//
// Once anything was answered, ping leaves twice the longest time that an answer took (or one interval) after it has sent
// the last of its requests, whatever -W says: what a busy machine answers later would count as lost. With -w it stays
// until as many are answered as -c says. Meanwhile it may send more of them, which do not count here.

import * as assert from "uvu/assert";
import { ended, type Network } from "./namespaces.js";

/** Seconds in which the last one is answered. */
const PATIENCE = 40;

export interface PingOptions {
  /** Seconds between two of them. */
  readonly interval?: number;
  /** Bytes of each one's data. */
  readonly size?: number;
  /** Further words for ping. */
  readonly words?: readonly string[];
}

function wordsOf(to: string, count: number, options: PingOptions): string[] {
  const { interval = 0.2, size = 56, words = [] } = options;
  const seconds = Math.ceil(count * interval) + PATIENCE;
  return [
    "-c",
    String(count),
    "-i",
    String(interval),
    "-s",
    String(size),
    "-w",
    String(seconds),
    ...words,
    to,
  ];
}

function check(out: string, count: number): void {
  const answered = new Set([...out.matchAll(/ bytes from .*icmp_seq=(\d+)/g)].map((m) => Number(m[1])));
  const missing = Array.from({ length: count }, (_, i) => i + 1).filter((n) => !answered.has(n));
  assert.equal(missing, [], `not answered of ${count}:\n${out}`);
}

/** Sends `count` echo requests from namespace `from`; fails unless all are answered. Returns what ping printed. */
export function ping(
  network: Network,
  from: string,
  to: string,
  count: number,
  options: PingOptions = {},
): string {
  const out = network.run(from, "ping", ...wordsOf(to, count, options));
  check(out, count);
  return out;
}

/** The same, while other things happen. */
export async function pingMeanwhile(
  network: Network,
  from: string,
  to: string,
  count: number,
): Promise<void> {
  const { out, err } = await ended(network.start(from, "ping", wordsOf(to, count, {})));
  check(out + err, count);
}
