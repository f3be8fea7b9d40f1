// What tests of elements share: a router under a simulated clock, its messages collected.

import { Router, type RouterOptions, SimulatedClock } from "../../src/index.js";

export interface Bench {
  readonly router: Awaited<ReturnType<typeof Router.fromText>>;
  readonly clock: SimulatedClock;
  /** What Print and the like said, in order. */
  readonly lines: string[];
}

/** A router of configuration `text`. Whoever makes one closes it. */
export async function bench(text: string, options: RouterOptions = {}): Promise<Bench> {
  const lines: string[] = [];
  const clock = new SimulatedClock();
  const router = await Router.fromText(text, { clock, log: (line) => lines.push(line), ...options });
  return { router, clock, lines };
}

/** Runs `text` for `seconds` of simulated time, lets `look` look, and sees to it that no packet is left behind. */
export async function run<T>(text: string, seconds: number, look: (b: Bench) => T | Promise<T>): Promise<T> {
  const made = await bench(text);
  const { router } = made;
  let result: T;
  try {
    router.runFor(seconds);
    result = await look(made);
  } finally {
    router.close();
  }
  if (router.memory.slotsUsed !== 0) throw new Error(`${router.memory.slotsUsed} packets were lost track of`);
  return result;
}

/** What is wrong with configuration `text`, line by line without landmarks; empty when nothing is. */
export async function complaints(text: string): Promise<string[]> {
  try {
    (await bench(text)).router.close();
    return [];
  } catch (e) {
    return (e as Error).message.split("\n").map((line) => line.replace(/^[^ ]*:\d+: /, ""));
  }
}
