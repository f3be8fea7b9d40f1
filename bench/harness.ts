// The throughput harness: contestants run in turns, so that what disturbs the machine disturbs them alike.

import { type Spread, spreadOf } from "../src/cli/measure.js";

/** Something that processes packets. */
export interface Contestant {
  readonly name: string;
  /** Processes `packets` packets; returns the nanoseconds of processor time that it took. */
  run(packets: number): number | Promise<number>;
}

/**
 * Nanoseconds of processor time that this process has had, to the microsecond. On a quiet machine that is the time
 * that passes; on a busy one it leaves out when others ran (but not what they did to the caches).
 */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

export interface HarnessOptions {
  readonly runs: number;
  /** Time that one run of one contestant should take, milliseconds. */
  readonly runMs: number;
  /** Told of what is being done. */
  readonly progress?: (text: string) => void;
}

/** One contestant's result. */
export interface Measured {
  readonly name: string;
  /** Packets a run. */
  readonly packets: number;
  /** Nanoseconds a packet, run by run, in the order of the rounds. */
  readonly samples: readonly number[];
  readonly nsPerPacket: Spread;
  readonly mpps: Spread;
}

/** Packets are processed in multiples of this, so that every batch size divides a run. */
const UNIT = 4096;

/** Runs `contestant` until its time a packet is steady or it had three times the time of a run; returns packets for `runMs`. */
async function warmUp(contestant: Contestant, runMs: number): Promise<number> {
  let packets = UNIT;
  let spent = 0;
  for (;;) {
    const ns = await contestant.run(packets);
    spent += ns;
    const wanted = (packets * runMs * 1e6) / Math.max(ns, 1);
    if (spent > 3e6 * runMs) return Math.max(UNIT, Math.round(wanted / UNIT) * UNIT);
    packets = Math.max(UNIT, Math.min(packets * 4, Math.round(wanted / UNIT) * UNIT));
  }
}

/** Measures all contestants: each is warmed up, then round by round each runs once, every other round in reverse. */
export async function measure(
  contestants: readonly Contestant[],
  options: HarnessOptions,
): Promise<Measured[]> {
  const packets: number[] = [];
  for (const c of contestants) {
    options.progress?.(`warming up: ${c.name}`);
    packets.push(await warmUp(c, options.runMs));
  }
  const samples = contestants.map((): number[] => []);
  for (let round = 0; round < options.runs; round++) {
    for (let k = 0; k < contestants.length; k++) {
      const i = round % 2 === 0 ? k : contestants.length - 1 - k;
      options.progress?.(`run ${round + 1} of ${options.runs}: ${contestants[i].name}`);
      samples[i].push((await contestants[i].run(packets[i])) / packets[i]);
    }
  }
  return contestants.map((c, i) => ({
    name: c.name,
    packets: packets[i],
    samples: samples[i],
    nsPerPacket: spreadOf(samples[i]),
    mpps: spreadOf(samples[i].map((ns) => 1000 / ns)),
  }));
}

/** How much longer `a` takes than `b`: the ratios of their runs in the same rounds. */
export function ratio(a: Measured, b: Measured): Spread {
  return spreadOf(a.samples.map((ns, round) => ns / b.samples[round]));
}
